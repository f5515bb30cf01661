"""Other times for one appointment of a chosen plan, with everything that follows; and why a time is not offered."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby

from planner.domain.conflicts import Conflict
from planner.domain.errors import FieldError, NotFound, Refused
from planner.domain.intervals import instant_of, minute_of
from planner.domain.statuses import AppointmentKind
from planner.domain.walltime import local_day
from planner.domain.windows import WindowStatus
from planner.scheduling.course_state import CourseView
from planner.scheduling.decisions import Decision, Line, LineKind
from planner.scheduling.drafting import adjusted, as_course
from planner.scheduling.moves import decide_move, decide_move_in
from planner.scheduling.offers import offer_times_in
from planner.scheduling.placements import CourseProposal, Placement
from planner.scheduling.refusals import session_conflicts, why_not
from planner.scheduling.sheets import BookedSheet
from planner.services.plan_dates import PlannedDate, every_choice, planned_dates
from planner.services.plan_loading import LoadedPlan, sentences_of

#: How far around its present day days without an offer say why, and how much of a day is offered.
DAYS_AROUND = 7
OFFERS_A_DAY = 3
SESSIONS_A_DAY = 6


@dataclass(frozen=True, slots=True)
class OfferedTime:
    """A time that can be had; `words` say what comes of it, `follows` is how many other appointments change."""

    value: str
    starts_at: datetime
    ends_at: datetime
    words: str
    follows: int
    changes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RefusedDay:
    """A day without an offered time and, at the present time of day, every rule that says no."""

    day: date
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class OtherTimes:
    """Where else one appointment of a plan could go. Days are local to the site in `zone`."""

    zone: str
    subject: PlannedDate
    offers: tuple[OfferedTime, ...]
    refused: tuple[RefusedDay, ...]


def other_times_for(loaded: LoadedPlan, proposal: CourseProposal, place: int) -> OtherTimes:
    """Offers for the appointment at `place` (from 1). Raises NotFound for a place that is none."""
    subject, at = _subject(loaded, proposal, place)
    if at.serves is not None and at.kind is AppointmentKind.INTEGRATION:
        offers = _session_offers(loaded, proposal, at)
        return OtherTimes(loaded.zone, subject, offers, ())
    view = CourseView(as_course(proposal, loaded.plan.clinic, loaded.plan.request, loaded.course_names))
    booked = view.course.appointments[place - 1]
    offers = tuple(_moved(loaded, view, booked))
    offered = {local_day(offer.starts_at, loaded.zone) for offer in offers}
    return OtherTimes(loaded.zone, subject, offers, tuple(_refused_days(view, booked, offered)))


def why_not_at(loaded: LoadedPlan, proposal: CourseProposal, place: int, start: datetime) -> tuple[str, ...]:
    """Every rule that keeps an appointment from starting at `start` (aware); empty when nothing does.

    Raises NotFound for a place that is none.
    """
    _subject(loaded, proposal, place)
    view = CourseView(as_course(proposal, loaded.plan.clinic, loaded.plan.request, loaded.course_names))
    booked = view.course.appointments[place - 1]
    if found := sentences_of(_conflicts(view, booked, minute_of(start))):
        return found
    try:
        decision = decide_move_in(view, booked.id, minute_of(start))
    except Refused as refusal:
        return sentences_of(refusal.conflicts)
    return (*sentences_of(decision.overrides), *(line.sentence for line in decision.unsaved))


def moved_plan(loaded: LoadedPlan, proposal: CourseProposal, place: int, start: int) -> tuple[CourseProposal, int]:
    """The plan with the appointment at `place` starting at UTC minute `start`, and how many others changed with it.

    Raises NotFound, and FieldError (`time`) with the rules in the way when it cannot be had (any more).
    """
    _subject(loaded, proposal, place)
    course = as_course(proposal, loaded.plan.clinic, loaded.plan.request)
    try:
        decision = decide_move(course, place, start)
    except Refused as refusal:
        raise FieldError("time", refusal.sentence) from refusal
    if decision.unsaved or decision.overrides:
        raise FieldError("time", "That time would break a rule of the clinic. Choose one of the times below.")
    changed = adjusted(proposal, loaded.plan.clinic, loaded.plan.request, decision)
    return changed, _follows(decision)


# -- offers ------------------------------------------------------------------------------------------------------------


def _subject(loaded: LoadedPlan, proposal: CourseProposal, place: int) -> tuple[PlannedDate, Placement]:
    if not 1 <= place <= len(proposal.placements):
        raise NotFound
    return planned_dates(loaded, proposal)[place - 1], proposal.placements[place - 1]


def _session_offers(loaded: LoadedPlan, proposal: CourseProposal, at: Placement) -> tuple[OfferedTime, ...]:
    """Every slot in the window, thinned to a few a day with the best kept; nothing else changes with them."""
    choices = every_choice(loaded, proposal, at.serves or 0)
    best = {choice.value for choice in choices[:SESSIONS_A_DAY]}
    ordered = sorted(choices, key=lambda choice: choice.starts_at)
    kept = []
    for _, group in groupby(ordered, key=lambda choice: local_day(choice.starts_at, loaded.zone)):
        day = list(group)
        step = max(len(day) // SESSIONS_A_DAY, 1)
        kept += [c for i, c in enumerate(day) if i % step == 0 or c.value in best]
    return tuple(OfferedTime(c.value, c.starts_at, c.ends_at, f"{c.who}, {c.where}. {c.words}", 0) for c in kept)


def _days_around(view: CourseView, booked: BookedSheet) -> Iterator[tuple[int, int]]:
    """First axis minute of each day around the present one, and of the next."""
    here, days = view.search.days.index(booked.start), view.search.days
    for index in range(max(here - DAYS_AROUND, 0), min(here + DAYS_AROUND + 1, days.count)):
        yield days.start(index) - view.origin, days.start(index + 1) - view.origin


def _conflicts(view: CourseView, booked: BookedSheet, start: int) -> tuple[Conflict, ...]:
    if booked.kind is AppointmentKind.INFUSION:
        return why_not(view, booked, start)
    minutes, supply = booked.end - booked.start, view.for_one(booked).search.supply
    return tuple(session_conflicts(supply, start - view.origin, minutes, None, view.course.names))


def _moved(loaded: LoadedPlan, view: CourseView, booked: BookedSheet) -> Iterator[OfferedTime]:
    for offer in offer_times_in(view, booked.id, a_day=OFFERS_A_DAY):
        follows = _follows(offer.decision)
        yield OfferedTime(
            value=str(offer.start),
            starts_at=instant_of(offer.start),
            ends_at=instant_of(offer.start + booked.end - booked.start),
            words=_offer_words(loaded, booked, offer.decision, follows),
            follows=follows,
            changes=tuple(line.sentence for line in _others(booked, offer.decision)),
        )


def _offer_words(loaded: LoadedPlan, booked: BookedSheet, decision: Decision, follows: int) -> str:
    told = {0: "Nothing else changes.", 1: "One other appointment follows."}.get(
        follows, f"{follows} other appointments follow."
    )
    own = next(
        (
            line.after
            for line in decision.lines
            if line.after is not None
            and line.after.kind is AppointmentKind.INTEGRATION
            and line.after.serves == booked.number
        ),
        None,
    )
    if booked.kind is not AppointmentKind.INFUSION or own is None:
        return told
    part = "in the preferred time" if own.window_status is WindowStatus.PEAK else "in the window"
    return f"{told} Its session: {loaded.say(own.start)}, {part}."


def _others(booked: BookedSheet, decision: Decision) -> list[Line]:
    return [
        line
        for line in decision.lines
        if line.kind is not LineKind.NOTED and (line.before is None or line.before.id != booked.id)
    ]


def _follows(decision: Decision) -> int:
    """How many appointments besides the moved one get another time."""
    return max(sum(line.changes_slot for line in decision.lines) - 1, 0)


def _refused_days(view: CourseView, booked: BookedSheet, offered: set[date]) -> Iterator[RefusedDay]:
    """Days around the present one on which nothing is offered, with the rules at the same time of day."""
    wall = view.search.days.wall_minute(booked.start)
    here = view.search.days.index(booked.start)
    for start, _ in _days_around(view, booked):
        index = view.search.days.index(start + view.origin)
        day = view.search.days.day(index)
        if index == here or day in offered or start + view.origin <= view.now:
            continue
        reasons = sentences_of(_conflicts(view, booked, start + wall + view.origin))
        yield RefusedDay(day, reasons or ("What depends on it would not fit any more.",))
