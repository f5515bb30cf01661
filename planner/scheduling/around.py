"""What lies around the doses: preparation, consolidation and proposed boosters follow them too."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, time, timedelta

from planner.domain.conflicts import Conflict, Rule
from planner.domain.intervals import minute_of
from planner.domain.protocols import SessionPhase
from planner.domain.statuses import AppointmentKind, AppointmentStatus, Mode
from planner.domain.walltime import resolve_wall_leniently
from planner.scheduling.bookends import DAY
from planner.scheduling.breaks import before_first_dose
from planner.scheduling.course_state import CourseView, Dose, State
from planner.scheduling.decisions import Line, LineKind
from planner.scheduling.masks import bits, slice_of
from planner.scheduling.own_time import Standing, standing
from planner.scheduling.placements import Placement
from planner.scheduling.placing import place_session
from planner.scheduling.sheets import BookedSheet
from planner.scheduling.taking_over import taken_over
from planner.scheduling.wording import say


def move_line(view: CourseView, name: str, booked: BookedSheet, after: Placement) -> Line:
    """A session that goes elsewhere."""
    old, new = say(view, booked.start), say(view, after.start)
    return Line(LineKind.MOVED, f"{name}: {old} → {new}.", booked, after)


def cover_line(view: CourseView, name: str, booked: BookedSheet, after: Placement) -> Line:
    """A displaced session that goes where it was settled to go, or stays with somebody else."""
    if after.start != booked.start:
        return move_line(view, name, booked, after)
    return Line(LineKind.MOVED, f"{name} stays {say(view, booked.start)}; somebody else takes it over.", booked, after)


def other_starts(view: CourseView, state: State, booked: BookedSheet) -> Iterator[tuple[int, int]]:
    """(days from the day aimed at, axis minute) of every start that would do for a preparation or consolidation."""
    protocol, doses = view.search.protocol, state.doses
    phase = protocol.preparation if booked.kind is AppointmentKind.PREPARATION else protocol.consolidation
    if phase is None or not doses:
        return
    stay = protocol.visit.discharge_min
    busy = [Standing(dose.start, dose.start + stay, True) for dose in doses]
    busy += [standing(view, s) for s in view.sessions(AppointmentKind.INTEGRATION) if s.id not in state.displaced]
    around = _Around(view, phase, busy)
    for other in view.sessions(booked.kind):
        if other.id not in state.displaced:
            around.keep(other)
    if booked.kind is AppointmentKind.CONSOLIDATION:
        end = view.dose_end(doses[-1])
        for _, start in around.free_between(end + phase.min_days * DAY, end + phase.max_days * DAY):
            yield 0, start
        return
    for lead, _, start in _preparation_starts(view, phase, around, doses[0]):
        yield abs(lead - phase.target_days), start


def unsaved_line(view: CourseView, name: str, booked: BookedSheet, why: str) -> Line:
    """A session for which nothing legal was found: its slot is given back and it is listed to rebook."""
    sentence = f"{say(view, booked.start, name)} cannot be kept: {why}."
    return Line(LineKind.UNSAVED, sentence, booked, status=AppointmentStatus.CANCELLED)


def follow_consolidation(view: CourseView, state: State, busy: list[Standing]) -> Iterator[Line]:
    """Keep each consolidation session that is still far enough after the last dose and clear of what else stands
    (`busy`), else move it to the first slot that is: with the primary therapist if there is one in time."""
    phase = view.search.protocol.consolidation
    if phase is None or not state.doses:
        return
    last = state.doses[-1]
    end = view.dose_end(last)
    span = end + phase.min_days * DAY, end + phase.max_days * DAY
    around = _Around(view, phase, busy)
    waiting: list[BookedSheet] = []
    for booked in view.sessions(AppointmentKind.CONSOLIDATION):
        inside = span[0] <= booked.start - view.origin <= span[1] or _was_last(view, last)
        if view.frozen(booked) or (booked.id not in state.displaced and inside and around.clear_of(booked)):
            around.keep(booked)
        else:
            waiting.append(booked)
    for booked in waiting:
        if stays := around.taken_over(state, booked, still_does=span[0] <= booked.start - view.origin <= span[1]):
            yield cover_line(view, "Consolidation session", booked, stays)
            continue
        slot = around.first_between(*span)
        if slot is None:
            yield unsaved_line(view, "Consolidation session", booked, "no slot far enough after the last dose")
        else:
            yield move_line(view, "Consolidation session", booked, around.placed(booked, slot))


class _Around:
    """Places sessions of one phase on days of their own, clear of the course's other appointments."""

    def __init__(self, view: CourseView, phase: SessionPhase, busy: Iterable[Standing]) -> None:
        self.view, self.phase = view, phase
        self.busy = list(busy)
        self.days: set[int] = set()

    def keep(self, booked: BookedSheet) -> None:
        """This one stays where it is."""
        self._stand(standing(self.view, booked))

    def _stand(self, where: Standing) -> None:
        self.busy.append(where)
        self.days.add(self.view.day(where.start))

    def clear_of(self, booked: BookedSheet) -> bool:
        """Whether a session where it is keeps clear of all that stands."""
        return self._clear(booked.start - self.view.origin, booked.end - booked.start)

    def _clear(self, start: int, minutes: int) -> bool:
        return not any(other.clashes(start, minutes, self.view.search.breaks) for other in self.busy)

    def free_between(self, first: int, last: int) -> Iterator[tuple[bool, int]]:
        """(not with the primary therapist, start) of every slot in this range that would do, in order of time."""
        supply, minutes = self.view.search.supply, self.phase.minutes
        primary = supply.patient.primary_therapist_id
        mine = 0 if primary is None else supply.session_starts(minutes, primary)
        first = max(first, 0)
        for bit in bits(slice_of(supply.session_starts(minutes), first, last)):
            start = first + bit
            if self.view.day(start) not in self.days and self._clear(start, minutes):
                yield not mine >> start & 1, start

    def first_between(self, first: int, last: int) -> int | None:
        """The first slot with the primary therapist, else the first of all."""
        found = min(self.free_between(first, last), default=None)
        return None if found is None else found[1]

    def taken_over(self, state: State, booked: BookedSheet, *, still_does: bool) -> Placement | None:
        """Where a displaced session was settled to go, else its own time with somebody else if that `still_does`."""
        settled = state.covers.get(booked.id)
        if settled is not None and (settled.start != booked.start or still_does):
            found: Placement | None = settled
        else:
            found = taken_over(self.view, state, booked) if still_does else None
        if found is None or self.view.day(found.start - self.view.origin) in self.days:
            return None
        start = found.start - self.view.origin
        if not self._clear(start, found.end - found.start):
            return None
        self._stand(Standing(start, found.end - self.view.origin, False))
        return found

    def placed(self, booked: BookedSheet, start: int) -> Placement:
        """The session there, which from now on stands in the way of others."""
        self._stand(Standing(start, start + self.phase.minutes, False))
        return place_session(
            self.view.search.supply,
            start,
            self.phase.minutes,
            kind=booked.kind,
            phase=self.phase.key,
            number=booked.number,
        )


