"""When later doses slide: by the days between, and by whether the session between can still be over."""

from dataclasses import replace

import pytest

from planner.domain.conflicts import Rule
from planner.domain.errors import Refused
from planner.domain.protocols import Spacing
from planner.scheduling.course_state import CourseView
from planner.scheduling.sheets import ClinicSheet
from planner.scheduling.sliding import earlier_ends, find_dose_time, fits_at, slide_followers
from tests.scheduling.plain import (
    DOSE_END,
    SESSION,
    VISIT,
    chair,
    clinic,
    dose,
    moved,
    no_sessions,
    on,
    protocol,
    rolling,
    session,
    therapist,
    to_the_minute,
    view,
    windowed,
)

OPENS = 12 * 60
#: From check-in until the earliest session is over: the next dose may come then.
READY = DOSE_END + OPENS + SESSION
NEXT_DAY = Spacing(1, 3, 6, 7)


def starts(look: CourseView, number: int) -> list[int]:
    """Where the doses lie after those behind dose `number` have slid, as UTC minutes."""
    return [each.start + look.origin for each in slide_followers(look, look.state(), number).doses]


def any_minute(**changes: object) -> ClinicSheet:
    return to_the_minute(clinic(**changes))


# -- sliding -----------------------------------------------------------------------------------------------------------


def test_a_dose_far_enough_behind_stays() -> None:
    look = view(dose(1, on(2, "09:00")), dose(2, on(4, "09:00")), supply=any_minute())
    assert starts(look, 1) == [on(2, "09:00"), on(4, "09:00")]


def test_a_dose_too_few_days_behind_slides_to_the_first_day_that_is_enough() -> None:
    look = view(dose(1, on(2, "09:00")), dose(2, on(3, "09:00")), supply=any_minute())
    assert starts(look, 1) == [on(2, "09:00"), on(4, "09:00")]


def test_days_between_doses_are_calendar_days_not_24_hours() -> None:
    look = view(dose(1, on(2, "23:00")), dose(2, on(4, "13:00")), supply=any_minute())
    assert starts(look, 1) == [on(2, "23:00"), on(4, "13:00")]


@pytest.mark.parametrize(("short", "slides"), [(0, False), (1, True)])
def test_a_dose_slides_when_the_session_before_it_cannot_be_over(short: int, slides: bool) -> None:
    """The days between are enough; the earliest session is over at 09:30 the next morning."""
    first = on(2, "20:00")
    look = view(dose(1, first), dose(2, first + READY - short), plan=protocol(spacing=NEXT_DAY), supply=any_minute())
    assert (starts(look, 1)[1] != first + READY - short) is slides


def test_a_dose_slides_when_there_is_no_session_before_it_at_all() -> None:
    """The only therapist comes on day 6: the second dose waits for the session of the first."""
    works = therapist(1, (on(6, "09:00"), on(9, "18:00")))
    plan = protocol(integration=windowed(closes_h=120), spacing=Spacing(2, 3, 6, 7))
    look = view(dose(1, on(2, "09:00")), dose(2, on(4, "09:00")), plan=plan, supply=clinic(therapists=(works,)))
    assert starts(look, 1) == [on(2, "09:00"), on(6, "10:00")]


def test_sliding_stops_at_the_first_dose_that_has_room() -> None:
    look = view(dose(1, on(2)), dose(2, on(3)), dose(3, on(6)), supply=any_minute())
    assert starts(look, 1) == [on(2), on(4), on(6)]
    tight = view(dose(1, on(2)), dose(2, on(3)), dose(3, on(5)), supply=any_minute())
    assert starts(tight, 1) == [on(2), on(4), on(6)]


def test_a_pinned_dose_does_not_slide() -> None:
    look = view(dose(1, on(2)), dose(2, on(3), pinned=True), supply=any_minute())
    with pytest.raises(Refused) as refused:
        slide_followers(look, look.state(), 1)
    assert [conflict.rule for conflict in refused.value.conflicts] == [Rule.SPACING]


