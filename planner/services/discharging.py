"""A patient is discharged, or taken up again.

While discharged nothing is planned for them and their calendar links end. Their sign-in shows them their own past
dates for as many days as the clinic says (`planner.domain.portal_end`), unless it is to end at once: they can read and
change nothing (security.md section 6). No job ends it; every request asks.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from planner.domain.access import Permission, Principal, require
from planner.domain.errors import FieldError
from planner.services import auditing
from planner.services.accounts import end_account
from planner.services.current import take_to_change
from planner.services.feed_rights import retire_lost
from planner.services.patient_care import OPEN_COURSE
from planner.store.queries.places import STANDING
from planner.store.queries.scopes import the_one, visible_patients
from planner.store.records import Account, Appointment, Course, Invitation, Patient


def discharge_patient(
    db: Session, principal: Principal, patient_id: int, *, end_sign_in: bool, seen_version: int, now: datetime
) -> Patient:
    """End a patient's care. Raises FieldError (`course`) while a course is open or anything is booked, NotPermitted,
    NotFound, StaleVersion.
    """
    patient = _take(db, principal, patient_id, seen_version)
    _refuse_in_care(db, patient.id, now)
    patient.active = False
    patient.discharged_at = now
    account = db.scalar(select(Account).where(Account.patient_id == patient.id))
    if account is not None and account.active and end_sign_in:
        end_account(db, principal, account, now)
    if account is not None:
        retire_lost(db, principal, account.id, now)
    db.execute(
        update(Invitation)
        .where(Invitation.patient_id == patient.id, Invitation.used_at.is_(None), Invitation.withdrawn_at.is_(None))
        .values(withdrawn_at=now)
    )
    _audit(db, principal, "patient.discharge", patient.id, now)
    return patient


def readmit_patient(db: Session, principal: Principal, patient_id: int, *, seen_version: int, now: datetime) -> Patient:
    """Take a discharged patient up again; calendar links that ended stay ended.

    Raises NotPermitted, NotFound, StaleVersion.
    """
    patient = _take(db, principal, patient_id, seen_version)
    patient.active = True
    patient.discharged_at = None
    _audit(db, principal, "patient.readmit", patient.id, now)
    return patient


def has_sign_in(db: Session, patient_id: int) -> bool:
    """Whether the patient has an account that can sign in. One query."""
    return db.scalar(select(Account.id).where(Account.patient_id == patient_id, Account.active)) is not None


def _take(db: Session, principal: Principal, patient_id: int, seen_version: int) -> Patient:
    require(principal, Permission.PATIENTS_WRITE)
    the_one(db, visible_patients(principal, Permission.PATIENTS_WRITE), Patient.id == patient_id)
    return take_to_change(db, Patient, patient_id, seen_version, "This patient")


def _refuse_in_care(db: Session, patient_id: int, now: datetime) -> None:
    # Whoever books a course locks the patient first, as the discharge did: one of them sees the other.
    course = select(Course.id).where(Course.patient_id == patient_id, Course.status.in_(OPEN_COURSE))
    if db.scalar(course) is not None:
        raise FieldError("course", "A course is still open. Complete or stop it first; then discharge the patient.")
    booked = db.scalar(
        select(func.count())
        .select_from(Appointment)
        .where(Appointment.patient_id == patient_id, Appointment.status.in_(STANDING), Appointment.ends_at > now)
    )
    if booked:
        raise FieldError("course", "Something is still booked for this patient. Cancel it first.")


def _audit(db: Session, principal: Principal, action: str, patient_id: int, now: datetime) -> None:
    db.flush()
    auditing.record(
        db, principal, action=action, object_type="patient", object_id=patient_id, patient_id=patient_id, now=now
    )
