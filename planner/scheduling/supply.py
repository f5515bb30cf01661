"""Supply as masks: at which minutes a dosing visit or a session of given length could start, rule by rule.

Each rule that may refuse a time is one mask, so that a refusal can be named by the masks that lack it and taking a
rule away is leaving its mask out. All masks of one `Supply` count minutes from the axis origin.
"""

from __future__ import annotations

from collections.abc import Iterable
from copy import copy
from dataclasses import replace
from functools import cached_property

from planner.domain.conflicts import Rule
from planner.domain.protocols import Holding, Visit
from planner.domain.statuses import Mode
from planner.scheduling.day_limits import NO_BARS, Bars, DayLimits
from planner.scheduling.localdays import LocalDays
from planner.scheduling.masks import Axis, erode, starts_of
from planner.scheduling.sheets import ClinicSheet, PatientSheet, PersonSheet, Span, ThingSheet


class Supply:
    """One clinic's free time and one patient's, as masks over the clinic's horizon.

    `bars` keep sessions from beginning with somebody at some minutes; None leaves the limits of their days out too.
    """

    def __init__(
        self,
        clinic: ClinicSheet,
        patient: PatientSheet,
        therapist_ids: frozenset[int] | None = None,
        bars: Bars | None = NO_BARS,
    ) -> None:
        self.clinic, self.patient = clinic, patient
        self._therapist_ids = therapist_ids
        self.days = LocalDays(clinic.site.zone, clinic.first_day, clinic.last_day)
        self.axis = Axis(self.days.origin, self.days.length)
        self.origin = self.axis.origin
        self.therapists = tuple(
            sorted((t for t in clinic.therapists if therapist_ids is None or t.id in therapist_ids), key=lambda t: t.id)
        )
        self.limits = DayLimits(self.days, self.axis, self.therapists, patient.own_sessions, bars)
        self._free: dict[int, int] = {}
        self._visits: dict[Visit, dict[Rule, int]] = {}
        self._on_site: dict[int, int] = {}
        self._any_shift: dict[int, int] = {}
        self._common: dict[tuple[int, bool], int] = {}
        self._modes: dict[tuple[int, int, bool], dict[Mode, int]] = {}
        self._starts: dict[tuple[int, int | None, bool], int] = {}

    @cached_property
    def unlimited(self) -> Supply:
        """The same supply without anybody's limit of sessions a day."""
        if not self.limits.any:
            return self
        return self.barred(None)

    def barred(self, bars: Bars | None) -> Supply:
        """The same supply with other bars; what does not hang on them is not worked out again."""
        other = copy(self)
        other.__dict__.pop("unlimited", None)
        other.limits = DayLimits(self.days, self.axis, self.therapists, self.patient.own_sessions, bars)
        other._modes, other._starts = {}, {}
        return other

    def wider(self, modes: tuple[Mode, ...]) -> Supply:
        """The same supply with any therapist and these ways of meeting."""
        return Supply(self.clinic, replace(self.patient, modes=modes), None, self.limits.bars)

    # -- people, things and places ---------------------------------------------------------------------------------

    def free(self, holdable_id: int, busy: Iterable[Span]) -> int:
        """Minutes at which nothing holds this person or thing."""
        found = self._free.get(holdable_id)
        if found is None:
            found = self._free[holdable_id] = self.axis.free(busy)
        return found

    @cached_property
    def open(self) -> int:
        """Minutes at which the site is open."""
        return self.axis.mask(self.clinic.site.open)

    @cached_property
    def future(self) -> int:
        """Minutes after now: what starts at this very minute has begun, and can be neither moved nor given back."""
        return self.axis.mask([(max(self.clinic.now + 1, self.origin), self.origin + self.axis.length)])

    @cached_property
    def patient_free(self) -> int:
        """Minutes at which no other appointment holds the patient."""
        return self.axis.free(self.patient.busy)

    def patient_can_stay(self, minutes: int) -> int:
        """Minutes from which the patient says they can stay for `minutes`."""
        available = self.patient.available
        return self.axis.full if available is None else erode(self.axis.mask(available), minutes)

    def grid(self, step: int) -> int:
        """Minutes at which clocks at the site show a multiple of `step` minutes after midnight."""
        return _cached_grid(self.days.zone, self.days.first.toordinal(), self.days.count, step, self.days)

    def on_site(self, person: PersonSheet) -> int:
        """Minutes of a person's shifts at this site while it is open."""
        found = self._on_site.get(person.holdable_id)
        if found is None:
            found = self.axis.mask(s.span for s in person.shifts if s.site_id == self.clinic.site.id) & self.open
            self._on_site[person.holdable_id] = found
        return found

    def on_any_shift(self, person: PersonSheet) -> int:
        """Minutes in which a person works anywhere: at the site while it is open, or by telehealth."""
        found = self._any_shift.get(person.holdable_id)
        if found is None:
            away = [s.span for s in person.shifts if s.site_id is None]
            found = self.on_site(person) | self.axis.mask(away) if away else self.on_site(person)
            self._any_shift[person.holdable_id] = found
        return found

    # -- dosing visits ---------------------------------------------------------------------------------------------

    def visit_masks(self, visit: Visit) -> dict[Rule, int]:
        """For each rule, the minutes at which it lets a visit check in."""
        if visit not in self._visits:
            self._visits[visit] = self._find_visit_masks(visit)
        return self._visits[visit]

    def _find_visit_masks(self, visit: Visit) -> dict[Rule, int]:
        here, stay = [(0, visit.discharge_min)], visit.discharge_min
        masks = {
            Rule.PAST: self.future,
            Rule.GRID: self.grid(self.clinic.site.visit_grid),
            Rule.CLOSED: starts_of(self.open, here),
            Rule.PATIENT_BUSY: erode(self.patient_free, stay + self.patient.turnover),
            Rule.PATIENT_AWAY: self.patient_can_stay(stay),
        }
        if spans := visit.spans(Holding.CHAIR):
            masks[Rule.CHAIR_BUSY] = self._any_thing(self.clinic.chairs, spans)
        if spans := visit.spans(Holding.ROOM):
            masks[Rule.ROOM_BUSY] = self._any_thing(self.clinic.rooms, spans)
        masks |= self._people_masks(visit)
        return masks

    def _people_masks(self, visit: Visit) -> dict[Rule, int]:
        """For each rule about people, the minutes at which those a visit holds are free, and those it needs there."""
        masks: dict[Rule, int] = {}
        rules = (
            (Holding.NURSE, Rule.NURSE_BUSY, self.clinic.nurses, self._any_nurse),
            (Holding.THERAPIST, Rule.THERAPIST_BUSY, self.therapists, self._any_therapist),
            (Holding.PRESCRIBER, Rule.PRESCRIBER_AWAY, self.clinic.prescribers, self._any_prescriber),
        )
        for holding, rule, people, able in rules:
            if spans := visit.spans(holding):
                masks[rule] = able(spans)
            if spans := visit.on_site_spans(holding):
                masks[rule] = masks.get(rule, self.axis.full) & self._present(people, spans)
        return masks

    def _present(self, people: Iterable[PersonSheet], spans: tuple[Span, ...]) -> int:
        """Check-in minutes at which somebody of these is on site all through `spans`, if not always the same one."""
        present = 0
        for person in people:
            present |= self.on_site(person)
        return starts_of(present, spans)

    def _thing_starts(self, thing: ThingSheet, spans: tuple[Span, ...]) -> int:
        return starts_of(self.free(thing.holdable_id, thing.busy), with_turnover(spans, thing.turnover))

    def _any_thing(self, things: Iterable[ThingSheet], spans: tuple[Span, ...]) -> int:
        result = 0
        for thing in things:
            result |= self._thing_starts(thing, spans)
        return result & self.axis.full

    def _any_nurse(self, spans: tuple[Span, ...]) -> int:
        result = 0
        for nurse in self.clinic.nurses:
            shift = starts_of(self.on_site(nurse), spans)
            if shift:
                result |= shift & self._any_thing(nurse.lanes, spans)
        return result

    def _any_therapist(self, spans: tuple[Span, ...]) -> int:
        return self._any_person(self.therapists, spans)

    def _any_prescriber(self, spans: tuple[Span, ...]) -> int:
        return self._any_person(self.clinic.prescribers, spans)

    def _any_person(self, people: Iterable[PersonSheet], spans: tuple[Span, ...]) -> int:
        result = 0
        for person in people:
            result |= self.person_visit_starts(person, spans)
        return result

    def person_visit_starts(self, person: PersonSheet, spans: tuple[Span, ...]) -> int:
        """Check-in minutes at which this person can be there for `spans` of the visit, and free."""
        free = starts_of(self.free(person.holdable_id, person.busy), with_turnover(spans, person.turnover))
        return starts_of(self.on_site(person), spans) & free & self.axis.full

    def pick_chair(self, start: int, spans: tuple[Span, ...], wanted: int | None = None) -> ThingSheet | None:
        """A chair free for a visit at axis minute `start`: the wanted one, else the first by id."""
        return self._pick(self.clinic.chairs, start, spans, wanted)

    def pick_room(self, start: int, spans: tuple[Span, ...]) -> ThingSheet | None:
        """A room free at axis minute `start`, the first by id."""
        return self._pick(self.clinic.rooms, start, spans, None)

    def free_rooms(self, start: int, minutes: int) -> list[ThingSheet]:
        """All rooms free for a session at axis minute `start`, by id."""
        spans = ((0, minutes),)
        rooms = sorted(self.clinic.rooms, key=lambda room: room.id)
        return [r for r in rooms if self._is_free(r.holdable_id, r.busy, start, with_turnover(spans, r.turnover))]

    def _pick(
        self, things: Iterable[ThingSheet], start: int, spans: tuple[Span, ...], wanted: int | None
    ) -> ThingSheet | None:
        for thing in sorted(things, key=lambda t: (t.id != wanted, t.id)):
            if self._is_free(thing.holdable_id, thing.busy, start, with_turnover(spans, thing.turnover)):
                return thing
        return None

    def pick_lane(self, start: int, spans: tuple[Span, ...]) -> tuple[PersonSheet, ThingSheet] | None:
        """A nurse on shift with a free lane at axis minute `start`, the first by id."""
        for nurse in sorted(self.clinic.nurses, key=lambda n: n.id):
            if not _covers(self.on_site(nurse), start, spans):
                continue
            for lane in nurse.lanes:
                if self._is_free(lane.holdable_id, lane.busy, start, with_turnover(spans, lane.turnover)):
                    return nurse, lane
        return None

    def pick_visit_therapist(self, start: int, spans: tuple[Span, ...], primary: int | None) -> PersonSheet | None:
        """A therapist who can be there: the primary one first, then by id."""
        return self._pick_person(self.therapists, start, spans, primary)

    def pick_prescriber(self, start: int, spans: tuple[Span, ...]) -> PersonSheet | None:
        """A prescriber who is on site and free for `spans` of a visit at axis minute `start`, the first by id."""
        return self._pick_person(self.clinic.prescribers, start, spans, None)

    def _pick_person(
        self, people: Iterable[PersonSheet], start: int, spans: tuple[Span, ...], wanted: int | None
    ) -> PersonSheet | None:
        for person in sorted(people, key=lambda p: (p.id != wanted, p.id)):
            if self.person_visit_starts(person, spans) >> start & 1:
                return person
        return None

    def _is_free(self, holdable_id: int, busy: tuple[Span, ...], start: int, spans: Iterable[Span]) -> bool:
        return _covers(self.free(holdable_id, busy), start, spans)

    # -- sessions --------------------------------------------------------------------------------------------------

    def sessions(self, minutes: int, *, on_grid: bool = True) -> dict[int, dict[Mode, int]]:
        """Per therapist and mode, the minutes at which a session of `minutes` could start for this patient."""
        return {person.id: self.session_modes(person, minutes, on_grid=on_grid) for person in self.therapists}

    def session_modes(self, person: PersonSheet, minutes: int, *, on_grid: bool = True) -> dict[Mode, int]:
        """Per mode, the minutes at which this therapist could start a session of `minutes` with this patient."""
        key = (person.id, minutes, on_grid)
        if key not in self._modes:
            free = erode(self.free(person.holdable_id, person.busy), minutes + person.turnover)
            free &= self._session_common(minutes, on_grid) & self.limits.starts(person)
            modes: dict[Mode, int] = {}
            if Mode.IN_PERSON in self.patient.modes:
                modes[Mode.IN_PERSON] = free & self._rooms(minutes) & erode(self.on_site(person), minutes)
            if Mode.TELEHEALTH in self.patient.modes:
                modes[Mode.TELEHEALTH] = free & erode(self.on_any_shift(person), minutes)
            self._modes[key] = modes
        return self._modes[key]

    def _session_common(self, minutes: int, on_grid: bool) -> int:
        """Minutes at which a session could start as far as the clock, the grid and the patient go."""
        key = (minutes, on_grid)
        if key not in self._common:
            common = self.future & erode(self.patient_free, minutes + self.patient.turnover)
            common &= self.patient_can_stay(minutes)
            self._common[key] = common & self.grid(self.clinic.site.therapy_grid) if on_grid else common
        return self._common[key]

    def _rooms(self, minutes: int) -> int:
        if minutes not in self._room_starts:
            self._room_starts[minutes] = self._any_thing(self.clinic.rooms, ((0, minutes),))
        return self._room_starts[minutes]

    @cached_property
    def _room_starts(self) -> dict[int, int]:
        return {}

    def session_starts(self, minutes: int, therapist_id: int | None = None, *, on_grid: bool = True) -> int:
        """The minutes at which a session could start with this therapist (None: with anyone)."""
        key = (minutes, therapist_id, on_grid)
        if key not in self._starts:
            people = [p for p in self.therapists if therapist_id is None or p.id == therapist_id]
            self._starts[key] = self._union_of_starts(people, minutes, on_grid)
        return self._starts[key]

    def _union_of_starts(self, people: list[PersonSheet], minutes: int, on_grid: bool) -> int:
        """Asks one therapist after the other, and no more of them than there are minutes left that someone could
        still add: in a large clinic most need never be asked."""
        by_telehealth = Mode.TELEHEALTH in self.patient.modes
        places = (self.clinic.site.id, None) if by_telehealth else (self.clinic.site.id,)
        shifts = {s.span for p in people for s in p.shifts if s.site_id in places}
        left = self._session_common(minutes, on_grid) & erode(self.axis.mask(shifts), minutes)
        if not by_telehealth:
            left &= self._rooms(minutes)
        result = 0
        for person in people:
            if not left:
                break
            working = self.on_any_shift(person) if by_telehealth else self.on_site(person)
            free = self.free(person.holdable_id, person.busy)
            if person.turnover:
                able = erode(free, minutes + person.turnover) & erode(working, minutes)
            else:
                able = erode(free & working, minutes)
            able &= self.limits.starts(person)
            result |= able & left
            left &= ~able
        return result

    def is_there(self, person: PersonSheet, start: int) -> bool:
        """Whether a person works, is free and may hold one more session at axis minute `start`, however long."""
        if start < 0 or not self.limits.starts(person) >> start & 1:
            return False
        return bool(self.free(person.holdable_id, person.busy) >> start & self.on_any_shift(person) >> start & 1)

    def pick_session(
        self, start: int, minutes: int, primary: int | None, *, on_grid: bool = True
    ) -> tuple[PersonSheet, Mode] | None:
        """Who holds a session at axis minute `start`, and how: the primary therapist first, then by id; the patient's
        first mode first."""
        for person in sorted(self.therapists, key=lambda p: (p.id != primary, p.id)):
            if not self.is_there(person, start):
                continue  # without working out all that they could do at other times
            modes = self.session_modes(person, minutes, on_grid=on_grid)
            for mode in self.patient.modes:
                if modes.get(mode, 0) >> start & 1:
                    return person, mode
        return None


def with_turnover(spans: tuple[Span, ...], turnover: int) -> tuple[Span, ...]:
    """The spans of a visit with a person's or thing's spare minutes behind the last."""
    if not turnover or not spans:
        return spans
    return (*spans[:-1], (spans[-1][0], spans[-1][1] + turnover))


def _covers(mask: int, start: int, spans: Iterable[Span]) -> bool:
    return all(start + a >= 0 and (mask >> (start + a)) & ((1 << (b - a)) - 1) == (1 << (b - a)) - 1 for a, b in spans)


_GRIDS: dict[tuple[str, int, int, int], int] = {}


def _cached_grid(zone: str, first: int, count: int, step: int, days: LocalDays) -> int:
    key = (zone, first, count, step)
    if key not in _GRIDS:
        if len(_GRIDS) > 64:
            _GRIDS.clear()
        _GRIDS[key] = days.grid(step)
    return _GRIDS[key]
