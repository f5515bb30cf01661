"""One day as each role sees it, and what a coordinator has to see to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from sqlalchemy import ColumnElement, Text, cast, func, select
from sqlalchemy.orm import Session

from planner.domain.access import Principal
from planner.domain.protocols import Protocol
from planner.domain.statuses import COUNTING, HOLDING, AppointmentKind, AppointmentStatus, CourseStatus
from planner.domain.walltime import day_span, local_day
from planner.scheduling.links import link_of, needs_session
from planner.store.queries.appointments import AppointmentRow, appointment_rows
from planner.store.queries.scopes import visible_appointments
from planner.store.records import Appointment, Chair, Course, OverrideRule, ProtocolVersion, RuleOverride, Site
from planner.store.sheets.requests import protocol_of_text

#: How far back a dose without a session, or a session out of its window, is still worth somebody's time.
LOOK_BACK = timedelta(days=14)


def _on(day: date, zone: str) -> tuple[ColumnElement[bool], ...]:
    start, end = day_span(day, zone)
    return Appointment.starts_at < end, Appointment.ends_at > start


def therapist_day(db: Session, principal: Principal, day: date, zone: str) -> list[AppointmentRow]:
    """The signed-in therapist's own sessions on a local day of `zone`, cancelled ones included. One query."""
    if principal.person_id is None:
        return []
    return appointment_rows(
        db,
        visible_appointments(principal),
        Appointment.therapist_id == principal.person_id,
        *_on(day, zone),
    )


def site_day(db: Session, principal: Principal, site_id: int, day: date, zone: str) -> list[AppointmentRow]:
    """Everything at a site on a local day of `zone` that `principal` may see. One query."""
    return appointment_rows(db, visible_appointments(principal), Appointment.site_id == site_id, *_on(day, zone))


class Shown(StrEnum):
    """Which appointments somebody's day is made of."""

    ALL = "all"
    IN_CHAIRS = "in chairs"
    OWN = "own"


def next_day_booked(db: Session, principal: Principal, day: date, zone: str, shown: Shown) -> date | None:
    """The first local day of `zone` after `day` with an appointment that is booked and `shown`. One query."""
    seen = visible_appointments(principal).with_only_columns(func.min(Appointment.starts_at))
    _, day_ends_at = day_span(day, zone)
    booked = seen.where(Appointment.starts_at >= day_ends_at, Appointment.status == AppointmentStatus.BOOKED)
    if shown is Shown.IN_CHAIRS:
        booked = booked.where(Appointment.chair_id.is_not(None))
    elif shown is Shown.OWN:
        booked = booked.where(Appointment.therapist_id == principal.person_id)
    starts_at = db.scalar(booked)
    return None if starts_at is None else local_day(starts_at, zone)


@dataclass(frozen=True, slots=True)
class ChairDay:
    """One chair and who sits in it through the day, in order of time; `site_name` tells chairs of two sites apart."""

    chair_id: int
    chair_name: str
    site_id: int
    site_name: str
    appointments: tuple[AppointmentRow, ...]


def chairs_day(db: Session, principal: Principal, day: date, zone: str) -> list[ChairDay]:
    """The chairs of the principal's sites on a local day of `zone`, free ones included. Two queries."""
    chairs = db.execute(
        select(Chair.id, Chair.name, Chair.site_id, Site.name)
        .join(Site, Site.id == Chair.site_id)
        .where(Chair.site_id.in_(principal.site_ids), Chair.active)
        .order_by(Site.name, Chair.name, Chair.id)
    ).all()
    taken = appointment_rows(
        db,
        visible_appointments(principal),
        Appointment.chair_id.is_not(None),
        Appointment.status.in_(HOLDING),
        *_on(day, zone),
    )
    return [ChairDay(*chair, appointments=tuple(row for row in taken if row.chair_id == chair[0])) for chair in chairs]


class ToDoKind(StrEnum):
    """Why an appointment needs a person.

    NO_SESSION: a dose that no integration session serves. DISPLACED: a session that serves no dose that counts.
    OUTSIDE_WINDOW: a session outside its dose's window without a reason on record.
    """

    NO_SESSION = "no-session"
    DISPLACED = "displaced"
    OUTSIDE_WINDOW = "outside-window"


@dataclass(frozen=True, slots=True)
class ToDo:
    """One appointment that needs a person, and why."""

    kind: ToDoKind
    appointment: AppointmentRow


def to_do(db: Session, principal: Principal, now: datetime) -> list[ToDo]:
    """What a coordinator has to see to in running courses, in order of time. Three queries."""
    linked = (AppointmentKind.INFUSION, AppointmentKind.INTEGRATION)
    running = select(Course.id).where(Course.status == CourseStatus.ACTIVE)
    rows = appointment_rows(
        db,
        visible_appointments(principal),
        Appointment.kind.in_(linked),
        Appointment.status.in_(COUNTING),
        Appointment.course_id.in_(running),
        # A session looked at here may serve a dose a fortnight older than itself.
        Appointment.ends_at > now - 2 * LOOK_BACK,
    )
    protocols = _protocols(db, {row.course_id for row in rows if row.course_id is not None})
    excused = _excused(db, [row.id for row in rows])
    doses = {row.id: row for row in rows if row.kind is AppointmentKind.INFUSION}
    served = {row.serves_id for row in rows if row.kind is AppointmentKind.INTEGRATION}
    found = []
    for row in rows:
        if row.ends_at <= now - LOOK_BACK or row.course_id is None:
            continue
        protocol = protocols[row.course_id]
        if row.kind is AppointmentKind.INFUSION:
            if _lacks_session(row, protocol, served) and (row.id, OverrideRule.NO_SESSION) not in excused:
                found.append(ToDo(ToDoKind.NO_SESSION, row))
        elif row.serves_id not in doses:
            found.append(ToDo(ToDoKind.DISPLACED, row))
        elif _is_outside(row, doses[row.serves_id], protocol) and (
            (row.id, OverrideRule.OUTSIDE_WINDOW) not in excused
        ):
            found.append(ToDo(ToDoKind.OUTSIDE_WINDOW, row))
    return found


def _lacks_session(dose: AppointmentRow, protocol: Protocol, served: set[int | None]) -> bool:
    return dose.phase != "maintenance" and dose.id not in served and needs_session(protocol, dose.number)


def _is_outside(session: AppointmentRow, dose: AppointmentRow, protocol: Protocol) -> bool:
    link = link_of(protocol)
    if link is None or session.status is AppointmentStatus.FULFILLED:
        return False
    planned = dose.starts_at + timedelta(minutes=link.anchor)
    anchor = planned
    if dose.dose_ended_at is not None:
        # What follows the dose (check-out) is as late as the dose itself was.
        anchor += dose.dose_ended_at - (dose.starts_at + timedelta(minutes=protocol.visit.dose_ends_min))
    offset = (session.starts_at - anchor) // timedelta(minutes=1)
    return not link.fits(offset, None)


def _protocols(db: Session, course_ids: set[int]) -> dict[int, Protocol]:
    query = (
        select(Course.id, cast(ProtocolVersion.document, Text))
        .join(ProtocolVersion, ProtocolVersion.id == Course.protocol_version_id)
        .where(Course.id.in_(course_ids))
    )
    return {course_id: protocol_of_text(text) for course_id, text in db.execute(query)}


def _excused(db: Session, appointment_ids: list[int]) -> set[tuple[int, OverrideRule]]:
    query = select(RuleOverride.appointment_id, RuleOverride.rule).where(
        RuleOverride.appointment_id.in_(appointment_ids)
    )
    return {(row[0], row[1]) for row in db.execute(query)}
