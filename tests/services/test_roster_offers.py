"""What a roster says of breaks and of being on call is what is offered: no time in a break, no dose by telephone."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from planner.domain.conflicts import Rule
from planner.domain.errors import Refused
from planner.domain.intervals import instant_of
from planner.scheduling.offers import every_offer
from planner.services.rescheduling import Move, preview
from planner.store.records import Appointment, Shift
from planner.store.sheets import load_course
from tests.support.booked_course import book_course_for
from tests.support.cast import NOW, make_cast

HOUR = timedelta(hours=1)


def times(db: Session, row: Appointment) -> list[tuple[datetime, datetime]]:
    """Every time at which an appointment could be instead."""
    length = row.ends_at - row.starts_at
    starts = [instant_of(offer.start) for offer in every_offer(load_course(db, row.course_id or 0, NOW), row.id)]
    return [(start, start + length) for start in starts]


def test_a_break_takes_away_the_times_it_lies_over(db: Session) -> None:
    cast = make_cast(db)
    booked = book_course_for(db, cast)
    coordinator, session = cast.principals["coordinator"], booked.session(3)
    before = times(db, session)
    assert before
    rows = db.scalars(select(Shift).where(Shift.starts_minute == 13 * 60)).all()
    for row in rows:
        row.break_starts_minute, row.break_ends_minute = 14 * 60, 15 * 60
        row.break_starts_at, row.break_ends_at = row.starts_at + HOUR, row.starts_at + 2 * HOUR
    db.flush()
    pauses = [(row.starts_at + HOUR, row.starts_at + 2 * HOUR) for row in rows]
    lost = {time for time in before if any(time[0] < end and start < time[1] for start, end in pauses)}
    assert lost and set(times(db, session)) == set(before) - lost
    with pytest.raises(Refused) as refused:
        preview(db, coordinator, Move(session.id, min(lost)[0]), now=NOW)
    assert {conflict.rule for conflict in refused.value.conflicts} & {Rule.THERAPIST_BUSY, Rule.THERAPIST_AWAY}


def test_a_prescriber_on_call_covers_no_dose(db: Session) -> None:
    cast = make_cast(db)
    booked = book_course_for(db, cast)
    coordinator, infusion = cast.principals["coordinator"], booked.infusion(3)
    assert times(db, infusion)
    db.execute(update(Shift).where(Shift.person_id == cast.people["prescriber"].id).values(on_call=True))
    assert times(db, infusion) == []
    with pytest.raises(Refused) as refused:
        preview(db, coordinator, Move(infusion.id, infusion.starts_at + timedelta(minutes=15)), now=NOW)
    assert Rule.PRESCRIBER_AWAY in {conflict.rule for conflict in refused.value.conflicts}
