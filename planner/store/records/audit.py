"""The history: who did what, and what each change replaced so that it can be undone."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from planner.store.base import Base, UtcInstant


class ChangeSet(Base):
    """All rows changed by one act, applied and undone as one. `undo_until` ends its grace time.

    An act on many courses (a closed day, somebody away) has one change set of its own and one per course in its group.
    """

    __tablename__ = "change_set"
    __table_args__ = (Index("ix_change_set_course_id_at", "course_id", "at"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(40))
    account_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    course_id: Mapped[int | None] = mapped_column(ForeignKey("course.id"))
    at: Mapped[datetime] = mapped_column(UtcInstant)
    undo_until: Mapped[datetime] = mapped_column(UtcInstant)
    undone_at: Mapped[datetime | None] = mapped_column(UtcInstant)
    undoes_id: Mapped[int | None] = mapped_column(ForeignKey("change_set.id"), unique=True)
    group_id: Mapped[int | None] = mapped_column(ForeignKey("change_set.id"), index=True)


class ChangeLine(Base):
    """One row before and after a change; `before` is empty for a new row, `after` for a removed one."""

    __tablename__ = "change_line"

    id: Mapped[int] = mapped_column(primary_key=True)
    change_set_id: Mapped[int] = mapped_column(ForeignKey("change_set.id"), index=True)
    position: Mapped[int]
    record: Mapped[str] = mapped_column(String(40))
    record_id: Mapped[int]
    before: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    after: Mapped[dict[str, Any] | None] = mapped_column(JSON)


class AuditEntry(Base):
    """One line of the append-only history: ids and words of ours, never free text or health information.

    Changes stand in it, and reads of patients' records. Nothing is ever taken out.
    """

    __tablename__ = "audit_entry"
    __table_args__ = (
        Index("ix_audit_entry_object", "object_type", "object_id"),
        Index("ix_audit_entry_patient_id_at", "patient_id", "at"),
        Index("ix_audit_entry_action_at", "action", "at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(UtcInstant)
    account_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    roles: Mapped[str] = mapped_column(String(120), default="")
    action: Mapped[str] = mapped_column(String(60))
    object_type: Mapped[str] = mapped_column(String(40))
    object_id: Mapped[int | None]
    patient_id: Mapped[int | None] = mapped_column(ForeignKey("patient.id"))
    change_set_id: Mapped[int | None] = mapped_column(ForeignKey("change_set.id"))
    address: Mapped[str] = mapped_column(String(64), default="")
    outcome: Mapped[str] = mapped_column(String(20), default="ok")
    detail: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
