"""A day's work with the windows around it: what a therapist holds, which windows are open, and what fits between."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import and_, false, func, or_, select
from sqlalchemy.orm import Session

from planner.domain.access import Principal
from planner.domain.intervals import Interval, subtract
from planner.domain.statuses import COUNTING, HOLDING
from planner.domain.walltime import day_span
from planner.services.reading.windows import WindowReading, readings_by_dose
from planner.store.queries.appointments import AppointmentRow
from planner.store.queries.day import ToDo, ToDoKind, therapist_day, to_do
from planner.store.records import Appointment, Shift, Site


@dataclass(frozen=True, slots=True)
class Need:
    """A dose without a session and its window, which is not over yet."""

    reading: WindowReading
    closes_at: datetime


@dataclass(frozen=True, slots=True)
class FreeTime:
    """A stretch of a therapist's shift with nothing in it (aware instants), and whose windows it lies in."""

    starts_at: datetime
    ends_at: datetime
    needs: tuple[Need, ...]


@dataclass(frozen=True, slots=True)
class TherapistDay:
    """A therapist's own sessions with their windows, and free time that could meet open needs of their patients."""

    sessions: tuple[AppointmentRow, ...]
    windows: dict[int, WindowReading]
    needs: tuple[Need, ...]
    free: tuple[FreeTime, ...]


def therapist_at_work(db: Session, principal: Principal, day: date, zone: str, now: datetime) -> TherapistDay:
    """The signed-in therapist's local day in `zone`. At most eight queries, whatever the number of sessions."""
    sessions = therapist_day(db, principal, day, zone)
    missing = [item for item in to_do(db, principal, now) if item.kind is ToDoKind.NO_SESSION]
    windows = readings_by_dose(db, _courses([*sessions, *(item.appointment for item in missing)]))
    needs = open_needs(missing, windows, now)
    free = _free_times(_shifts(db, principal.person_id or 0, day, zone), sessions, needs, now)
    return TherapistDay(tuple(sessions), windows, needs, free)


def open_needs(missing: Sequence[ToDo], windows: dict[int, WindowReading], now: datetime) -> tuple[Need, ...]:
    """Windows without a session that are open or still to open, the one that closes first in front."""
    found = []
    for item in missing:
        reading = windows.get(item.appointment.id)
        if reading is not None and reading.closes_at is not None and reading.closes_at > now:
            found.append(Need(reading, reading.closes_at))
    return tuple(sorted(found, key=lambda need: need.closes_at))


def visits_by_site(db: Session, day: date) -> list[tuple[str, int]]:
    """How many appointments each site has on its own local day; nothing about whom. Two queries."""
    sites = db.execute(select(Site.id, Site.name, Site.zone).where(Site.active).order_by(Site.name)).all()
    spans = {site.id: day_span(day, site.zone) for site in sites}
    on_its_day = [
        and_(Appointment.site_id == site_id, Appointment.starts_at >= start, Appointment.starts_at < end)
        for site_id, (start, end) in spans.items()
    ]
    query = (
        select(Appointment.site_id, func.count())
        .where(Appointment.status.in_(HOLDING), or_(false(), *on_its_day))
        .group_by(Appointment.site_id)
    )
    counted = {site_id: number for site_id, number in db.execute(query)}
    return [(site.name, counted.get(site.id, 0)) for site in sites]


def _courses(rows: Sequence[AppointmentRow]) -> set[int]:
    return {row.course_id for row in rows if row.course_id is not None}


def _shifts(db: Session, person_id: int, day: date, zone: str) -> list[Interval]:
    start, end = day_span(day, zone)
    query = select(Shift.starts_at, Shift.ends_at).where(
        Shift.person_id == person_id, Shift.starts_at < end, Shift.ends_at > start
    )
    return [Interval(max(since, start), min(until, end)) for since, until in db.execute(query)]


def _free_times(
    shifts: Sequence[Interval], sessions: Sequence[AppointmentRow], needs: Sequence[Need], now: datetime
) -> tuple[FreeTime, ...]:
    """Stretches of the shifts without a session in which some need could be met."""
    taken = [Interval(row.starts_at, row.ends_at) for row in sessions if row.status in COUNTING]
    found = []
    for gap in subtract(shifts, taken):
        start = max(gap.start, now)
        fitting = tuple(need for need in needs if _meets(need, start, gap.end))
        if fitting:
            found.append(FreeTime(start, gap.end, fitting))
    return tuple(found)


def _meets(need: Need, start: datetime, end: datetime) -> bool:
    """Whether a session of any length that starts in the window could lie in this stretch."""
    window = need.reading.window
    if window is None:
        return False
    first = max(start, window.opens_at)
    return first < min(end, need.closes_at) and end - first >= timedelta(minutes=need.reading.session_minutes)
