"""The best chain of doses: what costs more than what, one comparison at a time."""

from datetime import timedelta

import pytest

from planner.domain.protocols import Protocol, Spacing
from planner.scheduling.chains import Chains
from planner.scheduling.search import CourseSearch
from planner.scheduling.sheets import ClinicSheet, Span, ThingSheet
from tests.scheduling.plain import (
    DAYS,
    FIRST,
    ORIGIN,
    SESSION,
    chair,
    clinic,
    no_sessions,
    on,
    patient,
    protocol,
    search,
    therapist,
    to_the_minute,
    windowed,
)

BARE = no_sessions()
VISIT = 60


def free(*visits: int) -> ThingSheet:
    """A chair that is free for these visits only."""
    edges = [on(0), *(edge for start in sorted(visits) for edge in (start, start + VISIT)), on(DAYS)]
    return chair(1, *zip(edges[::2], edges[1::2], strict=True))


def visits_at(*visits: int, **changes: object) -> ClinicSheet:
    return clinic(chairs=(free(*visits),), **changes)


def at(start: int) -> Span:
    return start, start + SESSION


def best(look: CourseSearch, pattern: set[int] | None = None) -> list[int] | None:
    """The check-ins of the best chain, as UTC minutes."""
    steps = Chains(look, look.feasible()).best(None if pattern is None else frozenset(pattern))
    return None if steps is None else [step.start + ORIGIN for step in steps]


def plan(doses: int, spacing: Spacing, **changes: object) -> Protocol:
    return protocol(doses, spacing, **({"integration": BARE} | changes))


def test_a_gap_as_long_as_aimed_at_comes_first() -> None:
    supply = visits_at(*(on(day, "09:00") for day in (2, 4, 5, 6)))
    look = search(plan(2, Spacing(2, 3, 6, 7)), supply, latest_first_day=FIRST + timedelta(days=2))
    assert best(look) == [on(2, "09:00"), on(5, "09:00")]


def test_a_gap_that_is_warned_of_comes_after_uneven_ones() -> None:
    """Gaps of 4 and 4 rather than 3 and 5, of which the last is warned of."""
    supply = visits_at(*(on(day, "09:00") for day in (2, 5, 6, 10)))
    look = search(plan(3, Spacing(2, 3, 5, 5)), supply)
    assert best(look) == [on(2, "09:00"), on(6, "09:00"), on(10, "09:00")]


def test_one_time_of_day_comes_before_even_gaps() -> None:
    supply = visits_at(on(2, "09:00"), on(5, "14:00"), on(6, "09:00"))
    look = search(plan(2, Spacing(2, 3, 6, 7)), supply)
    assert best(look) == [on(2, "09:00"), on(6, "09:00")]


def test_the_patients_hours_come_before_one_time_of_day() -> None:
    supply = visits_at(on(2, "09:00"), on(5, "07:00"), on(5, "11:00"), on(2, "07:00"))
    wish = patient(preferred_from=9 * 60, preferred_to=12 * 60)
    look = search(plan(2, Spacing(2, 3, 6, 7)), supply, patient=wish)
    assert best(look) == [on(2, "09:00"), on(5, "11:00")]


def test_the_earlier_end_is_taken_when_all_else_is_equal() -> None:
    supply = visits_at(on(2, "09:00"), on(3, "09:00"))
    assert best(search(plan(1, Spacing(2, 3, 6, 7)), supply)) == [on(2, "09:00")]


def test_a_course_starts_in_the_first_week_it_can() -> None:
    """Eight days later there is a session in the peak, which is not waited for; one six days later is taken."""
    people = (therapist(1, at(on(5, "08:00")), at(on(11, "09:40"))),)
    supply = visits_at(on(2, "09:00"), on(10, "09:00"), therapists=people)
    look = search(protocol(1), supply)
    assert best(look) == [on(2, "09:00")]
    sooner = (therapist(1, at(on(5, "08:00")), at(on(9, "09:40"))),)
    within = visits_at(on(2, "09:00"), on(8, "09:00"), therapists=sooner)
    assert best(search(protocol(1), within)) == [on(8, "09:00")]


