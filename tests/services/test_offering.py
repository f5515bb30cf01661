"""Times offered to staff for what is booked, and the nearest ones beside a refusal."""

from collections import Counter
from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from planner.domain.errors import NotFound, Refused
from planner.domain.intervals import instant_of
from planner.domain.walltime import local_day
from planner.scheduling.offers import A_DAY, every_offer
from planner.services.reading.offering import NEAREST, nearest_to, offered
from planner.services.rescheduling import Move, preview
from planner.store.sheets import load_course
from tests.support.booked_course import book_course_for
from tests.support.cast import NOW, Cast, make_cast


@pytest.fixture
def cast(db: Session) -> Cast:
    return make_cast(db)


def test_what_is_offered_can_be_had_and_every_day_is_there(db: Session, cast: Cast) -> None:
    booked = book_course_for(db, cast)
    coordinator = cast.principals["coordinator"]
    course = load_course(db, booked.course.id, NOW)
    for row in (booked.infusion(3), booked.session(3)):
        times = offered(db, coordinator, row.id, now=NOW)
        shown = Counter(local_day(time.starts_at, cast.north.zone) for time in times)
        assert max(shown.values()) <= A_DAY
        minutes = {offer.start for offer in every_offer(course, row.id)}
        assert {int(time.starts_at.timestamp()) // 60 for time in times} <= minutes
        assert set(shown) == {local_day(instant_of(minute), cast.north.zone) for minute in minutes}
        for time in times:
            found = preview(db, coordinator, Move(row.id, time.starts_at), now=NOW)
            assert not found.decision.overrides
            assert not found.decision.unsaved


def test_the_nearest_times_are_near_also_where_few_are_shown(db: Session, cast: Cast) -> None:
    booked = book_course_for(db, cast)
    coordinator = cast.principals["coordinator"]
    session = booked.session(3)
    every = [offer.start for offer in every_offer(load_course(db, booked.course.id, NOW), session.id)]
    wanted = session.starts_at + timedelta(minutes=7)
    with pytest.raises(Refused):
        preview(db, coordinator, Move(session.id, wanted), now=NOW)
    minute = int(wanted.timestamp()) // 60
    nearest = sorted(sorted(every, key=lambda start: (abs(start - minute), start))[:NEAREST])
    found = nearest_to(db, coordinator, session.id, wanted, now=NOW)
    assert [int(time.starts_at.timestamp()) // 60 for time in found] == nearest


def test_somebody_elses_dates_offer_nothing(db: Session, cast: Cast) -> None:
    session = book_course_for(db, cast).session(3)
    with pytest.raises(NotFound):
        nearest_to(db, cast.principals["patient-two"], session.id, session.starts_at, now=NOW)
