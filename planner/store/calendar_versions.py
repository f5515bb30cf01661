"""Counters that tell calendars that something changed (feeds.md rule 14): every change and deletion moves them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import DateTime, Integer, func, type_coerce
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from planner.store.records import Appointment, CalendarVersion, FeedScope

Subject = tuple[FeedScope, int]


def subjects_of(appointment: Appointment) -> set[Subject]:
    """Whose calendars show this appointment as it is now."""
    wanted = {
        (FeedScope.PATIENT, appointment.patient_id),
        (FeedScope.THERAPIST, appointment.therapist_id),
        (FeedScope.THERAPIST, appointment.nurse_id),
        (FeedScope.CHAIR, appointment.chair_id),
        (FeedScope.ROOM, appointment.room_id),
        (FeedScope.SITE, appointment.site_id),
    }
    return {(scope, subject_id) for scope, subject_id in wanted if subject_id is not None}


def bump(db: Session, subjects: Iterable[Subject], now: datetime) -> None:
    """Count one change for each subject; `changed_at` strictly grows, to the second.

    Call it once, late in the transaction: other writers of the same site wait from here until the commit.
    """
    on_sqlite = db.get_bind().dialect.name == "sqlite"
    now = now.astimezone(UTC).replace(microsecond=0)
    # One order for everybody, so that two writers never wait for each other crosswise.
    rows = [
        {"scope": scope, "subject_id": subject_id, "version": 1, "changed_at": now}
        for scope, subject_id in sorted(set(subjects))
    ]
    if not rows:
        return
    statement: Any = (sqlite.insert if on_sqlite else postgresql.insert)(CalendarVersion)
    new = statement.excluded.changed_at
    old = CalendarVersion.changed_at
    later = (
        # SQLite keeps instants as whole seconds, so adding one is adding a number.
        func.max(type_coerce(new, Integer), type_coerce(old, Integer) + 1)
        if on_sqlite
        else func.greatest(new, type_coerce(old, DateTime(timezone=True)) + timedelta(seconds=1))
    )
    db.execute(
        statement.on_conflict_do_update(
            index_elements=["scope", "subject_id"],
            set_={"version": CalendarVersion.version + 1, "changed_at": later},
        ),
        rows,
    )
