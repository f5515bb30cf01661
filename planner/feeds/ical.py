"""iCalendar bytes (RFC 5545, RFC 7986) from entries: each event alone, then joined under the calendar's head.

Nothing here reads the clock or makes up identifiers, so the same entry gives the same bytes for ever.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final

from icalendar import Alarm, Calendar, Event, vText

from planner.domain.errors import PlannerError
from planner.feeds.entries import CalendarHead, Entry, FeedEntry, LeaveEntry
from planner.feeds.text import clean, clean_line

PRODID: Final = "-//Appointments//Calendar feed//EN"
"""Constant and without a name of clinic or product (rules 6 and 21)."""

ALARM_TEXT: Final = "Reminder"

_REFRESH: Final = timedelta(hours=1)
_SEQUENCE_MAX: Final = 2**31 - 1  # RFC 5545 3.3.8; imports fail above it
_ALARM_MINUTES_MAX: Final = 7 * 24 * 60
_UID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,199}")
_END: Final = b"END:VCALENDAR\r\n"


class EntryError(PlannerError):
    """One entry cannot be written; names the entry's `uid`, never its text."""

    def __init__(self, uid: str, sentence: str) -> None:
        super().__init__(sentence)
        self.uid = uid


class FeedUnavailable(PlannerError):
    """The feed cannot be given whole; answer 503, so that calendar programs keep the copy they have (rule
    19).
    """

    def __init__(self, uids: Sequence[str]) -> None:
        super().__init__("The calendar cannot be made at the moment. Please try again later.")
        self.uids = tuple(uids)


class _Text(vText):
    """TEXT escaped by RFC 5545 3.3.11 alone; vText also turns a typed backslash and capital N into a line
    break.
    """

    __slots__ = ()

    def to_ical(self) -> bytes:
        escaped = self.replace("\\", "\\\\").replace(";", "\\;").replace(",", "\\,").replace("\n", "\\n")
        return escaped.encode()


@dataclass(frozen=True, slots=True)
class RenderedEvent:
    """The bytes of one entry; `fresh` is False when they are its last good bytes, not the present ones."""

    entry: Entry
    body: bytes
    fresh: bool


def render_event(entry: Entry) -> bytes:
    """One VEVENT, from BEGIN to END with the closing CRLF (rules 1 to 5, 7 to 10).

    Raises EntryError when the entry breaks a rule that readers depend on: UID, SEQUENCE, end after start, a
    title.
    """
    summary = clean_line(entry.summary)
    if not _UID.fullmatch(entry.uid):
        raise EntryError(entry.uid[:200], "The entry's UID is empty, too long, or not made of plain letters.")
    if not 0 <= entry.sequence <= _SEQUENCE_MAX:
        raise EntryError(entry.uid, "The entry's sequence number is outside what calendar programs accept.")
    if not summary.strip():
        raise EntryError(entry.uid, "The entry has no title.")

    event = Event()
    event.add("uid", entry.uid)
    changed_at = _utc(entry, entry.changed_at)
    event.add("dtstamp", changed_at)
    event.add("last-modified", changed_at)
    event.add("sequence", entry.sequence)
    _add_span(event, entry)
    event.add("summary", _Text(summary))
    for name, value in (("location", entry.location), ("description", entry.description)):
        text = clean(value or "")
        if text.strip():
            event.add(name, _Text(text))
    _add_state(event, entry)
    event.add("class", "PRIVATE")
    if isinstance(entry, FeedEntry) and entry.alarm_minutes is not None and not entry.cancelled:
        event.add_component(_alarm(entry, entry.alarm_minutes))
    return bytes(event.to_ical())


def _add_span(event: Event, entry: Entry) -> None:
    start: date
    end: date
    if isinstance(entry, LeaveEntry):
        # DTEND is exclusive (RFC 5545 3.6.1): leave until Friday ends on Saturday.
        start, end = entry.first_day, entry.day_after
    else:
        start, end = _utc(entry, entry.starts_at), _utc(entry, entry.ends_at)
    if end <= start:
        raise EntryError(entry.uid, "The entry ends before it starts.")
    event.add("dtstart", start)
    event.add("dtend", end)


