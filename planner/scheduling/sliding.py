"""Finding another time for a dose, and letting later doses slide when one comes too close."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from planner.domain.conflicts import Conflict, Rule
from planner.domain.errors import Refused
from planner.domain.statuses import AppointmentKind
from planner.scheduling.course_state import CourseView, Dose, State, with_dose
from planner.scheduling.placements import Placement
from planner.scheduling.placing import NothingFree, place_visit
from planner.scheduling.sheets import BookedSheet
from planner.scheduling.wording import in_days


def find_dose_time(
    view: CourseView,
    state: State,
    at: int | None,
    number: int,
    order: Iterable[int],
    wall: int,
    booked: BookedSheet | None = None,
) -> Placement | None:
    """The first day in `order` with a legal time for dose `number`, at the time of day closest to `wall`.

    `at` is the dose's place among `state.doses`, None for a dose to be added. Legal: every visit rule, its own session
    before the next dose, and the session of the dose before still possible.
    """
    search = view.search
    by_day = search.candidates(min(number, search.doses))
    others = [dose for index, dose in enumerate(state.doses) if index != at]
    for day in order:
        starts = by_day.get(day, [])
        for start in sorted(starts, key=lambda t: (abs(search.days.wall_minute(t + view.origin) - wall), t)):
            if not _fits_between(view, state, others, start):
                continue
            try:
                return place_visit(
                    search.supply,
                    search.protocol,
                    start,
                    number=number,
                    phase=search.phases[min(number, search.doses) - 1],
                    chair_id=booked.chair_id if booked else None,
                )
            except NothingFree:
                continue
    return None


def fits_at(view: CourseView, state: State, at: int, start: int) -> bool:
    """Whether the dose at list position `at` could check in at axis minute `start` as far as its neighbours go."""
    low, high = view.day_limits(state.doses, at)
    others = [dose for index, dose in enumerate(state.doses) if index != at]
    return low <= view.day(start) <= high and _fits_between(view, state, others, start)


def _fits_between(view: CourseView, state: State, others: list[Dose], start: int) -> bool:
    """Whether a visit at `start` leaves room for its own session and for that of the dose before."""
    search, link, slots = view.search, view.search.link, view.search.slots
    before = [dose for dose in others if dose.start <= start]
    after = [dose for dose in others if dose.start > start]
    number = len(before) + 1
    if after and after[0].start < start + search.ready_after(min(number, search.doses)):
        return False
    if link is not None and slots is not None and search.with_session(min(number, search.doses)):
        cutoff = after[0].start - link.gap if after else None
        if slots.best(start + search.anchor, cutoff) is None:
            return False
    if not before:
        return True
    ready = _session_ready(view, state, before[-1], len(before))
    return ready is not None and ready <= start


def _session_ready(view: CourseView, state: State, dose: Dose, number: int) -> int | None:
    """The earliest check-in after a dose: once its session, kept or new, and the gap are over."""
    search, link = view.search, view.search.link
    number = min(number, search.doses)
    visit = dose.start + search.ready_after(number)
    if link is None or search.slots is None or not search.with_session(number):
        return visit
    ends = [
        session.end - view.origin + link.gap
        for session in view.sessions(AppointmentKind.INTEGRATION)
        if dose.before is not None
        and session.serves_id == dose.before.id
        and session.id not in state.displaced
        and not dose.moved
    ]
    earliest = search.slots.earliest_end(dose.anchor, after=view.leaves(dose))
    if earliest is not None:
        ends.append(earliest + link.gap)
    if not ends and dose.anchor + link.closes <= view.now - view.origin:
        return visit
    return max(visit, min(ends)) if ends else None


def earlier_ends(view: CourseView, state: State, number: int) -> int | None:
    """The earliest axis minute at which the dose after `number` may check in; None when no session is possible."""
    dose = state.doses[number - 1]
    return _session_ready(view, state, dose, number)


def slide_followers(view: CourseView, state: State, number: int) -> State:
    """Move each dose after `number` that comes too close to the one before it, as little as possible.

    Raises Refused when one of them has nowhere to go or may not move.
    """
    for later in range(number + 1, len(state.doses) + 1):
        dose, previous = state.doses[later - 1], state.doses[later - 2]
        least, most = view.gap(later)
        gap = view.day(dose.start) - view.day(previous.start)
        ready = earlier_ends(view, state, later - 1)
        if gap >= least and ready is not None and ready <= dose.start:
            break
        if dose.before is None or view.frozen(dose.before):
            sentence = f"Dose {later} would come {in_days(gap)} after dose {later - 1}, and it may not move."
            raise Refused([Conflict(Rule.SPACING, sentence)])
        first = view.day(previous.start) + least
        wall = view.search.days.wall_minute(dose.start + view.origin)
        upto = replace(state, doses=state.doses[:later])
        order = range(max(first, view.day(dose.start)), view.day(previous.start) + most + 1)
        placement = find_dose_time(view, upto, later - 1, later, order, wall, dose.before)
        if placement is None:
            sentence = f"Dose {later} would come {in_days(gap)} after dose {later - 1}, of {least}; no time is free."
            raise Refused([Conflict(Rule.SPACING, sentence)])
        state = with_dose(state, later - 1, view.dose_at(placement, dose.before))
    return state
