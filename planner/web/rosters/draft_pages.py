"""A drafted week in words: shifts that lead to their forms, what the draft changes and what it warns of."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

from flask import url_for

from planner.domain.rosters import RosterShift
from planner.domain.walltime import local_day
from planner.services.reading.roster_drafts import DraftFacts
from planner.services.reading.roster_versions import NamedLine
from planner.services.reading.rosters import PersonDay, RosterWeek
from planner.web.filters import short_day_words, staff_time
from planner.web.rosters.weeks import ROLE_WORDS, away_words, hours_words, minutes_words, shift_words


@dataclass(frozen=True, slots=True)
class Told:
    """One line of a cell; `url` leads to its form, and `warns` marks what stands in the way of working."""

    words: str
    url: str = ""
    warns: bool = False


@dataclass(frozen=True, slots=True)
class Cell:
    """One person's day. `add_url` puts a shift there; empty where there is one, or the day has passed."""

    id: str
    told: tuple[Told, ...]
    add_url: str
    about: str


@dataclass(frozen=True, slots=True)
class DraftLine:
    """One person's week."""

    name: str
    roles: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Warned:
    """One warning, and the place of the page it is about."""

    sentence: str
    target: str


@dataclass(frozen=True, slots=True)
class DraftPage:
    """Everything the page of a draft shows."""

    version: int
    number: int
    updated: str
    is_behind: bool
    changes: int
    warnings: tuple[Warned, ...]
    days: tuple[str, ...]
    hours: tuple[Cell, ...]
    people: tuple[DraftLine, ...]


def draft_page(week: RosterWeek, monday: date, now: datetime, found: DraftFacts) -> DraftPage:
    """A drafted week in words."""
    site, today = week.site, local_day(now, week.site.zone)
    shift_url = url_for("rosters.change_draft_shift", monday=monday, row_id=0).removesuffix("/0")
    new_url = url_for("rosters.add_draft_shift", monday=monday, site=site.id)

    def cell(person_id: int, name: str, offset: int, facts: PersonDay) -> Cell:
        day = week.days[offset].day
        shifts = (
            Told(
                shift_words(shift, site.zone),
                f"{shift_url}/{shift.row_id}?site={site.id}" if shift.row_id is not None and day >= today else "",
            )
            for shift in facts.shifts
        )
        away = (Told(away_words(one, site.zone), warns=True) for one in facts.away)
        is_free = day >= today and not facts.shifts
        add_url = f"{new_url}&person={person_id}&day={day.isoformat()}" if is_free else ""
        return Cell(f"p{person_id}-{offset}", (*shifts, *away), add_url, f"{name}, {short_day_words(day)}")

    draft = found.draft
    return DraftPage(
        version=draft.version,
        number=draft.base_number,
        updated=f"{found.updated_by or 'Somebody'}, {_moment(draft.updated_at, site.zone, today)}",
        is_behind=found.is_behind,
        changes=len(found.lines),
        warnings=tuple(Warned(w.sentence, _target(w.day, w.person_id, monday)) for w in found.warnings),
        days=tuple(short_day_words(day.day) for day in week.days),
        hours=tuple(
            Cell(f"day-{n}", tuple(Told(words, warns=w) for words, w in hours_words(day.hours, day.closed)), "", "")
            for n, day in enumerate(week.days)
        ),
        people=tuple(
            DraftLine(
                person.name,
                ", ".join(ROLE_WORDS.get(role, role.value.capitalize()) for role in person.roles),
                tuple(cell(person.id, person.name, n, facts) for n, facts in enumerate(person.days)),
            )
            for person in week.people
        ),
    )


def _moment(at: datetime, zone: str, today: date) -> str:
    day = local_day(at, zone)
    return staff_time(at, zone) if day == today else f"{short_day_words(day)} {staff_time(at, zone)}"


def _target(day: date | None, person_id: int | None, monday: date) -> str:
    offset = 0 if day is None else (day - monday).days
    return f"p{person_id}-{offset}" if person_id is not None else f"day-{offset}"


def line_rows(lines: Iterable[NamedLine]) -> list[dict[str, str]]:
    """Differences as rows of the table of changes."""
    return [
        {
            "what": f"{line.name}, {short_day_words(line.day)}",
            "before": wall_words(line.before),
            "after": wall_words(line.after),
            "note": "New" if line.before is None else "Taken away" if line.after is None else "Changed",
            "tone": "warn" if line.after is None else "",
        }
        for line in lines
    ]


def wall_words(shift: RosterShift | None) -> str:
    """A shift on the site's clock: “09:00 to 17:00, break 12:00 to 12:30 (video)”."""
    if shift is None:
        return ""
    pause = None
    if shift.break_starts_minute is not None and shift.break_ends_minute is not None:
        pause = shift.break_starts_minute, shift.break_ends_minute
    told = minutes_words((shift.starts_minute, shift.ends_minute), pause)
    if shift.starts_fold or shift.ends_fold:
        told += ", after the clocks go back"
    return told + (" (on call)" if shift.on_call else " (video)" if shift.is_remote else "")
