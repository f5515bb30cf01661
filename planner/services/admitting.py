"""Taking a new patient in, so that a course can be planned for them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from planner.domain.access import Permission, Principal, Role, require
from planner.domain.errors import FieldError
from planner.domain.statuses import Mode
from planner.services import auditing
from planner.services.places import WallSpan
from planner.services.rostering import add_patient, set_availability
from planner.store.records import Patient, PatientAvailability, Person, PersonRole, PersonSite, Site


@dataclass(frozen=True, slots=True)
class WeeklySpan:
    """A span of one weekday (0 = Monday), in wall minutes from midnight at the patient's site."""

    weekday: int
    from_minute: int
    to_minute: int


def admit_patient(
    db: Session,
    principal: Principal,
    *,
    code: str,
    name: str,
    site_id: int,
    therapist_id: int | None,
    modes: Iterable[Mode],
    preferred: WallSpan,
    weekly: Mapping[int, Iterable[WallSpan]],
    escort: str = "",
    now: datetime,
) -> Patient:
    """Add a patient of one of the principal's sites, with when they can come each week (nothing: any time).

    Raises NotPermitted, and FieldError at `code`, `name`, `site`, `therapist`, `modes`, `preferred`, `weekly` or
    `escort`.
    """
    require(principal, Permission.PATIENTS_WRITE)
    site = db.get(Site, site_id) if site_id in principal.site_ids else None
    if site is None or not site.active:
        raise FieldError("site", "Choose one of your sites.")
    patient = add_patient(
        db, code, name, site, now=now, primary_therapist=therapist_at(db, site, therapist_id), modes=modes,
        preferred=preferred, escort=escort,
    )  # fmt: skip
    if weekly:
        set_availability(db, patient, weekly)
    auditing.record(
        db, principal, action="patient.add", object_type="patient", object_id=patient.id, patient_id=patient.id,
        now=now,
    )  # fmt: skip
    return patient


def weekly_availability(db: Session, patient_id: int) -> tuple[WeeklySpan, ...]:
    """When a patient can come each week; nothing means any time. One query."""
    rows = db.execute(
        select(PatientAvailability.weekday, PatientAvailability.from_minute, PatientAvailability.to_minute)
        .where(PatientAvailability.patient_id == patient_id)
        .order_by(PatientAvailability.weekday, PatientAvailability.from_minute)
    )
    return tuple(WeeklySpan(weekday, start, end) for weekday, start, end in rows)


def therapist_at(db: Session, site: Site, therapist_id: int | None) -> Person | None:
    """The therapist who is to treat a patient of the site. Raises FieldError (`therapist`)."""
    if therapist_id is None:
        return None
    found = db.scalar(
        select(Person)
        .join(PersonRole, PersonRole.person_id == Person.id)
        .join(PersonSite, PersonSite.person_id == Person.id)
        .where(
            Person.id == therapist_id, Person.active, PersonRole.role == Role.THERAPIST, PersonSite.site_id == site.id
        )
    )
    if found is None:
        raise FieldError("therapist", f"That therapist does not work at {site.name}. Choose another.")
    return found
