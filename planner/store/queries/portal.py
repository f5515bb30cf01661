"""What a patient's own pages read besides the appointments themselves."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from planner.domain.access import Principal
from planner.domain.protocols import Protocol
from planner.domain.walltime import local_day, resolve_wall_leniently
from planner.store.queries.appointments import AppointmentRow, appointment_rows
from planner.store.queries.scopes import visible_appointments
from planner.store.records import (
    Appointment,
    ChangeLine,
    ChangeSet,
    Clinic,
    Closure,
    Course,
    OpeningHours,
    Patient,
)
from planner.store.sheets.requests import protocol_of_version


@dataclass(frozen=True, slots=True)
class Help:
    """What the clinic tells people who do not feel safe, and what it is called."""

    clinic_name: str
    text: str
    zone: str


def clinic_help(db: Session) -> Help:
    """The clinic's help text and the zone its pages use. One query."""
    row = db.execute(select(Clinic.name, Clinic.help_text, Clinic.zone)).one_or_none()
    return Help("Planner", "", "UTC") if row is None else Help(row.name, row.help_text, row.zone)


def escort_of(db: Session, patient_id: int) -> str:
    """Who takes the patient home, in the clinic's words; empty while nobody is named."""
    return db.scalar(select(Patient.escort).where(Patient.id == patient_id)) or ""


def protocol_of_course(db: Session, course_id: int) -> Protocol:
    """The protocol version a course runs on. Two queries. Raises NotFound."""
    version_id = db.scalar(select(Course.protocol_version_id).where(Course.id == course_id))
    return protocol_of_version(db, version_id or 0)


def open_spans(
    db: Session, site_id: int, zone: str, starts_at: datetime, ends_at: datetime
) -> dict[date, list[tuple[datetime, datetime]]]:
    """When a site is open on each local day between two instants, in order; closed days are left out. Two queries."""
    first, last = local_day(starts_at, zone), local_day(ends_at, zone)
    closed = set(
        db.scalars(select(Closure.day).where(Closure.site_id == site_id, Closure.day >= first, Closure.day <= last))
    )
    weekly: dict[int, list[tuple[int, int]]] = defaultdict(list)
    hours = (
        select(OpeningHours.weekday, OpeningHours.opens_minute, OpeningHours.closes_minute)
        .where(OpeningHours.site_id == site_id)
        .order_by(OpeningHours.opens_minute)
    )
    for weekday, opens, closes in db.execute(hours):
        weekly[weekday].append((opens, closes))
    days = (first + timedelta(days=n) for n in range((last - first).days + 1))
    return {
        day: [(_at(day, opens, zone), _at(day, closes, zone)) for opens, closes in weekly[day.weekday()]]
        for day in days
        if day not in closed and weekly[day.weekday()]
    }


def _at(day: date, minute: int, zone: str) -> datetime:
    midnight = datetime(day.year, day.month, day.day)  # noqa: DTZ001  wall time
    return resolve_wall_leniently(midnight + timedelta(minutes=minute), zone)


def changed_together(db: Session, principal: Principal, change_set_id: int) -> list[AppointmentRow]:
    """The principal's own appointments that one change gave another time, as they are now. One query."""
    touched = (
        select(ChangeLine.record_id)
        .join(ChangeSet, ChangeSet.id == ChangeLine.change_set_id)
        .where(ChangeSet.id == change_set_id, ChangeSet.undone_at.is_(None), ChangeLine.record == "appointment")
    )
    lines = {
        line.record_id
        for line in db.scalars(select(ChangeLine).where(ChangeLine.change_set_id == change_set_id))
        if line.record == "appointment"
        and line.before is not None
        and line.after is not None
        and line.before["starts_at"] != line.after["starts_at"]
    }
    return appointment_rows(db, visible_appointments(principal), Appointment.id.in_(touched), Appointment.id.in_(lines))
