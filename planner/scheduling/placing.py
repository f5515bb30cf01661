"""From a chosen minute to a placement: which chair, nurse, therapist and room, and what each is held for."""

from __future__ import annotations

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
    visit, clock = protocol.visit, supply.origin + start
    holds: list[Held] = [_patient_hold(supply, clock, visit.discharge_min)]
    chair = room = therapist = nurse = None
    if spans := visit.spans(Holding.CHAIR):
        chair = _found(supply.pick_chair(start, spans, chair_id))
        holds += _thing_holds(chair, clock, spans)
    if spans := visit.spans(Holding.ROOM):
        room = _found(supply.pick_room(start, spans))
        holds += _thing_holds(room, clock, spans)
    if spans := visit.spans(Holding.NURSE):
        pair = supply.pick_lane(start, spans)
        if pair is None:
            raise NothingFree
        nurse = pair[0]
        holds += _thing_holds(pair[1], clock, spans)
    if spans := visit.spans(Holding.THERAPIST):
        therapist = supply.pick_visit_therapist(start, spans, supply.patient.primary_therapist_id)
        if therapist is None:
            raise NothingFree
        holds += _person_holds(therapist, clock, spans)
    if spans := visit.spans(Holding.PRESCRIBER):
        prescriber = supply.pick_prescriber(start, spans)
        if prescriber is None:
            raise NothingFree
        holds += _person_holds(prescriber, clock, spans)
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
) -> Placement:
    """The session with this therapist in this mode; in person it takes the first free room."""
    clock = supply.origin + start
    holds = [_patient_hold(supply, clock, minutes), *_person_holds(therapist, clock, ((0, minutes),))]
    room = None
    if mode is Mode.IN_PERSON:
        room = _found(supply.pick_room(start, ((0, minutes),)))
        holds += _thing_holds(room, clock, ((0, minutes),))
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


def _thing_holds(thing: ThingSheet, clock: int, spans: tuple[tuple[int, int], ...]) -> list[Held]:
    return _holds(thing.holdable_id, thing.turnover, clock, spans)


def _person_holds(person: PersonSheet, clock: int, spans: tuple[tuple[int, int], ...]) -> list[Held]:
    return _holds(person.holdable_id, person.turnover, clock, spans)


def _holds(holdable_id: int, turnover: int, clock: int, spans: tuple[tuple[int, int], ...]) -> list[Held]:
    held = [(holdable_id, clock + a, clock + b) for a, b in spans]
    held[-1] = (holdable_id, held[-1][1], held[-1][2] + turnover)
    return held


def _found(thing: ThingSheet | None) -> ThingSheet:
    if thing is None:
        raise NothingFree
    return thing
