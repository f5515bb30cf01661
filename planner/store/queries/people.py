"""Patients and staff as pages name them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, select
from sqlalchemy.orm import Session

from planner.domain.access import Permission, Principal, Role
from planner.domain.errors import NotFound
from planner.domain.statuses import Mode
from planner.store.queries.courses import OPEN
from planner.store.queries.scopes import visible_patients
from planner.store.records import Course, Patient, PatientAbsence, Person, PersonRole, PersonSite, Site


@dataclass(frozen=True, slots=True)
class PatientRow:
    """One patient; `open_course_id` is the course they are in. Preferred times are wall minutes of the day."""

    id: int
    code: str
    name: str
    site_id: int
    site_name: str
    zone: str
    therapist_id: int | None
    therapist_name: str | None
    escort: str
    modes: tuple[Mode, ...]
    preferred_from: int
    preferred_to: int
    version: int
    open_course_id: int | None
    active: bool
    messages_agreed_at: datetime | None


_COLUMNS = (
    Patient.id,
    Patient.code,
    Patient.name,
    Patient.site_id,
    Site.name,
    Site.zone,
    Patient.primary_therapist_id,
    Person.name,
    Patient.escort,
    Patient.modes,
    Patient.preferred_from_minute,
    Patient.preferred_to_minute,
    Patient.version,
    Course.id,
    Patient.active,
    Patient.messages_agreed_at,
)


def patients(
    db: Session,
    principal: Principal,
    *,
    site_id: int | None = None,
    therapist_id: int | None = None,
    in_course: bool | None = None,
    active: bool = True,
) -> list[PatientRow]:
    """Patients that `principal` may see, by code: those in care or, not `active`, those discharged.

    `in_course` says whether with an open course. One query.
    """
    conditions: list[ColumnElement[bool]] = [Patient.active.is_(active)]
    if site_id is not None:
        conditions.append(Patient.site_id == site_id)
    if therapist_id is not None:
        conditions.append(Patient.primary_therapist_id == therapist_id)
    if in_course is not None:
        conditions.append(Course.id.is_not(None) if in_course else Course.id.is_(None))
    return _rows(db, visible_patients(principal), *conditions)


def patient(
    db: Session,
    principal: Principal,
    patient_id: int,
    permission: Permission = Permission.PATIENTS_READ,
) -> PatientRow:
    """One patient on whom `principal` holds `permission`. Raises NotFound, also for one who is not theirs."""
    found = _rows(db, visible_patients(principal, permission), Patient.id == patient_id)
    if not found:
        raise NotFound
    return found[0]


def _rows(db: Session, scope: Select[Patient], *conditions: ColumnElement[bool]) -> list[PatientRow]:
    query = (
        scope.join(Site, Site.id == Patient.site_id)
        .outerjoin(Person, Person.id == Patient.primary_therapist_id)
        .outerjoin(Course, and_(Course.patient_id == Patient.id, Course.status.in_(OPEN)))
        .with_only_columns(*_COLUMNS)
        .where(*conditions)
        .order_by(Patient.code, Patient.id)
    )
    found: list[tuple[Any, ...]] = [tuple(row) for row in db.execute(query)]
    return [_patient(columns) for columns in found]


def _patient(columns: tuple[Any, ...]) -> PatientRow:
    row = PatientRow(*columns)
    return replace(row, modes=tuple(Mode(mode) for mode in row.modes))


@dataclass(frozen=True, slots=True)
class PersonRow:
    """One member of staff."""

    id: int
    name: str
    initials: str


def staff(db: Session, role: Role, site_ids: Collection[int]) -> list[PersonRow]:
    """Active staff in a clinical role who work at one of these sites, by name. One query."""
    here = select(PersonSite.person_id).where(PersonSite.site_id.in_(site_ids))
    query = (
        select(Person.id, Person.name, Person.initials)
        .join(PersonRole, PersonRole.person_id == Person.id)
        .where(Person.active, PersonRole.role == role, Person.id.in_(here))
        .order_by(Person.name, Person.id)
    )
    return [PersonRow(*row) for row in db.execute(query)]


@dataclass(frozen=True, slots=True)
class AbsenceRow:
    """A span in which a patient cannot come."""

    id: int
    starts_at: datetime
    ends_at: datetime


def absences(db: Session, patient_id: int, now: datetime) -> list[AbsenceRow]:
    """A patient's absences that are not over, in order of time. One query."""
    query = (
        select(PatientAbsence.id, PatientAbsence.starts_at, PatientAbsence.ends_at)
        .where(PatientAbsence.patient_id == patient_id, PatientAbsence.ends_at > now)
        .order_by(PatientAbsence.starts_at, PatientAbsence.id)
    )
    return [AbsenceRow(*row) for row in db.execute(query)]
