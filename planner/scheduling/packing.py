"""Which option each of several takes so that none gets in another's way: as many as possible get one, at least cost.

Pure and about nothing in particular. Exact by branch and bound while the looking lasts; what is found within
`most_looks` is legal in any case, and repaired by letting others step aside.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")
Use = tuple[Hashable, int, int]
#: How many options are looked at before the best that is known has to do.
MOST_LOOKS = 150_000
#: How many steps aside follow from one when the looking is over.
DEEPEST_CHAIN = 4


@dataclass(frozen=True, slots=True)
class Option(Generic[T]):
    """One way to serve somebody: what it costs, compared place by place, and what it uses from when to when.

    It may also take one of so many places, of which there are `places`.
    """

    cost: tuple[int, ...]
    uses: tuple[Use, ...]
    what: T
    place: Hashable = None
    places: int = 0


Choice = list[Option[T] | None]


def best_packing(wanted: Sequence[Sequence[Option[T]]], most_looks: int = MOST_LOOKS) -> Choice[T]:
    """An option for each of `wanted` (options in order of cost), None for who gets none.

    As few as possible get none; among those choices the sum of the costs is least.
    """
    return _Packer(wanted, most_looks).best()


class _Enough(Exception):
    """The looking is over."""


class _Packer(Generic[T]):
    def __init__(self, wanted: Sequence[Sequence[Option[T]]], most_looks: int) -> None:
        self.wanted, self.looks = wanted, most_looks
        self.taken: dict[Hashable, list[tuple[int, int]]] = defaultdict(list)
        self.placed: dict[Hashable, int] = defaultdict(int)
        self.chosen: Choice[T] = [None] * len(wanted)
        self.found: Choice[T] | None = None
        self.worth: tuple[int, tuple[int, ...]] = (len(wanted) + 1, ())

    def best(self) -> Choice[T]:
        try:
            self._search(frozenset(range(len(self.wanted))))
        except _Enough:
            return self._repaired(self.found or self.chosen)
        return self.found or self.chosen

    # -- what is taken -------------------------------------------------------------------------------------------------

    def _fits(self, option: Option[T]) -> bool:
        if option.place is not None and self.placed[option.place] >= option.places:
            return False
        return not any(start < b and a < end for key, start, end in option.uses for a, b in self.taken[key])

    def _take(self, at: int, option: Option[T]) -> None:
        self.chosen[at] = option
        for key, start, end in option.uses:
            self.taken[key].append((start, end))
        self.placed[option.place] += 1

    def _give_back(self, at: int) -> None:
        option, self.chosen[at] = self.chosen[at], None
        if option is not None:
            for key, start, end in option.uses:
                self.taken[key].remove((start, end))
            self.placed[option.place] -= 1

    # -- branch and bound ----------------------------------------------------------------------------------------------

    def _search(self, open_: frozenset[int]) -> None:
        firsts = {at: self._first(at) for at in sorted(open_)}
        rest = {at: option for at, option in firsts.items() if option is not None}
        if self.found is not None and self._worth(rest.values()) >= self.worth:
            return
        clashing = self._take_firsts(rest)
        if not clashing:
            return
        at = min(clashing, key=lambda each: (len(self.wanted[each]), each))
        left = frozenset(rest) - {at}
        for option in self.wanted[at]:
            if self._fits(option):
                self._take(at, option)
                self._search(left)
                self._give_back(at)
        self._search(left)

    def _first(self, at: int) -> Option[T] | None:
        """The cheapest option that is still free."""
        for option in self.wanted[at]:
            self.looks -= 1
            if self.looks < 0 and self.found is not None:
                raise _Enough
            if self._fits(option):
                return option
        return None

    def _worth(self, more: Iterable[Option[T]] = ()) -> tuple[int, tuple[int, ...]]:
        """How many get none and the sum of costs, with these beside what is chosen: the best that could come of it."""
        options = [*more, *(option for option in self.chosen if option is not None)]
        costs = zip(*(option.cost for option in options), strict=True)
        return len(self.wanted) - len(options), tuple(map(sum, costs))

    def _take_firsts(self, rest: Mapping[int, Option[T]]) -> list[int]:
        """Give everybody their cheapest and note it if it is the best so far; who could not have it."""
        clashing: list[int] = []
        for at, first in rest.items():
            option = first if self._fits(first) else next((o for o in self.wanted[at] if self._fits(o)), None)
            if option is not first:
                clashing.append(at)
            if option is not None:
                self._take(at, option)
        if (value := self._worth()) < self.worth:
            self.found, self.worth = list(self.chosen), value
        for at in rest:
            self._give_back(at)
        return clashing

    # -- when the looking is over --------------------------------------------------------------------------------------

    def _repaired(self, found: Choice[T]) -> Choice[T]:
        """Whoever has none gets one if others can step aside, a few steps deep."""
        for at in range(len(found)):
            self._give_back(at)
        for at, option in enumerate(found):
            if option is not None:
                self._take(at, option)
        for at in range(len(found)):
            if self.chosen[at] is None:
                self._make_room(at, DEEPEST_CHAIN, frozenset({at}))
        return list(self.chosen)

    def _make_room(self, at: int, depth: int, asked: frozenset[int]) -> bool:
        """Give `at` an option; at most one other has to find another for it."""
        free = next((option for option in self.wanted[at] if self._fits(option)), None)
        if free is not None:
            self._take(at, free)
            return True
        for option in self.wanted[at] if depth else ():
            others = [other for other, chosen in enumerate(self.chosen) if chosen and _meet(chosen, option)]
            if len(others) != 1 or others[0] in asked:
                continue
            kept = self.chosen[others[0]]
            self._give_back(others[0])
            if self._fits(option):
                self._take(at, option)
                if self._make_room(others[0], depth - 1, asked | {others[0]}):
                    return True
                self._give_back(at)
            if kept is not None:
                self._take(others[0], kept)
        return False


def _meet(one: Option[T], other: Option[T]) -> bool:
    if one.place is not None and one.place == other.place:
        return True
    return any(key == same and a < d and c < b for key, a, b in one.uses for same, c, d in other.uses)
