"""The best chain of doses through the starts from which a course can be completed: the search's sweep, with costs.

Going backwards from the last dose, each start remembers the cheapest way on from it. What a start costs by itself, its
session when the next dose is far enough away, and when it is ready for the next are the same for every dose and
pattern, so they are worked out once.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

from planner.scheduling.search import CourseSearch
from planner.scheduling.slots import Slot

Kept = Sequence[dict[int, list[int]]]
"""For each dose, its possible check-ins by day."""

#: Widths in bits of the parts of a packed cost, most important first: skipped pattern days, long gaps, preference lost,
#: sessions without the primary therapist, check-ins outside the patient's hours, changes of the time of day, uneven
#: gaps, distance from the ideal offset, end of the course. Sums over a course stay far below each width.
_WIDTHS = (10, 10, 20, 8, 8, 8, 12, 20, 24)
_SHIFTS = tuple(sum(_WIDTHS[i + 1 :]) for i in range(len(_WIDTHS)))


_SKIPS, _LONG, _LOSS, _OTHERS, _WISHES, _CHANGES, _UNEVEN, _DISTANCE, _END = _SHIFTS
"""Where each part of a packed cost starts: one whole number then compares and adds like the tuple of its parts."""


@dataclass(frozen=True, slots=True)
class Step:
    """One dose of a found chain: check-in and its session's slot, if it has one."""

    start: int
    slot: Slot | None


@dataclass(slots=True)
class _Entry:
    start: int
    wall: int
    cost: int
    slot: Slot | None
    after: _Entry | None


@dataclass(frozen=True, slots=True)
class _Day:
    """The entries of one dose on one day, in order of time; the cheapest of them, and at each time of day."""

    entries: list[_Entry]
    cheapest: _Entry
    by_wall: dict[int, _Entry]


@dataclass(frozen=True, slots=True)
class _Alone:
    """A start seen by itself: its wish cost, its best session if nothing follows, and when the next dose may come."""

    wish: int
    slot: Slot | None
    cost: int
    ready: int