def _was_last(view: CourseView, last: Dose) -> bool:
    """Whether the last dose is the same as before and nothing about it has changed."""
    doses = view.state().doses
    return bool(doses) and doses[-1].before == last.before and doses[-1].anchor == last.anchor


def follow_preparation(view: CourseView, state: State, busy: list[Standing]) -> Iterator[Line | Conflict]:
    """Keep preparation inside its days before the first dose; move what can move; say when too little is left."""
    phase = view.search.protocol.preparation
    if phase is None or not state.doses:
        return
    first = state.doses[0]
    moved = first.retimed or first.before is None
    around = _Around(view, phase, busy)
    booked_sessions = view.sessions(AppointmentKind.PREPARATION)
    waiting: list[BookedSheet] = []
    kept = 0
    for booked in booked_sessions:
        fits = _prepares(view, phase, booked, first)
        if view.frozen(booked) or (booked.id not in state.displaced and (fits or not moved)):
            around.keep(booked)
            kept += fits or not moved
        else:
            waiting.append(booked)
    for booked in waiting:
        if stays := around.taken_over(state, booked, still_does=_prepares(view, phase, booked, first) or not moved):
            kept += 1
            yield cover_line(view, "Preparation session", booked, stays)
            continue
        slot = _preparation_slot(view, phase, around, first)
        if slot is None:
            yield unsaved_line(view, "Preparation session", booked, "no slot in time before the first dose")
        else:
            kept += 1
            yield move_line(view, "Preparation session", booked, around.placed(booked, slot))
    if (moved or waiting) and phase.required and kept < min(phase.sessions, len(booked_sessions)):
        days = f"{phase.min_days} to {phase.max_days} days"
        yield Conflict(Rule.PREP_MISSING, f"The first dose would not have its preparation {days} before it.")


