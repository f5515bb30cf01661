"""From an invitation to the first sign-in, and every way in which a link must not work."""

import re
from collections.abc import Callable

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from planner.domain.access import Role
from planner.services.invitations import LASTS
from planner.services.link_tokens import token_hash
from planner.store.queries import accounts as find
from planner.store.records import Account, AccountRole, AuditEntry, Invitation
from tests import builders
from tests.support.cast import Cast, Clock
from tests.support.one_database import ON_ONE_DATABASE
from tests.support.strict_client import Page, StrictClient

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


def test_only_a_hash_of_the_link_is_kept(cast: Cast, db: Session, sign_in: SignIn) -> None:
    token = invited(sign_in("admin"), cast).rsplit("/", 1)[1]
    kept = db.scalars(select(Invitation)).one()
    assert kept.token_hash == token_hash(token) != token
    assert not [entry for entry in db.scalars(select(AuditEntry)) if token in str(entry.detail)]


def test_the_link_is_shown_once(cast: Cast, sign_in: SignIn) -> None:
    admin = sign_in("admin")
    path = invited(admin, cast)
    again = admin.get("/admin/accounts/new/link")
    assert again.location == "/admin/accounts"
    listed = admin.get("/admin/accounts")
    assert "That link has been shown." in listed.text
    assert path not in listed.text


def test_a_second_sending_of_the_form_invites_nobody_twice(cast: Cast, db: Session, sign_in: SignIn) -> None:
    admin = sign_in("admin")
    page = admin.page("/admin/accounts/new")
    first = admin.submit(page, "/admin/accounts/new/link", NURSE)
    second = admin.submit(page, "/admin/accounts/new/link", NURSE)
    assert (first.status_code, second.status_code, second.location) == (200, 303, "/admin/accounts/new/link")
    assert db.scalar(select(func.count()).select_from(Invitation)) == 1


@ON_ONE_DATABASE
def test_what_a_link_opens_goes_nowhere_else(client: StrictClient, cast: Cast, sign_in: SignIn) -> None:
    path = invited(sign_in("admin"), cast)
    for answer in (client.get(path), client.get(path[:-1] + "-")):
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["X-Robots-Tag"] == "noindex"
        assert answer.headers["Referrer-Policy"] == "strict-origin"
        assert "<script" not in answer.text


@ON_ONE_DATABASE
def test_the_page_that_shows_a_link_tells_nobody_where_one_was(cast: Cast, sign_in: SignIn) -> None:
    admin = sign_in("admin")
    answer = admin.submit(admin.page("/admin/accounts/new"), "/admin/accounts/new/link", NURSE)
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert 'method="post"' not in answer.text


def dead(client: StrictClient, path: str) -> str:
    """What a link that does not work says, on looking and on sending."""
    looked = client.get(path)
    token = client.page("/sign-in").form("/sign-in")["fields"][0][1]
    sent = client.post(path, data={"csrf_token": token, "name": "Test Nobody", "password": NEW_PASSWORD})
    assert (looked.status_code, sent.status_code) == (410, 410)
    assert looked.text == sent.text
    return looked.text


def use(admin: StrictClient, client: StrictClient, path: str, **_: object) -> None:
    assert join(client, path).status_code == 303
    assert "Your account is made." in client.page("/sign-in").words


def withdraw(admin: StrictClient, client: StrictClient, path: str, **_: object) -> None:
    page = admin.page("/admin/accounts")
    [action] = [form["action"] for form in page.forms if form["action"].endswith("/withdraw")]
    assert admin.submit(page, action).status_code == 303


def renew(admin: StrictClient, client: StrictClient, path: str, **_: object) -> None:
    page = admin.page("/admin/accounts")
    [action] = [form["action"] for form in page.forms if form["action"].endswith("/renew")]
    assert client.get(link_on(admin.submit(page, action).text)).status_code == 200


def let_run_out(admin: StrictClient, client: StrictClient, path: str, clock: Clock, **_: object) -> None:
    clock.now += LASTS


def end_the_inviter(admin: StrictClient, client: StrictClient, path: str, cast: Cast, db: Session, **_: object) -> None:
    cast.accounts["admin"].active = False
    db.commit()


def demote_the_inviter(admin: StrictClient, client: StrictClient, path: str, cast: Cast, db: Session, **_: object):
    db.query(AccountRole).filter_by(account_id=cast.accounts["admin"].id).update({"role": "nurse"})
    db.commit()


def end_the_person(admin: StrictClient, client: StrictClient, path: str, db: Session, person: object, **_: object):
    person.active = False  # type: ignore[attr-defined]
    db.commit()


