"""A closed day, or somebody away: every course it touches is decided, shown, applied and undone as one.

Courses are decided one after the other, each with what the ones before it take or give back, so that two of them never
reach for the same slot.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from planner.domain.access import Permission, Principal, require
from planner.domain.conflicts import Rule
from planner.domain.errors import FieldError, NotFound, StaleVersion
from planner.domain.intervals import minute_of
from planner.domain.walltime import local_day
from planner.scheduling.covering import Displaced
from planner.scheduling.sheets import ClinicSheet, CourseSheet
from planner.scheduling.together import CourseChange, decide_together
from planner.scheduling.withdrawals import (
    displaced_by_day,
    displaced_by_person,
    without_day,
    without_person,
)
from planner.services import auditing
from planner.services.applying import apply_decision
from planner.services.planning_horizon import check_planned_day
from planner.store.calendar_versions import bump
from planner.store.records import Absence, ChangeSet, Clinic, Closure, FeedScope, Person, PersonSite, Site
from planner.store.sheets import load_courses_touching

KIND_DAY = "day.close"
KIND_AWAY = "person.away"
ALREADY_CLOSED = "The site is already closed that day."
Choices = Mapping[int, Mapping[int, int]]
"""For a course id and a dose number, which way out a person chose."""


@dataclass(frozen=True, slots=True)
class CloseDay:
    """Close a site for a calendar day in its own zone."""

    site_id: int
    day: date
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Away:
    """A member of staff is away from one aware instant to another."""

    person_id: int
    starts_at: datetime
    ends_at: datetime
    reason: str = ""


Disruption = CloseDay | Away


@dataclass(frozen=True, slots=True)
class DisruptionPreview:
    """All that a disruption does, course by course, and the key to apply it by."""

    changes: tuple[CourseChange, ...]
    key: str

    @property
    def unsaved(self) -> int:
        """How many appointments could not be saved."""
        return sum(len(change.decision.unsaved) for change in self.changes)

    @property
    def count(self) -> int:
        """How many appointments change."""
        return sum(len(change.decision.lines) for change in self.changes)


def preview_disruption(
    db: Session, principal: Principal, act: Disruption, *, now: datetime, choices: Choices | None = None
) -> DisruptionPreview:
    """Decide what a closed day or an absence does, and write nothing.

    Raises NotFound for a site or person that is not the principal's, FieldError (`day`; `person`, `starts`, `ends`),
    Refused when something is pinned.
    """
    require(principal, Permission.ROSTERS_WRITE)
    parts = _displaced_parts(_touched(db, principal, act, now), act)
    for part in parts:
        _check_site(db, principal, part.course)
    changes = decide_together(parts, _kind(act), choices)
    done = tuple(change for change in changes if change.decision.lines)
    return DisruptionPreview(done, _key(done))


def apply_disruption(
    db: Session,
    principal: Principal,
    act: Disruption,
    *,
    key: str,
    now: datetime,
    choices: Choices | None = None,
    override_reasons: Mapping[Rule, str] | None = None,
) -> ChangeSet:
    """Write the closure or absence and every change that follows, in one transaction; undone as one.

    Raises StaleVersion when something changed since the preview, and what `preview_disruption` raises.
    """
    with db.begin_nested():
        found = preview_disruption(db, principal, act, now=now, choices=choices)
        if found.key != key:
            raise StaleVersion(0, 1, "The plan")
        minutes = db.get_one(Clinic, 1).undo_minutes
        group = _record(db, principal, act, now, minutes)
        for change in found.changes:
            made = apply_decision(
                db,
                principal,
                course_id=change.course.id,
                decision=change.decision,
                seen_versions={a.id: a.version for a in change.course.appointments},
                now=now,
                undo_minutes=minutes,
                override_reasons=override_reasons or {},
                reason=act.reason,
            )
            made.group_id = group.id
        db.flush()
    return group


def _check_site(db: Session, principal: Principal, course: CourseSheet) -> None:
    """Nobody changes appointments of a site that is not theirs, even when they know who is away there."""
    if course.clinic.site.id not in principal.site_ids:
        name = db.get_one(Site, course.clinic.site.id).name
        raise FieldError(
            "person", f"This person is also needed at {name} then. Somebody who coordinates both sites has to do this."
        )


def _kind(act: Disruption) -> str:
    return KIND_DAY if isinstance(act, CloseDay) else KIND_AWAY


def _record(db: Session, principal: Principal, act: Disruption, now: datetime, minutes: int) -> ChangeSet:
    """The closure or absence itself, its change set and its line of history."""
    kind = _kind(act)
    made: Closure | Absence
    if isinstance(act, CloseDay):
        made = Closure(site_id=act.site_id, day=act.day, reason=act.reason[:120])
    else:
        made = Absence(person_id=act.person_id, starts_at=act.starts_at, ends_at=act.ends_at, reason=act.reason[:120])
    group = ChangeSet(kind=kind, account_id=principal.account_id, at=now, undo_until=now + timedelta(minutes=minutes))
    db.add(made)
    try:
        with db.begin_nested():
            db.flush()
    except IntegrityError as error:
        if not isinstance(made, Closure):
            raise
        raise FieldError("day", ALREADY_CLOSED) from error
    db.add(group)
    db.flush()
    if isinstance(made, Absence):
        bump(db, [(FeedScope.THERAPIST, made.person_id)], now)
    auditing.record(
        db,
        principal,
        action=kind,
        object_type="closure" if isinstance(made, Closure) else "absence",
        object_id=made.id,
        now=now,
        change_set_id=group.id,
    )
    return group


def _touched(db: Session, principal: Principal, act: Disruption, now: datetime) -> tuple[CourseSheet, ...]:
    if isinstance(act, CloseDay):
        site = _own_site(db, principal, act.site_id)
        if act.day < local_day(now, site.zone):
            raise FieldError("day", "That day has passed.")
        check_planned_day(db, act.day, local_day(now, site.zone), field="day")
        if db.scalar(select(Closure.id).where(Closure.site_id == site.id, Closure.day == act.day)) is not None:
            raise FieldError("day", ALREADY_CLOSED)
        return load_courses_touching(db, act.day, act.day, now, site_id=site.id)
    if act.ends_at <= act.starts_at:
        raise FieldError("ends", "The absence ends before it starts.")
    if act.ends_at <= now:
        raise FieldError("ends", "That time has passed.")
    _check_planned(db, act, now)
    _own_person(db, principal, act.person_id)
    _check_not_away(db, act)
    first = (act.starts_at - timedelta(days=1)).date()
    last = (act.ends_at + timedelta(days=1)).date()
    courses = {c.id: c for c in load_courses_touching(db, first, last, now, person_id=act.person_id)}
    for site_id in db.scalars(select(PersonSite.site_id).where(PersonSite.person_id == act.person_id)):
        courses.update((c.id, c) for c in load_courses_touching(db, first, last, now, site_id=site_id))
    return tuple(courses[course_id] for course_id in sorted(courses))


def _check_planned(db: Session, act: Away, now: datetime) -> None:
    zone = db.get_one(Clinic, 1).zone
    for field, instant in (("starts", act.starts_at), ("ends", act.ends_at - timedelta(seconds=1))):
        check_planned_day(db, local_day(instant, zone), local_day(now, zone), field=field)


def _own_site(db: Session, principal: Principal, site_id: int) -> Site:
    site = db.get(Site, site_id) if site_id in principal.site_ids else None
    if site is None:
        raise NotFound
    return site


def _own_person(db: Session, principal: Principal, person_id: int) -> None:
    found = db.scalar(
        select(Person.id)
        .join(PersonSite, PersonSite.person_id == Person.id)
        .where(Person.id == person_id, PersonSite.site_id.in_(principal.site_ids))
    )
    if found is None:
        raise NotFound


def _check_not_away(db: Session, act: Away) -> None:
    known = select(Absence.id).where(
        Absence.person_id == act.person_id, Absence.starts_at <= act.starts_at, Absence.ends_at >= act.ends_at
    )
    if db.scalar(known.limit(1)) is not None:
        raise FieldError("starts", "This person is already away for all of that time.")


def _displaced_parts(courses: Iterable[CourseSheet], act: Disruption) -> list[Displaced]:
    """The courses that lose something, with the supply that is left to them."""
    bare = [(replace(course, clinic=_without(course.clinic, act)), course.clinic) for course in courses]
    parts = [Displaced(course, _displaced(course, act, before)) for course, before in bare]
    return [part for part in parts if part.ids]


def _without(clinic: ClinicSheet, act: Disruption) -> ClinicSheet:
    if isinstance(act, CloseDay):
        return without_day(clinic, act.day)
    return without_person(clinic, act.person_id, (minute_of(act.starts_at), minute_of(act.ends_at)))


def _displaced(course: CourseSheet, act: Disruption, before: ClinicSheet) -> frozenset[int]:
    if isinstance(act, CloseDay):
        return displaced_by_day(course, act.day)
    away = minute_of(act.starts_at), minute_of(act.ends_at)
    return displaced_by_person(course, act.person_id, away, before)


def _key(changes: Iterable[CourseChange]) -> str:
    told = [(c.course.id, sorted((a.id, a.version) for a in c.course.appointments), c.decision.lines) for c in changes]
    return hashlib.sha256(repr(told).encode()).hexdigest()[:32]
