"""Decisions about an existing course: one act in, every change that follows from it out.

Pure: nothing here reads a clock or a database. Times are UTC minutes since 1970. Each function raises `Refused` with
every rule that forbids the act itself; what follows from a legal act is told line by line, and what cannot be saved is
said so with its ways out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import pairwise
from typing import Literal

from planner.domain.conflicts import Conflict, Rule
from planner.domain.errors import Refused
from planner.domain.statuses import MOVABLE, SAID, AppointmentKind, AppointmentStatus
from planner.scheduling.course_state import CourseView, State, with_dose
from planner.scheduling.decisions import Decision, Line, LineKind
from planner.scheduling.exceptions import NEVER, Allowance, exceptional_visit
from planner.scheduling.following import Choices
from planner.scheduling.keeping_limits import within_limits
from planner.scheduling.patterns import pattern_words
from planner.scheduling.placements import Placement
from planner.scheduling.placing import NothingFree, place_visit
from planner.scheduling.refusals import refuse_session, refuse_visit, visit_conflicts
from planner.scheduling.session_moves import moved_session
from planner.scheduling.settling import settled
from planner.scheduling.sheets import BookedSheet, CourseSheet
from planner.scheduling.sliding import earlier_ends, find_dose_time, fits_at, slide_followers
from planner.scheduling.wording import in_days, say

Follow = Literal["slide", "repair", "drop"]
"""What becomes of a dose that was lost: the series slides on to one more date at its end, the dose is repaired in place
before the next one, or it is dropped."""


def decide_move(
    course: CourseSheet,
    appointment_id: int,
    start: int,
    *,
    chair_id: int | None = None,
    therapist_id: int | None = None,
    overrides: frozenset[Rule] = frozenset(),
    beside: frozenset[int] = frozenset(),
    choices: Choices | None = None,
) -> Decision:
    """Move one appointment to `start` and let everything that depends on it follow.

    Doses that come too close after it slide on, unless SPACING is among the rules a person overrides. The appointment
    itself may be off hours, or with OVERLAP hold somebody `beside` other appointments (ids), if these are overridden.
    """
    return decide_move_in(
        CourseView(course),
        appointment_id,
        start,
        chair_id=chair_id,
        therapist_id=therapist_id,
        overrides=overrides,
        beside=beside,
        choices=choices,
    )


def decide_move_in(
    view: CourseView,
    appointment_id: int,
    start: int,
    *,
    chair_id: int | None = None,
    therapist_id: int | None = None,
    overrides: frozenset[Rule] = frozenset(),
    beside: frozenset[int] = frozenset(),
    choices: Choices | None = None,
) -> Decision:
    """`decide_move` for a course that is looked at already: many times are tried without making its masks again."""
    booked = _find(view, appointment_id)
    _must_be_movable(view, booked)
    allowed = Allowance(overrides, beside)
    if booked.kind is not AppointmentKind.INFUSION:
        return moved_session(view, booked, start, therapist_id, allowed)
    chair, chosen = chair_id or booked.chair_id, choices or {}
    return within_limits(view, lambda look: _moved_dose(look, booked, start, chair, allowed, chosen))


def _moved_dose(
    view: CourseView, booked: BookedSheet, start: int, chair_id: int | None, allowed: Allowance, choices: Choices
) -> Decision:
    number = view.state().number_of(booked.id) or booked.number
    placement, aside = _moved_visit(view, booked, start, number, chair_id, allowed)
    state = with_dose(view.state(), number - 1, view.dose_at(placement, booked))
    state, spaced = _respaced(view, state, state.number_of(booked.id) or number, allowed.rules)
    decision = settled(view, state, "move", choices, spaced)
    # A way out may have sent the dose elsewhere after all, where nothing needs to be set aside for it.
    stands = any(line.after is not None and line.after.holds == placement.holds for line in decision.lines)
    return replace(decision, overrides=(*aside, *decision.overrides)) if stands else decision


def decide_lost(
    course: CourseSheet,
    appointment_id: int,
    status: AppointmentStatus,
    *,
    follow: Follow = "slide",
    choices: Choices | None = None,
) -> Decision:
    """Cancel an appointment or mark it a no-show, and let the course follow (scenario B2 for a lost dose).

    What takes its place is never the time that was given up: a dose goes to another day, a session to another time.
    """
    return within_limits(CourseView(course), lambda view: _lost(view, appointment_id, status, follow, choices or {}))


def _lost(
    view: CourseView, appointment_id: int, status: AppointmentStatus, follow: Follow, choices: Choices
) -> Decision:
    booked = _find(view, appointment_id)
    if status is AppointmentStatus.CANCELLED and (booked.pinned or booked.status not in MOVABLE):
        _must_be_movable(view, booked)
    words = "no-show" if status is AppointmentStatus.NOSHOW else "cancelled"
    mark = Line(LineKind.MARKED, f"{say(view, booked.start, _name(booked))}: {words}.", booked, status=status)
    if booked.status is AppointmentStatus.PROPOSED:
        return Decision(status.value, (mark,))
    if booked.kind is not AppointmentKind.INFUSION:
        return _lost_session(view, booked, mark, choices)
    number = view.state().number_of(booked.id)
    if number is None:
        raise Refused([Conflict(Rule.STATUS, f"This dose {SAID[booked.status]} already.")])
    doses = tuple(dose for dose in view.state().doses if dose.before is None or dose.before.id != booked.id)
    state = State(doses, gone=frozenset({booked.id}))
    if follow == "slide":
        state = _with_new_last(view, state, booked)
    elif follow == "repair":
        state = _repaired(view, state, booked, number)
    decision = settled(view, state, status.value, choices, ())
    return decision.with_lines((mark, *decision.lines))


def decide_dose_end(
    course: CourseSheet, appointment_id: int, dose_end: int, choices: Choices | None = None
) -> Decision:
    """Record the real end of a dose: its window starts there, and sessions that no longer fit follow (1.5, rule 4)."""
    view = CourseView(course)
    booked = _find(view, appointment_id)
    if booked.kind is not AppointmentKind.INFUSION or booked.status not in (
        AppointmentStatus.BOOKED,
        AppointmentStatus.ARRIVED,
        AppointmentStatus.FULFILLED,
    ):
        raise Refused([Conflict(Rule.STATUS, "Only a dose that took place has an end.")])
    number = view.state().number_of(booked.id) or booked.number
    dose = replace(view.state().doses[number - 1], anchor=view.anchor_after(dose_end))
    doses = list(view.state().doses)
    doses[number - 1] = dose
    mark = Line(
        LineKind.MARKED,
        f"Dose {number} ended {say(view, dose_end)}; its window counts from then.",
        booked,
        status=AppointmentStatus.FULFILLED,
        dose_end=dose_end,
    )
    state = State(tuple(doses))
    decision = within_limits(view, lambda look: settled(look, state, "dose-end", choices or {}, ()))
    return decision.with_lines((mark, *decision.lines))


def decide_displaced(
    course: CourseSheet,
    appointment_ids: Iterable[int],
    kind: str,
    choices: Choices | None = None,
    covers: Mapping[int, Placement] | None = None,
) -> Decision:
    """Find other places for appointments that cannot stay: a closed day, or somebody away.

    `course.clinic` must already be without that day or person. `covers` says where displaced sessions go as far as that
    was settled for several courses at once; other sessions keep their time with somebody else if they can. Doses keep
    their time if somebody else can take over, else go to the nearest day that keeps the spacing and has a session,
    else the rest of the series slides.
    """
    view = CourseView(course)
    ids = frozenset(appointment_ids)
    pinned = [a for a in course.appointments if a.id in ids and a.pinned]
    if pinned:
        sentence = f"{say(view, pinned[0].start, _name(pinned[0]))} is pinned; unpin it first."
        raise Refused([Conflict(Rule.PINNED, sentence, appointment_id=pinned[0].id)])
    ids = frozenset(a.id for a in course.appointments if a.id in ids and not view.frozen(a))
    return within_limits(view, lambda look: _displaced(look, ids, kind, choices or {}, covers or {}))


def _displaced(
    view: CourseView, ids: frozenset[int], kind: str, choices: Choices, covers: Mapping[int, Placement]
) -> Decision:
    state = replace(view.state(), displaced=ids, covers=_allowed(view, covers))
    lost: list[Line] = []
    for booked in [dose.before for dose in view.state().doses if dose.before is not None and dose.before.id in ids]:
        found = _replaced(view, state, booked)
        if found is None:
            sentence = f"{say(view, booked.start, _name(booked))} has no other time that keeps the course together."
            lost.append(Line(LineKind.UNSAVED, sentence, booked, status=AppointmentStatus.CANCELLED))
            remaining = tuple(d for d in state.doses if d.before is None or d.before.id != booked.id)
            state = replace(state, doses=remaining, gone=state.gone | {booked.id})
        else:
            state = found
    decision = settled(view, state, kind, choices, ())
    return decision.with_lines((*lost, *decision.lines))


def _allowed(view: CourseView, covers: Mapping[int, Placement]) -> dict[int, Placement]:
    """Those settled places that the limits of people's days leave to the course."""
    limits, people = view.search.supply.limits, {person.id: person for person in view.search.supply.therapists}

    def may_begin(after: Placement) -> bool:
        person = people.get(after.therapist_id or 0)
        return person is None or bool(limits.starts(person) >> (after.start - view.origin) & 1)

    return {owner: after for owner, after in covers.items() if may_begin(after)}


