"""A site's published week: reading it as plain shifts, and making the shifts on record be what a version says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import ColumnElement, delete, func, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from planner.domain.access import Permission, Principal, require
from planner.domain.conflicts import Conflict, Rule
from planner.domain.errors import FieldError, NotFound, Refused
from planner.domain.rosters import (
    DAYS_A_WEEK,
    RosterShift,
    ShiftInstants,
    in_order,
    instants_of,
    shift_at,
    weeks_span,
)
from planner.domain.walltime import local_day
from planner.services.roster_overlaps import WORKS_THEN, refuse_overlaps
from planner.store.integrity import is_shift_overlap
from planner.store.records import Person, PersonSite, RosterPublication, Shift, Site

WEEK_OVER = "That week is over; its roster stays as it was."
#: The longest shift on the clock; what begins earlier is over.
REACH = timedelta(days=2)
#: Shifts written in one statement.
BATCH = 500


@dataclass(frozen=True, slots=True)
class Published:
    """One shift on record and what it says on the site's clock."""

    id: int
    shift: RosterShift


def roster_site(db: Session, principal: Principal, site_id: int) -> Site:
    """A site whose roster the principal keeps. Raises NotPermitted and NotFound."""
    require(principal, Permission.ROSTERS_WRITE)
    site = db.get(Site, site_id) if site_id in principal.site_ids else None
    if site is None or not site.active:
        raise NotFound
    return site


def refuse_past_week(monday: date, site: Site, now: datetime) -> None:
    """Raise FieldError at `week` for a week that is over at the site."""
    if (local_day(now, site.zone) - monday).days >= DAYS_A_WEEK:
        raise FieldError("week", WEEK_OVER)


def published_rows(db: Session, site_id: int, zone: str, monday: date, weeks: int = 1) -> tuple[Published, ...]:
    """The shifts that a site's roster keeps in a week, or in some in a row, by day and time. One query."""
    starts, ends = weeks_span(monday, weeks, zone)
    return _rows(db, site_id, zone, Shift.starts_at >= starts, Shift.starts_at < ends)


def beside_weeks(db: Session, site: Site, monday: date, weeks: int = 1) -> tuple[RosterShift, ...]:
    """What a roster keeps just before and just after a week, or some in a row: as far as a shift reaches. One query."""
    starts, ends = weeks_span(monday, weeks, site.zone)
    rows = _rows(
        db,
        site.id,
        site.zone,
        Shift.starts_at >= starts - REACH,
        Shift.starts_at < ends + REACH,
        or_(Shift.starts_at < starts, Shift.starts_at >= ends),
    )
    return tuple(row.shift for row in rows)


def _rows(db: Session, site_id: int, zone: str, *conditions: ColumnElement[bool]) -> tuple[Published, ...]:
    query = select(
        Shift.id,
        Shift.person_id,
        Shift.site_id,
        Shift.on_call,
        Shift.starts_at,
        Shift.ends_at,
        Shift.break_starts_at,
        Shift.break_ends_at,
    ).where(Shift.roster_site_id == site_id, *conditions)
    found = [
        Published(
            row.id,
            shift_at(row.person_id, ShiftInstants(*row[4:]), zone, is_remote=row.site_id is None, on_call=row.on_call),
        )
        for row in db.execute(query)
    ]
    return tuple(sorted(found, key=lambda row: (row.shift.order, row.id)))


def published_week(db: Session, site_id: int, zone: str, monday: date) -> tuple[RosterShift, ...]:
    """What `published_rows` say. One query."""
    return tuple(row.shift for row in published_rows(db, site_id, zone, monday))


def newest_number(db: Session, site_id: int, monday: date) -> int:
    """The number of the newest version of a week; 0 when it was never published here. One query."""
    query = select(func.max(RosterPublication.number)).where(
        RosterPublication.site_id == site_id, RosterPublication.monday == monday
    )
    return db.scalar(query) or 0


def lock_roster(db: Session, site_id: int) -> None:
    """Whoever else writes weeks of this roster waits until this transaction ends."""
    db.execute(select(Site.id).where(Site.id == site_id).with_for_update(key_share=True))


def write_week(db: Session, site: Site, monday: date, wanted: Iterable[RosterShift]) -> None:
    """Make a week's shifts be exactly `wanted`; rows that say the same already stay as they are.

    One at a time for a roster. Raises Refused where somebody has a shift at the same time in a week beside it.
    """
    lock_roster(db, site.id)
    missing = Counter(wanted)
    refuse_overlaps(db, missing, beside_weeks(db, site, monday), site.zone)
    too_many = []
    for row in published_rows(db, site.id, site.zone, monday):
        if missing[row.shift]:
            missing[row.shift] -= 1
        else:
            too_many.append(row.id)
    for first in range(0, len(too_many), BATCH):
        db.execute(delete(Shift).where(Shift.id.in_(too_many[first : first + BATCH])))
    try:
        with db.begin_nested():
            db.add_all(shift_row(site, shift) for shift in in_order(missing.elements()))
            db.flush()
    except IntegrityError as error:
        if not is_shift_overlap(error):
            raise
        # A file of shifts that was brought in at the same moment.
        raise Refused([Conflict(Rule.STATUS, WORKS_THEN)]) from error


def shift_row(site: Site, shift: RosterShift) -> Shift:
    """A new row for a shift of a site's roster. Raises NonexistentWallTime."""
    when = instants_of(shift, site.zone)
    has_break = when.break_starts_at is not None
    return Shift(
        person_id=shift.person_id,
        site_id=None if shift.is_remote else site.id,
        roster_site_id=site.id,
        day=shift.day,
        starts_minute=shift.starts_minute,
        ends_minute=shift.ends_minute,
        break_starts_minute=shift.break_starts_minute if has_break else None,
        break_ends_minute=shift.break_ends_minute if has_break else None,
        on_call=shift.on_call,
        zone=site.zone,
        starts_at=when.starts_at,
        ends_at=when.ends_at,
        break_starts_at=when.break_starts_at,
        break_ends_at=when.break_ends_at,
    )


def still_here(db: Session, site: Site, shifts: Iterable[RosterShift]) -> tuple[RosterShift, ...]:
    """Those of an older roster whose people still work at the site: nobody who left is put on again. One query."""
    here = select(PersonSite.person_id).join(Person, Person.id == PersonSite.person_id)
    people = set(db.scalars(here.where(PersonSite.site_id == site.id, Person.active)))
    return tuple(shift for shift in shifts if shift.person_id in people)


def same_week(one: Iterable[RosterShift], other: Iterable[RosterShift]) -> bool:
    """Whether two versions of a week say the same."""
    return Counter(one) == Counter(other)
