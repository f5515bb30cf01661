"""Preparation before the first dose and consolidation after the last, to the minute and the day."""

from datetime import timedelta

import pytest

from planner.domain.protocols import Protocol
from planner.scheduling.bookends import Bookends
from planner.scheduling.sheets import ClinicSheet, PersonSheet
from tests.scheduling.plain import (
    DOSE_END,
    FIRST,
    ORIGIN,
    SESSION,
    clinic,
    on,
    patient,
    phase,
    protocol,
    search,
    therapist,
)


def at(day: int, wall: str) -> tuple[int, int]:
    """Free for just one session then."""
    return on(day, wall), on(day, wall) + SESSION


def staffed(*people: PersonSheet) -> ClinicSheet:
    return clinic(therapists=people)


def ends(plan: Protocol, supply: ClinicSheet, *held: int) -> Bookends:
    days = tuple(FIRST + timedelta(days=day) for day in held)
    return search(plan, supply, preparation_days=days).bookends


def preparing(**changes: object) -> Protocol:
    return protocol(preparation=phase("preparation", **changes))


def consolidating(**changes: object) -> Protocol:
    return protocol(consolidation=phase("consolidation", **changes))


def walls(starts: list[int]) -> list[int]:
    return [start + ORIGIN for start in starts]


# -- preparation -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("held", "left"), [(9, 1), (8, 1), (7, 0), (1, 0), (0, 1)])
def test_preparation_held_counts_from_one_to_seven_days_before_the_first_dose(held: int, left: int) -> None:
    """The first dose is on day 8: preparation on days 1 to 7 counts, on the day itself or later it does not."""
    assert ends(preparing(), clinic(), held).preparation_left(8) == left


def test_more_preparation_held_than_needed_leaves_none_to_plan() -> None:
    assert ends(preparing(), clinic(), 3, 4, 5).preparation_left(8) == 0


def test_preparation_that_is_not_required_is_not_planned() -> None:
    assert ends(preparing(required=False), clinic()).preparation_left(8) == 0


def test_a_first_dose_is_prepared_when_preparation_is_over_by_check_in() -> None:
    found = ends(preparing(min_days=0), staffed(therapist(1, at(3, "09:00"))))
    assert found.prepared(on(3, "09:50") - ORIGIN)
    assert not found.prepared(on(3, "09:49") - ORIGIN)


def test_the_patients_own_break_lies_between_preparation_and_the_first_dose() -> None:
    plan, supply = preparing(min_days=0), staffed(therapist(1, at(3, "09:00")))
    found = search(plan, supply, patient=patient(turnover=20)).bookends
    assert found.prepared(on(3, "10:10") - ORIGIN)
    assert not found.prepared(on(3, "10:09") - ORIGIN)


def test_two_preparation_sessions_need_two_days() -> None:
    plan = preparing(sessions=2)
    one_day = ends(plan, staffed(therapist(1, at(3, "09:00"), at(3, "12:00"))))
    assert not one_day.prepared(on(6, "09:00") - ORIGIN)
    two_days = ends(plan, staffed(therapist(1, at(3, "09:00"), at(4, "12:00"))))
    assert two_days.prepared(on(6, "09:00") - ORIGIN)
    assert walls(two_days.chosen_preparation(on(6, "09:00") - ORIGIN)) == [on(3, "09:00"), on(4, "12:00")]


def test_preparation_is_with_the_primary_therapist_then_near_the_day_aimed_at() -> None:
    supply = staffed(therapist(1, at(2, "09:00"), at(6, "09:00")), therapist(2, at(5, "09:00")))
    assert walls(ends(preparing(), supply).chosen_preparation(on(8, "09:00") - ORIGIN)) == [on(6, "09:00")]


def test_of_two_days_as_near_preparation_takes_the_earlier() -> None:
    supply = staffed(therapist(1, at(4, "09:00"), at(6, "09:00")))
    assert walls(ends(preparing(), supply).chosen_preparation(on(8, "09:00") - ORIGIN)) == [on(4, "09:00")]


def test_preparation_gives_up_the_day_aimed_at_for_one_more_session() -> None:
    """The nearest session to the aim leaves no room for a second one 50 minutes clear of it: the run of all does."""
    supply = staffed(therapist(1, (on(4, "23:30"), on(5, "01:20"))))
    found = ends(preparing(sessions=2), supply).chosen_preparation(on(8, "09:00") - ORIGIN)
    assert walls(found) == [on(4, "23:30"), on(5, "00:20")]


def test_two_preparation_sessions_across_midnight_keep_a_break_between_them() -> None:
    supply = staffed(therapist(1, (on(4, "23:30"), on(5, "01:20")), turnover=10))
    found = ends(preparing(sessions=2, min_days=0), supply)
    assert found.prepared(on(5, "01:20") - ORIGIN)
    assert not found.prepared(on(5, "01:19") - ORIGIN)


