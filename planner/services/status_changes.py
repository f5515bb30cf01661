"""One appointment or one course becomes something else, by the table of legal moves."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from planner.domain.access import Principal
from planner.domain.conflicts import Conflict, Rule
from planner.domain.errors import Refused
from planner.domain.statuses import HOLDING, AppointmentStatus, CourseStatus
from planner.services.change_sets import Act, check_version, grace_minutes, lock_appointment, lock_course
from planner.store.occupying import held_by, lock_holdables, release
from planner.store.records import Appointment, ChangeSet, Course

LONGEST_REASON = 200


def change_status(
    db: Session,
    principal: Principal,
    *,
    appointment_id: int,
    status: AppointmentStatus,
    seen_version: int,
    now: datetime,
    reason: str = "",
    undo_minutes: int | None = None,
) -> ChangeSet:
    """Give one appointment another status; what it holds is given back where the status holds nothing.

    What hangs on it does not follow: that takes a decision (`planner.services.applying`). Raises StaleVersion,
    Refused for a move the table does not have, NotFound.
    """
    with db.begin_nested():
        appointment = lock_appointment(db, appointment_id)
        check_version(seen_version, appointment.version)
        act = Act(db, principal, now)
        act.watch([appointment])
        appointment.become(status, now, reason.strip()[:LONGEST_REASON])
        if status not in HOLDING:
            held = held_by(db, [appointment.id])
            lock_holdables(db, {claim.holdable_id for claims in held.values() for claim in claims})
            release(db, [appointment.id])
        return act.finish(
            f"appointment.{status}",
            course=db.get(Course, appointment.course_id) if appointment.course_id is not None else None,
            patient_id=appointment.patient_id,
            undo_minutes=grace_minutes(db, undo_minutes),
            detail={"appointment_id": appointment.id},
        )


def arrive(db: Session, principal: Principal, appointment_id: int, *, seen_version: int, now: datetime) -> ChangeSet:
    """The patient is here."""
    return change_status(
        db, principal, appointment_id=appointment_id, status=AppointmentStatus.ARRIVED, seen_version=seen_version,
        now=now,
    )  # fmt: skip


def fulfil(db: Session, principal: Principal, appointment_id: int, *, seen_version: int, now: datetime) -> ChangeSet:
    """It took place."""
    return change_status(
        db, principal, appointment_id=appointment_id, status=AppointmentStatus.FULFILLED,
        seen_version=seen_version, now=now,
    )  # fmt: skip


def cancel(
    db: Session, principal: Principal, appointment_id: int, *, seen_version: int, now: datetime, reason: str = ""
) -> ChangeSet:
    """It will not take place; its time is given back."""
    return change_status(
        db, principal, appointment_id=appointment_id, status=AppointmentStatus.CANCELLED,
        seen_version=seen_version, now=now, reason=reason,
    )  # fmt: skip


def mark_no_show(
    db: Session, principal: Principal, appointment_id: int, *, seen_version: int, now: datetime, reason: str = ""
) -> ChangeSet:
    """The patient did not come."""
    return change_status(
        db, principal, appointment_id=appointment_id, status=AppointmentStatus.NOSHOW, seen_version=seen_version,
        now=now, reason=reason,
    )  # fmt: skip


def mark_entered_in_error(
    db: Session, principal: Principal, appointment_id: int, *, seen_version: int, now: datetime, reason: str = ""
) -> ChangeSet:
    """It should never have been in the book."""
    return change_status(
        db, principal, appointment_id=appointment_id, status=AppointmentStatus.ENTERED_IN_ERROR,
        seen_version=seen_version, now=now, reason=reason,
    )  # fmt: skip


def change_course_status(
    db: Session,
    principal: Principal,
    *,
    course_id: int,
    status: CourseStatus,
    seen_version: int,
    now: datetime,
    undo_minutes: int | None = None,
) -> ChangeSet:
    """Give a course another status. One with appointments still to come is neither completed nor revoked.

    Boosters that were only proposed are cancelled with it. Raises StaleVersion, Refused, NotFound.
    """
    with db.begin_nested():
        course = lock_course(db, course_id)
        check_version(seen_version, course.version, "This course")
        act = Act(db, principal, now)
        proposed = _of_course(db, course, AppointmentStatus.PROPOSED)
        act.watch([course, *proposed])
        course.become(status)
        if status in (CourseStatus.COMPLETED, CourseStatus.REVOKED):
            _demand_nothing_open(db, course)
            for appointment in proposed:
                appointment.become(AppointmentStatus.CANCELLED, now)
        return act.finish(
            f"course.{status}",
            course=course,
            patient_id=course.patient_id,
            undo_minutes=grace_minutes(db, undo_minutes),
        )


def complete_course(
    db: Session, principal: Principal, course_id: int, *, seen_version: int, now: datetime
) -> ChangeSet:
    """The course is over as planned."""
    return change_course_status(
        db, principal, course_id=course_id, status=CourseStatus.COMPLETED, seen_version=seen_version, now=now
    )


def _of_course(db: Session, course: Course, status: AppointmentStatus) -> list[Appointment]:
    return list(
        db.scalars(
            select(Appointment)
            .where(Appointment.course_id == course.id, Appointment.status == status)
            .order_by(Appointment.id)
            .with_for_update(key_share=True)
            .execution_options(populate_existing=True)
        )
    )


def _demand_nothing_open(db: Session, course: Course) -> None:
    still_open = db.scalars(
        select(func.count())
        .select_from(Appointment)
        .where(
            Appointment.course_id == course.id,
            Appointment.status.in_([AppointmentStatus.BOOKED, AppointmentStatus.ARRIVED]),
        )
    ).one()
    if still_open:
        sentence = f"This course still has {still_open} open appointments. Cancel or finish them first."
        raise Refused([Conflict(Rule.STATUS, sentence)])
