"""Where the doses of a course may lie: the edges of the chain, of the wishes and of what follows the last dose."""

from datetime import timedelta

import pytest

from planner.domain.conflicts import Rule
from planner.domain.protocols import Spacing
from planner.scheduling.search import CourseSearch
from tests.scheduling.plain import (
    DOSE_END,
    FIRST,
    ORIGIN,
    SESSION,
    VISIT,
    chair,
    clinic,
    no_sessions,
    on,
    patient,
    phase,
    protocol,
    rolling,
    search,
    therapist,
    to_the_minute,
    windowed,
)

TWO = Spacing(2, 3, 4, 4)
BARE = no_sessions()


def days(look: CourseSearch, dose: int) -> list[int]:
    """The days on which a dose may lie so that the course can be completed."""
    return sorted(look.feasible()[dose - 1])


def only_on(*free: tuple[int, int]) -> object:
    """One chair, free in these spans only."""
    edges = [on(0), *(edge for span in free for edge in span), on(28)]
    return chair(1, *zip(edges[::2], edges[1::2], strict=True))


# -- the chain ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("first", "possible"), [(9, False), (10, True), (12, True), (13, False)])
def test_a_dose_has_the_next_one_from_the_least_to_the_most_days_later(first: int, possible: bool) -> None:
    """The chair is free on that day and on day 14; two to four days between are allowed."""
    supply = clinic(chairs=(only_on((on(first), on(first + 1)), (on(14), on(15))),))
    look = search(protocol(doses=2, spacing=TWO, integration=BARE), supply)
    assert days(look, 1) == [first] * possible


def test_only_the_check_ins_from_which_the_next_dose_is_ready_in_time_are_kept() -> None:
    """Dose 2 can check in at 09:00 or 09:30 on day 4; the session before it takes until then from 20:00 on."""
    plan = protocol(doses=2, spacing=Spacing(1, 1, 1, 1))
    supply = clinic(chairs=(only_on((on(3, "19:00"), on(4, "00:00")), (on(4, "09:00"), on(4, "10:30"))),))
    latest = on(4, "09:30") - DOSE_END - 12 * 60 - SESSION
    kept = [start + ORIGIN for start in search(plan, supply).feasible()[0][3]]
    assert kept == [on(3, "19:00"), on(3, "19:30"), on(3, "20:00")]
    assert kept[-1] <= latest < kept[-1] + 30


def test_the_next_dose_waits_for_the_session_and_the_gap() -> None:
    plan = protocol(doses=2, spacing=Spacing(1, 1, 2, 2), integration=windowed(min_gap_before_next_dose_h=2))
    look = search(plan, to_the_minute(clinic()))
    start = on(2, "09:00") - ORIGIN
    assert look.ready(1, start) == start + DOSE_END + 12 * 60 + SESSION + 120


def test_the_next_dose_waits_for_the_visit_and_its_turnover_where_the_session_is_sooner_over() -> None:
    plan = protocol(doses=2, integration=windowed(opens_h=0, knots=((0, 1.0), (168, 0.0))))
    look = search(plan, to_the_minute(clinic(chairs=(chair(1, turnover=300),))))
    start = on(2, "09:00") - ORIGIN
    assert look.ready(1, start) == start + VISIT + 300


def test_a_rolling_session_lies_between_two_visits() -> None:
    look = search(protocol(doses=2, integration=rolling()), clinic(), patient=patient(turnover=15))
    assert look.lead == SESSION + 15
    assert look.ready_after(1) == VISIT + 15 + SESSION + 15
    assert look.ready_after(2) == VISIT + 15


def test_a_later_rolling_visit_has_room_for_the_session_before_it() -> None:
    supply = clinic(therapists=(therapist(1, (on(4, "08:10"), on(4, "09:00"))),))
    look = search(protocol(doses=2, integration=rolling()), supply)
    assert look.dose_mask(1) >> (on(4, "09:30") - ORIGIN) & 1
    assert [look.dose_mask(2) >> (on(4, wall) - ORIGIN) & 1 for wall in ("08:30", "09:00", "09:30")] == [0, 1, 0]


# -- windows -----------------------------------------------------------------------------------------------------------


