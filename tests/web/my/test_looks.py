"""Patients see who looked at their record: who, when and what, and nothing of anybody else."""

from collections.abc import Callable

import pytest
from sqlalchemy.orm import Session

from planner.services import auditing
from planner.store.records import Patient
from planner.web.my.looks import OPENED, SIZE
from tests.support.cast import Cast, Clock
from tests.support.strict_client import StrictClient
from tests.web.my.stage import Stage
from tests.web.my.test_plan import INDISCREET

SignIn = Callable[[str], StrictClient]
LOOKS = "/my/help/looks"


@pytest.fixture
def alder(cast: Cast) -> Patient:
    return cast.patients["alder"]


def look(db: Session, cast: Cast, clock: Clock, who: str, patient: Patient, **more: str) -> None:
    given = {"action": "patient.read", "object_type": "patient"} | more
    auditing.record(db, cast.principals[who], object_id=patient.id, patient_id=patient.id, now=clock(), **given)  # type: ignore[arg-type]
    db.commit()


def words(client: StrictClient, path: str = LOOKS) -> str:
    return " ".join(client.page(path).words.split())


def test_opening_a_record_tells_its_patient_who_when_and_what(
    sign_in: SignIn, stage: Stage, alder: Patient, clock: Clock
) -> None:
    nurse = sign_in("nurse")
    nurse.page(f"/patients/{alder.id}")
    clock.pass_time(minutes=12)
    nurse.page(f"/courses/{stage.course.id}")
    clock.pass_time(hours=3)
    sign_in("coordinator").page(f"/infusions/{stage.dose(1).id}/move")
    shown = words(sign_in("patient"))
    assert (
        "Wednesday 4 March 2026, 12:12pm Test Coordinator, plans your dates Opened: one of your dates "
        "Wednesday 4 March 2026, 9:00am to 9:12am Test Nurse, nurse Opened: your page, your dates"
    ) in shown
    assert not INDISCREET.search(shown)


def test_nobody_looked_yet(sign_in: SignIn, stage: Stage) -> None:
    assert "Nobody has opened it so far" in words(sign_in("patient"))


def test_only_looks_at_one_s_own_record_that_showed_something(
    sign_in: SignIn, db: Session, cast: Cast, clock: Clock, alder: Patient, stage: Stage
) -> None:
    look(db, cast, clock, "nurse", cast.patients["birch"])
    look(db, cast, clock, "prescriber", alder, outcome="refused")
    look(db, cast, clock, "patient-two", alder)
    look(db, cast, clock, "therapist-two", alder, action="patient.preferences")
    sign_in("coordinator").page("/patients")
    assert "Nobody has opened it so far" in words(sign_in("patient"))
    assert "Test Nurse" in words(sign_in("patient-two"))


def test_each_person_and_each_day_is_a_line(
    sign_in: SignIn, db: Session, cast: Cast, clock: Clock, alder: Patient, stage: Stage
) -> None:
    for who, minutes in (("nurse", 0), ("therapist", 10), ("nurse", 10), ("nurse", 60 * 16), ("nurse", 5)):
        clock.pass_time(minutes=minutes)
        look(db, cast, clock, who, alder)
    shown = words(sign_in("patient"))
    days = ["Thursday 5 March 2026, 1:20am to 1:25am", "Wednesday 4 March 2026, 9:20am", "2026, 9:10am", "2026, 9:00am"]
    places = [shown.index(day) for day in days]
    assert places == sorted(places)
    assert shown.count("Test Nurse, nurse") == 3


def test_a_long_list_has_pages_that_do_not_overlap(
    sign_in: SignIn, db: Session, cast: Cast, clock: Clock, alder: Patient, stage: Stage
) -> None:
    for number in range(2 * SIZE + 5):
        clock.pass_time(days=1)
        look(db, cast, clock, ("nurse", "therapist")[number % 2], alder)
    client, path, seen = sign_in("patient"), LOOKS, 0
    pages = 0
    while path:
        page = client.page(path)
        seen += page.words.count("Opened:")
        pages += 1
        path = next((link for link in page.links if "before=" in link), "")
    assert (seen, pages) == (2 * SIZE + 5, 3)
    assert "There is nothing earlier" in words(client, f"{LOOKS}?before=1")
    assert client.get(f"{LOOKS}?before=nonsense").status_code == 200


def test_the_page_is_found_from_help_and_has_no_script(sign_in: SignIn, stage: Stage) -> None:
    client = sign_in("patient")
    assert LOOKS in client.page("/my/help").links
    assert "<script" not in client.get(LOOKS).text
    for who in ("nurse", "admin"):
        assert sign_in(who).get(LOOKS).status_code == 404


def test_every_kind_of_look_has_words() -> None:
    from planner.domain.reads import CHART_READS

    assert set(OPENED) == CHART_READS
