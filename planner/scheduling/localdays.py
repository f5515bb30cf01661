"""Local calendar days on an axis of UTC minutes: spacing, grids and weekdays are wall-clock matters."""

from __future__ import annotations

from bisect import bisect_right
from datetime import date, datetime, time, timedelta
from functools import lru_cache

from planner.domain.intervals import instant_of, minute_of
from planner.domain.walltime import day_span, local_day, resolve_wall_leniently, to_wall


class LocalDays:
    """The days from `first` to `last` (inclusive) in `zone`; `bounds[i]` is the first UTC minute of day i."""

    def __init__(self, zone: str, first: date, last: date) -> None:
        self.zone, self.first = zone, first
        self.count = (last - first).days + 1
        self.bounds = list(_bounds(zone, first, self.count))

    @property
    def origin(self) -> int:
        """First UTC minute of the first day."""
        return self.bounds[0]

    @property
    def length(self) -> int:
        """Elapsed minutes from the first to the end of the last day."""
        return self.bounds[-1] - self.bounds[0]

    def index(self, minute: int) -> int:
        """Which day a UTC minute falls on; below 0 or at least `count` when off the axis."""
        if self.bounds[0] <= minute < self.bounds[-1]:
            return bisect_right(self.bounds, minute) - 1
        return (local_day(instant_of(minute), self.zone) - self.first).days

    def day(self, index: int) -> date:
        """The calendar day with this index, also off the axis."""
        return self.first + timedelta(days=index)

    def index_of(self, day: date) -> int:
        """The index of a calendar day, also off the axis."""
        return (day - self.first).days

    def weekday(self, index: int) -> int:
        """0 for Monday to 6 for Sunday."""
        return (self.first.weekday() + index) % 7

    def start(self, index: int) -> int:
        """First UTC minute of a day, clipped to the axis."""
        return self.bounds[min(max(index, 0), self.count)]

    def wall_minute(self, minute: int) -> int:
        """Minutes that clocks show after midnight at a UTC minute."""
        index = self.index(minute)
        if 0 <= index < self.count and self.bounds[index + 1] - self.bounds[index] == 1440:
            return minute - self.bounds[index]
        return _wall_minute_on_long_day(self.zone, minute)

    def grid(self, step: int) -> int:
        """The mask (bit 0 = origin) of minutes at which clocks show a multiple of `step` minutes after midnight."""
        mask, plain = 0, sum(1 << minute for minute in range(0, 1440, step))
        for index in range(self.count):
            start, end = self.bounds[index], self.bounds[index + 1]
            part = plain if end - start == 1440 else self._odd_day_grid(index, step)
            mask |= part << (start - self.origin)
        return mask

    def _odd_day_grid(self, index: int, step: int) -> int:
        """A clock-change day minute by minute: skipped walls are missing, doubled ones count at both showings."""
        start, end = self.bounds[index], self.bounds[index + 1]
        return sum(
            1 << (minute - start)
            for minute in range(start, end)
            if _wall_minute_on_long_day(self.zone, minute) % step == 0
        )


@lru_cache(maxsize=64)
def _bounds(zone: str, first: date, count: int) -> tuple[int, ...]:
    days = (first + timedelta(days=offset) for offset in range(count + 1))
    return tuple(minute_of(resolve_wall_leniently(datetime.combine(day, time()), zone)) for day in days)


@lru_cache(maxsize=65536)
def _wall_minute_on_long_day(zone: str, minute: int) -> int:
    wall = to_wall(instant_of(minute), zone)
    return wall.hour * 60 + wall.minute


def day_minutes(day: date, zone: str) -> tuple[int, int]:
    """First UTC minute of a local day and of the next."""
    start, end = day_span(day, zone)
    return minute_of(start), minute_of(end)
