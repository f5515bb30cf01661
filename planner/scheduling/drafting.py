"""Changing a proposal before it is booked: it is treated as a course, so all rules and all that follows hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import pairwise

from planner.domain.statuses import AppointmentKind, AppointmentStatus
from planner.domain.windows import WindowStatus
from planner.scheduling.course_state import CourseView
from planner.scheduling.decisions import Decision, LineKind
from planner.scheduling.localdays import LocalDays
from planner.scheduling.placements import CourseProposal, Coverage, Placement
from planner.scheduling.placing import place_session
from planner.scheduling.proposals import boosters
from planner.scheduling.sheets import BookedSheet, ClinicSheet, CourseRequest, CourseSheet
from planner.scheduling.slots import SessionSlots


@dataclass(frozen=True, slots=True)
class SessionOption:
    """One slot a dose's session could have, best first by clinical.md 1.5."""

    placement: Placement
    chosen: bool


def as_course(
    proposal: CourseProposal, clinic: ClinicSheet, request: CourseRequest, names: Mapping[int, str] | None = None
) -> CourseSheet:
    """The proposal as if it were booked; an appointment's id is its place among the placements, from 1. `names` say
    what to call people, by holdable id."""
    doses = {p.number: i for i, p in enumerate(proposal.placements, 1) if p.kind is AppointmentKind.INFUSION}
    rows = tuple(
        BookedSheet(
            id=number,
            kind=p.kind,
            phase=p.phase,
            number=p.number,
            start=p.start,
            end=p.end,
            status=AppointmentStatus.BOOKED,
            mode=p.mode,
            serves_id=doses.get(p.serves) if p.serves is not None else None,
            therapist_id=p.therapist_id,
            chair_id=p.chair_id,
            nurse_id=p.nurse_id,
            room_id=p.room_id,
            holds=p.holds,
        )
        for number, p in enumerate(proposal.placements, 1)
    )
    return CourseSheet(0, request, clinic, rows, proposal.pattern, names or {})


def session_options(
    proposal: CourseProposal, clinic: ClinicSheet, request: CourseRequest, number: int, most: int = 5
) -> tuple[SessionOption, ...]:
    """The best slots for the session after dose `number`, the one in the proposal included."""
    course = as_course(proposal, clinic, request)
    served = (one for one, p in zip(course.appointments, proposal.placements, strict=True) if p.serves == number)
    view = CourseView(course, only=next((one.id for one in served), 0))
    link, slots, doses = view.search.link, view.search.slots, view.state().doses
    if link is None or slots is None or not 1 <= number <= len(doses):
        return ()
    anchor, cutoff = doses[number - 1].anchor, view.cutoff(doses, number - 1)
    last = link.last_start(None if cutoff is None else cutoff - anchor)
    if last is None:
        return ()
    present = next((p for p in proposal.of_kind(AppointmentKind.INTEGRATION) if p.serves == number), None)
    ranked = sorted(slots.all(anchor, last))[:most]
    found = [_option(view, slots, slot.start, anchor, number) for slot in ranked]
    options = [SessionOption(p, present is not None and p.start == present.start) for p in found]
    if present is not None and not any(option.chosen for option in options):
        options.insert(0, SessionOption(present, True))
    return tuple(options)


def _option(view: CourseView, slots: SessionSlots, start: int, anchor: int, number: int) -> Placement:
    return place_session(
        view.search.supply,
        start,
        slots.link.minutes,
        kind=AppointmentKind.INTEGRATION,
        phase=view.search.phases[number - 1],
        number=number,
        serves=number,
        link=slots.link,
        anchor=anchor,
    )


def adjusted(
    proposal: CourseProposal, clinic: ClinicSheet, request: CourseRequest, decision: Decision
) -> CourseProposal:
    """The proposal with a decision about `as_course(proposal)` carried out; it is not booked by that."""
    placements: dict[int, Placement] = dict(enumerate(proposal.placements, 1))
    made: list[Placement] = []
    for line in decision.lines:
        if line.before is None:
            if line.after is not None:
                made.append(line.after)
        elif line.kind is LineKind.NOTED:
            continue
        elif line.after is None:
            placements.pop(line.before.id, None)
        elif line.kind is LineKind.RELINKED or line.kind is LineKind.RENUMBERED:
            old = placements[line.before.id]
            placements[line.before.id] = replace(old, number=line.after.number, serves=line.after.serves)
        else:
            placements[line.before.id] = line.after
    ordered = tuple(sorted((*placements.values(), *made), key=lambda p: p.start))
    return resummed(replace(proposal, placements=ordered), clinic, request)


def with_session(
    proposal: CourseProposal, clinic: ClinicSheet, request: CourseRequest, option: Placement
) -> CourseProposal:
    """The proposal with another slot for the session of one dose."""
    kept = [p for p in proposal.placements if p.kind is not AppointmentKind.INTEGRATION or p.serves != option.serves]
    ordered = tuple(sorted((*kept, option), key=lambda p: p.start))
    return resummed(replace(proposal, placements=ordered), clinic, request)


def resummed(proposal: CourseProposal, clinic: ClinicSheet, request: CourseRequest) -> CourseProposal:
    """The proposal with gaps, span, offsets, coverage and boosters told again from its placements."""
    view = CourseView(as_course(proposal, clinic, request))
    anchors = {number: dose.anchor + view.origin for number, dose in enumerate(view.state().doses, 1)}
    placements = tuple(_offset_again(view, p, anchors) for p in proposal.placements)
    days = LocalDays(clinic.site.zone, clinic.first_day, clinic.last_day)
    doses = [days.index(p.start) for p in placements if p.kind is AppointmentKind.INFUSION]
    sessions = [p for p in placements if p.kind is AppointmentKind.INTEGRATION]
    primary = request.patient.primary_therapist_id
    return replace(
        proposal,
        placements=placements,
        boosters=boosters(request.protocol, days.day(doses[-1])),
        gaps=tuple(b - a for a, b in pairwise(doses)),
        span_days=doses[-1] - doses[0],
        coverage=Coverage(
            doses=len(doses),
            with_session=len(sessions),
            in_peak=sum(p.window_status is WindowStatus.PEAK for p in sessions),
            in_window=sum(p.window_status is not None and p.window_status.in_window for p in sessions),
            with_primary=sum(primary is None or p.therapist_id == primary for p in sessions),
        ),
    )


def _offset_again(view: CourseView, placement: Placement, anchors: dict[int, int]) -> Placement:
    link = view.search.link
    if placement.kind is not AppointmentKind.INTEGRATION or placement.serves not in anchors or link is None:
        return placement
    offset = placement.start - anchors[placement.serves]
    return replace(placement, offset_min=offset, window_status=link.status(offset))
