"""What every command shares: the store, the present time, and one sentence on stderr when something is refused."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
from flask import current_app
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from planner.domain.access import Principal
from planner.domain.errors import FieldError, PlannerError
from planner.services.accounts import email_key
from planner.store.engine import Store
from planner.store.guards import GuardMissing
from planner.store.queries import accounts as find

NOT_TEXT = "The password holds bytes that are not UTF-8 text; send it as UTF-8."


class RecordNumber(click.IntRange):
    """A record's number, as far as both databases can hold one."""

    name = "number"

    def __init__(self) -> None:
        super().__init__(1, 2**31 - 1)


class Failed(click.ClickException):
    """A refusal: one sentence on stderr, exit code 1. Wrong usage is click's own, exit code 2."""

    exit_code = 1

    def show(self, file: Any = None) -> None:
        """The sentence alone."""
        click.echo(self.message, err=True)


def store() -> Store:
    """The database of this app."""
    found: Store = current_app.extensions["planner"]
    return found


def now() -> datetime:
    """The present time, as the app's clock has it."""
    clock = current_app.extensions.get("planner_clock")
    instant: datetime = clock() if clock is not None else datetime.now(UTC)
    return instant


@contextmanager
def refusals() -> Iterator[None]:
    """Turn what the planner refuses, and a database that cannot be used, into one sentence."""
    try:
        yield
    except (PlannerError, GuardMissing) as refused:
        raise Failed(str(refused)) from refused
    except SQLAlchemyError as fault:
        # The driver's own message may hold the address with its password.
        sentence = "The database cannot be used; run “flask --app wsgi doctor” to see why"
        raise Failed(f"{sentence} ({type(fault).__name__}).") from fault


def password_typed(*, confirm: bool = False) -> str:
    """A password from the keyboard, or the first line of standard input. Raises FieldError for broken text."""
    if sys.stdin.isatty():
        return _sound(str(click.prompt("Password", hide_input=True, confirmation_prompt=confirm)))
    try:
        return _sound(sys.stdin.readline().rstrip("\r\n"))
    except UnicodeDecodeError as error:
        raise FieldError("password", NOT_TEXT) from error


def _sound(password: str) -> str:
    """The password if it can be typed again: bytes that are no text come in as lone surrogates in some locales."""
    try:
        password.encode("utf-8")
    except UnicodeEncodeError as error:
        raise FieldError("password", NOT_TEXT) from error
    return password


def principal_of(db: Session, email: str) -> Principal:
    """The account with this address, as the services see it. Raises FieldError."""
    account = find.account_by_email_key(db, email_key(email))
    if account is None or not account.active:
        raise FieldError("account", f"There is no account with the address {email[:80]}.")
    return Principal(
        account.id,
        find.roles_of(db, account.id),
        account.person_id,
        account.patient_id,
        frozenset(site_id for site_id, _ in find.sites_of(db, account.id)),
    )


def write_out(target: str, content: bytes) -> None:
    """To a file, or to standard output for `-`. Raises Failed when the file cannot be written."""
    if target == "-":
        click.echo(content, nl=False)
        return
    try:
        Path(target).write_bytes(content)
    except OSError as error:
        raise Failed(f"{target} cannot be written: {error.strerror}.") from error
