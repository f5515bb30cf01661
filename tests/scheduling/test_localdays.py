"""Which local day a minute falls on, at midnight and beyond the days that are known."""

from datetime import date

from planner.scheduling.localdays import LocalDays
from tests.scheduling.scenario import at

NEW_YORK = "America/New_York"
#: Four days that end at the midnight before clocks go forward.
DAYS = LocalDays(NEW_YORK, date(2027, 3, 10), date(2027, 3, 13))


def test_a_day_begins_at_its_midnight_and_not_a_minute_before() -> None:
    midnight = at(date(2027, 3, 12), "00:00", NEW_YORK)
    assert [DAYS.index(midnight - 1), DAYS.index(midnight)] == [1, 2]


def test_days_beyond_those_known_are_local_days_too() -> None:
    """The 14th has 23 hours, so that 00:30 on the 15th is less than five days of 24 hours after the first midnight."""
    assert DAYS.index(at(date(2027, 3, 15), "00:30", NEW_YORK)) == 5
    assert DAYS.index(at(date(2027, 3, 9), "23:59", NEW_YORK)) == -1
    assert DAYS.day(5) == date(2027, 3, 15)
    assert DAYS.index_of(date(2027, 3, 15)) == 5


def test_the_start_of_a_day_beyond_those_known_is_where_they_end() -> None:
    first, end = at(date(2027, 3, 10), "00:00", NEW_YORK), at(date(2027, 3, 14), "00:00", NEW_YORK)
    assert [DAYS.start(index) for index in (-3, 0, 4, 9)] == [first, first, end, end]
    assert (DAYS.origin, DAYS.length) == (first, end - first)


def test_weekdays_follow_the_calendar() -> None:
    assert [DAYS.weekday(index) for index in (0, 4, 5, -3)] == [2, 6, 0, 6]
