"""What Today shows to each role, already decided."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from flask import url_for
from sqlalchemy.orm import Session

from planner.domain.access import Permission, Principal, Role, may
from planner.domain.protocols import Holding
from planner.domain.statuses import AppointmentStatus, may_become
from planner.domain.walltime import local_day
from planner.services.reading.days import FreeTime, Need, TherapistDay, therapist_at_work, visits_by_site
from planner.services.reading.windows import WindowReading, readings_by_dose
from planner.store.queries.accounts import the_clinic
from planner.store.queries.appointments import AppointmentRow
from planner.store.queries.clinic import SiteRow, sites
from planner.store.queries.courses import drafts
from planner.store.queries.cover import reassign_counts
from planner.store.queries.day import ChairDay, Shown, ToDo, ToDoKind, chairs_day, next_day_booked, site_day, to_do
from planner.store.queries.unstaffed import unstaffed
from planner.web.courses.pages import address_of, may_mark, title_of, where_of
from planner.web.filters import day_words, hours_after, short_day_words, staff_day, staff_time

TO_DO_WORDS = {
    ToDoKind.NO_SESSION: "has no integration session",
    ToDoKind.DISPLACED: "serves no infusion any more",
    ToDoKind.OUTSIDE_WINDOW: "lies outside its window",
}
#: What is missing at an infusion, on Today.
LACKS_WORDS = {
    Holding.PRESCRIBER: "without a prescriber on shift",
    Holding.NURSE: "without their nurse on shift",
    Holding.THERAPIST: "without their therapist on shift",
}
LAST_STEP = 5


@dataclass(frozen=True, slots=True)
class Task:
    """One line of what somebody has to see to."""

    code: str
    what: str
    when: str
    url: str
    words: str


@dataclass(frozen=True, slots=True)
class DayRow:
    """One appointment of a day's list."""

    row: AppointmentRow
    title: str
    where: str
    after: str
    url: str
    arrive_url: str | None


@dataclass(frozen=True, slots=True)
class SiteList:
    """The day of one site."""

    site: SiteRow
    rows: tuple[DayRow, ...]
    expected: int


@dataclass(frozen=True, slots=True)
class ChairLine:
    """One chair: who is in it or next, what is due, and the way there."""

    chair: str
    site_name: str
    zone: str
    visits: tuple[DayRow, ...]
    status: str
    due: str
    act: tuple[str, str] | None


@dataclass(frozen=True, slots=True)
class FreeLine:
    """A free stretch of a therapist's shift, and who could use it."""

    starts_at: datetime
    ends_at: datetime
    needs: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class TodayPage:
    """One day. Parts that a role does not have are None."""

    day: date
    heading: str
    is_today: bool
    zone: str
    previous: tuple[str, str]
    next: tuple[str, str]
    today_url: str | None
    next_booked: tuple[str, str] | None = None
    tasks: tuple[Task, ...] | None = None
    site_lists: tuple[SiteList, ...] | None = None
    chairs: tuple[ChairLine, ...] | None = None
    own: tuple[DayRow, ...] | None = None
    needs: tuple[Task, ...] = ()
    free: tuple[FreeLine, ...] = ()
    counts: tuple[tuple[str, int], ...] | None = None
    may_plan: bool = False
    several_sites: bool = False
    lead: str = field(default="")


def home_zone(db: Session, principal: Principal) -> tuple[str, list[SiteRow]]:
    """The zone in which this person's day is read, and their sites."""
    own = sites(db, principal.site_ids) if principal.site_ids else []
    if own:
        return own[0].zone, own
    clinic = the_clinic(db)
    return (clinic.zone if clinic else "UTC"), []


