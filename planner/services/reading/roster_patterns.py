"""The weekly patterns of a site as pages list them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from planner.domain.access import Permission, Principal, require
from planner.domain.errors import NotFound
from planner.domain.shift_patterns import MinuteSpan
from planner.store.queries import clinic
from planner.store.queries.clinic import SiteRow
from planner.store.records import PatternException, Person, ShiftPattern


@dataclass(frozen=True, slots=True)
class ExceptionFacts:
    """One day on which a pattern holds otherwise; no minutes is no shift."""

    id: int
    day: date
    minutes: MinuteSpan | None


@dataclass(frozen=True, slots=True)
class PatternFacts:
    """One pattern with the name of its person; minutes from midnight on the clock of its site."""

    id: int
    site_id: int
    person_id: int
    name: str
    weekday: int
    minutes: MinuteSpan
    break_minutes: MinuteSpan | None
    every_weeks: int
    from_day: date
    until_day: date | None
    is_remote: bool
    on_call: bool
    version: int


@dataclass(frozen=True, slots=True)
class OnePattern(PatternFacts):
    """The same with its site and its exceptions, in order of days."""

    site: SiteRow
    exceptions: tuple[ExceptionFacts, ...]


def patterns_of(db: Session, site_id: int) -> tuple[PatternFacts, ...]:
    """A site's patterns by person, weekday and time. One query."""
    rows = db.execute(_rows().where(ShiftPattern.site_id == site_id)).all()
    found = [PatternFacts(**_values(row[0], row[1])) for row in rows]
    return tuple(sorted(found, key=lambda p: (p.name.casefold(), p.person_id, p.weekday, p.minutes, p.id)))


def pattern_facts(db: Session, principal: Principal, pattern_id: int) -> OnePattern:
    """One pattern of a site of the principal's. Three queries. Raises NotFound, NotPermitted."""
    require(principal, Permission.ROSTERS_WRITE)
    row = db.execute(_rows().where(ShiftPattern.id == pattern_id)).one_or_none()
    if row is None or row[0].site_id not in principal.site_ids:
        raise NotFound
    query = select(PatternException).where(PatternException.pattern_id == pattern_id).order_by(PatternException.day)
    exceptions = tuple(
        ExceptionFacts(
            one.id,
            one.day,
            None if one.starts_minute is None or one.ends_minute is None else (one.starts_minute, one.ends_minute),
        )
        for one in db.scalars(query)
    )
    return OnePattern(**_values(row[0], row[1]), site=clinic.site(db, row[0].site_id), exceptions=exceptions)


def _rows() -> Select[ShiftPattern, str]:
    return (
        select(ShiftPattern, Person.name)
        .join(Person, Person.id == ShiftPattern.person_id)
        .execution_options(populate_existing=True)
    )


def _values(row: ShiftPattern, name: str) -> dict[str, Any]:
    pause = None
    if row.break_starts_minute is not None and row.break_ends_minute is not None:
        pause = row.break_starts_minute, row.break_ends_minute
    return {
        "id": row.id,
        "site_id": row.site_id,
        "person_id": row.person_id,
        "name": name,
        "weekday": row.weekday,
        "minutes": (row.starts_minute, row.ends_minute),
        "break_minutes": pause,
        "every_weeks": row.every_weeks,
        "from_day": row.from_day,
        "until_day": row.until_day,
        "is_remote": row.is_remote,
        "on_call": row.on_call,
        "version": row.version,
    }
