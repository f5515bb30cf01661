"""Spans of time: half-open, aware, and their algebra against plain sets of minutes."""

from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planner.domain.intervals import EPOCH, MINUTE, Interval, instant_of, merge, minute_of, subtract

START = datetime(2027, 3, 14, 6, 30, tzinfo=UTC)


def span(start: int, end: int) -> Interval:
    return Interval(instant_of(start), instant_of(end))


SPANS = st.lists(
    st.tuples(st.integers(0, 60), st.integers(1, 20)).map(lambda pair: span(pair[0], pair[0] + pair[1])), max_size=8
)


def minutes(spans: object) -> set[int]:
    return {m for one in spans for m in range(minute_of(one.start), minute_of(one.end))}  # type: ignore[attr-defined]


def test_minutes_count_from_1970_and_round_down() -> None:
    assert minute_of(EPOCH) == 0
    assert minute_of(EPOCH + timedelta(seconds=119)) == 1
    assert minute_of(EPOCH - timedelta(seconds=1)) == -1
    assert instant_of(minute_of(START)) == START
    assert minute_of(START.astimezone(timezone(timedelta(hours=5, minutes=45)))) == minute_of(START)


def test_naive_instants_are_refused() -> None:
    naive = datetime(2027, 1, 1)
    with pytest.raises(ValueError, match="time zone"):
        minute_of(naive)
    with pytest.raises(ValueError, match="aware"):
        Interval(naive, START)
    with pytest.raises(ValueError, match="aware"):
        Interval(START, naive)


@pytest.mark.parametrize("minutes", [0, -1])
def test_a_span_is_longer_than_nothing(minutes: int) -> None:
    with pytest.raises(ValueError, match="ends after it starts"):
        Interval.lasting(START, minutes)


def test_a_span_lasts_elapsed_minutes() -> None:
    assert Interval.lasting(START, 50).minutes == 50
    assert Interval.lasting(START, 50).end == START + 50 * MINUTE


def test_touching_spans_do_not_overlap() -> None:
    assert not span(0, 10).overlaps(span(10, 20))
    assert span(0, 11).overlaps(span(10, 20))
    assert span(0, 10).contains(span(0, 10))
    assert not span(0, 10).contains(span(5, 11))
    assert span(0, 10).shifted(timedelta(minutes=5)) == span(5, 15)


def test_touching_spans_merge() -> None:
    assert merge([span(10, 20), span(0, 10), span(30, 40)]) == (span(0, 20), span(30, 40))


@given(SPANS, SPANS)
def test_algebra_equals_sets_of_minutes(some: list[Interval], others: list[Interval]) -> None:
    assert minutes(merge(some)) == minutes(some)
    assert minutes(subtract(some, others)) == minutes(some) - minutes(others)
    for found in (merge(some), subtract(some, others)):
        assert all(a.end < b.start for a, b in pairwise(found))
