"""Whom an instance asks to plan: those its file named, and in any other clinic those whose course lies ahead.

A course ahead is told as if it were still to be planned; its appointments are the plan. Whoever has begun, or follows a
protocol that the format cannot tell, is not asked for: their appointments are bookings that cannot be moved.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from planner.domain.access import Permission, Principal, Role
from planner.domain.protocols import Holding
from planner.domain.statuses import HOLDING, CourseStatus
from planner.domain.walltime import local_day
from planner.services.instances.keeping import Ask, Kept
from planner.services.instances.policies import spec_of
from planner.store.queries.scopes import visible_courses, visible_patients
from planner.store.records import Appointment, Course, Patient, Person, PersonRole, PersonSite
from planner.store.sheets import Wishes, protocol_of_version


def asks_of(
    db: Session, principal: Principal, kept: Kept | None, site_ids: Collection[int], zone: str, opens: datetime
) -> tuple[Ask, ...]:
    """What is asked for each patient of these of the principal's sites; `opens` is the horizon's first instant."""
    seen = set(
        db.scalars(
            visible_patients(principal, Permission.PATIENTS_READ).where(Patient.active).with_only_columns(Patient.id)
        )
    )
    asks = [ask for ask in (kept.asks if kept else ()) if ask.patient_id in seen]
    named = {ask.patient_id for ask in asks}
    courses = (
        visible_courses(principal)
        .where(Course.status == CourseStatus.ACTIVE, Course.site_id.in_(site_ids))
        .order_by(Course.patient_id)
    )
    ahead = [course for course in db.scalars(courses) if course.patient_id in seen - named]
    return (*asks, *_ahead(db, ahead, zone, opens))


def _ahead(db: Session, courses: Iterable[Course], zone: str, opens: datetime) -> list[Ask]:
    courses = list(courses)
    held: dict[int, list[Appointment]] = defaultdict(list)
    query = select(Appointment).where(
        Appointment.course_id.in_([course.id for course in courses]), Appointment.status.in_(HOLDING)
    )
    for row in db.scalars(query.order_by(Appointment.starts_at)):
        held[row.course_id or 0].append(row)
    therapists = _therapists_by_site(db)
    patients = {
        row.id: row for row in db.scalars(select(Patient).where(Patient.id.in_([c.patient_id for c in courses])))
    }
    found = (
        _ask(db, course, patients[course.patient_id], held[course.id], therapists, zone, opens) for course in courses
    )
    return [ask for ask in found if ask is not None]


def _therapists_by_site(db: Session) -> Mapping[int, list[int]]:
    query = (
        select(PersonSite.site_id, Person.id)
        .join(Person, Person.id == PersonSite.person_id)
        .join(PersonRole, PersonRole.person_id == Person.id)
        .where(Person.active, PersonRole.role == Role.THERAPIST)
        .order_by(Person.id)
    )
    found: dict[int, list[int]] = defaultdict(list)
    for site_id, person_id in db.execute(query):
        found[site_id].append(person_id)
    return found


def _ask(
    db: Session,
    course: Course,
    patient: Patient,
    rows: list[Appointment],
    therapists: Mapping[int, list[int]],
    zone: str,
    opens: datetime,
) -> Ask | None:
    protocol = protocol_of_version(db, course.protocol_version_id)
    if not rows or rows[0].starts_at < opens or spec_of(protocol) is None:
        return None
    first = local_day(rows[0].starts_at, zone)
    wishes = Wishes.from_json(course.wishes, first)
    here = therapists.get(course.site_id, [])
    may_hold = [one for one in here if wishes.therapist_ids is None or one in wishes.therapist_ids]
    primary = course.primary_therapist_id or patient.primary_therapist_id or next(iter(may_hold), None)
    if primary is None or primary not in here:
        return None
    return Ask(
        patient_id=patient.id,
        protocol=f"protocol-{course.protocol_version_id}",
        protocol_version_id=course.protocol_version_id,
        earliest=min(first, wishes.earliest_day),
        latest_first=wishes.latest_first_day,
        site_ids=(course.site_id,),
        therapist_ids=tuple(dict.fromkeys((primary, *may_hold))),
        primary_id=primary,
        continuity="preferred",
        therapist_present=bool(protocol.visit.spans(Holding.THERAPIST)),
        modes=(),
        bands=(),
        mode=None,
    )