def test_a_dose_has_some_session_from_opening_to_closing() -> None:
    """The only session is at 09:00 on day 6."""
    session = on(6, "09:00")
    look = search(None, to_the_minute(clinic(therapists=(therapist(1, (session, session + SESSION)),))))
    last, first = session - 12 * 60 - DOSE_END, session - 72 * 60 - DOSE_END
    checked = [first - 1, first, last, last + 1]
    assert [look.dose_mask(1) >> (start - ORIGIN) & 1 for start in checked] == [0, 1, 1, 0]


def test_a_dose_without_session_by_the_protocol_needs_none() -> None:
    look = search(protocol(doses=2, integration=windowed(every=2)), clinic(therapists=()))
    assert [look.with_session(dose) for dose in (1, 2)] == [False, True]
    assert look.dose_mask(1) == look.visits
    assert look.dose_mask(2) == 0


# -- wishes ------------------------------------------------------------------------------------------------------------


def test_doses_lie_on_the_weekdays_asked_for() -> None:
    look = search(protocol(doses=1, integration=BARE), weekdays=frozenset({0, 2}))
    assert days(look, 1)[:4] == [0, 2, 7, 9]
    free = look.relaxed(frozenset({Rule.REST_OF_COURSE}))
    assert days(free, 1)[:3] == [0, 1, 2]


def test_the_first_dose_is_neither_before_nor_after_the_days_asked_for() -> None:
    asked = {"earliest_day": FIRST + timedelta(days=3), "latest_first_day": FIRST + timedelta(days=5)}
    look = search(protocol(doses=1, integration=BARE), **asked)
    assert days(look, 1) == [3, 4, 5]
    assert days(look.relaxed(frozenset({Rule.REST_OF_COURSE})), 1)[-1] == 27


@pytest.mark.parametrize(("wall", "misses"), [("08:59", True), ("09:00", False), ("11:59", False), ("12:00", True)])
def test_a_check_in_outside_the_patients_hours_misses_a_wish(wall: str, misses: bool) -> None:
    look = search(None, None, patient=patient(preferred_from=9 * 60, preferred_to=12 * 60))
    assert look.misses_wish(on(2, wall) - ORIGIN) is misses
    assert search().misses_wish(on(2, wall) - ORIGIN) is False


# -- after the last dose -----------------------------------------------------------------------------------------------


def last_possible(works: tuple[int, int], required: bool = True) -> bool:
    """Whether a course with its only dose on day 2 at 09:00 has its session and consolidation while somebody works."""
    plan = protocol(doses=1, consolidation=phase("consolidation", min_days=2, max_days=3, required=required))
    supply = clinic(therapists=(therapist(1, works),))
    return search(plan, supply).last_slot(on(2, "09:00") - ORIGIN)[0]


def test_the_last_session_and_consolidation_both_have_room() -> None:
    """Sessions from 12 to 72 hours after 09:40 on day 2, consolidation from 48 to 72 hours."""
    begins = on(5, "09:40")
    assert last_possible((begins - SESSION, begins + SESSION))
    assert not last_possible((begins - SESSION + 10, begins + SESSION))
    assert not last_possible((begins - SESSION, begins + SESSION - 1 - 9))


def test_consolidation_that_is_not_required_needs_no_room() -> None:
    begins = on(5, "09:40")
    assert last_possible((begins, begins + SESSION), required=False)
    assert not last_possible((begins, begins + SESSION))


def test_a_course_without_room_for_consolidation_is_not_feasible() -> None:
    plan = protocol(doses=1, integration=BARE, consolidation=phase("consolidation", min_days=2, max_days=3))
    look = search(plan, clinic(therapists=(therapist(1, (on(6, "09:40"), on(6, "10:30"))),)))
    assert days(look, 1) == [3, 4]
    assert days(look.relaxed(frozenset({Rule.CONSOLIDATION_MISSING})), 1)[-1] == 27


def test_a_course_without_preparation_possible_starts_later() -> None:
    plan = protocol(doses=1, integration=BARE, preparation=phase("preparation", min_days=2, max_days=4))
    look = search(plan, clinic(therapists=(therapist(1, (on(6, "09:40"), on(6, "10:30"))),)))
    assert days(look, 1) == [8, 9, 10]
    assert days(look.relaxed(frozenset({Rule.PREP_MISSING})), 1)[0] == 0
