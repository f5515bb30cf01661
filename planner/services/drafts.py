"""Drafts of plans: begun, answered step by step, kept while read, booked or discarded. Only their maker sees them.

Every change carries the version its maker saw, so that two windows on one draft never overwrite each other.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from sqlalchemy import exists, select
from sqlalchemy.orm import Session, aliased

from planner.domain.access import Permission, Principal, require
from planner.domain.errors import FieldError, NotFound, StaleVersion
from planner.domain.statuses import CourseStatus
from planner.domain.walltime import local_day
from planner.services import auditing
from planner.services.booking import book_course
from planner.services.holding import place_hold, release_hold
from planner.services.plan_answers import Answers
from planner.store.queries.scopes import the_one, visible_patients
from planner.store.records import Clinic, Course, Hold, Patient, PlanDraft, ProtocolRecord, ProtocolVersion, Site

OPEN = (CourseStatus.DRAFT, CourseStatus.ACTIVE, CourseStatus.ON_HOLD)
LAST_STEP = 5
ALREADY_OPEN = "This patient is in a course already. Complete or stop that course before planning another."


class AlreadyInCourse(FieldError):
    """The patient has an open course; `course_id` says which."""

    def __init__(self, course_id: int) -> None:
        super().__init__("patient_id", ALREADY_OPEN)
        self.course_id = course_id


def begin_draft(
    db: Session, principal: Principal, *, patient_id: int, protocol_version_id: int, step: int, now: datetime
) -> PlanDraft:
    """A new draft for a patient and a protocol, with what the patient's record says about team and hours.

    Raises NotFound, NotPermitted, FieldError at `patient_id` (AlreadyInCourse) or `protocol_version_id`.
    """
    require(principal, Permission.COURSES_PLAN)
    answers = _answers_for(db, principal, patient_id, protocol_version_id)
    draft = PlanDraft(account_id=principal.account_id, step=step, answers=answers.to_json(), updated_at=now, version=1)
    db.add(draft)
    db.flush()
    _record(db, principal, "draft.begin", draft.id, patient_id, now)
    return draft


def change_subject(
    db: Session,
    principal: Principal,
    draft_id: int,
    *,
    patient_id: int,
    protocol_version_id: int,
    seen_version: int,
    step: int,
    now: datetime,
) -> PlanDraft:
    """Another patient or protocol for a draft: the days stay, the rest follows the patient, dates are chosen again.

    Raises what `begin_draft` raises, and StaleVersion.
    """
    draft = _locked(db, principal, draft_id, seen_version)
    before = Answers.from_json(draft.answers)
    fresh = _answers_for(db, principal, patient_id, protocol_version_id)
    if patient_id == before.patient_id:
        same = protocol_version_id == before.protocol_version_id
        fresh = replace(
            before,
            protocol_version_id=protocol_version_id,
            proposal=before.proposal if same else None,
            by_hand=before.by_hand and same,
            moved_to=before.moved_to if same else None,
        )
    elif fresh.site_id == before.site_id:
        fresh = replace(
            fresh,
            earliest_day=before.earliest_day,
            latest_first_day=before.latest_first_day,
            weekdays=before.weekdays,
            reached=min(before.reached, 3),
        )
    return _write(db, draft, fresh, step, now)


def save_answers(
    db: Session,
    principal: Principal,
    draft_id: int,
    change: Callable[[Answers], Answers],
    *,
    seen_version: int,
    step: int,
    now: datetime,
) -> PlanDraft:
    """Keep changed answers; `step` is the next one to show. Raises NotFound, StaleVersion and what `change` raises."""
    draft = _locked(db, principal, draft_id, seen_version)
    return _write(db, draft, change(Answers.from_json(draft.answers)), step, now)


def keep_times(db: Session, principal: Principal, draft_id: int, *, seen_version: int, now: datetime) -> datetime:
    """Hold every time of the chosen plan while it is read; until when. An earlier hold of the draft is given back.

    Raises Refused when somebody has one of them, StaleVersion, NotFound, FieldError (`proposal`).
    """
    draft = _locked(db, principal, draft_id, seen_version)
    answers = Answers.from_json(draft.answers)
    if answers.proposal is None:
        raise FieldError("proposal", "Choose the dates first.")
    hold = place_hold(
        db,
        principal,
        [claim for placement in answers.proposal.placements for claim in placement.holds],
        draft.id,
        db.scalars(select(Clinic.hold_minutes)).one(),
        now,
        zone=db.get_one(Site, answers.site_id).zone,
        placements=answers.proposal.placements,
    )
    return hold.expires_at


def let_times_go(db: Session, principal: Principal, draft_id: int, now: datetime) -> None:
    """Give back what the draft holds, if anything."""
    for hold_id in _holds(db, principal, draft_id):
        release_hold(db, principal, hold_id, now)


def discard_draft(db: Session, principal: Principal, draft_id: int, *, seen_version: int, now: datetime) -> None:
    """Throw an unfinished plan away. Raises NotFound, StaleVersion."""
    draft = _locked(db, principal, draft_id, seen_version)
    let_times_go(db, principal, draft_id, now)
    patient_id = Answers.from_json(draft.answers).patient_id
    db.delete(draft)
    db.flush()
    _record(db, principal, "draft.discard", draft_id, patient_id, now)


def book_draft(db: Session, principal: Principal, draft_id: int, *, seen_version: int, now: datetime) -> Course:
    """Book the chosen plan in one go, with everything the patient's record should keep of the answers.

    Raises what `book_course` raises, StaleVersion, and FieldError (`proposal`) before dates are chosen.
    """
    draft = _locked(db, principal, draft_id, seen_version)
    answers = Answers.from_json(draft.answers)
    if answers.proposal is None:
        raise FieldError("proposal", "Choose the dates first.")
    patient = _patient(db, principal, answers.patient_id)
    _refuse_open_course(db, patient.id)
    _refuse_old_version(db, answers.protocol_version_id)
    _keep_with_patient(db, principal, patient, answers, now)
    site = db.get_one(Site, answers.site_id)
    hold_ids = _holds(db, principal, draft.id)
    course = book_course(
        db,
        principal,
        patient_id=patient.id,
        protocol_version_id=answers.protocol_version_id,
        site_id=site.id,
        wishes=answers.wishes(local_day(now, site.zone)).to_json(),
        proposal=answers.proposal,
        now=now,
        hold_id=hold_ids[-1] if hold_ids else None,
    )
    draft.course_id, draft.step = course.id, LAST_STEP
    draft.version += 1
    draft.updated_at = now
    db.flush()
    return course


def _locked(db: Session, principal: Principal, draft_id: int, seen_version: int) -> PlanDraft:
    """The principal's own draft as it is now; another of their windows waits until this transaction ends."""
    require(principal, Permission.COURSES_PLAN)
    draft = db.scalar(
        select(PlanDraft)
        .where(PlanDraft.id == draft_id, PlanDraft.account_id == principal.account_id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    if draft is None:
        raise NotFound
    if draft.version != seen_version or draft.course_id is not None:
        raise StaleVersion(seen_version, draft.version, "This plan")
    return draft


def _write(db: Session, draft: PlanDraft, answers: Answers, step: int, now: datetime) -> PlanDraft:
    draft.answers = replace(answers, reached=max(answers.reached, step)).to_json()
    draft.step, draft.updated_at = step, now
    draft.version += 1
    db.flush()
    return draft


def _answers_for(db: Session, principal: Principal, patient_id: int, protocol_version_id: int) -> Answers:
    patient = _patient(db, principal, patient_id)
    if not patient.active:
        raise FieldError("patient_id", "This patient is not in treatment any more.")
    _refuse_open_course(db, patient_id)
    _refuse_old_version(db, protocol_version_id)
    # Imported values are trusted as the record keeps them: the steps show them for changing.
    stored = Answers(patient_id, protocol_version_id, patient.site_id).to_json()
    stored |= {
        "preferred": [patient.preferred_from_minute, patient.preferred_to_minute],
        "therapist_id": patient.primary_therapist_id,
        "modes": list(patient.modes),
        "escort": patient.escort,
    }
    return Answers.from_json(stored)


def _patient(db: Session, principal: Principal, patient_id: int) -> Patient:
    return the_one(db, visible_patients(principal, Permission.COURSES_PLAN), Patient.id == patient_id)


def _refuse_open_course(db: Session, patient_id: int) -> None:
    course_id = db.scalar(select(Course.id).where(Course.patient_id == patient_id, Course.status.in_(OPEN)))
    if course_id is not None:
        raise AlreadyInCourse(course_id)


def _refuse_old_version(db: Session, protocol_version_id: int) -> None:
    """New courses go by the newest version of a protocol that is switched on."""
    later = aliased(ProtocolVersion)
    is_old = exists().where(later.protocol_id == ProtocolVersion.protocol_id, later.number > ProtocolVersion.number)
    found = db.execute(
        select(ProtocolRecord.enabled, is_old)
        .join(ProtocolVersion, ProtocolVersion.protocol_id == ProtocolRecord.id)
        .where(ProtocolVersion.id == protocol_version_id)
    ).one_or_none()
    if found is None or not found[0]:
        raise FieldError("protocol_version_id", "Choose one of the protocols this clinic has switched on.")
    if found[1]:
        raise FieldError("protocol_version_id", "A new version of this protocol was signed. Choose the protocol again.")


def _keep_with_patient(db: Session, principal: Principal, patient: Patient, answers: Answers, now: datetime) -> None:
    """What was answered about the person holds beyond this plan: later moves ask the patient's record."""
    kept = {
        "primary_therapist_id": answers.therapist_id,
        "escort": answers.escort,
        "modes": [mode.value for mode in answers.modes],
        "preferred_from_minute": answers.preferred[0],
        "preferred_to_minute": answers.preferred[1],
    }
    changed = sorted(name for name, value in kept.items() if getattr(patient, name) != value)
    if not changed:
        return
    for name in changed:
        setattr(patient, name, kept[name])
    patient.version += 1
    db.flush()
    auditing.record(
        db,
        principal,
        action="patient.preferences",
        object_type="patient",
        object_id=patient.id,
        patient_id=patient.id,
        now=now,
        detail={"changed": changed},
    )


def _holds(db: Session, principal: Principal, draft_id: int) -> list[int]:
    query = select(Hold.id).where(Hold.draft_id == draft_id, Hold.account_id == principal.account_id)
    return list(db.scalars(query.order_by(Hold.id)))


def _record(db: Session, principal: Principal, action: str, draft_id: int, patient_id: int, now: datetime) -> None:
    auditing.record(
        db, principal, action=action, object_type="draft", object_id=draft_id, patient_id=patient_id, now=now
    )
