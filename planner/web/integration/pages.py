"""What the page of one therapy session shows, already decided."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from planner.domain.access import Principal
from planner.domain.statuses import AppointmentStatus, Mode, may_become
from planner.store.queries.appointments import AppointmentRow
from planner.web.courses.pages import DateLine, address_of, may_lose, may_mark, may_move
from planner.web.courses.surroundings import Surroundings, surroundings_of
from planner.web.filters import staff_span


@dataclass(frozen=True, slots=True)
class SessionPage:
    """One session: facts, the window it uses, and what this person may do."""

    row: AppointmentRow
    around: Surroundings
    facts: tuple[tuple[str, Any], ...]
    strip_heading: str
    dose: DateLine | None
    actions: tuple[tuple[str, str], ...]
    arrive_url: str | None
    fulfil_url: str | None


def session_page(db: Session, principal: Principal, row: AppointmentRow, now: datetime) -> SessionPage:
    """Everything the page shows. Five queries."""
    around = surroundings_of(db, principal, row, dose_id=row.serves_id, now=now)
    reading = around.reading
    return SessionPage(
        row=row,
        around=around,
        facts=tuple(_facts(around)),
        strip_heading=f"Window after infusion {reading.dose.number}" if reading else "",
        dose=around.lines[reading.dose.id] if reading else None,
        actions=tuple(_actions(principal, row, now)),
        arrive_url=_mark_url(principal, row, AppointmentStatus.ARRIVED, "arrive"),
        fulfil_url=_mark_url(principal, row, AppointmentStatus.FULFILLED, "fulfil") if row.starts_at <= now else None,
    )


def _facts(around: Surroundings) -> list[tuple[str, Any]]:
    row = around.row
    facts: list[tuple[str, Any]] = [
        ("When", staff_span(row.starts_at, row.ends_at, row.zone)),
        ("Therapist", row.therapist_name or "none"),
        ("Where", "By video" if row.mode is Mode.TELEHEALTH else f"{row.room_name or 'In person'}, {row.site_name}"),
    ]
    if after := around.lines[row.id].after:
        facts.append(("After the infusion", after))
    if row.reason:
        facts.append(("Reason", row.reason))
    return facts


def _actions(principal: Principal, row: AppointmentRow, now: datetime) -> list[tuple[str, str]]:
    found = []
    if may_move(principal, row, now):
        found.append((address_of(row, "move"), "Move"))
    if may_lose(principal, row):
        found.append((address_of(row, "cancel"), "Cancel or did not come"))
    return found


def _mark_url(principal: Principal, row: AppointmentRow, status: AppointmentStatus, act: str) -> str | None:
    return address_of(row, act) if may_mark(principal, row) and may_become(row.status, status) else None
