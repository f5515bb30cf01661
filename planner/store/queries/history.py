"""The history of a course: who did what when, and what each act replaced."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import and_, exists, func, or_, select
from sqlalchemy.orm import Session

from planner.domain.access import Principal
from planner.domain.reads import READS
from planner.store.queries.scopes import the_one, visible_appointments, visible_courses
from planner.store.records import (
    Account,
    Appointment,
    AuditEntry,
    ChangeLine,
    ChangeSet,
    Course,
    OverrideRule,
    RuleOverride,
)


@dataclass(frozen=True, slots=True)
class HistoryLine:
    """One record before and after; `before` is empty for a new one, `after` for a removed one."""

    record: str
    record_id: int
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class HistoryRow:
    """One line of the history. `undo_until` is set for an act that made a change set; `who` is None for the system."""

    at: datetime
    who: str | None
    roles: str
    action: str
    object_type: str
    object_id: int | None
    detail: Mapping[str, Any]
    change_set_id: int | None
    undo_until: datetime | None
    undone_at: datetime | None
    undoes_id: int | None
    lines: tuple[HistoryLine, ...] = ()

    def may_be_undone(self, now: datetime) -> bool:
        """Whether its grace time still runs and nobody has undone it."""
        return self.undo_until is not None and self.undone_at is None and now < self.undo_until


def course_history(db: Session, principal: Principal, course_id: int) -> list[HistoryRow]:
    """Everything done to a course and its appointments, the latest first; who only looked is not in it. Three queries.

    Raises NotFound for a course that `principal` may not see.
    """
    the_one(db, visible_courses(principal), Course.id == course_id)
    own = select(Appointment.id).where(Appointment.course_id == course_id)
    query = (
        select(
            AuditEntry.at,
            Account.name,
            AuditEntry.roles,
            AuditEntry.action,
            AuditEntry.object_type,
            AuditEntry.object_id,
            AuditEntry.detail,
            AuditEntry.change_set_id,
            ChangeSet.undo_until,
            ChangeSet.undone_at,
            ChangeSet.undoes_id,
        )
        .outerjoin(Account, Account.id == AuditEntry.account_id)
        .outerjoin(ChangeSet, ChangeSet.id == AuditEntry.change_set_id)
        .where(
            or_(
                and_(AuditEntry.object_type == "course", AuditEntry.object_id == course_id),
                and_(AuditEntry.object_type == "appointment", AuditEntry.object_id.in_(own)),
                ChangeSet.course_id == course_id,
            ),
            AuditEntry.action.not_in(READS),
        )
        .order_by(AuditEntry.at.desc(), AuditEntry.id.desc())
    )
    rows: list[tuple[Any, ...]] = [tuple(row) for row in db.execute(query)]
    lines = _lines(db, {row[7] for row in rows if row[7] is not None})
    return [replace(HistoryRow(*row), lines=lines.get(row[7], ())) for row in rows]


def _lines(db: Session, change_set_ids: set[int]) -> dict[int, tuple[HistoryLine, ...]]:
    found: dict[int, list[HistoryLine]] = defaultdict(list)
    query = (
        select(
            ChangeLine.change_set_id,
            ChangeLine.record,
            ChangeLine.record_id,
            ChangeLine.before,
            ChangeLine.after,
        )
        .where(ChangeLine.change_set_id.in_(change_set_ids))
        .order_by(ChangeLine.change_set_id, ChangeLine.position)
    )
    for change_set_id, *columns in (tuple(row) for row in db.execute(query)):
        found[change_set_id].append(HistoryLine(*columns))
    return {change_set_id: tuple(lines) for change_set_id, lines in found.items()}


def arrived_at(db: Session, appointment_id: int) -> datetime | None:
    """When the patient was marked as arrived, if that was not undone. One query."""
    return db.scalar(
        select(func.min(ChangeSet.at))
        .join(ChangeLine, ChangeLine.change_set_id == ChangeSet.id)
        .where(
            ChangeSet.kind == "appointment.arrived",
            ChangeSet.undone_at.is_(None),
            ChangeLine.record == "appointment",
            ChangeLine.record_id == appointment_id,
        )
    )


@dataclass(frozen=True, slots=True)
class RuleSetAside:
    """A rule that somebody set aside for an appointment, and why."""

    rule: OverrideRule
    reason: str
    who: str
    at: datetime


def rules_set_aside(db: Session, principal: Principal, appointment_id: int) -> list[RuleSetAside]:
    """What was set aside for an appointment that `principal` may see and was not undone since, in order. One query."""
    # The act that set the rule aside is the one of that person and second that changed this very appointment.
    undone = exists().where(
        ChangeSet.at == RuleOverride.created_at,
        ChangeSet.account_id == RuleOverride.account_id,
        ChangeSet.undone_at.is_not(None),
        ChangeLine.change_set_id == ChangeSet.id,
        ChangeLine.record == "appointment",
        ChangeLine.record_id == RuleOverride.appointment_id,
    )
    seen = visible_appointments(principal).with_only_columns(Appointment.id)
    query = (
        select(RuleOverride.rule, RuleOverride.reason, Account.name, RuleOverride.created_at)
        .join(Account, Account.id == RuleOverride.account_id)
        .where(RuleOverride.appointment_id == appointment_id, RuleOverride.appointment_id.in_(seen), ~undone)
        .order_by(RuleOverride.created_at, RuleOverride.id)
    )
    return [RuleSetAside(*row) for row in db.execute(query)]
