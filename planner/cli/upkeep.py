"""Upkeep on the command line: following changed time zone rules."""

from __future__ import annotations

import click
from flask.cli import AppGroup

from planner.cli.doors import now, principal_of, refusals, store
from planner.domain.walltime import to_wall
from planner.services.zone_changes import CourseToSee, Followed, ZoneChange, follow_zone, zones_in_use

upkeep = AppGroup("upkeep", help="What has to be done now and then.")


@upkeep.command("zones")
@click.option("--dry-run", is_flag=True, help="Show the list and change nothing.")
@click.option("--as", "email", default=None, metavar="EMAIL", help="The coordinator's account that answers for it.")
def zones(dry_run: bool, email: str | None) -> None:
    """Derive future appointments and shifts anew after the rules of a time zone changed.

    The agreed wall time stays; its instant follows. Each zone is one transaction. What would land on somebody or
    something else is left as it was and listed, for a coordinator to move by hand.
    """
    with refusals(), store().reading() as db:
        principal = principal_of(db, email) if email else None
        wanted = zones_in_use(db, now())
    for zone in wanted:
        with refusals(), store().write_session() as db:
            change = follow_zone(db, principal, zone, now())
            if dry_run:
                db.rollback()
            else:
                db.commit()
        click.echo("\n".join(_report(change)))
    click.echo("Nothing was changed." if dry_run else "Done.")


def _report(change: ZoneChange) -> list[str]:
    data = f"zone data {', '.join(word or 'unknown' for word in change.data_before)} → {change.data_now}"
    counted = (
        f"{change.zone}, {data if change.data_before else f'zone data {change.data_now}'}: {len(change.moved)} move, "
        f"{len(change.stayed)} stay, {change.unchanged} are right, {change.shifts} shifts move"
    )
    return [
        counted,
        *(_move_line(one) for one in change.moved),
        *(_stay_line(one, change.zone) for one in change.stayed),
        *(_course_line(course) for course in change.courses),
    ]


def _move_line(one: Followed) -> str:
    after = one.after or one.before
    return f"  move   {_name(one)}  {one.before.start:%Y-%m-%d %H:%MZ} → {after.start:%Y-%m-%d %H:%MZ}"


def _stay_line(one: Followed, zone: str) -> str:
    try:
        shown = f"clocks show {to_wall(one.before.start, zone):%Y-%m-%d %H:%M} there now"
    except ValueError:
        shown = f"at {one.before.start:%Y-%m-%d %H:%MZ}"
    return f"  STAYS  {_name(one)}  {shown}: {' '.join(one.reasons)}"


def _course_line(course: CourseToSee) -> str:
    return f"  look at course {course.course_id} of {course.patient_code}: {' '.join(course.sentences)}"


def _name(one: Followed) -> str:
    return f"{one.patient_code}  {one.kind} {one.number}  agreed {one.wall.replace('T', ' ')}"
