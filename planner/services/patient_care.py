"""What is known of a patient, changed: who they are, who treats them, when they can come. Nothing booked is moved."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from planner.domain.access import Permission, Principal, require
from planner.domain.errors import FieldError, NotFound
from planner.domain.statuses import CourseStatus, Mode
from planner.domain.walltime import local_day
from planner.services import auditing
from planner.services.admitting import therapist_at
from planner.services.current import take_to_change
from planner.services.places import WallSpan, one_line, refuse_taken, wall_minutes
from planner.services.planning_horizon import check_planned_day
from planner.services.rostering import add_patient_absence, set_availability
from planner.store.queries.scopes import the_one, visible_patients
from planner.store.records import Account, Course, Patient, PatientAbsence, Site

OPEN_COURSE = (CourseStatus.DRAFT, CourseStatus.ACTIVE, CourseStatus.ON_HOLD)


@dataclass(frozen=True, slots=True)
class PatientFacts:
    """Everything of the patient's page that may be changed; `weekly` empty means that they can come at any time."""

    code: str
    name: str
    site_id: int
    therapist_id: int | None
    modes: tuple[Mode, ...]
    preferred: WallSpan
    escort: str
    messages: bool
    weekly: Mapping[int, Iterable[WallSpan]]


def change_patient(
    db: Session, principal: Principal, patient_id: int, facts: PatientFacts, *, seen_version: int, now: datetime
) -> Patient:
    """Set a patient's facts. What is booked stays; which of it does not fit any more is told on their page.

    Raises NotPermitted, NotFound, StaleVersion, and FieldError at `code`, `name`, `site`, `therapist`, `modes`,
    `preferred`, `escort` or `weekly`.
    """
    patient = _take(db, principal, patient_id, seen_version)
    code = one_line(facts.code, "code", 12)
    refuse_taken(
        db, Patient.code, code, "code", f"There is already a patient with the code {code}.", besides=patient.id
    )
    if not facts.modes:
        raise FieldError("modes", "Choose at least one way of meeting.")
    site = _site(db, principal, patient, facts.site_id)
    if facts.therapist_id != patient.primary_therapist_id or site.id != patient.site_id:
        therapist = therapist_at(db, site, facts.therapist_id)
        patient.primary_therapist_id = therapist.id if therapist else None
    first, last = wall_minutes(facts.preferred, "preferred")
    patient.code, patient.site_id = code, site.id
    patient.preferred_from_minute, patient.preferred_to_minute = first, last
    patient.modes = [mode.value for mode in dict.fromkeys(facts.modes)]
    patient.escort = one_line(facts.escort, "escort", 120, optional=True)
    _rename(db, patient, facts.name)
    consent = _set_consent(patient, facts.messages, now)
    set_availability(db, patient, facts.weekly)
    _audit(db, principal, "patient.change", patient.id, now, **({"messages": consent} if consent else {}))
    return patient


def add_absence(
    db: Session,
    principal: Principal,
    patient_id: int,
    starts_at: datetime,
    ends_at: datetime,
    *,
    seen_version: int,
    now: datetime,
) -> PatientAbsence:
    """Note a span (aware instants) in which a patient cannot come.

    Raises FieldError (`from_day`, `to_day`), NotPermitted, NotFound, StaleVersion.
    """
    patient = _take(db, principal, patient_id, seen_version)
    if ends_at <= starts_at:
        raise FieldError("to_day", "The absence has to end after it starts.")
    if ends_at <= now:
        raise FieldError("to_day", "That time has passed.")
    zone = db.get_one(Site, patient.site_id).zone
    for field, instant in (("from_day", starts_at), ("to_day", ends_at)):
        check_planned_day(db, local_day(instant, zone), local_day(now, zone), field=field)
    known = select(PatientAbsence.id).where(
        PatientAbsence.patient_id == patient.id,
        PatientAbsence.starts_at <= starts_at,
        PatientAbsence.ends_at >= ends_at,
    )
    if db.scalar(known.limit(1)) is not None:
        raise FieldError("from_day", "The patient is already away for all of that time.")
    absence = add_patient_absence(db, patient, starts_at, ends_at)
    _audit(db, principal, "patient.absence.add", patient.id, now)
    return absence


def remove_absence(
    db: Session, principal: Principal, patient_id: int, absence_id: int, *, seen_version: int, now: datetime
) -> None:
    """Strike an absence out. Raises NotPermitted, NotFound, StaleVersion."""
    patient = _take(db, principal, patient_id, seen_version)
    absence = db.get(PatientAbsence, absence_id)
    if absence is None or absence.patient_id != patient.id:
        raise NotFound
    db.delete(absence)
    db.flush()
    _audit(db, principal, "patient.absence.remove", patient.id, now)


def _take(db: Session, principal: Principal, patient_id: int, seen_version: int) -> Patient:
    require(principal, Permission.PATIENTS_WRITE)
    the_one(db, visible_patients(principal, Permission.PATIENTS_WRITE), Patient.id == patient_id)
    return take_to_change(db, Patient, patient_id, seen_version, "This patient")


def _site(db: Session, principal: Principal, patient: Patient, site_id: int) -> Site:
    site = db.get(Site, site_id) if site_id in principal.site_ids else None
    if site is None or not (site.active or site.id == patient.site_id):
        raise FieldError("site", "Choose one of your sites.")
    if site.id != patient.site_id:
        elsewhere = db.scalar(
            select(Site.name)
            .join(Course, Course.site_id == Site.id)
            .where(Course.patient_id == patient.id, Course.status.in_(OPEN_COURSE), Course.site_id != site.id)
        )
        if elsewhere is not None:
            raise FieldError("site", f"A course runs at {elsewhere}. End it before the patient goes to another site.")
    return site


def _rename(db: Session, patient: Patient, name: str) -> None:
    """The patient and the account they sign in with bear one name."""
    patient.name = one_line(name, "name", 120)
    db.execute(
        update(Account)
        .where(Account.patient_id == patient.id, Account.name != patient.name)
        .values(name=patient.name, version=Account.version + 1)
    )


def _set_consent(patient: Patient, agrees: bool, now: datetime) -> str:
    """What became of the consent to messages; the moment of the first tick stays until it is taken back."""
    if agrees == (patient.messages_agreed_at is not None):
        return ""
    patient.messages_agreed_at = now if agrees else None
    return "agreed" if agrees else "taken back"


def _audit(db: Session, principal: Principal, action: str, patient_id: int, now: datetime, **detail: str) -> None:
    auditing.record(
        db, principal, action=action, object_type="patient", object_id=patient_id, patient_id=patient_id, now=now,
        detail=detail,
    )  # fmt: skip