def test_the_preparation_that_is_chosen_leaves_the_patient_their_break_before_the_dose() -> None:
    plan = preparing(min_days=0, target_days=0)
    supply = staffed(therapist(1, at(2, "09:00"), at(3, "09:00")))
    found = search(plan, supply, patient=patient(turnover=20)).bookends
    assert walls(found.chosen_preparation(on(3, "10:10") - ORIGIN)) == [on(3, "09:00")]
    assert walls(found.chosen_preparation(on(3, "10:09") - ORIGIN)) == [on(2, "09:00")]


# -- consolidation -----------------------------------------------------------------------------------------------------


def test_consolidation_counts_its_days_from_the_end_of_the_dose() -> None:
    dose = on(2, "09:00") - ORIGIN
    span = ends(consolidating(min_days=2, max_days=5), clinic()).consolidation_range(dose)
    assert span == (dose + DOSE_END + 2 * 1440, dose + DOSE_END + 5 * 1440)


def test_consolidation_on_the_day_itself_waits_until_the_patient_has_left() -> None:
    dose = on(2, "09:00") - ORIGIN
    span = ends(consolidating(min_days=0), clinic()).consolidation_range(dose)
    assert span is not None and span[0] + ORIGIN == on(2, "10:00")


@pytest.mark.parametrize("turnover", [0, 15])
def test_what_comes_before_consolidation_is_over_a_break_earlier(turnover: int) -> None:
    supply = staffed(therapist(1, (on(4, "10:00"), on(4, "10:50")), turnover=turnover))
    found = ends(consolidating(), supply).consolidation_by(on(2, "09:00") - ORIGIN)
    assert found is not None and found + ORIGIN == on(4, "10:00") - turnover


def test_two_consolidation_sessions_lie_on_different_days() -> None:
    plan = consolidating(sessions=2)
    supply = staffed(therapist(1, at(4, "10:00"), at(5, "10:00"), at(5, "12:00")))
    found = ends(plan, supply)
    dose = on(2, "09:00") - ORIGIN
    assert walls(found.chosen_consolidation(dose, 0)) == [on(4, "10:00"), on(5, "10:00")]
    assert found.consolidation_by(dose) == on(4, "10:00") - ORIGIN


def test_two_consolidation_sessions_across_midnight_keep_clear_of_each_other() -> None:
    supply = staffed(therapist(1, (on(4, "23:20"), on(5, "01:00"))))
    found = ends(consolidating(sessions=2), supply)
    assert found.consolidation_by(on(2, "09:00") - ORIGIN) == on(4, "23:20") - ORIGIN
    tight = staffed(therapist(1, (on(4, "23:30"), on(5, "00:50"))))
    assert ends(consolidating(sessions=2), tight).consolidation_by(on(2, "09:00") - ORIGIN) is None


def test_two_consolidation_sessions_across_midnight_keep_a_break_between_them() -> None:
    def by(until: str) -> int | None:
        supply = staffed(therapist(1, (on(4, "23:20"), on(5, until)), turnover=10))
        return ends(consolidating(sessions=2), supply).consolidation_by(on(2, "09:00") - ORIGIN)

    assert by("01:10") == on(4, "23:20") - 10 - ORIGIN
    assert by("01:00") is None


def test_consolidation_comes_no_earlier_than_the_last_session_is_over() -> None:
    found = ends(consolidating(), staffed(therapist(1, at(4, "10:00"), at(5, "10:00"))))
    dose = on(2, "09:00") - ORIGIN
    assert walls(found.chosen_consolidation(dose, on(4, "10:00") - ORIGIN)) == [on(4, "10:00")]
    assert walls(found.chosen_consolidation(dose, on(4, "10:01") - ORIGIN)) == [on(5, "10:00")]


def test_consolidation_is_with_the_primary_therapist_even_if_later() -> None:
    found = ends(consolidating(), staffed(therapist(1, at(6, "10:00")), therapist(2, at(4, "10:00"))))
    assert walls(found.chosen_consolidation(on(2, "09:00") - ORIGIN, 0)) == [on(6, "10:00")]


def test_the_last_dose_needs_a_session_that_is_over_a_break_before_consolidation() -> None:
    """Whoever works until 10:50 can hold consolidation at 10:00; the session and ten minutes come before that."""
    plan = protocol(doses=1, consolidation=phase("consolidation", min_days=2, max_days=3))

    def possible(works_from: str) -> bool:
        supply = staffed(therapist(1, (on(4, works_from), on(4, "10:50")), turnover=10))
        return search(plan, supply).last_slot(on(2, "09:00") - ORIGIN)[0]

    assert possible("09:00")
    assert not possible("09:10")