@pytest.mark.parametrize(
    "kill", [use, withdraw, renew, let_run_out, end_the_inviter, demote_the_inviter, end_the_person]
)
def test_a_link_that_does_not_work_says_nothing_of_why(
    client: StrictClient, cast: Cast, clock: Clock, db: Session, sign_in: SignIn, kill: Callable[..., None]
) -> None:
    person = builders.person(db, cast.north)
    db.commit()
    admin = sign_in("admin")
    path = invited(admin, cast, person=str(person.id))
    unknown = dead(client, "/invitations/" + "x" * 43)
    accounts = db.scalar(select(func.count()).select_from(Account))
    kill(admin, client, path, cast=cast, clock=clock, db=db, person=person)
    assert dead(client, path) == unknown
    assert (db.scalar(select(func.count()).select_from(Account)) or 0) - (accounts or 0) == (kill is use)


@ON_ONE_DATABASE
@pytest.mark.parametrize("token", ["x", "a" * 44, "%00" * 43, "ü" * 43, "a" * 5000])
def test_what_is_no_link_at_all_gets_the_same_answer(client: StrictClient, token: str) -> None:
    assert client.get(f"/invitations/{token}").status_code == 410
    assert client.get(f"/reset/{token}").status_code == 410


@ON_ONE_DATABASE
def test_who_tries_many_links_has_to_wait_and_a_good_link_does_not(
    client: StrictClient, cast: Cast, sign_in: SignIn
) -> None:
    path = invited(sign_in("admin"), cast)
    answers = [client.get("/invitations/" + "x" * 43).status_code for _ in range(22)]
    assert answers == [410] * 20 + [429] * 2
    assert client.get(path).status_code == 200


@ON_ONE_DATABASE
@pytest.mark.parametrize(
    ("typed", "field", "words"),
    [
        ({"email": "nobody"}, "email", "Enter an email address"),
        ({"email": ""}, "email", "Enter their email address."),
        ({"email": "nurse@clinic.example"}, "email", "There is already an account"),
        ({"email": "NURSE@Clinic.Example"}, "email", "There is already an account"),
        ({"email": "a@b.example\x00"}, "email", "Take out"),
        ({"name": ""}, "name", "Enter their name."),
        ({"role": []}, "role", "Choose at least one role."),
        ({"role": ["patient"]}, "role", "Choose from this list"),
        ({"role": ["owner"]}, "role", "Choose from this list"),
        ({"site": ["999"]}, "site", "Choose from this list"),
        ({"site": ["²"]}, "site", "Choose from this list"),
        ({"person": "999"}, "person", "Choose from this list"),
    ],
)
def test_what_cannot_be_invited_is_said_at_the_field(
    cast: Cast, db: Session, sign_in: SignIn, typed: dict[str, object], field: str, words: str
) -> None:
    admin = sign_in("admin")
    answer = admin.submit(admin.page("/admin/accounts/new"), "/admin/accounts/new/link", NURSE | typed)
    assert answer.status_code == 422
    at_field = answer.text.split(f'id="{field}-error"', 1)[1].split("</p>", 1)[0]
    assert words in at_field
    assert db.scalar(select(func.count()).select_from(Invitation)) == 0


def test_an_address_is_invited_once_at_a_time(cast: Cast, sign_in: SignIn) -> None:
    admin = sign_in("admin")
    invited(admin, cast)
    answer = admin.submit(admin.page("/admin/accounts/new"), "/admin/accounts/new/link", NURSE)
    assert answer.status_code == 422
    assert "has been invited already" in answer.text


def test_nobody_learns_here_that_an_address_is_a_patient_s(
    client: StrictClient, cast: Cast, db: Session, sign_in: SignIn
) -> None:
    """An admin could otherwise try address by address who is in treatment."""
    path = invited(sign_in("admin"), cast, email=cast.email("patient"))
    refused = join(client, path)
    assert refused.status_code == 422
    assert "There is already an account with this email address." in refused.text
    assert db.scalars(select(Account).where(Account.name == NURSE["name"])).all() == []


@ON_ONE_DATABASE
def test_the_form_arrives_under_https_as_well(client: StrictClient, cast: Cast, sign_in: SignIn) -> None:
    """There browsers must say where a form comes from; this page lets them say the site and no more."""
    path = invited(sign_in("admin"), cast)
    token = Page(client.get(path, base_url="https://localhost").text).form(path)["fields"][0][1]
    typed = {"csrf_token": token, "name": "Test Newcomer", "password": NEW_PASSWORD}
    origin = {"Referer": "https://localhost/", "Origin": "https://localhost"}
    assert client.post(path, base_url="https://localhost", data=typed, headers=origin).status_code == 303


