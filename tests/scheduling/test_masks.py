"""Masks against plain sets of minutes."""

from hypothesis import given
from hypothesis import strategies as st

from planner.scheduling.masks import Axis, any_between, bits, erode, nearest, positions, slice_of, starts_of

ORIGIN, LENGTH = 30_000_000, 3500
MINUTES = st.integers(-200, LENGTH + 200)
SPAN = st.tuples(MINUTES, st.integers(-3, 2000)).map(lambda p: (ORIGIN + p[0], ORIGIN + p[0] + p[1]))
SPANS = st.lists(SPAN, max_size=8)
SETS = st.frozensets(st.integers(0, 90), max_size=60)


def mask_of(minutes: frozenset[int]) -> int:
    return sum(1 << minute for minute in minutes)


@given(SPANS)
def test_an_axis_mask_is_the_minutes_inside_any_span(spans: list[tuple[int, int]]) -> None:
    axis = Axis(ORIGIN, LENGTH)
    inside = {m for a, b in spans for m in range(a - ORIGIN, b - ORIGIN) if 0 <= m < LENGTH}
    assert set(bits(axis.mask(spans))) == inside
    assert set(bits(axis.free(spans))) == set(range(LENGTH)) - inside


@given(SETS, st.integers(1, 12))
def test_erode_keeps_starts_of_long_enough_runs(minutes: frozenset[int], length: int) -> None:
    wanted = {m for m in minutes if all(m + k in minutes for k in range(length))}
    assert set(bits(erode(mask_of(minutes), length))) == wanted


@given(SETS, st.lists(st.tuples(st.integers(0, 9), st.integers(1, 5)), min_size=1, max_size=3))
def test_starts_of_needs_every_part(minutes: frozenset[int], parts: list[tuple[int, int]]) -> None:
    spans = [(a, a + n) for a, n in parts]
    wanted = {t for t in range(91) if all(m in minutes for a, b in spans for m in range(t + a, t + b))}
    assert set(bits(starts_of(mask_of(minutes), spans))) == wanted


@given(SETS, st.integers(-20, 20), st.integers(-20, 30))
def test_any_between_is_a_minute_in_reach(minutes: frozenset[int], first: int, last: int) -> None:
    wanted = {t for t in range(120) if any(first <= m - t <= last for m in minutes)}
    assert set(bits(any_between(mask_of(minutes), first, last))) == wanted


@given(SETS, st.integers(-20, 100), st.integers(-20, 100))
def test_slice_of_counts_from_its_first_minute(minutes: frozenset[int], first: int, last: int) -> None:
    assert {first + bit for bit in bits(slice_of(mask_of(minutes), first, last))} == {
        m for m in minutes if first <= m <= last
    }


@given(SETS, st.integers(-20, 100), st.integers(-20, 100), st.integers(-30, 120))
def test_nearest_prefers_the_earlier_of_two(minutes: frozenset[int], first: int, last: int, wanted: int) -> None:
    inside = [m for m in minutes if first <= m <= last]
    expected = min(inside, key=lambda m: (abs(m - wanted), m), default=None)
    assert nearest(mask_of(minutes), first, last, wanted) == expected


@given(SETS)
def test_positions_are_the_bits_in_order(minutes: frozenset[int]) -> None:
    assert positions(mask_of(minutes)) == list(bits(mask_of(minutes))) == sorted(minutes)
