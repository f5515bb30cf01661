"""Reads of patients' records in the append-only history: ids only, and each before its answer."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from planner.domain.access import Principal
from planner.domain.reads import LIST_READ
from planner.services.auditing import record
from planner.store.queries.reads import Subject


def note_read(db: Session, principal: Principal, subject: Subject, now: datetime) -> None:
    """Add the line that says who opened whose record, or tried to."""
    record(
        db,
        principal,
        action=subject.action,
        object_type=subject.object_type,
        object_id=subject.object_id,
        patient_id=subject.patient_id,
        outcome=subject.outcome,
        now=now,
    )


def note_list(db: Session, principal: Principal, what: str, count: int, now: datetime) -> None:
    """Add the line that says who opened a list, and how many lines of it were shown."""
    record(
        db, principal, action=LIST_READ, object_type=what, object_id=None, now=now, detail={"shown": count}
    )  # fmt: skip
