"""A plain clinic by hand: UTC, open round the clock, one of everything, no rule in the way but those a test sets.

Days count from Monday 1 February 2027. A visit takes 60 minutes and its dose ends after 40, a session takes 50. Dose
number n has id n, the session after it id 10 + n.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

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
from planner.domain.statuses import AppointmentKind, AppointmentStatus
from planner.domain.walltime import day_span
from planner.domain.windows import WindowRule
from planner.scheduling.course_state import CourseView, State, with_dose
from planner.scheduling.placing import place_visit
from planner.scheduling.search import CourseSearch
from planner.scheduling.sheets import (
    BookedSheet,
    ClinicSheet,
    CourseRequest,
    CourseSheet,
    PatientSheet,
    PersonSheet,
    ShiftSheet,
    SiteSheet,
    Span,
    ThingSheet,
)

ZONE = "UTC"
FIRST = date(2027, 2, 1)
DAYS = 28
VISIT, DOSE_END, SESSION = 60, 40, 50


def on(day: int, wall: str = "00:00") -> int:
    """The UTC minute at which clocks show `wall` (HH:MM) on a day."""
    hour, minute = map(int, wall.split(":"))
    return minute_of(day_span(FIRST, ZONE)[0]) + day * 1440 + hour * 60 + minute


ORIGIN = on(0)
ALWAYS: Span = (on(0), on(DAYS))


# -- protocols ---------------------------------------------------------------------------------------------------------


def window(**changes: Any) -> WindowRule:
    """Open from 12 to 72 hours after the dose, best from 18 to 48; a tail up to 168."""
    facts: dict[str, Any] = {
        "id": "plain",
        "opens_h": 12,
        "peak_start_h": 18,
        "peak_end_h": 48,
        "closes_h": 72,
        "tail_end_h": 168,
        "knots": ((12, 0.5), (18, 1.0), (48, 1.0), (72, 0.3), (168, 0.0)),
        "containment": "start_only",
        "ideal_offset_h": 24,
        "min_gap_before_next_dose_h": 0,
        "anchor": "dose_end",
        "source": "made up",
        "strength": "none",
    }
    return WindowRule(**(facts | changes))


def windowed(every: int = 1, **changes: Any) -> IntegrationPlan:
    return IntegrationPlan(IntegrationMode.WINDOWED, SESSION, every, window(**changes), 0, frozenset({"in_person"}))


def weekly(closes_days: int = 7) -> IntegrationPlan:
    return IntegrationPlan(IntegrationMode.WEEKLY, SESSION, 1, None, closes_days, frozenset({"in_person"}))


def rolling() -> IntegrationPlan:
    return IntegrationPlan(IntegrationMode.ROLLING, SESSION, 1, None, 0, frozenset({"in_person"}))


def no_sessions() -> IntegrationPlan:
    return IntegrationPlan(IntegrationMode.NONE, 0, 0, None, 0, frozenset())


def visit(*held: Holding, on_site: frozenset[Holding] = frozenset(), turnover: int = 0) -> Visit:
    """A visit that holds these (a chair if none is said), some of them `turnover` minutes longer than it lasts."""
    blocks = (Block("visit", "Visit", 0, VISIT + turnover, frozenset(held or {Holding.CHAIR}), on_site),)
    return Visit(blocks, 0, DOSE_END, VISIT)


def phase(key: str, **changes: Any) -> SessionPhase:
    """One required session of 50 minutes, 1 to 7 days away, best after 3."""
    facts: dict[str, Any] = {
        "sessions": 1,
        "recommended": 1,
        "minutes": SESSION,
        "min_days": 1,
        "max_days": 7,
        "target_days": 3,
        "required": True,
    }
    return SessionPhase(key, **(facts | changes))  # type: ignore[arg-type]


APART = Spacing(2, 3, 6, 7)


def protocol(doses: int = 3, spacing: Spacing = APART, per_week: int = 2, **changes: Any) -> Protocol:
    """Doses 2 to 7 days apart, each with a session in its window; nothing before or after them."""
    facts: dict[str, Any] = {
        "slug": "plain",
        "name": "Plain",
        "modality": "made_up",
        "summary": "",
        "enabled_by_default": True,
        "evidence_note": "",
        "visit": visit(),
        "preparation": None,
        "dose_phases": (DosePhase("induction", "Induction", doses, spacing, per_week, "firm"),),
        "consolidation": None,
        "integration": windowed(),
        "span": SpanRule(21, 28),
        "boosters": None,
        "provenance": {},
    }
    return Protocol(**(facts | changes))


# -- clinics -----------------------------------------------------------------------------------------------------------


def therapist(number: int, *hours: Span, **changes: Any) -> PersonSheet:
    """Works at the site at these hours, round the clock if none are said."""
    facts: dict[str, Any] = {"shifts": tuple(ShiftSheet(span, 1) for span in hours or (ALWAYS,))}
    return PersonSheet(number, 140 + number, **(facts | changes))


def nurse(number: int, *hours: Span, lanes: int = 1) -> PersonSheet:
    held = tuple(ThingSheet(lane, 200 + 10 * number + lane, 1) for lane in range(1, lanes + 1))
    return PersonSheet(number, 120 + number, tuple(ShiftSheet(span, 1) for span in hours or (ALWAYS,)), lanes=held)


def chair(number: int, *busy: Span, turnover: int = 0) -> ThingSheet:
    return ThingSheet(number, 100 + number, 1, busy, turnover)


def room(number: int, *busy: Span, turnover: int = 0) -> ThingSheet:
    return ThingSheet(number, 110 + number, 1, busy, turnover)


def clinic(**changes: Any) -> ClinicSheet:
    facts: dict[str, Any] = {
        "site": SiteSheet(1, ZONE, 30, 10, (ALWAYS,)),
        "first_day": FIRST,
        "last_day": FIRST + timedelta(days=DAYS - 1),
        "now": on(0),
        "chairs": (chair(1),),
        "rooms": (room(1), room(2)),
        "nurses": (nurse(1),),
        "therapists": (therapist(1),),
    }
    return ClinicSheet(**(facts | changes))


def to_the_minute(supply: ClinicSheet) -> ClinicSheet:
    """The clinic with visits and sessions starting at any minute."""
    return replace(supply, site=replace(supply.site, visit_grid=1, therapy_grid=1))


def patient(**changes: Any) -> PatientSheet:
    return PatientSheet(**({"id": 1, "holdable_id": 151, "primary_therapist_id": 1} | changes))


def request(plan: Protocol | None = None, **changes: Any) -> CourseRequest:
    facts: dict[str, Any] = {"protocol": plan or protocol(), "patient": patient(), "earliest_day": FIRST}
    return CourseRequest(**(facts | changes))


def search(plan: Protocol | None = None, supply: ClinicSheet | None = None, **changes: Any) -> CourseSearch:
    return CourseSearch(supply or clinic(), request(plan, **changes))


# -- courses -----------------------------------------------------------------------------------------------------------


def booked(key: int, kind: AppointmentKind, start: int, minutes: int = SESSION, **changes: Any) -> BookedSheet:
    facts: dict[str, Any] = {
        "phase": "induction",
        "number": 1,
        "start": start,
        "end": start + minutes,
        "status": AppointmentStatus.BOOKED,
        "therapist_id": 1,
    }
    return BookedSheet(key, kind, **(facts | changes))


def dose(number: int, start: int, **changes: Any) -> BookedSheet:
    facts = {"number": number, "therapist_id": None, "chair_id": 1} | changes
    return booked(number, AppointmentKind.INFUSION, start, VISIT, **facts)


def session(number: int, start: int, **changes: Any) -> BookedSheet:
    facts = {"number": number, "serves_id": number} | changes
    return booked(10 + number, AppointmentKind.INTEGRATION, start, **facts)


def preparation(start: int, **changes: Any) -> BookedSheet:
    return booked(20, AppointmentKind.PREPARATION, start, **({"phase": "preparation"} | changes))


def consolidation(start: int, **changes: Any) -> BookedSheet:
    return booked(30, AppointmentKind.CONSOLIDATION, start, **({"phase": "consolidation"} | changes))


def course(
    *appointments: BookedSheet, plan: Protocol | None = None, supply: ClinicSheet | None = None, **changes: Any
) -> CourseSheet:
    return CourseSheet(1, request(plan, **changes), supply or clinic(), appointments)


def view(
    *appointments: BookedSheet, plan: Protocol | None = None, supply: ClinicSheet | None = None, **changes: Any
) -> CourseView:
    return CourseView(course(*appointments, plan=plan, supply=supply, **changes))


def moved(look: CourseView, number: int, start: int) -> State:
    """The course with one dose at another UTC minute, before anything follows."""
    at, before = start - look.origin, look.state().doses[number - 1].before
    placement = place_visit(look.search.supply, look.search.protocol, at, number=number, phase="induction")
    return with_dose(look.state(), number - 1, look.dose_at(placement, before))
