"""Whether an act on days or on somebody's time may be done, and what it takes out of the supply of which courses."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from planner.domain.access import Principal, Role
from planner.domain.conflicts import Conflict, Rule
from planner.domain.errors import FieldError, NotFound, Refused, StaleVersion
from planner.domain.intervals import Interval, minute_of, subtract
from planner.domain.walltime import day_and_year, day_span, local_day, to_wall
from planner.scheduling.covering import Displaced
from planner.scheduling.sheets import ClinicSheet, CourseSheet, PersonSheet, ShiftSheet
from planner.scheduling.withdrawals import displaced_by_day, displaced_by_person, without_day, without_person
from planner.services.disruption_acts import Away, ChangeAbsence, CloseDay, CloseDays, Disruption, Leave, days_of
from planner.services.planning_horizon import check_planned_day, last_planned_day
from planner.store.records import Absence, Clinic, Closure, Person, PersonRole, PersonSite, Shift, Site
from planner.store.sheets import load_courses_touching

ALREADY_CLOSED = "The site is already closed that day."
A_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Effect:
    """What an act takes away: a site's days, or a person's time. `left` is a prescriber who is on no sheet any more.

    With `only_sites` the courses of other sites are left to those who coordinate them.
    """

    site_id: int = 0
    days: tuple[date, ...] = ()
    person_id: int = 0
    spans: tuple[Interval, ...] = ()
    left: PersonSheet | None = None
    only_sites: frozenset[int] | None = None


def effect_of(db: Session, principal: Principal, act: Disruption, now: datetime) -> Effect:
    """Check an act and say what it takes away.

    Raises NotFound for a site, person or absence that is not the principal's, FieldError (`day`; `person`, `starts`,
    `ends`), StaleVersion for an absence that is no longer what was seen.
    """
    if isinstance(act, CloseDay | CloseDays):
        return _closing(db, principal, act, now)
    if isinstance(act, Leave):
        return _leaving(db, principal, act, now)
    if isinstance(act, ChangeAbsence):
        return _changing(db, principal, act, now)
    _check_span(db, act, now)
    own_person(db, principal, act.person_id)
    _check_not_away(db, act)
    return Effect(person_id=act.person_id, spans=(Interval(act.starts_at, act.ends_at),))


def displaced_parts(db: Session, effect: Effect, now: datetime) -> list[Displaced]:
    """The running courses that lose something by it, with the supply that is left to them."""
    bare = [
        (replace(course, clinic=_without(course.clinic, effect)), course.clinic) for course in _touched(db, effect, now)
    ]
    parts = [Displaced(course, _displaced(course, effect, before)) for course, before in bare]
    return [part for part in parts if part.ids]


def mark_of(absence: Absence) -> str:
    """What an absence says, as a short mark that changes when any of it does."""
    told = (absence.person_id, absence.starts_at.isoformat(), absence.ends_at.isoformat(), absence.reason)
    return hashlib.sha256(repr(told).encode()).hexdigest()[:16]


def own_site(db: Session, principal: Principal, site_id: int) -> Site:
    """A site the principal coordinates. Raises NotFound."""
    site = db.get(Site, site_id) if site_id in principal.site_ids else None
    if site is None:
        raise NotFound
    return site


def own_person(db: Session, principal: Principal, person_id: int) -> None:
    """Raise NotFound for somebody who works at none of the principal's sites."""
    found = db.scalar(
        select(Person.id)
        .join(PersonSite, PersonSite.person_id == Person.id)
        .where(Person.id == person_id, PersonSite.site_id.in_(principal.site_ids))
    )
    if found is None:
        raise NotFound


def own_absence(db: Session, principal: Principal, absence_id: int, *, seen: str = "", lock: bool = False) -> Absence:
    """An absence of somebody at the principal's sites, locked to change it. Raises NotFound, StaleVersion when it is
    not as `seen`."""
    absence = db.get(Absence, absence_id, populate_existing=True, with_for_update=lock or None)
    if absence is None:
        raise NotFound
    own_person(db, principal, absence.person_id)
    if seen and seen != mark_of(absence):
        raise StaleVersion(0, 1, "The absence")
    return absence


def own_closure(db: Session, principal: Principal, closure_id: int) -> tuple[Closure, Site]:
    """A closed day of one of the principal's sites, locked to change it. Raises NotFound."""
    closure = db.get(Closure, closure_id, populate_existing=True, with_for_update=True)
    if closure is None:
        raise NotFound
    return closure, own_site(db, principal, closure.site_id)


def days_to_close(db: Session, site_id: int, first: date, last: date) -> tuple[date, ...]:
    """The days from first to last that are not closed yet."""
    known = set(db.scalars(select(Closure.day).where(Closure.site_id == site_id, Closure.day.between(first, last))))
    every = (first + timedelta(days=offset) for offset in range((last - first).days + 1))
    return tuple(day for day in every if day not in known)


# -- what may be done --------------------------------------------------------------------------------------------------


def _closing(db: Session, principal: Principal, act: CloseDay | CloseDays, now: datetime) -> Effect:
    site = own_site(db, principal, act.site_id)
    days = tuple(day for day, _ in days_of(act))
    if not days:
        raise FieldError("day", ALREADY_CLOSED)
    today = local_day(now, site.zone)
    if min(days) < today:
        raise FieldError("day", "That day has passed.")
    check_planned_day(db, max(days), today, field="day")
    if db.scalar(select(Closure.id).where(Closure.site_id == site.id, Closure.day.in_(days)).limit(1)) is not None:
        raise FieldError("day", ALREADY_CLOSED)
    return Effect(site_id=site.id, days=days)


