"""Offered times for one appointment of an existing course: only times that leave every link whole.

An infusion is offered only where its own session, and that of the dose before, still fit (promise Z1), and where the
gaps to both neighbours keep. Nothing offered needs an override.
"""

from __future__ import annotations

from dataclasses import dataclass

from planner.domain.conflicts import Conflict, Rule
from planner.domain.errors import Refused
from planner.domain.statuses import AppointmentKind
from planner.scheduling.course_state import CourseView
from planner.scheduling.decisions import Decision
from planner.scheduling.masks import bits, slice_of
from planner.scheduling.moves import decide_move
from planner.scheduling.refusals import why_not
from planner.scheduling.sheets import BookedSheet, CourseSheet


@dataclass(frozen=True, slots=True)
class Offer:
    """A time that can be had (UTC minutes), and everything that would follow."""

    start: int
    decision: Decision


def offer_times(course: CourseSheet, appointment_id: int, *, most: int = 30) -> tuple[Offer, ...]:
    """Up to `most` other times for an appointment, in order of time; empty when it may not move."""
    view = CourseView(course)
    booked = _movable(view, appointment_id)
    if booked is None:
        return ()
    of_kind = _infusion_starts if booked.kind is AppointmentKind.INFUSION else _session_starts
    offers: list[Offer] = []
    for start in _nearest_first(of_kind(view, booked), booked.start):
        decision, conflicts = _tried(course, booked, start)
        if decision is not None and not conflicts:
            offers.append(Offer(start, decision))
        if len(offers) == most:
            break
    return tuple(sorted(offers, key=lambda offer: offer.start))


def why_not_offered(course: CourseSheet, appointment_id: int, start: int) -> tuple[Conflict, ...]:
    """Every rule that keeps UTC minute `start` from being offered for an infusion; empty exactly when it is offered
    (or is where the infusion already is)."""
    view = CourseView(course)
    booked = _movable(view, appointment_id)
    if booked is None:
        return (Conflict(Rule.STATUS, "This appointment is fixed and does not move."),)
    return why_not(view, booked, start) or _tried(course, booked, start)[1]


def _movable(view: CourseView, appointment_id: int) -> BookedSheet | None:
    found = next((a for a in view.course.appointments if a.id == appointment_id), None)
    return None if found is None or view.frozen(found) else found


def _tried(course: CourseSheet, booked: BookedSheet, start: int) -> tuple[Decision | None, tuple[Conflict, ...]]:
    """The decision for a move to `start`, and what speaks against offering it: nothing may be lost or need a reason."""
    try:
        decision = decide_move(course, booked.id, start)
    except Refused as refused:
        return None, refused.conflicts
    lost = tuple(Conflict(Rule.REST_OF_COURSE, line.sentence) for line in decision.unsaved)
    return decision, (*decision.overrides, *lost)


def _nearest_first(starts: list[int], to: int) -> list[int]:
    return sorted((start for start in starts if start != to), key=lambda start: (abs(start - to), start))


def _infusion_starts(view: CourseView, booked: BookedSheet) -> list[int]:
    """Check-ins that no rule refuses: the gaps keep, and both sessions fit. The decision has the last word."""
    doses = view.state().doses
    place = next((i for i, dose in enumerate(doses) if dose.before is not None and dose.before.id == booked.id), None)
    if place is None:
        return []
    low, high = view.day_limits(doses, place)
    by_day = view.search.candidates(min(place + 1, view.search.doses))
    starts = [start + view.origin for day in range(low, high + 1) for start in by_day.get(day, ())]
    return [start for start in starts if not why_not(view, booked, start)]


def _session_starts(view: CourseView, booked: BookedSheet) -> list[int]:
    """Session starts inside the window of the dose it serves; for others, near where they are."""
    minutes = booked.end - booked.start
    mask = view.search.supply.session_starts(minutes)
    number, link = view.state().number_of(booked.serves_id), view.search.link
    if number is not None and link is not None:
        doses = view.state().doses
        cutoff, anchor = view.cutoff(doses, number - 1), doses[number - 1].anchor
        last = link.last_start(None if cutoff is None else cutoff - anchor)
        first = anchor + link.opens
        if last is None:
            return []
        last = anchor + last
    else:
        reach = 7 * 1440
        first, last = booked.start - view.origin - reach, booked.start - view.origin + reach
        first = max(first, 0)
    return [first + bit + view.origin for bit in bits(slice_of(mask, first, last))]
