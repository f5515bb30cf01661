"""Planning a course on the command line: proposals as a table, a calendar file or JSON, and booking the best."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime

import click
from flask.cli import with_appcontext
from sqlalchemy import select
from sqlalchemy.orm import Session

from planner.cli.doors import now, principal_of, refusals, store, write_out
from planner.domain.access import Permission, Principal, Role, require
from planner.domain.errors import FieldError, NotFound, Refused
from planner.domain.intervals import instant_of
from planner.domain.statuses import AppointmentStatus
from planner.domain.walltime import to_wall
from planner.scheduling.patterns import pattern_words
from planner.scheduling.placements import CourseProposal, Placement
from planner.scheduling.proposals import ProposalSet
from planner.services.booking import book_course
from planner.services.calendars import PlannedDates, plan_bytes
from planner.services.planning import Plan, plan_for, propose
from planner.services.proposal_text import proposal_to_json
from planner.services.protocols import newest_version
from planner.store.records import Appointment, Chair, Course, Patient, Person, ProtocolVersion, Site
from planner.store.sheets import Wishes

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@click.command("plan-course")
@click.option("--patient", "code", required=True, metavar="CODE", help="The patient's code, such as P-104.")
@click.option("--protocol", "slug", required=True, metavar="SLUG", help="Such as iv-racemic-twice-weekly.")
@click.option(
    "--from", "earliest", required=True, type=click.DateTime(["%Y-%m-%d"]), metavar="DATE",
    help="The earliest day of the first dose.",
)  # fmt: skip
@click.option("--pattern", default="", metavar="DAYS", help="Only these weekdays, such as mon,thu.")
@click.option("--ics", default=None, metavar="FILE", help="Write the best one as a calendar; - for stdout.")
@click.option("--json", "as_json", default=None, metavar="FILE", help="Write all of them as JSON; - for stdout.")
@click.option("--book", is_flag=True, help="Book the best one; needs --as.")
@click.option("--as", "email", default=None, metavar="EMAIL", help="The coordinator's account that books it.")
@with_appcontext
def plan_course(
    code: str,
    slug: str,
    earliest: datetime,
    pattern: str,
    ics: str | None,
    as_json: str | None,
    book: bool,
    email: str | None,
) -> None:
    """Propose whole courses for a patient, best first, and print them as a table.

    Exit code 1 when there is none, with the rules that stand in the way on stderr.
    """
    weekdays = _weekdays(pattern)
    if book and not email:
        raise click.UsageError("--book needs --as, the address of the coordinator's account that books.")
    if ics == "-" and as_json == "-":
        raise click.UsageError("Only one of --ics and --json can go to standard output.")
    at = now()
    with refusals(), store().writing() if book else store().reading() as db:
        patient, site = _patient(db, code)
        version = newest_version(db, slug)
        principal = _planner(db, email, site)
        plan = plan_for(
            db, principal, patient_id=patient.id, protocol_version_id=version.id, site_id=site.id,
            wishes=Wishes(earliest.date(), weekdays=weekdays), now=at,
        )  # fmt: skip
        answer = propose(plan)
        if not answer.proposals:
            raise Refused(answer.refused)
        best = answer.proposals[0]
        booked = _book(db, principal, patient, version, best, weekdays, earliest, at) if book else None
        dates = _dates(db, patient, site, best, booked)
        table = _table(db, answer, plan, site.zone)
    if ics:
        write_out(ics, plan_bytes(dates, at))
    if as_json:
        write_out(as_json, _json(answer, patient, slug, site.zone, booked))
    if "-" not in (ics, as_json):
        click.echo(table)
    if booked is not None:
        click.echo(f"Booked as course {booked.id}.", err="-" in (ics, as_json))


def _weekdays(pattern: str) -> frozenset[int]:
    if not pattern:
        return frozenset(range(7))
    words = [word.strip().lower()[:3] for word in pattern.split(",")]
    if not set(words) <= set(_DAYS):
        raise click.BadParameter("Write weekdays such as mon,thu.", param_hint="--pattern")
    return frozenset(_DAYS.index(word) for word in words)


def _patient(db: Session, code: str) -> tuple[Patient, Site]:
    row = db.execute(
        select(Patient, Site).join(Site, Site.id == Patient.site_id).where(Patient.code == code)
    ).one_or_none()
    if row is None:
        raise NotFound(f"There is no patient with the code {code[:20]}.")
    return row[0], row[1]


def _planner(db: Session, email: str | None, site: Site) -> Principal:
    """The account named; without one the machine's own operator, who may look but not book."""
    if email is None:
        return Principal(0, frozenset({Role.COORDINATOR}), site_ids=frozenset({site.id}))
    principal = principal_of(db, email)
    require(principal, Permission.COURSES_PLAN)
    if site.id not in principal.site_ids:
        raise FieldError("account", f"{email[:80]} does not work for {site.name}.")
    return principal


