"""A site's week as its roster shows it: who works, who is away, when it is open. Who is booked is not in it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from planner.domain.access import Permission, Principal, Role, may
from planner.domain.errors import NotFound
from planner.domain.walltime import day_span, local_day
from planner.store.queries import clinic, rosters
from planner.store.queries.clinic import SiteRow
from planner.store.records import OpeningHours, Person, PersonRole, PersonSite

DAYS_A_WEEK = 7


@dataclass(frozen=True, slots=True)
class ShiftFacts:
    """One shift's part of a day (aware instants); `is_remote` is telehealth from anywhere."""

    starts_at: datetime
    ends_at: datetime
    is_remote: bool


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
        """Whether anybody works."""
        return any(day.shifts for person in self.people for day in person.days)


def own_site(db: Session, principal: Principal, site_id: int | None) -> tuple[SiteRow, tuple[SiteRow, ...]]:
    """The chosen site (without a choice the first by name) and all of the principal's. Raises NotFound."""
    own = tuple(clinic.sites(db, principal.site_ids))
    chosen = next((site for site in own if site_id in (None, site.id)), None)
    if chosen is None:
        raise NotFound
    return chosen, own


def roster_week(db: Session, principal: Principal, site: SiteRow, monday: date) -> RosterWeek:
    """The week that starts on `monday` (a local day of the site). Seven queries, however many rows."""
    sunday = monday + timedelta(days=DAYS_A_WEEK - 1)
    days = [monday + timedelta(days=offset) for offset in range(DAYS_A_WEEK)]
    shifts = rosters.shifts(db, site.id, monday, sunday, site.zone)
    absences = rosters.absences(db, site.id, monday, sunday, site.zone)
    hours = _hours(db, site.id)
    closed = clinic.closures(db, site.id, monday, sunday)
    found = {person.id: person for person in staff_of(db, site.id)}
    working = {s.person_id: s.person_name for s in shifts} | {a.person_id: a.person_name for a in absences}
    reads_reasons = may(principal, Permission.ROSTERS_WRITE)
    people = tuple(
        PersonWeek(
            person_id,
            name,
            found[person_id].roles if person_id in found else (),
            tuple(
                PersonDay(
                    _shifts_on((s for s in shifts if s.person_id == person_id), day, site.zone),
                    _away_on((a for a in absences if a.person_id == person_id), day, site.zone, reads_reasons),
                )
                for day in days
            ),
        )
        for person_id, name in sorted(
            ({p.id: p.name for p in found.values()} | working).items(), key=lambda pair: (pair[1].casefold(), pair[0])
        )
    )
    site_days = tuple(SiteDay(day, tuple(hours[day.weekday()]), closed.get(day)) for day in days)
    shown = _shown_days(site_days, people)
    return RosterWeek(
        site,
        site_days[:shown],
        tuple(PersonWeek(p.id, p.name, p.roles, p.days[:shown]) for p in people),
        tuple(chair.name for chair in clinic.chairs(db, [site.id])),
        tuple(room.name for room in clinic.rooms(db, [site.id])),
    )


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


def _shifts_on(rows: Iterable[rosters.ShiftRow], day: date, zone: str) -> tuple[ShiftFacts, ...]:
    """Shifts that begin on a local day of the site, whole, in order of time."""
    return tuple(
        ShiftFacts(row.starts_at, row.ends_at, row.site_id is None)
        for row in rows
        if local_day(row.starts_at, zone) == day
    )


def _away_on(rows: Iterable[rosters.AbsenceRow], day: date, zone: str, reads_reasons: bool) -> tuple[AwayFacts, ...]:
    """The parts of absences that lie on a local day."""
    start, end = day_span(day, zone)
    return tuple(
        AwayFacts(
            max(row.starts_at, start),
            min(row.ends_at, end),
            row.starts_at <= start and end <= row.ends_at,
            row.reason if reads_reasons else "",
        )
        for row in rows
        if row.starts_at < end and start < row.ends_at
    )
