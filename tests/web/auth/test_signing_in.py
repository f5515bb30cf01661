"""Signing in: one answer for every mistake, limits, and where it leads."""

from collections.abc import Callable
from datetime import timedelta
from urllib.parse import quote

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from planner.services import signing_in
from planner.store.records import Account, AuditEntry, BrowserSession, SignInAttempt
from tests.support.cast import PASSWORD, Cast, Clock
from tests.support.strict_client import Page, StrictClient

SignIn = Callable[[str], StrictClient]


def try_to_sign_in(client: StrictClient, email: str, password: str = PASSWORD, path: str = "/sign-in"):
    return client.submit(client.page(path), "/sign-in", {"email": email, "password": password})


@pytest.mark.parametrize(("who", "first"), [("coordinator", "/today"), ("admin", "/today"), ("patient", "/my")])
def test_signing_in_leads_to_the_role_s_first_page(client: StrictClient, cast: Cast, who: str, first: str) -> None:
    response = try_to_sign_in(client, cast.email(who))
    assert (response.status_code, response.location) == (303, first)
    assert client.get("/").location == first
    assert client.get("/sign-in").location == first


def test_a_head_is_answered_like_a_get_without_its_body(client: StrictClient, cast: Cast, db: Session) -> None:
    typed = {"email": cast.email("nurse"), "password": PASSWORD}
    answer = client.open("/sign-in", method="HEAD", data=typed)
    assert (answer.status_code, answer.data) == (200, b"")
    assert db.scalar(select(func.count(SignInAttempt.id))) == 0


def test_the_address_is_taken_in_any_case_and_with_spaces(client: StrictClient, cast: Cast) -> None:
    assert try_to_sign_in(client, f"  {cast.email('nurse').upper()} ").status_code == 303


def answer(response) -> tuple[int, str, str]:
    page = Page(response.text)
    return response.status_code, page.title, page.words.replace("nobody@clinic.example", "").strip()


def test_a_wrong_password_and_an_unknown_address_get_the_same_answer(client: StrictClient, cast: Cast) -> None:
    wrong = answer(try_to_sign_in(client, cast.email("nurse"), "not the password"))
    unknown = answer(try_to_sign_in(client, "nobody@clinic.example", "not the password"))
    assert wrong == unknown
    assert wrong[0] == 422
    assert wrong[1].startswith("Error:")


def test_an_ended_account_gets_the_same_answer(client: StrictClient, cast: Cast, db: Session) -> None:
    cast.accounts["nurse"].active = False
    db.commit()
    assert try_to_sign_in(client, cast.email("nurse")).status_code == 422


def test_the_typed_address_stays_and_the_password_does_not(client: StrictClient, cast: Cast) -> None:
    shown = try_to_sign_in(client, cast.email("nurse"), "not the password").text
    assert cast.email("nurse") in shown
    assert "not the password" not in shown


def test_nothing_typed_is_asked_for_at_each_field(client: StrictClient) -> None:
    response = try_to_sign_in(client, "", "")
    assert response.status_code == 422
    assert "Enter your email address." in response.text
    assert "Enter your password." in response.text


def test_after_five_wrong_tries_even_the_right_password_waits(client: StrictClient, cast: Cast, clock: Clock) -> None:
    for _ in range(signing_in.PER_ACCOUNT_AND_ADDRESS):
        assert try_to_sign_in(client, cast.email("nurse"), "wrong").status_code == 422
    limited = try_to_sign_in(client, cast.email("nurse"))
    assert limited.status_code == 429
    assert 0 < int(limited.headers["Retry-After"]) <= 31
    assert try_to_sign_in(client, cast.email("coordinator")).status_code == 303
    clock.pass_time(seconds=31)
    assert try_to_sign_in(StrictClient(client.application), cast.email("nurse")).status_code == 303


def test_the_wait_grows_with_each_further_try(client: StrictClient, cast: Cast, clock: Clock) -> None:
    for _ in range(signing_in.PER_ACCOUNT_AND_ADDRESS):
        try_to_sign_in(client, cast.email("nurse"), "wrong")
    clock.pass_time(seconds=31)
    assert try_to_sign_in(client, cast.email("nurse"), "wrong").status_code == 422
    clock.pass_time(seconds=31)
    assert try_to_sign_in(client, cast.email("nurse")).status_code == 429
    clock.pass_time(seconds=31)
    assert try_to_sign_in(client, cast.email("nurse")).status_code == 303


def fail_from(db: Session, cast: Cast, clock: Clock, who: str, addresses: list[str]) -> None:
    email_hash = signing_in.hash_of(cast.accounts[who].email_key)
    db.add_all(SignInAttempt(email_hash=email_hash, address=address, at=clock()) for address in addresses)
    db.commit()


def test_one_account_is_limited_over_all_addresses(client: StrictClient, cast: Cast, clock: Clock, db: Session) -> None:
    fail_from(db, cast, clock, "nurse", [f"192.0.2.{n}" for n in range(signing_in.PER_ACCOUNT)])
    assert try_to_sign_in(client, cast.email("nurse")).status_code == 429


def test_strangers_do_not_lock_out_somebody_at_their_usual_address(
    client: StrictClient, cast: Cast, clock: Clock, db: Session, sign_in: SignIn
) -> None:
    sign_in("nurse")
    fail_from(db, cast, clock, "nurse", [f"192.0.2.{n}" for n in range(signing_in.PER_ACCOUNT)])
    assert try_to_sign_in(client, cast.email("nurse")).status_code == 303


