"""Drafting a site's week: nothing that is published changes until the draft is.

Each change names the version of the draft that was seen; when somebody else changed it since, nothing is written.
Days that have passed stay as they are.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Literal

from sqlalchemy import Select, delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from planner.domain.access import Principal
from planner.domain.errors import FieldError, NotFound, StaleVersion
from planner.domain.rosters import DAY_MINUTES, DAYS_A_WEEK, RosterShift, digest_of, instants_of
from planner.domain.walltime import AmbiguousWallTime, NonexistentWallTime, day_and_year, local_day
from planner.services import auditing
from planner.services.change_sets import check_version
from planner.services.planning_horizon import check_planned_day
from planner.services.roster_overlaps import check_free, fitting
from planner.services.roster_patterns import shifts_of_patterns
from planner.services.roster_weeks import (
    beside_weeks,
    newest_number,
    published_week,
    refuse_past_week,
    roster_site,
    still_here,
)
from planner.store.records import DraftShift, Person, PersonSite, RosterDraft, Site

Source = Literal["published", "patterns", "week", "empty"]
THE_DRAFT = "The draft of this week"
A_WEEK = timedelta(days=DAYS_A_WEEK)


@dataclass(frozen=True, slots=True)
class Draft:
    """A site's week as it is being worked on. `rows` has each shift by the id of its row, in order."""

    id: int
    site: Site
    monday: date
    version: int
    base_number: int
    base_digest: str
    updated_by_id: int | None
    updated_at: datetime
    rows: tuple[tuple[int, RosterShift], ...]

    @property
    def shifts(self) -> tuple[RosterShift, ...]:
        """The shifts alone."""
        return tuple(shift for _, shift in self.rows)


def draft_of(db: Session, site: Site, monday: date) -> Draft | None:
    """The draft of a week, if there is one. Two queries."""
    row = db.scalar(_row_query(site, monday))
    return None if row is None else _as_draft(db, site, row)


def start_draft(
    db: Session,
    principal: Principal,
    *,
    site_id: int,
    monday: date,
    source: Source,
    now: datetime,
    copy_of: date | None = None,
) -> Draft:
    """Begin a draft with what is published, with what the weekly patterns say, with another week (`copy_of`, its
    Monday), or with nothing.

    Raises FieldError at `week` for a week that is over, too far ahead, or has its draft already; at `copy_of`.
    """
    site = roster_site(db, principal, site_id)
    refuse_past_week(monday, site, now)
    check_planned_day(db, monday, local_day(now, site.zone), field="week")
    published = published_week(db, site.id, site.zone, monday)
    today = local_day(now, site.zone)
    begun = [shift for shift in published if shift.day < today]
    row = RosterDraft(
        site_id=site.id,
        monday=monday,
        base_number=newest_number(db, site.id, monday),
        base_digest=digest_of(published),
        updated_by_id=principal.account_id,
        updated_at=now,
    )
    db.add(row)
    try:
        with db.begin_nested():
            db.flush()
    except IntegrityError as error:
        raise FieldError("week", "There is a draft of this week already.") from error
    first = begun if source != "published" else published
    wanted, beside = [*first], beside_weeks(db, site, monday)
    if source == "patterns":
        wanted += fitting(_of_patterns(db, site, monday), [*wanted, *beside], site.zone, today)
    elif source == "week":
        wanted += fitting(_of_week(db, site, monday, copy_of), [*wanted, *beside], site.zone, today)
    db.add_all(draft_row(row.id, shift) for shift in wanted)
    db.flush()
    _note(db, principal, row, "roster.draft", now, {"source": source})
    return _as_draft(db, site, row)


def put_shift(
    db: Session,
    principal: Principal,
    *,
    site_id: int,
    monday: date,
    shift: RosterShift,
    seen_version: int,
    now: datetime,
    instead_of: int | None = None,
) -> Draft:
    """Add a shift to the draft, or put it in the place of one of its rows (`instead_of`).

    Raises FieldError at `person`, `day`, `starts`, `ends` or `break_starts`, StaleVersion, NotFound.
    """
    site, row = _locked(db, principal, site_id, monday, seen_version, now)
    draft = _as_draft(db, site, row)
    kept = dict(draft.rows)
    if instead_of is not None and instead_of not in kept:
        raise NotFound
    before = kept.pop(instead_of, None) if instead_of is not None else None
    _check_day(shift, monday, site, now)
    if before is not None:
        _check_begun(before, site, now)
    if before is None or before.person_id != shift.person_id:
        _check_person(db, site, shift.person_id)
    _check_times(shift, site.zone)
    check_free(db, shift, (*kept.values(), *beside_weeks(db, site, monday)), site.zone)
    if instead_of is not None:
        db.execute(delete(DraftShift).where(DraftShift.id == instead_of))
    db.add(draft_row(row.id, shift))
    return _saved(db, principal, site, row, now)


