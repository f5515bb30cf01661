"""Finding by code or name: only what one may see, the best first, and no name in any address."""

from collections.abc import Callable

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from planner.domain.access import Role
from planner.services.finding import NOTED_EVERY
from planner.services.rostering import add_patient
from planner.store.queries.finding import MOST_SHOWN
from planner.store.records import Patient, RecentVisit
from tests import builders
from tests.support.booked_course import BookedCourse, book_course_for
from tests.support.cast import NOW, Cast, Clock
from tests.support.one_database import ON_ONE_DATABASE
from tests.support.strict_client import Page, StrictClient

SignIn = Callable[[str], StrictClient]


def look_for(client: StrictClient, words: str) -> Page:
    """Type into the box that stands on every page."""
    answer = client.submit(client.page("/today"), "/find", {"words": words})
    assert answer.status_code == 303
    assert words == "" or words not in answer.location
    return client.page(answer.location)


def names(db: Session, cast: Cast, **by_who: str) -> None:
    for who, name in by_who.items():
        db.execute(update(Patient).where(Patient.id == cast.patients[who].id).values(name=name))
    db.commit()


@pytest.mark.parametrize("typed", ["elodie", "ÉLODIE", "Sømething e", "thing"])
def test_a_name_is_found_however_it_is_written(sign_in: SignIn, db: Session, cast: Cast, typed: str) -> None:
    names(db, cast, alder="Élodie Sømething")
    page = look_for(sign_in("coordinator"), typed)
    assert f"/patients/{cast.patients['alder'].id}" in page.links
    assert f"/patients/{cast.patients['birch'].id}" not in page.links
    assert page.title.startswith("Find - ")


def test_the_discharged_are_found_last_and_said_to_be(sign_in: SignIn, db: Session, cast: Cast) -> None:
    db.execute(update(Patient).where(Patient.id == cast.patients["alder"].id).values(active=False))
    db.commit()
    page = look_for(sign_in("coordinator"), "test patient")
    assert "Test Patient Alder, discharged" in page.words
    found = [link for link in page.links if link.startswith("/patients/")]
    assert found == [f"/patients/{cast.patients[name].id}" for name in ("birch", "alder")]


@pytest.mark.parametrize("typed", ["P-101", "p101", " 101 "])
def test_the_very_code_leads_straight_to_the_patient(sign_in: SignIn, cast: Cast, typed: str) -> None:
    client = sign_in("coordinator")
    answer = client.submit(client.page("/today"), "/find", {"words": typed})
    assert answer.location == f"/patients/{cast.patients['alder'].id}"


def test_better_fits_stand_before_others(sign_in: SignIn, db: Session, cast: Cast) -> None:
    north = cast.north
    for code, name in (("X-10", "Test Zelkova"), ("X-100", "Somebody"), ("Y-7", "X-10 of old"), ("Y-8", "Old x-10")):
        add_patient(db, code, name, north, now=NOW)
    db.commit()
    client = sign_in("coordinator")
    client.submit(client.page("/today"), "/find", {"words": "x-1"})
    found = [link for link in client.page("/find").links if link.startswith("/patients/")]
    codes = [db.get_one(Patient, int(link.rsplit("/", 1)[1])).code for link in found]
    assert codes == ["X-10", "X-100", "Y-7", "Y-8"]


@pytest.mark.parametrize(
    ("who", "seen"),
    [
        ("coordinator", {"alder", "birch"}),
        ("coordinator-south", {"cedar"}),
        ("prescriber", {"alder", "birch"}),
        ("nurse", {"alder", "birch"}),
        ("therapist", {"alder"}),
        ("therapist-two", {"birch"}),
        ("admin", set()),
    ],
)
def test_nobody_finds_what_they_may_not_see(sign_in: SignIn, cast: Cast, who: str, seen: set[str]) -> None:
    client = sign_in(who)
    page = look_for(client, "Test Patient")
    found = {name for name, patient in cast.patients.items() if f"/patients/{patient.id}" in page.links}
    assert found == seen
    for name in cast.patients.keys() - seen:
        assert f"Patient {name.title()}" not in page.words
    # The code of somebody who is not theirs leads nowhere, as one that nobody has.
    for code in {cast.patients[name].code for name in cast.patients.keys() - seen} | {"P-999"}:
        answer = client.submit(client.page("/today"), "/find", {"words": code})
        assert answer.location == "/find"
        assert "Nothing fits" in client.page("/find").words


@ON_ONE_DATABASE
def test_patients_cannot_search(sign_in: SignIn) -> None:
    client = sign_in("patient")
    assert client.get("/find").status_code == 404
    assert client.send("/find", {"words": "x"}).status_code == 403


@ON_ONE_DATABASE
def test_courses_staff_protocols_and_pages_are_found(sign_in: SignIn, db: Session, cast: Cast) -> None:
    book_course_for(db, cast)
    db.commit()
    client = sign_in("coordinator")
    page = look_for(client, "alder")
    assert "Their courses" in page.words
    assert any(link.startswith("/courses/") for link in page.links)
    assert "Test Therapist" in look_for(client, "therapist").words
    assert "Protocols" in look_for(client, "racemic").words
    assert "/rosters" in look_for(client, "roster").links
    assert "Where treatment happens" not in look_for(client, "roster").words


