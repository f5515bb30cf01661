"""What of the course stands where while the rest is still being placed, and how close to it a session may come."""

import pytest

from planner.domain.statuses import AppointmentKind, AppointmentStatus
from planner.scheduling.breaks import Breaks
from planner.scheduling.course_state import CourseView
from planner.scheduling.decisions import Line, LineKind
from planner.scheduling.own_time import Standing, standing_after
from planner.scheduling.placing import place_session
from tests.scheduling.plain import SESSION, VISIT, consolidation, dose, moved, on, session, view

BREAKS = Breaks(visit_to_session=75, visit_to_visit=90, session_to_visit=10, session_to_session=20)


@pytest.mark.parametrize(
    ("visit", "start", "clashes"),
    [
        (False, 1000 + SESSION + 20, False),
        (False, 1000 + SESSION + 19, True),
        (False, 1000 - 20 - SESSION, False),
        (False, 1000 - 19 - SESSION, True),
        (True, 1000 + 75, False),
        (True, 1000 + 74, True),
        (True, 1000 - 10 - SESSION, False),
        (True, 1000 - 9 - SESSION, True),
    ],
)
def test_a_session_keeps_the_breaks_around_what_stands(visit: bool, start: int, clashes: bool) -> None:
    there = Standing(1000, 1000 + (VISIT if visit else SESSION), visit)
    assert there.clashes(start, SESSION, BREAKS) is clashes


def stands(look: CourseView, *lines: Line) -> set[tuple[int, bool]]:
    """(UTC minute, is a visit) of all that stands."""
    return {(each.start + look.origin, each.visit) for each in standing_after(look, look.state(), lines)}


def test_doses_and_sessions_that_nothing_touches_stand_where_they_are() -> None:
    look = view(dose(1, on(2, "09:00")), session(1, on(3, "09:00")))
    assert stands(look) == {(on(2, "09:00"), True), (on(3, "09:00"), False)}


def test_a_session_that_is_only_noted_stands_where_it_is() -> None:
    look = view(dose(1, on(2, "09:00")), session(1, on(3, "09:00")))
    noted = Line(LineKind.NOTED, "", session(1, on(3, "09:00")))
    assert (on(3, "09:00"), False) in stands(look, noted)


def test_a_session_that_moves_stands_where_it_goes_and_no_longer_where_it_was() -> None:
    look = view(dose(1, on(2, "09:00")), session(1, on(3, "09:00")))
    after = place_session(
        look.search.supply,
        on(3, "12:00") - look.origin,
        SESSION,
        kind=AppointmentKind.INTEGRATION,
        phase="",
        number=1,
    )
    line = Line(LineKind.MOVED, "", session(1, on(3, "09:00")), after)
    assert stands(look, line) == {(on(2, "09:00"), True), (on(3, "12:00"), False)}


def test_a_session_that_is_released_stands_no_more() -> None:
    look = view(dose(1, on(2, "09:00")), session(1, on(3, "09:00")))
    line = Line(LineKind.RELEASED, "", session(1, on(3, "09:00")), status=AppointmentStatus.CANCELLED)
    assert stands(look, line) == {(on(2, "09:00"), True)}


def test_a_dose_that_moves_stands_where_it_goes_for_its_whole_visit() -> None:
    look = view(dose(1, on(2, "09:00")), consolidation(on(9)))
    (there,) = standing_after(look, moved(look, 1, on(4, "09:00")), [])
    assert (there.start + look.origin, there.end - there.start) == (on(4, "09:00"), VISIT)
