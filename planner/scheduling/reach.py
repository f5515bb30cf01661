"""How far an appointment of a course may go: starts that no rule of its own refuses yet, by local day.

An infusion reaches as far as the gaps to its neighbours allow, an integration session over the window of its dose,
preparation and consolidation over their days around the doses. Whether a start can be had is for a decision to say.
"""

from __future__ import annotations

from collections.abc import Iterable

from planner.domain.protocols import SessionPhase
from planner.domain.statuses import AppointmentKind
from planner.scheduling.bookends import DAY
from planner.scheduling.breaks import before_first_dose
from planner.scheduling.course_state import CourseView, Dose
from planner.scheduling.masks import bits, slice_of
from planner.scheduling.sheets import BookedSheet

ByDay = dict[int, list[int]]
"""Starts (UTC minutes) in order, by the index of their local day."""

#: Days before and after its present one for a session that no rule ties to a dose.
UNTIED_DAYS = 7


def starts_within_reach(view: CourseView, booked: BookedSheet) -> ByDay:
    """Every start worth deciding about for this appointment, its present one left out."""
    if booked.kind is AppointmentKind.INFUSION:
        found = _check_ins(view, booked)
    elif booked.kind is AppointmentKind.INTEGRATION:
        found = _integration(view, booked)
    else:
        found = _around_the_doses(view, booked)
    by_day: ByDay = {}
    for start in found:
        if start + view.origin != booked.start:
            by_day.setdefault(view.day(start), []).append(start + view.origin)
    return by_day


def days_of_others(view: CourseView, booked: BookedSheet) -> set[int]:
    """Days (indexes) on which the course has another session of this preparation's or consolidation's kind."""
    if booked.kind not in (AppointmentKind.PREPARATION, AppointmentKind.CONSOLIDATION):
        return set()
    return {view.day(other.start - view.origin) for other in view.sessions(booked.kind) if other.id != booked.id}


def _check_ins(view: CourseView, booked: BookedSheet) -> Iterable[int]:
    """Check-ins that every visit rule allows, with some session after them, on days that keep both gaps."""
    doses = view.state().doses
    place = next((i for i, dose in enumerate(doses) if dose.before is not None and dose.before.id == booked.id), None)
    if place is None:
        return ()
    low, high = view.day_limits(doses, place)
    by_day = view.search.candidates(min(place + 1, view.search.doses))
    return (start for day in range(max(low, 0), high + 1) for start in by_day.get(day, ()))


def _integration(view: CourseView, booked: BookedSheet) -> Iterable[int]:
    """The window of the dose a session serves. A rolling session has one place only, just before the next visit."""
    if view.search.rolling:
        return ()
    number, link = view.state().number_of(booked.serves_id), view.search.link
    if number is None or link is None:
        return _untied(view, booked)
    doses = view.state().doses
    dose, cutoff = doses[number - 1], view.cutoff(doses, number - 1)
    last = link.last_start(None if cutoff is None else cutoff - dose.anchor)
    if last is None:
        return ()
    return _starts(view, booked, max(dose.anchor + link.opens, view.leaves(dose)), dose.anchor + last)


def _around_the_doses(view: CourseView, booked: BookedSheet) -> Iterable[int]:
    """The days of a preparation or consolidation session, without those on which the course has another of its kind."""
    doses, protocol = view.state().doses, view.search.protocol
    preparing = booked.kind is AppointmentKind.PREPARATION
    phase = protocol.preparation if preparing else protocol.consolidation
    if phase is None or not doses or booked.kind not in (AppointmentKind.PREPARATION, AppointmentKind.CONSOLIDATION):
        return _untied(view, booked)
    first, last = _before(view, phase, doses[0], booked) if preparing else _after(view, phase, doses[-1])
    taken = days_of_others(view, booked)
    return (start for start in _starts(view, booked, first, last) if view.day(start) not in taken)


def _before(view: CourseView, phase: SessionPhase, first_dose: Dose, booked: BookedSheet) -> tuple[int, int]:
    """First and last axis minute at which preparation may start: over before the first check-in, on its days."""
    days, day = view.search.days, view.day(first_dose.start)
    over_by = first_dose.start - before_first_dose(view.search.breaks, phase) - (booked.end - booked.start)
    begin = days.start(day - phase.max_days) - view.origin
    end = days.start(day - phase.min_days + 1) - view.origin - 1
    return begin, min(end, over_by)


def _after(view: CourseView, phase: SessionPhase, last_dose: Dose) -> tuple[int, int]:
    """First and last axis minute at which consolidation may start: its days count from the end of the dose."""
    end = view.dose_end(last_dose)
    return end + phase.min_days * DAY, end + phase.max_days * DAY


def _untied(view: CourseView, booked: BookedSheet) -> Iterable[int]:
    at = booked.start - view.origin
    return _starts(view, booked, at - UNTIED_DAYS * DAY, at + UNTIED_DAYS * DAY)


def _starts(view: CourseView, booked: BookedSheet, first: int, last: int) -> Iterable[int]:
    """Axis minutes from `first` to `last` at which somebody could hold this session."""
    first = max(first, 0)
    mask = view.search.supply.session_starts(booked.end - booked.start)
    return (first + bit for bit in bits(slice_of(mask, first, last)))
