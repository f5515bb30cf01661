"""The public holidays of a site in one year, and which of them are closed, free to close, or have somebody booked."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal

from sqlalchemy import select
from sqlalchemy.orm import Session

from planner.domain.access import Permission, Principal, require
from planner.domain.errors import FieldError, NotFound
from planner.domain.walltime import day_span
from planner.services.public_holidays import holidays_of
from planner.store.queries.clinic import closures
from planner.store.queries.cover import booked_by_day
from planner.store.records import Site


@dataclass(frozen=True, slots=True)
class HolidayRow:
    """One public holiday. `booked` is how many appointments the site has that day.

    Busy days are closed one by one; a day that is over or further ahead than the clinic plans is `out`.
    """

    day: date
    name: str
    state: Literal["open", "busy", "closed", "out"]
    booked: int


@dataclass(frozen=True, slots=True)
class HolidayYear:
    """A site's public holidays of a year. `country` is empty where none was chosen; `version` is the site's."""

    country: str
    region: str
    version: int
    rows: tuple[HolidayRow, ...]


def holiday_year(db: Session, principal: Principal, site_id: int, year: int, *, today: date, last: date) -> HolidayYear:
    """The holidays of a year at one of the principal's sites; none for a place that is no longer known. Three queries.

    `today` is the site's, `last` the last day the clinic plans. Raises NotFound.
    """
    require(principal, Permission.ROSTERS_WRITE)
    if site_id not in principal.site_ids:
        raise NotFound
    row = db.execute(
        select(Site.holiday_country, Site.holiday_region, Site.version, Site.zone).where(Site.id == site_id)
    ).one()
    try:
        known = holidays_of(row.holiday_country, row.holiday_region, year) if row.holiday_country else ()
    except FieldError:
        known = ()
    first, end = date(year, 1, 1), date(year, 12, 31)
    closed = closures(db, site_id, first, end)
    booked = booked_by_day(db, site_id, day_span(first, row.zone)[0], day_span(end, row.zone)[1], row.zone)

    def state(day: date) -> Literal["open", "busy", "closed", "out"]:
        if day in closed:
            return "closed"
        if not today <= day <= last:
            return "out"
        return "busy" if booked[day] else "open"

    rows = tuple(HolidayRow(found.day, found.name, state(found.day), booked[found.day]) for found in known)
    return HolidayYear(row.holiday_country, row.holiday_region, row.version, rows)
