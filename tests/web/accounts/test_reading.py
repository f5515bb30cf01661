"""Reads to look at, on a page and as a file: counts and names of staff, and of patients nothing."""

import csv
import io
from collections.abc import Callable

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from planner.store.records import AuditEntry
from tests.support.cast import Cast, Clock
from tests.support.strict_client import StrictClient

SignIn = Callable[[str], StrictClient]
READS = "/admin/audit/reads"
WEEK = "2026-W10"


@pytest.fixture
def snooped(sign_in: SignIn, cast: Cast) -> None:
    """A therapist looks at a patient of theirs and tries two others."""
    client = sign_in("therapist")
    for name in ("alder", "birch", "cedar"):
        client.get(f"/patients/{cast.patients[name].id}")
    sign_in("nurse").get(f"/patients/{cast.patients['alder'].id}")


def words(client: StrictClient, path: str = READS) -> str:
    return " ".join(client.page(path).words.split())


@pytest.mark.usefixtures("snooped")
def test_it_says_whom_to_ask_and_not_about_whom(sign_in: SignIn, cast: Cast) -> None:
    admin = sign_in("admin")
    shown = admin.get(READS).text
    assert "Test Therapist" in words(admin)
    table = words(admin).split("Most in one hour")[1]
    assert "Test Nurse" not in table, "nothing to ask"
    assert "Test Nurse" in words(admin, f"{READS}?show=all&week={WEEK}").split("Most in one hour")[1]
    for patient in cast.patients.values():
        assert patient.name not in shown
        assert patient.code not in shown
        assert f"/patients/{patient.id}" not in shown


@pytest.mark.usefixtures("snooped")
def test_it_is_filtered_by_week_and_person(sign_in: SignIn, cast: Cast, clock: Clock) -> None:
    admin, nurse = sign_in("admin"), cast.accounts["nurse"].id
    one = words(admin, f"{READS}?show=all&account={nurse}").split("Most in one hour")[1]
    assert "Test Nurse" in one
    assert "Test Therapist" not in one
    assert "Nothing to look at" in words(admin, f"{READS}?week=2026-W09")
    clock.pass_time(days=7)
    assert "Nothing to look at" in words(sign_in("admin"))
    for odd in ("2026-W99", "1999-W01", "x"):
        assert admin.get(f"{READS}?week={odd}").status_code in (303, 422)
    patient = cast.accounts["patient"].id
    assert sign_in("admin").get(f"{READS}?account={patient}").status_code == 422


@pytest.mark.usefixtures("snooped")
def test_the_file_says_the_same_and_is_written_down(sign_in: SignIn, cast: Cast, db: Session) -> None:
    cast.accounts["therapist"].name = "=Formula"
    db.commit()
    answer = sign_in("admin").send(f"{READS}/download", {"week": WEEK, "account": "", "show": ""})
    assert answer.headers["Content-Disposition"] == 'attachment; filename="reads-2026-03-04-1.csv"'
    head, *lines = csv.reader(io.StringIO(answer.get_data().decode("utf-8-sig")))
    assert head == [
        "Week", "Who", "Records opened", "No appointment or course of theirs", "Of those, not at a site of theirs",
        "Refused", "Most in one hour",
    ]  # fmt: skip
    assert lines == [[WEEK, "'=Formula", "1", "0", "0", "2", "1"]]
    noted = db.scalars(select(AuditEntry).where(AuditEntry.action == "export.take")).one()
    assert noted.detail == {"kind": "reads", "rows": 1}


@pytest.mark.parametrize("who", ["coordinator", "nurse", "therapist", "prescriber", "patient"])
def test_nobody_but_an_admin_gets_in(sign_in: SignIn, who: str) -> None:
    client = sign_in(who)
    assert client.get(READS).status_code == 404
    assert client.send(f"{READS}/download", {"week": WEEK}).status_code == 403


@pytest.mark.usefixtures("snooped")
def test_the_trail_shows_reads_when_asked_for_them(sign_in: SignIn, cast: Cast) -> None:
    admin = sign_in("admin")
    said = "Opened a patient's record Patient"
    assert said not in words(admin, "/admin/audit"), "looks do not bury the rest"
    shown = words(admin, "/admin/audit?action=reads")
    assert f"Test Therapist therapist {said} !Refused" in shown
    assert f"Test Nurse nurse {said} Done" in shown
    assert "Signed in Account" not in shown
    assert said in words(admin, "/admin/audit?action=all")
    assert READS in admin.page("/admin/audit").links
    answer = admin.send("/admin/audit/download", {"action": "patient.read"})
    assert answer.get_data().decode().count("patient.read") == 4
    for patient in cast.patients.values():
        assert patient.code not in answer.get_data().decode()
