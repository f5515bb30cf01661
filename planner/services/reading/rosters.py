"""A site's week as its roster shows it: who works, who is away, when it is open. Who is booked is not in it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from planner.domain.access import Permission, Principal, Role, may
from planner.domain.errors import NotFound
from planner.domain.rosters import instants_of
from planner.domain.walltime import day_span, local_day
from planner.services.roster_drafts import Draft
from planner.store.queries import clinic, rosters
from planner.store.queries.clinic import SiteRow
from planner.store.records import OpeningHours, Person, PersonRole, PersonSite

DAYS_A_WEEK = 7


@dataclass(frozen=True, slots=True)
class ShiftFacts:
    """One shift (aware instants); `is_remote` is telehealth from anywhere.

    `elsewhere` names the other site whose roster keeps it; `row_id` is its row in the draft, where it is drafted.
    """

    starts_at: datetime
    ends_at: datetime
    is_remote: bool
    on_call: bool = False
    pause: tuple[datetime, datetime] | None = None
    elsewhere: str = ""
    row_id: int | None = None


@dataclass(frozen=True, slots=True)
class AwayFacts:
    """One absence's part of a day (aware instants); the reason is empty for who may not read it."""

    starts_at: datetime
    ends_at: datetime
    is_all_day: bool
    reason: str


@dataclass(frozen=True, slots=True)
class PersonDay:
    """One member of staff on one day."""

    shifts: tuple[ShiftFacts, ...] = ()
    away: tuple[AwayFacts, ...] = ()


@dataclass(frozen=True, slots=True)
class PersonWeek:
    """One member of staff, day by day."""

    id: int
    name: str
    roles: tuple[Role, ...]
    days: tuple[PersonDay, ...]

    @property
    def is_empty(self) -> bool:
        """Whether nothing is known of their week."""
        return not any(day.shifts or day.away for day in self.days)


@dataclass(frozen=True, slots=True)
class SiteDay:
    """When a site is open on a local day (minutes from midnight); `closed` is the reason of a closure, None without."""

    day: date
    hours: tuple[tuple[int, int], ...]
    closed: str | None


@dataclass(frozen=True, slots=True)
class RosterWeek:
    """A site's week. Days on which nothing is known at all at the end of the week are left out."""

    site: SiteRow
    days: tuple[SiteDay, ...]
    people: tuple[PersonWeek, ...]
    chairs: tuple[str, ...]
    rooms: tuple[str, ...]

    @property
    def has_shifts(self) -> bool:
        """Whether anybody works by this roster."""
        return any(not shift.elsewhere for person in self.people for day in person.days for shift in day.shifts)


def own_site(db: Session, principal: Principal, site_id: int | None) -> tuple[SiteRow, tuple[SiteRow, ...]]:
    """The chosen site (without a choice the first by name) and all of the principal's. Raises NotFound."""
    own = tuple(clinic.sites(db, principal.site_ids))
    chosen = next((site for site in own if site_id in (None, site.id)), None)
    if chosen is None:
        raise NotFound
    return chosen, own


def roster_week(
    db: Session, principal: Principal, site: SiteRow, monday: date, draft: Draft | None = None
) -> RosterWeek:
    """The week that starts on `monday` (a local day of the site), as published or with the shifts of its draft.

    Eight queries, however many rows.
    """
    sunday = monday + timedelta(days=DAYS_A_WEEK - 1)
    days = [monday + timedelta(days=offset) for offset in range(DAYS_A_WEEK)]
    rows = rosters.shifts(db, site.id, monday, sunday, site.zone, elsewhere_only=draft is not None)
    absences = rosters.absences(db, site.id, monday, sunday, site.zone)
    hours = _hours(db, site.id)
    closed = clinic.closures(db, site.id, monday, sunday)
    found = {person.id: person for person in staff_of(db, site.id)}
    shifts = _by_person_and_day(db, rows, site, draft)
    away = _away_by_person(absences, days, site.zone, may(principal, Permission.ROSTERS_WRITE))
    names = {p.id: p.name for p in found.values()} | _names(db, rows, absences, draft, found)
    people = tuple(
        PersonWeek(
            person_id,
            name,
            found[person_id].roles if person_id in found else (),
            tuple(PersonDay(tuple(shifts[person_id, day]), tuple(away[person_id, day])) for day in days),
        )
        for person_id, name in sorted(names.items(), key=lambda pair: (pair[1].casefold(), pair[0]))
    )
    site_days = tuple(SiteDay(day, tuple(hours[day.weekday()]), closed.get(day)) for day in days)
    shown = DAYS_A_WEEK if draft is not None else _shown_days(site_days, people)
    return RosterWeek(
        site,
        site_days[:shown],
        tuple(PersonWeek(p.id, p.name, p.roles, p.days[:shown]) for p in people),
        tuple(chair.name for chair in clinic.chairs(db, [site.id])),
        tuple(room.name for room in clinic.rooms(db, [site.id])),
    )


