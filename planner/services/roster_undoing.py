"""Undoing a version of a week within its grace time: the shifts and every appointment as they were, as one.

History is only appended to, so what was undone stays in the list of versions and is followed by one that takes it back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from planner.domain.access import Permission, Principal, may
from planner.domain.conflicts import Conflict, Rule
from planner.domain.errors import NotFound, NotPermitted, Refused
from planner.domain.rosters import RosterShift, digest_of, in_order
from planner.domain.walltime import local_day
from planner.scheduling.roster_changes import uncovered
from planner.scheduling.sheets import ClinicSheet
from planner.services import auditing
from planner.services.roster_drafts import draft_of, draft_row
from planner.services.roster_publishing import KIND_PUBLISH, Scope, Week, scope_of
from planner.services.roster_weeks import newest_number, published_week, same_week, still_here, write_week
from planner.services.undoing import undo
from planner.store.records import ChangeSet, RosterDraft, RosterPublication, Site

BOOKED = "Somebody was booked into that time meanwhile. Take the version back instead: you see first what it moves."
AGAIN = "This week was changed again since. Undo that first, or publish it again."


def undo_publication(db: Session, principal: Principal, group: ChangeSet, now: datetime) -> None:
    """Take back a version, or all published as one, with every appointment moved; a draft is one again.

    Raises NotFound for a site that is not the principal's, NotPermitted, Refused when the grace time is over or the
    week or an appointment changed since; nothing is undone then.
    """
    with db.begin_nested():
        group = db.scalars(
            select(ChangeSet)
            .where(ChangeSet.id == group.id)
            .with_for_update(key_share=True)
            .execution_options(populate_existing=True)
        ).one()
        made = select(RosterPublication).where(RosterPublication.change_set_id == group.id)
        versions = db.scalars(made.order_by(RosterPublication.monday)).all()
        for version in versions:
            _check(principal, group, version, now)
        ways_back = [_way_back(db, version, now) for version in versions]
        parts = select(ChangeSet.id).where(ChangeSet.group_id == group.id).order_by(ChangeSet.id.desc())
        for part in db.scalars(parts).all():
            undo(db, principal, part, now)
        for way in ways_back:
            write_week(db, way.site, way.version.monday, way.before)
        for way in ways_back:
            _refuse_booked(db, way, now)
            _record(db, principal, way.version, way.before, now)
            if group.kind == KIND_PUBLISH:
                _draft_again(db, principal, way.site, way.version, way.before, way.after, now)
        group.undone_at = now
        db.flush()
        for version in versions:
            _note(db, principal, group, version, now)


@dataclass(frozen=True, slots=True)
class _WayBack:
    """A version and what will stand instead of it; `clinics` are those of the courses that may lose somebody."""

    version: RosterPublication
    site: Site
    before: list[RosterShift]
    after: list[RosterShift]
    scope: Scope | None
    clinics: Mapping[int, ClinicSheet]


def _way_back(db: Session, version: RosterPublication, now: datetime) -> _WayBack:
    """Raises Refused when the week changed since."""
    site = db.get_one(Site, version.site_id)
    before, after = ([RosterShift.from_json(kept) for kept in side] for side in (version.before, version.after))
    is_newest = newest_number(db, site.id, version.monday) == version.number
    if not is_newest or not same_week(published_week(db, site.id, site.zone, version.monday), after):
        raise Refused([Conflict(Rule.STATUS, AGAIN)])
    before = [*in_order(_restored(db, site, before, after, now))]
    week = Week(site, version.monday, tuple(after), tuple(before), version.number + 1, None)
    scope = scope_of(db, week, now)
    clinics = {course.id: course.clinic for course in scope.load(db, now)} if scope else {}
    return _WayBack(version, site, before, after, scope, clinics)


def _refuse_booked(db: Session, way: _WayBack, now: datetime) -> None:
    for course in way.scope.load(db, now) if way.scope else ():
        if course.id in way.clinics and uncovered(course, way.clinics[course.id]):
            raise Refused([Conflict(Rule.STATUS, BOOKED)])


def _note(db: Session, principal: Principal, group: ChangeSet, version: RosterPublication, now: datetime) -> None:
    auditing.record(
        db,
        principal,
        action="undo",
        object_type="roster_publication",
        object_id=version.id,
        now=now,
        change_set_id=group.id,
        detail={"undoes": group.kind},
    )


def _check(principal: Principal, group: ChangeSet, version: RosterPublication, now: datetime) -> None:
    if version.site_id not in principal.site_ids:
        raise NotFound
    if not may(principal, Permission.ROSTERS_WRITE):
        raise NotPermitted("Only a coordinator of this site can undo this.")
    if group.undone_at is not None or now > group.undo_until:
        over = "was undone already" if group.undone_at else "can no longer be undone"
        raise Refused([Conflict(Rule.STATUS, f"This change {over}.")])


def _restored(
    db: Session, site: Site, before: list[RosterShift], after: list[RosterShift], now: datetime
) -> tuple[RosterShift, ...]:
    """What stood before; who left since is not put on again for today or later."""
    kept = [shift for shift in before if shift in after]
    today = local_day(now, site.zone)
    fresh = [shift for shift in before if shift not in after]
    passed = [shift for shift in fresh if shift.day < today]
    return (*kept, *passed, *still_here(db, site, (shift for shift in fresh if shift.day >= today)))


def _record(
    db: Session, principal: Principal, version: RosterPublication, restored: list[RosterShift], now: datetime
) -> None:
    db.add(
        RosterPublication(
            site_id=version.site_id,
            monday=version.monday,
            number=version.number + 1,
            is_withdrawal=not version.is_withdrawal,
            account_id=principal.account_id,
            at=now,
            before=version.after,
            after=[shift.to_json() for shift in restored],
        )
    )
    try:
        with db.begin_nested():
            db.flush()
    except IntegrityError as error:
        raise Refused([Conflict(Rule.STATUS, AGAIN)]) from error


def _draft_again(
    db: Session,
    principal: Principal,
    site: Site,
    version: RosterPublication,
    before: list[RosterShift],
    after: list[RosterShift],
    now: datetime,
) -> None:
    """What was published is not lost: unless somebody drafts that week by now, it is the draft."""
    if draft_of(db, site, version.monday) is not None:
        return
    row = RosterDraft(
        site_id=site.id,
        monday=version.monday,
        base_number=version.number + 1,
        base_digest=digest_of(before),
        updated_by_id=principal.account_id,
        updated_at=now,
    )
    db.add(row)
    db.flush()
    db.add_all(draft_row(row.id, shift) for shift in after)
    db.flush()
