"""ISO weeks as addresses name them, and a roster's week in words."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from flask import url_for

from planner.domain.access import Role
from planner.domain.errors import NotFound
from planner.domain.rosters import DAY_MINUTES
from planner.domain.shift_patterns import MinuteSpan
from planner.domain.walltime import local_day
from planner.services.reading.roster_versions import OpenVersion
from planner.services.reading.rosters import AwayFacts, PersonWeek, RosterWeek, ShiftFacts
from planner.store.queries.clinic import SiteRow
from planner.web.filters import day_words, short_day_words, staff_time

_WEEK = re.compile(r"([0-9]{4})-W([0-9]{2})")
A_DAY = timedelta(days=1)
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


def week_words(monday: date) -> str:
    """“week 48 of 2026”, as sentences name it."""
    year, week, _ = monday.isocalendar()
    return f"week {week} of {year}"


def days_of(monday: date) -> list[date]:
    """The seven days of a week."""
    return [monday + A_DAY * offset for offset in range(7)]


def week_url(site: SiteRow, day: date) -> str:
    """The roster of a site in the week of a day."""
    return url_for("rosters.week_of", monday=day - A_DAY * day.weekday(), site=site.id)


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
    sunday = monday + A_WEEK - timedelta(days=1)
    return WeekPage(
        heading=f"Roster, week {monday.isocalendar().week}",
        span=f"{day_words(monday)} to {day_words(sunday)} {sunday.year}",
        days=tuple(short_day_words(day.day) for day in found.days),
        hours=tuple(hours_words(day.hours, day.closed) for day in found.days),
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


def hours_words(hours: tuple[tuple[int, int], ...], closed: str | None) -> tuple[tuple[str, bool], ...]:
    """When a day is open, line by line, and whether a line says that it is not."""
    if closed is not None:
        return (("Closed", True),)
    return tuple((f"{clock_words(opens)} to {clock_words(closes)}", False) for opens, closes in hours)


def clock_words(minute: int) -> str:
    """What clocks show at a minute from midnight: “24:00” at its end, and from then on the next day's time."""
    if minute > DAY_MINUTES:
        minute %= DAY_MINUTES
    return f"{minute // 60:02}:{minute % 60:02}"


def minutes_words(minutes: MinuteSpan, pause: MinuteSpan | None) -> str:
    """“22:00 to 06:00 on the next day, break 01:00 to 01:30”."""
    told = f"{clock_words(minutes[0])} to {clock_words(minutes[1])}"
    if minutes[1] > DAY_MINUTES:
        told += " on the next day"
    return told if pause is None else f"{told}, break {clock_words(pause[0])} to {clock_words(pause[1])}"


def _line(person: PersonWeek, zone: str) -> PersonLine:
    return PersonLine(
        person.name,
        ", ".join(ROLE_WORDS.get(role, role.value.capitalize()) for role in person.roles),
        tuple(
            (
                *((shift_words(shift, zone), False) for shift in day.shifts),
                *((away_words(away, zone), True) for away in day.away),
            )
            for day in person.days
        ),
    )


def shift_words(shift: ShiftFacts, zone: str) -> str:
    """“09:00 to 17:00, break 12:00 to 12:30 (video)”."""
    told = f"{staff_time(shift.starts_at, zone)} to {staff_time(shift.ends_at, zone)}"
    if shift.pause is not None:
        told += f", break {staff_time(shift.pause[0], zone)} to {staff_time(shift.pause[1], zone)}"
    if shift.on_call:
        told += " (on call)"
    elif shift.is_remote:
        told += " (video)"
    return f"{shift.elsewhere}: {told}" if shift.elsewhere else told


def away_words(away: AwayFacts, zone: str) -> str:
    """“Away 10:00 to 12:00: reason”."""
    if away.is_all_day:
        return f"Away{_because(away.reason)}"
    return f"Away {staff_time(away.starts_at, zone)} to {staff_time(away.ends_at, zone)}{_because(away.reason)}"


def version_notice(found: OpenVersion | None, site: SiteRow, monday: date, key: str) -> list[dict[str, str]]:
    """The line that says what was just published and takes it back."""
    if found is None:
        return []
    done = "Taken back" if found.is_withdrawal else "Published"
    changed = f", and {found.count} appointment{'' if found.count == 1 else 's'} changed" if found.count else ""
    until = staff_time(found.undo_until, site.zone)
    others = found.weeks - 1
    together = f", together with {others} other week{'' if others == 1 else 's'}" if others else ""
    this = "all of this" if others else "this"
    return [
        {
            "kind": "ok",
            "text": f"{done}: version {found.number} of this week{together}{changed}. "
            f"You can undo {this} until {until}.",
            "undo_url": url_for(
                "rosters.undo_disruption", change_set_id=found.change_set_id, site=site.id, week=week_word(monday)
            ),
            "idempotency_key": key,
        }
    ]
