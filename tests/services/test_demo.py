"""The made-up clinic is complete, made up, quick, and the same again."""

import itertools
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from planner.domain.access import Role
from planner.domain.errors import PlannerError
from planner.domain.statuses import AppointmentKind, AppointmentStatus, CourseStatus
from planner.services.accounts import Passwords
from planner.services.demo import DEMO_PASSWORD, DEMO_SIGN_INS, make_demo
from planner.services.upkeep import disagreements, overlaps
from planner.store.records import Account, Appointment, Chair, Course, Patient, Person, Room, Site
from planner.store.sheets import load_course

# A Sunday, a Wednesday before the clocks change, and a night at the turn of the year.
MOMENTS = [
    datetime(2026, 11, 22, 20, 0, tzinfo=UTC),
    datetime(2027, 3, 10, 16, 30, tzinfo=UTC),
    datetime(2027, 12, 31, 23, 59, tzinfo=UTC),
]


def hashed(password: str) -> str:
    return f"hash of {password}"


def dates(db: Session) -> list[tuple]:
    columns = (Appointment.kind, Appointment.number, Appointment.starts_at, Appointment.status)
    return [tuple(row) for row in db.execute(select(*columns).order_by(Appointment.id))]


@pytest.mark.parametrize("now", MOMENTS)
def test_it_has_running_courses_and_patients_to_plan_for(db: Session, now: datetime) -> None:
    assert make_demo(db, now, hashed).is_demo
    counted = {kind: len(db.scalars(select(kind)).all()) for kind in (Site, Chair, Room, Patient, Course)}
    assert counted == {Site: 2, Chair: 4, Room: 3, Patient: 12, Course: 7}
    statuses = Counter(db.scalars(select(Appointment.status)))
    assert statuses[AppointmentStatus.FULFILLED] > 10 and statuses[AppointmentStatus.BOOKED] > 30
    assert overlaps(db) == disagreements(db) == []
    late = select(Appointment.id).where(Appointment.ends_at <= now, Appointment.status == AppointmentStatus.BOOKED)
    assert db.scalars(late).all() == []


def test_each_role_can_sign_in_and_the_patient_is_in_a_course_of_the_therapist(db: Session) -> None:
    passwords = Passwords(64, 1)
    make_demo(db, MOMENTS[0], passwords.hashed)
    accounts = {account.email: account for account in db.scalars(select(Account))}
    assert [role for role, _, _ in DEMO_SIGN_INS] == [role.value for role in Role]
    assert all(passwords.fits(password, accounts[email].password_hash) for _, email, password in DEMO_SIGN_INS)
    patient = accounts["patient@demo.invalid"].patient_id
    therapist = accounts["therapist@demo.invalid"].person_id
    course = db.scalars(select(Course).where(Course.patient_id == patient)).one()
    assert (course.status, course.primary_therapist_id) == (CourseStatus.ACTIVE, therapist)
    kinds = {row.kind for row in load_course(db, course.id, MOMENTS[0]).appointments}
    assert {AppointmentKind.INFUSION, AppointmentKind.INTEGRATION, AppointmentKind.PREPARATION} <= kinds


def test_the_password_is_one_that_the_planner_would_take() -> None:
    assert len(DEMO_PASSWORD) >= 15


def test_the_same_moment_gives_the_same_dates(db: Session) -> None:
    seen = []
    for _ in range(2):
        with db.begin_nested() as trial:
            make_demo(db, MOMENTS[1], hashed)
            seen.append(dates(db))
            trial.rollback()
        db.expire_all()
    for first, second in itertools.pairwise(seen):
        assert first == second


def test_it_goes_into_an_empty_database_only(db: Session) -> None:
    make_demo(db, MOMENTS[0], hashed)
    with pytest.raises(PlannerError, match="empty one"):
        make_demo(db, MOMENTS[0] + timedelta(days=1), hashed)


def test_names_are_made_up(db: Session) -> None:
    make_demo(db, MOMENTS[0], hashed)
    assert all("Demo" in name or "Sample" in name for name in db.scalars(select(Patient.name)))
    assert len(set(db.scalars(select(Person.name)))) == 10
