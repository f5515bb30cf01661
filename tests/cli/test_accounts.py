"""Accounts on the command line: asked for nothing twice, errors in one sentence on stderr."""

from collections.abc import Iterator

import pytest
from flask import Flask

from config import PasswordCost, Settings
from planner.app import create_app
from planner.store.engine import Store

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
