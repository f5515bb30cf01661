"""Which entries a feed holds: its window in days, how long cancelled ones stay, and where it is cut (rules
5, 11).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from itertools import accumulate
from typing import Final

from planner.feeds.entries import Entry
from planner.feeds.ical import RenderedEvent

DAYS_BACK: Final = 90
DAYS_AHEAD: Final = 365
MAX_EVENTS: Final = 900
"""Google stops at about 1,000 events or 1 MB; these leave a margin."""
MAX_BYTES: Final = 900_000
CANCELLED_DAYS: Final = 30


def window_day(now: datetime) -> date:
    """The UTC day `now` is on. All edges hang on it, so the window moves once a day, at midnight UTC."""
    if now.utcoffset() is None:
        raise ValueError("The present time has no time zone")
    return now.astimezone(UTC).date()


def window_edges(day: date) -> tuple[datetime, datetime]:
    """First and last instant (UTC, half-open) of the window of that day: 90 days back, 365 ahead, today
    included.
    """
    return _midnight(day - timedelta(days=DAYS_BACK)), _midnight(day + timedelta(days=DAYS_AHEAD + 1))


def listed(entries: Iterable[Entry], day: date, *, hide_cancelled: bool = False) -> list[Entry]:
    """The entries a feed shows on that UTC day, earliest first; at most `MAX_EVENTS`, the oldest cut first.

    Past appointments stay: programs delete what leaves a feed. Cancelled ones stay while `cancelled_shown`
    says so.
    """
    opens_at, closes_at = window_edges(day)
    inside = [
        entry
        for entry in entries
        if entry.ends_at > opens_at
        and entry.starts_at < closes_at
        and (not entry.cancelled or (not hide_cancelled and cancelled_shown(entry, day)))
    ]
    inside.sort(key=_order)
    return inside[_cut([1] * len(inside), [_past(entry, day) for entry in inside], MAX_EVENTS)]


def cancelled_shown(entry: Entry, day: date) -> bool:
    """Whether a cancelled entry is still in the feed: through the UTC day after its slot, at most 30 days
    (rule 5).

    The 30 days count from the entry's last change. The mark has to stay long enough for slow programs to see
    it.
    """
    last_of_slot = (entry.ends_at.astimezone(UTC) - timedelta(microseconds=1)).date()
    changed_on = entry.changed_at.astimezone(UTC).date()
    return day <= min(last_of_slot + timedelta(days=1), changed_on + timedelta(days=CANCELLED_DAYS))


def fitting(rendered: Sequence[RenderedEvent], day: date, *, head_bytes: int = 2_000) -> list[RenderedEvent]:
    """The events that fit into 900 events and 900 kB, earliest first; the oldest past is cut first, then the
    farthest.

    `head_bytes` is what the calendar without events takes.
    """
    ordered = sorted(rendered, key=lambda event: _order(event.entry))
    past = [_past(event.entry, day) for event in ordered]
    ordered = ordered[_cut([1] * len(ordered), past, MAX_EVENTS)]
    past = [_past(event.entry, day) for event in ordered]
    return ordered[_cut([len(event.body) for event in ordered], past, MAX_BYTES - head_bytes)]


def _cut(sizes: Sequence[int], past: Sequence[bool], limit: int) -> slice:
    """The longest run of entries, in time order, whose sizes add up to the limit, at the cost of the past
    first.
    """
    excess = sum(sizes) - limit
    first = 0
    while excess > 0 and first < len(sizes) and past[first]:
        excess -= sizes[first]
        first += 1
    if excess <= 0:
        return slice(first, None)
    sums = accumulate(sizes[first:])
    return slice(first, first + sum(1 for total in sums if total <= limit))


def _order(entry: Entry) -> tuple[datetime, datetime, str]:
    return entry.starts_at, entry.ends_at, entry.uid


def _past(entry: Entry, day: date) -> bool:
    return entry.ends_at <= _midnight(day)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time.min, UTC)
