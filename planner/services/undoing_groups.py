"""Undoing whatever a person did as one: a single change, or a closed day or absence with all it moved."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from planner.domain.access import Permission, Principal, may
from planner.domain.conflicts import Conflict, Rule
from planner.domain.errors import NotFound, NotPermitted, Refused
from planner.services import auditing
from planner.services.disruption_acts import GROUP_KINDS
from planner.services.roster_publishing import ROSTER_KINDS
from planner.services.roster_rows import take_back
from planner.services.roster_undoing import undo_publication
from planner.services.undoing import undo
from planner.store.changes import lines_of
from planner.store.records import AuditEntry, ChangeLine, ChangeSet, PersonSite


def undo_change(db: Session, principal: Principal, change_set_id: int, now: datetime) -> ChangeSet:
    """Undo a change set, with its whole group if it belongs to one; returns what was undone.

    Raises what `planner.services.undoing.undo` raises; nothing is undone then.
    """
    found = db.get(ChangeSet, change_set_id)
    if found is None:
        raise NotFound
    if found.group_id is not None:
        found = db.get_one(ChangeSet, found.group_id)
    if found.kind in ROSTER_KINDS:
        undo_publication(db, principal, found, now)
        return found
    if found.kind not in GROUP_KINDS:
        undo(db, principal, change_set_id, now)
        return found
    with db.begin_nested():
        _undo_group(db, principal, found, now)
    return found


def _undo_group(db: Session, principal: Principal, group: ChangeSet, now: datetime) -> None:
    """The courses last first, then the closures or the absence themselves."""
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
    lines = lines_of(db, group.id)
    _check_may(db, principal, group, lines, made.object_id if made.object_type == "person" else None)
    if group.undone_at is not None or now > group.undo_until:
        over = "was undone already" if group.undone_at else "can no longer be undone"
        raise Refused([Conflict(Rule.STATUS, f"This change {over}.")])
    parts = select(ChangeSet.id).where(ChangeSet.group_id == group.id).order_by(ChangeSet.id.desc())
    for part in db.scalars(parts).all():
        undo(db, principal, part, now)
    take_back(db, lines, now)
    group.undone_at = now
    db.flush()
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


def _check_may(
    db: Session, principal: Principal, group: ChangeSet, lines: list[ChangeLine], person_id: int | None
) -> None:
    """Whoever made it, or who keeps the roster of that site, may undo it; for others it is not there."""
    if group.account_id == principal.account_id:
        return
    values = [line.after or line.before or {} for line in lines]
    people = {each["person_id"] for each in values if "person_id" in each} | ({person_id} if person_id else set())
    sites = {each["site_id"] for each in values if "site_id" in each}
    sites |= set(db.scalars(select(PersonSite.site_id).where(PersonSite.person_id.in_(people))))
    if not principal.site_ids & sites:
        raise NotFound
    if not may(principal, Permission.ROSTERS_WRITE):
        raise NotPermitted("Only the person who made this change, or a coordinator, can undo it.")
