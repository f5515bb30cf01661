"""Moving one session by hand: inside its window freely, outside with a reason, into the next dose never."""

from __future__ import annotations

from planner.domain.conflicts import Conflict, Rule
from planner.domain.errors import Refused
from planner.domain.statuses import AppointmentKind
from planner.domain.windows import WindowStatus
from planner.scheduling.bookends import DAY
from planner.scheduling.breaks import before_first_dose
from planner.scheduling.course_state import CourseView
from planner.scheduling.decisions import Decision, Line, LineKind
from planner.scheduling.exceptions import Allowance, SessionException, exceptional_session
from planner.scheduling.placing import session_with
from planner.scheduling.reach import days_of_others
from planner.scheduling.refusals import refuse_session
from planner.scheduling.sheets import BookedSheet
from planner.scheduling.wording import say

OUTSIDE = {
    WindowStatus.TOO_EARLY: "before the clinic's window opens",
    WindowStatus.LATE: "outside the clinic's usual window",
    WindowStatus.OUT: "too long after the dose to be linked to it",
}


def moved_session(
    view: CourseView, booked: BookedSheet, start: int, therapist_id: int | None, allowed: Allowance
) -> Decision:
    """The session at UTC minute `start` with this therapist (None: the one it has, else the best who is free).

    Raises Refused when somebody is not free and that is not `allowed`, or when it would run into the next dose.
    """
    view = view.for_one(booked)
    who = _who_holds(view, booked, start, therapist_id, allowed)
    at = start - view.origin
    number = view.state().number_of(booked.serves_id)
    offset, overrides = _judge(view, booked, at, number)
    after = session_with(
        view.search.supply,
        who.person,
        who.mode,
        at,
        booked.end - booked.start,
        kind=booked.kind,
        phase=booked.phase,
        number=number or booked.number,
        serves=number,
        link=view.search.link if booked.kind is AppointmentKind.INTEGRATION else None,
        offset=offset,
        room=who.room,
    )
    name = "Session" if number is None else f"Integration session {number}"
    sentence = f"{name}: {say(view, booked.start)} → {say(view, after.start)}."
    line = Line(LineKind.MOVED, sentence, booked, after)
    return Decision("move", (line,), overrides=(*who.aside, *overrides))


def _who_holds(
    view: CourseView, booked: BookedSheet, start: int, therapist_id: int | None, allowed: Allowance
) -> SessionException:
    """Who holds the session by the rules; else, as far as they are set aside, beside them."""
    try:
        return _by_the_rules(view, booked, start, therapist_id)
    except Refused:
        if not allowed.exceptional:
            raise
    found = exceptional_session(view, booked, start, therapist_id)
    allowed.demand(found.aside)
    return found


def _by_the_rules(view: CourseView, booked: BookedSheet, start: int, therapist_id: int | None) -> SessionException:
    wanted = therapist_id or _same_therapist(view, booked, start)
    refuse_session(view, booked, start, wanted)
    minutes = booked.end - booked.start
    primary = wanted or view.search.request.patient.primary_therapist_id
    supply = view.search.supply
    found = supply.sessions(minutes)
    choices = [wanted] if wanted else sorted(found, key=lambda i: (i != primary, i))
    at = start - view.origin
    people = {person.id: person for person in supply.therapists}
    modes = sorted(supply.patient.modes, key=lambda mode: mode is not booked.mode)
    picked = next(
        ((people[i], mode) for i in choices for mode in modes if found.get(i, {}).get(mode, 0) >> at & 1), None
    )
    if picked is None:
        raise Refused([Conflict(Rule.THERAPIST_BUSY, "Nobody can hold this session then.")])
    return SessionException(*picked, None, ())


def _same_therapist(view: CourseView, booked: BookedSheet, start: int) -> int | None:
    """The session's own therapist if free then; else nobody in particular."""
    mask = view.search.supply.session_starts(booked.end - booked.start, booked.therapist_id)
    at = start - view.origin
    return booked.therapist_id if at >= 0 and mask >> at & 1 else None


def _judge(view: CourseView, booked: BookedSheet, at: int, number: int | None) -> tuple[int | None, list[Conflict]]:
    """How long after its dose the session would be, and what needs a reason. Raises Refused at the next dose."""
    if booked.kind is not AppointmentKind.INTEGRATION:
        return None, _judge_around(view, booked, at)
    link = view.search.link
    if number is None or link is None:
        return None, []
    doses = view.state().doses
    offset, cutoff = at - doses[number - 1].anchor, view.cutoff(doses, number - 1)
    if cutoff is not None and at + link.minutes > cutoff:
        sentence = f"It would run into dose {number + 1}: it must be over by {say(view, cutoff + view.origin)}."
        raise Refused([Conflict(Rule.NEXT_DOSE, sentence)])
    if offset < 0:
        raise Refused([Conflict(Rule.OUTSIDE_WINDOW, f"It would be before dose {number}.")])
    status = link.status(offset)
    if status in OUTSIDE:
        return offset, [Conflict(Rule.OUTSIDE_WINDOW, f"That is {OUTSIDE[status]}.")]
    if not link.fits(offset, None):
        return offset, [Conflict(Rule.OUTSIDE_WINDOW, "That is outside the clinic's window.")]
    return offset, []


def _judge_around(view: CourseView, booked: BookedSheet, at: int) -> list[Conflict]:
    """Preparation keeps its days before the first dose, consolidation those after the last, each on its own day."""
    doses = view.state().doses
    protocol = view.search.protocol
    told: list[str] = []
    if booked.kind is AppointmentKind.PREPARATION and protocol.preparation and doses:
        phase, lead = protocol.preparation, view.day(doses[0].start) - view.day(at)
        over = at + booked.end - booked.start + before_first_dose(view.search.breaks, phase)
        if not phase.min_days <= lead <= phase.max_days:
            told.append(f"Preparation is {phase.min_days} to {phase.max_days} days before the first dose.")
        elif over > doses[0].start:
            early = f" at least {phase.min_lead_h:g} hours" if phase.min_lead_h else ""
            told.append(f"Preparation is over{early} before the first dose.")
    if booked.kind is AppointmentKind.CONSOLIDATION and protocol.consolidation and doses:
        phase = protocol.consolidation
        after = at - view.dose_end(doses[-1])
        if not phase.min_days * DAY <= after <= phase.max_days * DAY:
            told.append(f"Consolidation is {phase.min_days} to {phase.max_days} days after the last dose.")
    if view.day(at) in days_of_others(view, booked):
        told.append(f"The course has another {booked.kind.value} session that day.")
    return [Conflict(Rule.OUTSIDE_WINDOW, sentence) for sentence in told]
