"""Who is away and who works now, which days are closed, and what is booked with people and places that are gone."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import Session

from planner.domain.access import Principal
from planner.domain.statuses import HOLDING, AppointmentStatus
from planner.domain.walltime import local_day
from planner.store.queries.appointments import AppointmentRow, appointment_rows
from planner.store.queries.rosters import AbsenceRow
from planner.store.queries.scopes import visible_appointments
from planner.store.records import Absence, Appointment, Chair, Closure, Person, PersonSite, Room, Shift


@dataclass(frozen=True, slots=True)
class ClosureRow:
    """One closed day of a site."""

    id: int
    day: date
    reason: str


@dataclass(frozen=True, slots=True)
class AtWork:
    """Somebody on shift now or later in a span (aware instants), and how many appointments they have left in it.

    A shift that runs over the span's end counts whole, and so does what is booked in it.
    """

    person_id: int
    name: str
    starts_at: datetime
    ends_at: datetime
    appointments: int


def absences_from(db: Session, site_id: int, now: datetime) -> list[AbsenceRow]:
    """Absences of a site's staff that are not over, the first to begin in front. One query."""
    here = select(PersonSite.person_id).where(PersonSite.site_id == site_id)
    query = (
        select(Absence.id, Absence.person_id, Person.name, Absence.starts_at, Absence.ends_at, Absence.reason)
        .join(Person, Person.id == Absence.person_id)
        .where(Absence.person_id.in_(here), Absence.ends_at > now)
        .order_by(Absence.starts_at, Person.name, Absence.id)
    )
    return [AbsenceRow(*row) for row in db.execute(query)]


def closures_of(db: Session, site_id: int, first_day: date, last_day: date) -> list[ClosureRow]:
    """Closed days of a site between two days, both included, in order. One query."""
    query = (
        select(Closure.id, Closure.day, Closure.reason)
        .where(Closure.site_id == site_id, Closure.day >= first_day, Closure.day <= last_day)
        .order_by(Closure.day)
    )
    return [ClosureRow(*row) for row in db.execute(query)]


def booked_by_day(db: Session, site_id: int, start: datetime, end: datetime, zone: str) -> Counter[date]:
    """How many appointments hold their time at a site, by local day, between two aware instants. One query."""
    query = select(Appointment.starts_at).where(
        Appointment.site_id == site_id,
        Appointment.starts_at >= start,
        Appointment.starts_at < end,
        Appointment.status.in_(HOLDING),
    )
    return Counter(local_day(starts_at, zone) for starts_at in db.scalars(query))


def at_work(db: Session, site_id: int, start: datetime, end: datetime) -> list[AtWork]:
    """Who is on a roster of the site between two aware instants and not away for all of it, by name. Three queries."""
    query = (
        select(Shift.person_id, Person.name, func.min(Shift.starts_at), func.max(Shift.ends_at))
        .join(Person, Person.id == Shift.person_id)
        .where(or_(Shift.site_id == site_id, Shift.site_id.is_(None) & (Shift.roster_site_id == site_id)))
        .where(Person.active, Shift.starts_at < end, Shift.ends_at > start)
        .group_by(Shift.person_id, Person.name)
        .order_by(Person.name, Shift.person_id)
    )
    rows = db.execute(query).all()
    ids: list[int] = [row[0] for row in rows]
    away: dict[int, list[tuple[datetime, datetime]]] = defaultdict(list)
    gone = select(Absence.person_id, Absence.starts_at, Absence.ends_at).where(
        Absence.person_id.in_(ids), Absence.starts_at < end, Absence.ends_at > start
    )
    for person_id, starts_at, ends_at in db.execute(gone):
        away[person_id].append((starts_at, ends_at))
    counted = _counts(db, start, {person_id: max(end, ends_at) for person_id, _, _, ends_at in rows})
    return [
        AtWork(person_id, name, starts_at, ends_at, counted[person_id])
        for person_id, name, starts_at, ends_at in rows
        if not any(a <= max(starts_at, start) and min(ends_at, end) <= b for a, b in away[person_id])
    ]


def _counts(db: Session, start: datetime, until: dict[int, datetime]) -> Counter[int]:
    """Appointments of each person from `start` to when they are followed."""
    query = select(Appointment.therapist_id, Appointment.nurse_id, Appointment.starts_at).where(
        or_(Appointment.therapist_id.in_(tuple(until)), Appointment.nurse_id.in_(tuple(until))),
        Appointment.starts_at >= start,
        Appointment.starts_at < max(until.values(), default=start),
        Appointment.status.in_(HOLDING),
    )
    return Counter(
        person
        for therapist_id, nurse_id, starts_at in db.execute(query)
        for person in {therapist_id, nurse_id}
        if person in until and starts_at < until[person]
    )


def end_of_shift_over(db: Session, person_id: int, instant: datetime) -> datetime | None:
    """When a shift in the midst of which somebody is at an aware instant ends; None without one. One query."""
    query = select(func.max(Shift.ends_at)).where(
        Shift.person_id == person_id, Shift.starts_at < instant, Shift.ends_at > instant
    )
    return db.scalar(query)


@dataclass(frozen=True, slots=True)
class Orphan:
    """An appointment that counts on somebody or something that is gone; the names of those that are."""

    row: AppointmentRow
    people: tuple[tuple[int, str], ...]
    places: tuple[str, ...]


def to_reassign(db: Session, principal: Principal, site_id: int, now: datetime) -> list[Orphan]:
    """Coming appointments of a site with inactive people or places, oldest first. Four queries."""
    rows = appointment_rows(db, visible_appointments(principal), Appointment.site_id == site_id, *_gone(now))
    people = _inactive(db, Person, {i for row in rows for i in (row.therapist_id, row.nurse_id)})
    chairs = _inactive(db, Chair, {row.chair_id for row in rows})
    rooms = _inactive(db, Room, {row.room_id for row in rows})
    found = []
    for row in rows:
        named = {row.therapist_id: row.therapist_name, row.nurse_id: row.nurse_name}
        places = ((row.chair_id in chairs, row.chair_name), (row.room_id in rooms, row.room_name))
        found.append(
            Orphan(
                row,
                tuple((id_, name or "") for id_, name in named.items() if id_ is not None and id_ in people),
                tuple(name or "" for is_gone, name in places if is_gone),
            )
        )
    return found


def _inactive(db: Session, kind: type[Person] | type[Chair] | type[Room], ids: set[int | None]) -> set[int]:
    return set(db.scalars(select(kind.id).where(kind.id.in_(ids - {None}), ~kind.active)))


def reassign_counts(db: Session, principal: Principal, now: datetime) -> dict[int, int]:
    """How many appointments are to be reassigned, by site, as far as there are any. One query."""
    query = (
        visible_appointments(principal)
        .with_only_columns(Appointment.site_id, func.count())
        .where(*_gone(now))
        .group_by(Appointment.site_id)
        .order_by(Appointment.site_id)
    )
    return {row[0]: row[1] for row in db.execute(query)}


def _gone(now: datetime) -> tuple[ColumnElement[bool], ...]:
    """Conditions: still to come, and with somebody or something that is inactive."""
    people = select(Person.id).where(~Person.active)
    return (
        Appointment.starts_at > now,
        Appointment.status == AppointmentStatus.BOOKED,
        or_(
            Appointment.therapist_id.in_(people),
            Appointment.nurse_id.in_(people),
            Appointment.chair_id.in_(select(Chair.id).where(~Chair.active)),
            Appointment.room_id.in_(select(Room.id).where(~Room.active)),
        ),
    )
