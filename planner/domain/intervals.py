"""Half-open spans of time and their algebra.

Every span holds aware instants; two spans that touch do not overlap.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def minute_of(instant: datetime) -> int:
    """Whole minutes from 1970-01-01T00:00Z to `instant`, rounded down. Refuses a naive value (ValueError)."""
    if instant.tzinfo is None:
        raise ValueError("an instant needs a time zone")
    return (instant - EPOCH) // MINUTE


def instant_of(minute: int) -> datetime:
    """The aware UTC instant `minute` minutes after 1970-01-01T00:00Z."""
    return EPOCH + minute * MINUTE


@dataclass(frozen=True, slots=True, order=True)
class Interval:
    """A half-open span [start, end) of aware instants. Raises ValueError when naive or not longer than nothing."""

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        if self.start.tzinfo is None or self.end.tzinfo is None:
            raise ValueError("an interval needs aware instants")
        if self.end <= self.start:
            raise ValueError("an interval ends after it starts")

    @classmethod
    def lasting(cls, start: datetime, minutes: int) -> Interval:
        """The span of `minutes` elapsed minutes from `start`."""
        start = start.astimezone(UTC)
        return cls(start, start + minutes * MINUTE)

    @property
    def minutes(self) -> int:
        """Elapsed length in whole minutes."""
        return (self.end - self.start) // MINUTE

    def overlaps(self, other: Interval) -> bool:
        return self.start < other.end and other.start < self.end

    def contains(self, other: Interval) -> bool:
        return self.start <= other.start and other.end <= self.end

    def shifted(self, by: timedelta) -> Interval:
        """The same span moved by elapsed time."""
        return Interval(self.start.astimezone(UTC) + by, self.end.astimezone(UTC) + by)


def merge(spans: Iterable[Interval]) -> tuple[Interval, ...]:
    """The same time covered, as ordered spans that neither overlap nor touch."""
    merged: list[Interval] = []
    for span in sorted(spans):
        if merged and span.start <= merged[-1].end:
            merged[-1] = Interval(merged[-1].start, max(merged[-1].end, span.end))
        else:
            merged.append(span)
    return tuple(merged)


def subtract(spans: Iterable[Interval], taken: Iterable[Interval]) -> tuple[Interval, ...]:
    """What is left of `spans` once `taken` is cut out, ordered and merged."""
    left = list(merge(spans))
    for cut in merge(taken):
        remaining: list[Interval] = []
        for span in left:
            if not span.overlaps(cut):
                remaining.append(span)
                continue
            if span.start < cut.start:
                remaining.append(Interval(span.start, cut.start))
            if cut.end < span.end:
                remaining.append(Interval(cut.end, span.end))
        left = remaining
    return tuple(left)
