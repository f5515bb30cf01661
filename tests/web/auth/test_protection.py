"""What no other site may do, what every answer carries, and what neither page nor log may tell."""

import logging
from collections.abc import Callable, Iterator

import pytest
from flask import Flask, request
from itsdangerous import BadSignature, URLSafeTimedSerializer

from config import PasswordCost, Settings
from planner.app import create_app
from planner.domain.errors import FieldError, NotFound, NotPermitted, PlannerError, StaleVersion
from planner.web.access import public, repeatable
from planner.web.navigation import ClinicWords, page_surroundings
from tests.support.cast import PASSWORD, Cast
from tests.support.strict_client import Page, StrictClient, check_headers

SignIn = Callable[[str], StrictClient]
DARK = {"look-theme": "dark", "look-density": "compact"}
SECRET_WORDS = "Test Patient Alder token-0123456789"


def settings(**more: object) -> Settings:
    return Settings("sqlite://", "a secret for tests only", password_cost=PasswordCost(8, 1), **more)


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch) -> Iterator[Flask]:
    """An app without a database, to plant views in."""
    app = create_app(settings())
    # The clinic's name is the one thing a page of nobody reads from the database.
    monkeypatch.setattr("planner.web.navigation._clinic_words", ClinicWords)
    yield app
    app.extensions["planner"].dispose()


def plant(app: Flask, view: Callable[[], object], method: str = "GET") -> None:
    app.add_url_rule(
        "/planted/<token>", "planted", public(repeatable("a test")(lambda token: view())), methods=[method]
    )


# Other sites


def test_a_change_without_the_token_is_refused(sign_in: SignIn) -> None:
    client = sign_in("nurse")
    client.csrf_token = ""
    assert client.send("/account/look", DARK).status_code == 400


def test_signing_in_needs_the_token_too(client: StrictClient, cast: Cast) -> None:
    answer = client.post("/sign-in", data={"email": cast.email("nurse"), "password": PASSWORD})
    assert answer.status_code == 400


def test_after_a_change_of_keys_old_tokens_are_read_and_new_ones_signed_by_the_new_key(
    app: Flask, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = sign_in("nurse")
    form = client.page("/account").form("/account/look")
    old = dict(form["fields"])["csrf_token"]
    fresh = create_app(Settings("sqlite://", "a newer secret", secret_key_fallbacks=("a secret for tests only",)))
    fresh.extensions["planner"].dispose()
    monkeypatch.setitem(app.config, "SECRET_KEY", fresh.config["SECRET_KEY"])
    monkeypatch.setitem(app.config, "WTF_CSRF_SECRET_KEY", fresh.config["WTF_CSRF_SECRET_KEY"])
    client.csrf_token = old
    assert client.send("/account/look", DARK).status_code == 303
    new = dict(client.page("/account").form("/account/look")["fields"])["csrf_token"]
    assert URLSafeTimedSerializer("a newer secret", salt="wtf-csrf-token").loads(new)
    with pytest.raises(BadSignature):
        URLSafeTimedSerializer("a secret for tests only", salt="wtf-csrf-token").loads(new)
    monkeypatch.setitem(app.config, "WTF_CSRF_SECRET_KEY", ["a newer secret"])
    client.csrf_token = old
    assert client.send("/account/look", DARK).status_code == 400


def test_the_token_of_another_browser_is_refused(sign_in: SignIn, client: StrictClient) -> None:
    mine = sign_in("nurse")
    mine.csrf_token = client.page("/sign-in").form("/sign-in")["fields"][0][1]
    assert mine.send("/account/look", DARK).status_code == 400


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Origin": "https://evil.example"},
        {"Origin": "http://localhost.evil.example"},
        {"Origin": "http://localhost:81"},
        {"Origin": "null"},
        {"Origin": "http://["},
    ],
)
def test_a_change_started_by_another_site_is_refused(sign_in: SignIn, headers: dict[str, str]) -> None:
    assert sign_in("nurse").send("/account/look", DARK, headers=headers).status_code == 403


@pytest.mark.parametrize("headers", [{"Sec-Fetch-Site": "same-origin"}, {"Origin": "http://localhost"}, {}])
def test_a_change_started_by_a_page_of_ours_is_done(sign_in: SignIn, headers: dict[str, str]) -> None:
    assert sign_in("nurse").send("/account/look", DARK, headers=headers).status_code == 303


@pytest.mark.parametrize("path", ["/sign-out", "/account/look", "/account/password", "/account/sessions/end"])
def test_nothing_changes_by_looking(sign_in: SignIn, path: str) -> None:
    client = sign_in("nurse")
    assert client.get(path).status_code == 405
    assert client.get("/account").status_code == 200


def test_an_unknown_host_name_is_refused(client: StrictClient) -> None:
    answer = client.get("/sign-in", base_url="http://evil.example")
    assert answer.status_code == 400
    assert "evil" not in answer.text


def test_an_unknown_host_name_is_no_fault_of_ours(client: StrictClient, caplog: pytest.LogCaptureFixture) -> None:
    assert client.get("/sign-in", base_url="http://evil.example").status_code == 400
    assert "fault" not in caplog.text


# Headers


@pytest.mark.parametrize("path", ["/sign-in", "/nothing-here", "/healthz", "/account"])
def test_every_answer_carries_the_headers(client: StrictClient, path: str) -> None:
    answer = client.get(path)
    check_headers(answer)
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Referrer-Policy"] == "same-origin"
    assert "Strict-Transport-Security" not in answer.headers
    assert "Server" not in answer.headers


def test_the_nonce_is_new_for_each_answer_and_the_scripts_have_it(sign_in: SignIn) -> None:
    client = sign_in("coordinator")
    first, second = (client.get("/account") for _ in range(2))
    nonces = [answer.headers["Content-Security-Policy"].split("'nonce-")[1].split("'")[0] for answer in (first, second)]
    assert nonces[0] != nonces[1]
    assert f'nonce="{nonces[0]}"' in first.text


