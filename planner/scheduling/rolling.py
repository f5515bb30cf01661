"""Rolling integration: each session is held just before the next visit, so it goes where that visit goes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from planner.domain.statuses import AppointmentKind, AppointmentStatus
from planner.scheduling.around import cover_line, move_line
from planner.scheduling.course_state import CourseView, State
from planner.scheduling.decisions import Line, LineKind
from planner.scheduling.placements import Placement
from planner.scheduling.placing import NothingFree, place_session
from planner.scheduling.sheets import BookedSheet
from planner.scheduling.wording import say


def follow_rolling(view: CourseView, state: State) -> Iterator[Line]:
    """Keep each session that stands just before some visit, then move or make what the other visits need."""
    if not view.search.rolling:
        return
    homes = {n: dose.start - view.search.lead for n, dose in enumerate(state.doses, 1) if n > 1}
    left = view.sessions(AppointmentKind.INTEGRATION)
    kept: dict[int, BookedSheet] = {}
    for number, start in homes.items():
        there = next((s for s in left if s.start - view.origin == start and s.id not in state.displaced), None)
        if there is not None:
            left.remove(there)
            kept[number] = there
    for number, there in kept.items():
        if there.number != number - 1:
            yield _relinked(view, there, number - 1)
    left = [session for session in left if not view.frozen(session)]
    for number, start in homes.items():
        before = state.doses[number - 1].before
        if number not in kept and (before is None or not view.frozen(before)):
            own = next((s for s in left if s.number == number - 1), None)
            if own is not None:
                left.remove(own)
            yield _placed(view, state, number, start, own)
    for session in left:
        sentence = f"{say(view, session.start, 'Session')} is released: no dose needs it."
        yield Line(LineKind.RELEASED, sentence, session, status=AppointmentStatus.CANCELLED)


def _relinked(view: CourseView, there: BookedSheet, serves: int) -> Line:
    after = replace(_as_it_is(there, view.course.clinic.site.id), number=serves, serves=serves)
    sentence = f"{say(view, there.start, 'Integration session')} now serves dose {serves}."
    return Line(LineKind.RELINKED, sentence, there, after)


def _placed(view: CourseView, state: State, number: int, start: int, own: BookedSheet | None) -> Line:
    """The session just before dose `number`: the one it had moves, else a new one; unsaved when nobody is free."""
    settled = state.covers.get(own.id) if own is not None else None
    if own is not None and settled is not None and settled.start - view.origin == start:
        return cover_line(view, f"Integration session {number - 1}", own, settled)
    try:
        after = place_session(
            view.search.supply,
            start,
            view.search.protocol.integration.minutes,
            kind=AppointmentKind.INTEGRATION,
            phase=own.phase if own else view.search.phases[min(number, view.search.doses) - 1],
            number=number - 1,
            serves=number - 1,
            on_grid=False,
        )
    except NothingFree:
        sentence = f"No therapist is free just before dose {number}."
        return Line(LineKind.UNSAVED, sentence, own, status=AppointmentStatus.CANCELLED if own else None)
    if own is None:
        return Line(LineKind.CREATED, f"New integration session {say(view, after.start)}.", None, after)
    return move_line(view, f"Integration session {number - 1}", own, after)


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
