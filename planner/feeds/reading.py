"""Calendar files of other programs read as plain events, within bounds (RFC 5545).

Only what an appointment needs is looked at: UID, start, end, title, categories, place, whether it is cancelled. Zone
definitions and alarms are left out before anything is parsed; zones are known by their names. Events that repeat, have
no time of day, or are in a zone nobody knows are told, not guessed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from icalendar import Event
from icalendar.timezone.windows_to_olson import WINDOWS_TO_OLSON

from planner.domain.errors import PlannerError
from planner.domain.walltime import NonexistentWallTime, UnknownZone, resolve_wall

MOST_BYTES: Final = 2_000_000
MOST_EVENTS: Final = 5_000
LONGEST_EVENT_LINES: Final = 500
LONGEST_TEXT: Final = 500
YEARS: Final = range(2000, 2100)
_NEVER: Final = datetime.min.replace(tzinfo=UTC)
_BEGIN: Final = re.compile(r"BEGIN:([A-Z-]+)\s*", re.IGNORECASE)
_END: Final = re.compile(r"END:([A-Z-]+)\s*", re.IGNORECASE)


class CalendarUnreadable(PlannerError):
    """The file as a whole is no calendar we can read; the sentence says why and what to do."""


@dataclass(frozen=True, slots=True)
class CalendarEvent:
    """One event. `line` is where it begins in the file; `fault` says why it cannot be used (then the rest is empty).

    `starts_at` and `ends_at` are aware, in UTC.
    """

    line: int
    fault: str = ""
    uid: str = ""
    title: str = ""
    categories: tuple[str, ...] = ()
    place: str = ""
    is_cancelled: bool = False
    starts_at: datetime = _NEVER
    ends_at: datetime = _NEVER


class _Unusable(Exception):
    """Why one event cannot be used."""


def looks_like_calendar(content: bytes) -> bool:
    """Whether the bytes begin as a calendar file does."""
    return content.removeprefix(b"\xef\xbb\xbf").lstrip()[:15].upper() == b"BEGIN:VCALENDAR"


def read_calendar(content: bytes, zone: str) -> list[CalendarEvent]:
    """Every event of a calendar file; times without a zone are read in `zone` (IANA). Raises CalendarUnreadable."""
    if len(content) > MOST_BYTES:
        raise CalendarUnreadable(
            f"This calendar is larger than {MOST_BYTES // 1_000_000} MB. Export a shorter time, and bring the parts."
        )
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise CalendarUnreadable("This calendar is not in UTF-8, as calendars are. Export it again.") from error
    events = [_event(line, lines, zone) for line, lines in _events(text)]
    if not events:
        raise CalendarUnreadable("There is no event in this calendar.")
    return events


def _events(text: str) -> Iterator[tuple[int, list[str]]]:
    """The lines of each event without what is nested in it, and where it begins. Bounded before it is parsed."""
    inside: list[str] = []
    found: list[str] = []
    began = count = 0
    for number, line in enumerate(text.split("\n"), 1):
        if begins := _BEGIN.fullmatch(line):
            inside.append(begins[1].upper())
            if inside == ["VCALENDAR", "VEVENT"]:
                began, found, count = number, [], count + 1
                if count > MOST_EVENTS:
                    raise CalendarUnreadable(
                        f"This calendar has more than {MOST_EVENTS:,} events. Export a shorter time."
                    )
            if len(inside) > 4:
                raise CalendarUnreadable(f"Line {number} is nested deeper than a calendar can be. Export it again.")
        elif ends := _END.fullmatch(line):
            if not inside or inside[-1] != ends[1].upper():
                raise CalendarUnreadable(f"Line {number} ends something that did not begin. Export the calendar again.")
            if inside == ["VCALENDAR", "VEVENT"]:
                yield began, found
            inside.pop()
        elif inside == ["VCALENDAR", "VEVENT"] and len(found) <= LONGEST_EVENT_LINES:
            found.append(line.rstrip("\r"))
    if inside:
        raise CalendarUnreadable("This calendar is cut short: its end is missing. Export it again.")


def _event(line: int, lines: list[str], zone: str) -> CalendarEvent:
    if len(lines) > LONGEST_EVENT_LINES:
        return CalendarEvent(line, fault="This event is longer than an appointment can be described in.")
    try:
        event = Event.from_ical("\r\n".join(["BEGIN:VEVENT", *lines, "END:VEVENT", ""]))
        return _read(line, event, zone)
    except _Unusable as unusable:
        return CalendarEvent(line, fault=str(unusable))
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError, RecursionError):
        return CalendarEvent(
            line, fault="This event is not written as calendars are. Leave it out, or export it again."
        )


def _read(line: int, event: Any, zone: str) -> CalendarEvent:
    if "RRULE" in event or "RDATE" in event:
        raise _Unusable(
            "This event repeats. Bring each of its dates as an event of its own, or as a line of a CSV file."
        )
    uid = _text(event, "UID")
    if not uid:
        raise _Unusable("This event has no UID, so it could not be known again.")
    if "RECURRENCE-ID" in event:
        uid = f"{uid}#{event['RECURRENCE-ID'].to_ical().decode()}"
    starts_at = _instant(event, "DTSTART", zone)
    ends_at = _instant(event, "DTEND", zone) if "DTEND" in event else starts_at + _duration(event)
    _check_year(ends_at)
    if ends_at <= starts_at:
        raise _Unusable("This event ends before it starts.")
    return CalendarEvent(
        line,
        uid=uid,
        title=_text(event, "SUMMARY"),
        categories=tuple(_categories(event)),
        place=_text(event, "LOCATION"),
        is_cancelled=_text(event, "STATUS").upper() == "CANCELLED",
        starts_at=starts_at,
        ends_at=ends_at,
    )


def _check_year(moment: datetime) -> None:
    """At the edges of the calendar a time cannot be told in every zone."""
    if moment.year not in YEARS:
        raise _Unusable(f"This event is in the year {moment.year}, where no appointment of a clinic is.")


def _text(event: Any, name: str) -> str:
    found = event.get(name, "")
    return str(found[0] if isinstance(found, list) else found).strip()[:LONGEST_TEXT]


def _categories(event: Any) -> Iterator[str]:
    found = event.get("CATEGORIES", [])
    for group in found if isinstance(found, list) else [found]:
        yield from (str(word).strip() for word in getattr(group, "cats", ()))


def _duration(event: Any) -> timedelta:
    found = getattr(event.get("DURATION"), "dt", None)
    if not isinstance(found, timedelta):
        raise _Unusable("This event says neither when it ends nor how long it takes.")
    return found


def _instant(event: Any, name: str, zone: str) -> datetime:
    found = event.get(name)
    moment = getattr(found, "dt", None)
    if moment is None:
        raise _Unusable("This event does not say when it starts.")
    if not isinstance(moment, datetime):
        raise _Unusable("This event is all day. An appointment has a start and an end.")
    _check_year(moment)
    named = str(found.params.get("TZID", ""))
    if moment.tzinfo is not None and not named:
        return moment.astimezone(UTC)
    place = WINDOWS_TO_OLSON.get(named, named) or zone
    try:
        # A time that clocks show twice means its first showing (RFC 5545 3.3.5).
        return resolve_wall(moment.replace(tzinfo=None, fold=0), place, 0)
    except UnknownZone as unknown:
        raise _Unusable(
            f"Nobody knows the time zone “{named[:60]}” of this event. Export it with common zones."
        ) from unknown
    except NonexistentWallTime as odd:
        raise _Unusable(str(odd)) from odd
