"""Until when a discharged patient reads: whole local days, whatever the clocks do."""

from datetime import UTC, date, datetime, timedelta

from planner.domain.portal_end import last_day_to_read, portal_ends_at

CHICAGO = "America/Chicago"
LATE = datetime(2026, 3, 5, 4, 0, tzinfo=UTC)  # Wednesday 4 March, 22:00 in Chicago


def test_the_last_day_is_counted_from_the_local_day_of_the_discharge() -> None:
    assert last_day_to_read(LATE, 90, CHICAGO) == date(2026, 6, 2)


def test_it_ends_with_that_day_on_the_clock_of_the_site() -> None:
    assert portal_ends_at(LATE, 90, CHICAGO) == datetime(2026, 6, 3, 5, 0, tzinfo=UTC)  # summer time by then
    assert portal_ends_at(LATE, 1, CHICAGO) == datetime(2026, 3, 6, 6, 0, tzinfo=UTC)


def test_no_days_end_it_with_the_discharge_and_an_unknown_moment_was_long_ago() -> None:
    assert portal_ends_at(LATE, 0, CHICAGO) == LATE
    assert portal_ends_at(None, 365, CHICAGO) < LATE - timedelta(days=365)
