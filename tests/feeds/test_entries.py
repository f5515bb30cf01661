from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planner.feeds.entries import as_of_revision, next_change
from tests.feeds.samples import CHANGED, head, leave, utc, visit

instants = st.integers(1_500_000_000_000, 1_900_000_000_000).map(
    lambda milliseconds: datetime.fromtimestamp(milliseconds / 1000, UTC)
)


def test_the_first_change_is_now_in_whole_seconds_and_utc():
    now = datetime(2026, 11, 2, 10, 30, 5, 999_999, tzinfo=timezone(timedelta(hours=1)))

    assert next_change(None, now) == utc(2026, 11, 2, 9, 30, 5)
    assert next_change(None, now).tzinfo is UTC


def test_two_changes_in_one_second_get_two_times():
    assert next_change(CHANGED, CHANGED + timedelta(milliseconds=400)) == CHANGED + timedelta(seconds=1)


def test_a_clock_set_back_does_not_set_changes_back():
    assert next_change(CHANGED, CHANGED - timedelta(hours=3)) == CHANGED + timedelta(seconds=1)


@given(st.lists(instants, min_size=2, max_size=8))
def test_times_of_change_always_grow_and_have_no_fractions(clock):
    seen = []
    for now in clock:
        seen.append(next_change(seen[-1] if seen else None, now))

    assert all(earlier < later for earlier, later in pairwise(seen))
    assert all(moment.microsecond == 0 for moment in seen)


@pytest.mark.parametrize(
    ("previous", "now"),
    [(None, datetime(2026, 1, 1)), (datetime(2026, 1, 1), utc(2026, 1, 1))],
)
def test_a_time_of_change_needs_a_zone(previous, now):
    with pytest.raises(ValueError, match="time zone"):
        next_change(previous, now)


def test_a_feeds_revision_counts_as_a_change_of_each_event():
    revised = as_of_revision(visit(sequence=3), 2, CHANGED + timedelta(days=1))

    assert (revised.sequence, revised.changed_at) == (5, CHANGED + timedelta(days=1))
    assert as_of_revision(leave(sequence=1), 2, CHANGED - timedelta(days=1)).changed_at == CHANGED


def test_leave_spans_its_last_day_whole():
    assert (leave().starts_at, leave().ends_at) == (utc(2026, 12, 21), utc(2026, 12, 24))


@pytest.mark.parametrize(
    "fault",
    [
        {"color": "Teal"},
        {"color": "#123456"},
        {"color": "teal\r\nX-A:1"},
        {"apple_color": "#fff"},
        {"apple_color": "teal"},
        {"changed_at": datetime(2026, 1, 1)},
    ],
)
def test_a_head_with_a_faulty_setting_is_refused(fault):
    with pytest.raises(ValueError):
        head(**fault)
