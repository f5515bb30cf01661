"""What becomes of integration sessions when doses change: kept, taken over, moved, made or released, in that order."""

from dataclasses import replace

import pytest

from planner.domain.conflicts import Rule
from planner.domain.protocols import Spacing
from planner.domain.statuses import AppointmentStatus
from planner.scheduling.course_state import CourseView, State
from planner.scheduling.decisions import LineKind
from planner.scheduling.following import Follower
from planner.scheduling.moves import decide_dose_end
from tests.scheduling.plain import (
    DOSE_END,
    SESSION,
    VISIT,
    clinic,
    course,
    dose,
    moved,
    no_sessions,
    on,
    patient,
    protocol,
    session,
    therapist,
    to_the_minute,
    view,
    windowed,
)

HOUR = 60
MOVED, RELINKED, CREATED, RELEASED, UNSAVED, NOTED = (
    LineKind.MOVED,
    LineKind.RELINKED,
    LineKind.CREATED,
    LineKind.RELEASED,
    LineKind.UNSAVED,
    LineKind.NOTED,
)


def followed(look: CourseView, state: State) -> Follower:
    follower = Follower(look, state, {})
    follower.integration()
    return follower


def kinds(look: CourseView, state: State) -> list[LineKind]:
    return [line.kind for line in followed(look, state).lines]


def without_dose(look: CourseView, number: int) -> State:
    """The course with one dose lost."""
    doses = look.state().doses
    return replace(look.state(), doses=doses[: number - 1] + doses[number:])


def repaired(look: CourseView, number: int, start: int) -> State:
    """The course with one dose lost and a new one at UTC minute `start` in its place."""
    again = moved(look, number, start)
    fresh = tuple(replace(d, before=None) if d.moved else d for d in again.doses)
    return State(fresh)


# -- kept and taken over -----------------------------------------------------------------------------------------------


def test_a_session_still_in_its_window_keeps_its_slot() -> None:
    look = view(dose(1, on(2, "09:00")), session(1, on(3, "09:00")))
    assert kinds(look, moved(look, 1, on(2, "10:00"))) == []


@pytest.mark.parametrize(("late", "after"), [(0, [NOTED]), (1, [MOVED])])
def test_a_session_keeps_its_slot_until_closing(late: int, after: list[LineKind]) -> None:
    """The dose moves a day ahead, so that its session lies 72 hours after it, or a minute more."""
    booked = dose(1, on(3, "09:00")), session(1, on(5, "09:40") + late)
    look = view(*booked)
    assert kinds(look, moved(look, 1, on(2, "09:00"))) == after


@pytest.mark.parametrize(("late", "after"), [(0, [RELINKED]), (1, [CREATED, RELEASED])])
def test_a_session_whose_dose_was_lost_serves_the_new_dose_while_it_is_in_its_window(
    late: int, after: list[LineKind]
) -> None:
    look = view(dose(1, on(3, "09:00")), session(1, on(5, "09:40") + late))
    state = repaired(look, 1, on(2, "09:00"))
    assert kinds(look, state) == after


def test_a_session_that_is_taken_over_keeps_slot_and_holds() -> None:
    held = session(1, on(4, "09:00"), holds=((141, on(4, "09:00"), on(4, "09:50")),))
    look = view(dose(1, on(3, "09:00")), held)
    (line,) = followed(look, repaired(look, 1, on(2, "09:00"))).lines
    assert line.after is not None
    assert (line.after.start, line.after.end, line.after.holds) == (held.start, held.end, held.holds)
    assert (line.after.serves, line.after.offset_min) == (1, held.start - on(2, "09:40"))


def test_a_displaced_session_is_not_taken_over() -> None:
    look = view(dose(1, on(3, "09:00")), session(1, on(4, "09:00")))
    state = replace(repaired(look, 1, on(2, "09:00")), displaced=frozenset({11}))
    assert kinds(look, state) == [CREATED, RELEASED]


def test_a_displaced_session_moves_although_it_is_in_its_window() -> None:
    look = view(dose(1, on(2, "09:00")), session(1, on(3, "09:00")))
    assert kinds(look, replace(look.state(), displaced=frozenset({11}))) == [MOVED]


def test_a_dose_that_has_a_session_takes_over_no_other() -> None:
    """Dose 1 keeps its own session; that of the lost dose 2 fits its window too and is released."""
    look = view(
        dose(1, on(2, "09:00")), session(1, on(3, "09:00")), dose(2, on(4, "09:00")), session(2, on(5, "09:00"))
    )
    assert kinds(look, without_dose(look, 2)) == [RELEASED]


