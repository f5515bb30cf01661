"""Every command of `flask --app wsgi`, for the app to take in."""

from __future__ import annotations

import click

from planner.cli.accounts import accounts
from planner.cli.courses import plan_course
from planner.cli.database import backup, doctor, migrate
from planner.cli.demo import demo
from planner.cli.feeds import feeds
from planner.cli.instances import instances
from planner.cli.people import add_admin
from planner.cli.rights import remove_factor, rights
from planner.cli.setting_up import setup_link
from planner.cli.upkeep import upkeep

accounts.add_command(rights)
accounts.add_command(remove_factor)
COMMANDS: list[click.Command] = [
    migrate,
    add_admin,
    setup_link,
    plan_course,
    feeds,
    instances,
    demo,
    backup,
    doctor,
    upkeep,
]
