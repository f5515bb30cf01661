"""Whose record a page is about, whether that is for its reader to see, and who looked at a record already."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Exists, Select, exists, false, literal, or_, select
from sqlalchemy.orm import Session

from planner.domain.access import Permission, Principal, require
from planner.domain.reads import (
    APPOINTMENT_READ,
    CHART_READS,
    COURSE_READ,
    DRAFT_READ,
    LIST_READ,
    ONE_LINE_WITHIN,
    PATIENT_READ,
    About,
)
from planner.domain.statuses import AppointmentKind
from planner.store.queries.scopes import visible_appointments, visible_courses, visible_patients
from planner.store.records import Account, Appointment, AuditEntry, ChangeSet, Course, Patient, PlanDraft


@dataclass(frozen=True, slots=True)
class Subject:
    """One record about to be read: how the history names it, whose it is, and whether this reader may."""

    action: str
    object_type: str
    object_id: int
    patient_id: int
    allowed: bool

    @property
    def outcome(self) -> str:
        """As the history tells it."""
        return "ok" if self.allowed else "refused"


def subject_of(
    db: Session, principal: Principal, about: About, object_id: int, permissions: Collection[Permission]
) -> Subject | None:
    """What a page with this number in its address is about, for somebody who holds it by any of `permissions`.

    None for what is not there, and for what this page does not show of a record that is the reader's to see: nothing
    is read then. One query, two for a change.
    """
    if about is About.PATIENT:
        allowed = _any(visible_patients(principal, held).where(Patient.id == object_id) for held in permissions)
        return _subject(db, select(Patient.id, allowed).where(Patient.id == object_id), PATIENT_READ, object_id)
    if about is About.CHANGE:
        course_id = db.scalar(select(ChangeSet.course_id).where(ChangeSet.id == object_id))
        return None if course_id is None else _course(db, principal, course_id, {Permission.COURSES_READ})
    if about is About.COURSE:
        return _course(db, principal, object_id, permissions)
    if about is About.DRAFT:
        return _draft(db, principal, object_id)
    return _appointment(db, principal, about, object_id, permissions)


def _any(scopes: Any) -> ColumnElement[bool]:
    # Each scope stands for itself: it must not take the table from the query around it.
    return or_(false(), *(exists(scope.correlate(None)) for scope in scopes))


def _subject(db: Session, query: Select[int, bool], action: str, object_id: int) -> Subject | None:
    row = db.execute(query).one_or_none()
    return None if row is None else Subject(action, action.partition(".")[0], object_id, row[0], bool(row[1]))


def _course(db: Session, principal: Principal, course_id: int, permissions: Collection[Permission]) -> Subject | None:
    allowed = _any(visible_courses(principal, held).where(Course.id == course_id) for held in permissions)
    return _subject(db, select(Course.patient_id, allowed).where(Course.id == course_id), COURSE_READ, course_id)


def _appointment(
    db: Session, principal: Principal, about: About, object_id: int, permissions: Collection[Permission]
) -> Subject | None:
    allowed = _any(visible_appointments(principal, held).where(Appointment.id == object_id) for held in permissions)
    is_infusion, in_course = Appointment.kind == AppointmentKind.INFUSION, Appointment.course_id.is_not(None)
    shown = {
        About.INFUSION: is_infusion & in_course,
        About.SESSION: ~is_infusion & in_course,
        About.LOOSE: ~in_course,
    }.get(about, literal(value=True))
    query = select(Appointment.patient_id, allowed).where(Appointment.id == object_id, or_(shown, ~allowed))
    return _subject(db, query, APPOINTMENT_READ, object_id)


def _draft(db: Session, principal: Principal, draft_id: int) -> Subject | None:
    own = PlanDraft.account_id == principal.account_id
    patient_id = PlanDraft.answers["patient_id"].as_integer()
    query = select(Patient.id, own).join(PlanDraft, patient_id == Patient.id).where(PlanDraft.id == draft_id)
    return _subject(db, query, DRAFT_READ, draft_id)


def is_noted(db: Session, principal: Principal, subject: Subject, now: datetime) -> bool:
    """Whether the history has this read already, from the same network address and a few minutes ago. One query."""
    return _there(
        db,
        AuditEntry.patient_id == subject.patient_id,
        *_lately(principal, subject.action, now),
        AuditEntry.object_id == subject.object_id,
        AuditEntry.outcome == subject.outcome,
    )


def most_listed(db: Session, principal: Principal, what: str, now: datetime) -> int:
    """How many lines of this list the history says that the principal saw lately; 0 for none. One query."""
    query = select(AuditEntry.detail).where(*_lately(principal, LIST_READ, now), AuditEntry.object_type == what)
    return max((int(detail.get("shown", 0)) for detail in db.scalars(query)), default=0)


@dataclass(frozen=True, slots=True)
class Look:
    """Somebody opened a record: who, by which roles they had then, when, and by which kind of page."""

    id: int
    at: datetime
    account_id: int
    name: str
    roles: str
    action: str


def looks_at_own(db: Session, principal: Principal, *, before: int | None = None, size: int = 50) -> list[Look]:
    """Who opened the principal's own record, the latest first: `size` lines and one more if there are more. One query.

    What was refused showed nothing and is not among them, nor is what the patient opened. Raises NotPermitted.
    """
    require(principal, Permission.PORTAL)
    query = (
        select(AuditEntry.id, AuditEntry.at, Account.id, Account.name, AuditEntry.roles, AuditEntry.action)
        .join(Account, Account.id == AuditEntry.account_id)
        .where(
            AuditEntry.patient_id == principal.patient_id,
            AuditEntry.action.in_(CHART_READS),
            AuditEntry.outcome == "ok",
            Account.patient_id.is_(None),
        )
        .order_by(AuditEntry.id.desc())
        .limit(size + 1)
    )
    rows = db.execute(query if before is None else query.where(AuditEntry.id < before))
    return [Look(*row) for row in rows]


def _lately(principal: Principal, action: str, now: datetime) -> tuple[ColumnElement[bool], ...]:
    return (
        AuditEntry.action == action,
        AuditEntry.at > now - ONE_LINE_WITHIN,
        AuditEntry.account_id == principal.account_id,
        AuditEntry.address == principal.address,
    )


def _there(db: Session, *conditions: ColumnElement[bool]) -> bool:
    wanted: Exists = exists().where(*conditions)
    return bool(db.scalar(select(wanted)))
