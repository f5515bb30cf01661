"""Offered times for one appointment of an existing course: only times that leave every link whole.

An infusion is offered only where its own session, and that of the dose before, still fit (promise Z1), and where the
gaps to both neighbours keep. Nothing offered needs an override. All an appointment may reach is looked at; of each day
a few times are offered, spread over it, so that no day with a time is left out for the sake of another.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from planner.domain.conflicts import Conflict, Rule
from planner.domain.errors import Refused
from planner.domain.statuses import AppointmentKind
from planner.scheduling.course_state import CourseView
from planner.scheduling.decisions import Decision
from planner.scheduling.moves import decide_move_in
from planner.scheduling.reach import starts_within_reach
from planner.scheduling.refusals import why_not
from planner.scheduling.sheets import BookedSheet, CourseSheet
from planner.scheduling.spreading import spread

#: Times offered of one day, how many minutes they lie apart at least, and on how many days.
A_DAY = 4
APART_MINUTES = 60
MOST_DAYS = 28

Suits = Callable[[Decision], bool]


@dataclass(frozen=True, slots=True)
class Offer:
    """A time that can be had (UTC minutes), and everything that would follow."""

    start: int
    decision: Decision


def any_decision(decision: Decision) -> bool:
    """Suits everybody: what an offer must keep in any case is asked before."""
    return True


def offer_times(
    course: CourseSheet, appointment_id: int, *, a_day: int = A_DAY, suits: Suits = any_decision
) -> tuple[Offer, ...]:
    """Other times for an appointment, in order of time; empty when it may not move.

    Of each local day at most `a_day`: the nearest to the present time of day, then far from each other. Every day has
    one that has any, but for the days farthest away when more than MOST_DAYS have. `suits` may turn decisions down.
    """
    return offer_times_in(CourseView(course), appointment_id, a_day=a_day, suits=suits)


def offer_times_in(
    view: CourseView, appointment_id: int, *, a_day: int = A_DAY, suits: Suits = any_decision
) -> tuple[Offer, ...]:
    """`offer_times` for a course that is looked at already."""
    booked = _movable(view, appointment_id)
    if booked is None:
        return ()
    here, wall = view.search.days.index(booked.start), view.search.days.wall_minute(booked.start)
    reach = starts_within_reach(view, booked)
    offers: list[Offer] = []
    days = 0
    for day in sorted(reach, key=lambda day: (abs(day - here), day)):
        found = spread(
            reach[day],
            min(reach[day], key=lambda start: (abs(view.search.days.wall_minute(start) - wall), start)),
            lambda start: _offer(view, booked, start, suits),
            most=a_day,
            apart=APART_MINUTES,
        )
        offers += found
        days += bool(found)
        if days == MOST_DAYS:
            break
    return tuple(sorted(offers, key=lambda offer: offer.start))


def every_offer(course: CourseSheet, appointment_id: int) -> tuple[Offer, ...]:
    """All other times for an appointment, in order of time; empty when it may not move."""
    view = CourseView(course)
    booked = _movable(view, appointment_id)
    if booked is None:
        return ()
    starts = sorted(start for starts in starts_within_reach(view, booked).values() for start in starts)
    found = (_offer(view, booked, start, any_decision) for start in starts)
    return tuple(offer for offer in found if offer is not None)


def offers_near(course: CourseSheet, appointment_id: int, wanted: int, *, most: int) -> tuple[Offer, ...]:
    """The `most` other times nearest to UTC minute `wanted`, in order of time; empty when it may not move."""
    view = CourseView(course)
    booked = _movable(view, appointment_id)
    if booked is None:
        return ()
    starts = (start for starts in starts_within_reach(view, booked).values() for start in starts)
    found: list[Offer] = []
    for start in sorted(starts, key=lambda start: (abs(start - wanted), start)):
        offer = _offer(view, booked, start, any_decision)
        if offer is not None:
            found.append(offer)
        if len(found) == most:
            break
    return tuple(sorted(found, key=lambda offer: offer.start))


def why_not_offered(course: CourseSheet, appointment_id: int, start: int) -> tuple[Conflict, ...]:
    """Every rule that keeps UTC minute `start` from being offered for an infusion; empty exactly when it can be had
    (or is where the infusion already is)."""
    view = CourseView(course)
    booked = _movable(view, appointment_id)
    if booked is None:
        return (Conflict(Rule.STATUS, "This appointment is fixed and does not move."),)
    return why_not(view, booked, start) or _tried(view, booked, start)[1]


def _movable(view: CourseView, appointment_id: int) -> BookedSheet | None:
    found = next((a for a in view.course.appointments if a.id == appointment_id), None)
    return None if found is None or view.frozen(found) else found


def _offer(view: CourseView, booked: BookedSheet, start: int, suits: Suits) -> Offer | None:
    """The offer of UTC minute `start`, if it can be had."""
    if booked.kind is AppointmentKind.INFUSION and why_not(view, booked, start):
        return None
    decision, conflicts = _tried(view, booked, start)
    return Offer(start, decision) if decision is not None and not conflicts and suits(decision) else None


def _tried(view: CourseView, booked: BookedSheet, start: int) -> tuple[Decision | None, tuple[Conflict, ...]]:
    """The decision for a move to `start`, and what speaks against offering it: nothing may be lost or need a reason."""
    try:
        decision = decide_move_in(view, booked.id, start)
    except Refused as refused:
        return None, refused.conflicts
    lost = tuple(Conflict(Rule.REST_OF_COURSE, line.sentence) for line in decision.unsaved)
    return decision, (*decision.overrides, *lost)