def today_page(
    db: Session, principal: Principal, own_sites: Sequence[SiteRow], zone: str, day: date, now: datetime
) -> TodayPage:
    """The day for every role this person has."""
    is_today = day == local_day(now, zone)
    coordinates = principal.is_any(Role.COORDINATOR)
    watches = principal.is_any(Role.NURSE, Role.PRESCRIBER)
    treats = principal.is_any(Role.THERAPIST) and principal.person_id is not None
    lists = tuple(_site_list(db, principal, site, day, now) for site in own_sites) if coordinates else None
    mine = therapist_at_work(db, principal, day, zone, now) if treats else None
    tasks = tuple(_tasks(db, principal, now)) if coordinates else None
    chairs = _chairs(db, principal, own_sites, day, zone, now) if watches else None
    shown = Shown.ALL if coordinates else Shown.IN_CHAIRS if watches else Shown.OWN if treats else None
    busy = any(
        (
            any(found.rows for found in lists or ()),
            any(chair.visits for chair in chairs or ()),
            mine is not None and mine.sessions,
        )
    )
    return TodayPage(
        day=day,
        heading="Today" if is_today else day_words(day),
        is_today=is_today,
        zone=zone,
        previous=_link(day - timedelta(days=1)),
        next=_link(day + timedelta(days=1)),
        today_url=None if is_today else url_for("today.today"),
        next_booked=None if busy or shown is None else _next_booked(db, principal, day, zone, shown),
        tasks=tasks,
        site_lists=lists,
        chairs=chairs,
        own=tuple(_day_row(principal, row, now, mine.windows) for row in mine.sessions) if mine else None,
        needs=tuple(_need(principal, need) for need in mine.needs) if mine else (),
        free=tuple(_free(principal, free) for free in mine.free) if mine else (),
        counts=tuple(visits_by_site(db, day)) if not (coordinates or watches or treats) else None,
        may_plan=may(principal, Permission.COURSES_PLAN) and bool(own_sites),
        several_sites=len(own_sites) > 1,
        lead=_lead(day, is_today, tasks, lists, mine),
    )


def _link(day: date) -> tuple[str, str]:
    return url_for("today.today", day=day.isoformat()), short_day_words(day)


def _next_booked(db: Session, principal: Principal, day: date, zone: str, shown: Shown) -> tuple[str, str] | None:
    """The way to the next day on which there is something to do."""
    booked = next_day_booked(db, principal, day, zone, shown)
    return None if booked is None else (url_for("today.today", day=booked.isoformat()), day_words(booked))


def _lead(
    day: date,
    is_today: bool,
    tasks: tuple[Task, ...] | None,
    lists: tuple[SiteList, ...] | None,
    mine: TherapistDay | None,
) -> str:
    parts = [day_words(day)] if is_today else []
    if tasks is not None:
        parts.append(_counted(len(tasks), "thing", "to see to"))
    if lists is not None:
        parts.append(_counted(sum(len(found.rows) for found in lists), "appointment", ""))
    if mine is not None:
        held = [row for row in mine.sessions if row.status is not AppointmentStatus.CANCELLED]
        parts.append(_counted(len(held), "session", "of yours"))
    return ". ".join(parts) + "." if parts else ""


def _counted(number: int, noun: str, rest: str) -> str:
    if not number and noun == "thing":
        return "Nothing to see to"
    counted = f"{number or 'No'} {noun}{'' if number == 1 else 's'}"
    return f"{counted} {rest}".strip()


# Coordinators


def _tasks(db: Session, principal: Principal, now: datetime) -> list[Task]:
    found = [_task(principal, item) for item in to_do(db, principal, now)]
    for site_id, count in reassign_counts(db, principal, now).items():
        what = f"{_counted(count, 'appointment', '')} with people or places that are gone"
        found.append(Task("Find cover", what, "", url_for("rosters.reassign", site=site_id), "See them"))
    found += _unstaffed_tasks(db, principal, now)
    for draft in drafts(db, principal):
        whose = draft.patient_code or "a patient not chosen yet"
        step = f"stopped at step {draft.step} of {LAST_STEP}"
        found.append(Task(whose, "A plan to finish", step, f"/courses/new/{draft.id}", "Go on"))
    return found


def _unstaffed_tasks(db: Session, principal: Principal, now: datetime) -> Iterator[Task]:
    """For each site and each role, the infusions that nobody is on shift for; the first of them says when."""
    by_site: dict[tuple[int, str], list[AppointmentRow]] = {}
    for one in unstaffed(db, principal, now):
        for role in one.lacks:
            by_site.setdefault((one.row.site_id, LACKS_WORDS[role]), []).append(one.row)
    for (site_id, words), rows in by_site.items():
        first = rows[0]
        when = f"{staff_day(first.starts_at, first.zone)} {staff_time(first.starts_at, first.zone)}"
        place = f" at {first.site_name}" if len(principal.site_ids) > 1 else ""
        what = f"{_counted(len(rows), 'infusion', '')} {words}{place}"
        url = url_for("rosters.reassign", site=site_id, _anchor="unstaffed")
        found = when if len(rows) == 1 else f"from {when}"
        yield Task("Find cover", what, found, url, "See them")


def _task(principal: Principal, item: ToDo) -> Task:
    row = item.appointment
    when = f"{staff_day(row.starts_at, row.zone)} {staff_time(row.starts_at, row.zone)}"
    if item.kind is ToDoKind.NO_SESSION and may(principal, Permission.INFUSIONS_CHANGE):
        url, words = address_of(row, "rebook"), "See the ways out"
    else:
        url, words = address_of(row), "Open"
    return Task(row.patient_code, f"{title_of(row)} {TO_DO_WORDS[item.kind]}", when, url, words)