def test_a_session_in_the_peak_comes_before_the_patients_hours() -> None:
    """After the dose in the patient's hours, the only session is late in the window."""
    people = (therapist(1, at(on(5, "08:00")), at(on(7, "08:00"))),)
    supply = visits_at(on(2, "09:00"), on(6, "07:00"), therapists=people)
    wish = patient(preferred_from=9 * 60, preferred_to=12 * 60)
    assert best(search(protocol(1), supply, patient=wish)) == [on(6, "07:00")]


def test_the_primary_therapist_comes_before_the_patients_hours() -> None:
    people = (therapist(1, at(on(7, "08:00"))), therapist(2, at(on(3, "09:00"))))
    supply = visits_at(on(2, "09:00"), on(6, "07:00"), therapists=people)
    wish = patient(preferred_from=9 * 60, preferred_to=12 * 60)
    assert best(search(protocol(1), supply, patient=wish)) == [on(6, "07:00")]


def test_a_session_is_over_before_the_next_dose_even_if_a_later_one_were_better() -> None:
    """The best session of the first dose ends at 10:30 on day 3; the second dose can only be at 10:00 that day."""
    people = (therapist(1, at(on(3, "08:10")), at(on(3, "09:40")), at(on(5, "09:00"))),)
    supply = visits_at(on(2, "09:00"), on(3, "10:00"), therapists=people)
    look = search(protocol(2, Spacing(1, 1, 2, 2)), supply)
    steps = Chains(look, look.feasible()).best(None)
    assert steps is not None and steps[0].slot is not None
    assert steps[0].slot.start + ORIGIN == on(3, "08:10")
    roomy = visits_at(on(2, "09:00"), on(3, "10:30"), therapists=people)
    later = search(protocol(2, Spacing(1, 1, 2, 2)), roomy)
    steps = Chains(later, later.feasible()).best(None)
    assert steps is not None and steps[0].slot is not None
    assert steps[0].slot.start + ORIGIN == on(3, "09:40")


@pytest.mark.parametrize(("next_dose", "session"), [("11:40", "08:10"), ("12:30", "09:40")])
def test_a_session_is_over_the_gap_before_the_next_dose(next_dose: str, session: str) -> None:
    people = (therapist(1, at(on(3, "08:10")), at(on(3, "09:40")), at(on(5, "09:00"))),)
    rule = windowed(min_gap_before_next_dose_h=2)
    supply = visits_at(on(2, "09:00"), on(3, next_dose), therapists=people)
    look = search(protocol(2, Spacing(1, 1, 2, 2), integration=rule), to_the_minute(supply))
    steps = Chains(look, look.feasible()).best(None)
    assert steps is not None and steps[0].slot is not None
    assert steps[0].slot.start + ORIGIN == on(3, session)


def test_one_time_of_day_is_kept_on_the_day_on_which_the_session_before_is_over_late() -> None:
    """The session of the first dose is over at 09:30; the second could come before that, and at 11:00 or 14:00."""
    sessions = on(3, "08:40"), on(4, "08:40"), on(4, "11:40"), on(4, "14:40")
    supply = visits_at(
        on(2, "14:00"),
        *(on(3, wall) for wall in ("08:00", "11:00", "14:00")),
        therapists=(therapist(1, *(at(start) for start in sessions)),),
    )
    assert best(search(protocol(2, Spacing(1, 1, 2, 2)), supply)) == [on(2, "14:00"), on(3, "14:00")]


