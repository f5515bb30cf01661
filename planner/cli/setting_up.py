"""The link that sets an empty planner up, on the command line."""

from __future__ import annotations

import click
from flask import current_app
from flask.cli import with_appcontext

from planner.cli.doors import now, refusals, store
from planner.services.first_run import new_setup_link


@click.command("setup-link")
@with_appcontext
def setup_link() -> None:
    """Print the one-use link that makes the first account of an empty planner."""
    with refusals(), store().writing() as db:
        token = new_setup_link(db, now())
    address = current_app.config["PLANNER_PUBLIC_URL"]
    click.echo(f"{address}/setup/{token}")
    if not address:
        click.echo("Put the address at which the planner is served in front of it.", err=True)
    click.echo("It works once, for 24 hours; printing another one ends it.", err=True)