def _site_list(db: Session, principal: Principal, site: SiteRow, day: date, now: datetime) -> SiteList:
    rows = [
        row for row in site_day(db, principal, site.id, day, site.zone) if row.status is not AppointmentStatus.PROPOSED
    ]
    shown = tuple(_day_row(principal, row, now, {}) for row in rows)
    return SiteList(site, shown, sum(row.status is AppointmentStatus.BOOKED for row in rows))


def _day_row(principal: Principal, row: AppointmentRow, now: datetime, windows: dict[int, WindowReading]) -> DayRow:
    reading = windows.get(row.serves_id or 0)
    after = ""
    if reading is not None:
        after = ", ".join(filter(None, (hours_after(row.starts_at, reading.dose_end), reading.status_words(row))))
    here = may_become(row.status, AppointmentStatus.ARRIVED) and row.starts_at - now < timedelta(hours=12)
    near = here and now - row.ends_at < timedelta(hours=12) and row.course_id is not None
    return DayRow(
        row=row,
        title=title_of(row),
        where=where_of(row),
        after=after,
        url=address_of(row),
        arrive_url=address_of(row, "arrive") if near and may_mark(principal, row) else None,
    )


# Nurses and prescribers


def _chairs(
    db: Session, principal: Principal, own_sites: Sequence[SiteRow], day: date, zone: str, now: datetime
) -> tuple[ChairLine, ...]:
    found = chairs_day(db, principal, day, zone)
    courses = {row.course_id for chair in found for row in chair.appointments if row.course_id is not None}
    windows = readings_by_dose(db, courses)
    zones = {site.id: site.zone for site in own_sites}
    lines = [_chair(principal, chair, zones.get(chair.site_id, zone), windows, now) for chair in found]
    return tuple(line for _, line in sorted(lines, key=lambda pair: pair[0]))


def _chair(
    principal: Principal, chair: ChairDay, zone: str, windows: dict[int, WindowReading], now: datetime
) -> tuple[tuple[float, str], ChairLine]:
    """A line, and where it sorts: what is due first stands first, empty chairs last."""
    visits = tuple(_day_row(principal, row, now, {}) for row in chair.appointments)
    current = next((v for v in visits if v.row.ends_at > now and v.row.status is not AppointmentStatus.FULFILLED), None)
    status, due, due_at, act = "Free", "Nothing more this day", None, None
    if current is not None:
        status, due, due_at = _phase(current.row, windows.get(current.row.id), zone, now)
        act = _next_act(principal, current, now)
    line = ChairLine(chair.chair_name, chair.site_name, zone, visits, status, due, act)
    return (due_at.timestamp() if due_at else float("inf"), chair.chair_name), line


def _phase(row: AppointmentRow, reading: WindowReading | None, zone: str, now: datetime) -> tuple[str, str, datetime]:
    """What a visit is at, what is due next, and when."""
    if row.status is AppointmentStatus.BOOKED:
        at = staff_time(row.starts_at, zone)
        late = row.starts_at <= now
        return f"{row.patient_code} {'was expected' if late else 'is expected'}", f"Check-in {at}", row.starts_at
    if row.dose_ended_at is not None or reading is None:
        return f"{row.patient_code} is resting", f"Leaves {staff_time(row.ends_at, zone)}", row.ends_at
    end = reading.dose_end
    return f"{row.patient_code} is here", f"Dose planned to end {staff_time(end, zone)}", end


def _next_act(principal: Principal, visit: DayRow, now: datetime) -> tuple[str, str] | None:
    row = visit.row
    if not may_mark(principal, row):
        return None
    if row.status is AppointmentStatus.ARRIVED and row.starts_at <= now and row.dose_ended_at is None:
        return address_of(row, "dose"), "Record the dose"
    return None


# Therapists


def _need(principal: Principal, need: Need) -> Task:
    dose = need.reading.dose
    told = f"{staff_day(need.closes_at, dose.zone)} {staff_time(need.closes_at, dose.zone)}"
    can = may(principal, Permission.INFUSIONS_CHANGE)
    url = address_of(dose, "rebook") if can else address_of(dose)
    return Task(dose.patient_code, f"{title_of(dose)} has no session yet", f"window closes {told}", url, "Open")


def _free(principal: Principal, free: FreeTime) -> FreeLine:
    needs = tuple((need.reading.dose.patient_code, _need(principal, need).url) for need in free.needs)
    return FreeLine(free.starts_at, free.ends_at, needs)
