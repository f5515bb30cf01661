"""The pages of the made-up clinic: filled, opened for a look, removed."""

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from planner.services.demo import make_demo
from planner.store.queries import accounts as find
from planner.store.records import Account, Clinic, Patient, Site
from tests.support.cast import CHEAP, NOW
from tests.support.strict_client import Page, StrictClient
from tests.web.setup.test_set_up import ANSWERS, set_up

CHOSEN = "other made-up words for tests"


def test_from_filling_to_removal(client: StrictClient, db: Session, token: str) -> None:
    set_up(client, token)
    page = client.page("/admin/demo")
    assert client.submit(page, "/admin/demo/fill").location == "/admin/demo"
    page = client.page("/admin/demo")
    assert "/admin/demo" in client.page("/admin").links
    refused = client.submit(page, "/admin/demo/sign-ins", {"new_password": "short"})
    assert refused.status_code == 422
    assert "at least 15 characters" in refused.text
    assert client.submit(page, "/admin/demo/sign-ins", {"new_password": CHOSEN}).status_code == 303
    nurse: Any = client.application.test_client()
    typed = {"email": "nurse@demo.invalid", "password": CHOSEN}
    assert nurse.submit(nurse.page("/sign-in"), "/sign-in", typed).location == "/today"
    assert nurse.get("/admin/demo").status_code == 404
    confirm = client.page("/admin/demo/remove")
    for words in ("2 sites", "12 patients", f"the account of {ANSWERS['name']}, {ANSWERS['email']}"):
        assert words in confirm.words
    answer = client.submit(confirm, "/admin/demo/remove")
    assert answer.location == "/today"
    assert client.submit(confirm, "/admin/demo/remove").location == "/today"  # the same form once more
    page = client.page("/today")
    assert "Demo: a made-up clinic" not in page.words
    assert "0 of 7 done" in page.words
    assert nurse.get("/today").status_code == 303
    assert client.get("/admin/demo/remove").location == "/admin/demo"
    db.expire_all()
    assert db.scalars(select(Site)).all() == db.scalars(select(Patient)).all() == []


def test_a_real_clinic_offers_neither(client: StrictClient, db: Session, token: str) -> None:
    set_up(client, token)
    db.add(Site(name="North", code="N", zone="America/Chicago"))
    db.commit()
    page = client.page("/admin/demo")
    assert {form["action"] for form in page.forms} & {"/admin/demo/fill", "/admin/demo/remove"} == set()
    client.csrf_token = dict(page.forms[0]["fields"])["csrf_token"]
    for act in ("fill", "remove"):
        answer = client.send(f"/admin/demo/{act}", key=f"a-key-to-{act}-0123456789")
        assert answer.status_code == 422
        assert Page(answer.text).title.startswith("Error: ")


def test_a_demo_of_nobody_leads_to_setting_up_ones_own(client: StrictClient, db: Session) -> None:
    make_demo(db, NOW, CHEAP.hashed)
    db.commit()
    typed = {"email": "admin@demo.invalid", "password": "northfield demo clinic"}
    client.submit(client.page("/sign-in"), "/sign-in", typed)
    confirm = client.page("/admin/demo/remove")
    assert "no account here was made by a person" in confirm.words
    answer = client.submit(confirm, "/admin/demo/remove")
    assert answer.location.startswith("/setup/")
    db.expire_all()
    assert db.get(Clinic, 1) is None
    assert not find.any_account(db)
    assert set_up(client, answer.location.removeprefix("/setup/")).location == "/today"
    assert db.scalars(select(Account.email)).all() == [ANSWERS["email"]]
