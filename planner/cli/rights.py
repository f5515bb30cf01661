"""Changing what an account may do, and removing a lost second factor, on the command line."""

from __future__ import annotations

import click
from flask.cli import with_appcontext

from planner.cli.doors import RecordNumber, now, refusals, store
from planner.domain.access import Role
from planner.domain.errors import FieldError
from planner.services.accounts import email_key
from planner.services.factor_rules import remove_lost_factor
from planner.services.rights import change_rights
from planner.store.queries import accounts as find


@click.command("rights")
@click.argument("email")
@click.option(
    "--role", "roles", multiple=True, required=True,
    type=click.Choice([role.value for role in Role if role is not Role.PATIENT]), help="A role to have; repeatable.",
)  # fmt: skip
@click.option(
    "--site", "site_ids", multiple=True, type=RecordNumber(),
    help="The number of a site; repeatable. Without it the sites stay as they are.",
)  # fmt: skip
@click.option("--no-site", is_flag=True, help="Take every site away.")
@with_appcontext
def rights(email: str, roles: tuple[str, ...], site_ids: tuple[int, ...], no_site: bool) -> None:
    """Let an account have exactly these roles; others are taken away, and calendar links with them.

    The sites stay as they are unless --site or --no-site says otherwise.
    """
    if site_ids and no_site:
        raise click.UsageError("Either --site or --no-site, not both.")
    with refusals(), store().writing() as db:
        account = find.account_by_email_key(db, email_key(email))
        if account is None:
            raise FieldError("email", "There is no account with this email address.")
        kept = [] if no_site else [site_id for site_id, _ in find.sites_of(db, account.id)]
        change_rights(db, None, account.id, roles=[Role(role) for role in roles], site_ids=site_ids or kept, now=now())
        sites = ", ".join(name for _, name in find.sites_of(db, account.id))
    click.echo(f"{email} is {', '.join(sorted(set(roles)))} now, {f'at {sites}' if sites else 'at no site'}.")


@click.command("remove-factor")
@click.argument("email")
@with_appcontext
def remove_factor(email: str) -> None:
    """Remove a lost second factor where no two people could: whoever runs the planner answers for it."""
    with refusals(), store().writing() as db:
        account = find.account_by_email_key(db, email_key(email))
        if account is None:
            raise FieldError("email", "There is no account with this email address.")
        remove_lost_factor(db, None, account, now())
    click.echo(f"{email} signs in with the password alone now, and is signed out everywhere.")
