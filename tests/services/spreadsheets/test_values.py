"""Days, times and words in cells are understood or told, never guessed."""

from datetime import date

import pytest

from planner.services.spreadsheets.values import (
    CellFault,
    DateOrder,
    WallTime,
    possible_orders,
    read_day,
    read_line,
    read_number,
    read_time,
    read_yes,
)

BOTH = frozenset(DateOrder)


@pytest.mark.parametrize("cell", ["2027-04-03", "2027/4/3", "2027.04.03", "2027-04-03 00:00:00", "2027-04-03T00:00"])
def test_days_with_the_year_first_are_certain(cell: str) -> None:
    assert read_day(cell, None) == date(2027, 4, 3)


@pytest.mark.parametrize(
    ("cells", "orders", "matters"),
    [
        (["03/04/27", "05/06/27"], BOTH, True),
        (["03/04/27", "25/04/27"], {DateOrder.DAY_FIRST}, True),
        (["03/04/2027", "04/25/2027"], {DateOrder.MONTH_FIRST}, True),
        (["25.04.2027", "04.25.2027"], frozenset(), True),
        (["04/04/27"], BOTH, False),
        (["2027-04-03", "no date", ""], BOTH, False),
    ],
)
def test_the_order_is_found_out_from_all_dates_or_asked_for(
    cells: list[str], orders: set[DateOrder], matters: bool
) -> None:
    assert possible_orders(cells) == (frozenset(orders), matters)


def test_short_dates_are_read_in_the_order_that_was_said() -> None:
    assert read_day("03/04/27", DateOrder.DAY_FIRST) == date(2027, 4, 3)
    assert read_day("03/04/27", DateOrder.MONTH_FIRST) == date(2027, 3, 4)


@pytest.mark.parametrize(
    ("cell", "words"),
    [("46480", "count of days"), ("46480.5", "count of days"), ("2027-02-30", "no such day"), ("soon", "no date"),
     ("03/04/27", "not certain"), ("1899-12-31", "year"), ("٢٠٢٧-٠٤-٠٣", "no date")],
)  # fmt: skip
def test_what_is_no_certain_day_is_refused(cell: str, words: str) -> None:
    with pytest.raises(CellFault, match=words):
        read_day(cell, None)


@pytest.mark.parametrize(
    ("cell", "time"),
    [("09:30", WallTime(570)), ("9:30", WallTime(570)), ("24:00", WallTime(1440)), ("09:30:00", WallTime(570)),
     ("01:30-05:00", WallTime(90, -300)), ("01:30+05:30", WallTime(90, 330))],
)  # fmt: skip
def test_times(cell: str, time: WallTime) -> None:
    assert read_time(cell) == time


@pytest.mark.parametrize("cell", ["9", "9.30", "9:3", "09:60", "25:00", "2 pm", "0.395833", "09:30:15", "²:00"])
def test_what_is_no_time_is_refused(cell: str) -> None:
    with pytest.raises(CellFault):
        read_time(cell)


def test_yes_no_numbers_and_lines() -> None:
    assert (read_yes("Yes"), read_yes("0"), read_number("7", 1, 12)) == (True, False, 7)
    for read in (lambda: read_yes("maybe"), lambda: read_number("²", 0, 9), lambda: read_number("13", 1, 12),
                 lambda: read_line("two\nlines", 20), lambda: read_line("x" * 21, 20),
                 lambda: read_line("Test \u202eAlder", 20), lambda: read_line("\u200b", 20)):  # fmt: skip
        with pytest.raises(CellFault):
            read()
