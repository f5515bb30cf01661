"""Races on both databases, small ones; the full size is `python -m tests.races.race`, as its docstring says."""

from collections.abc import Iterator

import pytest

from tests.races.attempts import MODES, SAME_SLOTS
from tests.races.race import COURSES_TO_MOVE, Racers, racing

PROCESSES = 8
ATTEMPTS = 240


@pytest.fixture(scope="module")
def racers() -> Iterator[Racers]:
    with racing(PROCESSES) as pool:
        yield pool


@pytest.mark.parametrize("mode", MODES)
def test_nobody_is_held_twice_nothing_is_half_booked_and_losers_hear_why(
    fresh_database_url: str, racers: Racers, mode: str
) -> None:
    result = racers.run(fresh_database_url, mode, ATTEMPTS)
    assert result.clean, result.line()
    assert result.attempts == ATTEMPTS
    assert result.booked + result.moved + result.refused + result.stale == ATTEMPTS
    assert result.refused > 0
    if mode == "moves":
        assert result.moved > 0
        assert result.verdict.booked == COURSES_TO_MOVE
    else:
        assert result.verdict.booked == result.booked > 0
    if mode == "same":
        # Each slot has exactly one winner.
        assert result.booked == min(SAME_SLOTS, ATTEMPTS // PROCESSES)


def test_without_the_guards_the_same_race_overlaps(fresh_database_url: str, racers: Racers) -> None:
    """The control: an application that only looks first books some slots twice."""
    assert racers.run(fresh_database_url, "same", ATTEMPTS, unguarded=True).verdict.overlaps > 0
