"""Acts that change existing courses: preview what follows, then apply exactly that.

A preview carries a key of all it would do. Applying decides again from what is stored by then; when that differs from
what was previewed, nothing is written and the newer preview is shown (409).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy.orm import Session

from planner.domain.access import Permission, Principal, require
from planner.domain.conflicts import Conflict, Rule
from planner.domain.errors import FieldError, NotFound, Refused, StaleVersion
from planner.domain.intervals import instant_of, minute_of
from planner.domain.statuses import AppointmentKind, AppointmentStatus
from planner.domain.walltime import local_day
from planner.scheduling.decisions import Decision, LineKind
from planner.scheduling.exceptions import EXCEPTIONAL
from planner.scheduling.moves import Follow, decide_dose_end, decide_lost, decide_move
from planner.scheduling.offers import A_DAY, Offer, Suits, any_decision, offer_times, offers_near
from planner.scheduling.setting_aside import what_to_set_aside
from planner.scheduling.sheets import BookedSheet, CourseSheet
from planner.services.applying import apply_decision
from planner.services.others import with_others
from planner.store.queries.scopes import the_one, visible_appointments
from planner.store.records import Appointment, ChangeSet, Clinic
from planner.store.sheets import load_course


@dataclass(frozen=True, slots=True)
class Move:
    """Move one appointment to an aware instant; chair and therapist stay if they are free and none is named.

    `overrides` are rules to be set aside for it, and `beside` the appointments (ids) that may hold the same people.
    """

    appointment_id: int
    start: datetime
    chair_id: int | None = None
    therapist_id: int | None = None
    overrides: frozenset[Rule] = frozenset()
    beside: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Lose:
    """Cancel an appointment or mark it a no-show; `follow` says what becomes of a lost dose."""

    appointment_id: int
    status: AppointmentStatus
    follow: Follow = "slide"
    reason: str = ""


@dataclass(frozen=True, slots=True)
class EndDose:
    """Record when a dose really began and ended (aware instants)."""

    appointment_id: int
    dose_started_at: datetime
    dose_ended_at: datetime


Act = Move | Lose | EndDose


@dataclass(frozen=True, slots=True)
class Preview:
    """What an act would do to its course, with the course it was decided from and the key to apply it by."""

    course: CourseSheet
    decision: Decision
    key: str
    choices: Mapping[int, int] = field(default_factory=dict)

    @property
    def booked(self) -> dict[int, BookedSheet]:
        """The course's appointments by id, as they are now."""
        return {appointment.id: appointment for appointment in self.course.appointments}

    @property
    def count(self) -> int:
        """How many appointments change."""
        return sum(line.kind is not LineKind.NOTED for line in self.decision.lines)


def preview(
    db: Session, principal: Principal, act: Act, *, now: datetime, choices: Mapping[int, int] | None = None
) -> Preview:
    """Decide an act and write nothing. Raises Refused with every rule in the way, NotFound, FieldError.

    NotPermitted for a move off hours or over another appointment by somebody who may not set rules aside.
    """
    course = _course_to_change(db, principal, act, now)
    if isinstance(act, Move) and act.overrides & EXCEPTIONAL:
        require(principal, Permission.OVERRIDE_RULE)
        course = with_others(db, principal, course, minute_of(act.start), now)
    decision = _decide(course, act, choices or {}, now)
    return Preview(course, decision, preview_key(course, decision), dict(choices or {}))


def to_set_aside(db: Session, principal: Principal, act: Move, *, now: datetime) -> tuple[Conflict, ...]:
    """Every rule that a move breaks and that somebody may set aside with a reason; writes nothing.

    Raises Refused with those that nobody may, NotFound.
    """
    course = _course_to_change(db, principal, act, now)
    course = with_others(db, principal, course, minute_of(act.start), now)
    return what_to_set_aside(
        course, act.appointment_id, minute_of(act.start), chair_id=act.chair_id, therapist_id=act.therapist_id
    )


def apply(
    db: Session,
    principal: Principal,
    act: Act,
    *,
    key: str,
    now: datetime,
    choices: Mapping[int, int] | None = None,
    override_reasons: Mapping[Rule, str] | None = None,
) -> ChangeSet:
    """Apply an act as it was previewed under `key`, in one transaction, undoable as one.

    Raises StaleVersion when the course has changed since the preview, and whatever `preview` raises; FieldError
    (`reason`) and NotPermitted for overrides.
    """
    return apply_previewed(
        db,
        principal,
        preview(db, principal, act, now=now, choices=choices),
        key=key,
        now=now,
        override_reasons=override_reasons,
        reason=act.reason if isinstance(act, Lose) else "",
        dose_started_at=act.dose_started_at if isinstance(act, EndDose) else None,
    )


