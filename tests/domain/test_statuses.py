"""Statuses are FHIR's words, and one table says which may follow which."""

import pytest

from planner.domain.statuses import (
    APPOINTMENT_MOVES,
    COUNTING,
    HOLDING,
    MOVABLE,
    AppointmentStatus,
    CourseStatus,
    course_may_become,
    may_become,
)

LEGAL = {
    "proposed": {"booked", "cancelled"},
    "booked": {"arrived", "fulfilled", "cancelled", "noshow", "entered-in-error"},
    "arrived": {"fulfilled", "cancelled", "entered-in-error"},
}
LEGAL_COURSE = {
    "draft": {"active", "revoked"},
    "active": {"on-hold", "completed", "revoked"},
    "on-hold": {"active", "revoked"},
}


@pytest.mark.parametrize("now", AppointmentStatus)
@pytest.mark.parametrize("then", AppointmentStatus)
def test_appointment_moves(now: AppointmentStatus, then: AppointmentStatus) -> None:
    assert may_become(now, then) is (then.value in LEGAL.get(now.value, set()))


@pytest.mark.parametrize("now", CourseStatus)
@pytest.mark.parametrize("then", CourseStatus)
def test_course_moves(now: CourseStatus, then: CourseStatus) -> None:
    assert course_may_become(now, then) is (then.value in LEGAL_COURSE.get(now.value, set()))


def test_what_holds_moves_and_counts() -> None:
    assert {s.value for s in HOLDING} == {"booked", "arrived", "fulfilled"}
    assert {s.value for s in COUNTING} == {"booked", "arrived", "fulfilled"}
    assert {s.value for s in MOVABLE} == {"booked", "proposed"}
    assert all({now} <= MOVABLE or now is AppointmentStatus.ARRIVED for now in APPOINTMENT_MOVES)
