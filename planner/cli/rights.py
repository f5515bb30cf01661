"""Changing what an account may do, on the command line."""

from __future__ import annotations

import click
from flask.cli import with_appcontext

from planner.cli.doors import RecordNumber, now, refusals, store
from planner.domain.access import Role
from planner.domain.errors import FieldError
from planner.services.accounts import email_key
from planner.services.rights import change_rights
from planner.store.queries import accounts as find


@click.command("rights")
@click.argument("email")
@click.option(
    "--role", "roles", multiple=True, required=True,
    type=click.Choice([role.value for role in Role if role is not Role.PATIENT]), help="A role to have; repeatable.",
)  # fmt: skip
@click.option("--site", "site_ids", multiple=True, type=RecordNumber(), help="The number of a site; repeatable.")
@with_appcontext
def rights(email: str, roles: tuple[str, ...], site_ids: tuple[int, ...]) -> None:
    """Let an account have exactly these roles and sites; others are taken away, and calendar links with them."""
    with refusals(), store().writing() as db:
        account = find.account_by_email_key(db, email_key(email))
        if account is None:
            raise FieldError("email", "There is no account with this email address.")
        change_rights(db, None, account.id, roles=[Role(role) for role in roles], site_ids=site_ids, now=now())
    click.echo(f"{email} is {', '.join(sorted(set(roles)))} now.")
