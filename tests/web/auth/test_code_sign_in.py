"""Signing in with a code: nobody is in before it fits, each works once, and guessing leads nowhere."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from planner.services import code_sign_in, signing_in
from planner.store.records import AuditEntry, BrowserSession, SecondFactor, SignInAttempt
from tests.support.cast import PASSWORD, Cast, Clock
from tests.support.one_database import ON_ONE_DATABASE
from tests.support.strict_client import StrictClient
from tests.web.auth.factors import code_at, with_factor

SignIn = Callable[[str], StrictClient]
WRONG = "000000"


@pytest.fixture
def codes(db: Session, cast: Cast, clock: Clock) -> list[str]:
    """The nurse signs in with a code; these are the recovery codes."""
    return with_factor(db, cast.accounts["nurse"], clock())


def give_password(client: StrictClient, cast: Cast, path: str = "/sign-in", password: str = PASSWORD):
    return client.submit(client.page(path), "/sign-in", {"email": cast.email("nurse"), "password": password})


def give_code(client: StrictClient, code: str, path: str = "/sign-in/code"):
    return client.submit(client.page(path), "/sign-in/code", {"code": code})


def give_recovery_code(client: StrictClient, code: str):
    page = client.page("/sign-in/code")
    token = page.form("/sign-in/code")["fields"][0][1]
    return client.post("/sign-in/code", data={"csrf_token": token, "recovery_code": code})


@pytest.mark.usefixtures("codes")
def test_the_password_alone_signs_nobody_in(client: StrictClient, cast: Cast, db: Session) -> None:
    answer = give_password(client, cast)
    assert (answer.status_code, answer.location) == (303, "/sign-in/code")
    assert client.get("/account").location.startswith("/sign-in?")
    assert client.get("/sign-in").status_code == 200
    assert db.scalars(select(BrowserSession.account_id)).all() == [None]


@pytest.mark.usefixtures("codes")
def test_the_code_signs_in_and_leads_where_one_wanted_to_go(client: StrictClient, cast: Cast, clock: Clock) -> None:
    there = give_password(client, cast, "/sign-in?next=/feeds").location
    assert there == "/sign-in/code?next=/feeds"
    waiting = client.get_cookie("planner").value
    typed = " ".join((code_at(clock())[:3], code_at(clock())[3:]))
    answer = give_code(client, typed, there)
    assert (answer.status_code, answer.location) == (303, "/feeds")
    assert client.get_cookie("planner").value != waiting
    assert client.page("/account").title
    assert client.get("/sign-in/code").location == "/today"


@ON_ONE_DATABASE
@pytest.mark.usefixtures("codes")
@pytest.mark.parametrize("wanted", ["//evil.example", "https://evil.example", "/\\evil.example"])
def test_the_code_leads_to_no_other_site(client: StrictClient, cast: Cast, clock: Clock, wanted: str) -> None:
    give_password(client, cast)
    token = client.page("/sign-in/code").form("/sign-in/code")["fields"][0][1]
    answer = client.post(
        "/sign-in/code", query_string={"next": wanted}, data={"csrf_token": token, "code": code_at(clock())}
    )
    assert answer.location == "/today"


@pytest.mark.usefixtures("codes")
def test_a_cookie_from_before_the_password_is_worth_nothing_after_it(client: StrictClient, cast: Cast) -> None:
    """Or whoever planted it could go on to the code without knowing the password."""
    page = client.page("/sign-in")
    planted = client.get_cookie("planner").value
    client.submit(page, "/sign-in", {"email": cast.email("nurse"), "password": PASSWORD})
    stranger = client.application.test_client()
    stranger.set_cookie("planner", planted)
    assert stranger.get("/sign-in/code").location == "/sign-in"


@ON_ONE_DATABASE
@pytest.mark.usefixtures("codes")
@pytest.mark.parametrize(("age", "fits"), [(0, True), (30, True), (60, False), (-30, False)])
def test_a_code_is_good_for_its_half_minute_and_the_next(
    client: StrictClient, cast: Cast, clock: Clock, age: int, fits: bool
) -> None:
    give_password(client, cast)
    answer = give_code(client, code_at(clock() - timedelta(seconds=age)))
    assert (answer.status_code == 303) == fits


@pytest.mark.usefixtures("codes")
def test_a_code_works_once(client: StrictClient, cast: Cast, clock: Clock) -> None:
    other: StrictClient = client.application.test_client()  # type: ignore[assignment]
    for browser in (client, other):
        give_password(browser, cast)
    assert give_code(client, code_at(clock())).status_code == 303
    refused = give_code(other, code_at(clock()))
    assert refused.status_code == 422
    assert "it was used already" in refused.text
    clock.pass_time(seconds=30)
    assert give_code(other, code_at(clock() - timedelta(seconds=30))).status_code == 422
    assert give_code(other, code_at(clock())).status_code == 303


def test_a_recovery_code_works_once_however_it_is_typed(client: StrictClient, cast: Cast, codes: list[str]) -> None:
    give_password(client, cast)
    typed = codes[0].replace("-", " ").upper()
    assert give_recovery_code(client, typed).status_code == 303
    assert "You have 9 left." in client.page("/account").words
    other: StrictClient = client.application.test_client()  # type: ignore[assignment]
    give_password(other, cast)
    assert give_recovery_code(other, codes[0]).status_code == 422
    assert give_recovery_code(other, codes[1]).status_code == 303


@ON_ONE_DATABASE
@pytest.mark.usefixtures("codes")
@pytest.mark.parametrize("code", ["", "12345", "1234567", "abcdef", "½½½½½½", "１２３４５６", "\x00" * 6, "9" * 5000])
def test_what_is_no_code_is_refused_at_the_field(client: StrictClient, cast: Cast, code: str) -> None:
    give_password(client, cast)
    answer = give_code(client, code)
    assert answer.status_code == 422
    assert 'id="code-error"' in answer.text


@pytest.mark.usefixtures("codes")
def test_five_wrong_codes_and_the_password_is_asked_for_again(
    client: StrictClient, cast: Cast, clock: Clock, db: Session
) -> None:
    give_password(client, cast)
    for _ in range(code_sign_in.MOST_TRIES - 1):
        assert give_code(client, WRONG).status_code == 422
    assert give_code(client, WRONG).location == "/sign-in"
    assert client.get("/sign-in/code").location == "/sign-in"
    assert give_password(client, cast).status_code == 429
    clock.pass_time(seconds=31)
    give_password(client, cast)
    assert give_code(client, code_at(clock())).status_code == 303
    assert db.scalars(select(SignInAttempt)).all() == []


@pytest.mark.usefixtures("codes")
def test_wrong_codes_count_with_wrong_passwords(client: StrictClient, cast: Cast, clock: Clock) -> None:
    """Or the password, once known, would give five new tries each time it is sent."""
    for _ in range(3):
        give_password(client, cast, password="wrong")
    give_password(client, cast)
    for _ in range(2):
        assert give_code(client, WRONG).status_code == 422
    limited = give_code(client, code_at(clock()))
    assert limited.status_code == 429
    assert int(limited.headers["Retry-After"]) > 0


@pytest.mark.usefixtures("codes")
def test_tries_in_many_browsers_are_five_together(client: StrictClient, cast: Cast, db: Session) -> None:
    browsers: list[StrictClient] = [client.application.test_client() for _ in range(2)]  # type: ignore[misc]
    for browser in browsers:
        give_password(browser, cast)
    db.get_one(SecondFactor, cast.accounts["nurse"].id).tries = code_sign_in.MOST_TRIES
    db.commit()
    assert give_code(browsers[0], WRONG).location == "/sign-in"


@pytest.mark.usefixtures("codes")
def test_the_wait_ends_after_five_minutes(client: StrictClient, cast: Cast, clock: Clock) -> None:
    give_password(client, cast)
    page = client.page("/sign-in/code")
    clock.pass_time(minutes=5)
    late = client.submit(page, "/sign-in/code", {"code": code_at(clock())})
    assert late.location == "/sign-in"
    assert "Sign in with your password again." in client.page("/sign-in").words


@pytest.mark.usefixtures("codes")
def test_a_new_password_meanwhile_ends_the_wait(client: StrictClient, cast: Cast, clock: Clock, db: Session) -> None:
    give_password(client, cast)
    cast.accounts["nurse"].version += 1
    db.commit()
    assert give_code(client, code_at(clock())).location == "/sign-in"


@ON_ONE_DATABASE
def test_without_a_password_there_is_no_page_for_codes(client: StrictClient) -> None:
    assert client.get("/sign-in/code").location == "/sign-in"
    token = client.page("/sign-in").form("/sign-in")["fields"][0][1]
    answer = client.post("/sign-in/code", data={"csrf_token": token, "code": WRONG})
    assert answer.location == "/sign-in"


@ON_ONE_DATABASE
@pytest.mark.usefixtures("codes")
def test_a_wrong_password_does_not_tell_that_there_are_codes(client: StrictClient, cast: Cast) -> None:
    with_codes = give_password(client, cast, password="wrong")
    without = client.submit(
        client.page("/sign-in"), "/sign-in", {"email": cast.email("therapist"), "password": "wrong"}
    )
    assert (with_codes.status_code, without.status_code) == (422, 422)
    assert with_codes.headers.getlist("Set-Cookie") == without.headers.getlist("Set-Cookie") == []


@pytest.mark.usefixtures("codes")
def test_no_way_of_signing_in_leaves_the_code_out(db: Session, cast: Cast, clock: Clock) -> None:
    account = cast.accounts["nurse"]
    from planner.domain.errors import NotFound

    with pytest.raises(NotFound):
        signing_in.finish_sign_in(
            db, signing_in.SignInTry(None, account.id, account.password_hash), old_cookie=None, new_hash=None, data={},
            address="", agent="", now=clock(),
        )  # fmt: skip


def test_codes_are_in_the_history_without_themselves(
    client: StrictClient, cast: Cast, clock: Clock, db: Session, codes: list[str]
) -> None:
    give_password(client, cast)
    give_code(client, WRONG)
    give_recovery_code(client, codes[0])
    told = [entry for entry in db.scalars(select(AuditEntry).order_by(AuditEntry.id)) if entry.object_type == "account"]
    assert [entry.action for entry in told[-3:]] == [
        "account.code_refused", "account.recovery_code_used", "account.signed_in",
    ]  # fmt: skip
    assert all(codes[0] not in str(entry.detail) and WRONG not in str(entry.detail) for entry in told)
