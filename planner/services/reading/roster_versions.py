"""The versions of a site's week: which stands, who published each and when, and what each changed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from planner.domain.access import Permission, Principal, may
from planner.domain.rosters import RosterLine, RosterShift, differences
from planner.services.roster_publishing import KIND_LEFT, version_of
from planner.services.roster_weeks import published_week
from planner.store.queries.clinic import SiteRow
from planner.store.records import Account, ChangeLine, ChangeSet, Person, RosterDraft, RosterPublication


@dataclass(frozen=True, slots=True)
class Standing:
    """How a week stands: its newest version (0: never published here) and when, and whether somebody drafts it.

    `is_leaving`: it took off somebody who left.
    """

    number: int
    at: datetime | None
    who: str
    is_withdrawal: bool
    has_draft: bool
    is_leaving: bool = False


def standing(db: Session, site: SiteRow, monday: date) -> Standing:
    """How a site's week stands. Two queries."""
    row = db.execute(_rows(site.id, monday).limit(1)).one_or_none()
    drafted = db.scalar(select(RosterDraft.id).where(RosterDraft.site_id == site.id, RosterDraft.monday == monday))
    if row is None:
        return Standing(0, None, "", False, drafted is not None)
    left = row.kind == KIND_LEFT
    return Standing(row.number, row.at, row.name or "", row.is_withdrawal, drafted is not None, left)


@dataclass(frozen=True, slots=True)
class VersionRow:
    """One version in the list of a week; `is_leaving` took off somebody who left."""

    number: int
    at: datetime
    who: str
    is_withdrawal: bool
    is_leaving: bool = False


def versions(db: Session, site: SiteRow, monday: date) -> tuple[VersionRow, ...]:
    """Every version of a week, the newest first. One query."""
    return tuple(
        VersionRow(row.number, row.at, row.name or "", row.is_withdrawal, row.kind == KIND_LEFT)
        for row in db.execute(_rows(site.id, monday))
    )


@dataclass(frozen=True, slots=True)
class NamedLine:
    """One difference between two versions, with the name of the person it is about."""

    name: str
    before: RosterShift | None
    after: RosterShift | None

    @property
    def day(self) -> date:
        """The day it is about."""
        found = self.after or self.before
        if found is None:
            raise ValueError("a difference has one side at least")
        return found.day


@dataclass(frozen=True, slots=True)
class Comparison:
    """What one version of a week has differently from another (0: before the first)."""

    version: VersionRow
    with_number: int
    lines: tuple[NamedLine, ...]
    is_newest: bool


def compared(db: Session, site: SiteRow, monday: date, number: int, with_number: int | None) -> Comparison:
    """A version against an older one, or against what it replaced. Five queries at most. Raises NotFound."""
    rows = versions(db, site, monday)
    found = version_of(db, site.id, monday, number)
    if with_number is None or with_number == number - 1:
        with_number, before = number - 1, found.before_shifts
    elif with_number == 0:
        before = version_of(db, site.id, monday, 1).before_shifts
    else:
        before = version_of(db, site.id, monday, with_number).after_shifts
    row = next(row for row in rows if row.number == number)
    lines = named(db, differences(before, found.after_shifts))
    return Comparison(row, with_number, lines, number == rows[0].number)


def changes_of_draft(
    db: Session, site: SiteRow, monday: date, shifts: tuple[RosterShift, ...]
) -> tuple[NamedLine, ...]:
    """What a draft has differently from what is published. Two queries."""
    return named(db, differences(published_week(db, site.id, site.zone, monday), shifts))


def named(db: Session, lines: tuple[RosterLine, ...]) -> tuple[NamedLine, ...]:
    """Differences with names, by day and name. One query."""
    ids = {side.person_id for line in lines for side in (line.before, line.after) if side is not None}
    names = {row.id: row.name for row in db.execute(select(Person.id, Person.name).where(Person.id.in_(ids)))}
    found = [
        NamedLine(names[side.person_id], line.before, line.after)
        for line in lines
        if (side := line.after or line.before) is not None
    ]
    return tuple(sorted(found, key=lambda line: (line.day, line.name.casefold())))


@dataclass(frozen=True, slots=True)
class OpenVersion:
    """The newest version of a week while it can still be undone (aware instant `undo_until`).

    `weeks` were published as one with it, itself included, and are undone as one.
    """

    change_set_id: int
    number: int
    is_withdrawal: bool
    undo_until: datetime
    count: int
    weeks: int


def open_version(db: Session, principal: Principal, site_id: int, monday: date, now: datetime) -> OpenVersion | None:
    """The newest version of a week, if `principal` may still undo it. At most three queries."""
    if not may(principal, Permission.ROSTERS_WRITE):
        return None
    row = db.execute(
        select(
            RosterPublication.change_set_id,
            RosterPublication.number,
            RosterPublication.is_withdrawal,
            ChangeSet.undo_until,
            ChangeSet.undone_at,
        )
        .outerjoin(ChangeSet, ChangeSet.id == RosterPublication.change_set_id)
        .where(RosterPublication.site_id == site_id, RosterPublication.monday == monday)
        .order_by(RosterPublication.number.desc())
        .limit(1)
    ).one_or_none()
    if row is None or row.undo_until is None or row.undone_at is not None or row.undo_until < now:
        return None
    parts = select(ChangeSet.id).where(ChangeSet.group_id == row.change_set_id)
    touched = select(func.count()).where(ChangeLine.change_set_id.in_(parts), ChangeLine.record == "appointment")
    weeks = select(func.count()).where(RosterPublication.change_set_id == row.change_set_id)
    return OpenVersion(
        row.change_set_id, row.number, row.is_withdrawal, row.undo_until, db.scalar(touched) or 0, db.scalar(weeks) or 1
    )


def _rows(site_id: int, monday: date):  # type: ignore[no-untyped-def]
    return (
        select(
            RosterPublication.number,
            RosterPublication.at,
            Account.name,
            RosterPublication.is_withdrawal,
            ChangeSet.kind,
        )
        .outerjoin(Account, Account.id == RosterPublication.account_id)
        .outerjoin(ChangeSet, ChangeSet.id == RosterPublication.change_set_id)
        .where(RosterPublication.site_id == site_id, RosterPublication.monday == monday)
        .order_by(RosterPublication.number.desc())
    )
