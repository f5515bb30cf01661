"""Weekly patterns of shifts with their dated exceptions: kept per site, and turned into shifts of a week."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from planner.domain.access import Principal
from planner.domain.errors import FieldError, NotFound
from planner.domain.rosters import DAY_MINUTES, RosterShift
from planner.domain.shift_patterns import MinuteSpan, Pattern, patterned_shifts
from planner.domain.walltime import day_and_year, local_day
from planner.services import auditing
from planner.services.change_sets import check_version
from planner.services.roster_weeks import roster_site
from planner.store.records import Closure, PatternException, Person, PersonSite, ShiftPattern, Site

MOST_WEEKS = 8
THE_PATTERN = "This pattern"


@dataclass(frozen=True, slots=True)
class PatternWish:
    """What a person says about a pattern; minutes from midnight on the site's clock."""

    person_id: int
    weekday: int
    starts_minute: int
    ends_minute: int
    from_day: date
    until_day: date | None = None
    every_weeks: int = 1
    break_minutes: MinuteSpan | None = None
    is_remote: bool = False
    on_call: bool = False


def shifts_of_patterns(db: Session, site: Site, first_day: date, last_day: date) -> tuple[RosterShift, ...]:
    """What the patterns of a site say from one local day to another, for active staff of it. Three queries."""
    closed = set(
        db.scalars(
            select(Closure.day).where(Closure.site_id == site.id, Closure.day >= first_day, Closure.day <= last_day)
        )
    )
    query = (
        select(ShiftPattern)
        .join(Person, Person.id == ShiftPattern.person_id)
        .join(PersonSite, (PersonSite.person_id == Person.id) & (PersonSite.site_id == ShiftPattern.site_id))
        .where(ShiftPattern.site_id == site.id, Person.active, ShiftPattern.from_day <= last_day)
        .where(ShiftPattern.until_day.is_(None) | (ShiftPattern.until_day >= first_day))
        .order_by(ShiftPattern.id)
    )
    rows = db.scalars(query).all()
    exceptions: dict[int, dict[date, MinuteSpan | None]] = defaultdict(dict)
    known = select(PatternException).join(ShiftPattern, ShiftPattern.id == PatternException.pattern_id)
    known = known.where(
        ShiftPattern.site_id == site.id, PatternException.day >= first_day, PatternException.day <= last_day
    )
    for row in db.scalars(known):
        span = None if row.starts_minute is None or row.ends_minute is None else (row.starts_minute, row.ends_minute)
        exceptions[row.pattern_id][row.day] = span
    patterns = [_pattern(row, exceptions[row.id]) for row in rows]
    return patterned_shifts(patterns, first_day, last_day, site.zone, closed)


def has_patterns(db: Session, site_id: int, first_day: date, last_day: date | None = None) -> bool:
    """Whether any pattern of a site holds on or after one local day, and on or before another. One query."""
    query = select(ShiftPattern.id).where(
        ShiftPattern.site_id == site_id, ShiftPattern.until_day.is_(None) | (ShiftPattern.until_day >= first_day)
    )
    if last_day is not None:
        query = query.where(ShiftPattern.from_day <= last_day)
    return db.scalar(query.limit(1)) is not None


def add_pattern(db: Session, principal: Principal, *, site_id: int, wish: PatternWish, now: datetime) -> ShiftPattern:
    """A new pattern of a site. Raises FieldError at the field that cannot be used."""
    site = roster_site(db, principal, site_id)
    _check(db, site, wish)
    row = ShiftPattern(site_id=site.id, **_columns(wish))
    db.add(row)
    db.flush()
    _note(db, principal, row, "pattern.add", now)
    return row


def add_patterns(
    db: Session, principal: Principal, *, site_id: int, wish: PatternWish, weekdays: Collection[int], now: datetime
) -> tuple[ShiftPattern, ...]:
    """The same pattern on each of `weekdays` (0 = Monday), all of them or none; the weekday of `wish` does not count.

    Raises FieldError at the field that cannot be used, at `weekdays` when there is none.
    """
    if not weekdays:
        raise FieldError("weekdays", "Choose at least one weekday.")
    with db.begin_nested():
        return tuple(
            add_pattern(db, principal, site_id=site_id, wish=replace(wish, weekday=weekday), now=now)
            for weekday in sorted(set(weekdays))
        )


def change_pattern(
    db: Session, principal: Principal, *, pattern_id: int, wish: PatternWish, seen_version: int, now: datetime
) -> ShiftPattern:
    """Say something else about a pattern. Weeks that are drafted or published do not change by it.

    Raises FieldError, StaleVersion, NotFound.
    """
    row = _locked(db, principal, pattern_id, seen_version)
    _check(db, db.get_one(Site, row.site_id), wish)
    for column, value in _columns(wish).items():
        setattr(row, column, value)
    row.version += 1
    db.flush()
    _note(db, principal, row, "pattern.change", now)
    return row


