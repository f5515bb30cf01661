"""Appointments as pages show them: one flat row each, names included, in one query."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select
from sqlalchemy.orm import Session, aliased

from planner.domain.access import Permission, Principal
from planner.domain.errors import NotFound
from planner.domain.statuses import AppointmentKind, AppointmentStatus, Mode
from planner.store.queries.scopes import visible_appointments
from planner.store.records import Appointment, Chair, Encounter, Patient, Person, Room, Site


@dataclass(frozen=True, slots=True)
class AppointmentRow:
    """One appointment with the names around it. `zone` is its site's; `dose_ended_at` what really happened."""

    id: int
    uid: str
    course_id: int | None
    patient_id: int
    patient_code: str
    patient_name: str
    kind: AppointmentKind
    phase: str
    number: int
    serves_id: int | None
    serves_number: int | None
    site_id: int
    site_name: str
    site_alias: str
    site_address: str
    zone: str
    mode: Mode
    therapist_id: int | None
    therapist_name: str | None
    nurse_id: int | None
    nurse_name: str | None
    chair_id: int | None
    chair_name: str | None
    room_id: int | None
    room_name: str | None
    starts_at: datetime
    ends_at: datetime
    status: AppointmentStatus
    reason: str
    pinned: bool
    version: int
    sequence: int
    changed_at: datetime
    dose_started_at: datetime | None
    dose_ended_at: datetime | None
    encounter_version: int | None


_Therapist, _Nurse = aliased(Person, name="therapist"), aliased(Person, name="nurse")
_Served = aliased(Appointment, name="served")

_COLUMNS = (
    Appointment.id,
    Appointment.uid,
    Appointment.course_id,
    Appointment.patient_id,
    Patient.code,
    Patient.name,
    Appointment.kind,
    Appointment.phase,
    Appointment.number,
    Appointment.serves_id,
    _Served.number,
    Appointment.site_id,
    Site.name,
    Site.alias,
    Site.address,
    Appointment.zone,
    Appointment.mode,
    Appointment.therapist_id,
    _Therapist.name,
    Appointment.nurse_id,
    _Nurse.name,
    Appointment.chair_id,
    Chair.name,
    Appointment.room_id,
    Room.name,
    Appointment.starts_at,
    Appointment.ends_at,
    Appointment.status,
    Appointment.reason,
    Appointment.pinned,
    Appointment.version,
    Appointment.sequence,
    Appointment.changed_at,
    Encounter.dose_started_at,
    Encounter.dose_ended_at,
    Encounter.version,
)


def appointment_rows(
    db: Session,
    scope: Select[Appointment],
    *conditions: ColumnElement[bool],
    limit: int | None = None,
) -> list[AppointmentRow]:
    """The appointments of `scope` that meet `conditions`, in order of time. One query."""
    query = (
        scope.join(Patient, Patient.id == Appointment.patient_id)
        .join(Site, Site.id == Appointment.site_id)
        .outerjoin(_Therapist, _Therapist.id == Appointment.therapist_id)
        .outerjoin(_Nurse, _Nurse.id == Appointment.nurse_id)
        .outerjoin(Chair, Chair.id == Appointment.chair_id)
        .outerjoin(Room, Room.id == Appointment.room_id)
        .outerjoin(_Served, _Served.id == Appointment.serves_id)
        .outerjoin(Encounter, Encounter.appointment_id == Appointment.id)
        .with_only_columns(*_COLUMNS)
        .where(Appointment.status != AppointmentStatus.ENTERED_IN_ERROR, *conditions)
        .order_by(Appointment.starts_at, Appointment.id)
        .limit(limit)
    )
    found: list[tuple[Any, ...]] = [tuple(row) for row in db.execute(query)]
    return [AppointmentRow(*columns) for columns in found]


def appointment(
    db: Session,
    principal: Principal,
    appointment_id: int,
    permission: Permission = Permission.APPOINTMENTS_READ,
) -> AppointmentRow:
    """One appointment on which `principal` holds `permission`. Raises NotFound, also for what is not theirs."""
    found = appointment_rows(db, visible_appointments(principal, permission), Appointment.id == appointment_id)
    if not found:
        raise NotFound
    return found[0]


def of_course(db: Session, principal: Principal, course_id: int) -> list[AppointmentRow]:
    """All dates of a course that `principal` may see, cancelled ones included. One query."""
    return appointment_rows(db, visible_appointments(principal), Appointment.course_id == course_id)


def of_patient(
    db: Session, principal: Principal, patient_id: int, *, since: datetime | None = None
) -> list[AppointmentRow]:
    """A patient's dates that `principal` may see, from those that end after `since` on. One query."""
    conditions = [Appointment.patient_id == patient_id]
    if since is not None:
        conditions.append(Appointment.ends_at > since)
    return appointment_rows(db, visible_appointments(principal), *conditions)


def upcoming(db: Session, principal: Principal, now: datetime) -> list[AppointmentRow]:
    """The signed-in patient's own booked dates that are not over at `now`. One query; empty for anybody else."""
    if principal.patient_id is None:
        return []
    return appointment_rows(
        db,
        visible_appointments(principal),
        Appointment.patient_id == principal.patient_id,
        Appointment.status.in_((AppointmentStatus.BOOKED, AppointmentStatus.ARRIVED)),
        Appointment.ends_at > now,
    )
