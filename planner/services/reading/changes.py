"""The change of a course that can still be undone, and whether this person may."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from planner.domain.access import Permission, Principal, may
from planner.domain.errors import NotFound
from planner.store.queries.scopes import the_one, visible_courses
from planner.store.records import ChangeLine, ChangeSet, Course


@dataclass(frozen=True, slots=True)
class OpenChange:
    """A change within its grace time (aware instant `undo_until`); `count` is how many appointments it touched."""

    id: int
    kind: str
    undo_until: datetime
    count: int


def open_change(db: Session, principal: Principal, course_id: int, now: datetime) -> OpenChange | None:
    """The latest change of a course if `principal` may still undo it. One query."""
    touched = (
        select(func.count())
        .where(ChangeLine.change_set_id == ChangeSet.id, ChangeLine.record == "appointment")
        .correlate(ChangeSet)
        .scalar_subquery()
    )
    row = db.execute(
        select(
            ChangeSet.id,
            ChangeSet.kind,
            ChangeSet.undo_until,
            ChangeSet.account_id,
            ChangeSet.undone_at,
            ChangeSet.undoes_id,
            touched,
        )
        .where(ChangeSet.course_id == course_id, ChangeSet.undone_at.is_(None), ChangeSet.undoes_id.is_(None))
        .order_by(ChangeSet.id.desc())
        .limit(1)
    ).one_or_none()
    if row is None or now > row.undo_until or not _may_undo(principal, row.account_id):
        return None
    return OpenChange(row.id, row.kind, row.undo_until, row[6])


def course_of_change(db: Session, principal: Principal, change_set_id: int) -> int:
    """The course a change is about. Raises NotFound where `principal` may not see it."""
    course_id = db.scalar(select(ChangeSet.course_id).where(ChangeSet.id == change_set_id))
    if course_id is None:
        raise NotFound
    return the_one(db, visible_courses(principal), Course.id == course_id).id


def _may_undo(principal: Principal, account_id: int | None) -> bool:
    return account_id == principal.account_id or may(principal, Permission.COURSES_PLAN)
