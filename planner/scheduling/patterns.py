"""Weekday patterns of a course: which days of the week its doses could keep to."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import combinations

WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def patterns(days: Iterable[int], per_week: int, least: int, most: int) -> list[frozenset[int]]:
    """Every choice of `per_week` weekdays (0 = Monday) whose gaps, round the week, lie in [least, most] days.

    Once a week or less often is one weekday: longer gaps then skip weeks.
    """
    found = []
    for choice in combinations(sorted(set(days)), max(per_week, 1)):
        gaps = [(b - a) % 7 or 7 for a, b in zip(choice, (*choice[1:], choice[0]), strict=True)]
        if all(gap >= least for gap in gaps) and (per_week <= 1 or all(gap <= most for gap in gaps)):
            found.append(frozenset(choice))
    return found


def pattern_words(pattern: frozenset[int]) -> str:
    """The pattern in words, such as “Mon/Thu”; “Any day” when there is none."""
    return "/".join(WEEKDAYS[day] for day in sorted(pattern)) or "Any day"
