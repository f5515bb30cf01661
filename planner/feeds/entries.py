"""What a feed is made of: entries (one per appointment or leave) and the calendar's own head."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Final, TypeVar

BUILDER_VERSION: Final = 1
"""Raise it with every change of the bytes this room writes: it is part of the ETag, so clients fetch anew."""

_COLOR_NAME: Final = re.compile(r"[a-z]{3,24}")
_HEX_COLOR: Final = re.compile(r"#[0-9A-F]{6}(?:[0-9A-F]{2})?")


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedEntry:
    """One appointment as one feed shows it: one VEVENT (rule 1). Texts are already chosen by `wording`.

    `starts_at`, `ends_at`, `changed_at` are aware instants; `changed_at` grows with every visible change
    (rule 4, see `next_change`) and `sequence` by one with each (rule 3). `uid` is opaque and kept for life
    (rule 2). `busy` is whether the time counts as taken; `tentative` marks a held, not yet confirmed time.
    `alarm_minutes` asks for one reminder that many minutes before the start; None, the default, for none
    (rule 9).

    Nothing is checked here: a faulty row must fail while it is rendered, where its last good bytes can stand
    in.
    """

    uid: str
    sequence: int
    changed_at: datetime
    starts_at: datetime
    ends_at: datetime
    summary: str
    location: str | None = None
    description: str | None = None
    cancelled: bool = False
    busy: bool = True
    tentative: bool = False
    alarm_minutes: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaveEntry:
    """Whole days away, from `first_day` to `last_day`, both included; dates without a zone (rule 1)."""

    uid: str
    sequence: int
    changed_at: datetime
    first_day: date
    last_day: date
    summary: str
    location: str | None = None
    description: str | None = None
    cancelled: bool = False
    busy: bool = True

    @property
    def starts_at(self) -> datetime:
        """Midnight UTC of the first day: for sorting and for the feed's window, not for showing."""
        return datetime.combine(self.first_day, time.min, UTC)

    @property
    def day_after(self) -> date:
        """The first day that is no longer leave. Leave "until further notice" may end on the calendar's last day."""
        return self.last_day if self.last_day == date.max else self.last_day + timedelta(days=1)

    @property
    def ends_at(self) -> datetime:
        """Midnight UTC after the last day: for sorting and for the feed's window, not for showing."""
        return datetime.combine(self.day_after, time.min, UTC)


Entry = FeedEntry | LeaveEntry

_E = TypeVar("_E", FeedEntry, LeaveEntry)


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarHead:
    """The calendar's own lines: a neutral `name`, a CSS colour name (RFC 7986), Apple's `#RRGGBB`, last
    change (UTC).

    Raises ValueError for a colour in another form or a naive time: these are settings, not people's input.
    """

    name: str
    color: str
    apple_color: str
    changed_at: datetime

    def __post_init__(self) -> None:
        if not _COLOR_NAME.fullmatch(self.color):
            raise ValueError(f"Not a CSS colour name in small letters: {self.color!r}")
        if not _HEX_COLOR.fullmatch(self.apple_color):
            raise ValueError(f"Not a colour as #RRGGBB in capital letters: {self.apple_color!r}")
        if self.changed_at.utcoffset() is None:
            raise ValueError("The calendar's time of change has no time zone")


def next_change(previous: datetime | None, now: datetime) -> datetime:
    """The time to record for a change happening `now`: whole seconds in UTC, always later than `previous`
    (rule 4).

    ICSx5 skips an event whose LAST-MODIFIED did not grow, and iCalendar times have no fractions, so two
    changes in one second, or a clock set back, still give two different times. `previous` is the last time
    subscribers may have seen: for a feed's own revision, the latest among its events too. Raises ValueError
    for naive times.
    """
    if now.utcoffset() is None or (previous is not None and previous.utcoffset() is None):
        raise ValueError("A time of change needs a time zone")
    current = now.astimezone(UTC).replace(microsecond=0)
    if previous is None:
        return current
    return max(current, previous.astimezone(UTC).replace(microsecond=0) + timedelta(seconds=1))


def as_of_revision(entry: _E, revision: int, revised_at: datetime) -> _E:
    """The entry as a feed of that revision shows it (rule 4): changing a feed's detail changes every event
    in it.

    Adds the revision to SEQUENCE and takes the later of the two times of change.
    """
    return replace(entry, sequence=entry.sequence + revision, changed_at=max(entry.changed_at, revised_at))
