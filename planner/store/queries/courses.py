"""Courses as lists and pages show them, and the plans not finished yet."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, select
from sqlalchemy.orm import Session

from planner.domain.access import Permission, Principal
from planner.domain.errors import NotFound
from planner.domain.statuses import COUNTING, AppointmentKind, AppointmentStatus, CourseStatus
from planner.store.queries.scopes import visible_courses
from planner.store.records import (
    Appointment,
    Course,
    Patient,
    Person,
    PlanDraft,
    ProtocolRecord,
    ProtocolVersion,
    Site,
)

OPEN = (CourseStatus.DRAFT, CourseStatus.ACTIVE, CourseStatus.ON_HOLD)


@dataclass(frozen=True, slots=True)
class CourseRow:
    """One course with its patient, protocol and how far it is. `doses` counts booked and given infusions."""

    id: int
    patient_id: int
    patient_code: str
    patient_name: str
    protocol_version_id: int
    protocol_slug: str
    protocol_name: str
    protocol_number: int
    status: CourseStatus
    site_id: int
    site_name: str
    zone: str
    therapist_id: int | None
    therapist_name: str | None
    wishes: dict[str, Any]
    created_at: datetime
    version: int
    doses: int = 0
    doses_given: int = 0
    next_kind: AppointmentKind | None = None
    next_starts_at: datetime | None = None
    ends_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class _Progress:
    """What the dates of one course add up to."""

    doses: int
    doses_given: int
    next_kind: AppointmentKind | None
    next_starts_at: datetime | None
    ends_at: datetime | None


_COLUMNS = (
    Course.id,
    Course.patient_id,
    Patient.code,
    Patient.name,
    Course.protocol_version_id,
    ProtocolRecord.slug,
    ProtocolVersion.document["name"].as_string(),  # what that version is called, whatever a later one is
    ProtocolVersion.number,
    Course.status,
    Course.site_id,
    Site.name,
    Site.zone,
    Course.primary_therapist_id,
    Person.name,
    Course.wishes,
    Course.created_at,
    Course.version,
)


def courses(
    db: Session,
    principal: Principal,
    now: datetime,
    *,
    statuses: Collection[CourseStatus] = OPEN,
    site_id: int | None = None,
    therapist_id: int | None = None,
) -> list[CourseRow]:
    """Courses that `principal` may see, by patient code: all, or of a site or a primary therapist. Two queries."""
    conditions: list[ColumnElement[bool]] = [Course.status.in_(statuses)]
    if site_id is not None:
        conditions.append(Course.site_id == site_id)
    if therapist_id is not None:
        conditions.append(Course.primary_therapist_id == therapist_id)
    return _rows(db, visible_courses(principal), now, *conditions)


def course(
    db: Session,
    principal: Principal,
    course_id: int,
    now: datetime,
    permission: Permission = Permission.COURSES_READ,
) -> CourseRow:
    """One course on which `principal` holds `permission`. Two queries. Raises NotFound, also for what is not theirs."""
    found = _rows(db, visible_courses(principal, permission), now, Course.id == course_id)
    if not found:
        raise NotFound
    return found[0]


def of_patient(db: Session, principal: Principal, patient_id: int, now: datetime) -> list[CourseRow]:
    """A patient's courses that `principal` may see, whatever their status. Two queries."""
    return _rows(db, visible_courses(principal), now, Course.patient_id == patient_id)


def _rows(db: Session, scope: Select[Course], now: datetime, *conditions: ColumnElement[bool]) -> list[CourseRow]:
    query = (
        scope.join(Patient, Patient.id == Course.patient_id)
        .join(ProtocolVersion, ProtocolVersion.id == Course.protocol_version_id)
        .join(ProtocolRecord, ProtocolRecord.id == ProtocolVersion.protocol_id)
        .join(Site, Site.id == Course.site_id)
        .outerjoin(Person, Person.id == Course.primary_therapist_id)
        .with_only_columns(*_COLUMNS)
        .where(*conditions)
        .order_by(Patient.code, Course.id)
    )
    found: list[tuple[Any, ...]] = [tuple(row) for row in db.execute(query)]
    progress = _progress(db, [row[0] for row in found], now)
    return [_row(columns, progress[columns[0]]) for columns in found]


def _row(columns: tuple[Any, ...], so_far: _Progress) -> CourseRow:
    return replace(
        CourseRow(*columns),
        doses=so_far.doses,
        doses_given=so_far.doses_given,
        next_kind=so_far.next_kind,
        next_starts_at=so_far.next_starts_at,
        ends_at=so_far.ends_at,
    )


def _progress(db: Session, course_ids: list[int], now: datetime) -> dict[int, _Progress]:
    dates: dict[int, list[Any]] = defaultdict(list)
    query = (
        select(
            Appointment.course_id,
            Appointment.kind,
            Appointment.status,
            Appointment.starts_at,
            Appointment.ends_at,
        )
        .where(Appointment.course_id.in_(course_ids), Appointment.status.in_(COUNTING))
        .order_by(Appointment.starts_at, Appointment.id)
    )
    for row in db.execute(query):
        if row.course_id is not None:
            dates[row.course_id].append(row)
    return {course_id: _summed_up(dates[course_id], now) for course_id in course_ids}


def _summed_up(dates: list[Any], now: datetime) -> _Progress:
    doses = [row for row in dates if row.kind is AppointmentKind.INFUSION]
    ahead = (row for row in dates if row.ends_at > now and row.status is not AppointmentStatus.FULFILLED)
    following = next(ahead, None)
    return _Progress(
        doses=len(doses),
        doses_given=sum(row.status is AppointmentStatus.FULFILLED for row in doses),
        next_kind=following.kind if following else None,
        next_starts_at=following.starts_at if following else None,
        ends_at=dates[-1].ends_at if dates else None,
    )


@dataclass(frozen=True, slots=True)
class DraftRow:
    """A plan that somebody has begun: where they stopped (`step`, 1 to 5) and what they answered."""

    id: int
    step: int
    answers: dict[str, Any]
    patient_code: str | None
    updated_at: datetime
    version: int


def drafts(db: Session, principal: Principal) -> list[DraftRow]:
    """The principal's own unfinished plans, the latest first. Two queries."""
    query = (
        select(PlanDraft.id, PlanDraft.step, PlanDraft.answers, PlanDraft.updated_at, PlanDraft.version)
        .where(PlanDraft.account_id == principal.account_id, PlanDraft.course_id.is_(None))
        .order_by(PlanDraft.updated_at.desc(), PlanDraft.id.desc())
    )
    found = list(db.execute(query))
    chosen = {_patient_in(row.answers) for row in found} - {None}
    codes: dict[int | None, str] = {
        row[0]: row[1] for row in db.execute(select(Patient.id, Patient.code).where(Patient.id.in_(chosen)))
    }
    return [
        DraftRow(row.id, row.step, row.answers, codes.get(_patient_in(row.answers)), row.updated_at, row.version)
        for row in found
    ]


def _patient_in(answers: dict[str, Any]) -> int | None:
    chosen = answers.get("patient_id")
    return int(chosen) if isinstance(chosen, int) or (isinstance(chosen, str) and chosen.isdigit()) else None
