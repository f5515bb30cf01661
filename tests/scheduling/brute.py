"""A checker and a finder of whole courses that share no code with the planner: sheets in, plain loops over minutes.

Only the sheets' and the protocol's own fields are read; every rule is written out again here, span by span. Slow, and
meant for small rosters.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import cache
from itertools import combinations, pairwise
from zoneinfo import ZoneInfo

from planner.domain.conflicts import Rule
from planner.domain.protocols import IntegrationMode, SessionPhase
from planner.domain.statuses import AppointmentKind, Mode
from planner.scheduling.placements import Placement
from planner.scheduling.sheets import ClinicSheet, CourseRequest, PersonSheet, Span, ThingSheet

DAY = 1440
Spans = list[tuple[int, int]]


def moment(minute: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(minutes=minute)


class Brute:
    """One clinic and one request, with some rules left out."""

    def __init__(self, clinic: ClinicSheet, request: CourseRequest, without: Iterable[Rule] = ()) -> None:
        self.clinic, self.request, self.without = clinic, request, frozenset(without)
        self.protocol, self.patient = request.protocol, request.patient
        self.visit, self.plan = request.protocol.visit, request.protocol.integration
        self.zone = ZoneInfo(clinic.site.zone)
        self._local: dict[int, datetime] = {}
        self._shifts: dict[tuple[int, bool], Spans] = {}
        self.first, self.end = self.midnight(clinic.first_day), self.midnight(clinic.last_day + timedelta(days=1))
        self.firm = [
            phase.spacing for phase in self.protocol.dose_phases if phase.booking == "firm" for _ in range(phase.doses)
        ]
        self.linked = self.plan.mode in (IntegrationMode.WINDOWED, IntegrationMode.WEEKLY)
        self.rolls = self.plan.mode is IntegrationMode.ROLLING
        if Rule.NO_WINDOW_SLOT in self.without:
            self.linked = self.rolls = False

    # -- clocks and spans ------------------------------------------------------------------------------------------

    def midnight(self, day: date) -> int:
        """The first minute of a day, found by walking: clocks may skip midnight."""
        at = int((datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(hours=15)).timestamp()) // 60
        while self.day(at) < day:
            at += 1 if self.day(at + 60) >= day else 60
        return at

    def day(self, minute: int) -> date:
        return self.local(minute).date()

    def on_grid(self, minute: int, step: int) -> bool:
        local = self.local(minute)
        return (local.hour * 60 + local.minute) % step == 0

    def local(self, minute: int) -> datetime:
        if minute not in self._local:
            self._local[minute] = moment(minute).astimezone(self.zone)
        return self._local[minute]

    def free(self, busy: Iterable[Span], a: int, b: int) -> bool:
        return self.first <= a and b <= self.end and all(b <= s or e <= a for s, e in busy)

    @staticmethod
    def inside(spans: Sequence[Span], a: int, b: int) -> bool:
        """Whether [a, b) lies in the union of the spans: walk from a to b."""
        while a < b:
            reach = max((e for s, e in spans if s <= a < e), default=None)
            if reach is None:
                return False
            a = reach
        return True

    def here(self, person: PersonSheet) -> Spans:
        """A person's shifts at this site, cut to opening hours."""
        key = (person.holdable_id, True)
        if key not in self._shifts:
            self._shifts[key] = self._cut(person)
        return self._shifts[key]

    def _cut(self, person: PersonSheet) -> Spans:
        return [
            (max(a, c), min(b, d))
            for shift in person.shifts
            if shift.site_id == self.clinic.site.id
            for a, b in [shift.span]
            for c, d in self.clinic.site.open
            if max(a, c) < min(b, d)
        ]

    def anywhere(self, person: PersonSheet) -> Spans:
        key = (person.holdable_id, False)
        if key not in self._shifts:
            self._shifts[key] = self.here(person) + [s.span for s in person.shifts if s.site_id is None]
        return self._shifts[key]

    def needs(self, what: str, *, held: bool = True) -> Spans:
        """When a visit holds something (or needs somebody on site), from check-in, joined where blocks touch."""
        parts = sorted(
            (block.starts_min, block.starts_min + block.length_min)
            for block in self.visit.blocks
            if what in {h.value for h in (block.holds if held else block.on_site)}
        )
        joined: Spans = []
        for a, b in parts:
            if joined and a <= joined[-1][1]:
                joined[-1] = (joined[-1][0], max(b, joined[-1][1]))
            else:
                joined.append((a, b))
        return joined

    def held(self, spans: Spans, turnover: int, at: int) -> Spans:
        return [(at + a, at + b + (turnover if i == len(spans) - 1 else 0)) for i, (a, b) in enumerate(spans)]

    def thing_free(self, thing: ThingSheet | PersonSheet, spans: Spans, at: int) -> bool:
        return all(self.free(thing.busy, a, b) for a, b in self.held(spans, thing.turnover, at))

    def turnover(self, things: Iterable[ThingSheet | PersonSheet]) -> int:
        return max([0, *(thing.turnover for thing in things)])

    def therapists(self) -> list[PersonSheet]:
        wanted = self.request.therapist_ids
        return [t for t in self.clinic.therapists if wanted is None or t.id in wanted]

    # -- visits ----------------------------------------------------------------------------------------------------

    def visit_breaks(self, at: int) -> set[Rule]:
        """The rules that a check-in at this minute breaks."""
        end = at + self.visit.discharge_min
        broken = set()
        if at < self.clinic.now:
            broken.add(Rule.PAST)
        if not self.on_grid(at, self.clinic.site.visit_grid):
            broken.add(Rule.GRID)
        if not self.inside(self.clinic.site.open, at, end):
            broken.add(Rule.CLOSED)
        if not self.free(self.patient.busy, at, end + self.patient.turnover):
            broken.add(Rule.PATIENT_BUSY)
        if self.patient.available is not None and not self.inside(self.patient.available, at, end):
            broken.add(Rule.PATIENT_AWAY)
        chair, room, nurse = self.needs("chair"), self.needs("room"), self.needs("nurse")
        if chair and not any(self.thing_free(c, chair, at) for c in self.clinic.chairs):
            broken.add(Rule.CHAIR_BUSY)
        if room and not any(self.thing_free(r, room, at) for r in self.clinic.rooms):
            broken.add(Rule.ROOM_BUSY)
        if nurse and not any(
            self.works(n, nurse, at) and any(self.thing_free(lane, nurse, at) for lane in n.lanes)
            for n in self.clinic.nurses
        ):
            broken.add(Rule.NURSE_BUSY)
        for what, rule, people in (
            ("therapist", Rule.THERAPIST_BUSY, self.therapists()),
            ("prescriber", Rule.PRESCRIBER_AWAY, list(self.clinic.prescribers)),
        ):
            spans = self.needs(what)
            if spans and not any(self.works(p, spans, at) and self.thing_free(p, spans, at) for p in people):
                broken.add(rule)
        for what, rule, people in (
            ("nurse", Rule.NURSE_BUSY, list(self.clinic.nurses)),
            ("therapist", Rule.THERAPIST_BUSY, self.therapists()),
            ("prescriber", Rule.PRESCRIBER_AWAY, list(self.clinic.prescribers)),
        ):
            together = [span for person in people for span in self.here(person)]
            if not all(self.inside(together, at + a, at + b) for a, b in self.needs(what, held=False)):
                broken.add(rule)
        return broken

    def works(self, person: PersonSheet, spans: Spans, at: int) -> bool:
        return all(self.inside(self.here(person), at + a, at + b) for a, b in spans)

    # -- sessions --------------------------------------------------------------------------------------------------

    def session_breaks(self, at: int, minutes: int, *, on_grid: bool = True) -> set[Rule]:
        """The rules about the patient and the clock that a session then breaks."""
        broken = set()
        if at < self.clinic.now:
            broken.add(Rule.PAST)
        if on_grid and not self.on_grid(at, self.clinic.site.therapy_grid):
            broken.add(Rule.GRID)
        if not self.free(self.patient.busy, at, at + minutes + self.patient.turnover):
            broken.add(Rule.PATIENT_BUSY)
        if self.patient.available is not None and not self.inside(self.patient.available, at, at + minutes):
            broken.add(Rule.PATIENT_AWAY)
        return broken

    def can_hold(self, person: PersonSheet, mode: Mode, at: int, minutes: int) -> bool:
        if mode not in self.patient.modes or not self.free(person.busy, at, at + minutes + person.turnover):
            return False
        if mode is Mode.TELEHEALTH:
            return self.inside(self.anywhere(person), at, at + minutes)
        rooms = any(self.free(r.busy, at, at + minutes + r.turnover) for r in self.clinic.rooms)
        return rooms and self.inside(self.here(person), at, at + minutes)

    def session_possible(self, at: int, minutes: int, *, on_grid: bool = True) -> bool:
        return not self.session_breaks(at, minutes, on_grid=on_grid) and any(
            self.can_hold(person, mode, at, minutes) for person in self.therapists() for mode in Mode
        )

    # -- between appointments --------------------------------------------------------------------------------------

    def visit_leaves(self, *, for_visit: bool) -> int:
        """Minutes from check-in until the next session or visit of the same patient may start."""
        ends = [self.visit.discharge_min + self.patient.turnover]
        kinds: dict[str, Iterable[ThingSheet | PersonSheet]] = {
            "room": self.clinic.rooms,
            "therapist": self.clinic.therapists,
        }
        if for_visit:
            lanes = [lane for nurse in self.clinic.nurses for lane in nurse.lanes]
            kinds |= {"chair": self.clinic.chairs, "nurse": lanes, "prescriber": self.clinic.prescribers}
        ends += [self.needs(what)[-1][1] + self.turnover(things) for what, things in kinds.items() if self.needs(what)]
        return max(ends)

    def before_visit(self) -> int:
        """Minutes to keep between a session's end and a check-in."""
        turnovers = [self.patient.turnover]
        turnovers += [self.turnover(self.clinic.rooms)] if self.needs("room") else []
        turnovers += [self.turnover(self.clinic.therapists)] if self.needs("therapist") else []
        return max(turnovers)

    def before_session(self) -> int:
        """Minutes to keep between two sessions."""
        return max(self.patient.turnover, self.turnover(self.clinic.rooms), self.turnover(self.clinic.therapists))

    def anchor(self, check_in: int) -> int:
        rule = self.plan.window
        at_check_out = rule is not None and rule.anchor == "check_out"
        return check_in + (self.visit.discharge_min if at_check_out else self.visit.dose_ends_min)

    def in_window(self, check_in: int, start: int, next_check_in: int | None, anchor: int | None = None) -> bool:
        """Whether an integration session at `start` serves the dose at `check_in`."""
        after = start - (self.anchor(check_in) if anchor is None else anchor)
        end = start + self.plan.minutes
        if start < check_in + self.visit_leaves(for_visit=False):
            return False
        gap = self.before_visit()
        if self.plan.mode is IntegrationMode.WEEKLY:
            if after > self.plan.closes_days * DAY:
                return False
        else:
            rule = self.plan.window
            assert rule is not None
            if not rule.opens_h * 60 - 0.5 < after < rule.closes_h * 60 + 0.5:
                return False
            if rule.containment == "full" and after + self.plan.minutes > rule.closes_h * 60:
                return False
            gap = max(gap, round(rule.min_gap_before_next_dose_h * 60))
        return next_check_in is None or end + gap <= next_check_in

    def serves(self, dose: int) -> bool:
        return self.linked and self.plan.every > 0 and dose % self.plan.every == 0

    def gap_fits(self, dose: int, before: int, after: int) -> bool:
        """Whether the dose with this number may follow the one before by these check-ins."""
        days = (self.day(after) - self.day(before)).days
        if Rule.SPACING in self.without:
            return days >= 1
        return self.firm[dose - 1].min_days <= days <= self.firm[dose - 1].max_days

    def wished(self, dose: int, check_in: int) -> bool:
        day, asked = self.day(check_in), self.request
        if dose == 1 and day < asked.earliest_day:
            return False
        if Rule.REST_OF_COURSE in self.without:
            return True
        if dose == 1 and asked.latest_first_day is not None and day > asked.latest_first_day:
            return False
        return day.weekday() in asked.weekdays

    # -- around the doses ------------------------------------------------------------------------------------------

    def preparation_needed(self, check_in: int) -> int:
        phase = self.protocol.preparation
        if phase is None or not phase.required or Rule.PREP_MISSING in self.without:
            return 0
        leads = [(self.day(check_in) - held).days for held in self.request.preparation_days]
        return max(0, phase.sessions - sum(phase.min_days <= lead <= phase.max_days for lead in leads))

    def prepares(self, phase: SessionPhase, start: int, check_in: int) -> bool:
        lead = (self.day(check_in) - self.day(start)).days
        over = start + phase.minutes + self.before_visit() <= check_in
        return over and phase.min_days <= lead <= phase.max_days

    def consolidation_needed(self) -> int:
        phase = self.protocol.consolidation
        if phase is None or not phase.required or Rule.CONSOLIDATION_MISSING in self.without:
            return 0
        return phase.sessions

    def consolidates(self, phase: SessionPhase, start: int, check_in: int) -> bool:
        after = start - check_in - self.visit.dose_ends_min
        return (
            start >= check_in + self.visit_leaves(for_visit=False)
            and phase.min_days * DAY <= after <= phase.max_days * DAY
        )

    def apart(self, starts: Iterable[int], phase: SessionPhase) -> bool:
        ordered = sorted(starts)
        return all(
            b - a >= phase.minutes + self.before_session() and self.day(a) != self.day(b)
            for a, b in pairwise(ordered)
        )

    # -- finding ---------------------------------------------------------------------------------------------------

    def minutes(self, step: int) -> list[int]:
        """Starts worth trying: every grid time, or, without a grid, every five minutes. All spans and lengths of the
        small sheets are multiples of five minutes, so a course that exists exists there too."""
        every = range(self.first, self.end, 5)
        return [m for m in every if Rule.GRID in self.without or self.on_grid(m, step)]

    def can_check_in(self, minute: int) -> bool:
        if minute < self.clinic.now and Rule.PAST not in self.without:
            return False
        closed = Rule.CLOSED not in self.without
        if closed and not self.inside(self.clinic.site.open, minute, minute + self.visit.discharge_min):
            return False
        return not self.visit_breaks(minute) - self.without

    def course_exists(self) -> bool:
        """Whether any legal course exists: every choice of every dose and session is tried."""
        visits = [m for m in self.minutes(self.clinic.site.visit_grid) if self.can_check_in(m)]

        @cache
        def sessions(minutes: int) -> list[int]:
            return [m for m in self.minutes(self.clinic.site.therapy_grid) if self.session_possible(m, minutes)]

        @cache
        def completes(dose: int, check_in: int) -> bool:
            """Whether the course can go on from a dose there."""
            if dose == len(self.firm):
                return any(self._ends_well(check_in, s, sessions) for s in self._own(dose, check_in, sessions))
            return any(
                self._follows(dose, check_in, session, later) and completes(dose + 1, later)
                for session in self._own(dose, check_in, sessions)
                for later in visits
                if later > check_in and self.wished(dose + 1, later) and self.gap_fits(dose + 1, check_in, later)
            )

        return any(
            self.wished(1, check_in) and self._prepared(check_in, sessions) and completes(1, check_in)
            for check_in in visits
        )

    def _own(self, dose: int, check_in: int, sessions) -> Iterator[int | None]:  # type: ignore[no-untyped-def]
        if not self.serves(dose):
            yield None
            return
        yield from (s for s in sessions(self.plan.minutes) if self.in_window(check_in, s, None))

    def _follows(self, dose: int, check_in: int, session: int | None, later: int) -> bool:
        if later < check_in + self.visit_leaves(for_visit=True):
            return False
        if session is not None and not self.in_window(check_in, session, later):
            return False
        if self.rolls:
            start = later - self.plan.minutes - self.before_visit()
            if start < check_in + self.visit_leaves(for_visit=False):
                return False
            return self.session_possible(start, self.plan.minutes, on_grid=False)
        return True

    def _ends_well(self, check_in: int, session: int | None, sessions) -> bool:  # type: ignore[no-untyped-def]
        count, phase = self.consolidation_needed(), self.protocol.consolidation
        if count == 0 or phase is None:
            return True
        ready = 0 if session is None else session + self.plan.minutes + self.before_session()
        fitting = [s for s in sessions(phase.minutes) if s >= ready and self.consolidates(phase, s, check_in)]
        return any(self.apart(choice, phase) for choice in combinations(fitting, count))

    def _prepared(self, check_in: int, sessions) -> bool:  # type: ignore[no-untyped-def]
        count, phase = self.preparation_needed(check_in), self.protocol.preparation
        if count == 0 or phase is None:
            return True
        fitting = [s for s in sessions(phase.minutes) if self.prepares(phase, s, check_in)]
        return any(self.apart(choice, phase) for choice in combinations(fitting, count))

    # -- checking --------------------------------------------------------------------------------------------------

    def faults(self, placements: Iterable[Placement]) -> list[str]:
        """Everything wrong with a proposed course; empty when it is legal."""
        course = list(placements)
        infusions = [p for p in course if p.kind is AppointmentKind.INFUSION]
        found = [*self._overlaps(course)]
        for placement in course:
            found += self._placement_faults(placement)
        found += self._dose_faults(infusions)
        found += self._integration_faults(infusions, [p for p in course if p.kind is AppointmentKind.INTEGRATION])
        if infusions:
            found += self._around_faults(infusions, course)
        return found

    def _overlaps(self, course: list[Placement]) -> Iterator[str]:
        for one, other in combinations(course, 2):
            for thing, a, b in one.holds:
                for same, c, d in other.holds:
                    if thing == same and a < d and c < b:
                        yield f"{one.kind} {one.number} and {other.kind} {other.number} both hold {thing}"

    def _placement_faults(self, placement: Placement) -> Iterator[str]:
        name = f"{placement.kind} {placement.number}"
        infusion = placement.kind is AppointmentKind.INFUSION
        minutes = placement.end - placement.start
        rolling = placement.kind is AppointmentKind.INTEGRATION and self.rolls
        broken = (
            self.visit_breaks(placement.start)
            if infusion
            else self.session_breaks(placement.start, minutes, on_grid=not rolling)
        )
        yield from (f"{name} breaks {rule}" for rule in broken - self.without)
        if infusion and minutes != self.visit.discharge_min:
            yield f"{name} lasts {minutes}"
        if sorted(placement.holds) not in self._possible_holds(placement):
            yield f"{name} holds {placement.holds}"

    def _possible_holds(self, placement: Placement) -> list[list[tuple[int, int, int]]]:
        """What a placement with these people and things must hold, for each lane or prescriber it may have."""
        at, end, patient = placement.start, placement.end, self.patient
        sure = [(patient.holdable_id, at, end + patient.turnover)]
        if placement.kind is not AppointmentKind.INFUSION:
            (person,) = [t for t in self.therapists() if t.id == placement.therapist_id]
            if not self.can_hold(person, placement.mode, at, end - at):
                return []
            sure.append((person.holdable_id, at, end + person.turnover))
            if placement.mode is Mode.IN_PERSON:
                (room,) = [r for r in self.clinic.rooms if r.id == placement.room_id]
                if not self.free(room.busy, at, end + room.turnover):
                    return []
                sure.append((room.holdable_id, at, end + room.turnover))
            return [sorted(sure)]
        return [sorted(sure + choice) for choice in self._visit_holds(placement)]

    def _visit_holds(self, placement: Placement) -> list[list[tuple[int, int, int]]]:
        at = placement.start
        choices: list[list[tuple[int, int, int]]] = [[]]
        nurses = [n for n in self.clinic.nurses if n.id == placement.nurse_id and self.works(n, self.needs("nurse"), at)]
        there = lambda people, what: [p for p in people if self.works(p, self.needs(what), at)]  # noqa: E731
        for what, things in (
            ("chair", [c for c in self.clinic.chairs if c.id == placement.chair_id]),
            ("room", [r for r in self.clinic.rooms if r.id == placement.room_id]),
            ("nurse", [lane for nurse in nurses for lane in nurse.lanes]),
            ("therapist", there([t for t in self.therapists() if t.id == placement.therapist_id], "therapist")),
            ("prescriber", there(self.clinic.prescribers, "prescriber")),
        ):
            spans = self.needs(what)
            if spans:
                held = [
                    [(t.holdable_id, a, b) for a, b in self.held(spans, t.turnover, at)]
                    for t in things
                    if self.thing_free(t, spans, at)
                ]
                choices = [choice + more for choice in choices for more in held]
        return choices

    def _dose_faults(self, infusions: list[Placement]) -> Iterator[str]:
        if [p.number for p in infusions] != list(range(1, len(self.firm) + 1)):
            yield f"doses {[p.number for p in infusions]}"
        for placement in infusions:
            if not self.wished(placement.number, placement.start):
                yield f"dose {placement.number} is not where it was asked for"
        for one, other in pairwise(infusions):
            if not self.gap_fits(other.number, one.start, other.start):
                yield f"gap before dose {other.number}"
            if other.start < one.start + self.visit_leaves(for_visit=True):
                yield f"dose {other.number} too soon"

    def _integration_faults(self, infusions: list[Placement], sessions: list[Placement]) -> Iterator[str]:
        starts = {p.number: p.start for p in infusions}
        served = [p.serves for p in sessions]
        due = [n for n in starts if self.serves(n) or (self.rolls and n < len(self.firm))]
        if sorted(n for n in served if n) != due or len(served) != len(due):
            yield f"sessions serve {served}, due {due}"
            return
        for session in sessions:
            assert session.serves is not None
            check_in, later = starts[session.serves], starts.get(session.serves + 1)
            if session.end - session.start != self.plan.minutes:
                yield f"session {session.serves} has another length"
            if self.rolls:
                if later is None or session.end + self.before_visit() != later:
                    yield f"session {session.serves} is not just before the next visit"
            elif not self.in_window(check_in, session.start, later):
                yield f"session {session.serves} is outside its window"

    def _around_faults(self, infusions: list[Placement], course: list[Placement]) -> Iterator[str]:
        preparation = [p.start for p in course if p.kind is AppointmentKind.PREPARATION]
        consolidation = [p.start for p in course if p.kind is AppointmentKind.CONSOLIDATION]
        before, after = self.protocol.preparation, self.protocol.consolidation
        if before is not None:
            if len(preparation) < self.preparation_needed(infusions[0].start) or not self.apart(preparation, before):
                yield f"preparation {preparation}"
            if not all(self.prepares(before, start, infusions[0].start) for start in preparation):
                yield "preparation at the wrong time"
        if after is not None:
            if len(consolidation) < self.consolidation_needed() or not self.apart(consolidation, after):
                yield f"consolidation {consolidation}"
            if not all(self.consolidates(after, start, infusions[-1].start) for start in consolidation):
                yield "consolidation at the wrong time"
