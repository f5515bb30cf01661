"""Undoing whatever a person did as one: a single change, or a closed day or absence with all it moved."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from planner.domain.access import Principal
from planner.domain.conflicts import Conflict, Rule
from planner.domain.errors import NotFound, Refused
from planner.services import auditing
from planner.services.disruptions import KIND_AWAY, KIND_DAY
from planner.services.undoing import undo
from planner.store.records import Absence, AuditEntry, ChangeSet, Closure


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
    if group.undone_at is not None or now > group.undo_until:
        over = "was undone already" if group.undone_at else "can no longer be undone"
        raise Refused([Conflict(Rule.STATUS, f"This change {over}.")])
    parts = select(ChangeSet.id).where(ChangeSet.group_id == group.id).order_by(ChangeSet.id.desc())
    for part in db.scalars(parts).all():
        undo(db, principal, part, now)
    made = db.execute(
        select(AuditEntry.object_type, AuditEntry.object_id).where(
            AuditEntry.change_set_id == group.id, AuditEntry.action == group.kind
        )
    ).one()
    row = db.get(Closure if made.object_type == "closure" else Absence, made.object_id)
    if row is not None:
        db.delete(row)
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
