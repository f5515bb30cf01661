"""The rosters of the demo clinic as a coordinator would have left them: patterns, two published weeks, one draft."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Final

from sqlalchemy.orm import Session

from planner.domain.access import Principal
from planner.domain.rosters import RosterShift
from planner.services.roster_drafts import put_shift, start_draft
from planner.services.roster_weeks import published_week
from planner.store.records import PatternException, RosterPublication, ShiftPattern, Site

_WEEK: Final = timedelta(days=7)
_SUNDAY: Final = timedelta(days=6)


def make_rosters(db: Session, coordinator: Principal, site: Site, monday: date, now: datetime) -> None:
    """Patterns out of the week that begins on `monday`, with a Monday off, that week and the next as first versions,
    and a draft of the week with a Sunday in it."""
    patterns = [_pattern(site, shift) for shift in published_week(db, site.id, site.zone, monday)]
    db.add_all([*patterns, *(_version(db, coordinator, site, week, now - _WEEK) for week in (monday, monday + _WEEK))])
    db.flush()
    mondays = [pattern for pattern in patterns if pattern.weekday == 0]
    db.add_all(PatternException(pattern_id=pattern.id, day=pattern.from_day + 3 * _WEEK) for pattern in mondays)
    draft = start_draft(db, coordinator, site_id=site.id, monday=monday, source="published", now=now)
    extra = replace(draft.shifts[0], day=monday + _SUNDAY, ends_minute=draft.shifts[0].starts_minute + 180)
    put_shift(
        db, coordinator, site_id=site.id, monday=monday, shift=extra, seen_version=draft.version, now=now
    )  # fmt: skip


def _pattern(site: Site, shift: RosterShift) -> ShiftPattern:
    return ShiftPattern(
        person_id=shift.person_id,
        site_id=site.id,
        is_remote=shift.is_remote,
        weekday=shift.day.weekday(),
        starts_minute=shift.starts_minute,
        ends_minute=shift.ends_minute,
        from_day=shift.day,
    )


def _version(db: Session, coordinator: Principal, site: Site, monday: date, at: datetime) -> RosterPublication:
    shifts = published_week(db, site.id, site.zone, monday)
    return RosterPublication(
        site_id=site.id,
        monday=monday,
        number=1,
        account_id=coordinator.account_id,
        at=at,
        before=[],
        after=[shift.to_json() for shift in shifts],
    )
