"""The made-up clinic on the command line."""

from __future__ import annotations

import click
from flask import current_app
from flask.cli import AppGroup

from planner.cli.doors import now, refusals, store
from planner.services.demo import DEMO_SIGN_INS, make_demo

demo = AppGroup("demo", help="A made-up clinic to try the planner on.")


@demo.command("create")
def create() -> None:
    """Fill an empty database with the made-up Northfield Clinic and print a sign-in for each role."""
    hashed = current_app.extensions["planner_passwords"].hashed
    with refusals(), store().writing() as db:
        clinic = make_demo(db, now(), hashed)
    click.echo(f"{clinic.name} is ready. Sign in as")
    for role, email, password in DEMO_SIGN_INS:
        click.echo(f"  {role:<12} {email:<28} {password}")
