"""What lies around the doses: preparation, consolidation, rolling sessions and proposed boosters follow them too."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from planner.domain.conflicts import Conflict, Rule
from planner.domain.protocols import SessionPhase
from planner.domain.statuses import AppointmentKind, AppointmentStatus, Mode
from planner.scheduling.bookends import DAY
from planner.scheduling.course_state import CourseView, Dose, State
from planner.scheduling.decisions import Line, LineKind
from planner.scheduling.masks import bits, slice_of
from planner.scheduling.placements import Placement
from planner.scheduling.placing import NothingFree, place_session
from planner.scheduling.sheets import BookedSheet
from planner.scheduling.wording import say


def move_line(view: CourseView, name: str, booked: BookedSheet, after: Placement) -> Line:
    """A session that goes elsewhere."""
    old, new = say(view, booked.start), say(view, after.start)
    return Line(LineKind.MOVED, f"{name}: {old} → {new}.", booked, after)


def unsaved_line(view: CourseView, name: str, booked: BookedSheet, why: str) -> Line:
    """A session for which nothing legal was found: its slot is given back and it is listed to rebook."""
    sentence = f"{say(view, booked.start, name)} cannot be kept: {why}."
    return Line(LineKind.UNSAVED, sentence, booked, status=AppointmentStatus.CANCELLED)


def follow_consolidation(view: CourseView, state: State, busy_until: int) -> Iterator[Line]:
    """Keep each consolidation session that is still far enough after the last dose, else move it to the first slot
    that is: with the primary therapist if there is one in time. `busy_until`: end of the last integration session."""
    phase = view.search.protocol.consolidation
    if phase is None or not state.doses:
        return
    last = state.doses[-1]
    end = _dose_end(view, last)
    for booked in view.sessions(AppointmentKind.CONSOLIDATION):
        after_dose = booked.start - view.origin - end
        inside = phase.min_days * DAY <= after_dose <= phase.max_days * DAY
        untouched = not last.moved and last.before is not None and _was_last(view, last)
        if view.frozen(booked) or (booked.id not in state.displaced and (inside or untouched)):
            continue
        slot = _consolidation_slot(view, phase, end, busy_until)
        if slot is None:
            yield unsaved_line(view, "Consolidation session", booked, "no slot far enough after the last dose")
        else:
            yield move_line(view, "Consolidation session", booked, _session(view, phase, booked, slot))


def _was_last(view: CourseView, last: Dose) -> bool:
    doses = view.state().doses
    return bool(doses) and doses[-1].before == last.before and doses[-1].anchor == last.anchor


def _dose_end(view: CourseView, dose: Dose) -> int:
    if dose.before is not None and dose.before.dose_end is not None and not dose.moved:
        return dose.before.dose_end - view.origin
    return dose.start + view.search.protocol.visit.dose_ends_min


def _consolidation_slot(view: CourseView, phase: SessionPhase, end: int, busy_until: int) -> int | None:
    supply = view.search.supply
    first, last = max(end + phase.min_days * DAY, busy_until), end + phase.max_days * DAY
    primary = supply.patient.primary_therapist_id
    for mask in (supply.session_starts(phase.minutes, primary), supply.session_starts(phase.minutes)):
        part = slice_of(mask, first, last)
        if part:
            return first + (part & -part).bit_length() - 1
    return None


def _session(view: CourseView, phase: SessionPhase, booked: BookedSheet, start: int) -> Placement:
    return place_session(
        view.search.supply, start, phase.minutes, kind=booked.kind, phase=phase.key, number=booked.number
    )


def follow_preparation(view: CourseView, state: State) -> Iterator[Line | Conflict]:
    """Keep preparation inside its days before the first dose; move what can move; say when too little is left."""
    phase = view.search.protocol.preparation
    if phase is None or not state.doses:
        return
    first_day = view.day(state.doses[0].start)
    moved = state.doses[0].moved or state.doses[0].before is None
    booked_sessions = view.sessions(AppointmentKind.PREPARATION)
    kept = 0
    for booked in booked_sessions:
        lead = first_day - view.day(booked.start - view.origin)
        fits = phase.min_days <= lead <= phase.max_days
        if booked.id not in state.displaced and (fits or not moved):
            kept += 1
            continue
        if view.frozen(booked):
            continue
        slot = _preparation_slot(view, phase, first_day)
        if slot is None:
            yield unsaved_line(view, "Preparation session", booked, "no slot in time before the first dose")
        else:
            kept += 1
            yield move_line(view, "Preparation session", booked, _session(view, phase, booked, slot))
    if moved and phase.required and kept < min(phase.sessions, len(booked_sessions)):
        days = f"{phase.min_days} to {phase.max_days} days"
        yield Conflict(Rule.PREP_MISSING, f"The first dose would not have its preparation {days} before it.")


def _preparation_slot(view: CourseView, phase: SessionPhase, first_day: int) -> int | None:
    supply, days = view.search.supply, view.search.days
    primary = supply.patient.primary_therapist_id
    mine, anyone = supply.session_starts(phase.minutes, primary), supply.session_starts(phase.minutes)
    ranked: list[tuple[bool, int, int]] = []
    for lead in range(phase.min_days, phase.max_days + 1):
        first = days.start(first_day - lead) - supply.origin
        last = days.start(first_day - lead + 1) - supply.origin - 1
        if last <= first or first_day - lead < 0:
            continue
        for bit in bits(slice_of(anyone, first, last)):
            ranked.append((not mine >> (first + bit) & 1, abs(lead - phase.target_days), first + bit))
    return min(ranked)[2] if ranked else None


def follow_rolling(view: CourseView, state: State) -> Iterator[Line]:
    """In rolling mode each session is held just before the next visit, so it goes where that visit goes."""
    search = view.search
    if not search.rolling:
        return
    sessions = [s for s in view.sessions(AppointmentKind.INTEGRATION) if not view.frozen(s)]
    minutes = search.protocol.integration.minutes
    homes = {number: dose.start - search.lead for number, dose in enumerate(state.doses, 1) if number > 1}
    left = list(sessions)
    for number, start in homes.items():
        there = next((s for s in left if s.start - view.origin == start and s.id not in state.displaced), None)
        if there is not None:
            left.remove(there)
            if there.number != number - 1:
                after = replace(_as_it_is(there, view.course.clinic.site.id), number=number - 1, serves=number - 1)
                sentence = f"{say(view, there.start, 'Integration session')} now serves dose {number - 1}."
                yield Line(LineKind.RELINKED, sentence, there, after)
            continue
        dose = state.doses[number - 1]
        if dose.before is not None and view.frozen(dose.before):
            continue
        own = next((s for s in left if s.number == number - 1), None)
        try:
            after = place_session(
                search.supply,
                start,
                minutes,
                kind=AppointmentKind.INTEGRATION,
                phase="",
                number=number - 1,
                serves=number - 1,
                on_grid=False,
            )
        except NothingFree:
            sentence = f"No therapist is free just before dose {number}."
            yield Line(LineKind.UNSAVED, sentence, own, status=AppointmentStatus.CANCELLED if own else None)
            continue
        if own is None:
            yield Line(LineKind.CREATED, f"New integration session {say(view, after.start)}.", None, after)
        else:
            left.remove(own)
            yield move_line(view, f"Integration session {number - 1}", own, after)
    for session in left:
        sentence = f"{say(view, session.start, 'Session')} is released: no dose needs it."
        yield Line(LineKind.RELEASED, sentence, session, status=AppointmentStatus.CANCELLED)


def _as_it_is(booked: BookedSheet, site_id: int) -> Placement:
    return Placement(
        kind=booked.kind,
        phase=booked.phase,
        number=booked.number,
        start=booked.start,
        end=booked.end,
        site_id=site_id,
        mode=booked.mode,
        chair_id=booked.chair_id,
        nurse_id=booked.nurse_id,
        therapist_id=booked.therapist_id,
        room_id=booked.room_id,
        holds=booked.holds,
    )


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
        if not last.moved and _was_last(view, last):
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
    from datetime import datetime, time, timedelta

    from planner.domain.intervals import minute_of
    from planner.domain.walltime import resolve_wall_leniently

    moment = datetime.combine(view.search.days.day(day), time()) + timedelta(minutes=wall)
    return minute_of(resolve_wall_leniently(moment, view.search.days.zone))
