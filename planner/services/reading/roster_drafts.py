"""A draft as its page shows it: who changed it last, what it changes, and what it warns of."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from planner.domain.access import Principal
from planner.domain.rosters import DAYS_A_WEEK, differences, digest_of
from planner.domain.walltime import local_day
from planner.scheduling.roster_warnings import RosterWarning
from planner.services.reading.roster_versions import NamedLine, named
from planner.services.reading.roster_warnings import warnings_of
from planner.services.roster_drafts import Draft, Source, draft_of, without_passed_days
from planner.services.roster_patterns import has_patterns
from planner.services.roster_weeks import published_week, roster_site
from planner.store.queries.clinic import SiteRow
from planner.store.records import Account


@dataclass(frozen=True, slots=True)
class DraftFacts:
    """A draft, what it would change, and what is the matter with it.

    `is_behind`: something else was published since it began.
    """

    draft: Draft
    updated_by: str
    is_behind: bool
    lines: tuple[NamedLine, ...]
    warnings: tuple[RosterWarning, ...]


def ways_to_start(db: Session, site: SiteRow, monday: date) -> tuple[Source, ...]:
    """What a draft of a week can begin with, the likeliest first. Two queries."""
    published = bool(published_week(db, site.id, site.zone, monday))
    sunday = monday + timedelta(days=DAYS_A_WEEK - 1)
    patterned = has_patterns(db, site.id, monday, sunday)
    if published:
        return ("published", *(("patterns",) if patterned else ()), "week", "empty")
    return ("patterns", "week", "empty") if patterned else ("empty", "week")


def draft_facts(db: Session, principal: Principal, site: SiteRow, monday: date, now: datetime) -> DraftFacts | None:
    """A week's draft, if there is one; its queries do not grow with its rows. Raises NotFound, NotPermitted."""
    record = roster_site(db, principal, site.id)
    draft = draft_of(db, record, monday)
    if draft is None:
        return None
    before = published_week(db, site.id, site.zone, monday)
    after = without_passed_days(draft.shifts, before, local_day(now, site.zone))
    who = db.scalar(select(Account.name).where(Account.id == draft.updated_by_id))
    return DraftFacts(
        draft,
        who or "",
        draft.base_digest != digest_of(before),
        named(db, differences(before, after)),
        warnings_of(db, record, monday, after, now),
    )