# -- steps -------------------------------------------------------------------------------------------------------------


def _find(view: CourseView, appointment_id: int) -> BookedSheet:
    found = next((a for a in view.course.appointments if a.id == appointment_id), None)
    if found is None:
        raise Refused([Conflict(Rule.STATUS, "This appointment is not part of the course any more.")])
    return found


def _must_be_movable(view: CourseView, booked: BookedSheet) -> None:
    if booked.pinned:
        raise Refused([Conflict(Rule.PINNED, "This appointment is pinned; unpin it first.", appointment_id=booked.id)])
    if booked.status not in MOVABLE:
        raise Refused([Conflict(Rule.STATUS, f"This appointment {SAID[booked.status]} and cannot be changed.")])
    if booked.start <= view.now:
        raise Refused([Conflict(Rule.PAST, "This appointment has already begun; the past does not move.")])


def _moved_visit(
    view: CourseView, booked: BookedSheet, start: int, number: int, chair_id: int | None, allowed: Allowance
) -> tuple[Placement, tuple[Conflict, ...]]:
    """Where the visit goes by the rules; else, as far as they are set aside, beside them."""
    if allowed.exceptional and visit_conflicts(view.search, start - view.origin):
        placement, aside = exceptional_visit(view, booked, start, number=number, chair_id=chair_id)
        allowed.demand(aside)
        return placement, aside
    refuse_visit(view, start)
    supply, protocol = view.search.supply, view.search.protocol
    at = start - view.origin
    return place_visit(supply, protocol, at, number=number, phase=booked.phase, chair_id=chair_id), ()