class Chains:
    """Finds the best chain for one pattern after another over the same kept starts."""

    def __init__(self, search: CourseSearch, kept: Kept) -> None:
        self.search, self.kept = search, kept
        self._alone: dict[tuple[bool, int], _Alone] = {}
        self._lasts: dict[int, _Entry | None] = {}
        self._walls: dict[int, int] = {}

    def best(self, pattern: frozenset[int] | None) -> list[Step] | None:
        """The best chain. With a pattern, doses keep to its weekdays and slide to the next day with room where the
        clinic is closed or full; without, any day serves. None when the pattern has no chain."""
        allowed = self._pattern_days(pattern)
        first_days = self._first_week(allowed)
        table: dict[int, _Day] = {}
        for dose in range(self.search.doses, 0, -1):
            found: dict[int, _Day] = {}
            for day in self._reachable(dose, first_days, allowed):
                if entries := self._entries(dose, day, table, allowed, pattern):
                    by_wall: dict[int, _Entry] = {}
                    for entry in entries:
                        if entry.wall not in by_wall or entry.cost < by_wall[entry.wall].cost:
                            by_wall[entry.wall] = entry
                    found[day] = _Day(entries, min(entries, key=lambda entry: entry.cost), by_wall)
            table = found
        starts = [
            (entry.cost + self._off_pattern(day, pattern), entry.start, entry)
            for day, found_day in table.items()
            for entry in found_day.entries
        ]
        return _steps(min(starts, key=lambda start: start[:2])[2]) if starts else None

    def _off_pattern(self, day: int, pattern: frozenset[int] | None) -> int:
        """What a first dose off its pattern costs: as much as a pattern day skipped later on."""
        return (pattern is not None and self.search.days.weekday(day) not in pattern) << _SKIPS

    def _pattern_days(self, pattern: frozenset[int] | None) -> list[int]:
        """The days a pattern may use: its weekdays with room, and for one without room the next day that has some."""
        days = self.search.days
        with_room: set[int] = set().union(*self.kept)
        if pattern is None:
            return sorted(with_room)
        used: set[int] = set()
        for day in range(days.count):
            if days.weekday(day) not in pattern:
                continue
            if day in with_room:
                used.add(day)
                continue
            for later in range(day + 1, min(day + 7, days.count)):
                if days.weekday(later) in pattern:
                    break
                if later in with_room:
                    used.add(later)
                    break
        return sorted(used)

    def _first_week(self, allowed: list[int]) -> list[int]:
        """A course starts in the first week it can: waiting longer for a nicer slot is not offered unasked."""
        days = [day for day in allowed if day in self.kept[0]] if self.kept else []
        return [day for day in days if day < days[0] + 7]

    def _reachable(self, dose: int, first_days: list[int], allowed: list[int]) -> list[int]:
        if dose == 1 or not first_days:
            return first_days
        gaps = [self.search.gap_range(number) for number in range(2, dose + 1)]
        low = first_days[0] + sum(least for least, _ in gaps)
        high = first_days[-1] + sum(most for _, most in gaps)
        return [day for day in allowed if low <= day <= high and day in self.kept[dose - 1]]

    # -- entries ---------------------------------------------------------------------------------------------------

    def _entries(
        self, dose: int, day: int, table: dict[int, _Day], allowed: list[int], pattern: frozenset[int] | None
    ) -> list[_Entry]:
        starts = self.kept[dose - 1][day]
        if dose == self.search.doses:
            return [entry for start in starts if (entry := self._last(start)) is not None]
        least, most = self.search.gap_range(dose + 1)
        nexts = [
            (self._gap(dose + 1, day, later, allowed, pattern), table[later])
            for later in range(day + least, day + most + 1)
            if later in table
        ]
        nexts.sort(key=lambda option: option[0] + option[1].cheapest.cost)
        return [entry for start in starts if (entry := self._entry(dose, start, nexts)) is not None]

    def _last(self, start: int) -> _Entry | None:
        if start not in self._lasts:
            self._lasts[start] = self._find_last(start)
        return self._lasts[start]

    def _find_last(self, start: int) -> _Entry | None:
        good, slot = self.search.last_slot(start)
        wish = self.search.misses_wish(start) << _WISHES
        cost = wish + _slot_cost(slot) + (start << _END)
        return _Entry(start, self._wall(start), cost, slot, None) if good else None

    def _wall(self, start: int) -> int:
        """What clocks at the site show at a check-in; people like to come at the same time of day."""
        if start not in self._walls:
            self._walls[start] = self.search.days.wall_minute(start + self.search.supply.origin)
        return self._walls[start]

    def _entry(self, dose: int, start: int, nexts: list[tuple[int, _Day]]) -> _Entry | None:
        """The cheapest way on from a start; `nexts` are the next dose's days with their gaps' costs, cheapest first."""
        alone, wall = self._seen_alone(dose, start), self._wall(start)
        best: _Entry | None = None
        for gap, found in nexts:
            if best is not None and alone.cost + gap + found.cheapest.cost >= best.cost:
                break
            for after in (found.cheapest, found.by_wall.get(wall)):
                if after is None or after.start < alone.ready:
                    continue
                cost = alone.cost + gap + after.cost + ((after.wall != wall) << _CHANGES)
                if best is None or cost < best.cost:
                    best = _Entry(start, wall, cost, alone.slot, after)
            if found.entries[0].start < alone.ready:
                best = self._close_by(dose, start, alone, gap, found, best)
        return best

    def _close_by(
        self, dose: int, start: int, alone: _Alone, gap: int, found: _Day, best: _Entry | None
    ) -> _Entry | None:
        """The cheapest way on to a day on which the best session may not be over by every check-in.

        A session that has to be over sooner is never better, so what a start costs alone is the least it can cost.
        """
        wall = self._wall(start)
        for after in found.entries:
            slot, cost = alone.slot, alone.cost
            change = (after.wall != wall) << _CHANGES
            if best is not None and cost + gap + after.cost >= best.cost:
                continue
            if after.start < alone.ready:
                slot = self._squeezed(dose, start, after.start)
                if slot is None:
                    continue
                cost = alone.wish + _slot_cost(slot)
            cost += gap + change + after.cost
            if best is None or cost < best.cost:
                best = _Entry(start, wall, cost, slot, after)
        return best

    def _squeezed(self, dose: int, start: int, next_start: int) -> Slot | None:
        """The best session that is over in time for the next check-in."""
        search = self.search
        if search.slots is None or search.link is None or not search.with_session(dose):
            return None
        if next_start < start + search.breaks.visit_to_visit:
            return None
        return search.slots.best(start + search.anchor, next_start - search.link.gap)

    def _seen_alone(self, dose: int, start: int) -> _Alone:
        key = (self.search.with_session(dose), start)
        if key not in self._alone:
            search = self.search
            wish, slot, ready = search.misses_wish(start) << _WISHES, None, search.ready(dose, start)
            if key[0] and search.slots is not None and search.link is not None:
                slot = search.slots.best(start + search.anchor, None)
                if slot is not None:
                    ready = slot.start + search.link.minutes + search.link.gap
                    ready = max(ready, start + search.breaks.visit_to_visit)
            if ready is None:
                raise AssertionError("a kept start has a session")
            self._alone[key] = _Alone(wish, slot, wish + _slot_cost(slot), ready)
        return self._alone[key]

    def _gap(self, dose: int, day: int, later: int, allowed: list[int], pattern: frozenset[int] | None) -> int:
        """What the gap between two doses' days costs, and the pattern days it skips."""
        spacing, gap, skips = self.search.spacings[dose - 1], later - day, 0
        if pattern is not None:
            skips = bisect_left(allowed, later) - bisect_left(allowed, day + spacing.min_days)
            skips = max(skips, 0) + (self.search.days.weekday(later) not in pattern)
        long, uneven = max(0, gap - spacing.warn_days + 1), abs(gap - spacing.target_days)
        return (skips << _SKIPS) + (long << _LONG) + (uneven << _UNEVEN)


def _steps(entry: _Entry) -> list[Step]:
    steps = [Step(entry.start, entry.slot)]
    while entry.after is not None:
        entry = entry.after
        steps.append(Step(entry.start, entry.slot))
    return steps


def _slot_cost(slot: Slot | None) -> int:
    if slot is None:
        return 0
    return (slot.loss << _LOSS) + (slot.not_primary << _OTHERS) + (slot.distance << _DISTANCE)
