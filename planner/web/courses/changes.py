"""The history of a course in words: who did what when, and what each change replaced."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from planner.domain.statuses import AppointmentKind
from planner.services.reading.previews import name_of
from planner.store.queries.history import HistoryLine, HistoryRow
from planner.web.filters import staff_day, staff_time

ACTION_WORDS = {
    "course.book": "Booked the course",
    "course.move": "Moved",
    "course.cancelled": "Cancelled",
    "course.noshow": "Marked as “did not come”",
    "course.dose-end": "Recorded when the dose ended",
    "course.rebook": "Booked a session",
    "course.closed-day": "Changed for a closed day",
    "course.absence": "Changed because somebody is away",
    "course.active": "Started the course",
    "course.on-hold": "Put the course on hold",
    "course.completed": "Completed the course",
    "course.revoked": "Stopped the course",
    "appointment.arrived": "Marked as arrived",
    "appointment.fulfilled": "Marked as done",
    "appointment.cancelled": "Cancelled",
    "appointment.noshow": "Marked as “did not come”",
    "appointment.entered-in-error": "Marked as entered in error",
    "appointment.overlap": "Booked over another appointment",
    "appointment.zone-followed": "Kept the agreed wall time, because the zone's rules changed",
    "appointment.unsaved": "Left an infusion without a session",
    "rule.override": "Set a rule aside",
    "undo": "Undid a change",
}
STATUS_WORDS = {
    "proposed": "proposed",
    "booked": "booked",
    "arrived": "arrived",
    "fulfilled": "done",
    "cancelled": "cancelled",
    "noshow": "did not come",
    "entered-in-error": "entered in error",
}
SHOWN_LINES = 12


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """One act: when, who, what, and its lines."""

    at: datetime
    who: str
    what: str
    lines: tuple[str, ...]
    more: int
    undone_words: str


def history_lines(rows: Iterable[HistoryRow], zone: str) -> list[HistoryEntry]:
    """The history as the page shows it, in the order given. An override's own line stays."""
    return [_entry(row, zone) for row in rows]


def _entry(row: HistoryRow, zone: str) -> HistoryEntry:
    lines = [words for line in row.lines if (words := _line(line, zone))]
    what = ACTION_WORDS.get(row.action, row.action.replace(".", " ").replace("-", " ").capitalize())
    if row.action == "rule.override":
        what = f"{what}: {str(row.detail.get('rule', '')).replace('-', ' ')}"
    if row.action == "undo":
        undone = ACTION_WORDS.get(str(row.detail.get("undoes", "")), "")
        what = f"Undid: {undone[0].lower()}{undone[1:]}" if undone else what
    undone_words = f"Undone {staff_day(row.undone_at, zone)} {staff_time(row.undone_at, zone)}" if row.undone_at else ""
    who = row.who or "The planner"
    if row.roles:
        who = f"{who}, {row.roles}"
    return HistoryEntry(row.at, who, what, tuple(lines[:SHOWN_LINES]), max(0, len(lines) - SHOWN_LINES), undone_words)


def _line(line: HistoryLine, zone: str) -> str:
    """One appointment before and after; other records say nothing here."""
    values = line.after or line.before
    if line.record != "appointment" or values is None:
        return ""
    name = _name(values)
    before, after = line.before, line.after
    if before is None and after is not None:
        return f"{name}: new, {_when(after, zone)}"
    if after is None and before is not None:
        return f"{name}: taken away, was {_when(before, zone)}"
    if before is None or after is None:
        return ""
    parts = []
    if before["starts_at"] != after["starts_at"]:
        parts.append(f"{_when(before, zone)} → {_when(after, zone)}")
    if before["status"] != after["status"]:
        was, now = (STATUS_WORDS.get(str(values["status"]), str(values["status"])) for values in (before, after))
        parts.append(f"{was} → {now}")
    if before["number"] != after["number"]:
        parts.append(f"was number {before['number']}")
    if not parts and any(before[key] != after[key] for key in ("therapist_id", "chair_id", "room_id", "nurse_id")):
        parts.append("staff or place changed")
    if not parts and before["serves_id"] != after["serves_id"]:
        parts.append("now after another infusion")
    return f"{name}: {', '.join(parts)}" if parts else ""


def _name(values: Mapping[str, Any]) -> str:
    kind, number = AppointmentKind(values["kind"]), int(values["number"])
    is_booster = kind is AppointmentKind.INFUSION and values["status"] == "proposed"
    return f"Proposed booster {number}" if is_booster else name_of(kind, number)


def _when(values: Mapping[str, Any], zone: str) -> str:
    instant = datetime.fromisoformat(values["starts_at"])
    return f"{staff_day(instant, zone)} {staff_time(instant, zone)}"
