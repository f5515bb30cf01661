"""Weekly patterns: on which days they fall, what clock changes do to them, and dated exceptions."""

from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planner.domain.rosters import instants_of
from planner.domain.shift_patterns import Pattern, patterned_shifts

LONDON = "Europe/London"
DAYS = st.dates(date(2026, 1, 1), date(2027, 12, 31))
ZONES = st.sampled_from([LONDON, "America/Chicago", "Australia/Lord_Howe", "UTC"])


@st.composite
def patterns(draw: st.DrawFn) -> Pattern:
    first = draw(DAYS)
    starts = draw(st.integers(0, 92)) * 15
    return Pattern(
        person_id=draw(st.integers(1, 3)),
        weekday=draw(st.integers(0, 6)),
        starts_minute=starts,
        ends_minute=starts + draw(st.integers(3, 80)) * 15,
        from_day=first,
        until_day=draw(st.none() | st.just(first + timedelta(days=draw(st.integers(0, 200))))),
        every_weeks=draw(st.integers(1, 8)),
        is_remote=draw(st.booleans()),
    )


@given(patterns(), DAYS)
def test_a_pattern_falls_on_its_weekday_between_its_days_every_so_many_weeks(pattern: Pattern, start: date) -> None:
    days = [start + timedelta(days=n) for n in range(140)]
    on = [day for day in days if pattern.falls_on(day)]
    assert all(day.weekday() == pattern.weekday and day >= pattern.from_day for day in on)
    assert all(pattern.until_day is None or day <= pattern.until_day for day in on)
    apart = {(later - day).days for day, later in pairwise(on)}
    assert apart <= {7 * pattern.every_weeks}
    could = [
        day for day in days
        if day.weekday() == pattern.weekday and day >= pattern.from_day
        and (pattern.until_day is None or day <= pattern.until_day)
    ]  # fmt: skip
    assert len(could) // pattern.every_weeks <= len(on) <= -(-len(could) // pattern.every_weeks)


@given(patterns(), DAYS, st.integers(0, 60), ZONES)
def test_shifts_keep_their_wall_time_and_lie_on_days_of_the_pattern(
    pattern: Pattern, first: date, length: int, zone: str
) -> None:
    found = patterned_shifts([pattern], first, first + timedelta(days=length), zone)
    for shift in found:
        when = instants_of(shift, zone)  # exists: a skipped time has moved behind its gap
        assert when.starts_at < when.ends_at
        assert pattern.falls_on(shift.day) and first <= shift.day <= first + timedelta(days=length)
        assert 0 <= shift.starts_minute - pattern.starts_minute <= 60
        assert 0 <= shift.ends_minute - pattern.ends_minute <= 60
    if zone == "UTC":
        assert {(s.starts_minute, s.ends_minute) for s in found} <= {(pattern.starts_minute, pattern.ends_minute)}


@given(patterns(), DAYS, st.integers(0, 30), ZONES)
def test_two_spans_side_by_side_give_what_the_whole_gives(
    pattern: Pattern, first: date, length: int, zone: str
) -> None:
    middle, last = first + timedelta(days=length), first + timedelta(days=2 * length + 1)
    parts = (
        *patterned_shifts([pattern], first, middle, zone),
        *patterned_shifts([pattern], middle + timedelta(days=1), last, zone),
    )
    assert parts == patterned_shifts([pattern], first, last, zone)


MONDAYS = Pattern(1, 0, 540, 1020, date(2026, 10, 5), break_minutes=(720, 750))


def test_exceptions_change_or_drop_single_days() -> None:
    pattern = replace(MONDAYS, exceptions={date(2026, 10, 12): None, date(2026, 10, 19): (600, 740)})
    found = patterned_shifts([pattern], date(2026, 10, 5), date(2026, 10, 26), LONDON)
    assert [(s.day.day, s.starts_minute, s.ends_minute, s.break_starts_minute) for s in found] == [
        (5, 540, 1020, 720),
        (19, 600, 740, None),  # the break would not lie inside it any more
        (26, 540, 1020, 720),
    ]


def test_on_closed_days_only_telehealth_goes_on() -> None:
    closed = {date(2026, 10, 12)}
    video = replace(MONDAYS, person_id=2, is_remote=True)
    found = patterned_shifts([MONDAYS, video], date(2026, 10, 12), date(2026, 10, 18), LONDON, closed)
    assert [shift.person_id for shift in found] == [2]


@pytest.mark.parametrize(
    ("minutes", "shown"),
    [
        ((90, 600), (150, 600)),  # 01:30 is skipped: the clocks show 02:30 instead
        ((60, 120), (120, 120)),  # nothing is left between 02:00 and 02:00
        ((0, 90), (0, 150)),
    ],
)
def test_a_time_that_clocks_skip_moves_behind_the_gap(minutes: tuple[int, int], shown: tuple[int, int]) -> None:
    sunday = date(2027, 3, 28)
    pattern = Pattern(1, 6, *minutes, from_day=sunday)
    found = [(s.starts_minute, s.ends_minute) for s in patterned_shifts([pattern], sunday, sunday, LONDON)]
    assert found == ([shown] if shown[0] < shown[1] else [])


def test_a_doubled_time_means_its_first_showing() -> None:
    sunday = date(2026, 10, 25)
    [shift] = patterned_shifts([Pattern(1, 6, 90, 600, from_day=sunday)], sunday, sunday, LONDON)
    assert (shift.starts_fold, instants_of(shift, LONDON).starts_at.hour) == (0, 0)
