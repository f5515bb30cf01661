"""Somebody who left is off the roster: their shifts to come, as a version of each week, and drafts and patterns."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from sqlalchemy import delete, or_, select, update
from sqlalchemy.orm import Session

from planner.domain.access import Principal
from planner.domain.rosters import in_order
from planner.domain.walltime import local_day
from planner.services.roster_publishing import KIND_LEFT, Week, make_version, start_group
from planner.services.roster_weeks import lock_roster, newest_number, published_rows, write_week
from planner.services.staffing import clinic_day
from planner.store.records import DraftShift, PatternException, RosterDraft, Shift, ShiftPattern, Site

#: There is no undoing of a leaving, so its time for that is over when it begins.
NO_TIME = timedelta(minutes=-1)


def take_off_rosters(db: Session, principal: Principal, person_id: int, now: datetime) -> None:
    """Shifts that have not begun, drafts from today on, and patterns: those end today or, begun later, never were.

    Each week of a site that loses a shift gets a version, all of them in one change. Raises StaleVersion when
    somebody publishes one of them at the same moment.
    """
    _take_off_weeks(db, principal, person_id, now)
    today = clinic_day(db, now)
    drafted = select(DraftShift.draft_id).where(DraftShift.person_id == person_id, DraftShift.day >= today)
    db.execute(update(RosterDraft).where(RosterDraft.id.in_(drafted)).values(version=RosterDraft.version + 1))
    db.execute(delete(DraftShift).where(DraftShift.person_id == person_id, DraftShift.day >= today))
    later = select(ShiftPattern.id).where(ShiftPattern.person_id == person_id, ShiftPattern.from_day > today)
    db.execute(delete(PatternException).where(PatternException.pattern_id.in_(later)))
    db.execute(delete(ShiftPattern).where(ShiftPattern.person_id == person_id, ShiftPattern.from_day > today))
    db.execute(
        update(ShiftPattern)
        .where(
            ShiftPattern.person_id == person_id,
            or_(ShiftPattern.until_day.is_(None), ShiftPattern.until_day > today),
        )
        .values(until_day=today, version=ShiftPattern.version + 1)
    )


def _take_off_weeks(db: Session, principal: Principal, person_id: int, now: datetime) -> None:
    theirs = Shift.person_id == person_id, Shift.starts_at > now
    rosters = sorted(db.scalars(select(Shift.roster_site_id).where(*theirs).distinct()))
    if not rosters:
        return
    group = start_group(db, principal, KIND_LEFT, now, NO_TIME)
    for site_id in rosters:
        lock_roster(db, site_id)
        site = db.get_one(Site, site_id)
        gone = dict(db.execute(select(Shift.id, Shift.starts_at).where(*theirs, Shift.roster_site_id == site_id)).all())
        for monday in sorted({_monday(local_day(starts_at, site.zone)) for starts_at in gone.values()}):
            rows = published_rows(db, site_id, site.zone, monday)
            before = in_order(row.shift for row in rows)
            after = in_order(row.shift for row in rows if row.id not in gone)
            week = Week(site, monday, before, after, newest_number(db, site_id, monday) + 1, None)
            write_week(db, site, monday, after)
            make_version(db, principal, week, group, now)


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())
