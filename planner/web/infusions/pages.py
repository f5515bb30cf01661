"""What the page of one infusion shows, already decided."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from planner.domain.access import Permission, Principal, may
from planner.domain.statuses import AppointmentStatus, may_become
from planner.store.queries.appointments import AppointmentRow
from planner.web.courses.pages import DateLine, address_of, may_lose, may_mark, may_move, recorded_words
from planner.web.courses.surroundings import Surroundings, surroundings_of
from planner.web.filters import staff_span


@dataclass(frozen=True, slots=True)
class InfusionPage:
    """One infusion: facts, window, sessions, and what this person may do."""

    row: AppointmentRow
    around: Surroundings
    facts: tuple[tuple[str, Any], ...]
    sessions: tuple[DateLine, ...]
    lacks_session: bool
    actions: tuple[tuple[str, str], ...]
    arrive_url: str | None
    rebook_url: str | None


def infusion_page(db: Session, principal: Principal, row: AppointmentRow, now: datetime) -> InfusionPage:
    """Everything the page shows. Five queries."""
    around = surroundings_of(db, principal, row, dose_id=row.id, now=now)
    reading = around.reading
    lacks = reading is not None and reading.lacks_session
    return InfusionPage(
        row=row,
        around=around,
        facts=tuple(_facts(around)),
        sessions=tuple(around.lines[session.id] for session in reading.sessions) if reading else (),
        lacks_session=lacks,
        actions=tuple(_actions(principal, row, now)),
        arrive_url=_arrive_url(principal, row),
        rebook_url=address_of(row, "rebook") if lacks and may(principal, Permission.INFUSIONS_CHANGE) else None,
    )


def _facts(around: Surroundings) -> list[tuple[str, Any]]:
    row = around.row
    facts: list[tuple[str, Any]] = [
        ("When", staff_span(row.starts_at, row.ends_at, row.zone)),
        ("Chair", row.chair_name or "none"),
        ("Nurse", row.nurse_name or "none"),
        ("Site", row.site_name),
    ]
    if around.reading is not None:
        facts.append(("Dose", recorded_words(around.reading)))
    if row.reason:
        facts.append(("Reason", row.reason))
    return facts


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
