"""Preparation, consolidation and proposed boosters after the doses change: kept where they may stay, else moved."""

from collections.abc import Iterable
from dataclasses import replace

import pytest

from planner.domain.conflicts import Conflict, Rule
from planner.domain.protocols import BoosterRule, Protocol
from planner.domain.statuses import AppointmentStatus
from planner.scheduling.around import follow_boosters, follow_consolidation, follow_preparation
from planner.scheduling.course_state import CourseView, State
from planner.scheduling.decisions import Line, LineKind
from planner.scheduling.own_time import Standing
from planner.scheduling.sheets import BookedSheet
from tests.scheduling.plain import (
    SESSION,
    VISIT,
    clinic,
    consolidation,
    dose,
    moved,
    on,
    patient,
    phase,
    preparation,
    protocol,
    therapist,
    view,
)

BOOSTED = protocol(boosters=BoosterRule(14, 7, 28, 2))


def preparing(**changes: object) -> Protocol:
    return protocol(preparation=phase("preparation", **changes))


def consolidating(**changes: object) -> Protocol:
    return protocol(consolidation=phase("consolidation", **changes))


def standing(look: CourseView, start: int, minutes: int = SESSION) -> Standing:
    return Standing(start - look.origin, start + minutes - look.origin, False)


def after(lines: Iterable[Line | Conflict]) -> list[tuple[LineKind, int | None]]:
    """What happens and where to, as UTC minutes."""
    return [(line.kind, line.after.start if line.after else None) for line in lines if isinstance(line, Line)]


def rules(found: Iterable[Line | Conflict]) -> list[Rule]:
    return [each.rule for each in found if isinstance(each, Conflict)]


# -- consolidation -----------------------------------------------------------------------------------------------------


def test_consolidation_stays_while_the_last_dose_does() -> None:
    look = view(dose(1, on(2, "09:00")), consolidation(on(20, "09:00")), plan=consolidating())
    assert after(follow_consolidation(look, look.state(), [])) == []


@pytest.mark.parametrize(("early", "stays"), [(0, True), (1, False)])
def test_consolidation_stays_until_it_is_too_few_days_after_a_moved_dose(early: int, stays: bool) -> None:
    """At least one day of 24 hours after the end of the dose."""
    look = view(dose(1, on(2, "09:00")), consolidation(on(5, "09:40") - early), plan=consolidating())
    state = moved(look, 1, on(4, "09:00"))
    assert (after(follow_consolidation(look, state, [])) == []) is stays


@pytest.mark.parametrize(("late", "stays"), [(0, True), (1, False)])
def test_consolidation_stays_until_it_is_too_many_days_after_a_moved_dose(late: int, stays: bool) -> None:
    look = view(dose(1, on(4, "09:00")), consolidation(on(9, "09:40") + late), plan=consolidating())
    assert (after(follow_consolidation(look, moved(look, 1, on(2, "09:00")), [])) == []) is stays


@pytest.mark.parametrize(("late", "stays"), [(0, True), (1, False)])
def test_consolidation_stays_while_it_is_clear_of_the_courses_other_sessions(late: int, stays: bool) -> None:
    start = on(5, "12:00")
    look = view(dose(1, on(2, "09:00")), consolidation(start), plan=consolidating())
    busy = [standing(look, start - SESSION + late)]
    assert (after(follow_consolidation(look, moved(look, 1, on(3, "09:00")), busy)) == []) is stays


def test_consolidation_goes_to_the_first_slot_with_the_primary_therapist() -> None:
    people = therapist(1, (on(7), on(8))), therapist(2)
    plan = consolidating(min_days=2)
    look = view(dose(1, on(2, "09:00")), consolidation(on(5, "09:00")), plan=plan, supply=clinic(therapists=people))
    lines = list(follow_consolidation(look, moved(look, 1, on(4, "09:00")), []))
    assert after(lines) == [(LineKind.MOVED, on(7, "00:00"))]
    assert lines[0].after is not None and lines[0].after.therapist_id == 1


def test_consolidation_goes_to_the_first_slot_there_is_without_the_primary_therapist() -> None:
    look = view(
        dose(1, on(2, "09:00")),
        consolidation(on(5, "09:00")),
        plan=consolidating(min_days=2),
        patient=patient(primary_therapist_id=None),
    )
    lines = follow_consolidation(look, moved(look, 1, on(4, "09:00")), [])
    assert after(lines) == [(LineKind.MOVED, on(6, "09:40"))]


def test_consolidation_that_moves_keeps_clear_of_what_else_stands_and_of_its_day() -> None:
    """Two sessions move: the second takes the next day, and the first begins when the other session is over."""
    one, two = consolidation(on(5, "09:00")), replace(consolidation(on(5, "12:00")), id=31, number=2)
    look = view(dose(1, on(2, "09:00")), one, two, plan=consolidating(min_days=2, sessions=2))
    busy = [standing(look, on(6, "09:00"))]
    lines = follow_consolidation(look, moved(look, 1, on(4, "09:00")), busy)
    assert after(lines) == [(LineKind.MOVED, on(6, "09:50")), (LineKind.MOVED, on(7, "00:00"))]