def apply_previewed(
    db: Session,
    principal: Principal,
    again: Preview,
    *,
    key: str,
    now: datetime,
    override_reasons: Mapping[Rule, str] | None = None,
    reason: str = "",
    dose_started_at: datetime | None = None,
) -> ChangeSet:
    """Write what was decided `again` if it is what a person was shown under `key`; else raise StaleVersion."""
    if again.key != key:
        raise StaleVersion(0, 1, "This course")
    return apply_decision(
        db,
        principal,
        course_id=again.course.id,
        decision=again.decision,
        seen_versions={appointment.id: appointment.version for appointment in again.course.appointments},
        now=now,
        undo_minutes=db.get_one(Clinic, 1).undo_minutes,
        override_reasons=override_reasons or {},
        reason=reason,
        dose_started_at=dose_started_at,
    )


def offers(
    db: Session,
    principal: Principal,
    appointment_id: int,
    *,
    now: datetime,
    a_day: int = A_DAY,
    suits: Suits = any_decision,
) -> tuple[Offer, ...]:
    """Times this appointment could move to with everything that follows still whole, at most `a_day` of each day and
    only such as `suits`. Raises NotFound."""
    course = _course_of(db, principal, appointment_id, now)
    return () if course is None else offer_times(course, appointment_id, a_day=a_day, suits=suits)


def nearest_offers(
    db: Session, principal: Principal, appointment_id: int, wanted: datetime, *, now: datetime, most: int
) -> tuple[Offer, ...]:
    """The `most` times nearest to `wanted` (aware) that this appointment could move to. Raises NotFound."""
    course = _course_of(db, principal, appointment_id, now)
    return () if course is None else offers_near(course, appointment_id, minute_of(wanted), most=most)


def _course_of(db: Session, principal: Principal, appointment_id: int, now: datetime) -> CourseSheet | None:
    appointment = the_one(db, visible_appointments(principal), Appointment.id == appointment_id)
    return None if appointment.course_id is None else load_course(db, appointment.course_id, now)


def _course_to_change(db: Session, principal: Principal, act: Act, now: datetime) -> CourseSheet:
    found = _changeable(db, principal, act)
    if found.course_id is None:
        raise NotFound
    return load_course(db, found.course_id, now)


def _changeable(db: Session, principal: Principal, act: Act) -> Appointment:
    """The appointment, if the principal may do this to it; otherwise it is not there for them."""
    scope = visible_appointments(principal)
    found: Appointment = the_one(db, scope, Appointment.id == act.appointment_id)
    infusion = found.kind is AppointmentKind.INFUSION
    if principal.patient_id is not None:
        needed = Permission.OWN_DATES_CHANGE
    elif isinstance(act, EndDose):
        needed = Permission.INFUSIONS_STATUS
    else:
        needed = Permission.INFUSIONS_CHANGE if infusion else Permission.INTEGRATION_CHANGE
    return the_one(db, visible_appointments(principal, needed), Appointment.id == act.appointment_id)


def _decide(course: CourseSheet, act: Act, choices: Mapping[int, int], now: datetime) -> Decision:
    if isinstance(act, Move):
        return decide_move(
            course,
            act.appointment_id,
            minute_of(act.start),
            chair_id=act.chair_id,
            therapist_id=act.therapist_id,
            overrides=act.overrides,
            beside=act.beside,
            choices=choices,
        )
    if isinstance(act, Lose):
        return decide_lost(course, act.appointment_id, act.status, follow=act.follow, choices=choices)
    _check_dose(course, act, now)
    return decide_dose_end(course, act.appointment_id, minute_of(act.dose_ended_at), choices)


def _check_dose(course: CourseSheet, act: EndDose, now: datetime) -> None:
    if act.dose_ended_at <= act.dose_started_at:
        raise FieldError("dose_end", "A dose ends after it starts.")
    if act.dose_ended_at > now:
        raise FieldError("dose_end", "That is in the future. Record the end when the dose has ended.")
    booked = next((a for a in course.appointments if a.id == act.appointment_id), None)
    if booked is None:
        raise Refused([Conflict(Rule.STATUS, "This dose is not part of the course any more.")])
    zone = course.clinic.site.zone
    days = {local_day(instant_of(minute), zone) for minute in (booked.start, booked.end)}
    for name, instant in (("dose_start", act.dose_started_at), ("dose_end", act.dose_ended_at)):
        if local_day(instant, zone) not in days:
            raise FieldError(name, "That is not the day of the visit. Check the date.")


def preview_key(course: CourseSheet, decision: Decision) -> str:
    """A digest of every line and of the versions it was decided from."""
    versions = sorted((appointment.id, appointment.version) for appointment in course.appointments)
    told = repr((course.id, versions, decision.kind, decision.lines, decision.overrides))
    return hashlib.sha256(told.encode()).hexdigest()[:32]
