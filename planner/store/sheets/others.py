"""Who holds people and things at one time, by name: for somebody who asks to hold one of them twice."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from planner.domain.intervals import instant_of
from planner.scheduling.sheets import OtherHold, Span
from planner.store.guards import LONGEST_SECONDS
from planner.store.records import Appointment, Hold, Occupancy
from planner.store.sheets.minutes import MinuteDown, MinuteUp


def load_others(db: Session, span: Span, now: datetime, *, without_course_id: int) -> tuple[OtherHold, ...]:
    """Everything held within `span` (UTC minutes) but by this course, turnover included, in order. One query.

    Promises that have run out at `now` are left out.
    """
    start, end = instant_of(span[0]), instant_of(span[1])
    own = select(Appointment.id).where(Appointment.course_id == without_course_id)
    query = (
        select(
            Occupancy.holdable_id,
            MinuteDown(Occupancy.starts_at),
            MinuteUp(Occupancy.ends_at),
            Occupancy.appointment_id,
        )
        .where(Occupancy.starts_at < end, Occupancy.starts_at > start - timedelta(seconds=LONGEST_SECONDS))
        .where(Occupancy.ends_at > start)
        .where(or_(Occupancy.hold_id.is_(None), Occupancy.hold_id.in_(select(Hold.id).where(Hold.expires_at > now))))
        .where(or_(Occupancy.appointment_id.is_(None), Occupancy.appointment_id.not_in(own)))
        .order_by(Occupancy.holdable_id, Occupancy.starts_at, Occupancy.id)
    )
    return tuple(OtherHold(*row) for row in db.execute(query))
