"""Ending a course on the page: what is given back is listed, a reason is asked for, and undo takes it up again."""

from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from planner.domain.statuses import AppointmentStatus, CourseStatus
from planner.store.records import Appointment, Course
from tests.support.booked_course import BookedCourse
from tests.support.cast import Clock
from tests.support.strict_client import StrictClient

SignIn = Callable[[str], StrictClient]


def address(booked: BookedCourse) -> str:
    return f"/courses/{booked.course.id}/end"


def finish_the_past(db: Session, booked: BookedCourse, now: datetime) -> None:
    """What has begun by now was held."""
    for row in db.scalars(select(Appointment).where(Appointment.course_id == booked.course.id)):
        if row.starts_at <= now and row.status is AppointmentStatus.BOOKED:
            row.status = AppointmentStatus.FULFILLED
    db.commit()


def test_the_page_lists_what_would_be_given_back(coordinator: StrictClient, booked: BookedCourse) -> None:
    assert address(booked) in coordinator.page(f"/courses/{booked.course.id}").links
    words = coordinator.page(address(booked)).words
    assert "What would be given back" in words and "Infusion 6" in words


def test_stopping_needs_a_reason(coordinator: StrictClient, booked: BookedCourse, db: Session) -> None:
    page = coordinator.page(address(booked))
    answer = coordinator.submit(page, address(booked), {"status": "revoked", "reason": ""})
    assert answer.status_code == 422
    assert "Say in a few words why" in answer.get_data(as_text=True)
    db.expire_all()
    assert db.get_one(Course, booked.course.id).status is CourseStatus.ACTIVE


def test_stopping_cancels_all_and_offers_an_undo(
    sign_in: SignIn, booked: BookedCourse, db: Session, clock: Clock
) -> None:
    clock.now = booked.rows()[0].starts_at + timedelta(minutes=1)
    coordinator = sign_in("coordinator")
    page = coordinator.page(address(booked))
    unfinished = coordinator.submit(page, address(booked), {"status": "revoked", "reason": "moves away"})
    assert unfinished.status_code == 422
    assert "begun and not been finished" in unfinished.get_data(as_text=True)
    finish_the_past(db, booked, clock.now)
    page = coordinator.page(address(booked))
    answer = coordinator.submit(page, address(booked), {"status": "revoked", "reason": "moves away"})
    assert answer.status_code == 303
    db.expire_all()
    assert db.get_one(Course, booked.course.id).status is CourseStatus.REVOKED
    rows = db.scalars(select(Appointment).where(Appointment.course_id == booked.course.id))
    assert {row.status for row in rows if row.starts_at > clock.now} == {AppointmentStatus.CANCELLED}
    after = coordinator.page(f"/courses/{booked.course.id}")
    undo = next(form for form in after.forms if "/undo" in str(form))
    assert undo
    assert "The course is stopped, and what was still to come is given back." in after.words
    assert "The course is ended." not in after.words


def test_a_page_two_versions_old_answers_409(coordinator: StrictClient, booked: BookedCourse, db: Session) -> None:
    page = coordinator.page(address(booked))
    db.get_one(Course, booked.course.id).version += 2
    db.commit()
    answer = coordinator.submit(page, address(booked), {"status": "completed", "reason": ""})
    assert answer.status_code == 409


def test_only_who_plans_courses_may_end_one(sign_in: SignIn, booked: BookedCourse) -> None:
    assert sign_in("therapist").get(address(booked)).status_code == 404
