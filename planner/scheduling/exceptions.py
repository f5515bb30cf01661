"""Exceptions: where an appointment would go although nobody is rostered then, or somebody is held already.

Only the one appointment that a person moves is an exception; whatever follows it keeps every rule. A chair takes one
patient and a patient is in one place: that, the grid and the past are set aside for nobody. People on shift come
before people off it, then those who would be held twice the least, then those whose shift covers the most.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from planner.domain.conflicts import OFF_HOURS, Conflict, Rule
from planner.domain.errors import Refused
from planner.domain.intervals import instant_of
from planner.domain.protocols import Holding
from planner.domain.statuses import Mode
from planner.scheduling.course_state import CourseView
from planner.scheduling.masks import erode, starts_of
from planner.scheduling.placements import Placement
from planner.scheduling.placing import VisitHolds, visit_with
from planner.scheduling.refusals import VISIT_SENTENCES, day_full, outside, own_dates, session_masks, visit_conflicts
from planner.scheduling.sheets import BookedSheet, OtherHold, PersonSheet, Span, ThingSheet
from planner.scheduling.supply import with_turnover
from planner.scheduling.wording import say

EXCEPTIONAL = OFF_HOURS | {Rule.OVERLAP, Rule.DAY_FULL}

#: Why a rule is never set aside, said where it refuses.
NEVER: dict[Rule, str] = {
    Rule.PAST: "That time has passed, and nothing moves into the past.",
    Rule.GRID: "It must start on the site's grid of times, exception or not. Choose a time on the grid.",
    Rule.CHAIR_BUSY: "Every chair is taken during that visit, and a chair never takes two patients.",
    Rule.PATIENT_BUSY: "The patient has another appointment then, and nobody is in two places.",
}
_NOBODY = "{} cannot be had even as an exception: each is away, works elsewhere, or is held for a plan being made."


@dataclass(frozen=True, slots=True)
class Allowance:
    """What a person sets aside: rules, and the appointments (by id) beside which somebody may be held twice."""

    rules: frozenset[Rule] = frozenset()
    beside: frozenset[int] = frozenset()

    @property
    def exceptional(self) -> bool:
        """Whether the appointment may go where the roster or somebody's other appointment forbids it."""
        return bool(self.rules & EXCEPTIONAL)

    def covers(self, conflict: Conflict) -> bool:
        """Whether this is set aside; an overlap must name the other appointment."""
        named = conflict.rule is not Rule.OVERLAP or conflict.appointment_id in self.beside
        return conflict.rule in self.rules and named

    def demand(self, aside: Sequence[Conflict]) -> None:
        """Raise Refused with whatever would have to be set aside and is not."""
        if missing := [conflict for conflict in aside if not self.covers(conflict)]:
            raise Refused(missing)


@dataclass(frozen=True, slots=True)
class SessionException:
    """Who would hold a session, how and where, and what has to be set aside for it."""

    person: PersonSheet
    mode: Mode
    room: ThingSheet | None
    aside: tuple[Conflict, ...]


@dataclass(frozen=True, slots=True)
class _Option:
    """One person or thing that could be held: minutes outside the shift, and who else holds it."""

    held: PersonSheet | ThingSheet
    person: PersonSheet | None
    missing: int
    others: tuple[OtherHold, ...]

    @property
    def rank(self) -> tuple[bool, int, int]:
        return self.missing > 0, len({other.appointment_id for other in self.others}), self.missing


def exceptional_visit(
    view: CourseView, booked: BookedSheet, start: int, *, number: int, chair_id: int | None
) -> tuple[Placement, tuple[Conflict, ...]]:
    """The visit at UTC minute `start`, and everything to be set aside for it.

    Raises Refused with what nobody sets aside.
    """
    supply, protocol = view.search.supply, view.search.protocol
    visit, at = protocol.visit, start - view.origin
    if refused := outside(supply, at):
        raise Refused([refused])
    firm = [replace(c, sentence=NEVER[c.rule]) for c in visit_conflicts(view.search, at, frozenset(NEVER))]
    seek = _Seeker(view, booked, at)
    aside: list[Conflict] = []
    stay = ((0, visit.discharge_min),)
    if not starts_of(supply.open, stay) >> at & 1:
        aside.append(seek.about(Rule.CLOSED, VISIT_SENTENCES[Rule.CLOSED]))
    if not supply.patient_can_stay(visit.discharge_min) >> at & 1:
        aside.append(seek.about(Rule.PATIENT_AWAY, VISIT_SENTENCES[Rule.PATIENT_AWAY]))
    held = VisitHolds()
    if spans := visit.spans(Holding.CHAIR):
        held = VisitHolds(chair=supply.pick_chair(at, spans, chair_id))
    for holding, who, busy_rule, away_rule in _PEOPLE_OF_A_VISIT:
        spans = visit.spans(holding)
        options = seek.options(holding, spans)
        if spans and not options:
            firm.append(Conflict(busy_rule, _NOBODY.format(who)))
        elif spans:
            best = options[0]
            held = _with(held, holding, best)
            aside += seek.aside(best, away_rule)
        here = visit.on_site_spans(holding) if holding is not Holding.ROOM else ()
        if here and not seek.somebody_here(holding, here):
            aside.append(seek.about(away_rule, f"{who.replace('A ', 'No ', 1)} is on site during that visit."))
    if firm:
        raise Refused(firm)
    placed = visit_with(supply, protocol, at, held, number=number, phase=booked.phase)
    return placed, tuple(dict.fromkeys(aside))


