"""Loading what a week's warnings are computed from."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy.orm import Session

from planner.domain.rosters import RosterShift
from planner.scheduling.roster_warnings import RosterWarning
from planner.store.records import Site


def warnings_of(
    db: Session, site: Site, monday: date, shifts: tuple[RosterShift, ...], now: datetime
) -> tuple[RosterWarning, ...]:
    """The warnings of a week."""
    return ()
