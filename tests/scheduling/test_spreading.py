"""A few minutes out of many: the nearest to a wish, then the farthest from those taken."""

from hypothesis import given
from hypothesis import strategies as st

from planner.scheduling.spreading import spread

MINUTES = st.lists(st.integers(0, 600), unique=True, max_size=30)


def test_morning_midday_and_afternoon_before_neighbours() -> None:
    day = range(480, 1080, 15)
    assert spread(day, 600, lambda minute: minute, most=3, apart=60) == [600, 1065, 825]
    assert spread(day, 600, lambda minute: minute if minute < 540 else None, most=3, apart=30) == [525, 480]


@given(MINUTES, st.sets(st.integers(0, 600)), st.integers(0, 600), st.integers(1, 5), st.integers(1, 90))
def test_what_is_kept_lies_apart_and_nothing_that_would_fit_is_missing(
    minutes: list[int], without: set[int], wanted: int, most: int, apart: int
) -> None:
    asked: list[int] = []

    def found(minute: int) -> int | None:
        asked.append(minute)
        return None if minute in without else minute

    kept = spread(minutes, wanted, found, most=most, apart=apart)
    possible = [minute for minute in minutes if minute not in without]
    assert len(asked) == len(set(asked))
    assert len(kept) <= most
    assert all(abs(a - b) >= apart for a in kept for b in kept if a != b)
    assert bool(kept) == bool(possible)
    if kept:
        assert abs(kept[0] - wanted) == min(abs(minute - wanted) for minute in possible)
    if len(kept) < most:
        assert all(minute in kept or any(abs(minute - k) < apart for k in kept) for minute in possible)
