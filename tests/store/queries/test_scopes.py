"""Who sees which patients, courses and appointments: the same rows whichever way one asks."""

from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from planner.domain.access import Permission, Principal, Role
from planner.domain.errors import NotFound
from planner.domain.statuses import AppointmentKind, AppointmentStatus
from planner.store.queries.scopes import the_one, visible_appointments, visible_patients
from planner.store.records import Appointment, Patient
from tests.support.cast import NOW, Cast, make_cast

ALDER, BIRCH, CEDAR = "Test Patient Alder", "Test Patient Birch", "Test Patient Cedar"


@pytest.fixture
def cast(db: Session) -> Cast:
    return make_cast(db)


def appointment(db: Session, cast: Cast, patient: str, therapist: str | None) -> Appointment:
    whose = cast.patients[patient]
    made = Appointment(
        uid=f"{patient}-{therapist}@test",
        patient_id=whose.id,
        kind=AppointmentKind.INTEGRATION,
        site_id=whose.site_id,
        therapist_id=cast.people[therapist].id if therapist else None,
        starts_at=NOW,
        ends_at=NOW + timedelta(hours=1),
        starts_wall="2026-03-04T09:00",
        zone="America/Chicago",
        status=AppointmentStatus.BOOKED,
        changed_at=NOW,
        created_at=NOW,
    )
    db.add(made)
    db.flush()
    return made


def names(db: Session, principal: Principal) -> list[str]:
    return sorted(patient.name for patient in db.scalars(visible_patients(principal)))


@pytest.mark.parametrize(
    ("who", "seen"),
    [
        ("admin", []),
        ("coordinator", [ALDER, BIRCH]),
        ("prescriber", [ALDER, BIRCH]),
        ("nurse", [ALDER, BIRCH]),
        ("coordinator-south", [CEDAR]),
        ("therapist", [ALDER]),
        ("therapist-two", [BIRCH]),
        ("patient", [ALDER]),
        ("patient-south", [CEDAR]),
    ],
)
def test_each_role_sees_its_patients(db: Session, cast: Cast, who: str, seen: list[str]) -> None:
    assert names(db, cast.principals[who]) == seen


def test_an_appointment_together_makes_a_patient_one_s_own(db: Session, cast: Cast) -> None:
    appointment(db, cast, "cedar", "therapist")
    assert names(db, cast.principals["therapist"]) == [ALDER, CEDAR]


def test_therapists_change_only_their_own_sessions(db: Session, cast: Cast) -> None:
    own, other = appointment(db, cast, "alder", "therapist"), appointment(db, cast, "alder", "therapist-two")
    who = cast.principals["therapist"]
    assert set(db.scalars(visible_appointments(who))) == {own, other}
    assert set(db.scalars(visible_appointments(who, Permission.INTEGRATION_CHANGE))) == {own}
    assert set(db.scalars(visible_appointments(who, Permission.INFUSIONS_CHANGE))) == set()


def test_roles_of_one_account_add_up(db: Session, cast: Cast) -> None:
    both = Principal(
        account_id=1,
        roles=frozenset({Role.NURSE, Role.THERAPIST}),
        person_id=cast.people["therapist"].id,
        site_ids=frozenset({cast.south.id}),
    )
    assert names(db, both) == [ALDER, CEDAR]


def test_a_therapist_without_a_person_sees_nobody(db: Session, cast: Cast) -> None:
    assert names(db, Principal(account_id=1, roles=frozenset({Role.THERAPIST}))) == []


def test_not_there_and_not_yours_are_the_same(db: Session, cast: Cast) -> None:
    scope = visible_patients(cast.principals["patient"])
    assert the_one(db, scope, Patient.id == cast.patients["alder"].id) is cast.patients["alder"]
    told = []
    for patient_id in (cast.patients["birch"].id, 999_999):
        with pytest.raises(NotFound) as refused:
            the_one(db, scope, Patient.id == patient_id)
        told.append(str(refused.value))
    assert told[0] == told[1]
