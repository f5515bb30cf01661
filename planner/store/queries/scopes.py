"""What a principal may see, as selects to start every query from: never get(id) alone (security.md decision 9).

Something that is not there and something that is not theirs are both simply not found.
"""

from __future__ import annotations

from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Exists, Select, SQLColumnExpression, exists, false, or_, select
from sqlalchemy.orm import Session

from planner.domain.access import Permission, Principal, Scope, scopes
from planner.domain.errors import NotFound
from planner.store.records import AccountSite, Appointment, Course, Patient

Row = TypeVar("Row")


def visible_patients(principal: Principal, permission: Permission = Permission.PATIENTS_READ) -> Select[Patient]:
    """Patients on whom `principal` holds `permission`; a patient sees themselves."""
    return select(Patient).where(_allowed(principal, permission, Patient.site_id, Patient.id))


def visible_courses(principal: Principal, permission: Permission = Permission.COURSES_READ) -> Select[Course]:
    """Courses on which `principal` holds `permission`."""
    return select(Course).where(_allowed(principal, permission, Course.site_id, Course.patient_id))


def visible_appointments(
    principal: Principal, permission: Permission = Permission.APPOINTMENTS_READ
) -> Select[Appointment]:
    """Appointments on which `principal` holds `permission`. “Own” is a therapist's session and a patient's visit."""
    return select(Appointment).where(
        _allowed(principal, permission, Appointment.site_id, Appointment.patient_id, Appointment.therapist_id)
    )


def _allowed(
    principal: Principal,
    permission: Permission,
    site_id: SQLColumnExpression[Any],
    patient_id: SQLColumnExpression[Any],
    therapist_id: SQLColumnExpression[Any] | None = None,
) -> ColumnElement[bool]:
    """Which rows of this site, patient and, where a row can be a therapist's own, therapist `permission` is held on."""
    held = _with_portal(principal, permission)
    allowed: list[ColumnElement[bool]] = []
    if Scope.SITE in held:
        allowed.append(site_id.in_(principal.site_ids))
    if Scope.ASSIGNED in held and principal.person_id is not None:
        allowed.append(is_assigned(principal.person_id, patient_id))
    if Scope.OWN in held and principal.person_id is not None and therapist_id is not None:
        allowed.append(therapist_id == principal.person_id)
    if Scope.OWN in held and principal.patient_id is not None:
        allowed.append(patient_id == principal.patient_id)
    return or_(false(), *allowed)


def is_assigned(person_id: int, patient_id: Any) -> ColumnElement[bool]:
    """The patient is this therapist's: as primary therapist of patient or course, or by an appointment."""
    patient = Patient.__table__.alias("their_patient")
    course = Course.__table__.alias("their_course")
    appointment = Appointment.__table__.alias("their_appointment")
    return or_(
        *(
            exists().where(table.c.patient_id == patient_id, therapist == person_id)
            for table, therapist in (
                (course, course.c.primary_therapist_id),
                (appointment, appointment.c.therapist_id),
            )
        ),
        exists().where(patient.c.id == patient_id, patient.c.primary_therapist_id == person_id),
    )


def the_one(db: Session, scope: Select[Row], *conditions: ColumnElement[bool]) -> Row:
    """The one row of `scope` that meets `conditions`. Raises NotFound, also for what is not theirs."""
    found = db.scalars(scope.where(*conditions)).one_or_none()
    if found is None:
        raise NotFound()
    return found


def _with_portal(principal: Principal, permission: Permission) -> frozenset[Scope]:
    reads = {Permission.PATIENTS_READ, Permission.COURSES_READ, Permission.APPOINTMENTS_READ}
    portal = scopes(principal, Permission.PORTAL) if permission in reads else frozenset()
    return scopes(principal, permission) | portal


def works_with(account_id: SQLColumnExpression[Any], patient_id: SQLColumnExpression[Any]) -> Exists:
    """Whether an account has the site of a patient: for what it set going earlier, as a condition on that."""
    return exists().where(
        AccountSite.account_id == account_id, Patient.id == patient_id, AccountSite.site_id == Patient.site_id
    )
