"""One session moved by hand: inside its window freely, outside with a reason, into another appointment never."""

from dataclasses import replace

import pytest

from planner.domain.conflicts import Rule
from planner.domain.errors import Refused
from planner.domain.statuses import AppointmentStatus, Mode
from planner.scheduling.decisions import Decision
from planner.scheduling.moves import decide_move
from planner.scheduling.placements import Placement
from planner.scheduling.sheets import BookedSheet, CourseSheet
from tests.scheduling.plain import (
    SESSION,
    clinic,
    consolidation,
    course,
    dose,
    on,
    patient,
    phase,
    preparation,
    protocol,
    session,
    therapist,
    windowed,
)

CHECK_IN = on(2, "09:20")
ANCHOR = on(2, "10:00")


def windowed_course(*more: BookedSheet, **changes: object) -> CourseSheet:
    return course(dose(1, CHECK_IN), session(1, on(3, "10:00")), *more, **changes)  # type: ignore[arg-type]


def placed(decision: Decision) -> Placement:
    (line,) = decision.lines
    assert line.after is not None
    return line.after


def asks(booked: CourseSheet, key: int, start: int) -> list[Rule]:
    """The rules that a move there needs a reason for."""
    return [conflict.rule for conflict in decide_move(booked, key, start).overrides]


def refused(booked: CourseSheet, key: int, start: int) -> set[Rule]:
    with pytest.raises(Refused) as info:
        decide_move(booked, key, start)
    return {conflict.rule for conflict in info.value.conflicts}


# -- the window --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("offset", "needs_reason"),
    [
        (12 * 60 - 10, True),
        (12 * 60, False),
        (72 * 60, False),
        (72 * 60 + 10, True),
        (168 * 60, True),
        (180 * 60, True),
    ],
)
def test_a_session_moves_freely_inside_its_window_and_with_a_reason_outside(offset: int, needs_reason: bool) -> None:
    assert asks(windowed_course(), 11, ANCHOR + offset) == [Rule.OUTSIDE_WINDOW] * needs_reason


def test_a_session_contained_whole_by_its_window_needs_a_reason_to_run_over() -> None:
    booked, closes = windowed_course(plan=protocol(integration=windowed(containment="full"))), ANCHOR + 72 * 60
    assert asks(booked, 11, closes - SESSION) == []
    assert asks(booked, 11, closes - SESSION + 10) == [Rule.OUTSIDE_WINDOW]


def test_a_session_says_how_long_after_its_dose_it_then_is() -> None:
    after = placed(decide_move(windowed_course(), 11, on(3, "12:00")))
    assert (after.offset_min, after.serves, after.number, after.end) == (26 * 60, 1, 1, on(3, "12:50"))


def test_a_session_does_not_move_before_its_dose() -> None:
    assert refused(windowed_course(), 11, on(2, "06:00")) == {Rule.OUTSIDE_WINDOW}


def test_a_session_may_end_when_the_next_dose_checks_in_less_the_gap() -> None:
    plan = protocol(integration=windowed(min_gap_before_next_dose_h=2))
    booked = windowed_course(dose(2, on(4, "11:00")), plan=plan)
    assert asks(booked, 11, on(4, "08:10")) == []
    assert refused(booked, 11, on(4, "08:20")) == {Rule.NEXT_DOSE}


# -- the course's own appointments -------------------------------------------------------------------------------------


def test_a_session_does_not_run_into_another_appointment_of_the_course() -> None:
    plan = protocol(consolidation=phase("consolidation"))
    booked = windowed_course(consolidation(on(4, "12:00")), plan=plan)
    assert asks(booked, 11, on(4, "12:00") - SESSION) == []
    assert refused(booked, 11, on(4, "11:20")) == {Rule.PATIENT_BUSY}
    assert refused(booked, 11, on(4, "12:40")) == {Rule.PATIENT_BUSY}
    assert asks(booked, 11, on(4, "12:50")) == []


def test_a_cancelled_appointment_is_in_nobodys_way() -> None:
    gone = replace(consolidation(on(4, "12:00")), status=AppointmentStatus.CANCELLED)
    assert asks(windowed_course(gone), 11, on(4, "12:00")) == []


def test_a_session_does_not_start_while_the_patient_is_in_the_visit() -> None:
    plan = protocol(consolidation=phase("consolidation", min_days=0))
    booked = course(dose(1, CHECK_IN), consolidation(on(5, "09:00")), plan=plan)
    assert refused(booked, 30, on(2, "10:10")) == {Rule.PATIENT_BUSY}
    assert asks(booked, 30, on(2, "10:20")) == []


