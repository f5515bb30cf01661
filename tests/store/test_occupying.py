"""Claims on and off."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from planner.domain.errors import Refused
from planner.domain.intervals import Interval, minute_of
from planner.store.engine import Store
from planner.store.occupying import (
    Claim,
    claims_of,
    conflicts_with,
    held_by,
    hold_for,
    holdable_names,
    lock_holdables,
    release,
    tell_span,
)
from planner.store.records import Occupancy
from tests.services.booked import booked_course
from tests.support.small_clinic import ZONE, make_small_clinic

NINE = datetime(2027, 1, 11, 15, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def test_claims_come_in_one_order() -> None:
    at = minute_of(NINE)
    claims = claims_of([(7, at, at + 60), (3, at, at + 30)])
    assert claims == (
        Claim(3, Interval(NINE, NINE + HOUR / 2)),
        Claim(7, Interval(NINE, NINE + HOUR)),
    )


def test_what_was_held_can_be_given_back_and_held_again(db: Session) -> None:
    booked = booked_course(db)
    row = booked.dose(1)
    before = held_by(db, [row.id])
    release(db, [row.id])
    assert held_by(db, [row.id]) == {}
    hold_for(db, row, before[row.id])
    assert held_by(db, [row.id]) == before


def test_a_refusal_leaves_the_transaction_usable_and_holds_nothing(db: Session) -> None:
    booked = booked_course(db)
    first, second = booked.dose(1), booked.dose(2)
    release(db, [second.id])
    free = Claim(booked.clinic.rooms[0].holdable_id, Interval(NINE, NINE + HOUR))
    with pytest.raises(Refused) as refusal:
        hold_for(db, second, (free, *held_by(db, [first.id])[first.id]))
    assert held_by(db, [second.id]) == {}
    assert {conflict.appointment_id for conflict in refusal.value.conflicts} == {first.id}
    assert len(refusal.value.conflicts) == 3


def test_another_rule_of_the_database_is_not_told_as_an_overlap(db: Session) -> None:
    booked = booked_course(db)
    nobody = Claim(10_000_000, Interval(NINE, NINE + HOUR))
    with pytest.raises(IntegrityError):
        hold_for(db, booked.dose(1), [nobody])


def test_one_does_not_stand_in_ones_own_way(db: Session) -> None:
    booked = booked_course(db)
    row = booked.dose(1)
    own = [(row.id, claim) for claim in held_by(db, [row.id])[row.id]]
    assert conflicts_with(db, own, ZONE) == ()


def test_many_claims_are_looked_up_in_parts(db: Session) -> None:
    booked = booked_course(db)
    chair = booked.clinic.chairs[0].holdable_id
    wanted = [(None, Claim(chair, Interval(NINE + n * HOUR, NINE + (n + 1) * HOUR))) for n in range(250)]
    # Dose 1 is in the way once for each of the three hours it lasts, within one part; dose 2 a week later.
    assert len(conflicts_with(db, wanted, ZONE)) == 2


def test_names_are_what_people_call_them(db: Session) -> None:
    clinic = make_small_clinic(db)
    wanted = [clinic.chairs[0], clinic.rooms[1], clinic.lanes[0], clinic.therapists[1], clinic.patients[0]]
    names = holdable_names(db, [held.holdable_id for held in wanted] + [10_000_000])
    assert [names[held.holdable_id] for held in wanted] == [
        "Chair 1", "Room 2", "Test Nurse Rowan", "Test Therapist 2", f"{clinic.site_id}-1",
    ]  # fmt: skip
    assert names[10_000_000] == "What is needed"


@pytest.mark.parametrize(
    ("hours", "zone", "told"),
    [
        (2, "America/Chicago", "on Mon 11 Jan 2027 from 09:00 to 11:00 (America/Chicago)"),
        (2, "Asia/Kolkata", "on Mon 11 Jan 2027 from 20:30 to 22:30 (Asia/Kolkata)"),
        (2, "Asia/Tokyo", "on Tue 12 Jan 2027 from 00:00 to 02:00 (Asia/Tokyo)"),
        (22 * 24, "Asia/Kolkata", "on Mon 11 Jan 2027 from 20:30 to Tue 2 Feb 20:30 (Asia/Kolkata)"),
        (10, "Europe/Berlin", "on Mon 11 Jan 2027 from 16:00 to Tue 12 Jan 02:00 (Europe/Berlin)"),
    ],
)
def test_spans_are_told_in_the_sites_time(hours: int, zone: str, told: str) -> None:
    assert tell_span(Interval(NINE, NINE + hours * HOUR), zone) == told


def test_locking_is_harmless_whatever_is_asked(fresh_store: Store) -> None:
    with fresh_store.writing() as db:
        clinic = make_small_clinic(db)
        lock_holdables(db, [])
        lock_holdables(db, [clinic.chairs[1].holdable_id, clinic.chairs[0].holdable_id, 10_000_000])
        assert db.scalars(select(Occupancy)).all() == []
