from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planner.feeds.ical import RenderedEvent
from planner.feeds.span import (
    MAX_BYTES,
    MAX_EVENTS,
    cancelled_shown,
    fitting,
    listed,
    window_day,
    window_edges,
)
from tests.feeds.samples import leave, utc, visit

DAY = date(2026, 11, 24)
MIDNIGHT = utc(2026, 11, 24)


def at(days, uid="x@calendar.invalid", hours=1, **changes):
    starts_at = MIDNIGHT + timedelta(days=days)
    return visit(uid, starts_at=starts_at, ends_at=starts_at + timedelta(hours=hours), **changes)


def series(days):
    return [at(day, uid=f"{number:05}@calendar.invalid") for number, day in enumerate(days)]


def weighing(entries, size):
    return [RenderedEvent(entry, b"x" * size, fresh=True) for entry in entries]


def test_the_window_moves_at_midnight_utc_only():
    assert window_day(utc(2026, 11, 24, 0, 0)) == window_day(utc(2026, 11, 24, 23, 59, 59)) == DAY
    assert window_day(datetime(2026, 11, 23, 20, 0, tzinfo=timezone(timedelta(hours=-5)))) == DAY


def test_a_present_time_without_a_zone_is_refused():
    with pytest.raises(ValueError, match="zone"):
        window_day(datetime(2026, 11, 24))


def test_the_window_is_90_days_back_and_365_ahead():
    assert window_edges(DAY) == (utc(2026, 8, 26), utc(2027, 11, 25))


@pytest.mark.parametrize(
    ("days", "inside"), [(-91, False), (-90, True), (-1, True), (0, True), (365, True), (366, False)]
)
def test_an_entry_on_the_edge(days, inside):
    assert bool(listed([at(days)], DAY)) is inside


def test_an_entry_across_the_edge_is_inside():
    assert listed([at(-91, hours=25)], DAY)
    assert listed([leave(first_day=date(2026, 1, 1), last_day=date(2026, 8, 26))], DAY)
    assert not listed([leave(first_day=date(2026, 1, 1), last_day=date(2026, 8, 25))], DAY)


def test_entries_are_listed_in_time_order_whatever_order_they_came_in():
    entries = series([3, -2, 0, 3])

    assert listed(entries, DAY) == listed(reversed(entries), DAY) == [entries[i] for i in (1, 2, 0, 3)]


def cancelled(changed_at, ends_at):
    return visit(cancelled=True, changed_at=changed_at, starts_at=ends_at - timedelta(hours=1), ends_at=ends_at)


@pytest.mark.parametrize(
    ("changed_at", "ends_at", "last_shown"),
    [
        # until the day after the slot
        (utc(2026, 11, 20, 12), utc(2026, 11, 24, 17), date(2026, 11, 25)),
        (utc(2026, 11, 20, 12), utc(2026, 11, 25, 0), date(2026, 11, 25)),
        (utc(2026, 11, 20, 12), utc(2026, 11, 25, 0, 1), date(2026, 11, 26)),
        # at most 30 days
        (utc(2026, 11, 20, 12), utc(2027, 5, 1, 17), date(2026, 12, 20)),
        (utc(2026, 11, 20, 12), utc(2026, 12, 19, 17), date(2026, 12, 20)),
    ],
)
def test_a_cancelled_appointment_stays_until(changed_at, ends_at, last_shown):
    entry = cancelled(changed_at, ends_at)

    assert cancelled_shown(entry, last_shown)
    assert not cancelled_shown(entry, last_shown + timedelta(days=1))
    assert listed([entry], last_shown) == [entry]
    assert listed([entry], last_shown + timedelta(days=1)) == []


def test_a_feed_may_hide_cancelled_appointments_at_once():
    entries = [at(1), at(2, "y@calendar.invalid", cancelled=True)]

    assert listed(entries, DAY, hide_cancelled=True) == entries[:1]
    assert listed(entries, DAY) == entries


def test_too_many_events_lose_the_oldest():
    entries = series([-80] * 50 + [-1] * 50 + [1] * 850)

    assert listed(entries, DAY) == entries[50:]


def test_too_many_events_to_come_lose_the_farthest_after_all_of_the_past():
    entries = series([-1] * 10 + [0] * 500 + [5] * 500)

    assert listed(entries, DAY) == entries[10 : 10 + MAX_EVENTS]


def test_too_many_bytes_lose_the_oldest():
    events = weighing(series([-3, -2, -1, 0, 1]), 300_000)

    assert fitting(events, DAY, head_bytes=0) == events[2:]
    assert fitting(events, DAY, head_bytes=1) == events[3:]


def test_an_event_too_large_for_any_feed_takes_no_other_with_it_that_is_earlier():
    events = weighing(series([0, 1]), 10) + weighing([at(2)], MAX_BYTES)

    assert fitting(events, DAY) == events[:2]


@given(
    st.lists(st.tuples(st.integers(-90, 365), st.integers(1, 400_000)), max_size=12),
    st.randoms(use_true_random=False),
)
def test_what_fits_is_within_the_limit_and_never_drops_the_future_while_the_past_is_kept(sizes, shuffle):
    entries = series([day for day, _ in sizes])
    events = [RenderedEvent(entry, b"x" * size, True) for entry, (_, size) in zip(entries, sizes, strict=True)]
    shuffle.shuffle(events)

    kept = fitting(events, DAY, head_bytes=500)

    assert sum(len(event.body) for event in kept) <= MAX_BYTES - 500
    dropped = [event for event in events if event not in kept]
    if any(event.entry.starts_at >= MIDNIGHT for event in dropped):
        assert all(event.entry.starts_at >= MIDNIGHT for event in kept)
    if sum(len(event.body) for event in events) <= MAX_BYTES - 500:
        assert dropped == []


def test_the_choice_does_not_change_within_a_day():
    entries = series([-90, -1, 0, 365])
    hours = [datetime(2026, 11, 24, hour, tzinfo=UTC) for hour in range(24)]

    assert {tuple(listed(entries, window_day(now))) for now in hours} == {tuple(entries)}
