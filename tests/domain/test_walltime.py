"""Wall times and instants: what clocks skip, show twice, or never heard of."""

from datetime import UTC, date, datetime, timedelta

import pytest

from planner.domain.walltime import (
    AmbiguousWallTime,
    NonexistentWallTime,
    UnknownZone,
    day_span,
    local_day,
    resolve_wall,
    resolve_wall_leniently,
    to_wall,
)

NEW_YORK, LORD_HOWE, SANTIAGO = "America/New_York", "Australia/Lord_Howe", "America/Santiago"


def wall(text: str) -> datetime:
    return datetime.fromisoformat(text)


def test_an_ordinary_wall_time() -> None:
    assert resolve_wall(wall("2027-01-25T10:00"), "America/Chicago") == datetime(2027, 1, 25, 16, tzinfo=UTC)
    assert to_wall(datetime(2027, 1, 25, 16, tzinfo=UTC), "America/Chicago") == wall("2027-01-25T10:00")
    assert resolve_wall(wall("2027-01-25T10:00"), "Asia/Kathmandu") == datetime(2027, 1, 25, 4, 15, tzinfo=UTC)


@pytest.mark.parametrize(
    ("zone", "skipped", "after"),
    [
        (NEW_YORK, "2027-03-14T02:30", "2027-03-14T03:00"),
        (NEW_YORK, "2027-03-14T02:00", "2027-03-14T03:00"),
        (LORD_HOWE, "2027-10-03T02:15", "2027-10-03T02:30"),
        (SANTIAGO, "2027-09-05T00:00", "2027-09-05T01:00"),
    ],
)
@pytest.mark.parametrize("fold", [None, 0, 1])
def test_a_skipped_wall_time_names_the_next_one(zone: str, skipped: str, after: str, fold: int | None) -> None:
    with pytest.raises(NonexistentWallTime) as refused:
        resolve_wall(wall(skipped), zone, fold)
    assert refused.value.next_valid == wall(after)
    assert f"{wall(after):%H:%M}" in str(refused.value)


def test_a_day_is_told_without_a_nought_before_it() -> None:
    with pytest.raises(AmbiguousWallTime, match="01:30 happens twice on Sun 7 Nov 2027: the clocks go back"):
        resolve_wall(wall("2027-11-07T01:30"), NEW_YORK)
    with pytest.raises(NonexistentWallTime, match="00:00 does not exist on Sun 5 Sep 2027: the clocks go forward"):
        resolve_wall(wall("2027-09-05T00:00"), SANTIAGO)


def test_the_edges_of_a_gap_exist() -> None:
    before, after = resolve_wall(wall("2027-03-14T01:59"), NEW_YORK), resolve_wall(wall("2027-03-14T03:00"), NEW_YORK)
    assert after - before == timedelta(minutes=1)


def test_a_doubled_wall_time_is_asked_about() -> None:
    with pytest.raises(AmbiguousWallTime) as asked:
        resolve_wall(wall("2027-11-07T01:30"), NEW_YORK)
    first, second = asked.value.candidates
    assert second - first == timedelta(hours=1)
    assert resolve_wall(wall("2027-11-07T01:30"), NEW_YORK, 0) == first
    assert resolve_wall(wall("2027-11-07T01:30"), NEW_YORK, 1) == second
    assert to_wall(first, NEW_YORK) == to_wall(second, NEW_YORK) == wall("2027-11-07T01:30")


def test_patterns_move_past_a_gap_and_take_the_first_showing() -> None:
    skipped = resolve_wall_leniently(wall("2027-03-14T02:30"), NEW_YORK)
    assert to_wall(skipped, NEW_YORK) == wall("2027-03-14T03:30")
    doubled = resolve_wall_leniently(wall("2027-11-07T01:30"), NEW_YORK)
    assert doubled == resolve_wall(wall("2027-11-07T01:30"), NEW_YORK, 0)


@pytest.mark.parametrize("zone", ["Mars/Olympus", "", "../etc/passwd", "/etc/localtime", "America", "a" * 500, "\0"])
def test_unknown_zones_are_refused(zone: str) -> None:
    with pytest.raises(UnknownZone):
        resolve_wall(wall("2027-01-01T00:00"), zone)


def test_a_wall_time_has_no_zone_of_its_own() -> None:
    with pytest.raises(ValueError, match="naive"):
        resolve_wall(datetime(2027, 1, 1, tzinfo=UTC), NEW_YORK)


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        (NEW_YORK, date(2027, 3, 14), 23),
        (NEW_YORK, date(2027, 11, 7), 25),
        (LORD_HOWE, date(2027, 10, 3), 23.5),
        (LORD_HOWE, date(2027, 4, 4), 24.5),
        (SANTIAGO, date(2027, 9, 5), 23),
        ("America/Phoenix", date(2027, 3, 14), 24),
    ],
)
def test_days_have_their_real_length(zone: str, day: date, hours: float) -> None:
    start, end = day_span(day, zone)
    assert end - start == timedelta(hours=hours)
    assert local_day(start, zone) == local_day(end - timedelta(minutes=1), zone) == day
    assert local_day(start - timedelta(minutes=1), zone) == day - timedelta(days=1)
