"""Whether the times recorded of a dose can be true."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from planner.domain.errors import FieldError
from planner.domain.walltime import day_and_year, to_wall
from planner.store.queries.appointments import AppointmentRow
from planner.store.queries.history import arrived_at


def check_dose_start(db: Session, row: AppointmentRow, began: datetime, now: datetime) -> None:
    """Raise FieldError (`dose_start`) for a dose that began after `now`, or before the patient was here.

    The patient is here from check-in on, or from when they were marked as arrived if that is earlier. A later mark
    says nothing: “Arrived” may be pressed late, and what happened before must still be recorded as it was.
    """
    if began > now:
        raise FieldError("dose_start", "That is in the future. Record a dose when it has been given.")
    arrived = arrived_at(db, row.id)
    if arrived is not None and arrived < row.starts_at:
        if began < arrived.replace(second=0, microsecond=0):
            when = _told(arrived, row.zone)
            raise FieldError("dose_start", f"The patient arrived on {when}. Enter a day and time from then on.")
    elif began < row.starts_at:
        when = _told(row.starts_at, row.zone)
        raise FieldError("dose_start", f"Check-in was on {when}. Enter a day and time from then on.")


def _told(instant: datetime, zone: str) -> str:
    wall = to_wall(instant, zone)
    return f"{day_and_year(wall)} at {wall:%H:%M}"