def test_patients_get_no_script(sign_in: SignIn) -> None:
    assert "<script" not in sign_in("patient").get("/account").text


def test_under_https_the_cookie_and_the_host_are_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    app = create_app(settings(https=True))
    answer = app.test_client().get("/healthz", base_url="https://localhost")
    assert answer.headers["Strict-Transport-Security"] == "max-age=63072000; includeSubDomains"
    assert app.session_interface.cookie_name(app) == "__Host-planner"
    app.extensions["planner"].dispose()


@pytest.mark.parametrize(("hops", "seen"), [(0, "127.0.0.1"), (1, "192.0.2.7"), (2, "192.0.2.6")])
def test_only_as_many_proxies_are_believed_as_there_are(bare: Flask, hops: int, seen: str) -> None:
    app = create_app(settings(trusted_proxies=hops))
    plant(app, lambda: request.remote_addr)
    headers = {"X-Forwarded-For": "192.0.2.6, 192.0.2.7", "HX-Request": "true"}
    assert app.test_client().get("/planted/x", headers=headers).text == seen
    app.extensions["planner"].dispose()


def test_reports_of_a_broken_policy_are_noted_without_addresses(
    client: StrictClient, caplog: pytest.LogCaptureFixture
) -> None:
    report = {
        "csp-report": {"violated-directive": "script-src\nforged line", "blocked-uri": f"http://x/{SECRET_WORDS}"}
    }
    with caplog.at_level(logging.WARNING):
        assert client.post("/csp-reports", json=report).status_code == 204
    assert "script-src" in caplog.text
    assert SECRET_WORDS not in caplog.text
    assert "\nforged" not in caplog.text


def test_a_report_puts_nothing_a_stranger_wrote_into_the_log(
    client: StrictClient, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        client.post("/csp-reports", json={"csp-report": {"violated-directive": SECRET_WORDS}})
    assert "unknown" in caplog.text
    assert not any(word in caplog.text for word in SECRET_WORDS.split())


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{", b'{"csp-report": 3}', b"x" * 20_000, b"[" * 8_000, b'{"a":' * 1_500]
)
def test_reports_that_are_none_do_no_harm(client: StrictClient, body: bytes) -> None:
    assert client.post("/csp-reports", data=body).status_code == 204


# Refusals and faults


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (FieldError("day", "Enter a day."), 422),
        (PlannerError("That will not do."), 422),
        (StaleVersion(1, 2), 409),
        (NotPermitted("Not yours."), 403),
    ],
)
def test_a_refusal_is_a_page_with_its_sentence(bare: Flask, error: PlannerError, status: int) -> None:
    def refuse() -> None:
        raise error

    plant(bare, refuse)
    answer = bare.test_client().get("/planted/x")
    assert answer.status_code == status
    assert error.sentence in Page(answer.text).words


def test_what_is_not_there_and_what_is_not_yours_look_the_same(bare: Flask) -> None:
    def refuse() -> None:
        raise NotFound()

    plant(bare, refuse)
    client = bare.test_client()
    there, nowhere = client.get("/planted/x"), client.get("/nothing-here")
    assert there.status_code == nowhere.status_code == 404
    assert Page(there.text).words == Page(nowhere.text).words


def test_a_fault_tells_neither_page_nor_log_what_was_in_it(bare: Flask, caplog: pytest.LogCaptureFixture) -> None:
    def fail() -> None:
        raise KeyError(SECRET_WORDS)

    plant(bare, fail)
    answer = bare.test_client().get(f"/planted/{SECRET_WORDS}?name={SECRET_WORDS}")
    assert answer.status_code == 500
    assert len(Page(answer.text).headings) == 1
    for told in (answer.text, caplog.text):
        assert "Alder" not in told
        assert "token-0123456789" not in told
    assert "Traceback" not in answer.text
    assert "/planted/<token>" in caplog.text
    assert "KeyError" in caplog.text
    assert answer.headers["X-Request-Id"] in caplog.text


def test_a_busy_database_is_said_so(bare: Flask) -> None:
    def wait() -> None:
        raise TimeoutError

    plant(bare, wait)
    answer = bare.test_client().get("/planted/x")
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0


def test_a_part_of_a_page_gets_a_part_of_a_page(bare: Flask) -> None:
    def refuse() -> None:
        raise StaleVersion(1, 2)

    plant(bare, refuse)
    answer = bare.test_client().get("/planted/x", headers={"HX-Request": "true"})
    assert answer.status_code == 409
    assert "<html" not in answer.text
    assert "changed by somebody else" in answer.text


def test_a_fault_in_the_error_page_is_still_answered(bare: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> dict[str, object]:
        raise RuntimeError(SECRET_WORDS)

    bare.template_context_processors[None].remove(page_surroundings)
    bare.template_context_processors[None].append(fail)
    answer = bare.test_client().get("/nothing-here")
    assert answer.status_code == 404
    assert "Alder" not in answer.text


def test_too_much_at_once_is_refused(sign_in: SignIn) -> None:
    client = sign_in("nurse")
    assert client.post("/account/look", data={"x": "a" * 1_100_000}).status_code == 413
    assert client.send("/account/look", {"x": "a" * 300_000}).status_code == 413
    parts = {f"x{n}": "a" for n in range(300)}
    assert client.post("/account/look", data=parts, content_type="multipart/form-data").status_code == 413
    assert client.get("/account").status_code == 200


def test_a_patient_s_help_page_is_named_on_their_pages(sign_in: SignIn) -> None:
    assert "/my/help" in sign_in("patient").page("/account").links
