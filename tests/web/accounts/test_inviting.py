"""From an invitation to the first sign-in, and every way in which a link must not work."""

import re
from collections.abc import Callable

from sqlalchemy import select
from sqlalchemy.orm import Session

from planner.store.queries import accounts as find
from planner.store.records import Account
from tests.support.cast import Cast
from tests.support.strict_client import StrictClient

SignIn = Callable[[str], StrictClient]
NEW_PASSWORD = "four made-up words here"
NURSE = {"email": "New.Nurse@clinic.example", "name": "Test Newcomer", "role": ["nurse"]}


def link_on(markup: str) -> str:
    """The path of the one link a page shows."""
    found = re.findall(r'value="http://localhost(/(?:invitations|reset)/[\w-]{43})"', markup)
    assert len(found) == 1
    return found[0]


def invited(admin: StrictClient, cast: Cast, **typed: object) -> str:
    page = admin.page("/admin/accounts/new")
    answer = admin.submit(page, "/admin/accounts/new/link", NURSE | {"site": [str(cast.north.id)]} | typed)
    assert answer.status_code == 200, answer.text
    return link_on(answer.text)


def join(client: StrictClient, path: str, **typed: str):
    return client.submit(client.page(path), path, {"password": NEW_PASSWORD} | typed)


def test_from_the_invitation_to_the_first_page(client: StrictClient, cast: Cast, db: Session, sign_in: SignIn) -> None:
    path = invited(sign_in("admin"), cast, person="")
    page = client.page(path)
    assert "Test Practice" in page.title
    assert "Test Clinic" not in client.get(path).text
    assert NURSE["email"] in page.words
    joined = join(client, path, name="Test Newcomer Nurse")
    assert (joined.status_code, joined.location) == (303, "/sign-in")
    page = client.page("/sign-in")
    assert "Your account is made." in page.words
    arrived = client.submit(page, "/sign-in", {"email": "new.nurse@clinic.example", "password": NEW_PASSWORD})
    assert (arrived.status_code, arrived.location) == (303, "/today")
    made = db.scalars(select(Account).where(Account.name == "Test Newcomer Nurse")).one()
    assert find.roles_of(db, made.id) == {"nurse"}
    assert [site_id for site_id, _ in find.sites_of(db, made.id)] == [cast.north.id]