def _book(
    db: Session,
    principal: Principal,
    patient: Patient,
    version: ProtocolVersion,
    best: CourseProposal,
    weekdays: frozenset[int],
    earliest: datetime,
    at: datetime,
) -> Course:
    return book_course(
        db,
        principal,
        patient_id=patient.id,
        protocol_version_id=version.id,
        site_id=patient.site_id,
        wishes=Wishes(earliest.date(), weekdays=weekdays, pattern=best.pattern).to_json(),
        proposal=best,
        now=at,
    )


def _dates(db: Session, patient: Patient, site: Site, best: CourseProposal, booked: Course | None) -> PlannedDates:
    chairs = {row[0]: row[1] for row in db.execute(select(Chair.id, Chair.name).where(Chair.site_id == site.id))}
    if booked is None:
        return PlannedDates(best.placements, patient.code, chairs)
    made = select(Appointment.kind, Appointment.number, Appointment.starts_at, Appointment.uid).where(
        Appointment.course_id == booked.id, Appointment.status == AppointmentStatus.BOOKED
    )
    uids = {(row[0], row[1], row[2]): row[3] for row in db.execute(made)}
    own = tuple(uids[p.kind, p.number, instant_of(p.start)] for p in best.placements)
    return PlannedDates(best.placements, patient.code, chairs, own)


def _table(db: Session, answer: ProposalSet, plan: Plan, zone: str) -> str:
    staff = [p.id for p in plan.clinic.therapists]
    names = {row[0]: row[1] for row in db.execute(select(Person.id, Person.name).where(Person.id.in_(staff)))}
    chairs = [thing.id for thing in plan.clinic.chairs]
    places = {row[0]: row[1] for row in db.execute(select(Chair.id, Chair.name).where(Chair.id.in_(chairs)))}
    lines = []
    for number, proposal in enumerate(answer.proposals, 1):
        lines += _summary(number, proposal)
        if number == 1:
            lines += [_date_line(p, zone, names, places) for p in sorted(proposal.placements, key=lambda p: p.start)]
            lines += [f"     {day.day:%a %d %b %Y}        proposed booster {day.number}" for day in proposal.boosters]
            lines.append("")
    return "\n".join(lines).rstrip()


def _summary(number: int, proposal: CourseProposal) -> list[str]:
    covered, days = proposal.coverage, pattern_words(proposal.pattern) if proposal.pattern else "any day"
    first = (
        f"{number}. {days}: {covered.doses} doses in {proposal.span_days + 1} days, "
        f"{covered.in_peak} of {covered.with_session} sessions in the preferred time, "
        f"{covered.with_primary} with the usual therapist"
    )
    return [first, *(f"     ! {remark.sentence}" for remark in proposal.remarks)]


def _date_line(placement: Placement, zone: str, names: Mapping[int, str], chairs: Mapping[int, str]) -> str:
    start, end = (to_wall(instant_of(minute), zone) for minute in (placement.start, placement.end))
    who = names.get(placement.therapist_id or 0) or chairs.get(placement.chair_id or 0, "")
    after = f", {placement.offset_min / 60:.1f} h after" if placement.offset_min is not None else ""
    what = f"{placement.kind.value} {placement.number}"
    return f"     {start:%a %d %b %Y %H:%M}-{end:%H:%M}  {what:<16} {who}{after}"


def _json(answer: ProposalSet, patient: Patient, slug: str, zone: str, booked: Course | None) -> bytes:
    content = {
        "patient": patient.code,
        "protocol": slug,
        "zone": zone,
        "course": booked.id if booked else None,
        "proposals": [proposal_to_json(proposal) for proposal in answer.proposals],
    }
    return (json.dumps(content, indent=2, ensure_ascii=False) + "\n").encode()
