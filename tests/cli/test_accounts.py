"""Accounts on the command line: asked for nothing twice, errors in one sentence on stderr."""

from collections.abc import Iterator
from io import StringIO

import pytest
from flask import Flask
from sqlalchemy import select

from config import PasswordCost, Settings
from planner.app import create_app
from planner.cli.doors import password_typed
from planner.domain.errors import FieldError
from planner.store.engine import Store
from planner.store.records import Account, SecondFactor
from tests.support.cast import NOW

GOOD = "a long enough sentence\n"


@pytest.fixture
def app(fresh_store: Store) -> Iterator[Flask]:
    yield create_app(Settings("sqlite://", "x", password_cost=PasswordCost(8, 1)), store=fresh_store)


def call(app: Flask, *words: str, typed: str = GOOD):
    return app.test_cli_runner().invoke(args=["accounts", *words], input=typed)


def test_the_first_admin_is_made_and_listed(app: Flask) -> None:
    made = call(app, "create", "admin@clinic.example", "--name", "Test Admin", "--role", "admin")
    assert (made.exit_code, made.stderr) == (0, "")
    listed = call(app, "list")
    assert listed.stdout == "admin@clinic.example  admin\n"


@pytest.mark.parametrize(
    ("email", "typed", "sentence"),
    [
        ("admin@clinic.example", "short\n", "at least 15 characters"),
        ("nobody", GOOD, "Enter an email address"),
    ],
)
def test_what_will_not_do_is_one_sentence_and_a_code(app: Flask, email: str, typed: str, sentence: str) -> None:
    refused = call(app, "create", email, "--name", "Test Admin", "--role", "admin", typed=typed)
    assert refused.exit_code == 1
    assert sentence in refused.stderr
    assert refused.stderr.count("\n") == 1
    assert call(app, "list").stdout == ""


def test_an_account_is_ended(app: Flask) -> None:
    call(app, "create", "nurse@clinic.example", "--name", "Test Nurse", "--role", "nurse")
    assert call(app, "end", "nurse@clinic.example").exit_code == 0
    assert call(app, "list").stdout == "nurse@clinic.example  nurse  ended\n"
    assert call(app, "end", "nobody@clinic.example").exit_code == 1


def test_a_new_password_is_set(app: Flask) -> None:
    call(app, "create", "nurse@clinic.example", "--name", "Test Nurse", "--role", "nurse")
    assert call(app, "password", "nurse@clinic.example", typed="another long sentence\n").exit_code == 0


def test_the_only_admin_is_not_ended(app: Flask) -> None:
    make = ("--name", "Test Admin", "--role", "admin")
    call(app, "create", "one@clinic.example", *make)
    call(app, "create", "nurse@clinic.example", "--name", "Test Nurse", "--role", "nurse")
    refused = call(app, "end", "one@clinic.example")
    assert (refused.exit_code, refused.stderr.count("\n")) == (1, 1)
    assert "one@clinic.example is the only admin left. Make another admin first" in refused.stderr
    call(app, "create", "two@clinic.example", *make)
    assert call(app, "end", "one@clinic.example").exit_code == 0
    assert call(app, "end", "one@clinic.example").exit_code == 0
    assert call(app, "end", "two@clinic.example").exit_code == 1


@pytest.mark.parametrize("typed", [b"a long enough sentence \xff\xfe\n", "a long enough sentence \udcff\n"])
@pytest.mark.parametrize(
    "words",
    [
        ("accounts", "create", "nurse@clinic.example", "--name", "Test Nurse", "--role", "nurse"),
        ("accounts", "password", "nurse@clinic.example"),
        ("add-admin", "--email", "admin@clinic.example", "--name", "Test Admin"),
    ],
)
def test_a_password_that_is_no_text_is_one_sentence(
    app: Flask, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], typed: bytes | str
) -> None:
    """In some locales broken bytes are an error when read, in others they come in as lone surrogates."""
    if isinstance(typed, str):
        monkeypatch.setattr("planner.cli.doors.sys.stdin", StringIO(typed))
        with app.app_context(), pytest.raises(FieldError, match="not UTF-8 text"):
            password_typed()
        return
    refused = app.test_cli_runner().invoke(args=list(words), input=typed)
    assert (refused.exit_code, refused.stderr.count("\n")) == (1, 1)
    assert "The password holds bytes that are not UTF-8 text" in refused.stderr
    assert call(app, "list").stdout == ""


@pytest.mark.parametrize("word", ["password1234567", "iloveyouiloveyou", "qwertyuiop12345"])
def test_a_password_everybody_tries_is_refused(app: Flask, word: str) -> None:
    make = ("create", "admin@clinic.example", "--name", "Test Admin", "--role", "admin")
    refused = call(app, *make, typed=f"{word}\n")
    assert (refused.exit_code, refused.stderr.count("\n")) == (1, 1)
    assert "one of the passwords people try first" in refused.stderr


def test_a_lost_second_factor_is_removed_by_who_runs_the_planner(app: Flask, fresh_store: Store) -> None:
    call(app, "create", "nurse@clinic.example", "--name", "Test Nurse", "--role", "nurse")
    assert call(app, "remove-factor", "nurse@clinic.example").stderr == "This account has no second factor.\n"
    assert call(app, "remove-factor", "nobody@clinic.example").exit_code == 1
    with fresh_store.writing() as db:
        account_id = db.scalars(select(Account.id)).one()
        db.add(SecondFactor(account_id=account_id, sealed_seed=b"", confirmed_at=NOW, created_at=NOW))
    doctor = app.test_cli_runner().invoke(args=["doctor"])
    assert doctor.exit_code == 1
    assert f"1 were sealed with another SECRET_KEY (accounts {account_id})" in doctor.stdout
    assert call(app, "remove-factor", "nurse@clinic.example").exit_code == 0
    assert "ok     second factors can be read" in app.test_cli_runner().invoke(args=["doctor"]).stdout
