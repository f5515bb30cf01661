"""Loading what a week's warnings are computed from, in a number of queries that does not grow with rows."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Text, cast, func, select
from sqlalchemy.orm import Session

from planner.domain.access import Role
from planner.domain.intervals import minute_of
from planner.domain.protocols import Holding, Protocol
from planner.domain.rosters import DAYS_A_WEEK, RosterShift, instants_of, weeks_span
from planner.domain.statuses import HOLDING, AppointmentKind
from planner.domain.walltime import local_day
from planner.domain.windows import LATEST_HOUR
from planner.scheduling.links import link_of, needs_session
from planner.scheduling.roster_warnings import (
    Colleague,
    RosterWarning,
    VisitSheet,
    WeekSheet,
    WindowSheet,
    Work,
    roster_warnings,
)
from planner.scheduling.sheets import Span
from planner.store.queries import clinic
from planner.store.records import (
    Absence,
    Appointment,
    Course,
    Credential,
    Encounter,
    NurseLane,
    Patient,
    Person,
    PersonRole,
    ProtocolVersion,
    Shift,
    Site,
    SiteTravel,
)
from planner.store.sheets.day_sessions import counted_sessions
from planner.store.sheets.requests import protocol_of_text

#: How far a window may reach behind its dose.
LONGEST_WINDOW = timedelta(hours=LATEST_HOUR)


def warnings_of(
    db: Session, site: Site, monday: date, shifts: tuple[RosterShift, ...], now: datetime, weeks: int = 1
) -> tuple[RosterWarning, ...]:
    """The warnings of a site's week, or of some in a row, if these were its shifts. Eleven queries."""
    return roster_warnings(week_sheet(db, site, monday, shifts, now, weeks))


def week_sheet(
    db: Session, site: Site, monday: date, shifts: tuple[RosterShift, ...], now: datetime, weeks: int = 1
) -> WeekSheet:
    """Everything the warnings need to know."""
    days = tuple(monday + timedelta(days=offset) for offset in range(DAYS_A_WEEK * weeks))
    span = weeks_span(monday, weeks, site.zone)
    own = tuple(_drafted(shift, site) for shift in shifts)
    elsewhere = _elsewhere(db, site, span, {work.person_id for work in own})
    ids = {work.person_id for work in (*own, *elsewhere)}
    return WeekSheet(
        site_id=site.id,
        zone=site.zone,
        days=days,
        now=minute_of(now),
        shifts=own,
        elsewhere=elsewhere,
        visits=tuple(_visits(db, site, span)),
        people=_people(db, ids),
        away=_absences(db, span),
        sessions=_sessions(db, site, span),
        site_names={row.id: row.name for row in clinic.sites(db)},
        travel=_travel(db, site),
        closed=frozenset(clinic.closures(db, site.id, days[0], days[-1])),
    )


def _drafted(shift: RosterShift, site: Site) -> Work:
    when = instants_of(shift, site.zone)
    return Work(
        shift.person_id,
        (minute_of(when.starts_at), minute_of(when.ends_at)),
        None if shift.is_remote else site.id,
        shift.day,
        shift.on_call,
        _pause(when.break_starts_at, when.break_ends_at),
    )


def _pause(starts_at: datetime | None, ends_at: datetime | None) -> Span | None:
    return (minute_of(starts_at), minute_of(ends_at)) if starts_at is not None and ends_at is not None else None


def _elsewhere(db: Session, site: Site, span: tuple[datetime, datetime], people: Iterable[int]) -> tuple[Work, ...]:
    """Published shifts that another roster keeps, and this one's of the weeks around, as far as windows reach."""
    query = (
        select(
            Shift.person_id,
            Shift.site_id,
            Shift.roster_site_id,
            Shift.on_call,
            Shift.starts_at,
            Shift.ends_at,
            Shift.break_starts_at,
            Shift.break_ends_at,
        )
        .where(Shift.starts_at < span[1] + LONGEST_WINDOW, Shift.ends_at > span[0] - LONGEST_WINDOW)
        .where((Shift.site_id == site.id) | Shift.site_id.is_(None) | Shift.person_id.in_(people))
        .where((Shift.roster_site_id != site.id) | (Shift.starts_at < span[0]) | (Shift.starts_at >= span[1]))
    )
    return tuple(
        Work(
            row.person_id,
            (minute_of(row.starts_at), minute_of(row.ends_at)),
            row.site_id,
            local_day(row.starts_at, site.zone),
            row.on_call,
            _pause(row.break_starts_at, row.break_ends_at),
            row.roster_site_id == site.id,
        )
        for row in db.execute(query)
    )


