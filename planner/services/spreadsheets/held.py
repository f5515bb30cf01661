"""What people are booked for, asked for many spans at once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from planner.domain.statuses import HOLDING
from planner.services.spreadsheets.ground import PersonInfo
from planner.services.spreadsheets.importing import chunks
from planner.store.guards import LONGEST_SECONDS
from planner.store.records import Appointment

Span = tuple[datetime, datetime]
_LONGEST = timedelta(seconds=LONGEST_SECONDS)


def booked_in(db: Session, wanted: Sequence[tuple[datetime, datetime, PersonInfo]], now: datetime) -> list[list[Span]]:
    """For each span and person, the appointments not over yet that they hold there as therapist or nurse, by start."""
    if not wanted:
        return []
    booked = _booked(
        db,
        sorted({person.id for _, _, person in wanted}),
        max(now, min(w[0] for w in wanted)),
        max(w[1] for w in wanted),
    )
    return [[span for span in booked[person.id] if span[0] < end and start < span[1]] for start, end, person in wanted]


def _booked(db: Session, person_ids: Sequence[int], start: datetime, end: datetime) -> defaultdict[int, list[Span]]:
    found: defaultdict[int, list[Span]] = defaultdict(list)
    for part in chunks(person_ids, 500):
        rows = db.execute(
            select(Appointment.therapist_id, Appointment.nurse_id, Appointment.starts_at, Appointment.ends_at)
            .where(
                or_(Appointment.therapist_id.in_(part), Appointment.nurse_id.in_(part)),
                Appointment.status.in_(HOLDING),
                Appointment.starts_at < end,
                Appointment.starts_at > start - _LONGEST,
                Appointment.ends_at > start,
            )
            .order_by(Appointment.starts_at, Appointment.id)
        )
        for therapist_id, nurse_id, starts_at, ends_at in rows:
            for person_id in {therapist_id, nurse_id}:
                if person_id is not None:
                    found[person_id].append((starts_at, ends_at))
    return found