def add_shifts(
    db: Session,
    principal: Principal,
    *,
    site_id: int,
    monday: date,
    shifts: Collection[RosterShift],
    seen_version: int,
    now: datetime,
) -> Draft:
    """Add shifts of one person to the draft, all of them or none.

    Raises FieldError at `person`, `day`, `starts`, `ends` or `break_starts`, StaleVersion, NotFound.
    """
    if not shifts:
        raise FieldError("day", "Choose at least one day of this week.")
    site, row = _locked(db, principal, site_id, monday, seen_version, now)
    there = [*_as_draft(db, site, row).shifts, *beside_weeks(db, site, monday)]
    for person_id in {shift.person_id for shift in shifts}:
        _check_person(db, site, person_id)
    for shift in shifts:
        _check_day(shift, monday, site, now)
        _check_times(shift, site.zone)
        check_free(db, shift, there, site.zone)
        there.append(shift)
    db.add_all(draft_row(row.id, shift) for shift in shifts)
    return _saved(db, principal, site, row, now)


def remove_shift(
    db: Session, principal: Principal, *, site_id: int, monday: date, row_id: int, seen_version: int, now: datetime
) -> Draft:
    """Take a shift out of the draft. Raises StaleVersion, NotFound, FieldError at `day` for a day that has passed."""
    site, row = _locked(db, principal, site_id, monday, seen_version, now)
    found = dict(_as_draft(db, site, row).rows).get(row_id)
    if found is None:
        raise NotFound
    _check_begun(found, site, now)
    db.execute(delete(DraftShift).where(DraftShift.id == row_id))
    return _saved(db, principal, site, row, now)


def fill_from_patterns(
    db: Session, principal: Principal, *, site_id: int, monday: date, seen_version: int, now: datetime
) -> int:
    """Add what the weekly patterns say and the draft lacks; how many shifts came. Raises StaleVersion, NotFound.

    Nothing is added beside a shift that a person has at that time, on days that have passed or on closed ones.
    """
    site, row = _locked(db, principal, site_id, monday, seen_version, now)
    draft = _as_draft(db, site, row)
    there = (*draft.shifts, *beside_weeks(db, site, monday))
    more = fitting(_of_patterns(db, site, monday), there, site.zone, local_day(now, site.zone))
    if more:
        db.add_all(draft_row(row.id, shift) for shift in more)
        _saved(db, principal, site, row, now)
    return len(more)


def take_published_as_base(
    db: Session, principal: Principal, *, site_id: int, monday: date, seen_version: int, now: datetime
) -> Draft:
    """Go on with a draft although something else was published since it began: it is compared with that from now on."""
    site, row = _locked(db, principal, site_id, monday, seen_version, now)
    row.base_digest = digest_of(published_week(db, site.id, site.zone, monday))
    row.base_number = newest_number(db, site.id, monday)
    return _saved(db, principal, site, row, now)


def discard_draft(
    db: Session, principal: Principal, *, site_id: int, monday: date, seen_version: int, now: datetime
) -> None:
    """Throw the draft away. Raises StaleVersion, NotFound."""
    _, row = _locked(db, principal, site_id, monday, seen_version, now)
    _note(db, principal, row, "roster.discard", now, {})
    delete_draft(db, row.id)


def delete_draft(db: Session, draft_id: int) -> None:
    """Remove a draft with its shifts."""
    db.execute(delete(DraftShift).where(DraftShift.draft_id == draft_id))
    db.execute(delete(RosterDraft).where(RosterDraft.id == draft_id))
    db.expire_all()


def lock_draft(db: Session, site: Site, monday: date) -> RosterDraft:
    """The draft as it is now; others who want to change it wait until this transaction ends. Raises NotFound."""
    query = _row_query(site, monday).with_for_update().execution_options(populate_existing=True)
    row = db.scalar(query)
    if row is None:
        raise NotFound
    return row


def without_passed_days(
    draft: Iterable[RosterShift], published: Iterable[RosterShift], today: date
) -> tuple[RosterShift, ...]:
    """The draft from `today` on, and what was published for the days before."""
    return (*(s for s in published if s.day < today), *(s for s in draft if s.day >= today))


def _row_query(site: Site, monday: date) -> Select[RosterDraft]:
    return select(RosterDraft).where(RosterDraft.site_id == site.id, RosterDraft.monday == monday)


def _locked(
    db: Session, principal: Principal, site_id: int, monday: date, seen_version: int, now: datetime
) -> tuple[Site, RosterDraft]:
    site = roster_site(db, principal, site_id)
    refuse_past_week(monday, site, now)
    try:
        row = lock_draft(db, site, monday)
    except NotFound as error:
        raise StaleVersion(seen_version, 0, THE_DRAFT) from error
    check_version(seen_version, row.version, THE_DRAFT)
    return site, row


def _saved(db: Session, principal: Principal, site: Site, row: RosterDraft, now: datetime) -> Draft:
    row.version += 1
    row.updated_by_id, row.updated_at = principal.account_id, now
    db.flush()
    return _as_draft(db, site, row)


