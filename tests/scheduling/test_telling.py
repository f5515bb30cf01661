"""What a decision says about the doses themselves: lines, gaps that need a reason, and remarks."""

from dataclasses import replace

import pytest

from planner.domain.conflicts import Rule
from planner.domain.protocols import Spacing, SpanRule
from planner.scheduling.course_state import CourseView, State
from planner.scheduling.decisions import LineKind
from planner.scheduling.telling import dose_lines, remarks_on, too_long
from tests.scheduling.plain import course, dose, moved, on, protocol, view


def remarked(look: CourseView, state: State) -> list[tuple[Rule, int | None]]:
    return [(remark.rule, remark.number) for remark in remarks_on(look, state)]


@pytest.mark.parametrize(("day", "asks"), [(9, False), (10, True)])
def test_a_gap_above_the_protocols_most_needs_a_reason(day: int, asks: bool) -> None:
    """Seven days are the most."""
    look = view(dose(1, on(2)), dose(2, on(5)))
    assert [conflict.rule for conflict in too_long(look, moved(look, 2, on(day)))] == [Rule.SPACING] * asks


def test_a_gap_that_a_move_leaves_behind_needs_a_reason() -> None:
    look = view(dose(1, on(2)), dose(2, on(5)), dose(3, on(12)))
    assert too_long(look, moved(look, 2, on(5, "12:00"))) == []
    assert [conflict.rule for conflict in too_long(look, moved(look, 2, on(4)))] == [Rule.SPACING]


def test_a_gap_is_counted_in_local_days() -> None:
    look = view(dose(1, on(2, "01:00")), dose(2, on(5, "01:00")))
    assert too_long(look, moved(look, 2, on(9, "22:00"))) == []


def test_a_gap_that_was_there_already_needs_no_reason_again() -> None:
    look = view(dose(1, on(2)), dose(2, on(12)), dose(3, on(15)))
    assert too_long(look, moved(look, 3, on(16))) == []


def test_a_gap_that_a_lost_dose_leaves_needs_a_reason() -> None:
    look = view(dose(1, on(2)), dose(2, on(6)), dose(3, on(10)))
    doses = look.state().doses
    assert len(too_long(look, State((doses[0], doses[2])))) == 1


@pytest.mark.parametrize(
    ("gap", "told"),
    [(5, None), (6, "6 days between dose 1 and 2."), (7, "7 days between dose 1 and 2 (the most allowed)."), (8, None)],
)
def test_a_gap_from_the_warning_to_the_most_days_is_remarked(gap: int, told: str | None) -> None:
    look = view(dose(1, on(2)), dose(2, on(5)))
    sentences = [remark.sentence for remark in remarks_on(look, moved(look, 2, on(2 + gap)))]
    assert sentences == ([told] if told else [])


def test_a_gap_as_long_as_aimed_at_is_not_remarked_although_warned_from() -> None:
    look = view(dose(1, on(2)), dose(2, on(6)), plan=protocol(spacing=Spacing(2, 3, 3, 7)))
    assert remarked(look, moved(look, 2, on(5))) == []
    assert remarked(look, moved(look, 2, on(7))) == [(Rule.SPACING, 2)]


@pytest.mark.parametrize(("last", "remarks", "reviewed"), [(7, 0, False), (8, 1, False), (9, 1, False), (10, 1, True)])
def test_a_series_longer_than_aimed_at_is_remarked_and_reviewed_when_much_longer(
    last: int, remarks: int, reviewed: bool
) -> None:
    """Five days from the first dose on day 2 are aimed at; above seven a prescriber looks at it."""
    look = view(dose(1, on(2)), dose(2, on(5)), dose(3, on(last)), plan=protocol(span=SpanRule(5, 7)))
    found = remarks_on(look, look.state())
    assert [remark.rule for remark in found] == [Rule.SPAN] * remarks
    assert any("reviews" in remark.sentence for remark in found) is reviewed


def test_a_moved_dose_off_the_pattern_is_remarked() -> None:
    """Day 2 is a Wednesday."""
    look = CourseView(replace(course(dose(1, on(2)), dose(2, on(5))), pattern=frozenset({2, 5})))
    assert remarked(look, moved(look, 2, on(5, "12:00"))) == []
    assert remarked(look, moved(look, 2, on(6))) == [(Rule.CLOSED, 2)]
    assert remarked(look, look.state()) == []


def test_a_dose_that_was_off_the_pattern_already_is_not_remarked() -> None:
    look = CourseView(replace(course(dose(1, on(3)), dose(2, on(5))), pattern=frozenset({2, 5})))
    assert remarked(look, moved(look, 2, on(5, "12:00"))) == []


def test_a_course_without_a_pattern_has_nothing_to_be_off() -> None:
    look = view(dose(1, on(2)), dose(2, on(5)))
    assert remarked(look, moved(look, 2, on(6))) == []


def test_each_changed_dose_has_one_line() -> None:
    look = view(dose(1, on(2)), dose(2, on(5)), dose(3, on(8)))
    assert dose_lines(look, look.state()) == []
    (line,) = dose_lines(look, moved(look, 2, on(6)))
    assert (line.kind, line.before and line.before.id, line.after and line.after.number) == (LineKind.MOVED, 2, 2)


def test_doses_behind_a_lost_one_become_other_doses_in_their_slots() -> None:
    held = ((101, on(5), on(5) + 60),)
    look = view(dose(1, on(2)), dose(2, on(5), holds=held), dose(3, on(8)))
    lines = dose_lines(look, State(look.state().doses[1:]))
    assert [line.kind for line in lines] == [LineKind.RENUMBERED, LineKind.RENUMBERED]
    first = lines[0].after
    assert first is not None
    assert (first.number, first.start, first.end, first.holds, first.chair_id) == (1, on(5), on(5) + 60, held, 1)


def test_a_dose_whose_staff_changes_only_is_said_to_stay() -> None:
    look = view(dose(1, on(2)))
    (line,) = dose_lines(look, moved(look, 1, on(2)))
    assert line.sentence == "Infusion 1 stays Wed 3 Feb 00:00; staff or chair change."
