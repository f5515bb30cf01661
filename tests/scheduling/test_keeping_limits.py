"""Two of a course's own sessions that want the last place of one day: one gets it, whoever has it keeps it."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from planner.domain.errors import Refused
from planner.domain.protocols import Spacing
from planner.scheduling.course_state import CourseView
from planner.scheduling.decisions import Decision, LineKind
from planner.scheduling.keeping_limits import crowds_after, within_limits
from planner.scheduling.moves import decide_displaced, decide_move
from planner.scheduling.sheets import BookedSheet, ClinicSheet, CourseSheet
from tests.scheduling.acts import random_act
from tests.scheduling.applying import applied
from tests.scheduling.plain import (
    clinic,
    consolidation,
    course,
    dose,
    on,
    phase,
    protocol,
    session,
    therapist,
    windowed,
)

AFTER = phase("consolidation", min_days=1, max_days=7)


def ending(*, most: int | None, away: bool = False) -> CourseSheet:
    """One dose on day 3 with its session on day 4, and the consolidation on day 5, all with therapist 1."""
    plan = protocol(doses=1, consolidation=AFTER)
    hours = [(on(day, "09:00"), on(day, "16:00")) for day in ((5, 6, 7) if away else (4, 5, 6, 7))]
    supply = clinic(therapists=(therapist(1, *hours, most_sessions=most),))
    rows = dose(1, on(3, "09:00")), session(1, on(4, "10:00")), consolidation(on(5, "10:00"))
    return course(*rows, plan=plan, supply=supply)


def days_of(sheet: CourseSheet) -> list[int]:
    return sorted((a.start - on(0)) // 1440 for a in sheet.appointments if a.session is not None)


def test_a_session_that_has_to_move_leaves_the_day_to_the_one_that_stays() -> None:
    for most, days in ((None, [5, 5]), (2, [5, 5]), (1, [5, 6])):
        sheet = ending(most=most, away=True)
        assert days_of(applied(sheet, decide_displaced(sheet, [11], "away"))) == days


def test_a_session_moved_by_hand_meets_the_one_that_stays_only_within_the_limit() -> None:

    assert decide_move(ending(most=2), 11, on(5, "13:00")).lines
    sheet = ending(most=1)
    try:
        decide_move(sheet, 11, on(5, "13:00"))
    except Refused as refused:
        assert [c.sentence for c in refused.conflicts] == [
            "The therapist has 1 session that day, the most set for them."
        ]
    else:
        raise AssertionError("the day has two sessions")
    assert decide_move(sheet, 11, on(4, "13:00")).lines


def test_whoever_comes_first_keeps_the_place_and_a_day_is_left_alone_if_that_was_not_enough() -> None:
    sheet = ending(most=1)
    view, seen = CourseView(sheet), []

    def both_there(look: CourseView) -> Decision:
        seen.append(look.bars)
        first = look.search.supply.limits.starts(look.search.supply.therapists[0])
        wanted = [at for at in (on(6, "09:00"), on(6, "11:00"), on(7, "09:00")) if first >> (at - look.origin) & 1]
        lines = [moved(look, sheet.appointments[index], at) for index, at in zip((1, 2), wanted, strict=False)]
        return Decision("x", tuple(lines))

    decision = within_limits(view, both_there)
    assert [line.after.start for line in decision.lines if line.after] == [on(6, "09:00"), on(7, "09:00")]
    assert len(seen) == 2
    assert list(crowds_after(view, decision)) == []


def moved(view: CourseView, booked: BookedSheet, start: int):  # type: ignore[no-untyped-def]
    (line,) = decide_move(replace(view.course, clinic=unlimited(view.course.clinic)), booked.id, start).lines
    assert line.kind is LineKind.MOVED
    return line


def unlimited(supply: ClinicSheet) -> ClinicSheet:
    return replace(supply, therapists=tuple(replace(t, most_sessions=None) for t in supply.therapists))


def test_two_doses_a_day_apart_share_a_day_of_sessions_only_within_the_limit() -> None:
    """Dose 2 moves to the day on which the session of dose 1 is; its own session would best be that afternoon."""
    window = windowed(opens_h=1, peak_start_h=1, peak_end_h=6, closes_h=24, tail_end_h=24, ideal_offset_h=3,
                      knots=((1, 1.0), (6, 1.0), (24, 0.3)))  # fmt: skip
    plan = protocol(doses=2, spacing=Spacing(1, 2, 6, 7), integration=window)
    rows = dose(1, on(3, "09:00")), session(1, on(4, "08:00")), dose(2, on(5, "09:00")), session(2, on(5, "13:00"))
    for most, days in ((None, [4, 4]), (2, [4, 4]), (1, [4, 5])):
        sheet = course(*rows, plan=plan, supply=clinic(therapists=(therapist(1, most_sessions=most),)))
        decision = decide_move(sheet, 2, on(4, "10:00"))
        assert decision.unsaved == ()
        assert days_of(applied(sheet, decision)) == days


@settings(max_examples=40)
@given(st.integers(0, 2**32))
def test_no_act_takes_a_day_above_a_limit_or_further_above_it(seed: int) -> None:
    made = random_act(seed)
    if made is not None and made[1] is not None:
        assert list(made[1]._days_above()) == []
