"""Patients: the list, one patient, and adding one, whatever is typed."""

from collections.abc import Callable

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from planner.store.records import AuditEntry, Patient, PatientAvailability
from tests.support.booked_course import BookedCourse
from tests.support.cast import Cast
from tests.support.strict_client import StrictClient
from tests.web.stage import words_of

SignIn = Callable[[str], StrictClient]


def typed(cast: Cast, **more: str) -> dict[str, str]:
    return {
        "code": "P-900",
        "name": "Test Patient Yew",
        "site": str(cast.north.id),
        "therapist": str(cast.people["therapist"].id),
        "modes": "in-person",
    } | more


def test_a_new_patient_can_be_planned_for(coordinator: StrictClient, cast: Cast, db: Session) -> None:
    page = coordinator.page("/patients/new")
    more = {"from_0": "09:00", "to_0": "12:00", "preferred_from": "10:00"}
    done = coordinator.submit(page, "/patients/new", typed(cast, **more))
    assert done.status_code == 303
    patient = db.scalars(select(Patient).where(Patient.code == "P-900")).one()
    assert done.location == f"/patients/{patient.id}"
    assert (patient.preferred_from_minute, patient.preferred_to_minute) == (600, 1440)
    assert db.scalar(select(func.count()).select_from(PatientAvailability)) == 1
    assert db.scalar(select(AuditEntry.object_id).where(AuditEntry.action == "patient.add")) == patient.id
    shown = coordinator.page(done.location)
    assert "09:00 to 12:00" in shown.words and "10:00 to 24:00" in shown.words
    assert f"/courses/new?patient={patient.id}" in shown.links
    assert coordinator.submit(page, "/patients/new", typed(cast, **more)).location == done.location


@pytest.mark.parametrize("name", ["Test \U0001f332, Fir; Ash", "اختبار مريض", "O'Test <b>&amp;</b>"])
def test_names_of_all_kinds_are_kept_as_typed(coordinator: StrictClient, cast: Cast, db: Session, name: str) -> None:
    done = coordinator.send("/patients/new", typed(cast, name=name))
    assert done.status_code == 303
    assert db.scalar(select(Patient.name).where(Patient.code == "P-900")) == name
    assert name in coordinator.page(done.location).words


@pytest.mark.parametrize(
    ("more", "field", "sentence"),
    [
        ({"name": "x" * 10_000}, "name", "Enter at most 120 characters; these are 10000."),
        ({"name": "two\nlines"}, "name", "Take out line breaks and control characters."),
        ({"name": ""}, "name", "Enter the patient's name."),
        ({"code": ""}, "code", "Enter a code"),
        ({"code": "P-1234567890123"}, "code", "at most 12 characters"),
        ({"code": "P-101"}, "code", "There is already a patient with the code P-101."),
        ({"from_2": "09:00"}, "to_2", "Enter both times for Wednesday"),
        ({"from_2": "12:00", "to_2": "09:00"}, "to_2", "On Wednesday the end has to be after the start."),
        ({"preferred_from": "17:00", "preferred_to": "09:00"}, "preferred_to", "has to be after the start"),
        ({"from_2": "9 o'clock", "to_2": "12:00"}, "from_2", "Enter a time from 00:00 to 23:59"),
        ({"modes": "by pigeon"}, "modes", "Choose from this list"),
        ({"site": "424242"}, "site", "Choose from this list"),
        ({"code": "p-101"}, "code", "There is already a patient with the code p-101."),
        ({"name": "\u200b"}, "name", "Enter something that can be seen."),
        ({"name": "Test \u202e Yew"}, "name", "Take out line breaks and control characters."),
    ],
)
def test_what_cannot_be_kept_is_said_at_the_field(
    coordinator: StrictClient, cast: Cast, db: Session, more: dict[str, str], field: str, sentence: str
) -> None:
    before = db.scalar(select(func.count()).select_from(Patient))
    refused = coordinator.send("/patients/new", typed(cast, escort="A made-up friend", **more))
    assert refused.status_code == 422
    assert sentence in words_of(refused)
    assert f'id="{field}-error"' in refused.text
    assert 'value="A made-up friend"' in refused.text, "everything else that was typed is kept"
    assert db.scalar(select(func.count()).select_from(Patient)) == before


def test_no_way_of_meeting_is_none(coordinator: StrictClient, cast: Cast) -> None:
    given = {name: value for name, value in typed(cast).items() if name != "modes"}
    refused = coordinator.send("/patients/new", given)
    assert refused.status_code == 422
    assert "Choose at least one way of meeting." in words_of(refused)


def test_another_sites_patients_and_therapists_are_not_to_be_had(
    coordinator: StrictClient, cast: Cast, db: Session
) -> None:
    assert coordinator.send("/patients/new", typed(cast, site=str(cast.south.id))).status_code == 422
    stranger = str(cast.people["coordinator-south"].id)
    assert coordinator.send("/patients/new", typed(cast, therapist=stranger)).status_code == 422
    assert coordinator.get(f"/patients/{cast.patients['cedar'].id}").status_code == 404
    assert "Cedar" not in coordinator.page("/patients").words


@pytest.mark.parametrize(
    ("who", "lists", "adds"),
    [("nurse", 200, 404), ("prescriber", 200, 404), ("therapist", 200, 404), ("admin", 404, 404),
     ("patient", 404, 404)],
)  # fmt: skip
def test_who_may_see_and_add_patients(sign_in: SignIn, cast: Cast, who: str, lists: int, adds: int) -> None:
    client = sign_in(who)
    assert client.get("/patients").status_code == lists
    assert client.get(f"/patients/{cast.patients['alder'].id}").status_code == lists
    assert client.get("/patients/new").status_code == adds
    assert client.send("/patients/new", typed(cast)).status_code in (403, 404)


def test_a_therapist_sees_their_own_patients_only(sign_in: SignIn, cast: Cast) -> None:
    words = sign_in("therapist").page("/patients").words
    assert "Alder" in words
    assert "Birch" not in words


def test_a_patient_in_a_course_is_not_offered_another(coordinator: StrictClient, booked: BookedCourse) -> None:
    patient_id = booked.course.patient_id
    page = coordinator.page(f"/patients/{patient_id}")
    assert f"/courses/{booked.course.id}" in page.links
    assert f"/courses/new?patient={patient_id}" not in page.links
