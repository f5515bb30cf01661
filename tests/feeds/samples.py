"""Made-up feed entries, and readers' views of a feed, for the tests of this folder."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime
from typing import Any

from icalendar import Calendar, Component

from planner.feeds.entries import CalendarHead, Entry, FeedEntry, LeaveEntry
from planner.feeds.ical import render_calendar, render_event

CHANGED = datetime(2026, 11, 2, 9, 30, tzinfo=UTC)


def utc(year: int, month: int, day: int, hour: int = 0, minute: int = 0, second: int = 0) -> datetime:
    return datetime(year, month, day, hour, minute, second, tzinfo=UTC)


def visit(uid: str = "0001@calendar.invalid", **changes: Any) -> FeedEntry:
    facts: dict[str, Any] = {
        "uid": uid,
        "sequence": 3,
        "changed_at": CHANGED,
        "starts_at": utc(2026, 11, 24, 15, 0),
        "ends_at": utc(2026, 11, 24, 17, 25),
        "summary": "Appointment",
    }
    return FeedEntry(**facts | changes)


def leave(uid: str = "0002@calendar.invalid", **changes: Any) -> LeaveEntry:
    facts: dict[str, Any] = {
        "uid": uid,
        "sequence": 0,
        "changed_at": CHANGED,
        "first_day": date(2026, 12, 21),
        "last_day": date(2026, 12, 23),
        "summary": "Away",
    }
    return LeaveEntry(**facts | changes)


def head(**changes: Any) -> CalendarHead:
    facts: dict[str, Any] = {
        "name": "Appointments",
        "color": "teal",
        "apple_color": "#1F7A7A",
        "changed_at": CHANGED,
    }
    return CalendarHead(**facts | changes)


def feed(*entries: Entry) -> bytes:
    return render_calendar(head(), [render_event(entry) for entry in entries])


def content_lines(body: bytes) -> list[str]:
    """The unfolded lines of a feed, by RFC 5545 3.1 and not by any library."""
    return body.decode().replace("\r\n ", "").removesuffix("\r\n").split("\r\n")


def parsed(body: bytes) -> Calendar:
    calendar = Calendar.from_ical(body)
    assert isinstance(calendar, Calendar)
    return calendar


def by_uid(components: Iterable[Component]) -> dict[str, Component]:
    return {str(component["UID"]): component for component in components}
