"""Which appointments can follow changed zone rules together, and which have to stay: nobody may be held twice.

An appointment that follows keeps its wall time and takes everything it holds along by the same span. One that cannot
keeps its old instants, and what it holds there may be in the way of others in turn.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import pairwise

from planner.domain.intervals import Interval

#: Something held: the holdable's id and the span.
Held = tuple[int, Interval]
#: A holdable's id, and the ids of two appointments that may both hold it at once.
Excused = tuple[int, frozenset[int]]


@dataclass(frozen=True, slots=True)
class Follower:
    """An appointment whose wall time is another instant now: by how much, and what it holds as it is."""

    id: int
    by: timedelta
    holds: tuple[Held, ...]

    @property
    def wants(self) -> tuple[Held, ...]:
        """What it would hold once it follows."""
        return tuple((holdable, span.shifted(self.by)) for holdable, span in self.holds)


def those_who_stay(
    followers: Iterable[Follower],
    standing: Iterable[tuple[int | None, Held]],
    excused: Collection[Excused] = frozenset(),
) -> frozenset[int]:
    """The ids that cannot follow. `standing` is what others hold, by appointment id (None for a promise).

    Two appointments may overlap on a holdable of which `excused` says so: a rule was set aside for the two.
    """
    by_id = {follower.id: follower for follower in followers}
    taken: defaultdict[int, list[tuple[int | None, Interval]]] = defaultdict(list)
    for owner, (holdable, span) in standing:
        taken[holdable].append((owner, span))
    staying: set[int] = set()
    fresh = {f.id for f in by_id.values() if _is_blocked(f, taken, excused)} | _in_each_others_way(by_id, excused)
    while fresh:
        staying |= fresh
        for owner in fresh:
            for holdable, span in by_id[owner].holds:
                taken[holdable].append((owner, span))
        fresh = {f.id for f in by_id.values() if f.id not in staying and _is_blocked(f, taken, excused)}
    return frozenset(staying)


def _is_blocked(
    follower: Follower,
    taken: Mapping[int, list[tuple[int | None, Interval]]],
    excused: Collection[Excused],
) -> bool:
    return any(
        span.overlaps(other) and (owner is None or (holdable, frozenset({owner, follower.id})) not in excused)
        for holdable, span in follower.wants
        for owner, other in taken.get(holdable, ())
    )


def _in_each_others_way(by_id: Mapping[int, Follower], excused: Collection[Excused]) -> set[int]:
    """Followers that would meet each other: when rules change in between, not all move by the same span."""
    wants = sorted((holdable, span, follower.id) for follower in by_id.values() for holdable, span in follower.wants)
    meeting: set[int] = set()
    for place, (holdable, span, owner) in enumerate(wants):
        for other, next_span, next_owner in wants[place + 1 :]:
            if other != holdable or next_span.start >= span.end:
                break
            if (holdable, frozenset({owner, next_owner})) not in excused:
                meeting |= {owner, next_owner}
    return meeting


@dataclass(frozen=True, slots=True)
class ShiftMove:
    """A shift whose wall time may be at other instants now; `after` is `before` for one that stays."""

    id: int
    before: Interval
    after: Interval


def apart(moves: Iterable[ShiftMove]) -> tuple[ShiftMove, ...]:
    """Shifts of one person on one roster, none at the same time as another, in an order in which to write them.

    Where clocks skip what was agreed, an end is read behind the gap: it is cut where the next shift begins. What would
    overlap even so stays. No shift lands on one that is still to be written.
    """
    found = {move.id: move for move in moves}
    while clash := _clash(found.values()):
        early, late = clash
        if early.after != early.before and early.after.start < late.after.start:
            found[early.id] = replace(early, after=Interval(early.after.start, late.after.start))
        else:
            for one in (early, late):
                found[one.id] = replace(one, after=one.before)
    later = [move for move in found.values() if move.after.start > move.before.start]
    sooner = [move for move in found.values() if move.after.start <= move.before.start and move.after != move.before]
    return (
        *sorted(later, key=lambda move: move.before, reverse=True),
        *sorted(sooner, key=lambda move: move.before),
    )


def _clash(moves: Iterable[ShiftMove]) -> tuple[ShiftMove, ShiftMove] | None:
    ordered = sorted(moves, key=lambda move: (move.after, move.id))
    for early, late in pairwise(ordered):
        if late.after.start < early.after.end and (early.after != early.before or late.after != late.before):
            return early, late
    return None