# -- around the doses --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("day", "needs_reason"), [(1, True), (2, False), (8, False)])
def test_preparation_keeps_its_local_days_before_the_first_dose(day: int, needs_reason: bool) -> None:
    booked = course(
        preparation(on(6, "09:00")), dose(1, on(9, "09:00")), plan=protocol(preparation=phase("preparation"))
    )
    late_that_day = on(day, "23:00") if day == 1 else on(day, "00:00")
    assert asks(booked, 20, late_that_day) == [Rule.OUTSIDE_WINDOW] * needs_reason


def test_preparation_on_the_day_of_the_first_dose_comes_before_it() -> None:
    plan = protocol(preparation=phase("preparation", min_days=0))
    booked = course(preparation(on(6, "09:00")), dose(1, on(9, "09:00")), plan=plan)
    assert asks(booked, 20, on(9, "09:00") - SESSION) == []
    assert asks(booked, 20, on(9, "10:00")) == [Rule.OUTSIDE_WINDOW]


def test_another_consolidation_session_keeps_its_day() -> None:
    other = replace(consolidation(on(6, "09:00")), id=31)
    plan = protocol(consolidation=phase("consolidation"))
    booked = course(dose(1, CHECK_IN), consolidation(on(5)), other, plan=plan)
    assert asks(booked, 30, on(6, "15:00")) == [Rule.OUTSIDE_WINDOW]
    assert asks(booked, 30, on(7, "15:00")) == []


@pytest.mark.parametrize(("start", "needs_reason"), [("10:00", False), ("09:50", True)])
def test_consolidation_keeps_its_elapsed_days_after_the_last_dose(start: str, needs_reason: bool) -> None:
    booked = course(dose(1, CHECK_IN), consolidation(on(5)), plan=protocol(consolidation=phase("consolidation")))
    assert asks(booked, 30, on(3, start)) == [Rule.OUTSIDE_WINDOW] * needs_reason


@pytest.mark.parametrize(("start", "needs_reason"), [("10:00", False), ("10:10", True)])
def test_consolidation_keeps_the_most_days_after_the_last_dose(start: str, needs_reason: bool) -> None:
    booked = course(dose(1, CHECK_IN), consolidation(on(5)), plan=protocol(consolidation=phase("consolidation")))
    assert asks(booked, 30, on(9, start)) == [Rule.OUTSIDE_WINDOW] * needs_reason


# -- who holds it ------------------------------------------------------------------------------------------------------


def two_therapists(primary: int | None = 1, **changes: object) -> CourseSheet:
    """Therapist 2 has the session and works on day 3; 1 and 3 are always there."""
    people = therapist(1), therapist(2, (on(3), on(4))), therapist(3)
    rows = dose(1, CHECK_IN), session(1, on(3, "10:00"), therapist_id=2, **changes)
    return course(*rows, supply=clinic(therapists=people), patient=patient(primary_therapist_id=primary))


def test_a_session_keeps_its_therapist_while_they_are_free() -> None:
    assert placed(decide_move(two_therapists(), 11, on(3, "12:00"))).therapist_id == 2


@pytest.mark.parametrize(("primary", "goes_to"), [(1, 1), (3, 3), (None, 1)])
def test_a_session_whose_therapist_is_not_free_goes_to_the_primary_one(primary: int | None, goes_to: int) -> None:
    assert placed(decide_move(two_therapists(primary), 11, on(4, "12:00"))).therapist_id == goes_to


def test_a_session_goes_to_the_therapist_who_is_asked_for_or_nowhere() -> None:
    booked = two_therapists()
    assert placed(decide_move(booked, 11, on(3, "12:00"), therapist_id=3)).therapist_id == 3
    with pytest.raises(Refused):
        decide_move(booked, 11, on(4, "12:00"), therapist_id=2)


def test_a_session_stays_in_person_or_by_telehealth_where_it_can() -> None:
    assert placed(decide_move(two_therapists(mode=Mode.TELEHEALTH), 11, on(3, "12:00"))).mode is Mode.TELEHEALTH
    assert placed(decide_move(two_therapists(mode=Mode.IN_PERSON), 11, on(3, "12:00"))).mode is Mode.IN_PERSON
    only = course(
        dose(1, CHECK_IN),
        session(1, on(3, "10:00"), mode=Mode.TELEHEALTH),
        patient=patient(modes=(Mode.IN_PERSON,)),
    )
    assert placed(decide_move(only, 11, on(3, "12:00"))).mode is Mode.IN_PERSON