def test_consolidation_that_moves_keeps_clear_of_one_that_runs_past_midnight() -> None:
    pinned = consolidation(on(6, "23:30"), pinned=True)
    other = replace(consolidation(on(9, "12:00")), id=31, number=2)
    gone = clinic(therapists=(therapist(1, (on(0), on(9)), (on(10), on(28))),))
    look = view(dose(1, on(4, "23:20")), pinned, other, plan=consolidating(min_days=2, sessions=2), supply=gone)
    state = replace(look.state(), displaced=frozenset({31}))
    assert after(follow_consolidation(look, state, [])) == [(LineKind.MOVED, on(7, "00:20"))]


def test_consolidation_without_a_slot_is_unsaved_and_gives_its_time_back() -> None:
    people = (therapist(1, (on(5), on(6))),)
    look = view(
        dose(1, on(2, "09:00")), consolidation(on(5, "09:00")), plan=consolidating(), supply=clinic(therapists=people)
    )
    (line,) = follow_consolidation(look, moved(look, 1, on(9, "09:00")), [])
    assert (line.kind, line.status) == (LineKind.UNSAVED, AppointmentStatus.CANCELLED)


def test_pinned_consolidation_stays_whatever_happens() -> None:
    look = view(dose(1, on(2, "09:00")), consolidation(on(5, "09:00"), pinned=True), plan=consolidating())
    assert after(follow_consolidation(look, moved(look, 1, on(9, "09:00")), [])) == []


def test_displaced_consolidation_moves_although_it_is_far_enough_after() -> None:
    gone = clinic(therapists=(therapist(1, (on(0), on(5)), (on(6), on(28))),))
    look = view(dose(1, on(2, "09:00")), consolidation(on(5, "09:00")), plan=consolidating(), supply=gone)
    state = replace(look.state(), displaced=frozenset({30}))
    assert after(follow_consolidation(look, state, [])) == [(LineKind.MOVED, on(3, "09:40"))]


def test_displaced_consolidation_keeps_its_time_with_somebody_else() -> None:
    people = (therapist(1, (on(0), on(5)), (on(6), on(28))), therapist(2))
    look = view(
        dose(1, on(2, "09:00")), consolidation(on(5, "09:00")), plan=consolidating(), supply=clinic(therapists=people)
    )
    state = replace(look.state(), displaced=frozenset({30}))
    (line,) = follow_consolidation(look, state, [])
    assert line.after is not None
    assert (line.after.start, line.after.therapist_id) == (on(5, "09:00"), 2)


def test_consolidation_counts_from_the_recorded_end_of_the_dose() -> None:
    look = view(dose(1, on(4, "09:00")), consolidation(on(5, "09:40")), plan=consolidating())
    late = tuple(replace(d, anchor=d.anchor + 10) for d in look.state().doses)
    assert after(follow_consolidation(look, State(late), [])) == [(LineKind.MOVED, on(5, "09:50"))]


# -- preparation -------------------------------------------------------------------------------------------------------


def prepared(start: int, first_dose: int, **changes: object) -> tuple[CourseView, State]:
    """Preparation at `start`, with a first dose that moves to `first_dose`."""
    look = view(preparation(start), dose(1, on(9, "12:00")), plan=preparing(**changes))
    return look, moved(look, 1, first_dose)


@pytest.mark.parametrize(("day", "stays"), [(8, True), (14, True), (7, False), (15, False)])
def test_preparation_stays_from_one_to_seven_local_days_before_the_first_dose(day: int, stays: bool) -> None:
    look, state = prepared(on(7, "23:00"), on(day, "01:00"))
    assert (after(follow_preparation(look, state, [])) == []) is stays


@pytest.mark.parametrize(("check_in", "stays"), [("10:00", True), ("09:30", False)])
def test_preparation_stays_while_it_is_over_before_check_in(check_in: str, stays: bool) -> None:
    look, state = prepared(on(8, "09:10"), on(8, check_in), min_days=0)
    assert (after(follow_preparation(look, state, [])) == []) is stays


@pytest.mark.parametrize(("turnover", "stays"), [(0, True), (30, True), (40, False)])
def test_preparation_stays_while_the_patient_has_their_break_before_check_in(turnover: int, stays: bool) -> None:
    look = view(
        preparation(on(8, "09:10")),
        dose(1, on(9, "12:00")),
        plan=preparing(min_days=0),
        patient=patient(turnover=turnover),
    )
    assert (after(follow_preparation(look, moved(look, 1, on(8, "10:30")), [])) == []) is stays


def test_preparation_out_of_its_days_stays_while_the_first_dose_does() -> None:
    look = view(preparation(on(1, "09:00")), dose(1, on(12, "12:00")), plan=preparing())
    assert list(follow_preparation(look, look.state(), [])) == []


def test_preparation_moves_to_the_day_aimed_at() -> None:
    look, state = prepared(on(8, "09:00"), on(8, "12:00"))
    assert after(follow_preparation(look, state, [])) == [(LineKind.MOVED, on(5, "00:00"))]


