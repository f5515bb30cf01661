"""Who works when, and who is away, as pages show it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from planner.domain.walltime import day_span
from planner.store.records import Absence, Person, PersonSite, Shift


@dataclass(frozen=True, slots=True)
class ShiftRow:
    """One shift; no site means telehealth. `roster_site_id` keeps it; `zone` is where its wall times are read."""

    id: int
    person_id: int
    person_name: str
    site_id: int | None
    roster_site_id: int
    day: date
    zone: str
    on_call: bool
    starts_at: datetime
    ends_at: datetime
    break_starts_at: datetime | None
    break_ends_at: datetime | None


@dataclass(frozen=True, slots=True)
class AbsenceRow:
    """One span in which a member of staff is away."""

    id: int
    person_id: int
    person_name: str
    starts_at: datetime
    ends_at: datetime
    reason: str


def shifts(
    db: Session, site_id: int, first_day: date, last_day: date, zone: str, *, elsewhere_only: bool = False
) -> list[ShiftRow]:
    """Shifts of a site's roster, and all of its staff anywhere, between two local days, both included. One query.

    `elsewhere_only` leaves out those of the site's own roster.
    """
    start, end = day_span(first_day, zone)[0], day_span(last_day, zone)[1]
    here = select(PersonSite.person_id).where(PersonSite.site_id == site_id)
    query = (
        select(
            Shift.id,
            Shift.person_id,
            Person.name,
            Shift.site_id,
            Shift.roster_site_id,
            Shift.day,
            Shift.zone,
            Shift.on_call,
            Shift.starts_at,
            Shift.ends_at,
            Shift.break_starts_at,
            Shift.break_ends_at,
        )
        .join(Person, Person.id == Shift.person_id)
        .where(Shift.starts_at < end, Shift.ends_at > start)
        .where(or_(Shift.roster_site_id == site_id, Shift.person_id.in_(here)))
        .order_by(Shift.starts_at, Person.name, Shift.id)
    )
    if elsewhere_only:
        query = query.where(Shift.roster_site_id != site_id)
    rows: list[tuple[Any, ...]] = [tuple(row) for row in db.execute(query)]
    return [ShiftRow(*row) for row in rows]


def absences(db: Session, site_id: int, first_day: date, last_day: date, zone: str) -> list[AbsenceRow]:
    """Absences of a site's staff that touch two local days or what lies between them. One query."""
    start, end = day_span(first_day, zone)[0], day_span(last_day, zone)[1]
    here = select(PersonSite.person_id).where(PersonSite.site_id == site_id)
    query = (
        select(Absence.id, Absence.person_id, Person.name, Absence.starts_at, Absence.ends_at, Absence.reason)
        .join(Person, Person.id == Absence.person_id)
        .where(Absence.person_id.in_(here), Absence.starts_at < end, Absence.ends_at > start)
        .order_by(Absence.starts_at, Person.name, Absence.id)
    )
    return [AbsenceRow(*row) for row in db.execute(query)]
