"""Rolling sessions are held just before the next visit, and go where that visit goes."""

from dataclasses import replace

import pytest

from planner.domain.statuses import AppointmentStatus
from planner.scheduling.course_state import CourseView, State
from planner.scheduling.decisions import Line, LineKind
from planner.scheduling.rolling import follow_rolling
from tests.scheduling.plain import SESSION, clinic, dose, moved, on, protocol, rolling, session, therapist, view

ROLLING = protocol(integration=rolling())
BOOKED = (
    dose(1, on(2, "09:00")),
    session(1, on(4, "09:00") - SESSION),
    dose(2, on(4, "09:00")),
    session(2, on(7, "09:00") - SESSION),
    dose(3, on(7, "09:00")),
)


def told(look: CourseView, state: State) -> list[tuple[LineKind, int | None, int | None, int | None]]:
    """(what, id of the session, where to, whose number) of each line."""

    def line(each: Line) -> tuple[LineKind, int | None, int | None, int | None]:
        before, after = each.before, each.after
        place = (after.start, after.serves) if after else (None, None)
        return each.kind, before.id if before else None, *place

    return [line(each) for each in follow_rolling(look, state)]


def without(look: CourseView, number: int) -> State:
    doses = look.state().doses
    return State(doses[: number - 1] + doses[number:])


def test_sessions_that_stand_just_before_their_visits_stay() -> None:
    look = view(*BOOKED, plan=ROLLING)
    assert told(look, look.state()) == []


def test_a_session_goes_where_the_visit_after_it_goes() -> None:
    look = view(*BOOKED, plan=ROLLING)
    assert told(look, moved(look, 3, on(8, "10:00"))) == [(LineKind.MOVED, 12, on(8, "09:10"), 2)]


def test_a_session_before_a_visit_that_becomes_another_dose_serves_the_one_before_it() -> None:
    """Dose 1 is lost: the session just before dose 3 stays where it is and serves the second dose as its first."""
    look = view(*BOOKED, plan=ROLLING)
    assert told(look, without(look, 1)) == [
        (LineKind.RELINKED, 12, on(7, "08:10"), 1),
        (LineKind.RELEASED, 11, None, None),
    ]


def test_a_session_after_the_last_visit_is_released() -> None:
    look = view(*BOOKED, plan=ROLLING)
    (line,) = follow_rolling(look, without(look, 3))
    assert (line.kind, line.before and line.before.id, line.status) == (
        LineKind.RELEASED,
        12,
        AppointmentStatus.CANCELLED,
    )


def test_a_displaced_session_is_placed_again_just_before_the_same_visit() -> None:
    look = view(*BOOKED, plan=ROLLING, supply=clinic(therapists=(therapist(1), therapist(2))))
    state = replace(look.state(), displaced=frozenset({12}))
    assert told(look, state) == [(LineKind.MOVED, 12, on(7, "08:10"), 2)]


def test_a_visit_without_a_session_before_it_gets_one() -> None:
    look = view(BOOKED[0], BOOKED[2], plan=ROLLING)
    assert told(look, look.state()) == [(LineKind.CREATED, None, on(4, "08:10"), 1)]
    assert [line.after and line.after.number for line in follow_rolling(look, look.state())] == [1]


@pytest.mark.parametrize(("now", "lines"), [("09:00", 0), ("08:59", 1)])
def test_a_visit_that_has_begun_gets_no_session_any_more(now: str, lines: int) -> None:
    look = view(BOOKED[0], BOOKED[2], plan=ROLLING, supply=clinic(now=on(4, now)))
    assert len(told(look, look.state())) == lines


def test_a_session_for_which_nobody_is_free_is_unsaved_and_gives_its_time_back() -> None:
    supply = clinic(therapists=(therapist(1, (on(0), on(8))),))
    look = view(*BOOKED, plan=ROLLING, supply=supply)
    (line,) = follow_rolling(look, moved(look, 3, on(8, "10:00")))
    assert (line.kind, line.before and line.before.id, line.status) == (
        LineKind.UNSAVED,
        12,
        AppointmentStatus.CANCELLED,
    )


def test_a_session_that_was_held_is_never_released() -> None:
    held = replace(BOOKED[1], status=AppointmentStatus.FULFILLED)
    look = view(BOOKED[0], held, *BOOKED[2:], plan=ROLLING)
    assert told(look, without(look, 1)) == [(LineKind.RELINKED, 12, on(7, "08:10"), 1)]


def test_protocols_that_do_not_roll_have_nothing_to_follow() -> None:
    look = view(*BOOKED)
    assert told(look, moved(look, 3, on(8, "10:00"))) == []