def exceptional_session(
    view: CourseView, booked: BookedSheet, start: int, therapist_id: int | None
) -> SessionException:
    """Who could hold a session at UTC minute `start`, and everything to be set aside for it.

    `therapist_id` is the one that was asked for, if any. Raises Refused with what nobody sets aside.
    """
    supply, at, minutes = view.search.supply, start - view.origin, booked.end - booked.start
    if refused := outside(supply, at):
        raise Refused([refused])
    masks = session_masks(supply, minutes, therapist_id)
    firm = [Conflict(rule, told) for rule, told in NEVER.items() if rule in masks and not masks[rule] >> at & 1]
    firm += [replace(c, sentence=f"{c.sentence} Nobody is in two places.") for c in own_dates(view, booked, start)]
    if firm:
        raise Refused(firm)
    seek = _Seeker(view, booked, at)
    options = [
        option
        for person in supply.therapists
        if therapist_id is None or person.id == therapist_id
        for mode in sorted(supply.patient.modes, key=lambda mode: mode is not booked.mode)
        if (option := seek.session(person, mode, minutes)) is not None
    ]
    if not options:
        raise Refused([Conflict(Rule.THERAPIST_BUSY, _NOBODY.format("A therapist with a room"))])
    primary = supply.patient.primary_therapist_id

    def rank(option: SessionException) -> tuple[bool, int, bool, bool, bool, int]:
        rules = [conflict.rule for conflict in option.aside]
        person = option.person.id
        return (
            any(rule is not Rule.OVERLAP for rule in rules), rules.count(Rule.OVERLAP),
            option.mode is not booked.mode, person != booked.therapist_id, person != primary, person,
        )  # fmt: skip

    best = min(options, key=rank)
    if not supply.patient_can_stay(minutes) >> at & 1:
        away = seek.about(Rule.PATIENT_AWAY, VISIT_SENTENCES[Rule.PATIENT_AWAY])
        best = replace(best, aside=(*best.aside, away))
    return best


#: Whom a visit may hold or need on site: what to call one, and the rules when none is free or none is on shift.
_PEOPLE_OF_A_VISIT = (
    (Holding.ROOM, "A room", Rule.ROOM_BUSY, Rule.ROOM_BUSY),
    (Holding.NURSE, "A nurse", Rule.NURSE_BUSY, Rule.NURSE_AWAY),
    (Holding.THERAPIST, "A therapist", Rule.THERAPIST_BUSY, Rule.THERAPIST_AWAY),
    (Holding.PRESCRIBER, "A prescriber", Rule.PRESCRIBER_AWAY, Rule.PRESCRIBER_AWAY),
)


def _with(held: VisitHolds, holding: Holding, option: _Option) -> VisitHolds:
    if isinstance(option.held, ThingSheet):
        if holding is Holding.ROOM:
            return replace(held, room=option.held)
        return replace(held, nurse=option.person, lane=option.held)
    if holding is Holding.THERAPIST:
        return replace(held, therapist=option.held)
    return replace(held, prescriber=option.held)


