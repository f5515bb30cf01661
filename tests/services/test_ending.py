"""Ending a course: what is to come is given back, what began must be closed, and it is undone as one."""

from __future__ import annotations

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from planner.domain.errors import FieldError, NotFound, Refused, StaleVersion
from planner.domain.statuses import AppointmentStatus, CourseStatus
from planner.services.ending import end_course
from planner.services.undoing_groups import undo_change
from planner.store.records import Appointment, Course, Occupancy
from tests.builders import ScenarioClinic, at, coordinator, scenario_clinic, site
from tests.journeys.test_worked_scenarios import book_scenario_a, everything

SOON = at("2027-01-21 09:00")


@pytest.fixture
def clinic(db: Session) -> ScenarioClinic:
    return scenario_clinic(db)


def stop(db: Session, clinic: ScenarioClinic, course: Course, **more: object) -> object:
    given = {"status": CourseStatus.REVOKED, "seen_version": course.version, "now": SOON, "reason": "moves away"} | more
    return end_course(db, clinic.coordinator, course.id, **given)  # type: ignore[arg-type]


def test_stopping_gives_back_what_is_to_come_and_undo_takes_it_up_again(db: Session, clinic: ScenarioClinic) -> None:
    course = book_scenario_a(db, clinic)
    before = everything(db, course)
    change = stop(db, clinic, course)
    rows = db.scalars(select(Appointment).where(Appointment.course_id == course.id)).all()
    assert {row.status for row in rows} == {AppointmentStatus.CANCELLED}
    held = select(Occupancy).where(Occupancy.appointment_id.in_([row.id for row in rows]))
    assert db.scalars(held).all() == []
    assert course.status is CourseStatus.REVOKED
    undo_change(db, clinic.coordinator, change.id, SOON)  # type: ignore[attr-defined]
    assert everything(db, course) == before
    assert db.get_one(Course, course.id).status is CourseStatus.ACTIVE


def test_stopping_early_needs_a_reason(db: Session, clinic: ScenarioClinic) -> None:
    course = book_scenario_a(db, clinic)
    with pytest.raises(FieldError) as refusal:
        stop(db, clinic, course, reason="  ")
    assert refusal.value.field == "reason"


def test_a_course_with_an_unfinished_visit_is_not_ended(db: Session, clinic: ScenarioClinic) -> None:
    course = book_scenario_a(db, clinic)
    before = everything(db, course)
    with pytest.raises(Refused, match="begun and not been finished"):
        stop(db, clinic, course, now=at("2027-01-25 10:00"))
    assert everything(db, course) == before


def test_an_older_version_and_another_site_are_refused(db: Session, clinic: ScenarioClinic) -> None:
    course = book_scenario_a(db, clinic)
    with pytest.raises(StaleVersion):
        stop(db, clinic, course, seen_version=course.version + 1)
    stranger = coordinator(db, site(db))
    with pytest.raises(NotFound):
        end_course(db, stranger, course.id, status=CourseStatus.COMPLETED, seen_version=course.version, now=SOON)
