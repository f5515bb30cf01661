"""The first sign-in of a new clinic."""

from __future__ import annotations

import click
from flask import current_app
from flask.cli import with_appcontext

from planner.cli.doors import now, password_typed, refusals, store
from planner.domain.access import Role
from planner.domain.errors import FieldError
from planner.services.accounts import check_new_password, create_account
from planner.store.queries import accounts as find


@click.command("add-admin")
@click.option("--email", default=None, help="The address to sign in with; asked for when not given.")
@click.option("--name", default=None, help="The person's name; asked for when not given.")
@with_appcontext
def add_admin(email: str | None, name: str | None) -> None:
    """Make the first account, which makes all others. Its password is asked for, or read from standard input."""
    with refusals(), store().reading() as db:
        if find.any_account(db):
            raise FieldError("email", "There are accounts already; an admin makes further ones.")
    email = email if email is not None else click.prompt("Email")
    name = name if name is not None else click.prompt("Name")
    with refusals():
        password = password_typed(confirm=True)
        check_new_password(password, email)
        password_hash = current_app.extensions["planner_passwords"].hashed(password)
        with store().writing() as db:
            create_account(
                db,
                None,
                email=email,
                name=name,
                password_hash=password_hash,
                roles=[Role.ADMIN],
                now=now(),
            )
    click.echo(f"{email} can sign in now.")
