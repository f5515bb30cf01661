"""Which booked dates of a patient do not fit what is known of them now. Nothing is moved; each can be opened."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from planner.domain.statuses import AppointmentKind, AppointmentStatus, Mode
from planner.domain.walltime import to_wall
from planner.services.admitting import WeeklySpan
from planner.store.queries.appointments import AppointmentRow
from planner.store.queries.people import AbsenceRow
from planner.web.courses.pages import address_of, title_of

SESSIONS = (AppointmentKind.INTEGRATION, AppointmentKind.PREPARATION, AppointmentKind.CONSOLIDATION)
STANDING = (AppointmentStatus.BOOKED, AppointmentStatus.ARRIVED)
DAY_MINUTES = 1440


@dataclass(frozen=True, slots=True)
class Unfitting:
    """One booked date, and why it does not fit."""

    title: str
    url: str
    starts_at: datetime
    ends_at: datetime
    zone: str
    why: str


def unfitting(
    rows: Iterable[AppointmentRow],
    weekly: Sequence[WeeklySpan],
    absences: Sequence[AbsenceRow],
    modes: Sequence[Mode],
    now: datetime,
) -> list[Unfitting]:
    """The dates still to begin that somebody should look at, in order of time."""
    return [
        Unfitting(title_of(row), address_of(row), row.starts_at, row.ends_at, row.zone, why)
        for row in rows
        if row.status in STANDING and row.starts_at > now and (why := _why(row, weekly, absences, modes))
    ]


def _why(
    row: AppointmentRow, weekly: Sequence[WeeklySpan], absences: Sequence[AbsenceRow], modes: Sequence[Mode]
) -> str:
    if any(absence.starts_at < row.ends_at and absence.ends_at > row.starts_at for absence in absences):
        return "the patient is away"
    if weekly and not _can_come(row, weekly):
        return "outside the times at which the patient can come"
    if row.kind in SESSIONS and row.mode not in modes:
        return "a way of meeting the patient does not want"
    return ""


def _can_come(row: AppointmentRow, weekly: Sequence[WeeklySpan]) -> bool:
    start, end = to_wall(row.starts_at, row.zone), to_wall(row.ends_at, row.zone)
    first = start.hour * 60 + start.minute
    last = (end.date() - start.date()).days * DAY_MINUTES + end.hour * 60 + end.minute
    reach = first
    # Spans that touch or overlap are one time.
    for span in sorted((s for s in weekly if s.weekday == start.weekday()), key=lambda s: s.from_minute):
        if span.from_minute <= reach < span.to_minute:
            reach = span.to_minute
    return reach >= last
