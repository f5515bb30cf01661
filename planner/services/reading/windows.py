"""The clinic's window after each dose of a course, with what lies in it, as pages show it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Text, cast, select
from sqlalchemy.orm import Session

from planner.domain.errors import NotFound
from planner.domain.protocols import Protocol
from planner.domain.statuses import COUNTING, AppointmentKind
from planner.domain.windows import Window, WindowRule, WindowStatus
from planner.scheduling.links import anchor_minutes, needs_session
from planner.store.queries.appointments import AppointmentRow, appointment_rows
from planner.store.records import Appointment, Course, ProtocolVersion
from planner.store.sheets.requests import protocol_of_text

#: How a page names where a session starts in its window.
STATUS_WORDS: Mapping[WindowStatus, str] = {
    WindowStatus.TOO_EARLY: "before the window opens",
    WindowStatus.IN_WINDOW_EARLY: "in the early part of the window",
    WindowStatus.PEAK: "in the preferred time",
    WindowStatus.IN_WINDOW_LATE: "in the late part of the window",
    WindowStatus.LATE: "after the window has closed",
    WindowStatus.OUT: "outside the window",
}
HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Policy:
    """A protocol version as stored, with who signed it."""

    protocol: Protocol
    number: int
    signed_by: str
    signed_at: datetime | None

    @property
    def window(self) -> WindowRule | None:
        """The window rule; None where the protocol draws no window."""
        return self.protocol.integration.window

    @property
    def window_words(self) -> str:
        """The clinic's hours as house words; empty without a window."""
        rule = self.window
        if rule is None:
            return ""
        hours = f"{rule.opens_h:g} to {rule.closes_h:g} h after dosing"
        return f"Clinic window: {hours} (preferred {rule.peak_start_h:g} to {rule.peak_end_h:g} h)."


@dataclass(frozen=True, slots=True)
class WindowReading:
    """One dose that counts: when it ends (really, if recorded), its window, and the sessions that serve it.

    Instants are aware. `closes_at` is where the window really closes: `must_end_by` when the next dose cuts it.
    """

    dose: AppointmentRow
    dose_end: datetime
    window: Window | None
    sessions: tuple[AppointmentRow, ...]
    next_dose: AppointmentRow | None
    needs_session: bool
    session_minutes: int

    @property
    def is_recorded(self) -> bool:
        """Whether the real end of the dose is known."""
        return self.dose.dose_ended_at is not None

    @property
    def closes_at(self) -> datetime | None:
        """When the window closes, the next dose considered."""
        if self.window is None:
            return None
        limit = self.window.must_end_by
        return self.window.closes_at if limit is None else min(limit, self.window.closes_at)

    @property
    def lacks_session(self) -> bool:
        """Whether a session should follow this dose and none does."""
        return self.needs_session and not self.sessions

    def status_words(self, session: AppointmentRow) -> str:
        """Where a session starts in the window, in words; empty without a window."""
        return "" if self.window is None else STATUS_WORDS[self.window.status_of(session.starts_at)]

    def fits(self, session: AppointmentRow) -> bool:
        """Whether a session lies in the window."""
        return self.window is None or self.window.fits(session.starts_at, session.ends_at)


def policy_of(db: Session, version_id: int) -> Policy:
    """What one protocol version says and who signed it. One query. Raises NotFound."""
    row = db.execute(
        select(
            cast(ProtocolVersion.document, Text),
            ProtocolVersion.number,
            ProtocolVersion.signed_by,
            ProtocolVersion.signed_at,
        ).where(ProtocolVersion.id == version_id)
    ).one_or_none()
    if row is None:
        raise NotFound
    return Policy(protocol_of_text(row[0]), row[1], row[2], row[3])


def dates_of_courses(db: Session, course_ids: Iterable[int]) -> list[AppointmentRow]:
    """All dates of these courses, for reading windows of appointments the reader was shown already. One query."""
    return appointment_rows(db, select(Appointment), Appointment.course_id.in_(set(course_ids)))


def protocols_of(db: Session, course_ids: Iterable[int]) -> dict[int, Protocol]:
    """What each of these courses goes by. One query."""
    query = (
        select(Course.id, cast(ProtocolVersion.document, Text))
        .join(ProtocolVersion, ProtocolVersion.id == Course.protocol_version_id)
        .where(Course.id.in_(set(course_ids)))
    )
    return {course_id: protocol_of_text(text) for course_id, text in db.execute(query)}


def readings_by_dose(db: Session, course_ids: Iterable[int]) -> dict[int, WindowReading]:
    """The windows of all doses of these courses, by the dose's appointment id. Two queries.

    The courses have to be ones the reader may see.
    """
    wanted = set(course_ids)
    protocols = protocols_of(db, wanted)
    dates: dict[int, list[AppointmentRow]] = defaultdict(list)
    for row in dates_of_courses(db, wanted):
        dates[row.course_id or 0].append(row)
    return {
        reading.dose.id: reading
        for course_id, rows in dates.items()
        for reading in windows_of(protocols[course_id], rows)
    }


def windows_of(protocol: Protocol, dates: Iterable[AppointmentRow]) -> tuple[WindowReading, ...]:
    """The window after each dose of one course, in order of time. Sessions count while they hold their time."""
    standing = [row for row in dates if row.status in COUNTING]
    doses = [row for row in standing if row.kind is AppointmentKind.INFUSION]
    sessions = [row for row in standing if row.kind is AppointmentKind.INTEGRATION]
    return tuple(
        _reading(
            protocol,
            dose,
            doses[place + 1] if place + 1 < len(doses) else None,
            tuple(session for session in sessions if session.serves_id == dose.id),
        )
        for place, dose in enumerate(doses)
    )


def _reading(
    protocol: Protocol, dose: AppointmentRow, following: AppointmentRow | None, sessions: tuple[AppointmentRow, ...]
) -> WindowReading:
    planned = dose.starts_at + timedelta(minutes=protocol.visit.dose_ends_min)
    dose_end = dose.dose_ended_at or planned
    rule = protocol.integration.window
    window = None
    if rule is not None:
        after_dose = timedelta(minutes=anchor_minutes(protocol) - protocol.visit.dose_ends_min)
        window = Window(dose_end + after_dose, rule, following.starts_at if following else None)
    wanted = dose.phase != "maintenance" and needs_session(protocol, dose.number)
    return WindowReading(dose, dose_end, window, sessions, following, wanted, protocol.integration.minutes)
