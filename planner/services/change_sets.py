"""One act of a person as one change set: rows before and after, the history's line, the calendars it moves."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from planner.domain.access import Principal
from planner.domain.errors import NotFound, StaleVersion
from planner.services import auditing
from planner.store.base import Base
from planner.store.calendar_versions import Subject, bump, subjects_of
from planner.store.changes import ChangeLog
from planner.store.records import Appointment, ChangeSet, Clinic, Course


class Act:
    """Rows are watched before they change; `finish` writes what changed, who did it, and wakes the calendars."""

    def __init__(self, db: Session, principal: Principal, now: datetime) -> None:
        self.db, self.principal, self.now = db, principal, now
        self._log = ChangeLog(db)
        self._subjects: set[Subject] = set()

    def watch(self, records: Iterable[Base]) -> None:
        """Remember rows as they are, before touching them."""
        records = list(records)
        self._log.watch(records)
        self._count(records)

    def made(self, records: Iterable[Base]) -> None:
        """Remember rows that this act makes, once they have their ids."""
        self._log.made(records)

    def finish(
        self,
        kind: str,
        *,
        course: Course | None,
        patient_id: int | None,
        undo_minutes: int,
        removed: Iterable[Base] = (),
        undoes_id: int | None = None,
        detail: Mapping[str, Any] | None = None,
    ) -> ChangeSet:
        """Write the change set, its lines, one line of history and the calendars' counters."""
        db, now = self.db, self.now
        change_set = ChangeSet(
            kind=kind, account_id=self.principal.account_id, course_id=course.id if course else None, at=now,
            undo_until=now + timedelta(minutes=undo_minutes), undoes_id=undoes_id,
        )  # fmt: skip
        db.add(change_set)
        db.flush()
        self._log.write(change_set, removed)
        auditing.record(
            db, self.principal, action=kind, object_type="course" if course else "change_set",
            object_id=course.id if course else change_set.id, patient_id=patient_id, now=now,
            change_set_id=change_set.id, detail=detail,
        )  # fmt: skip
        self._count(self._log.appointments)
        bump(db, self._subjects, now)
        return change_set

    def _count(self, records: Iterable[Base]) -> None:
        for record in records:
            if isinstance(record, Appointment):
                self._subjects |= subjects_of(record)


def lock_course(db: Session, course_id: int) -> Course:
    """The course as it is now; others who want to change it wait until this transaction ends. Raises NotFound."""
    course = db.scalar(
        select(Course)
        .where(Course.id == course_id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    if course is None:
        raise NotFound
    return course


def lock_appointments(db: Session, *, course_id: int) -> dict[int, Appointment]:
    """The course's appointments by id as they are now, locked in the order of their ids."""
    found = db.scalars(
        select(Appointment)
        .where(Appointment.course_id == course_id)
        .order_by(Appointment.id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    return {appointment.id: appointment for appointment in found}


def lock_appointment(db: Session, appointment_id: int) -> Appointment:
    """One appointment as it is now, after its course, so that everybody locks in one order. Raises NotFound."""
    course_id = db.scalar(select(Appointment.course_id).where(Appointment.id == appointment_id))
    if course_id is not None:
        lock_course(db, course_id)
    appointment = db.scalar(
        select(Appointment)
        .where(Appointment.id == appointment_id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    if appointment is None:
        raise NotFound
    return appointment


def check_version(seen: int, current: int, what: str = "This appointment") -> None:
    """Raise StaleVersion when somebody changed a row since it was shown (security.md 8.2)."""
    if seen != current:
        raise StaleVersion(seen, current, what)


def grace_minutes(db: Session, wanted: int | None) -> int:
    """How many minutes a change may be undone: as asked, else the clinic's setting, else none."""
    if wanted is not None:
        return wanted
    return db.scalar(select(Clinic.undo_minutes)) or 0
