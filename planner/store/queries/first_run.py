"""How far a new clinic is set up, as facts of its records and no more: what is there, never what was clicked."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, exists, select
from sqlalchemy.orm import Session

from planner.domain.access import Role
from planner.domain.statuses import CourseStatus
from planner.store.records import (
    Chair,
    Course,
    OpeningHours,
    Patient,
    Person,
    PersonRole,
    PersonSite,
    ProtocolRecord,
    ProtocolVersion,
    Room,
    Shift,
    Site,
)

TEAM = (Role.PRESCRIBER, Role.NURSE, Role.THERAPIST)


@dataclass(frozen=True, slots=True)
class SetUpFacts:
    """What a clinic has. `site_id` is its first site; `missing` are the roles nobody at a site has."""

    site_id: int | None
    has_hours: bool
    has_chair: bool
    has_place_to_talk: bool
    has_signed_protocol: bool
    has_shift_to_come: bool
    has_patient: bool
    has_course: bool
    has_anybody: bool
    missing: tuple[Role, ...]


def set_up_facts(db: Session, now: datetime) -> SetUpFacts:
    """The facts of the whole clinic. One query, of which each part ends at the first row."""
    open_site = Site.active.is_(True)
    site_id = select(Site.id).where(open_site).order_by(Site.id).limit(1).scalar_subquery()
    hours = exists().where(OpeningHours.site_id == Site.id, open_site)
    chair = exists().where(Chair.site_id == Site.id, open_site, Chair.active)
    room = exists().where(Room.site_id == Site.id, open_site, Room.active)
    by_video = exists().where(Shift.site_id.is_(None))
    signed = exists().where(
        ProtocolVersion.protocol_id == ProtocolRecord.id, ProtocolRecord.enabled, ProtocolVersion.signed_at.is_not(None)
    )
    to_come = exists().where(Shift.ends_at > now)
    patient = exists().where(Patient.active)
    course = exists().where(Course.status != CourseStatus.DRAFT)
    anybody = exists().where(Person.id.is_not(None))
    found = db.execute(
        select(
            site_id.label("site_id"),
            hours.label("hours"),
            chair.label("chair"),
            (room | by_video).label("talk"),
            signed.label("signed"),
            to_come.label("to_come"),
            patient.label("patient"),
            course.label("course"),
            anybody.label("anybody"),
            *(_has(role).label(role.value) for role in TEAM),
        )
    ).one()
    return SetUpFacts(
        site_id=found.site_id,
        has_hours=bool(found.hours),
        has_chair=bool(found.chair),
        has_place_to_talk=bool(found.talk),
        has_signed_protocol=bool(found.signed),
        has_shift_to_come=bool(found.to_come),
        has_patient=bool(found.patient),
        has_course=bool(found.course),
        has_anybody=bool(found.anybody),
        missing=tuple(role for role in TEAM if not getattr(found, role.value)),
    )


def _has(role: Role) -> ColumnElement[bool]:
    return exists().where(
        PersonRole.role == role, PersonRole.person_id == Person.id, Person.active, PersonSite.person_id == Person.id
    )
