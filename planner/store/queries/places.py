"""Sites, chairs and rooms as the settings show them, those out of use included."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.orm import Session

from planner.domain.access import Principal
from planner.domain.errors import NotFound
from planner.domain.statuses import AppointmentKind, AppointmentStatus, Mode
from planner.domain.walltime import to_wall
from planner.store.queries.appointments import AppointmentRow, appointment_rows
from planner.store.queries.clinic import SITE_COLUMNS
from planner.store.queries.scopes import visible_appointments
from planner.store.records import Appointment, Chair, Clinic, Holdable, OpeningHours, Room, Site, SiteTravel

#: An appointment in one of these is somebody's time at some place, and not over.
STANDING: Final = (AppointmentStatus.BOOKED, AppointmentStatus.ARRIVED)
Hours = Mapping[int, tuple[tuple[int, int], ...]]
"""Opening spans in wall minutes from midnight, in order, by weekday (0 = Monday)."""


@dataclass(frozen=True, slots=True)
class SiteLine:
    """One site of the list, with how many chairs and rooms can be used there."""

    id: int
    name: str
    code: str
    zone: str
    active: bool
    chairs: int
    rooms: int


@dataclass(frozen=True, slots=True)
class SiteRecord:
    """One site as it is kept."""

    id: int
    name: str
    code: str
    alias: str
    address: str
    zone: str
    visit_grid_minutes: int
    therapy_grid_minutes: int
    active: bool
    version: int


@dataclass(frozen=True, slots=True)
class Thing:
    """One chair or room; `booked` is how many appointments there are not over."""

    id: int
    site_id: int
    name: str
    active: bool
    version: int
    turnover_minutes: int
    booked: int


@dataclass(frozen=True, slots=True)
class Way:
    """The way to another site, in minutes; None where nobody has said."""

    site_id: int
    name: str
    minutes: int | None


@dataclass(frozen=True, slots=True)
class Booked:
    """One appointment to come, without whose it is."""

    id: int
    kind: AppointmentKind
    starts_at: datetime
    ends_at: datetime


def the_clinic_record(db: Session) -> Clinic:
    """The clinic's settings. Raises NotFound before it is set up."""
    found = db.get(Clinic, 1)
    if found is None:
        raise NotFound
    return found


def site_lines(db: Session) -> list[SiteLine]:
    """Every site, those closed down last. One query."""
    chairs = select(func.count()).where(Chair.site_id == Site.id, Chair.active).correlate(Site).scalar_subquery()
    rooms = select(func.count()).where(Room.site_id == Site.id, Room.active).correlate(Site).scalar_subquery()
    query = select(Site.id, Site.name, Site.code, Site.zone, Site.active, chairs, rooms)
    return [SiteLine(*row) for row in db.execute(query.order_by(Site.active.desc(), Site.name))]


def site_record(db: Session, site_id: int) -> SiteRecord:
    """One site, closed down or not. Raises NotFound."""
    row = db.execute(select(*SITE_COLUMNS, Site.active, Site.version).where(Site.id == site_id)).one_or_none()
    if row is None:
        raise NotFound
    columns: tuple[Any, ...] = tuple(row)
    return SiteRecord(*columns)


def weekly_hours(db: Session, site_id: int) -> dict[int, tuple[tuple[int, int], ...]]:
    """When a site is open each week. One query."""
    found: defaultdict[int, list[tuple[int, int]]] = defaultdict(list)
    query = select(OpeningHours.weekday, OpeningHours.opens_minute, OpeningHours.closes_minute)
    for weekday, opens, closes in db.execute(query.where(OpeningHours.site_id == site_id)):
        found[weekday].append((opens, closes))
    return {weekday: tuple(sorted(spans)) for weekday, spans in sorted(found.items())}


def chairs_of(db: Session, site_id: int, now: datetime) -> list[Thing]:
    """The chairs of a site, those out of use last. One query."""
    return _things(db, Chair, now, Chair.site_id == site_id)


def rooms_of(db: Session, site_id: int, now: datetime) -> list[Thing]:
    """The rooms of a site, those out of use last. One query."""
    return _things(db, Room, now, Room.site_id == site_id)


def thing(db: Session, kind: str, thing_id: int, now: datetime) -> Thing:
    """One of the `chairs` or `rooms`. Raises NotFound."""
    if kind == "chairs":
        found = _things(db, Chair, now, Chair.id == thing_id)
    else:
        found = _things(db, Room, now, Room.id == thing_id)
    if not found:
        raise NotFound
    return found[0]


def booked_on(
    db: Session, principal: Principal, kind: str, thing_id: int, now: datetime, most: int
) -> list[AppointmentRow]:
    """The next appointments on one of the `chairs` or `rooms`, of those that `principal` may see. One query."""
    held = Appointment.chair_id if kind == "chairs" else Appointment.room_id
    return appointment_rows(
        db,
        visible_appointments(principal),
        held == thing_id,
        Appointment.status.in_(STANDING),
        Appointment.ends_at > now,
        limit=most,
    )


def _things(db: Session, kind: type[Chair] | type[Room], now: datetime, condition: ColumnElement[bool]) -> list[Thing]:
    held_by = Appointment.chair_id if kind is Chair else Appointment.room_id
    booked = (
        select(func.count())
        .where(held_by == kind.id, Appointment.status.in_(STANDING), Appointment.ends_at > now)
        .correlate(kind)
        .scalar_subquery()
    )
    query = (
        select(kind.id, kind.site_id, kind.name, kind.active, kind.version, Holdable.turnover_minutes, booked)
        .join(Holdable, Holdable.id == kind.holdable_id)
        .where(condition)
        .order_by(kind.active.desc(), kind.name, kind.id)
    )
    return [Thing(*row) for row in db.execute(query)]


def ways_from(db: Session, site_id: int) -> list[Way]:
    """How long it takes to each other site that is not closed down. One query."""
    either = or_(
        and_(SiteTravel.site_id == site_id, SiteTravel.other_site_id == Site.id),
        and_(SiteTravel.other_site_id == site_id, SiteTravel.site_id == Site.id),
    )
    query = (
        select(Site.id, Site.name, SiteTravel.minutes)
        .outerjoin(SiteTravel, either)
        .where(Site.id != site_id, Site.active)
        .order_by(Site.name)
    )
    return [Way(*row) for row in db.execute(query)]


def booked_in_person(db: Session, site_id: int, now: datetime) -> list[Booked]:
    """Appointments to come for which somebody has to be at the site, in order of time. One query."""
    query = (
        select(Appointment.id, Appointment.kind, Appointment.starts_at, Appointment.ends_at)
        .where(
            Appointment.site_id == site_id,
            Appointment.mode == Mode.IN_PERSON,
            Appointment.status.in_(STANDING),
            Appointment.starts_at > now,
        )
        .order_by(Appointment.starts_at, Appointment.id)
    )
    return [Booked(*row) for row in db.execute(query)]


def is_inside(row: Booked, hours: Hours, zone: str) -> bool:
    """Whether the site is open for all of an appointment, on the clocks of `zone`."""
    start, end = to_wall(row.starts_at, zone), to_wall(row.ends_at, zone)
    first = start.hour * 60 + start.minute
    midnight = start.replace(hour=0, minute=0, second=0, microsecond=0)
    last = (end.replace(tzinfo=None) - midnight.replace(tzinfo=None)) / timedelta(minutes=1)
    return any(opens <= first and last <= closes for opens, closes in hours.get(start.weekday(), ()))
