"""From a chosen minute to a placement: which chair, nurse, therapist and room, and what each is held for."""

from __future__ import annotations

from dataclasses import dataclass

from planner.domain.protocols import Holding, Protocol
from planner.domain.statuses import AppointmentKind, Mode
from planner.scheduling.links import Link
from planner.scheduling.placements import Held, Placement
from planner.scheduling.sheets import PersonSheet, ThingSheet
from planner.scheduling.supply import Supply


class NothingFree(LookupError):
    """A mask said yes and no thing or person was found: the sheet contradicts itself."""


def place_visit(
    supply: Supply, protocol: Protocol, start: int, *, number: int, phase: str, chair_id: int | None = None
) -> Placement:
    """The dosing visit that checks in at axis minute `start`, in the wanted chair if it is free.

    Raises NothingFree when something the visit holds is not free then.
    """
    visit = protocol.visit
    chair = room = pair = therapist = prescriber = None
    if spans := visit.spans(Holding.CHAIR):
        chair = _found(supply.pick_chair(start, spans, chair_id))
    if spans := visit.spans(Holding.ROOM):
        room = _found(supply.pick_room(start, spans))
    if spans := visit.spans(Holding.NURSE):
        pair = supply.pick_lane(start, spans)
        if pair is None:
            raise NothingFree
    if spans := visit.spans(Holding.THERAPIST):
        therapist = supply.pick_visit_therapist(start, spans, supply.patient.primary_therapist_id)
        if therapist is None:
            raise NothingFree
    if spans := visit.spans(Holding.PRESCRIBER):
        prescriber = supply.pick_prescriber(start, spans)
        if prescriber is None:
            raise NothingFree
    nurse, lane = pair or (None, None)
    with_whom = VisitHolds(chair, room, nurse, lane, therapist, prescriber)
    return visit_with(supply, protocol, start, with_whom, number=number, phase=phase)


@dataclass(frozen=True, slots=True)
class VisitHolds:
    """Whom and what one dosing visit holds."""

    chair: ThingSheet | None = None
    room: ThingSheet | None = None
    nurse: PersonSheet | None = None
    lane: ThingSheet | None = None
    therapist: PersonSheet | None = None
    prescriber: PersonSheet | None = None


def visit_with(
    supply: Supply, protocol: Protocol, start: int, held: VisitHolds, *, number: int, phase: str
) -> Placement:
    """The dosing visit that checks in at axis minute `start` and holds these, whether they are free or not."""
    visit, clock = protocol.visit, supply.origin + start
    holds: list[Held] = [_patient_hold(supply, clock, visit.discharge_min)]
    for holding, picked in (
        (Holding.CHAIR, held.chair),
        (Holding.ROOM, held.room),
        (Holding.NURSE, held.lane),
        (Holding.THERAPIST, held.therapist),
        (Holding.PRESCRIBER, held.prescriber),
    ):
        if picked is not None:
            holds += _holds(picked.holdable_id, picked.turnover, clock, visit.spans(holding))
    chair, room, nurse, therapist = held.chair, held.room, held.nurse, held.therapist
    return Placement(
        kind=AppointmentKind.INFUSION,
        phase=phase,
        number=number,
        start=clock,
        end=clock + visit.discharge_min,
        site_id=supply.clinic.site.id,
        chair_id=chair.id if chair else None,
        room_id=room.id if room else None,
        nurse_id=nurse.id if nurse else None,
        therapist_id=therapist.id if therapist else None,
        holds=tuple(holds),
    )


def place_session(
    supply: Supply,
    start: int,
    minutes: int,
    *,
    kind: AppointmentKind,
    phase: str,
    number: int,
    serves: int | None = None,
    link: Link | None = None,
    anchor: int | None = None,
    on_grid: bool = True,
) -> Placement:
    """The session that starts at axis minute `start`, with the primary therapist if possible.

    With `anchor` (axis minute) and `link` the placement says how long after the dose it is and its window status.
    Raises NothingFree when nobody can hold it then.
    """
    primary = supply.patient.primary_therapist_id
    picked = supply.pick_session(start, minutes, primary, on_grid=on_grid)
    if picked is None:
        raise NothingFree
    therapist, mode = picked
    offset = None if anchor is None else start - anchor
    return session_with(
        supply,
        therapist,
        mode,
        start,
        minutes,
        kind=kind,
        phase=phase,
        number=number,
        serves=serves,
        link=link,
        offset=offset,
    )


def session_with(
    supply: Supply,
    therapist: PersonSheet,
    mode: Mode,
    start: int,
    minutes: int,
    *,
    kind: AppointmentKind,
    phase: str,
    number: int,
    serves: int | None,
    link: Link | None,
    offset: int | None,
    room: ThingSheet | None = None,
) -> Placement:
    """The session with this therapist in this mode; in person it takes `room`, else the first free one."""
    clock, spans = supply.origin + start, ((0, minutes),)
    holds = [_patient_hold(supply, clock, minutes)]
    holds += _holds(therapist.holdable_id, therapist.turnover, clock, spans)
    if mode is Mode.IN_PERSON:
        room = room or _found(supply.pick_room(start, spans))
        holds += _holds(room.holdable_id, room.turnover, clock, spans)
    primary = supply.patient.primary_therapist_id
    return Placement(
        kind=kind,
        phase=phase,
        number=number,
        start=clock,
        end=clock + minutes,
        site_id=supply.clinic.site.id,
        mode=mode,
        therapist_id=therapist.id,
        room_id=room.id if room else None,
        serves=serves,
        offset_min=offset,
        window_status=link.status(offset) if link is not None and offset is not None else None,
        with_primary=primary is None or therapist.id == primary,
        holds=tuple(holds),
    )


def _patient_hold(supply: Supply, clock: int, minutes: int) -> Held:
    return (supply.patient.holdable_id, clock, clock + minutes + supply.patient.turnover)


def _holds(holdable_id: int, turnover: int, clock: int, spans: tuple[tuple[int, int], ...]) -> list[Held]:
    held = [(holdable_id, clock + a, clock + b) for a, b in spans]
    held[-1] = (holdable_id, held[-1][1], held[-1][2] + turnover)
    return held


def _found(thing: ThingSheet | None) -> ThingSheet:
    if thing is None:
        raise NothingFree
    return thing