def _add_state(event: Event, entry: Entry) -> None:
    tentative = isinstance(entry, FeedEntry) and entry.tentative
    taken = entry.busy and not entry.cancelled
    confirmed = "TENTATIVE" if tentative else "CONFIRMED"
    if not taken:
        outlook = "FREE"
    elif isinstance(entry, LeaveEntry):
        outlook = "OOF"
    else:
        outlook = "TENTATIVE" if tentative else "BUSY"
    event.add("status", "CANCELLED" if entry.cancelled else confirmed)
    event.add("transp", "OPAQUE" if taken else "TRANSPARENT")
    event.add("x-microsoft-cdo-busystatus", outlook)


def _alarm(entry: FeedEntry, minutes: int) -> Alarm:
    if not 0 <= minutes <= _ALARM_MINUTES_MAX:
        raise EntryError(entry.uid, "The entry's reminder is not within the week before it.")
    alarm = Alarm()
    alarm.add("action", "DISPLAY")
    alarm.add("description", _Text(ALARM_TEXT))
    alarm.add("trigger", -timedelta(minutes=minutes))
    return alarm


def _utc(entry: Entry, instant: datetime) -> datetime:
    """The instant in UTC and whole seconds, as iCalendar says it; a local zone would need its definition."""
    if instant.utcoffset() is None:
        raise EntryError(entry.uid, "The entry has a time without a time zone.")
    return instant.astimezone(UTC).replace(microsecond=0)


def render_calendar(head: CalendarHead, events: Iterable[bytes]) -> bytes:
    """The whole feed (rules 6, 8, 10): the head, then the events' bytes as they are. No events is a valid
    answer.

    `events` are results of `render_event`, in the order they shall appear.
    """
    name = _Text(clean_line(head.name).strip() or "Appointments")
    calendar = Calendar()
    calendar.add("version", "2.0")
    calendar.add("prodid", PRODID)
    calendar.add("calscale", "GREGORIAN")
    calendar.add("method", "PUBLISH")
    calendar.add("name", name)
    calendar.add("x-wr-calname", name)
    # Without VALUE=DURATION strict readers refuse the calendar (RFC 7986 5.7).
    calendar.add("refresh-interval", _REFRESH, parameters={"VALUE": "DURATION"})
    calendar.add("x-published-ttl", "PT1H")
    calendar.add("last-modified", head.changed_at.astimezone(UTC).replace(microsecond=0))
    calendar.add("color", head.color)
    calendar.add("x-apple-calendar-color", head.apple_color)
    shell = bytes(calendar.to_ical())
    return b"".join((shell.removesuffix(_END), *events, _END))


def render_all(
    entries: Iterable[Entry], log: logging.Logger, fallback: Mapping[str, bytes] | None = None
) -> list[RenderedEvent]:
    """Every entry's bytes, in the order given; an entry that fails is logged by its id and replaced (rule
    19).

    `fallback` maps a UID to its last good bytes. Of two entries with one UID the one changed last is written
    and the other logged (rule 2). Raises FeedUnavailable when an entry fails and has no last good bytes: a
    feed with one appointment less would take it off people's devices.
    """
    good = fallback or {}
    rendered: list[RenderedEvent] = []
    lost: list[str] = []
    for entry in _once_each(entries, log):
        try:
            rendered.append(RenderedEvent(entry, render_event(entry), fresh=True))
        except Exception as error:  # any fault of one row, foreseen or not, must stay that row's fault
            # The id and the kind of fault only: a traceback could carry the text of a person's appointment.
            log.error("Calendar entry %r cannot be written: %s", entry.uid, _cause(error))
            body = good.get(entry.uid)
            if body is None:
                lost.append(str(entry.uid))
            else:
                rendered.append(RenderedEvent(entry, body, fresh=False))
    if lost:
        raise FeedUnavailable(lost)
    return rendered


def _cause(error: Exception) -> str:
    return error.sentence if isinstance(error, EntryError) else type(error).__name__


def _once_each(entries: Iterable[Entry], log: logging.Logger) -> list[Entry]:
    kept: dict[str, Entry] = {}
    for entry in entries:
        other = kept.get(entry.uid)
        if other is not None:
            log.error("Calendar entry %r is in the feed twice", entry.uid)
            if (entry.sequence, entry.changed_at) <= (other.sequence, other.changed_at):
                continue
        kept[entry.uid] = entry
    return list(kept.values())