def _check_span(db: Session, act: Away | ChangeAbsence, now: datetime) -> None:
    if act.ends_at <= act.starts_at:
        raise FieldError("ends", "The absence ends before it starts.")
    if act.ends_at <= now and isinstance(act, Away):
        raise FieldError("ends", "That time has passed.")
    zone = db.get_one(Clinic, 1).zone
    for field, instant in (("starts", act.starts_at), ("ends", act.ends_at - timedelta(seconds=1))):
        check_planned_day(db, local_day(instant, zone), local_day(now, zone), field=field)


def _check_not_away(db: Session, act: Away, besides: int | None = None) -> None:
    """Nobody is put away twice: whoever wants another time changes the absence that is there."""
    known = select(Absence).where(
        Absence.person_id == act.person_id, Absence.starts_at < act.ends_at, Absence.ends_at > act.starts_at
    )
    for other in db.scalars(known.where(Absence.id != (besides or 0)).order_by(Absence.starts_at)):
        if other.starts_at <= act.starts_at and act.ends_at <= other.ends_at:
            raise FieldError("starts", "This person is already away for all of that time.")
        if not act.may_overlap:
            zone = db.get_one(Clinic, 1).zone
            span = f"{_moment(other.starts_at, zone)} to {_moment(other.ends_at, zone)}"
            raise FieldError("starts", f"This person is already away from {span}. Change that absence instead.")


def _moment(instant: datetime, zone: str) -> str:
    return f"{day_and_year(local_day(instant, zone))} {to_wall(instant, zone):%H:%M}"


def _changing(db: Session, principal: Principal, act: ChangeAbsence, now: datetime) -> Effect:
    absence = own_absence(db, principal, act.absence_id, seen=act.seen)
    if absence.ends_at <= now:
        raise FieldError("ends", "This absence is over; it stays as it was.")
    _check_span(db, act, now)
    if absence.starts_at <= now and act.starts_at != absence.starts_at:
        raise FieldError("starts", "This absence has begun; only its end can change.")
    if act.ends_at <= now and act.ends_at.replace(second=0, microsecond=0) < now.replace(second=0, microsecond=0):
        raise FieldError("ends", "That time has passed. Enter an end from now on.")
    _check_not_away(db, Away(absence.person_id, act.starts_at, act.ends_at), absence.id)
    known = Interval(absence.starts_at, absence.ends_at)
    more = subtract([Interval(act.starts_at, act.ends_at)], [known])
    return Effect(person_id=absence.person_id, spans=tuple(more))


def _leaving(db: Session, principal: Principal, act: Leave, now: datetime) -> Effect:
    own_person(db, principal, act.person_id)
    person = db.get_one(Person, act.person_id)
    if person.active:
        sentence = f"{person.name} still works here. Put them away for a time instead."
        raise Refused([Conflict(Rule.STATUS, sentence)])
    zone = db.get_one(Clinic, 1).zone
    end = day_span(last_planned_day(db, local_day(now, zone)), zone)[1]
    prescribes = _prescribes(db, act.person_id)
    left = _as_sheet(db, person, now) if prescribes else None
    return Effect(person_id=person.id, spans=(Interval(now, end),), left=left, only_sites=principal.site_ids)


def _prescribes(db: Session, person_id: int) -> bool:
    return db.get(PersonRole, (person_id, Role.PRESCRIBER)) is not None


def _as_sheet(db: Session, person: Person, now: datetime) -> PersonSheet:
    """Somebody who left, with the shifts that are still on the roster."""
    query = select(Shift.starts_at, Shift.ends_at, Shift.site_id).where(
        Shift.person_id == person.id, Shift.ends_at > now, ~Shift.on_call
    )
    shifts = [ShiftSheet((minute_of(start), minute_of(end)), site_id) for start, end, site_id in db.execute(query)]
    return PersonSheet(person.id, person.holdable_id, tuple(shifts))


# -- what it takes away ------------------------------------------------------------------------------------------------


def _touched(db: Session, effect: Effect, now: datetime) -> tuple[CourseSheet, ...]:
    if effect.days:
        return load_courses_touching(db, min(effect.days), max(effect.days), now, site_id=effect.site_id)
    if not effect.spans:
        return ()
    first = (min(span.start for span in effect.spans) - A_DAY).date()
    last = (max(span.end for span in effect.spans) + A_DAY).date()
    courses = {c.id: c for c in load_courses_touching(db, first, last, now, person_id=effect.person_id)}
    if _prescribes(db, effect.person_id):
        for site_id in db.scalars(select(PersonSite.site_id).where(PersonSite.person_id == effect.person_id)):
            courses.update((c.id, c) for c in load_courses_touching(db, first, last, now, site_id=site_id))
    found = (courses[course_id] for course_id in sorted(courses))
    return tuple(c for c in found if effect.only_sites is None or c.clinic.site.id in effect.only_sites)


def _minutes(spans: Iterable[Interval]) -> list[tuple[int, int]]:
    return [(minute_of(span.start), minute_of(span.end)) for span in spans]


def _without(clinic: ClinicSheet, effect: Effect) -> ClinicSheet:
    for day in effect.days:
        clinic = without_day(clinic, day)
    for span in _minutes(effect.spans):
        clinic = without_person(clinic, effect.person_id, span)
    return clinic


def _displaced(course: CourseSheet, effect: Effect, before: ClinicSheet) -> frozenset[int]:
    if effect.left is not None:
        before = replace(before, prescribers=(*before.prescribers, effect.left))
    found: frozenset[int] = frozenset()
    for day in effect.days:
        found |= displaced_by_day(course, day)
    for span in _minutes(effect.spans):
        found |= displaced_by_person(course, effect.person_id, span, before)
    return found
