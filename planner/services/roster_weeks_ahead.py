"""The weeks to come as the weekly patterns would fill them: what each would get, and publishing all that are free.

Weeks in which somebody works already, or that somebody drafts, are left alone.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session

from planner.domain.access import Principal
from planner.domain.errors import FieldError, StaleVersion
from planner.domain.rosters import DAYS_A_WEEK, RosterShift, digest_of
from planner.domain.walltime import local_day
from planner.scheduling.roster_warnings import RosterWarning
from planner.services.planning_horizon import last_planned_day
from planner.services.reading.roster_warnings import warnings_of
from planner.services.roster_overlaps import fitting
from planner.services.roster_patterns import has_patterns, shifts_of_patterns
from planner.services.roster_publishing import KIND_LEFT, publish_weeks
from planner.services.roster_weeks import beside_weeks, published_rows, roster_site
from planner.store.records import ChangeSet, RosterDraft, RosterPublication, Site

FEWEST_WEEKS, USUAL_WEEKS, MOST_WEEKS = 1, 4, 12
THESE_WEEKS = "The list of weeks"
A_WEEK = timedelta(days=DAYS_A_WEEK)


class WeekState(StrEnum):
    """Whether a week can be published from the patterns, or why it is left alone."""

    FREE = "free"
    PUBLISHED = "published"
    DRAFTED = "drafted"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class WeekAhead:
    """One week to come: what the patterns would put there, and what would be warned of. Both empty unless free."""

    monday: date
    state: WeekState
    shifts: tuple[RosterShift, ...] = ()
    warnings: tuple[RosterWarning, ...] = ()


@dataclass(frozen=True, slots=True)
class WeeksAhead:
    """Weeks to come, the first one first. `key` changes with anything that would be published."""

    weeks: tuple[WeekAhead, ...]
    has_patterns: bool
    key: str

    @property
    def free(self) -> tuple[WeekAhead, ...]:
        """Those that can be published."""
        return tuple(week for week in self.weeks if week.state is WeekState.FREE)


def weeks_ahead(db: Session, principal: Principal, *, site_id: int, count: int, now: datetime) -> WeeksAhead:
    """The current week of a site and those after it, `count` in all; its queries do not grow with people or weeks.

    Raises FieldError at `weeks` for too few or too many, NotFound, NotPermitted.
    """
    if not FEWEST_WEEKS <= count <= MOST_WEEKS:
        raise FieldError("weeks", f"Choose {FEWEST_WEEKS} to {MOST_WEEKS} weeks.")
    site = roster_site(db, principal, site_id)
    today = local_day(now, site.zone)
    first = today - timedelta(days=today.weekday())
    last = last_planned_day(db, today)
    mondays = tuple(monday for monday in (first + A_WEEK * n for n in range(count)) if monday <= last)
    published = _published(db, site, first, count)
    taken = {
        **_drafted(db, site, mondays),
        **_settled(db, site, mondays),
        **dict.fromkeys(published, WeekState.PUBLISHED),
    }
    wanted: dict[date, list[RosterShift]] = defaultdict(list)
    for shift in shifts_of_patterns(db, site, today, mondays[-1] + A_WEEK - timedelta(days=1)):
        wanted[_monday(shift.day)].append(shift)
    there = [*beside_weeks(db, site, first, count), *(shift for shifts in published.values() for shift in shifts)]
    free = {}
    for monday in mondays:
        if monday not in taken and wanted[monday]:
            free[monday] = tuple(fitting(wanted[monday], there, site.zone, today))
            there += free[monday]
    warned = _warned(db, site, first, count, {**published, **free}, now) if free else {}
    weeks = tuple(
        WeekAhead(monday, WeekState.FREE, free[monday], tuple(warned.get(monday, ())))
        if monday in free
        else WeekAhead(monday, taken.get(monday, WeekState.NOTHING))
        for monday in mondays
    )
    return WeeksAhead(weeks, has_patterns(db, site.id, today), _key(site, free))


def publish_weeks_ahead(
    db: Session, principal: Principal, *, site_id: int, count: int, key: str, now: datetime
) -> tuple[date, ...]:
    """Publish every free week as `weeks_ahead` showed them, in one change; the Mondays of those that were.

    Raises StaleVersion when anything in the list changed since, what `weeks_ahead` raises and what publishing does.
    """
    found = weeks_ahead(db, principal, site_id=site_id, count=count, now=now)
    if found.key != key:
        raise StaleVersion(0, 1, THESE_WEEKS)
    if not found.free:
        raise FieldError("weeks", "No week is free that the patterns would fill.")
    site = roster_site(db, principal, site_id)
    publish_weeks(db, principal, site, {week.monday: week.shifts for week in found.free}, now)
    return tuple(week.monday for week in found.free)


def _published(db: Session, site: Site, first: date, count: int) -> dict[date, tuple[RosterShift, ...]]:
    found: dict[date, list[RosterShift]] = defaultdict(list)
    for row in published_rows(db, site.id, site.zone, first, count):
        found[_monday(row.shift.day)].append(row.shift)
    return {monday: tuple(shifts) for monday, shifts in found.items()}


def _drafted(db: Session, site: Site, mondays: tuple[date, ...]) -> dict[date, WeekState]:
    query = select(RosterDraft.monday).where(RosterDraft.site_id == site.id, RosterDraft.monday.in_(mondays))
    return dict.fromkeys(db.scalars(query), WeekState.DRAFTED)


def _settled(db: Session, site: Site, mondays: tuple[date, ...]) -> dict[date, WeekState]:
    """Weeks that were published, with nobody on them too, unless the newest version took that back.

    Nor those that are empty because the last one on them left: nobody meant them to be.
    """
    query = (
        select(RosterPublication.monday, RosterPublication.is_withdrawal, RosterPublication.after, ChangeSet.kind)
        .outerjoin(ChangeSet, ChangeSet.id == RosterPublication.change_set_id)
        .where(RosterPublication.site_id == site.id, RosterPublication.monday.in_(mondays))
        .order_by(RosterPublication.number)
    )
    newest = {row.monday: row.is_withdrawal or (row.kind == KIND_LEFT and not row.after) for row in db.execute(query)}
    return {monday: WeekState.PUBLISHED for monday, is_open in newest.items() if not is_open}


def _warned(
    db: Session, site: Site, first: date, count: int, weeks: dict[date, tuple[RosterShift, ...]], now: datetime
) -> dict[date, list[RosterWarning]]:
    """All weeks are looked at as one, as windows of one reach into the next."""
    shifts = tuple(shift for monday in sorted(weeks) for shift in weeks[monday])
    found: dict[date, list[RosterWarning]] = defaultdict(list)
    for warning in warnings_of(db, site, first, shifts, now, count):
        found[_monday(warning.day or first)].append(warning)
    return found


def _key(site: Site, free: dict[date, tuple[RosterShift, ...]]) -> str:
    said = site.id, [(monday, digest_of(shifts)) for monday, shifts in sorted(free.items())]
    return hashlib.sha256(repr(said).encode()).hexdigest()[:32]


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())
