"""The checks of the whole database find what the guards would have refused."""

from datetime import timedelta

from sqlalchemy.orm import Session

from planner.domain.access import Role
from planner.domain.statuses import AppointmentStatus
from planner.services.upkeep import disagreements, overlaps
from planner.store.guards import remove_guards
from planner.store.records import OverrideRule, RuleOverride
from tests import builders
from tests.builders import NOW, at


def test_a_sound_database_has_neither(db: Session) -> None:
    c = builders.scenario_clinic(db)
    builders.appointment(db, c.patient, at("2027-01-26 11:00"), therapist=c.r)
    builders.appointment(db, c.patient, at("2027-01-26 11:50"), therapist=c.r)
    assert overlaps(db) == disagreements(db) == []


def test_overlaps_are_found_without_the_guards_help(db: Session) -> None:
    c = builders.scenario_clinic(db)
    remove_guards(db.connection())
    long = builders.appointment(db, c.patient, at("2027-01-26 09:00"), 300, therapist=c.r)
    builders.appointment(db, builders.patient(db, c.site), at("2027-01-26 09:00"), 30, therapist=c.k)
    inside = [
        builders.appointment(db, builders.patient(db, c.site), at(f"2027-01-26 {hour}:00"), therapist=c.r)
        for hour in (10, 12)
    ]
    assert set(overlaps(db)) >= {row.id for row in inside}
    account = builders.account(db, Role.COORDINATOR, sites=[c.site])
    for row in inside:
        db.add(
            RuleOverride(
                rule=OverrideRule.OVERLAP, appointment_id=row.id, other_appointment_id=long.id, reason="made up",
                account_id=account.id, role="coordinator", created_at=NOW,
            )
        )  # fmt: skip
    db.flush()
    assert overlaps(db) == []


def test_what_is_held_must_agree_with_what_is_booked(db: Session) -> None:
    c = builders.scenario_clinic(db)
    cancelled = builders.appointment(db, c.patient, at("2027-01-26 11:00"), therapist=c.r)
    cancelled.status = AppointmentStatus.CANCELLED
    moved = builders.appointment(db, c.patient, at("2027-01-27 11:00"), therapist=c.r)
    moved.ends_at += timedelta(minutes=1)
    bare = builders.appointment(db, c.patient, at("2027-01-28 11:00"), status=AppointmentStatus.CANCELLED)
    bare.status = AppointmentStatus.BOOKED
    db.flush()
    assert disagreements(db) == [cancelled.id, moved.id, bare.id]
