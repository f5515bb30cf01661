"""A site's week of shifts as plain data: what was agreed on the clock, and how two versions of it differ.

Minutes count from local midnight of a shift's day at the site; an end beyond 1440 runs into the next day.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from planner.domain.walltime import day_span, resolve_wall, resolve_wall_leniently, zone_named

DAY_MINUTES = 1440
DAYS_A_WEEK = 7


@dataclass(frozen=True, slots=True)
class RosterShift:
    """One person's shift on one local day of a site, by telehealth or there; in the break nobody is booked.

    A fold of 1 means the second showing of a time that clocks show twice; it is 0 for every other time.
    """

    day: date
    starts_minute: int
    ends_minute: int
    person_id: int
    is_remote: bool = False
    on_call: bool = False
    break_starts_minute: int | None = None
    break_ends_minute: int | None = None
    starts_fold: int = 0
    ends_fold: int = 0

    @property
    def order(self) -> tuple[Any, ...]:
        """By day, time and person; equal for equal shifts only."""
        pause = (self.break_starts_minute or 0, self.break_ends_minute or 0)
        folds = (self.starts_fold, self.ends_fold)
        return (
            self.day,
            self.starts_minute,
            self.ends_minute,
            self.person_id,
            self.is_remote,
            self.on_call,
            pause,
            folds,
        )

    def to_json(self) -> dict[str, Any]:
        """As a publication keeps it."""
        pause = None if self.break_starts_minute is None else [self.break_starts_minute, self.break_ends_minute]
        return {
            "day": self.day.isoformat(),
            "person": self.person_id,
            "minutes": [self.starts_minute, self.ends_minute],
            "break": pause,
            "folds": [self.starts_fold, self.ends_fold],
            "remote": self.is_remote,
            "on_call": self.on_call,
        }

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> RosterShift:
        """The way back from `to_json`."""
        (starts, ends), (starts_fold, ends_fold) = kept["minutes"], kept["folds"]
        break_starts, break_ends = kept["break"] or (None, None)
        return cls(
            date.fromisoformat(kept["day"]), starts, ends, kept["person"], kept["remote"], kept["on_call"],
            break_starts, break_ends, starts_fold, ends_fold,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class ShiftInstants:
    """When a shift really is (aware, UTC); no break has two Nones."""

    starts_at: datetime
    ends_at: datetime
    break_starts_at: datetime | None
    break_ends_at: datetime | None


def wall_at(day: date, minute: int) -> datetime:
    """What clocks show so many minutes after midnight of a day, as a naive datetime."""
    return datetime.combine(day, time()) + timedelta(minutes=minute)


def instants_of(shift: RosterShift, zone: str) -> ShiftInstants:
    """The instants of a shift at a site in `zone`. Raises NonexistentWallTime for a start or end that clocks skip.

    The edges of a break are read leniently: one that clocks skip moves behind the gap.
    """
    pause: tuple[datetime, datetime] | tuple[None, None] = (None, None)
    if shift.break_starts_minute is not None and shift.break_ends_minute is not None:
        edges = (shift.break_starts_minute, shift.break_ends_minute)
        starts, ends = (resolve_wall_leniently(wall_at(shift.day, minute), zone) for minute in edges)
        pause = (starts, ends) if starts < ends else (None, None)
    return ShiftInstants(
        resolve_wall(wall_at(shift.day, shift.starts_minute), zone, shift.starts_fold),
        resolve_wall(wall_at(shift.day, shift.ends_minute), zone, shift.ends_fold),
        *pause,
    )


def overlapping(one: RosterShift, other: RosterShift, zone: str) -> bool:
    """Whether both are the same person's and at the same time, over midnight too."""
    if one.person_id != other.person_id or abs((one.day - other.day).days) > 2:
        return False
    a, b = instants_of(one, zone), instants_of(other, zone)
    return a.starts_at < b.ends_at and b.starts_at < a.ends_at


def shift_at(
    person_id: int, when: ShiftInstants, zone: str, *, is_remote: bool = False, on_call: bool = False
) -> RosterShift:
    """The shift that lies at these instants, as clocks in `zone` show it."""
    place = zone_named(zone)
    starts, ends = when.starts_at.astimezone(place), when.ends_at.astimezone(place)
    day = starts.date()

    def minute(local: datetime) -> int:
        return (local.date() - day).days * DAY_MINUTES + local.hour * 60 + local.minute

    pause: tuple[int | None, int | None] = (None, None)
    if when.break_starts_at is not None and when.break_ends_at is not None:
        pause = minute(when.break_starts_at.astimezone(place)), minute(when.break_ends_at.astimezone(place))
    return RosterShift(day, minute(starts), minute(ends), person_id, is_remote, on_call, *pause, starts.fold, ends.fold)


def fold_of(wall: datetime, zone: str, wanted: int) -> int:
    """`wanted` for a time that clocks in `zone` show twice, else 0."""
    place = zone_named(zone)
    twice = wall.replace(tzinfo=place, fold=0).astimezone(UTC) < wall.replace(tzinfo=place, fold=1).astimezone(UTC)
    return wanted if twice else 0


def week_span(monday: date, zone: str) -> tuple[datetime, datetime]:
    """First instant of a week at a place, and of the week after."""
    return weeks_span(monday, 1, zone)


def weeks_span(monday: date, weeks: int, zone: str) -> tuple[datetime, datetime]:
    """First instant of some weeks in a row at a place, and of the week after them."""
    return day_span(monday, zone)[0], day_span(monday + timedelta(days=DAYS_A_WEEK * weeks - 1), zone)[1]


def in_order(shifts: Iterable[RosterShift]) -> tuple[RosterShift, ...]:
    """By day, time and person."""
    return tuple(sorted(shifts, key=lambda shift: shift.order))


def digest_of(shifts: Iterable[RosterShift]) -> str:
    """The same 64 letters for the same shifts in whatever order, others for others."""
    told = json.dumps([shift.to_json() for shift in in_order(shifts)], sort_keys=True)
    return hashlib.sha256(told.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class RosterLine:
    """One difference between two versions of a week: a shift that is new, gone, or put differently."""

    before: RosterShift | None
    after: RosterShift | None


def differences(before: Iterable[RosterShift], after: Iterable[RosterShift]) -> tuple[RosterLine, ...]:
    """What changes from one version to another, by day and person; nothing for equal ones.

    A shift that goes and one that comes for the same person on the same day are one line, in the order of time.
    """
    old, new = Counter(before), Counter(after)
    gone: dict[tuple[date, int], list[RosterShift]] = defaultdict(list)
    come: dict[tuple[date, int], list[RosterShift]] = defaultdict(list)
    for kept, left in ((gone, old - new), (come, new - old)):
        for shift in in_order(left.elements()):
            kept[shift.day, shift.person_id].append(shift)
    lines = []
    for at in sorted(gone.keys() | come.keys()):
        was, will_be = gone[at], come[at]
        for place in range(max(len(was), len(will_be))):
            lines.append(
                RosterLine(
                    was[place] if place < len(was) else None,
                    will_be[place] if place < len(will_be) else None,
                )
            )
    return tuple(lines)
