"""What the page of one therapy session shows, already decided."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import url_for
from sqlalchemy.orm import Session

from planner.domain.access import Principal
from planner.domain.statuses import AppointmentStatus, Mode, may_become
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
    signed_words,
    strip_of,
    title_of,
)
from planner.web.filters import staff_span
from planner.web.strip import StripModel


@dataclass(frozen=True, slots=True)
class SessionPage:
    """One session: facts, the window it uses, and what this person may do."""

    row: AppointmentRow
    heading: str
    course_heading: str
    course_url: str
    facts: tuple[tuple[str, Any], ...]
    strip: StripModel | None
    strip_heading: str
    policy_words: str
    dose: DateLine | None
    actions: tuple[tuple[str, str], ...]
    arrive_url: str | None
    fulfil_url: str | None


def session_page(db: Session, principal: Principal, row: AppointmentRow, now: datetime) -> SessionPage:
    """Everything the page shows. Four queries."""
    its_course = course(db, principal, row.course_id or 0, now)
    policy = policy_of(db, its_course.protocol_version_id)
    dates = of_course(db, principal, its_course.id)
    readings = windows_of(policy.protocol, dates)
    lines = date_lines(dates, readings, now)
    reading = next((r for r in readings if r.dose.id == row.serves_id), None)
    facts: list[tuple[str, Any]] = [
        ("When", staff_span(row.starts_at, row.ends_at, row.zone)),
        ("Therapist", row.therapist_name or "none"),
        ("Where", "By video" if row.mode is Mode.TELEHEALTH else f"{row.room_name or 'In person'}, {row.site_name}"),
    ]
    if lines[row.id].after:
        facts.append(("After the infusion", lines[row.id].after))
    if row.reason:
        facts.append(("Reason", row.reason))
    return SessionPage(
        row=row,
        heading=f"{title_of(row)} for {row.patient_code}",
        course_heading=heading_of(principal, its_course),
        course_url=url_for("courses.course", course_id=its_course.id),
        facts=tuple(facts),
        strip=strip_of(reading, row.zone) if reading else None,
        strip_heading=f"Window after infusion {reading.dose.number}" if reading else "",
        policy_words=" ".join(filter(None, (policy.window_words, signed_words(policy, row.zone)))),
        dose=lines[reading.dose.id] if reading else None,
        actions=tuple(_actions(principal, row, now)),
        arrive_url=_mark_url(principal, row, AppointmentStatus.ARRIVED, "arrive"),
        fulfil_url=_mark_url(principal, row, AppointmentStatus.FULFILLED, "fulfil") if row.starts_at <= now else None,
    )


def _actions(principal: Principal, row: AppointmentRow, now: datetime) -> list[tuple[str, str]]:
    found = []
    if may_move(principal, row, now):
        found.append((address_of(row, "move"), "Move"))
    if may_lose(principal, row):
        found.append((address_of(row, "cancel"), "Cancel or did not come"))
    return found


def _mark_url(principal: Principal, row: AppointmentRow, status: AppointmentStatus, act: str) -> str | None:
    return address_of(row, act) if may_mark(principal, row) and may_become(row.status, status) else None
