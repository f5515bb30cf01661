"""An empty planner: every page leads to how it is set up, and one link, once, makes its first account."""

from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from planner.domain.access import Role
from planner.services.first_run import new_setup_link
from planner.store.queries import accounts as find
from planner.store.records import Account, Clinic, Person, ProtocolVersion, SetupTicket, Site
from tests.support.cast import NOW, Clock
from tests.support.one_database import ON_ONE_DATABASE
from tests.support.strict_client import Page, StrictClient

ANSWERS: dict[str, Any] = {
    "clinic_name": "Test Clinic Juniper",
    "neutral_name": "Juniper",
    "zone": "America/Chicago",
    "name": "Test Founder Alder",
    "email": "founder@example.org",
    "password": "made-up words for a test",
    "work": [],
    "start": "empty",
}


def set_up(client: StrictClient, token: str, **other: Any) -> Any:
    page = client.page(f"/setup/{token}")
    return client.submit(page, f"/setup/{token}", ANSWERS | other)


@ON_ONE_DATABASE
@pytest.mark.parametrize("path", ["/", "/today", "/courses", "/admin", "/my", "/sign-in"])
def test_without_any_account_every_page_leads_to_how_to_begin(client: StrictClient, path: str) -> None:
    page = Page(client.get(path, follow_redirects=True).text)
    assert page.headings == ["This planner is not set up yet"]
    assert "flask --app wsgi setup-link" in page.words


def test_the_link_makes_clinic_and_account_and_signs_in(client: StrictClient, db: Session, token: str) -> None:
    answer = set_up(client, token)
    assert (answer.status_code, answer.location) == (303, "/today")
    clinic = db.get(Clinic, 1)
    assert clinic is not None
    assert (clinic.name, clinic.neutral_name, clinic.zone, clinic.is_demo) == (
        "Test Clinic Juniper", "Juniper", "America/Chicago", False,
    )  # fmt: skip
    account = db.scalars(select(Account)).one()
    assert find.roles_of(db, account.id) == {Role.ADMIN, Role.COORDINATOR}
    assert "made-up words" not in account.password_hash
    assert db.scalar(select(func.count()).select_from(ProtocolVersion)) == 7
    page = client.page("/today")
    assert "Test Founder Alder" in page.words
    assert "Set the clinic up" in page.words


def test_the_new_account_signs_in_with_its_password(client: StrictClient, token: str) -> None:
    set_up(client, token)
    client.delete_cookie("planner")
    page = client.page("/sign-in")
    answer = client.submit(page, "/sign-in", {"email": ANSWERS["email"], "password": ANSWERS["password"]})
    assert answer.location == "/today"


def test_a_link_works_once_and_then_no_link_works(client: StrictClient, db: Session, token: str) -> None:
    set_up(client, token)
    other = client.application.test_client()
    for words in (token, "no-such-token"):
        assert "This link does not work" in other.get(f"/setup/{words}").text
        assert other.get(f"/setup/{words}").status_code == 404
    assert other.get("/setup").location == "/sign-in"
    assert db.scalar(select(func.count()).select_from(Account)) == 1


@pytest.mark.parametrize("why", ["unknown", "replaced", "old", "has an account"])
def test_links_that_do_not_work_say_the_same(
    client: StrictClient, db: Session, clock: Clock, token: str, why: str
) -> None:
    page = client.page(f"/setup/{token}")
    asked = token
    if why == "unknown":
        asked = "A" * 43
    elif why == "replaced":
        new_setup_link(db, NOW)
    elif why == "old":
        clock.pass_time(hours=24)
    else:
        db.add(Account(email="x@example.org", email_key="x@example.org", password_hash="", name="X", created_at=NOW))
    db.commit()
    assert Page(client.get(f"/setup/{asked}").text).headings == ["This link does not work"]
    if why in ("replaced", "has an account"):
        sent = client.submit(page, f"/setup/{token}", ANSWERS)
        assert (sent.status_code, Page(sent.text).headings) == (404, ["This link does not work"])
        assert db.get(Clinic, 1) is None