def _visits(db: Session, site: Site, span: tuple[datetime, datetime]) -> Iterable[VisitSheet]:
    """Infusions at the site whose visit or window may touch the week, and the doses that end their windows."""
    query = (
        select(
            Appointment.course_id,
            Appointment.number,
            Appointment.starts_at,
            Appointment.ends_at,
            Encounter.dose_ended_at,
            Patient.code,
            Course.protocol_version_id,
        )
        .join(Patient, Patient.id == Appointment.patient_id)
        .join(Course, Course.id == Appointment.course_id)
        .outerjoin(Encounter, Encounter.appointment_id == Appointment.id)
        .where(Appointment.site_id == site.id, Appointment.kind == AppointmentKind.INFUSION)
        .where(Appointment.status.in_(HOLDING))
        .where(
            Appointment.starts_at >= span[0] - LONGEST_WINDOW - timedelta(days=1),
            Appointment.starts_at < span[1] + LONGEST_WINDOW,
        )
        .order_by(Appointment.course_id, Appointment.starts_at)
    )
    rows: list[Any] = list(db.execute(query))
    protocols = _protocols(db, {row.protocol_version_id for row in rows})
    for row, later in zip(rows, [*rows[1:], None], strict=False):
        follows = later if later is not None and later.course_id == row.course_id else None
        yield _visit(row, protocols[row.protocol_version_id], None if follows is None else follows.starts_at)


def _protocols(db: Session, ids: set[int]) -> dict[int, Protocol]:
    query = select(ProtocolVersion.id, cast(ProtocolVersion.document, Text)).where(ProtocolVersion.id.in_(ids))
    return {row[0]: protocol_of_text(row[1]) for row in db.execute(query)}


def _visit(row: Any, protocol: Protocol, next_starts_at: datetime | None) -> VisitSheet:
    start, visit = minute_of(row.starts_at), protocol.visit

    def spans(*kinds: Iterable[Span]) -> tuple[Span, ...]:
        return tuple((start + first, start + last) for found in kinds for first, last in found)

    return VisitSheet(
        row.code,
        start,
        spans(visit.spans(Holding.NURSE)),
        spans(visit.on_site_spans(Holding.PRESCRIBER), visit.spans(Holding.PRESCRIBER)),
        _window(row, protocol, None if next_starts_at is None else minute_of(next_starts_at)),
    )


def _window(row: Any, protocol: Protocol, next_start: int | None) -> WindowSheet | None:
    """When the dose's session may start; None where none has to follow it, or the next dose leaves no room."""
    link = link_of(protocol)
    if link is None or not needs_session(protocol, row.number):
        return None
    anchor = minute_of(row.starts_at) + link.anchor
    if row.dose_ended_at is not None:
        anchor += minute_of(row.dose_ended_at) - minute_of(row.starts_at) - protocol.visit.dose_ends_min
    last = link.last_start(None if next_start is None else next_start - link.gap - anchor)
    if last is None:
        return None
    return WindowSheet(
        anchor + link.opens, anchor + link.peak_start, anchor + link.peak_end, anchor + last, link.minutes
    )


def _people(db: Session, ids: set[int]) -> dict[int, Colleague]:
    """Four queries."""
    roles: dict[int, set[Role]] = defaultdict(set)
    for person_id, role in db.execute(
        select(PersonRole.person_id, PersonRole.role).where(PersonRole.person_id.in_(ids))
    ):
        roles[person_id].add(role)
    lanes = dict(
        db.execute(
            select(NurseLane.person_id, func.count()).where(NurseLane.person_id.in_(ids)).group_by(NurseLane.person_id)
        ).all()
    )
    held: dict[int, list[tuple[str, date]]] = defaultdict(list)
    query = select(Credential.person_id, Credential.name, Credential.expires_on).where(Credential.person_id.in_(ids))
    for person_id, name, until in db.execute(query.order_by(Credential.name)):
        if until is not None:
            held[person_id].append((name, until))
    people = select(Person.id, Person.name, Person.most_sessions_a_day).where(Person.id.in_(ids))
    return {
        id_: Colleague(name, frozenset(roles[id_]), lanes.get(id_, 0), most, tuple(held[id_]))
        for id_, name, most in db.execute(people)
    }


def _absences(db: Session, span: tuple[datetime, datetime]) -> dict[int, tuple[Span, ...]]:
    found: dict[int, list[Span]] = defaultdict(list)
    query = select(Absence.person_id, Absence.starts_at, Absence.ends_at).where(
        Absence.starts_at < span[1] + LONGEST_WINDOW, Absence.ends_at > span[0]
    )
    for person_id, starts_at, ends_at in db.execute(query):
        found[person_id].append((minute_of(starts_at), minute_of(ends_at)))
    return {person_id: tuple(sorted(spans)) for person_id, spans in found.items()}


def _sessions(db: Session, site: Site, span: tuple[datetime, datetime]) -> Counter[tuple[int, date]]:
    """Sessions by person and local day, wherever they are held."""
    query = select(Appointment.therapist_id, Appointment.starts_at).where(
        *counted_sessions(), Appointment.starts_at >= span[0], Appointment.starts_at < span[1]
    )
    return Counter((person_id or 0, local_day(starts_at, site.zone)) for person_id, starts_at in db.execute(query))


def _travel(db: Session, site: Site) -> dict[int, int]:
    query = select(SiteTravel.site_id, SiteTravel.other_site_id, SiteTravel.minutes).where(
        (SiteTravel.site_id == site.id) | (SiteTravel.other_site_id == site.id)
    )
    return {other if one == site.id else one: minutes for one, other, minutes in db.execute(query)}