class _Seeker:
    """Looks for people and things at one axis minute, whether they are on shift and free or not."""

    def __init__(self, view: CourseView, booked: BookedSheet, at: int) -> None:
        self.view, self.booked, self.at = view, booked, at
        self.supply, self.clinic = view.search.supply, view.course.clinic
        self.clock = self.supply.origin + at

    def about(self, rule: Rule, sentence: str) -> Conflict:
        """A rule set aside for the moved appointment itself."""
        return Conflict(rule, sentence, instant_of(self.clock), appointment_id=self.booked.id)

    def options(self, holding: Holding, spans: tuple[Span, ...]) -> list[_Option]:
        """All who could be held for `spans` of a visit, the best first."""
        if not spans:
            return []
        if holding is Holding.ROOM:
            return self._things(self.clinic.rooms, spans)
        first = {
            Holding.NURSE: self.booked.nurse_id,
            Holding.THERAPIST: self.booked.therapist_id or self.supply.patient.primary_therapist_id,
        }.get(holding)
        found = [option for person in self._of(holding) for option in self._person(person, spans, holding)]
        return sorted(found, key=lambda o: (*o.rank, o.person is None or o.person.id != first, _id(o), o.held.id))

    def _of(self, holding: Holding) -> tuple[PersonSheet, ...]:
        clinic = self.clinic
        return {Holding.NURSE: clinic.nurses, Holding.THERAPIST: self.supply.therapists}.get(
            holding, clinic.prescribers
        )

    def _person(self, person: PersonSheet, spans: tuple[Span, ...], holding: Holding) -> Iterable[_Option]:
        if not self._could_come(person, spans):
            return
        missing = self._missing(person, spans, (self.clinic.site.id,))
        for held in person.lanes if holding is Holding.NURSE else (person,):
            others = self._others(held, spans)
            if others is not None:
                yield _Option(held, person, missing, others)

    def _things(self, things: Iterable[ThingSheet], spans: tuple[Span, ...]) -> list[_Option]:
        found = [(thing, self._others(thing, spans)) for thing in things]
        options = [_Option(thing, None, 0, others) for thing, others in found if others is not None]
        return sorted(options, key=lambda option: (*option.rank, option.held.id))

    def session(self, person: PersonSheet, mode: Mode, minutes: int) -> SessionException | None:
        """This therapist holding a session in this mode; None when they could not even as an exception."""
        supply, spans, here = self.supply, ((0, minutes),), self.clinic.site.id
        others = self._others(person, spans)
        if others is None or not self._could_come(person, spans):
            return None
        in_person = mode is Mode.IN_PERSON
        missing = self._missing(person, spans, (here,) if in_person else (here, None))
        aside = self.aside(_Option(person, person, missing, others), Rule.THERAPIST_AWAY)
        if self.supply.limits.is_full(person, self.at):
            about = day_full(self.supply, person, self.at, self.view.course.names)
            aside.append(replace(about, appointment_id=self.booked.id))
        needs_site = in_person or not missing
        working = supply.open if in_person else supply.on_any_shift(person)
        if needs_site and not erode(working, minutes) >> self.at & 1:
            aside.insert(0, self.about(Rule.CLOSED, "The site is not open for the whole session then."))
        room = None
        if in_person:
            rooms = self._things(self.clinic.rooms, spans)
            if not rooms:
                return None
            room = next((thing for thing in self.clinic.rooms if thing.id == rooms[0].held.id), None)
            aside += self.aside(rooms[0], Rule.ROOM_BUSY)
        return SessionException(person, mode, room, tuple(aside))

    def somebody_here(self, holding: Holding, spans: tuple[Span, ...]) -> bool:
        """Whether somebody is on shift at the site all through, if not always the same one."""
        site, shifts = self.clinic.site.id, (shift for person in self._of(holding) for shift in person.shifts)
        present = self.supply.axis.mask(shift.span for shift in shifts if shift.site_id == site)
        return bool(starts_of(present, spans) >> self.at & 1)

    def aside(self, option: _Option, away_rule: Rule) -> list[Conflict]:
        """What has to be set aside to hold this one."""
        name = self.view.course.names.get(option.held.holdable_id, "Somebody")
        found = [self.about(away_rule, f"{name} has no shift for all of that time.")] if option.missing else []
        for other in option.others:
            until = say(self.view, other.end).rsplit(" ", 1)[1]
            by = other.words or "another appointment"
            sentence = f"{name} is also held by {by}, {say(self.view, other.start)} to {until}."
            span = instant_of(other.start), instant_of(other.end)
            found.append(Conflict(Rule.OVERLAP, sentence, *span, other.holdable_id, other.appointment_id))
        return found

    def _others(self, held: PersonSheet | ThingSheet, spans: tuple[Span, ...]) -> tuple[OtherHold, ...] | None:
        """Who else holds this one; empty when it is free, None when something does that no override could name."""
        wanted = with_turnover(spans, held.turnover)
        if starts_of(self.supply.free(held.holdable_id, held.busy), wanted) >> self.at & 1:
            return ()
        found = tuple(
            other
            for other in self.view.course.others
            if other.holdable_id == held.holdable_id
            and any(other.start < self.clock + b and self.clock + a < other.end for a, b in wanted)
        )
        nameless = any(other.appointment_id is None for other in found)
        return None if nameless or not found else found

    def _could_come(self, person: PersonSheet, spans: tuple[Span, ...]) -> bool:
        """Whether a person is neither away nor on a shift at another site."""
        elsewhere = [s.span for s in person.shifts if s.site_id not in (None, self.clinic.site.id)]
        needed = [(self.clock + a, self.clock + b) for a, b in spans]
        return not any(start < b and a < end for start, end in (*person.away, *elsewhere) for a, b in needed)

    def _missing(self, person: PersonSheet, spans: tuple[Span, ...], sites: tuple[int | None, ...]) -> int:
        """Minutes of `spans` in which the person has no shift at these sites, opening hours left out."""
        works = self.supply.axis.mask(shift.span for shift in person.shifts if shift.site_id in sites)
        return sum((b - a) - ((works >> (self.at + a)) & ((1 << (b - a)) - 1)).bit_count() for a, b in spans)


def _id(option: _Option) -> int:
    return option.person.id if option.person is not None else 0