def _prepares(view: CourseView, phase: SessionPhase, booked: BookedSheet, first: Dose) -> bool:
    lead = view.day(first.start) - view.day(booked.start - view.origin)
    over = booked.end - view.origin + before_first_dose(view.search.breaks, phase) <= first.start
    return over and phase.min_days <= lead <= phase.max_days


def _preparation_slot(view: CourseView, phase: SessionPhase, around: _Around, first: Dose) -> int | None:
    ranked = (
        (not_primary, abs(lead - phase.target_days), start)
        for lead, not_primary, start in _preparation_starts(view, phase, around, first)
    )
    found = min(ranked, default=None)
    return None if found is None else found[2]


def _preparation_starts(
    view: CourseView, phase: SessionPhase, around: _Around, first: Dose
) -> Iterator[tuple[int, bool, int]]:
    """(days before the first dose, not with the primary therapist, axis minute) of every start in time before it."""
    days, origin = view.search.days, view.search.supply.origin
    day = view.day(first.start)
    over_by = first.start - phase.minutes - before_first_dose(view.search.breaks, phase)
    for lead in range(phase.min_days, phase.max_days + 1):
        if not 0 <= day - lead < days.count:
            continue
        begin, end = days.bounds[day - lead] - origin, days.bounds[day - lead + 1] - origin - 1
        for not_primary, start in around.free_between(begin, min(end, over_by)):
            yield lead, not_primary, start


def follow_boosters(view: CourseView, state: State) -> Iterator[Line]:
    """Proposed boosters keep their distance in local days from the last dose, at its time of day; nothing is held."""
    rule = view.search.protocol.boosters
    if rule is None or not state.doses:
        return
    last = state.doses[-1]
    days = view.search.days
    wall = days.wall_minute(last.start + view.origin)
    for count, booked in enumerate(view.proposed(), 1):
        day = view.day(last.start) + rule.after_days * count
        if _was_last(view, last):
            continue
        start = _minute_on(view, day, wall)
        after = Placement(
            kind=AppointmentKind.INFUSION,
            phase=booked.phase,
            number=booked.number,
            start=start,
            end=start + booked.end - booked.start,
            site_id=view.course.clinic.site.id,
            mode=Mode.IN_PERSON,
        )
        if start != booked.start:
            yield move_line(view, "Proposed booster", booked, after)


def _minute_on(view: CourseView, day: int, wall: int) -> int:
    """The UTC minute at which clocks show `wall` minutes after midnight on a day, also beyond the horizon."""
    moment = datetime.combine(view.search.days.day(day), time()) + timedelta(minutes=wall)
    return minute_of(resolve_wall_leniently(moment, view.search.days.zone))