def test_one_address_is_limited_over_all_accounts(client: StrictClient, cast: Cast, clock: Clock, db: Session) -> None:
    db.add_all(
        SignInAttempt(email_hash=signing_in.hash_of(f"sprayed {n}"), address="127.0.0.1", at=clock())
        for n in range(signing_in.PER_ADDRESS)
    )
    db.commit()
    assert try_to_sign_in(client, cast.email("nurse")).status_code == 429


def test_an_address_somebody_claims_to_have_does_not_count(client: StrictClient, cast: Cast, db: Session) -> None:
    page = client.page("/sign-in")
    client.submit(page, "/sign-in", {"email": "x@y.example", "password": "z"}, headers={"X-Forwarded-For": "192.0.2.9"})
    assert db.scalars(select(SignInAttempt.address)).all() == ["127.0.0.1"]


def test_a_hash_of_old_costs_is_renewed(client: StrictClient, cast: Cast, db: Session) -> None:
    from planner.services.accounts import Passwords

    cast.accounts["nurse"].password_hash = old = Passwords(16, 1).hashed(PASSWORD)
    db.commit()
    assert try_to_sign_in(client, cast.email("nurse")).status_code == 303
    db.expire_all()
    kept = db.get_one(Account, cast.accounts["nurse"].id).password_hash
    assert kept != old
    assert "m=8," in kept


@pytest.mark.parametrize("wanted", ["/courses/3?day=2026-03-04", "/account", "/courses?q=a%20b"])
def test_one_is_taken_back_to_where_one_was(client: StrictClient, cast: Cast, wanted: str) -> None:
    page = client.page(f"/sign-in?next={quote(wanted)}")
    response = client.submit(page, "/sign-in", {"email": cast.email("nurse"), "password": PASSWORD})
    assert response.location == wanted


@pytest.mark.parametrize(
    "wanted",
    [
        "//evil.example",
        "///evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "https://evil.example",
        "http:evil.example",
        "javascript:alert(1)",
        "data:text/html,x",
        "/\t/evil.example",
        "/\n/evil.example",
        "/\x00/evil.example",
        "\t//evil.example",
        " //evil.example",
        "evil.example",
        "/\u2028/evil.example",
        "@evil.example",
        "/no/such/page",
        "",
    ],
)
def test_nobody_is_sent_to_another_site(client: StrictClient, cast: Cast, wanted: str) -> None:
    token = client.page("/sign-in").form("/sign-in")["fields"][0][1]
    response = client.post(
        "/sign-in",
        query_string={"next": wanted},
        data={"csrf_token": token, "email": cast.email("nurse"), "password": PASSWORD},
    )
    assert (response.status_code, response.location) == (303, "/today")


@pytest.mark.parametrize(
    "wanted",
    ["/sign-out", "/sign%2Dout", "/sign-out?x=1", "/account/look", "/patients/1/readmit", "/admin/audit/download"],
)
def test_nobody_is_sent_to_what_only_a_button_does(client: StrictClient, cast: Cast, wanted: str) -> None:
    page = client.page(f"/sign-in?next={quote(wanted, safe='')}")
    response = client.submit(page, page.forms[0]["action"], {"email": cast.email("nurse"), "password": PASSWORD})
    assert response.location == "/today"
    assert client.get(f"/sign-in?next={quote(wanted, safe='')}").location == "/today", "nor who is signed in already"


def test_signing_in_and_failing_to_are_in_the_history(client: StrictClient, cast: Cast, db: Session) -> None:
    try_to_sign_in(client, cast.email("nurse"), "wrong")
    try_to_sign_in(client, cast.email("nurse"))
    entries = db.scalars(select(AuditEntry).where(AuditEntry.object_id == cast.accounts["nurse"].id)).all()
    told = [(entry.action, entry.outcome) for entry in sorted(entries, key=lambda entry: entry.id)]
    assert told == [
        ("account.created", "ok"),
        ("account.sign_in_refused", "refused"),
        ("account.signed_in", "ok"),
    ]


def test_signing_in_gives_the_browser_a_new_id(client: StrictClient, cast: Cast, db: Session) -> None:
    client.page("/sign-in")
    before = client.get_cookie("planner").value
    try_to_sign_in(client, cast.email("nurse"))
    after = client.get_cookie("planner").value
    assert after != before
    stranger = client.application.test_client()
    stranger.set_cookie("planner", before)
    assert stranger.get("/account").location.startswith("/sign-in")
    hashes = db.scalars(select(BrowserSession.id_hash)).all()
    assert signing_in.hash_of(before) not in hashes
    assert after not in hashes


def test_an_id_somebody_else_chose_is_not_taken_over(client: StrictClient, cast: Cast) -> None:
    client.set_cookie("planner", "chosen-by-somebody-else")
    try_to_sign_in(client, cast.email("nurse"))
    assert client.get_cookie("planner").value != "chosen-by-somebody-else"


def test_the_token_of_before_is_worth_nothing_after_signing_in(client: StrictClient, cast: Cast) -> None:
    before = client.page("/sign-in").form("/sign-in")["fields"][0][1]
    try_to_sign_in(client, cast.email("nurse"))
    client.csrf_token = before
    assert client.send("/account/look", {"look-theme": "dark", "look-density": "compact"}).status_code == 400


def test_a_page_for_nobody_that_remembers_nothing_keeps_no_row(client: StrictClient, db: Session) -> None:
    client.get("/healthz")
    client.get("/nothing-here")
    assert db.scalar(select(func.count()).select_from(BrowserSession)) == 0


def test_ended_sessions_are_swept_out(client: StrictClient, clock: Clock, db: Session) -> None:
    client.page("/sign-in")
    clock.now += signing_in.UNSIGNED_ABSOLUTE + timedelta(seconds=1)
    client.page("/sign-in")
    assert db.scalar(select(func.count()).select_from(BrowserSession)) == 1