@pytest.mark.parametrize(("free_day", "possible"), [(9, True), (10, False)])
def test_a_dose_slides_no_farther_than_the_protocols_most_days(free_day: int, possible: bool) -> None:
    """Dose 1 is on day 2 and the chair is taken until `free_day`: seven days between are the most."""
    plan = protocol(integration=no_sessions())
    full = chair(1, (on(4), on(free_day)))
    look = view(dose(1, on(2, "09:00")), dose(2, on(3, "09:00")), plan=plan, supply=any_minute(chairs=(full,)))
    if possible:
        assert starts(look, 1)[1] == on(9, "09:00")
    else:
        with pytest.raises(Refused):
            slide_followers(look, look.state(), 1)


def test_a_dose_that_slides_keeps_its_time_of_day_as_nearly_as_it_can() -> None:
    full = chair(1, (on(4, "08:30"), on(4, "11:00")))
    plan = protocol(integration=no_sessions())
    look = view(dose(1, on(2, "09:00")), dose(2, on(3, "09:00")), plan=plan, supply=any_minute(chairs=(full,)))
    assert starts(look, 1)[1] == on(4, "07:30")


# -- when a dose is ready ----------------------------------------------------------------------------------------------


def test_the_next_dose_waits_for_the_visit_where_there_is_no_session() -> None:
    look = view(dose(1, on(2, "09:00")), plan=protocol(integration=no_sessions()))
    ends = earlier_ends(look, look.state(), 1)
    assert ends is not None and ends + look.origin == on(2, "09:00") + VISIT


def test_the_next_dose_waits_for_the_session_that_is_booked_or_an_earlier_one() -> None:
    """A session booked sooner than any slot that is free now counts; a later one does not hold the dose up."""
    supply = any_minute(therapists=(therapist(1, (on(3, "12:00"), on(9))),))

    def ready(start: int) -> int:
        look = view(dose(1, on(2, "09:00")), session(1, start), supply=supply)
        ends = earlier_ends(look, look.state(), 1)
        assert ends is not None
        return ends + look.origin

    assert ready(on(3, "09:00")) == on(3, "09:50")
    assert ready(on(4, "09:00")) == on(3, "12:50")


def test_the_booked_session_of_a_dose_that_moves_or_is_displaced_counts_no_more() -> None:
    supply = any_minute(therapists=(therapist(1, (on(3, "12:00"), on(9))),))
    look = view(dose(1, on(2, "09:00")), session(1, on(3, "09:00")), supply=supply)
    displaced = earlier_ends(look, replace(look.state(), displaced=frozenset({11})), 1)
    after_move = earlier_ends(look, moved(look, 1, on(2, "09:30")), 1)
    assert displaced is not None and displaced + look.origin == on(3, "12:50")
    assert after_move is not None and after_move + look.origin == on(3, "12:50")


def test_the_next_dose_waits_for_the_gap_after_the_session_too() -> None:
    plan = protocol(integration=windowed(min_gap_before_next_dose_h=2))
    look = view(dose(1, on(2, "09:00")), plan=plan, supply=any_minute())
    ends = earlier_ends(look, look.state(), 1)
    assert ends is not None and ends + look.origin == on(2, "09:00") + READY + 120


def test_the_next_dose_waits_for_the_gap_after_the_booked_session_too() -> None:
    plan = protocol(integration=windowed(min_gap_before_next_dose_h=2))
    supply = any_minute(therapists=(therapist(1, (on(3, "12:00"), on(9))),))
    look = view(dose(1, on(2, "09:00")), session(1, on(3, "09:00")), plan=plan, supply=supply)
    ends = earlier_ends(look, look.state(), 1)
    assert ends is not None and ends + look.origin == on(3, "11:50")