def _names(
    db: Session,
    rows: Iterable[rosters.ShiftRow],
    absences: Iterable[rosters.AbsenceRow],
    draft: Draft | None,
    found: Mapping[int, StaffRow],
) -> dict[int, str]:
    """Who is in the week and no longer among the staff."""
    told = {row.person_id: row.person_name for row in rows} | {row.person_id: row.person_name for row in absences}
    others = {shift.person_id for shift in draft.shifts} - told.keys() - found.keys() if draft is not None else set()
    if others:
        told |= {row.id: row.name for row in db.execute(select(Person.id, Person.name).where(Person.id.in_(others)))}
    return told


DayKey = tuple[int, date]


def _by_person_and_day(
    db: Session, rows: Iterable[rosters.ShiftRow], site: SiteRow, draft: Draft | None
) -> dict[DayKey, list[ShiftFacts]]:
    """Shifts whole, on the local day on which they begin, in order of time; drafted ones in place of this roster's."""
    names = {row.id: row.name for row in clinic.sites(db)}
    found: dict[DayKey, list[ShiftFacts]] = defaultdict(list)
    for row in rows:
        is_own = row.roster_site_id == site.id
        pause = (row.break_starts_at, row.break_ends_at) if row.break_starts_at and row.break_ends_at else None
        elsewhere = "" if is_own or row.site_id == site.id else names.get(row.roster_site_id, "another site")
        facts = ShiftFacts(row.starts_at, row.ends_at, row.site_id is None, row.on_call, pause, elsewhere)
        found[row.person_id, local_day(row.starts_at, site.zone)].append(facts)
    for row_id, shift in draft.rows if draft is not None else ():
        when = instants_of(shift, site.zone)
        rest = (when.break_starts_at, when.break_ends_at) if when.break_starts_at and when.break_ends_at else None
        drafted = ShiftFacts(when.starts_at, when.ends_at, shift.is_remote, shift.on_call, rest, "", row_id)
        found[shift.person_id, shift.day].append(drafted)
    for facts_of_day in found.values():
        facts_of_day.sort(key=lambda facts: (facts.starts_at, facts.ends_at))
    return found


def _shown_days(days: tuple[SiteDay, ...], people: tuple[PersonWeek, ...]) -> int:
    """How many days of the week to show: a weekend on which nothing happens is left out."""
    last = 5
    for at, day in enumerate(days):
        if day.hours or day.closed is not None or any(p.days[at].shifts or p.days[at].away for p in people):
            last = max(last, at + 1)
    return last


@dataclass(frozen=True, slots=True)
class StaffRow:
    """One active member of staff of a site with their clinical roles."""

    id: int
    name: str
    roles: tuple[Role, ...]


def staff_of(db: Session, site_id: int) -> tuple[StaffRow, ...]:
    """Everybody who is on the roster of a site, by name. One query."""
    query = (
        select(Person.id, Person.name, PersonRole.role)
        .join(PersonSite, PersonSite.person_id == Person.id)
        .join(PersonRole, PersonRole.person_id == Person.id)
        .where(Person.active, PersonSite.site_id == site_id)
        .where(PersonRole.role.in_((Role.PRESCRIBER, Role.NURSE, Role.THERAPIST)))
        .order_by(Person.name, Person.id, PersonRole.role)
    )
    names: dict[int, str] = {}
    roles: dict[int, list[Role]] = defaultdict(list)
    for person_id, name, role in db.execute(query):
        names[person_id] = name
        roles[person_id].append(role)
    return tuple(StaffRow(person_id, name, tuple(roles[person_id])) for person_id, name in names.items())


def _hours(db: Session, site_id: int) -> dict[int, list[tuple[int, int]]]:
    query = (
        select(OpeningHours.weekday, OpeningHours.opens_minute, OpeningHours.closes_minute)
        .where(OpeningHours.site_id == site_id)
        .order_by(OpeningHours.weekday, OpeningHours.opens_minute)
    )
    hours: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for weekday, opens, closes in db.execute(query):
        hours[weekday].append((opens, closes))
    return hours


def _away_by_person(
    rows: Iterable[rosters.AbsenceRow], days: Iterable[date], zone: str, reads_reasons: bool
) -> dict[DayKey, list[AwayFacts]]:
    """The parts of absences that lie on each local day."""
    spans = [(day, *day_span(day, zone)) for day in days]
    found: dict[DayKey, list[AwayFacts]] = defaultdict(list)
    for row in rows:
        for day, start, end in spans:
            if row.starts_at < end and start < row.ends_at:
                is_all_day = row.starts_at <= start and end <= row.ends_at
                part = max(row.starts_at, start), min(row.ends_at, end)
                found[row.person_id, day].append(AwayFacts(*part, is_all_day, row.reason if reads_reasons else ""))
    return found
