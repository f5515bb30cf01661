"""How many charts in an hour."""

from datetime import UTC, datetime, timedelta

import pytest

from planner.domain.reads import most_in_an_hour

START = datetime(2026, 3, 4, 9, tzinfo=UTC)


def at(minutes: float, patient_id: int) -> tuple[datetime, int]:
    return START + timedelta(minutes=minutes), patient_id


@pytest.mark.parametrize(
    ("reads", "most"),
    [
        ([], 0),
        ([at(0, 1)], 1),
        ([at(0, 1), at(1, 1), at(2, 1)], 1),
        ([at(0, 1), at(59, 2)], 2),
        ([at(0, 1), at(60, 2)], 1),
        ([at(0, 1), at(30, 2), at(59, 3), at(61, 4), at(89, 5)], 4),
        # Opened again within the hour: still there when its first opening is an hour ago.
        ([at(0, 1), at(30, 1), at(70, 2)], 2),
        ([at(0, 1), at(30, 1), at(91, 2)], 1),
        # The fullest hour counts, not the last one.
        ([*(at(n, n) for n in range(7)), at(300, 8)], 7),
    ],
)
def test_the_fullest_span_shorter_than_an_hour_counts(reads: list[tuple[datetime, int]], most: int) -> None:
    assert most_in_an_hour(reads) == most