def test_no_session_counts_before_the_patient_has_left() -> None:
    """A dose that ended early, with a window that opens at once."""
    start = on(2, "09:00")
    plan = protocol(integration=windowed(opens_h=0, knots=((0, 0.5), (18, 1.0), (168, 0.0))))
    look = view(dose(1, start, dose_end=start + 30), plan=plan, supply=any_minute())
    ends = earlier_ends(look, look.state(), 1)
    assert ends is not None and ends + look.origin == start + VISIT + SESSION


def test_a_dose_that_can_have_no_session_is_never_ready() -> None:
    supply = any_minute(therapists=(therapist(1, (on(9), on(10))),))
    look = view(dose(1, on(2, "09:00")), supply=supply)
    assert earlier_ends(look, look.state(), 1) is None


# -- between its neighbours --------------------------------------------------------------------------------------------


def test_a_dose_fits_from_the_least_to_the_most_days_after_the_one_before() -> None:
    look = view(dose(1, on(2, "09:00")), dose(2, on(5, "09:00")), supply=any_minute())

    def fits(day: int) -> bool:
        return fits_at(look, look.state(), 1, on(day, "09:00") - look.origin)

    assert [fits(day) for day in (3, 4, 9, 10)] == [False, True, True, False]


def test_a_dose_fits_when_its_session_is_over_before_the_next() -> None:
    look = view(dose(1, on(4)), dose(2, on(6, "06:00")), plan=protocol(spacing=NEXT_DAY), supply=any_minute())
    latest = on(6, "06:00") - READY
    assert fits_at(look, look.state(), 0, latest - look.origin)
    assert not fits_at(look, look.state(), 0, latest + 1 - look.origin)


def test_a_dose_fits_when_the_gap_after_its_session_is_kept_before_the_next() -> None:
    plan = protocol(spacing=NEXT_DAY, integration=windowed(min_gap_before_next_dose_h=2))
    look = view(dose(1, on(4)), dose(2, on(6, "06:00")), plan=plan, supply=any_minute())
    latest = on(6, "06:00") - READY - 120
    assert fits_at(look, look.state(), 0, latest - look.origin)
    assert not fits_at(look, look.state(), 0, latest + 1 - look.origin)


def test_a_dose_fits_when_the_session_of_the_one_before_is_over() -> None:
    first = on(2, "20:00")
    look = view(dose(1, first), dose(2, on(5)), plan=protocol(spacing=NEXT_DAY), supply=any_minute())
    assert fits_at(look, look.state(), 1, first + READY - look.origin)
    assert not fits_at(look, look.state(), 1, first + READY - 1 - look.origin)


def test_a_dose_fits_when_the_visit_and_a_rolling_session_are_over_before_the_next() -> None:
    plan = protocol(integration=rolling(), spacing=Spacing(1, 1, 7, 7))
    look = view(dose(1, on(3)), dose(2, on(5, "00:30")), plan=plan, supply=any_minute())
    latest = on(5, "00:30") - VISIT - SESSION
    assert fits_at(look, look.state(), 0, latest - look.origin)
    assert not fits_at(look, look.state(), 0, latest + 1 - look.origin)


def test_the_time_of_day_nearest_to_the_wished_one_is_found_and_of_two_the_earlier() -> None:
    look = view(dose(1, on(2, "09:00")), plan=protocol(doses=1, integration=no_sessions()))
    nine, quarter = 9 * 60, 9 * 60 + 15
    placed = find_dose_time(look, look.state(), 0, 1, [4], nine)
    assert placed is not None and placed.start == on(4, "09:00")
    between = find_dose_time(look, look.state(), 0, 1, [4], quarter)
    assert between is not None and between.start == on(4, "09:00")


def test_the_first_day_with_room_in_the_given_order_is_taken() -> None:
    full = chair(1, (on(4), on(5)))
    plan = protocol(doses=1, integration=no_sessions())
    look = view(dose(1, on(2, "09:00")), plan=plan, supply=clinic(chairs=(full,)))
    placed = find_dose_time(look, look.state(), 0, 1, [4, 6, 5], 540)
    assert placed is not None and placed.start == on(6, "09:00")