def test_a_dose_without_session_by_the_protocol_takes_over_none() -> None:
    """Every second dose has a session; the lost dose 2 leaves one that dose 1 does not need."""
    plan = protocol(integration=windowed(every=2))
    look = view(dose(1, on(2, "09:00")), dose(2, on(4, "09:00")), session(2, on(5, "09:00")), plan=plan)
    assert kinds(look, without_dose(look, 2)) == [RELEASED]


def test_a_session_that_now_serves_another_number_is_relinked() -> None:
    look = view(
        dose(1, on(2, "09:00")), session(1, on(3, "09:00")), dose(2, on(9, "09:00")), session(2, on(10, "09:00"))
    )
    lines = followed(look, without_dose(look, 1)).lines
    assert [(line.kind, line.before and line.before.id) for line in lines] == [(RELINKED, 12), (RELEASED, 11)]
    assert lines[0].after is not None and lines[0].after.serves == 1


# -- in time before the next dose --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("over", "after"), [("09:00", []), ("09:01", [MOVED])])
def test_a_session_gives_way_to_a_next_dose_that_comes_before_it_is_over(over: str, after: list[LineKind]) -> None:
    booked = dose(1, on(2, "09:00")), session(1, on(4, over) - SESSION), dose(2, on(7, "09:00"))
    look = view(*booked, plan=protocol(integration=windowed(every=1)))
    lines = followed(look, moved(look, 2, on(4, "09:00"))).lines
    assert [line.kind for line in lines if line.before is not None] == after


def test_a_session_gives_way_by_the_gap_before_the_next_dose_too() -> None:
    plan = protocol(integration=windowed(min_gap_before_next_dose_h=2))

    def after(start: int) -> list[LineKind]:
        look = view(dose(1, on(2, "09:00")), session(1, start), dose(2, on(7, "09:00")), plan=plan)
        return [line.kind for line in followed(look, moved(look, 2, on(4, "09:00"))).lines if line.before]

    assert after(on(4, "07:00") - SESSION) == []
    assert after(on(4, "07:01") - SESSION) == [MOVED]


# -- while the patient is there ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("early", "after"), [(0, []), (1, [MOVED])])
def test_no_session_counts_as_kept_while_the_patient_is_still_there(early: int, after: list[LineKind]) -> None:
    """A window that opens at once: after a dose that ended early it would open before the visit is over."""
    plan = protocol(integration=windowed(opens_h=0, knots=((0, 0.5), (18, 1.0), (168, 0.0))))
    start = on(2, "09:00")
    supply = to_the_minute(clinic(now=start + 30))
    booked = course(dose(1, start), session(1, start + VISIT - early), plan=plan, supply=supply)
    lines = decide_dose_end(booked, 1, start + DOSE_END - 10).lines
    assert [line.kind for line in lines if line.kind is not LineKind.MARKED] == after


AT_ONCE = protocol(
    integration=windowed(opens_h=0, peak_start_h=0, ideal_offset_h=0, knots=((0, 1.0), (48, 1.0), (168, 0.0)))
)


def test_a_new_session_waits_until_the_patient_has_left() -> None:
    start = on(2, "09:00")
    look = view(dose(1, start, dose_end=start + 30), plan=AT_ONCE, supply=to_the_minute(clinic()))
    (line,) = followed(look, look.state()).lines
    assert line.after is not None and line.after.start == start + VISIT


def test_a_session_while_the_patient_is_there_is_no_exception_that_stays() -> None:
    start = on(2, "09:00")
    look = view(dose(1, start, dose_end=start + 30), session(1, start + VISIT - 1), plan=AT_ONCE)
    assert kinds(look, look.state()) == [MOVED]


# -- exceptions that stay ----------------------------------------------------------------------------------------------


def test_a_session_booked_outside_its_window_stays_while_its_dose_does() -> None:
    late = session(1, on(6, "09:00"))
    look = view(dose(1, on(2, "09:00")), late, dose(2, on(9, "09:00")), session(2, on(10, "09:00")))
    assert kinds(look, moved(look, 2, on(8, "09:00"))) == []


def test_a_session_booked_outside_its_window_does_not_stay_when_its_dose_moves() -> None:
    look = view(dose(1, on(2, "09:00")), session(1, on(6, "09:00")))
    assert kinds(look, moved(look, 1, on(2, "10:00"))) == [MOVED]


@pytest.mark.parametrize(("over", "after"), [("09:00", []), ("09:01", [MOVED])])
def test_a_session_booked_outside_its_window_gives_way_to_the_next_dose(over: str, after: list[LineKind]) -> None:
    look = view(dose(1, on(2, "09:00")), session(1, on(6, over) - SESSION), dose(2, on(9, "09:00")))
    lines = followed(look, moved(look, 2, on(6, "09:00"))).lines
    assert [line.kind for line in lines if line.before is not None] == after


