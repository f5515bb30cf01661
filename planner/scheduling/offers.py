"""Offered times for one appointment of an existing course: only times that leave every link whole.

An infusion is offered only where its own session, and that of the dose before, still fit (promise Z1), and where the
gaps to both neighbours keep. Nothing offered needs an override.
"""

from __future__ import annotations

from dataclasses import dataclass

from planner.domain.errors import Refused
from planner.domain.statuses import AppointmentKind
from planner.scheduling.course_state import CourseView
from planner.scheduling.decisions import Decision
from planner.scheduling.moves import decide_move
from planner.scheduling.sheets import BookedSheet, CourseSheet
from planner.scheduling.sliding import earlier_ends


@dataclass(frozen=True, slots=True)
class Offer:
    """A time that can be had (UTC minutes), and everything that would follow."""

    start: int
    decision: Decision


def offer_times(course: CourseSheet, appointment_id: int, *, most: int = 30) -> tuple[Offer, ...]:
    """Up to `most` other times for an appointment, in order of time; empty when it may not move."""
    view = CourseView(course)
    booked = next((a for a in course.appointments if a.id == appointment_id), None)
    if booked is None or view.frozen(booked):
        return ()
    of_kind = _infusion_starts if booked.kind is AppointmentKind.INFUSION else _session_starts
    starts = of_kind(view, booked)
    offers: list[Offer] = []
    for start in _nearest_first(starts, booked.start):
        try:
            decision = decide_move(course, appointment_id, start)
        except Refused:
            continue
        if not decision.unsaved and not decision.overrides:
            offers.append(Offer(start, decision))
        if len(offers) == most:
            break
    return tuple(sorted(offers, key=lambda offer: offer.start))


def _nearest_first(starts: list[int], to: int) -> list[int]:
    return sorted((start for start in starts if start != to), key=lambda start: (abs(start - to), start))


def _infusion_starts(view: CourseView, booked: BookedSheet) -> list[int]:
    """Check-ins that keep the gaps and have a session, by masks alone; the decision has the last word."""
    search, doses = view.search, view.state().doses
    place = next((i for i, dose in enumerate(doses) if dose.before is not None and dose.before.id == booked.id), None)
    if place is None:
        return []
    low, high = view.day_limits(doses, place)
    ready = earlier_ends(view, view.state(), place) if place else 0
    by_day = search.candidates(min(place + 1, search.doses))
    return [
        start + view.origin
        for day in range(low, high + 1)
        for start in by_day.get(day, ())
        if ready is not None and start >= ready
    ]


def _session_starts(view: CourseView, booked: BookedSheet) -> list[int]:
    """Session starts inside the window of the dose it serves; for others, near where they are."""
    from planner.scheduling.masks import bits, slice_of

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
