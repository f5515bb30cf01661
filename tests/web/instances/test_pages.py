"""The page of planning instances: what it offers to whom, what a file answers, and the files it gives."""

import io
import json
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from planner.domain.access import Role
from planner.services.instances.parsing import parse_instance
from planner.store.records import Clinic, ImportRun, ImportState, PlanDraft, Site
from tests.support.cast import NOW, Cast, Clock
from tests.support.instances import account, content_of, document_of
from tests.support.strict_client import StrictClient

SignIn = Callable[[str], StrictClient]
ADDRESS = "/admin/instances"


@pytest.fixture
def cast(db: Session) -> Cast:
    """A clinic that is set up and has accounts, but no sites yet."""
    clinic = Clinic(id=1, name="Test Clinic", neutral_name="Test Practice", zone="Europe/Berlin")
    db.add(clinic)
    db.flush()
    cast = Cast(clinic, Site(), Site())
    for role in (Role.ADMIN, Role.COORDINATOR, Role.NURSE):
        cast.accounts[role.value] = account(db, role.value, role, NOW)
    return cast


def send(client: StrictClient, content: bytes, **more: Any) -> Any:
    """Choose a file on the page and check it."""
    sent = {"file": [(io.BytesIO(content), "clinic.json")], **more}
    return client.submit(client.page(ADDRESS), ADDRESS, sent, content_type="multipart/form-data")


def brought(sign_in: SignIn) -> StrictClient:
    """Bring one in as the admin, and go on as the coordinator."""
    admin = sign_in("admin")
    place = send(admin, content_of("a14-greedy-trap")).location
    assert admin.submit(admin.page(place), f"{place}/bring-in").status_code == 303
    assert "sites or patients already" in admin.page(ADDRESS).words
    return sign_in("coordinator")


def test_an_admin_looks_and_brings_in(sign_in: SignIn, db: Session) -> None:
    admin = sign_in("admin")
    answer = send(admin, content_of("S"))
    page = admin.page(answer.location)
    assert "246" in page.words
    assert db.scalar(select(func.count()).select_from(Site)) == 0
    assert admin.submit(page, f"{answer.location}/bring-in").location == ADDRESS
    db.expire_all()
    run = db.scalars(select(ImportRun)).one()
    assert (run.state, run.content) == (ImportState.DONE, None)
    assert admin.get(answer.location).status_code == 404


def test_pressed_twice_it_is_brought_in_once(sign_in: SignIn, db: Session) -> None:
    admin = sign_in("admin")
    place = send(admin, content_of("a14-greedy-trap")).location
    page = admin.page(place)
    assert [admin.submit(page, f"{place}/bring-in").location for _ in range(2)] == [ADDRESS, ADDRESS]
    assert db.scalar(select(func.count()).select_from(Site)) == 1


def test_a_second_window_that_decided_otherwise_is_told(sign_in: SignIn, db: Session) -> None:
    admin = sign_in("admin")
    place = send(admin, content_of("a14-greedy-trap")).location
    page = admin.page(place)
    assert admin.send(f"{place}/give-up", version=1, key="another-key-0123456789").location == ADDRESS
    assert admin.submit(page, f"{place}/bring-in").status_code == 404
    assert db.scalar(select(func.count()).select_from(Site)) == 0
    assert db.scalars(select(ImportRun.content)).one() is None


def test_a_stale_decision_is_refused(sign_in: SignIn, db: Session) -> None:
    admin = sign_in("admin")
    place = send(admin, content_of("a14-greedy-trap")).location
    for act in ("bring-in", "give-up"):
        assert admin.send(f"{place}/{act}", version=9, key=f"{act}-key-0123456789").status_code == 409
    assert db.scalar(select(func.count()).select_from(Site)) == 0


def test_every_fault_of_a_file_is_listed(sign_in: SignIn, db: Session) -> None:
    document = document_of("S") | {"grid_min": 0, "comment": "<b>hello</b>"}
    answer = send(sign_in("admin"), json.dumps(document).encode())
    assert answer.status_code == 422
    assert "grid_min" in answer.text
    assert "comment" in answer.text
    assert "hello" not in answer.text
    assert db.scalar(select(func.count()).select_from(ImportRun)) == 0


@pytest.mark.parametrize("content", [b"", b"\x00\xff", b"[" * 50_000, b"{}"])
def test_what_is_no_instance_is_refused_in_a_sentence(sign_in: SignIn, content: bytes) -> None:
    assert send(sign_in("admin"), content).status_code == 422


def test_no_file_is_refused(sign_in: SignIn) -> None:
    admin = sign_in("admin")
    assert "Choose a file." in admin.submit(admin.page(ADDRESS), ADDRESS).text


def test_a_coordinator_begins_plans_and_takes_out(sign_in: SignIn, db: Session, clock: Clock) -> None:
    client = brought(sign_in)
    page = client.page(ADDRESS)
    assert "2 patients have no course yet" in page.words
    assert client.submit(page, f"{ADDRESS}/plans").location == "/courses/new"
    assert db.scalar(select(func.count()).select_from(PlanDraft)) == 2
    given = client.submit(client.page(ADDRESS), f"{ADDRESS}/instance.json")
    assert given.headers["Content-Disposition"] == 'attachment; filename="instance-2026-03-04-1.json"'
    assert given.headers["Cache-Control"] == "no-store"
    assert parse_instance(given.data) == parse_instance(content_of("a14-greedy-trap"))
    plan = json.loads(client.submit(client.page(ADDRESS), f"{ADDRESS}/plan.json").data)
    assert [one["reasons"] for one in plan["unplanned"]] == [["Not planned yet."]] * 2


def test_nobody_else_comes_near(sign_in: SignIn, client: StrictClient) -> None:
    nurse, coordinator = sign_in("nurse"), sign_in("coordinator")
    assert nurse.get(ADDRESS).status_code == 404
    assert client.get(ADDRESS).status_code == 303
    for path in (f"{ADDRESS}/instance.json", f"{ADDRESS}/plan.json"):
        assert nurse.send(path).status_code == 403
    assert coordinator.send(ADDRESS).status_code == 403
    assert coordinator.get(f"{ADDRESS}/1").status_code == 404
    assert sign_in("admin").send(f"{ADDRESS}/plan.json").status_code == 403


def test_a_file_of_somebody_else_is_not_there(sign_in: SignIn, db: Session, cast: Cast) -> None:
    place = send(sign_in("admin"), content_of("a14-greedy-trap")).location
    cast.accounts["other"] = account(db, "other", Role.ADMIN, NOW)
    other = sign_in("other")
    assert other.get(place).status_code == 404
    assert other.send(f"{place}/bring-in", version=1).status_code == 404


def test_without_sites_there_is_nothing_to_take_out(sign_in: SignIn) -> None:
    coordinator = sign_in("coordinator")
    assert "You work for no site yet" in coordinator.page(ADDRESS).words
    assert coordinator.send(f"{ADDRESS}/instance.json").status_code == 422
