"""A session that keeps its time with somebody else: whether it may stay there, and who is free to hold it."""

from __future__ import annotations

from collections.abc import Iterator

from planner.domain.statuses import AppointmentKind, Mode
from planner.scheduling.course_state import CourseView, State
from planner.scheduling.placements import Placement
from planner.scheduling.placing import session_with
from planner.scheduling.sheets import BookedSheet


def may_stay(view: CourseView, state: State, booked: BookedSheet) -> bool:
    """Whether the time of a displaced session still does: in the window of its dose, or as it was agreed before.

    A session outside its window with a reason stays a named exception while its dose stays.
    """
    if view.frozen(booked):
        return False
    if booked.kind is not AppointmentKind.INTEGRATION:
        return True
    number = state.number_of(booked.serves_id)
    if number is None:
        return False
    dose, cutoff = state.doses[number - 1], view.cutoff(state.doses, number - 1)
    start, end = booked.start - view.origin, booked.end - view.origin
    if start < view.leaves(dose) or (cutoff is not None and end > cutoff):
        return False
    link = view.search.link
    if link is None:
        return view.search.rolling and not dose.retimed
    unchanged = dose.before is not None and dose.anchor == view.dose_of(dose.before).anchor
    return unchanged or link.fits(start - dose.anchor, None)


def same_time(view: CourseView, state: State, booked: BookedSheet, most_rooms: int = 1) -> Iterator[Placement]:
    """The session at its own time with everybody who is free for it: the primary therapist first, then by id; in its
    own way of meeting first, and in its own room if that is free."""
    supply = view.search.supply
    start, minutes = booked.start - view.origin, booked.end - booked.start
    primary = supply.patient.primary_therapist_id
    number = state.number_of(booked.serves_id)
    anchor = state.doses[number - 1].anchor if number is not None else 0
    link = view.search.link if number is not None else None
    modes = sorted(supply.patient.modes, key=lambda mode: mode is not booked.mode)
    rooms = sorted(supply.free_rooms(start, minutes), key=lambda room: room.id != booked.room_id)[:most_rooms]
    for person in sorted(supply.therapists, key=lambda p: (p.id != primary, p.id)):
        if not supply.is_there(person, start):
            continue
        able = supply.session_modes(person, minutes, on_grid=False)
        for mode in modes:
            if not able.get(mode, 0) >> start & 1:
                continue
            for room in rooms if mode is Mode.IN_PERSON else (None,):
                yield session_with(
                    supply, person, mode, start, minutes, kind=booked.kind, phase=booked.phase,
                    number=number or booked.number, serves=number, link=link,
                    offset=start - anchor if link is not None else None, room=room,
                )  # fmt: skip


def taken_over(view: CourseView, state: State, booked: BookedSheet) -> Placement | None:
    """The best of `same_time` for a displaced session whose time still does."""
    if booked.id not in state.displaced or not may_stay(view, state, booked):
        return None
    return next(same_time(view, state, booked), None)