def _name(booked: BookedSheet) -> str:
    if booked.kind is AppointmentKind.INFUSION:
        return f"Infusion {booked.number}"
    return f"{booked.kind.value.capitalize()} session"


def _respaced(
    view: CourseView, state: State, number: int, overrides: frozenset[Rule]
) -> tuple[State, tuple[Conflict, ...]]:
    """Keep the gaps around a moved dose: too close behind the one before is refused, too close ahead slides."""
    found: list[Conflict] = []
    doses = state.doses
    if Rule.SPACING in overrides:
        _refuse_two_at_once(view, state)
    if number > 1:
        gap, least = view.day(doses[number - 1].start) - view.day(doses[number - 2].start), view.gap(number)[0]
        if gap < least:
            sentence = f"Dose {number} would be {in_days(gap)} after dose {number - 1}; {least} are needed."
            if Rule.SPACING not in overrides:
                raise Refused([Conflict(Rule.SPACING, sentence)])
            found.append(Conflict(Rule.SPACING, sentence))
        ready = earlier_ends(view, state, number - 1)
        if ready is None or ready > doses[number - 1].start:
            sentence = f"Dose {number - 1} would have no session in its window before then."
            if Rule.NO_WINDOW_SLOT not in overrides:
                raise Refused([Conflict(Rule.NO_WINDOW_SLOT, sentence)])
            found.append(Conflict(Rule.NO_WINDOW_SLOT, sentence))
    if Rule.SPACING in overrides:
        for later in range(number, len(doses)):
            gap = view.day(doses[later].start) - view.day(doses[later - 1].start)
            if gap < view.gap(later + 1)[0]:
                sentence = f"Only {in_days(gap)} between dose {later} and dose {later + 1}."
                found.append(Conflict(Rule.SPACING, sentence))
        return state, tuple(found)
    return slide_followers(view, state, number), tuple(found)


def _refuse_two_at_once(view: CourseView, state: State) -> None:
    """Doses as near as a reason allows are still one after the other."""
    for dose, later in pairwise(state.doses):
        if (dose.retimed or later.retimed) and later.start < dose.start + view.search.breaks.visit_to_visit:
            raise Refused([Conflict(Rule.PATIENT_BUSY, NEVER[Rule.PATIENT_BUSY])])


