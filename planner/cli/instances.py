"""Planning instances on the command line: a clinic brought in, planned, and written out again."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click
from flask.cli import with_appcontext

from planner.cli.doors import Failed, now, principal_of, refusals, store, write_out
from planner.domain.walltime import day_span
from planner.services import exports
from planner.services.instances.bringing import bring_in
from planner.services.instances.fields import InstanceInvalid
from planner.services.instances.keeping import kept_of
from planner.services.instances.parsing import MOST_BYTES, parse_instance
from planner.services.instances.planning import ROUNDS, plan_everyone
from planner.services.instances.plans import plan_to_json
from planner.services.instances.taking import take_out
from planner.services.instances.writing import entries_in, instance_to_json, to_bytes
from planner.store.records import Clinic

instances = click.Group("instances", help="Bring a planning instance in, plan its patients, write both out.")

_AS = click.option("--as", "email", required=True, metavar="EMAIL", help="The account that does it.")


@instances.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@_AS
@with_appcontext
def import_instance(file: Path, email: str) -> None:
    """Make the clinic of a kap-instance/1 FILE, in a database without sites. The account must be an admin's."""
    content = _read(file)
    try:
        instance = parse_instance(content)
    except InstanceInvalid as invalid:
        lines = [f"{fault.path}: {fault.sentence}" if fault.path else fault.sentence for fault in invalid.faults]
        raise Failed("\n".join(lines)) from invalid
    with refusals(), store().writing() as db:
        run = bring_in(db, principal_of(db, email), instance, content=content, now=now())
        made = ", ".join(f"{count} {what}" for what, count in run.summary.items())
    click.echo(f"Instance {instance.id} is here: {made}.")


def _read(file: Path) -> bytes:
    try:
        with file.open("rb") as source:
            return source.read(MOST_BYTES + 1)
    except OSError as error:
        raise Failed(f"{file} cannot be read: {error.strerror}.") from error


@instances.command("export")
@click.argument("target", metavar="FILE")
@_AS
@click.option("--plan", "only_plan", is_flag=True, help="The plan (kap-plan/1) instead of the instance.")
@with_appcontext
def export(target: str, email: str, only_plan: bool) -> None:
    """Write the clinic as an instance to FILE; - for stdout. The account must be a coordinator's."""
    with refusals(), store().writing() as db:
        principal = principal_of(db, email)
        if only_plan:
            document = plan_to_json(db, principal, now())
        else:
            document = instance_to_json(take_out(db, principal, now=now()))
        exports.note(
            db, principal, "plan" if only_plan else "instance", rows=entries_in(document), now=now(),
            action=exports.TAKEN_BY_COMMAND,
        )  # fmt: skip
    write_out(target, to_bytes(document))


@instances.command("plan")
@_AS
@click.option("--rounds", default=ROUNDS, show_default=True, type=click.IntRange(1, 50), help="Orders to try.")
@click.option(
    "--on", "day", type=click.DateTime(["%Y-%m-%d"]), metavar="DATE",
    help="Plan as early on this day, for an instance whose time has passed.",
)  # fmt: skip
@with_appcontext
def plan(email: str, rounds: int, day: datetime | None) -> None:
    """Book a course for everybody the instance asks for who has none, one after another."""
    with refusals(), store().writing() as db:
        principal, kept = principal_of(db, email), kept_of(db)
        clinic = db.get(Clinic, 1)
        at = day_span(day.date(), clinic.zone)[0] if day is not None and clinic is not None else now()
        outcome = plan_everyone(db, principal, at, rounds=rounds)
    names = kept.names["patient"] if kept else {}
    for patient_id, reasons in outcome.refused.items():
        click.echo(f"{names[patient_id]}: {' '.join(reasons)}")
    click.echo(f"{len(outcome.planned)} planned, {len(outcome.refused)} not.")
