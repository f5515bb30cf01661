"""Shifts that come again every so many weeks, and the days on which they do not.

A pattern speaks wall time: a clock change moves its instants, never what clocks show.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from planner.domain.rosters import DAY_MINUTES, RosterShift, in_order, wall_at
from planner.domain.walltime import resolve_wall_leniently, to_wall

MinuteSpan = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Pattern:
    """A shift of one weekday (0 = Monday) every `every_weeks` weeks, counted from the week of `from_day`.

    It holds from `from_day` to `until_day`, both included; None: without end. `exceptions` have for single days other
    wall minutes, or None for no shift at all.
    """

    person_id: int
    weekday: int
    starts_minute: int
    ends_minute: int
    from_day: date
    until_day: date | None = None
    every_weeks: int = 1
    break_minutes: MinuteSpan | None = None
    is_remote: bool = False
    on_call: bool = False
    exceptions: Mapping[date, MinuteSpan | None] = field(default_factory=dict, hash=False)

    def falls_on(self, day: date) -> bool:
        """Whether a day is one of the pattern's, whatever its exceptions say."""
        if day.weekday() != self.weekday or day < self.from_day:
            return False
        if self.until_day is not None and day > self.until_day:
            return False
        return (_monday(day) - _monday(self.from_day)).days // 7 % self.every_weeks == 0


def patterned_shifts(
    patterns: Iterable[Pattern], first_day: date, last_day: date, zone: str, closed: Collection[date] = ()
) -> tuple[RosterShift, ...]:
    """The shifts of patterns from one local day of a site to another, both included.

    On closed days only telehealth goes on. A wall time that clocks skip moves behind the gap, one they show twice
    means its first showing; a shift of which nothing is left is left out.
    """
    found = []
    days = [first_day + timedelta(days=offset) for offset in range((last_day - first_day).days + 1)]
    for pattern in patterns:
        for day in days:
            if pattern.falls_on(day) and (pattern.is_remote or day not in closed):
                shift = _shift_on(pattern, day, zone)
                if shift is not None:
                    found.append(shift)
    return in_order(found)


def _shift_on(pattern: Pattern, day: date, zone: str) -> RosterShift | None:
    span: MinuteSpan | None = (pattern.starts_minute, pattern.ends_minute)
    if day in pattern.exceptions:
        span = pattern.exceptions[day]
    if span is None:
        return None
    starts, ends = (_shown(day, minute, zone) for minute in span)
    if ends <= starts:
        return None
    pause = pattern.break_minutes
    if pause is not None and not (starts < pause[0] < pause[1] < ends):
        pause = None
    return RosterShift(
        day, starts, ends, pattern.person_id, pattern.is_remote, pattern.on_call, *(pause or (None, None))
    )


def _shown(day: date, minute: int, zone: str) -> int:
    """The minute that clocks really show for it: the same, or the one behind a gap."""
    wall = wall_at(day, minute)
    shown: datetime = to_wall(resolve_wall_leniently(wall, zone), zone)
    return (shown.date() - day).days * DAY_MINUTES + shown.hour * 60 + shown.minute


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())
