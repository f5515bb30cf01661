"""What people and things are already held for, by appointments and by promises that still hold."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from planner.domain.intervals import instant_of
from planner.scheduling.sheets import Span
from planner.store.guards import LONGEST_SECONDS
from planner.store.records import Appointment, Hold, Occupancy
from planner.store.sheets.minutes import MinuteDown, MinuteUp, packed, unpacked

Busy = dict[int, list[Span]]


def load_busy(
    db: Session,
    holdable_ids: Collection[int],
    span: Span,
    now: datetime,
    *,
    without_course_id: int | None = None,
    without_hold_id: int | None = None,
) -> Busy:
    """Spans (UTC minutes, turnover included) that hold each of `holdable_ids` within `span`, in order. One query.

    Leaves out promises that have run out at `now`, what `without_course_id` itself has booked, and the promise
    `without_hold_id`.
    """
    start, end = instant_of(span[0]), instant_of(span[1])
    query = (
        select(Occupancy.holdable_id, packed(MinuteDown(Occupancy.starts_at), MinuteUp(Occupancy.ends_at)))
        .where(Occupancy.holdable_id.in_(sorted(holdable_ids)))
        # No row is longer than LONGEST_SECONDS, which lets the index bound the search on both sides.
        .where(Occupancy.starts_at < end, Occupancy.starts_at > start - timedelta(seconds=LONGEST_SECONDS))
        .where(Occupancy.ends_at > start)
        .where(
            or_(
                Occupancy.hold_id.is_(None),
                Occupancy.hold_id.in_(select(Hold.id).where(Hold.expires_at > now, Hold.id != (without_hold_id or 0))),
            )
        )
        .group_by(Occupancy.holdable_id)
    )
    if without_course_id is not None:
        own = select(Appointment.id).where(Appointment.course_id == without_course_id)
        query = query.where(or_(Occupancy.appointment_id.is_(None), Occupancy.appointment_id.not_in(own)))
    return {holdable_id: unpacked(spans) for holdable_id, spans in db.execute(query)}
