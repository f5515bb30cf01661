"""What the page of one infusion shows, already decided."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import url_for
from sqlalchemy.orm import Session

from planner.domain.access import Permission, Principal, may
from planner.domain.statuses import AppointmentStatus, may_become
from planner.services.reading.windows import policy_of, windows_of
from planner.store.queries.appointments import AppointmentRow, of_course
from planner.store.queries.courses import course
from planner.web.courses.pages import (
    DateLine,
    address_of,
    date_lines,
    heading_of,
    may_lose,
    may_mark,
    may_move,
    recorded_words,
    signed_words,
    strip_of,
    title_of,
)
from planner.web.filters import staff_span
from planner.web.strip import StripModel


@dataclass(frozen=True, slots=True)
class InfusionPage:
    """One infusion: facts, window, sessions, and what this person may do."""

    row: AppointmentRow
    heading: str
    course_heading: str
    course_url: str
    facts: tuple[tuple[str, Any], ...]
    strip: StripModel | None
    policy_words: str
    sessions: tuple[DateLine, ...]
    lacks_session: bool
    actions: tuple[tuple[str, str], ...]
    arrive_url: str | None
    rebook_url: str | None


def infusion_page(db: Session, principal: Principal, row: AppointmentRow, now: datetime) -> InfusionPage:
    """Everything the page shows. Four queries."""
    its_course = course(db, principal, row.course_id or 0, now)
    policy = policy_of(db, its_course.protocol_version_id)
    dates = of_course(db, principal, its_course.id)
    readings = windows_of(policy.protocol, dates)
    reading = next((reading for reading in readings if reading.dose.id == row.id), None)
    lines = date_lines(dates, readings, now)
    facts: list[tuple[str, Any]] = [
        ("When", staff_span(row.starts_at, row.ends_at, row.zone)),
        ("Chair", row.chair_name or "none"),
        ("Nurse", row.nurse_name or "none"),
        ("Site", row.site_name),
    ]
    if reading is not None:
        facts.append(("Dose", recorded_words(reading)))
    if row.reason:
        facts.append(("Reason", row.reason))
    lacks = reading is not None and reading.lacks_session
    return InfusionPage(
        row=row,
        heading=f"{title_of(row)} for {row.patient_code}",
        course_heading=heading_of(principal, its_course),
        course_url=url_for("courses.course", course_id=its_course.id),
        facts=tuple(facts),
        strip=strip_of(reading, row.zone) if reading else None,
        policy_words=" ".join(filter(None, (policy.window_words, signed_words(policy, row.zone)))),
        sessions=tuple(lines[session.id] for session in reading.sessions) if reading else (),
        lacks_session=lacks,
        actions=tuple(_actions(principal, row, now)),
        arrive_url=_arrive_url(principal, row),
        rebook_url=address_of(row, "rebook") if lacks and may(principal, Permission.INFUSIONS_CHANGE) else None,
    )


def _actions(principal: Principal, row: AppointmentRow, now: datetime) -> list[tuple[str, str]]:
    """Addresses and words of what this person may do next, the likeliest first."""
    found = []
    if may_mark(principal, row) and row.starts_at <= now and _counts(row):
        words = "Correct the dose times" if row.dose_ended_at else "Record the dose"
        found.append((address_of(row, "dose"), words))
    if may_move(principal, row, now):
        found.append((address_of(row, "move"), "Move"))
    if may_lose(principal, row) and row.status is not AppointmentStatus.PROPOSED:
        found.append((address_of(row, "cancel"), "Cancel or did not come"))
    return found


def _counts(row: AppointmentRow) -> bool:
    return row.status in (AppointmentStatus.BOOKED, AppointmentStatus.ARRIVED, AppointmentStatus.FULFILLED)


def _arrive_url(principal: Principal, row: AppointmentRow) -> str | None:
    ready = may_mark(principal, row) and may_become(row.status, AppointmentStatus.ARRIVED)
    return address_of(row, "arrive") if ready else None
