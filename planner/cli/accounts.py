"""Accounts on the command line: the first admin, other accounts, and ending one."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import click
from flask import current_app
from flask.cli import with_appcontext

from planner.cli.doors import RecordNumber, password_typed, refusals
from planner.domain.access import Role
from planner.domain.errors import FieldError
from planner.services import accounts as services
from planner.store.queries import accounts as find

accounts = click.Group("accounts", help="Make, list and end accounts.")


def _store() -> Any:
    return current_app.extensions["planner"]


def _hash_of(password: str, email: str) -> str:
    services.check_new_password(password, email)
    hashed: str = current_app.extensions["planner_passwords"].hashed(password)
    return hashed


def _id_of(db: Any, email: str) -> int:
    account = find.account_by_email_key(db, services.email_key(email))
    if account is None:
        raise FieldError("email", "There is no account with this email address.")
    return account.id


@accounts.command("create")
@click.argument("email")
@click.option("--name", required=True, help="The person's name, as pages show it.")
@click.option(
    "--role",
    "roles",
    multiple=True,
    required=True,
    type=click.Choice([role.value for role in Role if role is not Role.PATIENT]),
    help="A role; may be given several times.",
)
@click.option(
    "--site", "site_ids", multiple=True, type=RecordNumber(), help="The number of a site they work for; repeatable."
)
@with_appcontext
def create(email: str, name: str, roles: tuple[str, ...], site_ids: tuple[int, ...]) -> None:
    """Make an account for a member of staff. The password is asked for, or read from standard input."""
    with refusals():
        password_hash = _hash_of(password_typed(), email)
        with _store().writing() as db:
            services.create_account(
                db,
                None,
                email=email,
                name=name,
                password_hash=password_hash,
                roles=[Role(role) for role in roles],
                site_ids=site_ids,
                now=datetime.now(UTC),
            )
    click.echo(f"{email} can sign in now.")


@accounts.command("list")
@with_appcontext
def show() -> None:
    """List accounts and their roles."""
    with refusals(), _store().reading() as db:
        roles = find.roles_of_all(db)
        for account in find.accounts_by_name(db):
            state = "" if account.active else "  ended"
            click.echo(f"{account.email}  {', '.join(sorted(roles.get(account.id, [])))}{state}")


@accounts.command("password")
@click.argument("email")
@with_appcontext
def password(email: str) -> None:
    """Set a new password and end all sign-ins of the account."""
    with refusals():
        password_hash = _hash_of(password_typed(), email)
        with _store().writing() as db:
            services.set_password(db, None, _id_of(db, email), password_hash, datetime.now(UTC))
    click.echo("The password is set; every browser of this account is signed out.")


@accounts.command("end")
@click.argument("email")
@with_appcontext
def end(email: str) -> None:
    """End an account: its sign-ins and calendar links stop working at once."""
    with refusals(), _store().writing() as db:
        services.deactivate_account(db, None, _id_of(db, email), datetime.now(UTC))
    click.echo(f"{email} cannot sign in any more.")
