"""The words of times, for staff and for patients."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import pytest
from jinja2 import Environment, StrictUndefined, UndefinedError

from planner.web import filters

LONDON, KOLKATA, NEW_YORK = "Europe/London", "Asia/Kolkata", "America/New_York"


def utc(month: int, day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, month, day, hour, minute, tzinfo=UTC)


def test_staff_read_short_days_and_24_hours() -> None:
    assert filters.staff_day(utc(11, 24, 14), LONDON) == "Tue 24 Nov"
    assert filters.staff_date(utc(11, 24, 14), LONDON) == "Tue 24 Nov 2026"
    assert filters.staff_time(utc(11, 24, 14), LONDON) == "14:00"
    assert filters.weekday_time(utc(11, 25, 5, 10), LONDON) == "Wed 05:10"


def test_the_day_is_the_sites_day() -> None:
    late = utc(11, 24, 20)
    assert filters.staff_day(late, KOLKATA) == "Wed 25 Nov"
    assert filters.staff_time(late, KOLKATA) == "01:30"


def test_a_span_says_the_second_day_only_when_it_is_another_one() -> None:
    assert filters.staff_span(utc(11, 25, 14), utc(11, 25, 15), LONDON) == "Wed 25 Nov 14:00 to 15:00"
    words = filters.staff_span(utc(11, 24, 23, 10), utc(11, 27, 8), LONDON)
    assert words == "Tue 24 Nov 23:10 to Fri 27 Nov 08:00"


def test_patients_read_the_days_name_first_and_12_hours() -> None:
    start, end = utc(11, 25, 14), utc(11, 25, 15)
    assert filters.patient_day(start, LONDON) == "Wednesday 25 November"
    assert filters.patient_time(start, LONDON) == "2:00pm"
    assert filters.patient_span(start, end, LONDON) == "2:00pm to 3:00pm (1 hour)"
    assert filters.patient_when(start, end, LONDON) == "Wednesday 25 November, 2:00pm to 3:00pm (1 hour)"


@pytest.mark.parametrize(
    ("hour", "words"), [(0, "12:05am"), (1, "1:05am"), (11, "11:05am"), (12, "12:05pm"), (13, "1:05pm")]
)
def test_noon_and_midnight_are_twelve(hour: int, words: str) -> None:
    assert filters.patient_time(utc(11, 25, hour, 5), LONDON) == words


@pytest.mark.parametrize(
    ("minutes", "words"),
    [
        (0, "0 minutes"),
        (1, "1 minute"),
        (50, "50 minutes"),
        (60, "1 hour"),
        (90, "1 hour 30 minutes"),
        (121, "2 hours 1 minute"),
    ],
)
def test_lengths(minutes: int, words: str) -> None:
    assert filters.duration_words(timedelta(minutes=minutes)) == words


@pytest.mark.parametrize(
    ("minutes", "words"),
    [(0, "0 h after"), (29, "0 h after"), (30, "1 h after"), (1610, "27 h after"), (2750, "46 h after")],
)
def test_hours_after_are_elapsed_hours_rounded_half_up(minutes: int, words: str) -> None:
    end_of_dose = utc(11, 24, 11, 10)
    assert filters.hours_after(end_of_dose + timedelta(minutes=minutes), end_of_dose) == words


def test_hours_before_say_so() -> None:
    assert filters.hours_after(utc(11, 24, 8), utc(11, 24, 11)) == "3 h before"


def test_an_hour_that_comes_twice_names_its_clock() -> None:
    first, second = utc(10, 25, 0, 30), utc(10, 25, 1, 30)
    assert filters.staff_time(first, LONDON) == "01:30 BST"
    assert filters.staff_time(second, LONDON) == "01:30 GMT"
    assert filters.patient_time(second, LONDON) == "1:30am GMT"


def test_lengths_over_a_clock_change_are_elapsed_time_on_any_clock() -> None:
    start, end = utc(10, 24, 22), utc(10, 25, 3)
    assert filters.patient_span(start, end, LONDON) == "11:00pm to 3:00am (5 hours)"
    zone = ZoneInfo(LONDON)
    assert filters.hours_after(end.astimezone(zone), start.astimezone(zone)) == "5 h after"


def test_zones_are_named_by_their_city() -> None:
    assert filters.zone_words(NEW_YORK) == "New York time"
    assert filters.zone_words("UTC") == "universal time (UTC)"
    assert filters.iso_instant(utc(7, 1, 12), LONDON) == "2026-07-01T13:00+01:00"


def test_things_are_grouped_by_local_day_in_order() -> None:
    late, early, next_day = (SimpleNamespace(starts_at=at) for at in (utc(11, 24, 15), utc(11, 24, 9), utc(11, 24, 20)))
    groups = filters.by_day([next_day, late, early], KOLKATA)
    assert groups == [(date(2026, 11, 24), [early, late]), (date(2026, 11, 25), [next_day])]


def test_naive_times_and_unknown_zones_are_refused() -> None:
    with pytest.raises(ValueError, match="must carry its zone"):
        filters.staff_time(datetime(2026, 11, 24, 14), LONDON)
    with pytest.raises(ValueError, match="no time zone called 'Mars/Base'"):
        filters.staff_time(utc(11, 24, 14), "Mars/Base")


@pytest.mark.parametrize("zone", ["", "../etc/passwd", "Europe"])
def test_a_broken_zone_is_a_value_error(zone: str) -> None:
    with pytest.raises(ValueError, match="no time zone"):
        filters.staff_day(utc(11, 24, 14), zone)


def test_a_missing_variable_is_reported_by_its_own_name() -> None:
    environment = Environment(undefined=StrictUndefined, autoescape=True)
    environment.filters.update(filters.FILTERS)
    with pytest.raises(UndefinedError, match="begins"):
        environment.from_string("{{ begins|staff_day('UTC') }}").render()


def at_each(*instants: datetime) -> list[SimpleNamespace]:
    return [SimpleNamespace(starts_at=instant) for instant in instants]


def test_weeks_run_from_monday_to_sunday_of_the_site_and_one_is_the_nearest() -> None:
    sunday_evening, monday = utc(11, 29, 20), utc(11, 30, 9)
    found = at_each(monday, sunday_evening, utc(11, 24, 9), utc(11, 24, 12), utc(12, 9, 9))
    weeks = filters.by_week(found, LONDON, utc(12, 2, 9))
    assert [(week.first.day, week.last.day, week.count, week.nearest) for week in weeks] == [
        (24, 29, 3, False),
        (30, 30, 1, True),
        (9, 9, 1, False),
    ]
    in_india = filters.by_week(found, KOLKATA)
    assert [(week.first.day, week.count, week.nearest) for week in in_india] == [
        (24, 2, True),
        (30, 2, False),
        (9, 1, False),
    ]
    assert filters.by_week([], LONDON) == []
