"""Holds: a promise for a few minutes that counts like a booking, and costs nothing once it has run out."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from planner.domain.access import Principal, Role
from planner.domain.errors import NotFound, Refused
from planner.scheduling.placements import Placement
from planner.services.booking import book_course
from planner.services.holding import place_hold, release_hold, sweep_expired
from planner.store.records import Account, Course, Hold, Occupancy, PlanDraft
from tests.support.small_clinic import NOW, SmallClinic, make_small_clinic, proposal

MORNING = datetime(2027, 1, 11, 15, 0, tzinfo=UTC)


@pytest.fixture
def clinic(db: Session) -> SmallClinic:
    return make_small_clinic(db)


@pytest.fixture
def other(db: Session) -> Principal:
    account = Account(
        email="b@example.test", email_key="b@example.test", password_hash="!", name="Test Other", created_at=NOW
    )
    db.add(account)
    db.flush()
    return Principal(account.id, frozenset({Role.COORDINATOR}))


def hold(db: Session, clinic: SmallClinic, placement: Placement, **more: object) -> Hold:
    given = {"principal": clinic.coordinator, "draft_id": None, "minutes": 20, "now": NOW} | more
    return place_hold(db, holds=placement.holds, **given)  # type: ignore[arg-type]


def book(db: Session, clinic: SmallClinic, placement: Placement, **more: object) -> Course:
    given = {"principal": clinic.coordinator, "patient_id": clinic.patients[0].id, "now": NOW} | more
    return book_course(
        db, protocol_version_id=clinic.version_id, site_id=clinic.site_id, wishes={},
        proposal=proposal([placement]), **given,  # type: ignore[arg-type]
    )  # fmt: skip


def count(db: Session, record: type) -> int:
    return db.scalars(select(func.count()).select_from(record)).one()


def test_a_hold_blocks_a_booking_and_says_so(db: Session, clinic: SmallClinic) -> None:
    hold(db, clinic, clinic.infusion(1, MORNING))
    with pytest.raises(Refused, match=r"Chair 1 is already held .* while somebody plans"):
        book(db, clinic, clinic.infusion(0, MORNING))


def test_a_hold_is_refused_where_somebody_is_booked(db: Session, clinic: SmallClinic) -> None:
    book(db, clinic, clinic.infusion(0, MORNING))
    with pytest.raises(Refused, match="by another infusion"):
        hold(db, clinic, clinic.infusion(1, MORNING + timedelta(hours=1)))
    assert count(db, Hold) == 0


def test_the_holder_books_what_was_held(db: Session, clinic: SmallClinic) -> None:
    kept = hold(db, clinic, clinic.infusion(0, MORNING))
    book(db, clinic, clinic.infusion(0, MORNING), hold_id=kept.id)
    assert count(db, Hold) == 0
    assert count(db, Occupancy) == 3


def test_a_refused_booking_leaves_the_hold_in_place(db: Session, clinic: SmallClinic) -> None:
    kept = hold(db, clinic, clinic.infusion(0, MORNING))
    book(db, clinic, clinic.infusion(1, MORNING + timedelta(days=1)), patient_id=clinic.patients[1].id)
    with pytest.raises(Refused):
        book(db, clinic, clinic.infusion(0, MORNING + timedelta(days=1)), hold_id=kept.id)
    assert count(db, Hold) == 1
    assert db.scalars(select(Occupancy.id).where(Occupancy.hold_id == kept.id)).all()


def test_nobody_uses_or_ends_anothers_hold(db: Session, clinic: SmallClinic, other: Principal) -> None:
    kept = hold(db, clinic, clinic.infusion(0, MORNING))
    with pytest.raises(NotFound):
        book(db, clinic, clinic.infusion(0, MORNING), hold_id=kept.id, principal=other)
    with pytest.raises(NotFound):
        release_hold(db, other, kept.id, NOW)
    assert count(db, Hold) == 1


def test_a_hold_given_back_blocks_nothing(db: Session, clinic: SmallClinic) -> None:
    kept = hold(db, clinic, clinic.infusion(1, MORNING))
    release_hold(db, clinic.coordinator, kept.id, NOW)
    book(db, clinic, clinic.infusion(0, MORNING))
    with pytest.raises(NotFound):
        release_hold(db, clinic.coordinator, kept.id, NOW)


def test_a_hold_lasts_to_its_last_second(db: Session, clinic: SmallClinic) -> None:
    hold(db, clinic, clinic.infusion(1, MORNING))
    with pytest.raises(Refused):
        book(db, clinic, clinic.infusion(0, MORNING), now=NOW + timedelta(minutes=20, seconds=-1))
    book(db, clinic, clinic.infusion(0, MORNING), now=NOW + timedelta(minutes=20))


def test_a_new_hold_of_the_same_draft_takes_the_place_of_the_old(db: Session, clinic: SmallClinic) -> None:
    draft = PlanDraft(account_id=clinic.account_id, answers={}, updated_at=NOW)
    db.add(draft)
    db.flush()
    hold(db, clinic, clinic.infusion(0, MORNING), draft_id=draft.id)
    second = hold(db, clinic, clinic.infusion(0, MORNING + timedelta(minutes=30)), draft_id=draft.id)
    assert db.scalars(select(Hold.id)).all() == [second.id]


def test_sweeping_takes_away_what_ran_out_and_nothing_else(db: Session, clinic: SmallClinic) -> None:
    hold(db, clinic, clinic.infusion(0, MORNING), minutes=5)
    kept = hold(db, clinic, clinic.infusion(1, MORNING, chair=1), minutes=15)
    assert sweep_expired(db, NOW + timedelta(minutes=5)) == 1
    assert db.scalars(select(Hold.id)).all() == [kept.id]
    assert {row.hold_id for row in db.scalars(select(Occupancy))} == {kept.id}
    assert sweep_expired(db, NOW + timedelta(minutes=5)) == 0
