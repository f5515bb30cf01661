"""Weeks of shifts as plain data: to and fro between wall time and instants, digests, and what differs."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planner.domain.rosters import (
    RosterShift,
    differences,
    digest_of,
    fold_of,
    instants_of,
    shift_at,
    wall_at,
    week_span,
)
from planner.domain.walltime import NonexistentWallTime

LONDON, CHICAGO = "Europe/London", "America/Chicago"
ZONES = st.sampled_from([LONDON, CHICAGO, "Australia/Lord_Howe", "Asia/Kathmandu", "UTC"])
#: Around the clock changes of 25 October 2026, 1 November 2026, 14 and 28 March 2027, and some plain days.
DAYS = st.sampled_from([date(2026, 10, 24), date(2026, 10, 25), date(2026, 11, 1), date(2027, 3, 14), date(2027, 3, 28),
                        date(2026, 11, 25), date(2027, 4, 4), date(2026, 10, 4)])  # fmt: skip


@st.composite
def shifts(draw: st.DrawFn) -> RosterShift:
    starts = draw(st.integers(0, 95)) * 15
    length = draw(st.integers(3, 96)) * 15
    pause = (starts + 15, starts + 30) if draw(st.booleans()) else (None, None)
    return RosterShift(
        draw(DAYS), starts, starts + length, draw(st.integers(1, 4)), draw(st.booleans()), draw(st.booleans()), *pause
    )


@given(shifts(), ZONES, st.integers(0, 1), st.integers(0, 1))
def test_a_shift_is_read_from_its_instants_as_it_was_written(shift: RosterShift, zone: str, one: int, two: int) -> None:
    shift = replace(
        shift,
        starts_fold=fold_of(wall_at(shift.day, shift.starts_minute), zone, one),
        ends_fold=fold_of(wall_at(shift.day, shift.ends_minute), zone, two),
    )
    try:
        when = instants_of(shift, zone)
    except NonexistentWallTime:
        return
    again = shift_at(shift.person_id, when, zone, is_remote=shift.is_remote, on_call=shift.on_call)
    plain = replace(shift, break_starts_minute=None, break_ends_minute=None)
    assert replace(again, break_starts_minute=None, break_ends_minute=None) == plain


@given(shifts())
def test_what_is_kept_as_json_comes_back_equal(shift: RosterShift) -> None:
    assert RosterShift.from_json(shift.to_json()) == shift


@given(st.lists(shifts(), max_size=8), st.lists(shifts(), max_size=8), st.randoms())
def test_two_weeks_say_the_same_exactly_when_their_digests_do(
    one: list[RosterShift], other: list[RosterShift], luck: object
) -> None:
    mixed = list(one)
    luck.shuffle(mixed)  # type: ignore[attr-defined]
    assert digest_of(mixed) == digest_of(one) and differences(mixed, one) == ()
    assert (digest_of(one) == digest_of(other)) == (differences(one, other) == ())


@given(st.lists(shifts(), max_size=8), st.lists(shifts(), max_size=8))
def test_the_differences_lead_from_one_week_to_the_other(one: list[RosterShift], other: list[RosterShift]) -> None:
    left = list(one)
    for line in differences(one, other):
        if line.before is not None:
            left.remove(line.before)
        if line.after is not None:
            left.append(line.after)
        assert line.before != line.after
    assert digest_of(left) == digest_of(other)


def test_a_shift_of_the_same_person_and_day_is_one_line() -> None:
    day = date(2026, 11, 25)
    was, will_be = RosterShift(day, 540, 720, 1), RosterShift(day, 600, 720, 1)
    other = RosterShift(day, 540, 720, 2)
    assert [(line.before, line.after) for line in differences([was], [will_be, other])] == [
        (was, will_be),
        (None, other),
    ]


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        (LONDON, date(2026, 10, 25), 9),  # the clocks go back within the shift
        (LONDON, date(2027, 3, 28), 7),
        (CHICAGO, date(2026, 11, 1), 9),
        (CHICAGO, date(2027, 3, 14), 7),
        (CHICAGO, date(2026, 11, 25), 8),
    ],
)
def test_a_shift_across_a_clock_change_keeps_its_wall_time(zone: str, day: date, hours: int) -> None:
    night = RosterShift(day - timedelta(days=1), 22 * 60, 30 * 60, 1)
    when = instants_of(night, zone)
    assert when.ends_at - when.starts_at == timedelta(hours=hours)
    assert shift_at(1, when, zone) == night


def test_a_start_that_clocks_skip_is_refused_and_one_they_show_twice_is_either() -> None:
    with pytest.raises(NonexistentWallTime, match="The next time that day is 02:00"):
        instants_of(RosterShift(date(2027, 3, 28), 90, 600, 1), LONDON)
    first, second = (
        instants_of(RosterShift(date(2026, 10, 25), 90, 600, 1, starts_fold=fold), LONDON).starts_at for fold in (0, 1)
    )
    assert (first, second) == (datetime(2026, 10, 25, 0, 30, tzinfo=UTC), datetime(2026, 10, 25, 1, 30, tzinfo=UTC))


def test_a_week_with_a_clock_change_is_an_hour_longer_or_shorter() -> None:
    lengths = [week_span(day, LONDON)[1] - week_span(day, LONDON)[0] for day in (date(2026, 10, 19), date(2027, 3, 22))]
    assert lengths == [timedelta(days=7, hours=1), timedelta(days=7, hours=-1)]
