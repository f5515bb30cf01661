"""Ending a course: completed as planned, or stopped. What is still to come is given back with it, undone as one."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from planner.domain.access import Permission, Principal
from planner.domain.conflicts import Conflict, Rule
from planner.domain.errors import FieldError, Refused
from planner.domain.statuses import AppointmentStatus, CourseStatus
from planner.services.change_sets import Act, check_version, grace_minutes, lock_course
from planner.services.feed_rights import retire_care_links
from planner.store.occupying import held_by, lock_holdables, release
from planner.store.queries.scopes import the_one, visible_courses
from planner.store.records import Appointment, ChangeSet, Course

LONGEST_REASON = 200
OPEN = (AppointmentStatus.PROPOSED, AppointmentStatus.BOOKED, AppointmentStatus.ARRIVED)


def end_course(
    db: Session,
    principal: Principal,
    course_id: int,
    *,
    status: CourseStatus,
    seen_version: int,
    now: datetime,
    reason: str = "",
) -> ChangeSet:
    """Complete or stop (“revoked”) a course and cancel every appointment after `now`, in one change set.

    The patient's own calendar links end with it; undoing it gives them back.

    Raises StaleVersion, FieldError (`reason`) when stopping without one, Refused when an appointment that has begun
    was neither finished nor cancelled, NotFound.
    """
    if status not in (CourseStatus.COMPLETED, CourseStatus.REVOKED):
        raise FieldError("status", "Choose whether the course is completed or stopped.")
    reason = reason.strip()[:LONGEST_REASON]
    if status is CourseStatus.REVOKED and not reason:
        raise FieldError("reason", "Say in a few words why the course stops.")
    the_one(db, visible_courses(principal, Permission.COURSES_PLAN), Course.id == course_id)
    with db.begin_nested():
        course = lock_course(db, course_id)
        check_version(seen_version, course.version, "This course")
        still_open = _open(db, course_id)
        _demand_the_past_is_closed(still_open, now)
        act = Act(db, principal, now)
        act.watch([course, *still_open])
        held = held_by(db, [row.id for row in still_open])
        lock_holdables(db, {claim.holdable_id for claims in held.values() for claim in claims})
        release(db, [row.id for row in still_open])
        for row in still_open:
            row.become(AppointmentStatus.CANCELLED, now, reason)
        course.become(status)
        db.flush()
        retire_care_links(db, principal, course.patient_id, now)
        return act.finish(
            f"course.{status}",
            course=course,
            patient_id=course.patient_id,
            undo_minutes=grace_minutes(db, None),
            detail={"cancelled": len(still_open)},
        )


def _open(db: Session, course_id: int) -> list[Appointment]:
    return list(
        db.scalars(
            select(Appointment)
            .where(Appointment.course_id == course_id, Appointment.status.in_(OPEN))
            .order_by(Appointment.id)
            .with_for_update(key_share=True)
            .execution_options(populate_existing=True)
        )
    )


def _demand_the_past_is_closed(rows: list[Appointment], now: datetime) -> None:
    begun = [r for r in rows if r.status is not AppointmentStatus.PROPOSED and r.starts_at <= now]
    if begun:
        count = "One appointment has" if len(begun) == 1 else f"{len(begun)} appointments have"
        sentence = f"{count} begun and not been finished. Mark what happened first, then end the course."
        raise Refused([Conflict(Rule.STATUS, sentence, appointment_id=begun[0].id)])
