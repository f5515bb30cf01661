"""One's own account: look, password, browsers."""

from collections.abc import Callable

import pytest

from planner.web.auth.account import browser_words
from tests.support.cast import PASSWORD
from tests.support.strict_client import StrictClient

SignIn = Callable[[str], StrictClient]
NEW_PASSWORD = "another made-up sentence"


@pytest.mark.parametrize("who", ["coordinator", "patient"])
def test_every_role_has_its_account_page(sign_in: SignIn, who: str) -> None:
    page = sign_in(who).page("/account")
    assert f"{who}@clinic.example" in page.words


def test_a_chosen_look_is_kept_and_shown(sign_in: SignIn) -> None:
    client = sign_in("coordinator")
    response = client.submit(client.page("/account"), "/account/look", {"look-theme": "dark", "look-density": "roomy"})
    assert (response.status_code, response.location) == (303, "/account")
    shown = client.get("/account").text
    assert 'data-theme="dark"' in shown
    assert 'data-density="roomy"' in shown


def test_a_new_password_signs_out_every_other_browser(sign_in: SignIn) -> None:
    here, there = sign_in("nurse"), sign_in("nurse")
    typed = {"password-password": PASSWORD, "password-new_password": NEW_PASSWORD}
    response = here.submit(here.page("/account"), "/account/password", typed)
    assert (response.status_code, response.location) == (303, "/account")
    assert here.get("/account").status_code == 200
    assert there.get("/account").status_code == 303


def test_a_password_change_sent_twice_is_answered_twice_and_done_once(sign_in: SignIn) -> None:
    client = sign_in("nurse")
    page = client.page("/account")
    typed = {"password-password": PASSWORD, "password-new_password": NEW_PASSWORD}
    answers = [client.submit(page, "/account/password", typed) for _ in range(2)]
    assert [(answer.status_code, answer.location) for answer in answers] == [(303, "/account")] * 2


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("not my password", NEW_PASSWORD, "not your present password"),
        (PASSWORD, "too short", "at least 15 characters"),
        (PASSWORD, "x" * 1001, "at most 1000 characters"),
        (PASSWORD, "a" * 20, "harder to guess"),
        (PASSWORD, "nurse@clinic.example", "harder to guess"),
        (PASSWORD, "", "Enter a new password"),
        ("", NEW_PASSWORD, "Enter your present password"),
    ],
)
def test_a_password_that_will_not_do_is_refused_beside_its_field(
    sign_in: SignIn, old: str, new: str, sentence: str
) -> None:
    client = sign_in("nurse")
    typed = {"password-password": old, "password-new_password": new}
    response = client.submit(client.page("/account"), "/account/password", typed)
    assert response.status_code == 422
    assert sentence in response.text
    assert "<title>Error:" in response.text


def test_guessing_the_present_password_is_limited_as_signing_in_is(sign_in: SignIn) -> None:
    client = sign_in("nurse")
    typed = {"password-password": "a guess", "password-new_password": NEW_PASSWORD}
    statuses = [client.submit(client.page("/account"), "/account/password", typed).status_code for _ in range(6)]
    assert statuses == [422] * 5 + [429]


def test_a_look_nobody_offers_is_refused(sign_in: SignIn) -> None:
    response = sign_in("nurse").send("/account/look", {"look-theme": "neon", "look-density": "compact"})
    assert response.status_code == 422


def test_the_same_form_sent_again_gets_the_first_answer(sign_in: SignIn) -> None:
    client = sign_in("nurse")
    dark = {"look-theme": "dark", "look-density": "compact"}
    first, second = client.send("/account/look", dark), client.send("/account/look", dark)
    assert (first.status_code, first.location) == (second.status_code, second.location) == (303, "/account")
    assert client.get("/account").text.count("Saved.") == 1


def test_the_same_key_with_other_answers_is_refused(sign_in: SignIn) -> None:
    client = sign_in("nurse")
    assert client.send("/account/look", {"look-theme": "dark", "look-density": "compact"}).status_code == 303
    response = client.send("/account/look", {"look-theme": "light", "look-density": "compact"})
    assert response.status_code == 422
    assert "already sent" in response.text
    assert 'data-theme="dark"' in client.get("/account").text


def test_a_refused_form_may_be_corrected_and_sent_with_its_key(sign_in: SignIn) -> None:
    client = sign_in("nurse")
    assert client.send("/account/look", {"look-theme": "neon", "look-density": "compact"}).status_code == 422
    assert client.send("/account/look", {"look-theme": "dark", "look-density": "compact"}).status_code == 303


@pytest.mark.parametrize("key", [None, "", "short", "x" * 65, "has spaces in it here"])
def test_a_change_without_a_proper_key_is_refused(sign_in: SignIn, key: str | None) -> None:
    response = sign_in("nurse").send("/account/look", {"look-theme": "dark", "look-density": "compact"}, key=key)
    assert response.status_code == 400


def test_one_key_of_two_people_is_two_keys(sign_in: SignIn) -> None:
    dark, light = ({"look-theme": theme, "look-density": "compact"} for theme in ("dark", "light"))
    assert sign_in("nurse").send("/account/look", dark).status_code == 303
    assert sign_in("coordinator").send("/account/look", light).status_code == 303


@pytest.mark.parametrize(
    ("agent", "words"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/140.0", "Firefox on Linux"),
        ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/150.0 Safari/537.36 Edg/150.0", "Edge on Windows"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605 Safari/604.1", "Safari on iPhone"),
        ("Mozilla/5.0 (Linux; Android 16) AppleWebKit/537.36 Chrome/150.0 Mobile Safari", "Chrome on Android"),
        ("", "A browser"),
    ],
)
def test_a_browser_is_called_what_people_call_it(agent: str, words: str) -> None:
    assert browser_words(agent) == words
