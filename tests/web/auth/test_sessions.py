"""How long a sign-in lasts, and what ends it."""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from planner.services import accounts, signing_in
from planner.store.records import BrowserSession
from tests.support.cast import Cast, Clock
from tests.support.strict_client import StrictClient

SignIn = Callable[[str], StrictClient]


def is_in(client: StrictClient, **options: object) -> bool:
    response = client.get("/account", **options)
    assert response.status_code in (200, 303)
    return response.status_code == 200


@pytest.mark.parametrize(("who", "minutes"), [("coordinator", 15), ("patient", 30)])
def test_an_idle_browser_is_signed_out(sign_in: SignIn, clock: Clock, who: str, minutes: int) -> None:
    client = sign_in(who)
    clock.pass_time(minutes=minutes, seconds=-1)
    assert is_in(client)
    clock.pass_time(minutes=minutes)
    assert not is_in(client)


def test_the_clinic_sets_the_idle_limit(sign_in: SignIn, clock: Clock, cast: Cast, db: Session) -> None:
    cast.clinic.staff_idle_minutes = 5
    db.commit()
    client = sign_in("nurse")
    clock.pass_time(minutes=5)
    assert not is_in(client)


@pytest.mark.parametrize(("who", "hours"), [("coordinator", 12), ("patient", 24)])
def test_even_a_busy_browser_is_signed_out_at_the_end(sign_in: SignIn, clock: Clock, who: str, hours: int) -> None:
    client = sign_in(who)
    end = clock.now + timedelta(hours=hours)
    while clock.now + timedelta(minutes=14) < end:
        clock.pass_time(minutes=14)
        assert is_in(client)
    clock.now = end - timedelta(seconds=1)
    assert is_in(client)
    clock.now = end
    assert not is_in(client)


def test_what_a_page_asks_by_itself_is_no_use_of_it(sign_in: SignIn, clock: Clock) -> None:
    client = sign_in("coordinator")
    clock.pass_time(minutes=14)
    assert is_in(client, headers={"X-Background": "1"})
    clock.pass_time(minutes=1)
    assert not is_in(client)


def test_use_is_written_down_every_half_minute_at_most(sign_in: SignIn, clock: Clock, db: Session) -> None:
    client = sign_in("coordinator")
    start = clock.now
    seen = select(BrowserSession.seen_at)
    clock.pass_time(seconds=29)
    client.get("/account")
    assert db.scalar(seen) == start
    clock.pass_time(seconds=1)
    client.get("/account")
    assert db.scalar(seen) == clock.now


def test_signing_out_ends_a_copy_of_the_cookie_too(sign_in: SignIn) -> None:
    client = sign_in("coordinator")
    cookie = client.get_cookie("planner").value
    response = client.submit(client.page("/account"), "/sign-out")
    assert (response.status_code, response.location) == (303, "/sign-in")
    assert "cookies" in response.headers["Clear-Site-Data"]
    assert client.get_cookie("planner") is None
    thief = client.application.test_client()
    thief.set_cookie("planner", cookie)
    assert not is_in(thief)


def test_signing_out_everywhere(sign_in: SignIn) -> None:
    here, there, other = sign_in("coordinator"), sign_in("coordinator"), sign_in("nurse")
    here.submit(here.page("/account/sessions"), "/account/sessions/end")
    assert (is_in(here), is_in(there), is_in(other)) == (False, False, True)


def test_one_other_browser_is_signed_out(sign_in: SignIn) -> None:
    here, there = sign_in("coordinator"), sign_in("coordinator")
    page = here.page("/account/sessions")
    ends = [form["action"] for form in page.forms if re.fullmatch("/account/sessions/[0-9a-f]{16}/end", form["action"])]
    assert len(ends) == 1
    assert here.submit(page, ends[0]).location == "/account/sessions"
    assert (is_in(here), is_in(there)) == (True, False)


def test_nobody_ends_the_browser_of_somebody_else(sign_in: SignIn) -> None:
    mine, theirs = sign_in("coordinator"), sign_in("nurse")
    reference = signing_in.browser_reference(signing_in.hash_of(theirs.get_cookie("planner").value))
    assert mine.send(f"/account/sessions/{reference}/end").status_code == 404
    assert mine.send("/account/sessions/0123456789abcdef/end", key="another-key-0123456").status_code == 404
    assert is_in(theirs)


def test_an_ended_account_is_out_at_once(sign_in: SignIn, cast: Cast, db: Session, clock: Clock) -> None:
    client = sign_in("therapist")
    accounts.deactivate_account(db, None, cast.accounts["therapist"].id, clock())
    db.commit()
    assert not is_in(client)


def test_a_cookie_that_is_nonsense_is_nobody(client: StrictClient) -> None:
    for value in ("x", "a" * 4000, "é".encode().decode("latin-1"), "%00"):
        client.set_cookie("planner", value)
        assert not is_in(client)


def test_the_cookie_is_for_this_host_and_the_server_only(sign_in: SignIn, client: StrictClient) -> None:
    header = client.get("/sign-in").headers["Set-Cookie"]
    assert "HttpOnly" in header
    assert "SameSite=Lax" in header
    assert "Path=/" in header
    assert "Domain" not in header