def end_pattern(
    db: Session, principal: Principal, *, pattern_id: int, until_day: date, seen_version: int, now: datetime
) -> ShiftPattern | None:
    """Let a pattern hold up to `until_day`; one that would end before it begins is removed (None).

    Raises FieldError at `until_day`, StaleVersion, NotFound.
    """
    row = _locked(db, principal, pattern_id, seen_version)
    site = db.get_one(Site, row.site_id)
    if until_day < local_day(now, site.zone) - timedelta(days=1):
        raise FieldError("until_day", "That day has passed. Enter yesterday or a later day.")
    _note(db, principal, row, "pattern.end", now)
    if until_day < row.from_day:
        db.execute(delete(PatternException).where(PatternException.pattern_id == row.id))
        db.delete(row)
        db.flush()
        return None
    row.until_day = until_day
    row.version += 1
    db.flush()
    return row


def add_exception(
    db: Session,
    principal: Principal,
    *,
    pattern_id: int,
    day: date,
    minutes: MinuteSpan | None,
    seen_version: int,
    now: datetime,
) -> PatternException:
    """One day of a pattern at other times, or (None) not at all; in place of what was said about that day before.

    Raises FieldError at `day` or `ends`, StaleVersion, NotFound.
    """
    row = _locked(db, principal, pattern_id, seen_version)
    if not _pattern(row, {}).falls_on(day):
        raise FieldError("day", f"{day_and_year(day)} is not a day of this pattern.")
    _check_minutes(minutes)
    db.execute(delete(PatternException).where(PatternException.pattern_id == row.id, PatternException.day == day))
    starts, ends = minutes or (None, None)
    made = PatternException(pattern_id=row.id, day=day, starts_minute=starts, ends_minute=ends)
    db.add(made)
    row.version += 1
    try:
        with db.begin_nested():
            db.flush()
    except IntegrityError as error:
        raise FieldError("day", "Somebody has just said something about that day. Look again.") from error
    _note(db, principal, row, "pattern.exception", now)
    return made


def remove_exception(
    db: Session, principal: Principal, *, pattern_id: int, exception_id: int, seen_version: int, now: datetime
) -> None:
    """Let the pattern hold on that day again. Raises StaleVersion, NotFound."""
    row = _locked(db, principal, pattern_id, seen_version)
    found = db.get(PatternException, exception_id)
    if found is None or found.pattern_id != row.id:
        raise NotFound
    db.delete(found)
    row.version += 1
    db.flush()
    _note(db, principal, row, "pattern.exception.remove", now)


def _locked(db: Session, principal: Principal, pattern_id: int, seen_version: int) -> ShiftPattern:
    row = db.scalar(
        select(ShiftPattern)
        .where(ShiftPattern.id == pattern_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if row is None:
        raise NotFound
    roster_site(db, principal, row.site_id)
    check_version(seen_version, row.version, THE_PATTERN)
    return row


def _pattern(row: ShiftPattern, exceptions: dict[date, MinuteSpan | None]) -> Pattern:
    pause = None
    if row.break_starts_minute is not None and row.break_ends_minute is not None:
        pause = row.break_starts_minute, row.break_ends_minute
    return Pattern(
        row.person_id, row.weekday, row.starts_minute, row.ends_minute, row.from_day, row.until_day, row.every_weeks,
        pause, row.is_remote, row.on_call, exceptions,
    )  # fmt: skip


def _columns(wish: PatternWish) -> dict[str, object]:
    pause = wish.break_minutes or (None, None)
    return {
        "person_id": wish.person_id,
        "weekday": wish.weekday,
        "starts_minute": wish.starts_minute,
        "ends_minute": wish.ends_minute,
        "break_starts_minute": pause[0],
        "break_ends_minute": pause[1],
        "is_remote": wish.is_remote,
        "on_call": wish.on_call,
        "every_weeks": wish.every_weeks,
        "from_day": wish.from_day,
        "until_day": wish.until_day,
    }


def _check(db: Session, site: Site, wish: PatternWish) -> None:
    here = select(PersonSite.person_id).where(PersonSite.person_id == wish.person_id, PersonSite.site_id == site.id)
    if db.scalar(here) is None:
        raise FieldError("person", "Choose somebody who works at this site.")
    if wish.weekday not in range(7):
        raise FieldError("weekday", "Choose a day of the week.")
    if not 1 <= wish.every_weeks <= MOST_WEEKS:
        raise FieldError("every_weeks", f"A pattern comes again every 1 to {MOST_WEEKS} weeks.")
    if wish.until_day is not None and wish.until_day < wish.from_day:
        raise FieldError("until_day", "The last day has to be on or after the first.")
    _check_minutes((wish.starts_minute, wish.ends_minute))
    pause = wish.break_minutes
    if pause is not None and not wish.starts_minute < pause[0] < pause[1] < wish.ends_minute:
        raise FieldError("break_starts", "The break has to lie inside the shift, and end after it starts.")


def _check_minutes(minutes: MinuteSpan | None) -> None:
    if minutes is None:
        return
    if not 0 <= minutes[0] < DAY_MINUTES or not minutes[0] < minutes[1] <= 2 * DAY_MINUTES:
        raise FieldError("ends", "The end has to be after the start.")
    if minutes[1] - minutes[0] > DAY_MINUTES:
        raise FieldError("ends", "A shift lasts 24 hours at most.")


def _note(db: Session, principal: Principal, row: ShiftPattern, action: str, now: datetime) -> None:
    auditing.record(
        db,
        principal,
        action=action,
        object_type="shift_pattern",
        object_id=row.id,
        now=now,
        detail={"site": row.site_id, "person": row.person_id},
    )
