"""One site's supply as a sheet: hours, chairs, rooms, staff, and what holds them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import literal, or_, select, union_all
from sqlalchemy.orm import Session

from planner.domain.access import Role
from planner.domain.errors import NotFound
from planner.domain.intervals import instant_of, minute_of
from planner.domain.walltime import day_span
from planner.scheduling.sheets import ClinicSheet, PersonSheet, ShiftSheet, SiteSheet, Span, ThingSheet
from planner.store.records import (
    Absence,
    Chair,
    Closure,
    Holdable,
    NurseLane,
    OpeningHours,
    Person,
    PersonRole,
    PersonSite,
    Room,
    Shift,
    Site,
)
from planner.store.sheets.busy import Busy, load_busy
from planner.store.sheets.day_sessions import load_sessions
from planner.store.sheets.minutes import MinuteDown, MinuteUp, cut, days_between, packed, unpacked, wall_span

CLINICAL_ROLES = (Role.NURSE, Role.PRESCRIBER, Role.THERAPIST)


@dataclass(frozen=True, slots=True)
class _Staff:
    """One member of staff as read: where they are held, and their spare minutes after each appointment."""

    id: int
    holdable_id: int
    turnover: int
    most_sessions: int | None


def load_clinic(
    db: Session,
    site_id: int,
    first_day: date,
    last_day: date,
    now: datetime,
    *,
    without_course_id: int | None = None,
    without_hold_id: int | None = None,
) -> ClinicSheet:
    """The supply of a site from `first_day` to `last_day` (local days, both included). Ten queries, and one
    more where a therapist has a limit of sessions a day.

    Staff are those of the site, and anybody with a shift there or a telehealth shift in the time; all their shifts
    are on the sheet, those at other sites too. What `without_course_id` has booked and the promise
    `without_hold_id` count as free. Raises NotFound for an unknown site.
    """
    site = db.execute(
        select(Site.zone, Site.visit_grid_minutes, Site.therapy_grid_minutes).where(Site.id == site_id)
    ).one_or_none()
    if site is None:
        raise NotFound
    span = (minute_of(day_span(first_day, site.zone)[0]), minute_of(day_span(last_day, site.zone)[1]))
    opening = _open_spans(db, site_id, site.zone, first_day, last_day)
    chairs, rooms = _things(db, Chair, site_id), _things(db, Room, site_id)
    roles = _staff_by_role(db, site_id, span)
    lanes = _lanes(db, site_id, [nurse.id for nurse in roles[Role.NURSE]])
    people = {person.id: person for role in CLINICAL_ROLES for person in roles[role]}
    shifts, away = _shifts(db, people, span)
    held = [thing.holdable_id for things in (chairs, rooms, *lanes.values()) for thing in things]
    held += [person.holdable_id for person in people.values()]
    busy = load_busy(db, held, span, now, without_course_id=without_course_id, without_hold_id=without_hold_id)

    limited = [person.id for person in roles[Role.THERAPIST] if person.most_sessions is not None]
    sessions = load_sessions(
        db, limited, span, now, without_course_id=without_course_id, without_hold_id=without_hold_id
    )

    def person_sheet(person: _Staff, *, with_lanes: bool) -> PersonSheet:
        return PersonSheet(
            id=person.id,
            holdable_id=person.holdable_id,
            shifts=shifts.get(person.id, ()),
            busy=tuple(busy.get(person.holdable_id, ())),
            turnover=person.turnover,
            lanes=_with_busy(lanes.get(person.id, ()), busy) if with_lanes else (),
            away=tuple(sorted(away.get(person.id, ()))),
            most_sessions=person.most_sessions,
            sessions=sessions.get(person.id, ()),
        )

    return ClinicSheet(
        site=SiteSheet(site_id, site.zone, site.visit_grid_minutes, site.therapy_grid_minutes, opening),
        first_day=first_day,
        last_day=last_day,
        now=minute_of(now),
        chairs=_with_busy(chairs, busy),
        rooms=_with_busy(rooms, busy),
        nurses=tuple(person_sheet(person, with_lanes=True) for person in roles[Role.NURSE]),
        prescribers=tuple(person_sheet(person, with_lanes=False) for person in roles[Role.PRESCRIBER]),
        therapists=tuple(person_sheet(person, with_lanes=False) for person in roles[Role.THERAPIST]),
    )


def _open_spans(db: Session, site_id: int, zone: str, first_day: date, last_day: date) -> tuple[Span, ...]:
    by_weekday: dict[int, list[Span]] = defaultdict(list)
    hours = select(OpeningHours.weekday, OpeningHours.opens_minute, OpeningHours.closes_minute)
    for weekday, opens, closes in db.execute(hours.where(OpeningHours.site_id == site_id)):
        by_weekday[weekday].append((opens, closes))
    closed = set(
        db.scalars(
            select(Closure.day).where(Closure.site_id == site_id, Closure.day >= first_day, Closure.day <= last_day)
        )
    )
    spans = [
        wall_span(day, opens, closes, zone)
        for day in days_between(first_day, last_day)
        if day not in closed
        for opens, closes in sorted(by_weekday[day.weekday()])
    ]
    return tuple(span for span in spans if span is not None)


def _things(db: Session, kind: type[Chair] | type[Room], site_id: int) -> list[ThingSheet]:
    query = (
        select(kind.id, kind.holdable_id, Holdable.turnover_minutes)
        .join(Holdable, Holdable.id == kind.holdable_id)
        .where(kind.site_id == site_id, kind.active)
        .order_by(kind.id)
    )
    return [ThingSheet(id_, holdable_id, site_id, turnover=minutes) for id_, holdable_id, minutes in db.execute(query)]


def _staff_by_role(db: Session, site_id: int, span: Span) -> dict[Role, list[_Staff]]:
    at_site = select(PersonSite.person_id).where(PersonSite.site_id == site_id)
    on_shift = select(Shift.person_id).where(
        or_(Shift.site_id == site_id, Shift.site_id.is_(None)),
        Shift.starts_at < instant_of(span[1]),
        Shift.ends_at > instant_of(span[0]),
        ~Shift.on_call,
    )
    query = (
        select(PersonRole.role, Person.id, Person.holdable_id, Holdable.turnover_minutes, Person.most_sessions_a_day)
        .join(Person, Person.id == PersonRole.person_id)
        .join(Holdable, Holdable.id == Person.holdable_id)
        .where(Person.active, PersonRole.role.in_(CLINICAL_ROLES))
        .where(or_(Person.id.in_(at_site), Person.id.in_(on_shift)))
        .order_by(Person.id)
    )
    roles: dict[Role, list[_Staff]] = {role: [] for role in CLINICAL_ROLES}
    for role, id_, holdable_id, minutes, most in db.execute(query):
        roles[role].append(_Staff(id_, holdable_id, minutes, most))
    return roles


def _lanes(db: Session, site_id: int, nurse_ids: list[int]) -> dict[int, list[ThingSheet]]:
    query = (
        select(NurseLane.person_id, NurseLane.id, NurseLane.holdable_id, Holdable.turnover_minutes)
        .join(Holdable, Holdable.id == NurseLane.holdable_id)
        .where(NurseLane.person_id.in_(nurse_ids))
        .order_by(NurseLane.person_id, NurseLane.number)
    )
    lanes: dict[int, list[ThingSheet]] = defaultdict(list)
    for person_id, id_, holdable_id, minutes in db.execute(query):
        lanes[person_id].append(ThingSheet(id_, holdable_id, site_id, turnover=minutes))
    return lanes


def _shifts(
    db: Session, people: Iterable[int], span: Span
) -> tuple[dict[int, tuple[ShiftSheet, ...]], dict[int, list[Span]]]:
    """Each person's shifts that reach into `span`, absences and breaks cut out, and the absences. Two queries.

    Who is only on call is not there: such shifts are left out.
    """
    ids, start, end = sorted(people), instant_of(span[0]), instant_of(span[1])
    away: dict[int, list[Span]] = defaultdict(list)
    breaks: dict[int, list[Span]] = defaultdict(list)
    absences = select(
        Absence.person_id, MinuteDown(Absence.starts_at), MinuteUp(Absence.ends_at), literal(False)
    ).where(Absence.person_id.in_(ids), Absence.starts_at < end, Absence.ends_at > start)
    pauses = select(
        Shift.person_id, MinuteDown(Shift.break_starts_at), MinuteUp(Shift.break_ends_at), literal(True)
    ).where(Shift.person_id.in_(ids), Shift.break_starts_at < end, Shift.break_ends_at > start)
    for person_id, starts, ends, is_break in db.execute(union_all(absences, pauses)):
        (breaks if is_break else away)[person_id].append((starts, ends))
    shifts: dict[int, list[ShiftSheet]] = defaultdict(list)
    query = (
        select(Shift.person_id, Shift.site_id, packed(MinuteUp(Shift.starts_at), MinuteDown(Shift.ends_at)))
        .where(Shift.person_id.in_(ids), Shift.starts_at < end, Shift.ends_at > start, ~Shift.on_call)
        .group_by(Shift.person_id, Shift.site_id)
    )
    for person_id, site_id, spans in db.execute(query):
        pieces = cut(unpacked(spans), [*away.get(person_id, ()), *breaks.get(person_id, ())])
        shifts[person_id] += [ShiftSheet(piece, site_id) for piece in pieces]
    by_person = {person_id: tuple(sorted(sheets, key=lambda sheet: sheet.span)) for person_id, sheets in shifts.items()}
    return by_person, away


def _with_busy(things: Iterable[ThingSheet], busy: Busy) -> tuple[ThingSheet, ...]:
    return tuple(
        ThingSheet(
            thing.id,
            thing.holdable_id,
            thing.site_id,
            tuple(busy.get(thing.holdable_id, ())),
            thing.turnover,
        )
        for thing in things
    )