@ON_ONE_DATABASE
def test_settings_that_are_not_theirs_are_not_found(sign_in: SignIn) -> None:
    assert "/admin/demo" in look_for(sign_in("admin"), "made-up").links
    assert "/admin/demo" not in look_for(sign_in("coordinator"), "made-up").links


def test_more_than_a_page_takes_are_counted(sign_in: SignIn, db: Session, cast: Cast) -> None:
    for number in range(MOST_SHOWN + 3):
        add_patient(db, f"M-{number:03}", f"Many {number}", cast.north, now=NOW)
    db.commit()
    page = look_for(sign_in("coordinator"), "many")
    assert "23 fit; these are the best 20." in page.words
    assert len([link for link in page.links if link.startswith("/patients/")]) == MOST_SHOWN


@ON_ONE_DATABASE
def test_a_search_without_result_says_what_was_looked_for_and_where(sign_in: SignIn) -> None:
    page = look_for(sign_in("coordinator"), "<nobody>")
    assert "You looked for “<nobody>”" in page.words
    assert "patients and courses of North" in page.words
    assert "your role sees none" in look_for(sign_in("admin"), "nobody at all").words
    assert "the patients you work with" in look_for(sign_in("therapist"), "nobody at all").words


@ON_ONE_DATABASE
def test_a_search_can_be_forgotten(sign_in: SignIn) -> None:
    client = sign_in("coordinator")
    page = look_for(client, "birch")
    client.submit(page, "/find", {"forget": "1"})
    assert "birch" not in client.get("/find").text.lower()
    assert "Birch" in look_for(client, "birch").words
    assert "Birch" not in look_for(client, "").words


@ON_ONE_DATABASE
@pytest.mark.parametrize("typed", ["x" * 61, "two\nlines", "\x00"])
def test_what_cannot_be_looked_for_is_said(sign_in: SignIn, typed: str) -> None:
    client = sign_in("coordinator")
    answer = client.send("/find", {"words": typed})
    assert answer.status_code == 422
    assert Page(answer.text).title.startswith("Error: ")


# What was opened lately


def visits(db: Session) -> list[tuple[str, int]]:
    db.expire_all()
    rows = db.scalars(select(RecentVisit).order_by(RecentVisit.at.desc()))
    return [(row.kind, row.object_id) for row in rows]


def test_what_was_opened_stands_on_the_page_the_last_first(
    sign_in: SignIn, db: Session, cast: Cast, clock: Clock
) -> None:
    booked: BookedCourse = book_course_for(db, cast)
    db.commit()
    client = sign_in("coordinator")
    patient, course = f"/patients/{cast.patients['birch'].id}", f"/courses/{booked.course.id}"
    person = f"/admin/staff/{cast.people['nurse'].id}"
    for path in (patient, person, course):
        client.page(path)
        clock.pass_time(minutes=2)
    assert [link for link in client.page("/find").links if link in (patient, person, course)] == [
        course,
        person,
        patient,
    ]
    client.page(patient)
    assert [link for link in client.page("/find").links if link in (patient, person, course)] == [
        patient,
        course,
        person,
    ]


def test_a_visit_is_noted_once_a_minute_and_not_for_what_pages_ask_themselves(
    sign_in: SignIn, db: Session, cast: Cast, clock: Clock
) -> None:
    client, path = sign_in("coordinator"), f"/patients/{cast.patients['birch'].id}"
    client.get(path, headers={"X-Background": "1"})
    client.get(path, headers={"Sec-Purpose": "prefetch"})
    client.get("/patients/999999")
    assert visits(db) == []
    client.page(path)
    clock.pass_time(seconds=NOTED_EVERY.total_seconds() - 1)
    client.page(path)
    assert db.scalar(select(RecentVisit.at)) == NOW
    clock.pass_time(seconds=1)
    client.page(path)
    db.expire_all()
    assert db.scalar(select(RecentVisit.at)) == NOW + NOTED_EVERY


def test_the_last_twenty_are_kept_of_each_account_alone(sign_in: SignIn, db: Session, cast: Cast, clock: Clock) -> None:
    made = [builders.patient(db, cast.north, None, now=NOW) for _ in range(MOST_SHOWN + 2)]
    db.commit()
    sign_in("nurse").page(f"/patients/{made[0].id}")
    client = sign_in("coordinator")
    for patient in made:
        clock.pass_time(seconds=5)
        client.page(f"/patients/{patient.id}")
    found = visits(db)
    assert len(found) == MOST_SHOWN + 1
    assert [object_id for _, object_id in found[:MOST_SHOWN]] == [one.id for one in reversed(made)][:MOST_SHOWN]


def test_what_may_not_be_seen_any_more_is_not_shown(sign_in: SignIn, db: Session, cast: Cast) -> None:
    client, birch = sign_in("coordinator"), cast.patients["birch"]
    client.page(f"/patients/{birch.id}")
    assert birch.code in client.page("/find").words
    db.execute(update(Patient).where(Patient.id == birch.id).values(site_id=cast.south.id))
    db.commit()
    assert birch.code not in client.page("/find").words
    assert Role.COORDINATOR in cast.principals["coordinator"].roles