def _with_new_last(view: CourseView, state: State, booked: BookedSheet) -> State:
    """The series slides: one more date at its end and after the lost dose's day, on the course's own weekdays, or the
    next day with room."""
    doses = state.doses
    number = len(doses) + 1
    if not doses:
        return state
    least, _ = view.gap(number)
    earliest = max(view.day(doses[-1].start) + least, view.day(booked.start - view.origin) + 1)
    pattern = view.course.pattern
    days = range(earliest, view.search.days.count)
    first = next((d for d in days if not pattern or view.search.days.weekday(d) in pattern), earliest)
    order = [*range(first, view.search.days.count), *range(earliest, first)]
    wall = view.search.days.wall_minute(doses[-1].start + view.origin)
    placement = find_dose_time(view, state, None, number, order, wall)
    if placement is None:
        sentence = f"No day on {pattern_words(pattern)} or after has room for one more dose with its session."
        raise Refused([Conflict(Rule.NO_WINDOW_SLOT, sentence)])
    return replace(state, doses=(*doses, view.dose_at(placement, None)))


def _repaired(view: CourseView, state: State, booked: BookedSheet, number: int) -> State:
    """A new day for the lost dose before the next one, nearest to the old (scenario B1)."""
    doses = state.doses
    low, high = 0, view.search.days.count - 1
    if number >= 2:
        least, most = view.gap(number)
        before = view.day(doses[number - 2].start)
        low, high = before + least, before + most
    if number - 1 < len(doses):
        high = min(high, view.day(doses[number - 1].start) - view.gap(number + 1)[0])
    here = view.day(booked.start - view.origin)
    wall = view.search.days.wall_minute(booked.start)
    order = sorted((d for d in range(low, high + 1) if d != here), key=lambda d: (abs(d - here), d))
    placement = find_dose_time(view, state, None, number, order, wall)
    if placement is None:
        raise Refused([Conflict(Rule.SPACING, "There is no free time for this dose before the next one.")])
    doses = tuple(sorted((*doses, view.dose_at(placement, None)), key=lambda dose: dose.start))
    return replace(state, doses=doses)


def _replaced(view: CourseView, state: State, booked: BookedSheet) -> State | None:
    """Another place for a displaced dose: the same time with others, the nearest day, or later with a slide."""
    at = next(i for i, dose in enumerate(state.doses) if dose.before is not None and dose.before.id == booked.id)
    number, start = at + 1, booked.start - view.origin
    if state.doses[at].moved:
        return state  # it has slid already, and to a legal place
    if view.search.dose_mask(min(number, view.search.doses)) >> start & 1 and fits_at(view, state, at, start):
        same = _try_place(view, start, number, booked)
        if same is not None:
            return with_dose(state, at, view.dose_at(same, booked))
    wall = view.search.days.wall_minute(booked.start)
    here = view.day(start)
    low, high = view.day_limits(state.doses, at)
    order = sorted(range(low, high + 1), key=lambda d: (abs(d - here), d))
    placement = find_dose_time(view, state, at, number, order, wall, booked)
    if placement is not None:
        return with_dose(state, at, view.dose_at(placement, booked))
    least, most = view.gap(number) if at else (0, view.search.days.count)
    before = view.day(state.doses[at - 1].start) if at else view.day(view.now - view.origin)
    alone = replace(state, doses=state.doses[: at + 1])
    later = find_dose_time(view, alone, at, number, range(max(before + least, here), before + most + 1), wall, booked)
    if later is None:
        return None
    moved = with_dose(state, at, view.dose_at(later, booked))
    try:
        return slide_followers(view, moved, moved.number_of(booked.id) or number)
    except Refused:
        return None


def _try_place(view: CourseView, start: int, number: int, booked: BookedSheet) -> Placement | None:
    try:
        return place_visit(
            view.search.supply, view.search.protocol, start, number=number, phase=booked.phase, chair_id=booked.chair_id
        )
    except NothingFree:
        return None


def _lost_session(view: CourseView, booked: BookedSheet, mark: Line, choices: Choices) -> Decision:
    """A session that falls away: its dose gets the best slot that is left, as a proposal in the same preview."""
    others = tuple(a for a in view.course.appointments if a.id != booked.id)
    patient = view.course.request.patient
    elsewhere = replace(patient, busy=(*patient.busy, (booked.start, booked.end)))
    request = replace(view.course.request, patient=elsewhere)
    rest = CourseView(replace(view.course, appointments=others, request=request), view.bars)
    if booked.kind is not AppointmentKind.INTEGRATION:
        return Decision(mark.status.value if mark.status else "cancelled", (mark,))
    decision = settled(rest, rest.state(), mark.status.value if mark.status else "cancelled", choices, ())
    return decision.with_lines((mark, *decision.lines))


__all__ = [
    "Follow",
    "decide_displaced",
    "decide_dose_end",
    "decide_lost",
    "decide_move",
    "decide_move_in",
    "refuse_session",
]