@ON_ONE_DATABASE
def test_the_machines_zone_is_chosen_already_and_can_be_another(
    client: StrictClient, db: Session, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "Europe/Vienna")
    page = client.page(f"/setup/{token}")
    assert ("zone", "Europe/Vienna") in page.forms[0]["fields"]
    assert client.submit(page, f"/setup/{token}", ANSWERS | {"zone": "Asia/Tokyo"}).status_code == 303
    assert db.get_one(Clinic, 1).zone == "Asia/Tokyo"


@ON_ONE_DATABASE
@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("clinic_name", "", "Enter the clinic's name."),
        ("clinic_name", "x" * 121, "Enter at most 120 characters"),
        ("neutral_name", "", "Enter the name that calendars may show."),
        ("zone", "", "Choose the clinic's time zone."),
        ("zone", "Mars/Olympus", "There is no time zone called “Mars/Olympus”."),
        ("name", "", "Enter your name."),
        ("email", "founder", "Enter an email address such as name@example.org."),
        ("password", "short", "Enter a password of at least 15 characters."),
        ("work", ["admin"], "Choose from this list"),
        ("start", "full", "Choose from this list"),
    ],
)
def test_what_cannot_be_used_is_said_and_nothing_is_made(
    client: StrictClient, db: Session, token: str, field: str, value: Any, sentence: str
) -> None:
    answer = set_up(client, token, **{field: value})
    page = Page(answer.text)
    assert answer.status_code == 422
    assert sentence in page.words
    assert page.title.startswith("Error: ")
    assert db.get(Clinic, 1) is None
    assert not find.any_account(db)
    if field != "clinic_name":
        assert ANSWERS["clinic_name"] in answer.text
    assert ANSWERS["password"] not in answer.text
    assert set_up(client, token).status_code == 303


def test_who_also_treats_keeps_these_roles_and_is_on_the_staff_from_the_first_site_on(
    client: StrictClient, db: Session, token: str
) -> None:
    set_up(client, token, work=["therapist", "prescriber"])
    account = db.scalars(select(Account)).one()
    assert find.roles_of(db, account.id) == {Role.ADMIN, Role.COORDINATOR, Role.THERAPIST, Role.PRESCRIBER}
    assert account.person_id is None
    assert client.page("/today").headings == ["Today"]
    page = client.page("/admin/sites/new")
    facts = {"name": "Test Site North", "code": "N", "from_0": "09:00", "to_0": "17:00"}
    assert client.submit(page, "/admin/sites/new", facts).status_code == 303
    db.expire_all()
    assert db.scalars(select(Person.id)).one() == db.scalars(select(Account.person_id)).one()
    assert "Test Site North" in client.page("/rosters", follow_redirects=True).words
    today = client.page("/today")
    assert "1 of 7 done" in today.words
    assert "/patients/new" in today.links


def test_beginning_with_the_made_up_clinic(client: StrictClient, db: Session, token: str) -> None:
    answer = set_up(client, token, start="made-up")
    assert answer.location == "/admin/demo"
    page = client.page("/admin/demo")
    assert "Demo: a made-up clinic" in page.words
    assert "coordinator@demo.invalid" in page.words
    assert "admin@demo.invalid" not in page.words
    clinic = db.get(Clinic, 1)
    assert clinic is not None
    assert (clinic.name, clinic.is_demo) == ("Test Clinic Juniper", True)
    founder = db.scalars(select(Account).where(Account.email == ANSWERS["email"])).one()
    assert len(find.sites_of(db, founder.id)) == db.scalar(select(func.count()).select_from(Site)) == 2
    assert founder.person_id is None
    assert "Northfield Main" in client.page("/today").words


def test_the_founder_who_treats_is_one_more_of_the_made_up_staff(client: StrictClient, db: Session, token: str) -> None:
    set_up(client, token, start="made-up", work=["nurse"])
    founder = db.scalars(select(Account).where(Account.email == ANSWERS["email"])).one()
    person = db.get(Person, founder.person_id)
    assert person is not None
    assert person.name == ANSWERS["name"]


def test_the_page_names_no_secret(client: StrictClient, db: Session, token: str) -> None:
    ticket = db.scalars(select(SetupTicket)).one()
    assert token not in ticket.token_hash
    assert len(ticket.token_hash) == 64
    assert token not in client.page(f"/setup/{token}").words
