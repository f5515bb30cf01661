"""A few times out of many, spread over the day: the nearest to a wished one, then whatever lies farthest from those."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

Found = TypeVar("Found")


def spread(
    minutes: Iterable[int], wanted: int, found: Callable[[int], Found | None], *, most: int, apart: int
) -> list[Found]:
    """Up to `most` results of `found` for some of `minutes`, at least `apart` minutes from each other.

    The first is for the minute nearest to `wanted` that has a result, each further one for the minute farthest from
    those before. `found` is asked no more often than that takes; a single minute with a result is always found.
    """
    distance = {minute: -abs(minute - wanted) for minute in minutes}
    kept: list[Found] = []
    while distance and len(kept) < most:
        minute = max(distance, key=lambda each: (distance[each], -each))
        if kept and distance[minute] < apart:
            break
        del distance[minute]
        result = found(minute)
        if result is None:
            continue
        kept.append(result)
        first = len(kept) == 1
        distance = {
            other: abs(other - minute) if first else min(away, abs(other - minute)) for other, away in distance.items()
        }
    return kept
