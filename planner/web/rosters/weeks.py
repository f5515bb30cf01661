"""ISO weeks as addresses name them, and a roster's week in words."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from flask import url_for

from planner.domain.access import Role
from planner.domain.errors import NotFound
from planner.domain.walltime import local_day
from planner.services.reading.rosters import AwayFacts, PersonWeek, RosterWeek, ShiftFacts
from planner.store.queries.clinic import SiteRow
from planner.web.filters import day_words, short_day_words, staff_time

_WEEK = re.compile(r"([0-9]{4})-W([0-9]{2})")
A_WEEK = timedelta(days=7)
#: Nobody's roster is older.
FIRST_DAY = date(2000, 1, 3)
ROLE_WORDS = {Role.PRESCRIBER: "Prescriber", Role.NURSE: "Nurse", Role.THERAPIST: "Therapist"}


def monday_of(word: str | None, today: date) -> date:
    """The Monday of “2026-W48”, or of this week without a word. Raises NotFound for anything else."""
    if not word:
        return today - timedelta(days=today.weekday())
    match = _WEEK.fullmatch(word)
    if not match:
        raise NotFound
    try:
        return date.fromisocalendar(int(match[1]), int(match[2]), 1)
    except ValueError as error:
        raise NotFound from error


def week_word(day: date) -> str:
    """The week of a day as addresses name it: “2026-W48”."""
    year, week, _ = day.isocalendar()
    return f"{year}-W{week:02}"


def week_url(site: SiteRow, day: date) -> str:
    """The roster of a site in the week of a day."""
    return url_for("rosters.week", week=week_word(day), site=site.id)


@dataclass(frozen=True, slots=True)
class PersonLine:
    """One row of the roster: for each day its lines of words, and whether they say that somebody is away."""

    name: str
    roles: str
    days: tuple[tuple[tuple[str, bool], ...], ...]


@dataclass(frozen=True, slots=True)
class WeekPage:
    """Everything the roster page shows."""

    heading: str
    span: str
    days: tuple[str, ...]
    hours: tuple[tuple[tuple[str, bool], ...], ...]
    people: tuple[PersonLine, ...]
    has_shifts: bool
    closed: tuple[str, ...]
    chairs: str
    rooms: str
    previous: tuple[str, str] | None
    next: tuple[str, str] | None
    this_week_url: str | None


def week_page(found: RosterWeek, monday: date, now: datetime, last_day: date) -> WeekPage:
    """A roster's week in words. The weeks end with the one of `last_day`."""
    today = local_day(now, found.site.zone)
    this_monday = monday_of(None, today)
    year, week, _ = monday.isocalendar()
    return WeekPage(
        heading=f"Roster, week {week}",
        span=f"{day_words(monday)} to {day_words(monday + A_WEEK - timedelta(days=1))} {year}",
        days=tuple(short_day_words(day.day) for day in found.days),
        hours=tuple(_hours(day.hours, day.closed) for day in found.days),
        people=tuple(_line(person, found.site.zone) for person in found.people),
        has_shifts=found.has_shifts,
        closed=tuple(
            f"Closed on {day_words(day.day)}{_because(day.closed)}." for day in found.days if day.closed is not None
        ),
        chairs=", ".join(found.chairs),
        rooms=", ".join(found.rooms),
        previous=(week_url(found.site, monday - A_WEEK), "Week before") if monday - A_WEEK >= FIRST_DAY else None,
        next=(week_url(found.site, monday + A_WEEK), "Week after") if monday + A_WEEK <= last_day else None,
        this_week_url=None if monday == this_monday else week_url(found.site, this_monday),
    )


def _because(reason: str) -> str:
    return f": {reason}" if reason else ""


def _hours(hours: tuple[tuple[int, int], ...], closed: str | None) -> tuple[tuple[str, bool], ...]:
    if closed is not None:
        return (("Closed", True),)
    return tuple((f"{_clock(opens)} to {_clock(closes)}", False) for opens, closes in hours)


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


def _line(person: PersonWeek, zone: str) -> PersonLine:
    return PersonLine(
        person.name,
        ", ".join(ROLE_WORDS.get(role, role.value.capitalize()) for role in person.roles),
        tuple(
            (
                *((_shift(shift, zone), False) for shift in sorted(day.shifts, key=lambda s: s.starts_at)),
                *((_away(away, zone), True) for away in day.away),
            )
            for day in person.days
        ),
    )


def _shift(shift: ShiftFacts, zone: str) -> str:
    told = f"{staff_time(shift.starts_at, zone)} to {staff_time(shift.ends_at, zone)}"
    return f"{told} (video)" if shift.is_remote else told


def _away(away: AwayFacts, zone: str) -> str:
    if away.is_all_day:
        return f"Away{_because(away.reason)}"
    return f"Away {staff_time(away.starts_at, zone)} to {staff_time(away.ends_at, zone)}{_because(away.reason)}"