@pytest.mark.parametrize(("day", "possible"), [(1, True), (0, False), (7, True), (8, False)])
def test_preparation_moves_within_its_days_only(day: int, possible: bool) -> None:
    """The first dose goes to day 8: day 1 is seven days before it, day 7 one."""
    supply = clinic(therapists=(therapist(1, (on(day), on(day, "00:50"))),))
    look = view(preparation(on(8, "09:00")), dose(1, on(9, "12:00")), plan=preparing(), supply=supply)
    (line, *_) = after(follow_preparation(look, moved(look, 1, on(8, "12:00")), []))
    assert line == ((LineKind.MOVED, on(day)) if possible else (LineKind.UNSAVED, None))


def test_preparation_moves_to_the_primary_therapist_before_the_day_aimed_at() -> None:
    supply = clinic(therapists=(therapist(1, (on(2), on(3))), therapist(2)))
    look = view(preparation(on(8, "09:00")), dose(1, on(9, "12:00")), plan=preparing(), supply=supply)
    assert after(follow_preparation(look, moved(look, 1, on(8, "12:00")), [])) == [(LineKind.MOVED, on(2, "00:00"))]


def test_preparation_moves_to_where_it_is_over_by_check_in() -> None:
    """On the day of the dose itself, from 09:00 on, the first dose an hour later or a little less than that."""
    supply = clinic(therapists=(therapist(1, (on(8, "09:10"), on(9))),), now=on(7))
    plan = preparing(min_days=0, target_days=0)

    def moves(check_in: str) -> list[tuple[LineKind, int | None]]:
        look = view(preparation(on(8, "13:00")), dose(1, on(9, "12:00")), plan=plan, supply=supply)
        return after(follow_preparation(look, moved(look, 1, on(8, check_in)), []))

    assert moves("10:00") == [(LineKind.MOVED, on(8, "09:10"))]
    assert moves("09:30") == [(LineKind.UNSAVED, None)]


def test_a_first_dose_that_loses_its_required_preparation_needs_a_reason() -> None:
    supply = clinic(therapists=(therapist(1, (on(8, "12:30"), on(9))),))

    def needed(**changes: object) -> list[Rule]:
        plan = preparing(**changes)
        look = view(preparation(on(8, "13:00")), dose(1, on(9, "12:00")), plan=plan, supply=supply)
        return rules(follow_preparation(look, moved(look, 1, on(8, "12:00")), []))

    assert needed() == [Rule.PREP_MISSING]
    assert needed(required=False) == []


def test_a_pinned_preparation_that_no_longer_prepares_needs_a_reason() -> None:
    pinned = preparation(on(8, "13:00"), pinned=True)
    look = view(pinned, dose(1, on(9, "12:00")), plan=preparing())
    found = list(follow_preparation(look, moved(look, 1, on(8, "12:00")), []))
    assert (after(found), rules(found)) == ([], [Rule.PREP_MISSING])


def test_more_preparation_than_needed_may_fall_away() -> None:
    """Two booked and one needed: the one that can neither stay nor move asks for no reason."""
    supply = clinic(therapists=(therapist(1, (on(8, "12:30"), on(9))),))
    two = preparation(on(7, "09:00")), replace(preparation(on(8, "13:00")), id=21)
    look = view(*two, dose(1, on(9, "12:00")), plan=preparing(), supply=supply)
    found = list(follow_preparation(look, moved(look, 1, on(8, "12:00")), []))
    assert (after(found), rules(found)) == ([(LineKind.UNSAVED, None)], [])


# -- boosters ----------------------------------------------------------------------------------------------------------


def booster(key: int, start: int) -> BookedSheet:
    return replace(dose(key, start), status=AppointmentStatus.PROPOSED, phase="maintenance")


def test_boosters_follow_the_last_dose_by_local_days_at_its_time_of_day() -> None:
    boosters = booster(50, on(16, "09:00")), booster(51, on(30, "09:00"))
    look = view(dose(1, on(2, "09:00")), *boosters, plan=BOOSTED)
    lines = follow_boosters(look, moved(look, 1, on(4, "10:30")))
    assert after(lines) == [(LineKind.MOVED, on(18, "10:30")), (LineKind.MOVED, on(32, "10:30"))]


def test_boosters_stay_while_the_last_dose_does() -> None:
    look = view(dose(1, on(2, "09:00")), booster(50, on(20, "09:00")), plan=BOOSTED)
    assert after(follow_boosters(look, look.state())) == []


def test_a_booster_that_is_already_there_has_no_line() -> None:
    look = view(dose(1, on(2, "09:00")), booster(50, on(18, "10:30")), plan=BOOSTED)
    assert after(follow_boosters(look, moved(look, 1, on(4, "10:30")))) == []


def test_a_booster_keeps_its_length() -> None:
    look = view(dose(1, on(2, "09:00")), booster(50, on(16, "09:00")), plan=BOOSTED)
    (line,) = follow_boosters(look, moved(look, 1, on(4, "10:30")))
    assert line.after is not None and line.after.end - line.after.start == VISIT
