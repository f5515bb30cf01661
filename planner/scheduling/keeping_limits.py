"""Decisions that keep the most sessions a therapist holds on one day, whatever of the course stays, moves or is made.

Each step of a decision sees the days that are full before it. Two of its own sessions may still want the last place of
one day: then it is decided again, with the later one kept from there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from planner.domain.statuses import HOLDING
from planner.scheduling.course_state import CourseView
from planner.scheduling.day_limits import NO_BARS, At, Bars, Crowd
from planner.scheduling.decisions import Decision, LineKind


def within_limits(view: CourseView, decide: Callable[[CourseView], Decision]) -> Decision:
    """What `decide` makes of the course without a day above anybody's limit. Raises what `decide` raises."""
    decision, met = decide(view), set[tuple[int, int]]()
    while crowds := list(crowds_after(view, decision)):
        bars: Bars = NO_BARS
        for crowd in crowds:
            day = (crowd.person_id, crowd.first)
            bars |= crowd.whole_day if day in met else crowd.keeping(crowd.left)
            met.add(day)
        if bars <= view.bars:
            raise AssertionError("a session goes where none may begin")
        view = view.barred(bars)
        decision = decide(view)
    return decision


def crowds_after(view: CourseView, decision: Decision) -> Iterator[Crowd]:
    """Where a decision would put more of the course's sessions on a day than somebody has places left."""
    limits = view.search.supply.limits
    return limits.crowds([*_kept(view, decision), *_placed(view, decision)]) if limits.any else iter(())


def _kept(view: CourseView, decision: Decision) -> Iterator[At]:
    """The sessions that could move and do not."""
    gone = {line.before.id for line in decision.lines if line.before and line.gives_up}
    gone |= {line.before.id for line in decision.of(LineKind.MOVED) if line.before}
    gone |= {
        line.before.id
        for line in decision.of(LineKind.MARKED)
        if line.before and line.status is not None and line.status not in HOLDING
    }
    for booked in view.course.appointments:
        if booked.session is not None and booked.id not in gone and not view.frozen(booked):
            yield booked.session[0], booked.start - view.origin


def _placed(view: CourseView, decision: Decision) -> Iterator[At]:
    for line in decision.lines:
        after = line.after if line.kind in (LineKind.MOVED, LineKind.CREATED) else None
        if after is not None and after.session is not None:
            yield after.session[0], after.start - view.origin
