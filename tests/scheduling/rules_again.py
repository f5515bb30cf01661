"""The rules of planning written out a second time, without the planner: sheets in, plain loops over minutes.

Only the sheets' and the protocol's own fields are read; every rule is written out again here, span by span. Slow, and
meant for small rosters.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from planner.domain.conflicts import Rule
from planner.domain.protocols import IntegrationMode, SessionPhase
from planner.domain.statuses import Mode
from planner.scheduling.sheets import ClinicSheet, CourseRequest, PersonSheet, Span, ThingSheet

DAY = 1440
Spans = list[tuple[int, int]]


def moment(minute: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(minutes=minute)


class Rules:
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
        if at <= self.clinic.now:
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
        if at <= self.clinic.now:
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
        if self.places(person, self.day(at)) == 0:
            return False
        if mode is Mode.TELEHEALTH:
            return self.inside(self.anywhere(person), at, at + minutes)
        rooms = any(self.free(r.busy, at, at + minutes + r.turnover) for r in self.clinic.rooms)
        return rooms and self.inside(self.here(person), at, at + minutes)

    def places(self, person: PersonSheet, day: date) -> int | None:
        """How many sessions of the course can be with somebody on a day; None when that has no limit.

        The limit less what they have otherwise, or as many as the course could move away from there if that is more.
        """
        if person.most_sessions is None or Rule.DAY_FULL in self.without:
            return None
        mine = [o for o in self.patient.own_sessions if o.therapist_id == person.id and self.day(o.start) == day]
        held = len([s for s in person.sessions if self.day(s) == day]) + len([o for o in mine if o.stays])
        return max(person.most_sessions - held, len([o for o in mine if not o.stays]))

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
        if self.plan.after_doses:
            return self.linked and dose in self.plan.after_doses
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
        over = start + phase.minutes + max(self.before_visit(), phase.min_lead_h * 60) <= check_in
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
            b - a >= phase.minutes + self.before_session() and self.day(a) != self.day(b) for a, b in pairwise(ordered)
        )