@ON_ONE_DATABASE
@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ({"password": "short"}, "at least 15 characters"),
        ({"password": "a" * 20}, "harder to guess"),
        ({"password": "iloveyouiloveyou"}, "people try first"),
        ({"password": "new.nurse@clinic.example"}, "harder to guess"),
        ({"name": " "}, "Enter your name."),
        ({"name": "x" * 200}, "at most 120"),
    ],
)
def test_what_one_types_wrong_leaves_the_link_good(
    client: StrictClient, cast: Cast, sign_in: SignIn, typed: dict[str, str], words: str
) -> None:
    path = invited(sign_in("admin"), cast)
    refused = join(client, path, **typed)
    assert refused.status_code == 422
    assert words in refused.text
    assert typed.get("password", "nothing typed") not in refused.text.replace(NURSE["email"], "")
    assert join(client, path).status_code == 303


def test_who_is_linked_to_the_roster_is_that_person(client: StrictClient, cast: Cast, db: Session, sign_in: SignIn):
    person = builders.person(db, cast.north, name="Test Person Linked")
    db.commit()
    admin = sign_in("admin")
    path = invited(admin, cast, person=str(person.id), role=["therapist"])
    assert join(client, path).status_code == 303
    assert db.scalars(select(Account).where(Account.person_id == person.id)).one().email == NURSE["email"]
    assert "Test Person Linked" not in admin.get("/admin/accounts/new").text


@ON_ONE_DATABASE
@pytest.mark.parametrize("who", ["coordinator", "prescriber", "nurse", "therapist", "patient"])
def test_nobody_but_an_admin_comes_near_accounts(cast: Cast, sign_in: SignIn, who: str) -> None:
    client = sign_in(who)
    account = cast.accounts["nurse"].id
    for path in ("", "/new", "/security", f"/{account}"):
        assert client.get(f"/admin/accounts{path}").status_code == 404
    assert client.get("/admin/audit").status_code == 404
    for path in ("new/link", f"{account}/rights", f"{account}/end", f"{account}/reset", f"{account}/factor/ask"):
        assert client.send(f"/admin/accounts/{path}", NURSE, version=1).status_code == 403


def test_the_list_names_no_patient(cast: Cast, sign_in: SignIn) -> None:
    admin = sign_in("admin")
    shown = admin.get("/admin/accounts").text
    assert cast.email("nurse") in shown
    for who in ("patient", "patient-two", "patient-south"):
        account = cast.accounts[who]
        assert account.email not in shown
        assert account.name not in shown
        for path in (f"/admin/accounts/{account.id}",):
            assert admin.get(path).status_code == 404
        for act in ("rights", "end", "reopen", "reset", "sign-ins/end", "factor/ask"):
            answer = admin.send(f"/admin/accounts/{account.id}/{act}", {"role": "nurse"}, version=1)
            assert answer.status_code == 404, act


def test_a_member_of_staff_is_invited_from_their_own_page(db: Session, sign_in: SignIn, cast: Cast) -> None:
    newcomer = builders.person(db, cast.north, Role.NURSE, name="Test Newcomer")
    db.commit()
    admin = sign_in("admin")
    assert f'href="/admin/accounts/new?person={newcomer.id}"' in admin.get(f"/admin/staff/{newcomer.id}").text
    form = admin.get(f"/admin/accounts/new?person={newcomer.id}").text
    assert 'value="Test Newcomer"' in form
    assert f'<option selected value="{newcomer.id}">' in form
    for word in ("junk", "999999999", "²"):
        assert '<option selected value="">' in admin.get("/admin/accounts/new", query_string={"person": word}).text


def test_one_member_of_staff_is_invited_once(cast: Cast, db: Session, sign_in: SignIn) -> None:
    admin, person = sign_in("admin"), builders.person(db, cast.north, Role.NURSE, name="Test Nurse Rowan")
    db.commit()
    invited(admin, cast, person=str(person.id))
    page = admin.page("/admin/accounts/new")
    typed = NURSE | {"site": [str(cast.north.id)], "person": str(person.id), "email": "other@clinic.example"}
    answer = admin.submit(page, "/admin/accounts/new/link", typed)
    assert answer.status_code == 422
    assert "Test Nurse Rowan has been invited already." in answer.text


def test_a_link_for_who_has_an_account_by_now_is_gone(
    client: StrictClient, cast: Cast, db: Session, sign_in: SignIn
) -> None:
    person = builders.person(db, cast.north, Role.NURSE, name="Test Nurse Rowan")
    db.commit()
    path = invited(sign_in("admin"), cast, person=str(person.id))
    db.get_one(Account, cast.accounts["coordinator"].id).person_id = person.id
    db.commit()
    assert client.get(path).status_code == 410