def test_a_pinned_session_outside_the_window_of_its_moved_dose_needs_a_reason() -> None:
    look = view(dose(1, on(3, "09:00")), session(1, on(6, "09:00"), pinned=True))
    follower = followed(look, moved(look, 1, on(2, "09:00")))
    assert not any(line.changes_slot for line in follower.lines)
    assert [(c.rule, c.appointment_id) for c in follower.overrides] == [(Rule.OUTSIDE_WINDOW, 11)]


def test_a_pinned_session_inside_the_window_of_its_moved_dose_needs_none() -> None:
    look = view(dose(1, on(3, "09:00")), session(1, on(4, "09:00"), pinned=True))
    assert followed(look, moved(look, 1, on(2, "09:00"))).overrides == []


def test_a_session_for_which_the_patient_has_come_does_not_move() -> None:
    here = session(1, on(6, "09:00"), status=AppointmentStatus.ARRIVED)
    look = view(dose(1, on(3, "09:00")), here)
    assert MOVED not in kinds(look, moved(look, 1, on(2, "09:00")))


def test_the_second_of_two_sessions_for_one_dose_is_released() -> None:
    look = view(dose(1, on(2, "09:00")), session(1, on(3, "09:00")), replace(session(1, on(4, "09:00")), id=12))
    lines = followed(look, look.state()).lines
    assert [(line.kind, line.before and line.before.id) for line in lines] == [(RELEASED, 12)]


# -- made, released, unsaved -------------------------------------------------------------------------------------------


def test_a_dose_whose_window_is_over_gets_no_session() -> None:
    closes = on(2, "09:40") + 72 * HOUR
    taken = dose(1, on(2, "09:00"), status=AppointmentStatus.FULFILLED)

    def after(now: int) -> list[LineKind]:
        look = view(taken, supply=clinic(now=now))
        return kinds(look, look.state())

    assert after(closes - 1) == [CREATED]
    assert after(closes) == []


def test_the_session_of_a_lost_dose_is_released() -> None:
    look = view(dose(1, on(2, "09:00")), session(1, on(3, "09:00")))
    (line,) = followed(look, State(())).lines
    assert (line.kind, line.status) == (RELEASED, AppointmentStatus.CANCELLED)


def test_the_session_of_a_lost_dose_that_has_been_held_is_left_alone() -> None:
    held = session(1, on(3, "09:00"), status=AppointmentStatus.FULFILLED)
    look = view(dose(1, on(2, "09:00")), held)
    assert kinds(look, State(())) == []


def test_a_protocol_without_sessions_keeps_those_that_serve_a_dose() -> None:
    look = view(dose(1, on(2, "09:00")), session(1, on(3, "09:00")), plan=protocol(integration=no_sessions()))
    assert kinds(look, look.state()) == []
    assert kinds(look, State(())) == [RELEASED]


def test_a_dose_without_any_slot_says_so_and_gives_its_session_back() -> None:
    supply = clinic(therapists=(therapist(1, (on(3, "09:00"), on(3, "09:50"))),))
    look = view(dose(1, on(2, "09:00")), session(1, on(3, "09:00")), supply=supply)
    (line,) = followed(look, moved(look, 1, on(9, "09:00"))).lines
    assert (line.kind, line.status, line.before and line.before.id) == (UNSAVED, AppointmentStatus.CANCELLED, 11)
    alone = view(dose(1, on(9, "09:00")), supply=supply)
    (bare,) = followed(alone, alone.state()).lines
    assert (bare.kind, bare.status, bare.before) == (UNSAVED, None, None)


def test_a_kept_session_that_leaves_the_preferred_time_is_noted() -> None:
    look = view(dose(1, on(2, "09:00")), session(1, on(4, "09:00")))
    assert kinds(look, moved(look, 1, on(2, "08:30"))) == []
    assert kinds(look, moved(look, 1, on(2, "08:00"))) == [NOTED]


def test_sessions_beyond_the_protocols_count_of_doses_follow_its_last_spacing() -> None:
    plan = protocol(doses=1, spacing=Spacing(1, 1, 7, 7))
    look = view(dose(1, on(2, "09:00")), dose(2, on(4, "09:00")), plan=plan)
    lines = followed(look, look.state()).lines
    assert [(line.kind, line.after and line.after.serves) for line in lines] == [(CREATED, 1), (CREATED, 2)]


def test_the_slot_of_a_session_that_moves_is_the_best_there_is() -> None:
    look = view(dose(1, on(9, "09:00")), session(1, on(3, "09:00")), patient=patient())
    (line,) = followed(look, moved(look, 1, on(10, "09:00"))).lines
    assert line.after is not None
    assert line.after.start == on(11, "09:40")
