"""What a decision says about the doses themselves: a line for each that changes, and remarks on gaps, span and days."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

from planner.domain.conflicts import Conflict, Rule
from planner.scheduling.course_state import CourseView, State
from planner.scheduling.decisions import Line, LineKind
from planner.scheduling.patterns import pattern_words
from planner.scheduling.placements import Placement, Remark
from planner.scheduling.wording import in_days, say


def dose_lines(view: CourseView, state: State) -> list[Line]:
    """One line for each infusion that is new, moves, or becomes another dose."""
    lines: list[Line] = []
    for number, dose in enumerate(state.doses, 1):
        before, after = dose.before, dose.placement
        if after is not None:
            after = replace(after, number=number, phase=after.phase or _phase(view, number))
        if before is None and after is not None:
            lines.append(Line(LineKind.CREATED, f"New infusion {number}: {say(view, after.start)}.", None, after))
        elif before is not None and after is not None:
            old, new = say(view, before.start), say(view, after.start)
            sentence = f"Infusion {number}: {old} → {new}."
            if old == new:
                sentence = f"Infusion {number} stays {old}; staff or chair change."
            lines.append(Line(LineKind.MOVED, sentence, before, after))
        elif before is not None and before.number != number:
            kept = Placement(
                kind=before.kind,
                phase=before.phase,
                number=number,
                start=before.start,
                end=before.end,
                site_id=view.course.clinic.site.id,
                chair_id=before.chair_id,
                nurse_id=before.nurse_id,
                therapist_id=before.therapist_id,
                room_id=before.room_id,
                holds=before.holds,
            )
            sentence = f"{say(view, before.start, 'Infusion')} becomes dose {number}, was {before.number}."
            lines.append(Line(LineKind.RENUMBERED, sentence, before, kept))
    return lines


def _phase(view: CourseView, number: int) -> str:
    return view.search.phases[min(number, view.search.doses) - 1]


def _gaps(view: CourseView, state: State) -> list[tuple[int, int, bool]]:
    """(dose number, days since the dose before, whether either of the two changed)."""
    found = []
    unchanged = {(a.before.id, b.before.id) for a, b in pairwise(view.state().doses) if a.before and b.before}
    for number, (a, b) in enumerate(pairwise(state.doses), 2):
        same = a.before is not None and b.before is not None and (a.before.id, b.before.id) in unchanged
        found.append((number, view.day(b.start) - view.day(a.start), not same or a.retimed or b.retimed))
    return found


def too_long(view: CourseView, state: State) -> list[Conflict]:
    """Gaps above the protocol's most need somebody's sign-off (clinical.md 2.1)."""
    return [
        Conflict(
            Rule.SPACING,
            f"{in_days(gap)} between dose {number - 1} and dose {number}, above {view.gap(number)[1]}.",
        )
        for number, gap, changed in _gaps(view, state)
        if changed and gap > view.gap(number)[1]
    ]


def remarks_on(view: CourseView, state: State) -> tuple[Remark, ...]:
    """Long gaps, a long series and days off the pattern: what a person should know, though it does not block."""
    remarks = []
    for number, gap, changed in _gaps(view, state):
        spacing = view.search.spacings[min(number, view.search.doses) - 1]
        if changed and spacing.warn_days <= gap <= spacing.max_days and gap > spacing.target_days:
            equal = " (the most allowed)" if gap == spacing.max_days else ""
            told = f"{in_days(gap)} between dose {number - 1} and {number}{equal}."
            remarks.append(Remark(Rule.SPACING, told, number))
    rule = view.search.protocol.span
    if len(state.doses) > 1:
        span = view.day(state.doses[-1].start) - view.day(state.doses[0].start)
        if span > rule.target_days:
            review = f"; above {rule.review_days} a prescriber reviews it" if span > rule.review_days else ""
            sentence = f"The series takes {span} days, more than the {rule.target_days} aimed at{review}."
            remarks.append(Remark(Rule.SPAN, sentence))
    for number, dose in enumerate(state.doses, 1):
        pattern = view.course.pattern
        if dose.retimed and pattern and view.search.days.weekday(view.day(dose.start)) not in pattern:
            told = say(view, dose.start + view.origin)
            remarks.append(Remark(Rule.CLOSED, f"Dose {number}, {told}, is off {pattern_words(pattern)}.", number))
    return tuple(remarks)
