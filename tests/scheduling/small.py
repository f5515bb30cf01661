"""Small random clinics, protocols and requests, from one seed each: near clock changes, in many zones."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, time, timedelta
from random import Random

from planner.domain.intervals import minute_of
from planner.domain.protocols import (
    Block,
    DosePhase,
    Holding,
    IntegrationMode,
    IntegrationPlan,
    Protocol,
    SessionPhase,
    Spacing,
    SpanRule,
    Visit,
)
from planner.domain.statuses import Mode
from planner.domain.walltime import resolve_wall_leniently
from planner.domain.windows import WindowRule
from planner.scheduling.sheets import (
    ClinicSheet,
    CourseRequest,
    PatientSheet,
    PersonSheet,
    ShiftSheet,
    SiteSheet,
    Span,
    ThingSheet,
)

#: Zones with a day near which their clocks change (or do not: the last three).
CHANGES = (
    ("America/New_York", date(2027, 3, 14)),
    ("America/New_York", date(2027, 11, 7)),
    ("Europe/London", date(2027, 3, 28)),
    ("Europe/London", date(2027, 10, 31)),
    ("America/St_Johns", date(2027, 3, 14)),
    ("America/St_Johns", date(2027, 11, 7)),
    ("Australia/Lord_Howe", date(2027, 4, 4)),
    ("Australia/Lord_Howe", date(2027, 10, 3)),
    ("Pacific/Auckland", date(2027, 4, 4)),
    ("Pacific/Auckland", date(2027, 9, 26)),
    ("America/Santiago", date(2027, 9, 5)),
    ("America/Phoenix", date(2027, 3, 14)),
    ("Asia/Kolkata", date(2027, 3, 28)),
    ("Asia/Kathmandu", date(2027, 10, 31)),
)

Hours = tuple[tuple[int, int], ...]


def on(day: date, hour: float, zone: str) -> int:
    moment = datetime.combine(day, time()) + timedelta(minutes=round(hour * 60))
    return minute_of(resolve_wall_leniently(moment, zone))


def several(rnd: Random, count: int, of: list[date]) -> list[date]:
    return sorted(rnd.sample(of, min(count, len(of))))


class Small:
    """One random small planning problem."""

    def __init__(self, seed: int) -> None:
        rnd = self.rnd = Random(seed)
        self.limits = Random(f"limits of days {seed}")
        self.zone, change = rnd.choice(CHANGES)
        self.first = change - timedelta(days=rnd.randint(1, 9))
        self.count = rnd.randint(8, 16)
        self.days = [self.first + timedelta(days=i) for i in range(self.count)]
        self.protocol = self.make_protocol()
        self.clinic = self.make_clinic()
        self.request = self.make_request()

    def hours(self, *spans: tuple[float, float], share: float = 1.0) -> tuple[Span, ...]:
        """Wall hours on a random share of the days."""
        return tuple(
            (on(day, a, self.zone), on(day, b, self.zone))
            for day in self.days
            if self.rnd.random() < share
            for a, b in spans
        )

    def chance(self, share: float) -> bool:
        return self.rnd.random() < share

    # -- protocol --------------------------------------------------------------------------------------------------

    def make_visit(self) -> Visit:
        rnd = self.rnd
        check_in, dose, rest, turn = rnd.choice((0, 15, 30)), rnd.choice((30, 40)), rnd.choice((0, 50, 60)), 15
        held = {Holding.CHAIR, Holding.NURSE}
        on_dose = set(held)
        here = set()
        if self.chance(0.5):
            here.add(Holding.PRESCRIBER)
        elif self.chance(0.3):
            on_dose.add(Holding.PRESCRIBER)
        if self.chance(0.2):
            on_dose.add(Holding.THERAPIST)
        elif self.chance(0.1):
            here.add(Holding.THERAPIST)
        if self.chance(0.2):
            held = {Holding.ROOM}
            on_dose |= held
        leaves = check_in + dose + rest
        blocks = [
            Block("check_in", "Check-in", 0, check_in, frozenset(held), frozenset()),
            Block("dose", "Dose", check_in, dose, frozenset(on_dose), frozenset(here)),
            Block("rest", "Rest", check_in + dose, rest, frozenset(held), frozenset()),
        ]
        if self.chance(0.5):
            blocks.append(Block("turnover", "Turnover", leaves, turn, frozenset(held - {Holding.NURSE}), frozenset()))
        return Visit(tuple(b for b in blocks if b.length_min), check_in, check_in + dose, leaves)

    def make_window(self) -> WindowRule:
        rnd = self.rnd
        opens = rnd.choice((0, 2, 12, 12))
        peak_start, peak_end = opens + rnd.choice((0, 6)), rnd.choice((24, 30, 48))
        closes = peak_end + rnd.choice((0, 2, 24))
        tail = closes + rnd.choice((0, 48))
        knots = {opens: 0.5, peak_start: 1.0, peak_end: 1.0, closes: rnd.choice((0.3, 1.0)), tail: 0.0}
        return WindowRule(
            id="small",
            opens_h=opens,
            peak_start_h=peak_start,
            peak_end_h=peak_end,
            closes_h=closes,
            tail_end_h=tail,
            knots=tuple((float(h), p) for h, p in sorted(knots.items())),
            containment=rnd.choice(("start_only", "full")),
            ideal_offset_h=rnd.choice((12, 24)),
            min_gap_before_next_dose_h=rnd.choice((0, 0, 2, 10)),
            anchor=rnd.choice(("dose_end", "dose_end", "check_out")),
            source="made up",
            strength="none",
        )

    def make_plan(self) -> IntegrationPlan:
        rnd = self.rnd
        mode = rnd.choice([IntegrationMode.WINDOWED] * 5 + [IntegrationMode.WEEKLY] * 2 + [IntegrationMode.ROLLING])
        settings = frozenset({"in_person", "telehealth"})
        minutes = rnd.choice((30, 50))
        if mode is IntegrationMode.WINDOWED:
            every, named = rnd.choice(((1, ()), (1, ()), (1, ()), (2, ()), (0, (1,)), (0, (1, 3))))
            return IntegrationPlan(mode, minutes, every, self.make_window(), 0, settings, named)  # type: ignore[arg-type]
        closes = rnd.choice((2, 4)) if mode is IntegrationMode.WEEKLY else 0
        return IntegrationPlan(mode, minutes, rnd.choice((1, 2)), None, closes, settings)  # type: ignore[arg-type]

    def make_protocol(self) -> Protocol:
        rnd = self.rnd
        least = rnd.choice((1, 1, 2, 3))
        target, most = least + rnd.choice((0, 1)), least + rnd.choice((1, 2, 4))
        target = min(target, most)
        spacing = Spacing(least, target, most, most)
        preparation = consolidation = None
        if self.chance(0.5):
            low = rnd.choice((0, 1, 1, 2))
            preparation = SessionPhase(
                "preparation",
                rnd.choice((1, 1, 2)),
                2,
                50,
                low,
                low + rnd.choice((1, 3)),
                low,
                True,
                min_lead_h=rnd.choice((0, 0, 20)),
            )
        if self.chance(0.5):
            low = rnd.choice((0, 1, 2))
            consolidation = SessionPhase(
                "consolidation", rnd.choice((1, 1, 2)), 2, 50, low, low + rnd.choice((1, 3)), low, self.chance(0.7)
            )
        return Protocol(
            slug="small",
            name="Small",
            modality="made_up",
            summary="",
            enabled_by_default=True,
            evidence_note="",
            visit=self.make_visit(),
            preparation=preparation,
            dose_phases=(
                DosePhase("induction", "Induction", rnd.choice((2, 3, 3, 4)), spacing, rnd.choice((1, 2, 2)), "firm"),
            ),
            consolidation=consolidation,
            integration=self.make_plan(),
            span=SpanRule(10, 20),
            boosters=None,
            provenance={},
        )

    # -- clinic ----------------------------------------------------------------------------------------------------

    def busy(self, hours: list[float], length: float, share: float) -> tuple[Span, ...]:
        return tuple(
            (on(day, hour, self.zone), on(day, hour + length, self.zone))
            for day in self.days
            for hour in hours
            if self.rnd.random() < share
        )

    def thing(self, number: int, holdable: int, share: float) -> ThingSheet:
        busy = self.busy([0, 9, 12, 15], 3, share)
        return ThingSheet(number, holdable, 1, busy, self.rnd.choice((0, 0, 10, 30)))

    def person(self, number: int, holdable: int, *spans: tuple[float, float], telehealth: bool = False) -> PersonSheet:
        shifts = [ShiftSheet(span, 1) for span in self.hours(*spans, share=0.7)]
        if telehealth and self.chance(0.4):
            hours = self.rnd.choice(((18, 21), (0, 3), (8, 11)))
            shifts += [ShiftSheet(span, None) for span in self.hours(hours, share=0.5)]
        if telehealth and self.chance(0.2):
            shifts += [ShiftSheet(span, 2) for span in self.hours((9, 17), share=0.3)]
        return PersonSheet(
            number, holdable, tuple(shifts), self.busy([9, 11, 14, 16], 1, 0.3), self.rnd.choice((0, 0, 10))
        )

    def make_clinic(self) -> ClinicSheet:
        rnd = self.rnd
        opening = rnd.choice(((8, 18), (8, 18), (0, 6), (12, 23)))
        spans: tuple[tuple[float, float], ...] = (
            ((opening[0], opening[0] + 4.5), (opening[0] + 5, opening[1])) if self.chance(0.5) else (opening,)
        )
        nurses = tuple(
            PersonSheet(
                20 + i,
                220 + i,
                tuple(ShiftSheet(span, 1) for span in self.hours(*spans, share=0.9)),
                lanes=tuple(self.thing(j, 230 + 10 * i + j, 0.3) for j in range(rnd.choice((1, 2)))),
            )
            for i in range(rnd.choice((1, 1, 2)))
        )
        return ClinicSheet(
            site=SiteSheet(
                1, self.zone, rnd.choice((60, 90, 180)), rnd.choice((60, 60, 45)), self.hours(opening, share=0.9)
            ),
            first_day=self.days[0],
            last_day=self.days[-1],
            now=on(self.days[0], rnd.choice((0, 12, 30)), self.zone),
            chairs=tuple(self.thing(i, 100 + i, 0.3) for i in range(rnd.choice((1, 1, 2)))),
            rooms=tuple(self.thing(i, 110 + i, 0.2) for i in range(rnd.choice((0, 1, 2)))),
            nurses=nurses,
            prescribers=tuple(self.person(30 + i, 330 + i, *spans) for i in range(2)),
            therapists=tuple(
                self.limited(self.person(i, 140 + i, *spans, telehealth=True))
                for i in range(1, rnd.choice((1, 2, 2)) + 1)
            ),
        )

    def limited(self, person: PersonSheet) -> PersonSheet:
        """With some, one or two sessions a day at most, and some of what holds them being sessions."""
        if self.limits.random() < 0.5:
            return person
        sessions = tuple(start for start, _ in person.busy if self.limits.random() < 0.5)
        return replace(person, most_sessions=self.limits.choice((1, 1, 2)), sessions=sessions)

    def make_request(self) -> CourseRequest:
        rnd = self.rnd
        available = self.hours((0, 24), share=0.85) if self.chance(0.3) else None
        modes = rnd.choice(((Mode.IN_PERSON,), (Mode.TELEHEALTH,), (Mode.IN_PERSON, Mode.TELEHEALTH)))
        patient = PatientSheet(
            id=1,
            holdable_id=151,
            busy=self.busy([10, 15], 2, 0.1),
            available=available,
            turnover=rnd.choice((0, 0, 15)),
            modes=modes,
            primary_therapist_id=rnd.choice((None, 1, 1)),
            preferred_from=rnd.choice((0, 600)),
        )
        earliest = self.days[rnd.choice((0, 1, 3))]
        return CourseRequest(
            protocol=self.protocol,
            patient=patient,
            earliest_day=earliest,
            latest_first_day=earliest + timedelta(days=4) if self.chance(0.3) else None,
            weekdays=frozenset(rnd.sample(range(7), 5)) if self.chance(0.3) else frozenset(range(7)),
            therapist_ids=frozenset({1}) if self.chance(0.2) else None,
            preparation_days=(self.days[0],) if self.chance(0.3) else (),
        )
