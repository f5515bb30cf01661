"""Undoing whatever a person did as one: a single change, or a closed day or absence with all it moved."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from planner.domain.access import Permission, Principal, may
from planner.domain.conflicts import Conflict, Rule
from planner.domain.errors import NotFound, NotPermitted, Refused
from planner.services import auditing
from planner.services.disruptions import KIND_AWAY, KIND_DAY
from planner.services.undoing import undo
from planner.store.calendar_versions import bump
from planner.store.records import Absence, AuditEntry, ChangeSet, Closure, FeedScope, PersonSite


def undo_change(db: Session, principal: Principal, change_set_id: int, now: datetime) -> ChangeSet:
    """Undo a change set, with its whole group if it belongs to one; returns what was undone.

    Raises what `planner.services.undoing.undo` raises; nothing is undone then.
    """
    found = db.get(ChangeSet, change_set_id)
    if found is None:
        raise NotFound
    if found.group_id is not None:
        found = db.get_one(ChangeSet, found.group_id)
    if found.kind not in (KIND_DAY, KIND_AWAY):
        undo(db, principal, change_set_id, now)
        return found
    with db.begin_nested():
        _undo_group(db, principal, found, now)
    return found


def _undo_group(db: Session, principal: Principal, group: ChangeSet, now: datetime) -> None:
    """The courses last first, then the closure or absence itself."""
    group = db.scalars(
        select(ChangeSet)
        .where(ChangeSet.id == group.id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    ).one()
    made = db.execute(
        select(AuditEntry.object_type, AuditEntry.object_id).where(
            AuditEntry.change_set_id == group.id, AuditEntry.action == group.kind
        )
    ).one()
    is_closure = made.object_type == "closure"
    row = db.get(Closure, made.object_id) if is_closure else db.get(Absence, made.object_id)
    _check_may(db, principal, group, row)
    if group.undone_at is not None or now > group.undo_until:
        over = "was undone already" if group.undone_at else "can no longer be undone"
        raise Refused([Conflict(Rule.STATUS, f"This change {over}.")])
    parts = select(ChangeSet.id).where(ChangeSet.group_id == group.id).order_by(ChangeSet.id.desc())
    for part in db.scalars(parts).all():
        undo(db, principal, part, now)
    if row is not None:
        db.delete(row)
    group.undone_at = now
    db.flush()
    if isinstance(row, Absence):
        bump(db, [(FeedScope.THERAPIST, row.person_id)], now)
    auditing.record(
        db,
        principal,
        action="undo",
        object_type=made.object_type,
        object_id=made.object_id,
        now=now,
        change_set_id=group.id,
        detail={"undoes": group.kind},
    )


def _check_may(db: Session, principal: Principal, group: ChangeSet, row: Closure | Absence | None) -> None:
    """Whoever made it, or who keeps the roster of that site, may undo it; for others it is not there."""
    if group.account_id == principal.account_id:
        return
    if isinstance(row, Closure):
        is_theirs = row.site_id in principal.site_ids
    else:
        sites = select(PersonSite.site_id).where(PersonSite.person_id == (row.person_id if row else 0))
        is_theirs = bool(principal.site_ids & set(db.scalars(sites)))
    if not is_theirs:
        raise NotFound
    if not may(principal, Permission.ROSTERS_WRITE):
        raise NotPermitted("Only the person who made this change, or a coordinator, can undo it.")