def test_two_doses_on_one_day_keep_the_chairs_turnover_although_the_session_is_over() -> None:
    rule = windowed(opens_h=0, peak_start_h=0, ideal_offset_h=0, knots=((0, 1.0), (48, 1.0), (168, 0.0)))
    supply = clinic(chairs=(chair(1, turnover=300),), last_day=FIRST + timedelta(days=6))
    look = search(protocol(2, Spacing(0, 0, 0, 0), integration=rule), supply)
    found = best(look)
    assert found is not None and found[1] - found[0] == VISIT + 300


def test_the_most_days_between_two_doses_are_allowed() -> None:
    look = search(plan(2, Spacing(2, 3, 6, 7)), visits_at(on(2, "09:00"), on(9, "09:00")))
    assert best(look) == [on(2, "09:00"), on(9, "09:00")]


# -- patterns ----------------------------------------------------------------------------------------------------------


def test_doses_keep_to_the_weekdays_of_the_pattern() -> None:
    """Days 0, 3, 7 and 10 are Mondays and Thursdays."""
    supply = visits_at(*(on(day, "09:00") for day in range(12)))
    look = search(plan(3, Spacing(2, 3, 6, 7)), supply, earliest_day=FIRST + timedelta(days=1))
    assert best(look, {0, 3}) == [on(3, "09:00"), on(7, "09:00"), on(10, "09:00")]


def test_a_pattern_day_without_room_gives_way_to_the_next_day_with_room() -> None:
    supply = visits_at(*(on(day, "09:00") for day in range(12) if day not in (3, 4)))
    look = search(plan(3, Spacing(2, 3, 6, 7)), supply, latest_first_day=FIRST)
    assert best(look, {0, 3}) == [on(0, "09:00"), on(5, "09:00"), on(7, "09:00")]


def test_a_pattern_day_is_not_skipped_for_an_evener_gap() -> None:
    """Monday and Tuesday, two days apart at the least: the second dose takes the next Monday and not the one after."""
    supply = visits_at(*(on(day, "09:00") for day in (0, 7, 8)))
    look = search(plan(2, Spacing(2, 8, 9, 9)), supply, latest_first_day=FIRST)
    assert best(look, {0, 1}) == [on(0, "09:00"), on(7, "09:00")]
    assert best(look) == [on(0, "09:00"), on(8, "09:00")]


def test_a_day_off_the_pattern_costs_as_much_as_a_skipped_one() -> None:
    """Thursday has no room: Friday takes its place, unless the next Monday makes the better gap."""
    supply = visits_at(*(on(day, "09:00") for day in (0, 4, 7)))
    even_on_monday = search(plan(2, Spacing(2, 7, 8, 8)), supply, latest_first_day=FIRST)
    assert best(even_on_monday, {0, 3}) == [on(0, "09:00"), on(7, "09:00")]
    even_on_friday = search(plan(2, Spacing(2, 4, 8, 8)), supply, latest_first_day=FIRST)
    assert best(even_on_friday, {0, 3}) == [on(0, "09:00"), on(4, "09:00")]


def test_of_two_courses_alike_the_one_that_ends_sooner_is_taken() -> None:
    """Both keep one time of day and miss the aim by a day: from day 2 to 6, or from day 3 to 5."""
    supply = visits_at(on(2, "09:00"), on(3, "10:00"), on(5, "10:00"), on(6, "09:00"))
    assert best(search(plan(2, Spacing(2, 3, 6, 7)), supply)) == [on(3, "10:00"), on(5, "10:00")]


def test_a_first_dose_off_the_pattern_costs_as_much_as_a_later_one() -> None:
    weekday = FIRST.weekday()
    pattern = {weekday, (weekday + 3) % 7}  # days 0, 3, 7, 10; day 3 has no room, day 5 takes its place
    supply = visits_at(*(on(day, "09:00") for day in (0, 5, 7, 10)), now=on(0) - 60)
    look = search(plan(3, Spacing(2, 4, 6, 7)), supply)
    assert best(look, pattern) == [on(0, "09:00"), on(5, "09:00"), on(7, "09:00")]