def _as_draft(db: Session, site: Site, row: RosterDraft) -> Draft:
    query = select(
        DraftShift.id,
        DraftShift.day,
        DraftShift.starts_minute,
        DraftShift.ends_minute,
        DraftShift.person_id,
        DraftShift.is_remote,
        DraftShift.on_call,
        DraftShift.break_starts_minute,
        DraftShift.break_ends_minute,
        DraftShift.starts_fold,
        DraftShift.ends_fold,
    ).where(DraftShift.draft_id == row.id)
    rows = [(id_, RosterShift(*said)) for id_, *said in db.execute(query)]
    rows.sort(key=lambda one: (one[1].order, one[0]))
    return Draft(
        row.id, site, row.monday, row.version, row.base_number, row.base_digest, row.updated_by_id, row.updated_at,
        tuple(rows),
    )  # fmt: skip


def draft_row(draft_id: int, shift: RosterShift) -> DraftShift:
    """A new row for a shift of a draft."""
    return DraftShift(
        draft_id=draft_id,
        person_id=shift.person_id,
        is_remote=shift.is_remote,
        day=shift.day,
        starts_minute=shift.starts_minute,
        ends_minute=shift.ends_minute,
        break_starts_minute=shift.break_starts_minute,
        break_ends_minute=shift.break_ends_minute,
        on_call=shift.on_call,
        starts_fold=shift.starts_fold,
        ends_fold=shift.ends_fold,
    )


def _of_patterns(db: Session, site: Site, monday: date) -> tuple[RosterShift, ...]:
    return shifts_of_patterns(db, site, monday, monday + A_WEEK - timedelta(days=1))


def _of_week(db: Session, site: Site, monday: date, copy_of: date | None) -> tuple[RosterShift, ...]:
    """Another published week put on this one's days; a time that clocks skip here is left out, and so is who no longer
    works here."""
    if copy_of is None or copy_of == monday:
        raise FieldError("copy_of", "Choose another week to copy.")
    apart = monday - copy_of
    moved = (
        replace(shift, day=shift.day + apart, starts_fold=0, ends_fold=0)
        for shift in published_week(db, site.id, site.zone, copy_of)
    )
    found = still_here(db, site, (shift for shift in moved if _exists(shift, site.zone)))
    if not found:
        raise FieldError("copy_of", "Nobody who works here is on the roster of that week, so there is nothing to copy.")
    return found


def _exists(shift: RosterShift, zone: str) -> bool:
    try:
        when = instants_of(shift, zone)
    except NonexistentWallTime:
        return False
    return when.starts_at < when.ends_at


def _check_day(shift: RosterShift, monday: date, site: Site, now: datetime) -> None:
    if not 0 <= (shift.day - monday).days < DAYS_A_WEEK:
        raise FieldError("day", "Choose a day of this week.")
    _check_begun(shift, site, now)


def _check_begun(shift: RosterShift, site: Site, now: datetime) -> None:
    if shift.day < local_day(now, site.zone):
        raise FieldError("day", f"{day_and_year(shift.day)} has passed; its roster stays as it was.")


def _check_person(db: Session, site: Site, person_id: int) -> None:
    here = select(Person.id).join(PersonSite, PersonSite.person_id == Person.id)
    if db.scalar(here.where(Person.id == person_id, Person.active, PersonSite.site_id == site.id)) is None:
        raise FieldError("person", "Choose somebody who works at this site.")


def _check_times(shift: RosterShift, zone: str) -> None:
    if not 0 <= shift.starts_minute < shift.ends_minute <= 2 * DAY_MINUTES or shift.starts_minute >= DAY_MINUTES:
        raise FieldError("ends", "The end has to be after the start.")
    if shift.ends_minute - shift.starts_minute > DAY_MINUTES:
        raise FieldError("ends", "A shift lasts 24 hours at most.")
    pause = shift.break_starts_minute, shift.break_ends_minute
    if (
        pause[0] is not None
        and pause[1] is not None
        and not shift.starts_minute < pause[0] < pause[1] < shift.ends_minute
    ):
        raise FieldError("break_starts", "The break has to lie inside the shift, and end after it starts.")
    try:
        when = instants_of(shift, zone)
    except (NonexistentWallTime, AmbiguousWallTime) as odd:
        raise FieldError("starts", str(odd)) from odd
    if when.ends_at <= when.starts_at:
        raise FieldError("ends", "The clocks change that night: the end is not after the start.")
    if pause[0] is not None and not (
        when.break_starts_at and when.break_ends_at
        and when.starts_at < when.break_starts_at < when.break_ends_at < when.ends_at
    ):  # fmt: skip
        raise FieldError("break_starts", "The clocks change that night, and the break falls away. Choose another time.")


def _note(
    db: Session, principal: Principal, row: RosterDraft, action: str, now: datetime, detail: dict[str, str]
) -> None:
    auditing.record(
        db,
        principal,
        action=action,
        object_type="roster_draft",
        object_id=row.id,
        now=now,
        detail={"site": row.site_id, "week": row.monday.isoformat(), **detail},
    )
