"""The most sessions a therapist holds on one local day of the site: what is left of their days, and who is above it.

Nothing raises a day above its limit. What is above it already, since somebody lowered the limit, stays and may change
within its day: a course has as many places with somebody on a day as are left, or as it has there now if that is more.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from planner.scheduling.localdays import LocalDays
from planner.scheduling.masks import Axis
from planner.scheduling.placements import Placement
from planner.scheduling.sheets import ClinicSheet, OwnSession, PersonSheet

Bars = frozenset[tuple[int, int, int]]
"""(person id, from, to) in axis minutes: no session of the course begins with that person then."""
NO_BARS: Bars = frozenset()

At = tuple[int, int]
"""A session as (therapist id, axis minute at which it begins)."""


@dataclass(frozen=True, slots=True)
class Crowd:
    """Sessions of one course with one therapist on one day, from `first` to before `end` (axis minutes), of which it
    may have only `left`."""

    person_id: int
    first: int
    end: int
    starts: tuple[int, ...]
    left: int

    @property
    def whole_day(self) -> Bars:
        """Bars that leave the course no session with them that day."""
        return frozenset({(self.person_id, self.first, self.end)})

    def keeping(self, count: int) -> Bars:
        """Bars that leave just the first `count` of these sessions where they are."""
        edges = [self.first, *(edge for start in sorted(self.starts[:count]) for edge in (start, start + 1)), self.end]
        return frozenset((self.person_id, a, b) for a, b in zip(edges[::2], edges[1::2], strict=True) if a < b)

    def parts(self) -> tuple[Bars, ...]:
        """The day in one part more than there are places: whoever keeps the limit has no session in one of them."""
        inner = [start + 1 for start in sorted(self.starts)[: self.left]]
        edges = [self.first, *inner, self.end]
        return tuple(frozenset({(self.person_id, a, b)}) for a, b in pairwise(edges))


class DayLimits:
    """How many sessions of one course each therapist may hold on each day. No `bars` at all: no limits either."""

    def __init__(
        self,
        days: LocalDays,
        axis: Axis,
        people: Iterable[PersonSheet],
        own: Iterable[OwnSession],
        bars: Bars | None,
    ) -> None:
        self.days, self.axis, self.bars = days, axis, bars
        self._people = {p.id: p for p in people if p.most_sessions is not None} if bars is not None else {}
        self._starts: dict[int, int] = {}
        self._barred: dict[int, list[tuple[int, int]]] = defaultdict(list)
        for person_id, first, end in bars or ():
            self._barred[person_id].append((axis.origin + first, axis.origin + end))
        self._staying: dict[tuple[int, int], int] = defaultdict(int)
        self._moving: dict[tuple[int, int], int] = defaultdict(int)
        for session in own:
            kept = self._staying if session.stays else self._moving
            kept[session.therapist_id, days.index(session.start)] += 1

    @property
    def any(self) -> bool:
        """Whether anybody has a limit."""
        return bool(self._people)

    def held(self, person: PersonSheet, day: int) -> int:
        """Sessions they have on a day (index), without those of the course that may move."""
        first, end = self.days.bounds[day], self.days.bounds[day + 1]
        others = bisect_left(person.sessions, end) - bisect_left(person.sessions, first)
        return others + self._staying.get((person.id, day), 0)

    def left(self, person: PersonSheet, day: int) -> int | None:
        """How many sessions of this course that may move can be with them on a day of the axis; None: any number."""
        if person.id not in self._people or person.most_sessions is None:
            return None
        return max(person.most_sessions - self.held(person, day), self._moving.get((person.id, day), 0))

    def closes_for_one(self, here: tuple[int | None, int]) -> bool:
        """Whether some day is full for a session from `here` (therapist, day) once the others that may move stay."""
        return any(
            key != here and (person := self._people.get(key[0])) is not None and self._fills(person, key[1], count)
            for key, count in self._moving.items()
        )

    def _fills(self, person: PersonSheet, day: int, count: int) -> bool:
        inside = 0 <= day < self.days.count
        return inside and self.held(person, day) + count >= (person.most_sessions or 0)

    def starts(self, person: PersonSheet) -> int:
        """The axis minutes at which one more session may begin with them, as far as their days go."""
        if person.id not in self._people and person.id not in self._barred:
            return self.axis.full
        if person.id not in self._starts:
            closed = [*self._full_days(person), *self._barred.get(person.id, ())]
            self._starts[person.id] = self.axis.free(closed) if closed else self.axis.full
        return self._starts[person.id]

    def is_full(self, person: PersonSheet, start: int) -> bool:
        """Whether the day of an axis minute has no place left with them."""
        day = self.days.index(start + self.axis.origin)
        return 0 <= day < self.days.count and self.left(person, day) == 0

    def _full_days(self, person: PersonSheet) -> Iterator[tuple[int, int]]:
        known = self._people.get(person.id)
        if known is None or len(known.sessions) + sum(self._staying.values()) < (known.most_sessions or 0):
            return
        for day in range(self.days.count):
            if self.left(known, day) == 0:
                yield self.days.bounds[day], self.days.bounds[day + 1]

    def crowds(self, sessions: Iterable[At]) -> Iterator[Crowd]:
        """Where a course with these sessions, those that stay anyhow left out, would be above somebody's limit."""
        if not self._people:
            return
        found: dict[tuple[int, int], list[int]] = defaultdict(list)
        for person_id, start in sessions:
            day = self.days.index(start + self.axis.origin)
            if person_id in self._people and 0 <= day < self.days.count:
                found[person_id, day].append(start)
        for (person_id, day), starts in found.items():
            left = self.left(self._people[person_id], day)
            if left is not None and len(starts) > left:
                first, end = (self.days.bounds[at] - self.axis.origin for at in (day, day + 1))
                yield Crowd(person_id, first, end, tuple(starts), left)


def above_limits(clinic: ClinicSheet, placements: Iterable[Placement]) -> tuple[Placement, ...]:
    """Those planned sessions that are on a day with more of them than the therapist has places left."""
    days = LocalDays(clinic.site.zone, clinic.first_day, clinic.last_day)
    limits = DayLimits(days, Axis(days.origin, days.length), clinic.therapists, (), NO_BARS)
    planned = [(placement, one) for placement in placements if (one := placement.session) is not None]
    crowds = list(limits.crowds((one[0], one[1] - days.origin) for _, one in planned))
    return tuple(
        placement
        for placement, (person_id, start) in planned
        if any(crowd.person_id == person_id and crowd.first <= start - days.origin < crowd.end for crowd in crowds)
    )
