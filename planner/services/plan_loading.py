"""A plan being made with everything its pages need: supply, wishes as answered, names, windows after each dose."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property

from sqlalchemy import select
from sqlalchemy.orm import Session

from planner.domain.access import Principal
from planner.domain.conflicts import Conflict
from planner.domain.intervals import instant_of, minute_of
from planner.domain.protocols import Protocol
from planner.domain.statuses import AppointmentKind, Mode
from planner.domain.walltime import day_span, local_day
from planner.domain.windows import Window
from planner.scheduling.day_limits import above_limits
from planner.scheduling.links import anchor_minutes
from planner.scheduling.placements import CourseProposal, Placement
from planner.scheduling.proposals import course_exists
from planner.scheduling.sheets import ClinicSheet, PersonSheet, Span
from planner.scheduling.wording import at_wall
from planner.services.plan_answers import Answers
from planner.services.planning import Plan, plan_for
from planner.store.queries.drafts import Names, names
from planner.store.records import Clinic, Site

WEEKEND = frozenset({5, 6})
DAY_NAMES = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


@dataclass(frozen=True)
class LoadedPlan:
    """Answers, the plan made from them, and names. Instants are aware, days local to the site in `zone`.

    `now` is the UTC minute of the reading; the plan's own clock is a little ahead, so that nothing is planned to begin
    while people still read.
    """

    answers: Answers
    plan: Plan
    names: Names
    now: int

    @property
    def zone(self) -> str:
        """The site's time zone."""
        return self.plan.clinic.site.zone

    @property
    def protocol(self) -> Protocol:
        """The protocol of the plan."""
        return self.plan.request.protocol

    def windows(self, proposal: CourseProposal) -> dict[int, Window]:
        """The clinic's window after each dose that has one, cut short by the next; by dose number."""
        rule = self.protocol.integration.window
        if rule is None:
            return {}
        doses = proposal.of_kind(AppointmentKind.INFUSION)
        following = [instant_of(dose.start) for dose in doses[1:]]
        anchor = anchor_minutes(self.protocol)
        return {
            dose.number: Window(instant_of(dose.start + anchor), rule, after)
            for dose, after in zip(doses, [*following, None], strict=True)
        }

    def preferred_time_lost(self, window: Window) -> str | None:
        """Why nobody could hold a session in the preferred part of a window: “falls on the weekend”; None if they
        could, as far as rosters go."""
        start, end = minute_of(window.peak_starts_at), minute_of(window.peak_ends_at)
        if window.must_end_by is not None:
            end = min(end, minute_of(window.must_end_by))
        if end <= start:
            return "lies after the next infusion"
        if any(_meet(start, end, shift) for shift in self._shifts):
            return None
        days = {local_day(instant_of(minute), self.zone) for minute in (*range(start, end, 60), end - 1)}
        if all(day.weekday() in WEEKEND for day in days):
            return "falls on the weekend"
        if not any(_meet(start, end, span) for span in self.plan.clinic.site.open):
            return "falls on days when the clinic is closed"
        return "falls on hours when no therapist of this plan works"

    @property
    def course_names(self) -> dict[int, str]:
        """What to call the therapists, by holdable id."""
        people = self.plan.clinic.therapists
        return {person.holdable_id: self.names.people[person.id] for person in people if person.id in self.names.people}

    @cached_property
    def _shifts(self) -> tuple[Span, ...]:
        allowed = self.plan.request.therapist_ids
        return tuple(
            shift.span
            for therapist in self.plan.clinic.therapists
            if allowed is None or therapist.id in allowed
            for shift in therapist.shifts
        )

    @cached_property
    def usual_weekdays(self) -> dict[int, frozenset[int]]:
        """The weekdays on which each therapist works in at least half of the weeks that are known."""
        weeks = max(((self.plan.clinic.last_day - self.plan.clinic.first_day).days + 1) // 7, 1)
        return {therapist.id: self._usual(therapist, weeks) for therapist in self.plan.clinic.therapists}

    def _usual(self, therapist: PersonSheet, weeks: int) -> frozenset[int]:
        days = {local_day(instant_of(shift.span[0]), self.zone) for shift in therapist.shifts}
        counts = [sum(day.weekday() == weekday for day in days) for weekday in range(7)]
        return frozenset(weekday for weekday, count in enumerate(counts) if 2 * count >= weeks)

    def who(self, placement: Placement) -> str:
        """The therapist or, at a dosing visit, the nurse."""
        person = placement.therapist_id or placement.nurse_id
        return self.names.people.get(person, "") if person is not None else ""

    def where(self, placement: Placement) -> str:
        """“Chair 2”, “Room 1”, “by video”, or nothing."""
        if placement.chair_id is not None:
            return self.names.chairs.get(placement.chair_id, "")
        if placement.mode is Mode.TELEHEALTH:
            return "by video"
        return self.names.rooms.get(placement.room_id, "") if placement.room_id is not None else ""

    def say(self, minute: int) -> str:
        """A UTC minute as “Tue 2 Feb 11:00” on the site's clock."""
        return at_wall(minute, self.zone)

    def name_of(self, placement: Placement) -> str:
        """“Infusion 3”, “Integration after infusion 3”, “Preparation”."""
        if placement.kind is AppointmentKind.INFUSION:
            return f"Infusion {placement.number}"
        if placement.serves is not None:
            return f"Integration after infusion {placement.serves}"
        first = placement.number == 1
        return f"{placement.kind.value.capitalize()}{'' if first else f' {placement.number}'}"

    def taken(self, proposal: CourseProposal) -> tuple[Placement, ...]:
        """The placements that lie in the past, for which somebody or something is held otherwise by now, or by which
        somebody's day would be above its limit."""
        busy, above = busy_spans(self.plan), above_limits(self.plan.clinic, proposal.placements)
        return tuple(
            placement
            for placement in proposal.placements
            if placement.start < self.now
            or placement in above
            or any(_meet(start, end, span) for held, start, end in placement.holds for span in busy.get(held, ()))
        )


def load_plan(
    db: Session, principal: Principal, answers: Answers, now: datetime, hold_id: int | None = None
) -> LoadedPlan:
    """The plan of a draft's answers, in a number of queries that does not grow. What `hold_id` keeps counts as free.

    Raises NotFound, and FieldError at `latest_first_day` when that day has passed.
    """
    site = db.get_one(Site, answers.site_id)
    plan = plan_for(
        db,
        principal,
        patient_id=answers.patient_id,
        protocol_version_id=answers.protocol_version_id,
        site_id=answers.site_id,
        wishes=answers.wishes(local_day(now, site.zone)),
        now=now,
        primary_therapist_id=answers.therapist_id,
        without_hold_id=hold_id,
    )
    reading = db.scalars(select(Clinic.hold_minutes)).one()
    answered = answered_plan(plan, answers)
    soon = _not_before(answered, minute_of(now) + reading)
    return LoadedPlan(answers, _unhurried(answered, now) or soon, names(db, answers.site_id), minute_of(now))


def _unhurried(plan: Plan, now: datetime) -> Plan | None:
    """The plan with nothing today, so that people can be told; None when today is asked for, or needed."""
    zone = plan.clinic.site.zone
    today = local_day(now, zone)
    if (plan.request.earliest_day - today).days < 2:
        return None
    tomorrow = _not_before(plan, minute_of(day_span(today, zone)[1]))
    return tomorrow if course_exists(tomorrow.clinic, tomorrow.request) else None


def _not_before(plan: Plan, minute: int) -> Plan:
    return Plan(replace(plan.clinic, now=minute), plan.request)


def answered_plan(plan: Plan, answers: Answers) -> Plan:
    """The plan with the patient as answered, where that differs from their record."""
    patient = replace(
        plan.request.patient,
        primary_therapist_id=answers.therapist_id,
        modes=answers.modes,
        preferred_from=answers.preferred[0],
        preferred_to=answers.preferred[1],
    )
    return Plan(plan.clinic, replace(plan.request, patient=patient))


def busy_spans(plan: Plan) -> dict[int, tuple[Span, ...]]:
    """What holds everybody and everything of a plan, by holdable id."""
    clinic: ClinicSheet = plan.clinic
    found = {thing.holdable_id: thing.busy for thing in (*clinic.chairs, *clinic.rooms)}
    found |= {lane.holdable_id: lane.busy for nurse in clinic.nurses for lane in nurse.lanes}
    people: Iterable[PersonSheet] = (*clinic.nurses, *clinic.prescribers, *clinic.therapists)
    found |= {person.holdable_id: person.busy for person in people}
    return found | {plan.request.patient.holdable_id: plan.request.patient.busy}


def sentences_of(conflicts: Sequence[Conflict]) -> tuple[str, ...]:
    """Each sentence once, in order."""
    return tuple(dict.fromkeys(conflict.sentence for conflict in conflicts))


def _meet(start: int, end: int, span: Span) -> bool:
    return start < span[1] and span[0] < end
