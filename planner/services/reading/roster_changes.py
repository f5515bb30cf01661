"""What was done last to a site's days or to its people's time, while it can still be undone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from planner.domain.access import Permission, Principal, may
from planner.services.disruption_acts import GROUP_KINDS
from planner.store.records import AuditEntry, ChangeLine, ChangeSet, Person, PersonSite


@dataclass(frozen=True, slots=True)
class RosterChange:
    """A change of a site's roster that can still be undone (aware instant `undo_until`).

    `days` are the days it closed or opened, `person_name` is whose time it is about; `count` is how many appointments
    it changed.
    """

    id: int
    kind: str
    undo_until: datetime
    days: tuple[date, ...]
    person_name: str
    count: int


def latest_change(db: Session, principal: Principal, site_id: int, now: datetime) -> RosterChange | None:
    """The last such change of a site, if `principal` may still undo it. At most five queries."""
    if not may(principal, Permission.ROSTERS_WRITE):
        return None
    groups = db.execute(
        select(ChangeSet.id, ChangeSet.kind, ChangeSet.undo_until, AuditEntry.object_type, AuditEntry.object_id)
        .join(AuditEntry, (AuditEntry.change_set_id == ChangeSet.id) & (AuditEntry.action == ChangeSet.kind))
        .where(ChangeSet.kind.in_(GROUP_KINDS), ChangeSet.undone_at.is_(None), ChangeSet.undo_until >= now)
        .order_by(ChangeSet.id.desc())
    ).all()
    if not groups:
        return None
    here = set(db.scalars(select(PersonSite.person_id).where(PersonSite.site_id == site_id)))
    lines: dict[int, list[dict[str, object]]] = {group.id: [] for group in groups}
    query = select(ChangeLine).where(ChangeLine.change_set_id.in_(lines)).order_by(ChangeLine.position)
    for line in db.scalars(query):
        lines[line.change_set_id].append(line.after or line.before or {})
    for group in groups:
        values = lines[group.id]
        person_id = next((v["person_id"] for v in values if "person_id" in v), None)
        if group.object_type == "person":
            person_id = group.object_id
        if person_id in here or any(v.get("site_id") == site_id for v in values):
            days = tuple(date.fromisoformat(str(v["day"])) for v in values if "day" in v)
            name = db.scalar(select(Person.name).where(Person.id == person_id)) if person_id else ""
            return RosterChange(group.id, group.kind, group.undo_until, days, name or "", _moved(db, group.id))
    return None


def _moved(db: Session, group_id: int) -> int:
    parts = select(ChangeSet.id).where(ChangeSet.group_id == group_id)
    query = select(func.count()).where(ChangeLine.change_set_id.in_(parts), ChangeLine.record == "appointment")
    return db.scalar(query) or 0
