"""Single values in cells: days, times, numbers, words. What cannot be read is told in one sentence, never guessed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import lru_cache
from typing import Final

from planner.domain.plain_text import can_be_seen, hides

FIRST_YEAR: Final = 2000
LAST_YEAR: Final = 2100
DAY_MINUTES: Final = 1440
#: As far as a shift may run into the days after its own.
MOST_MINUTES: Final = 2 * DAY_MINUTES
_ISO: Final = re.compile(r"([0-9]{4})[-/.]([0-9]{1,2})[-/.]([0-9]{1,2})(?:[T ]00:00(?::00)?)?")
_SHORT: Final = re.compile(r"([0-9]{1,2})[-/. ]([0-9]{1,2})[-/. ]([0-9]{4}|[0-9]{2})")
_SERIAL: Final = re.compile(r"[0-9]{5}([.,][0-9]+)?")
_TIME: Final = re.compile(r"([0-9]{1,2}):([0-9]{2})(?::00)?(?:([+-])([0-9]{2}):([0-9]{2}))?")
_NUMBER: Final = re.compile(r"[0-9]{1,6}")
_YES: Final = {"yes": True, "y": True, "true": True, "1": True, "x": True, "no": False, "n": False, "false": False,
               "0": False}  # fmt: skip


class CellFault(ValueError):
    """A cell that cannot be used; the text is the sentence to show."""


class DateOrder(StrEnum):
    """Which number of 03/04/27 is the day."""

    DAY_FIRST = "day-first"
    MONTH_FIRST = "month-first"


@dataclass(frozen=True, slots=True)
class WallTime:
    """Minutes from local midnight; `offset_minutes` from UTC tells which one is meant when clocks show it twice."""

    minute: int
    offset_minutes: int | None = None


def possible_orders(cells: Iterable[str]) -> tuple[frozenset[DateOrder], bool]:
    """The orders by which every short date of a file is a day, and whether the choice between them matters.

    No order at all when the short dates need different ones.
    """
    orders = frozenset(DateOrder)
    matters = False
    for cell in set(cells):
        found = _SHORT.fullmatch(cell)
        if not found or _ISO.fullmatch(cell):
            continue
        days = {order: _day(*_ordered(found, order)) for order in DateOrder}
        able = {order for order, day in days.items() if day is not None}
        if able:
            orders &= able
            matters = matters or len(set(days.values())) > 1
    return orders, matters


@lru_cache(maxsize=4096)
def read_day(cell: str, order: DateOrder | None) -> date:
    """A day. ISO is always understood; other ways need `order`. Raises CellFault."""
    if found := _ISO.fullmatch(cell):
        day = _day(int(found[1]), int(found[2]), int(found[3]))
    elif found := _SHORT.fullmatch(cell):
        if order is None:
            raise CellFault("It is not certain which number is the day. Write dates as 2027-04-03.")
        day = _day(*_ordered(found, order))
    elif _SERIAL.fullmatch(cell):
        raise CellFault(
            "This is a spreadsheet's count of days, not a date. Format the column as a date, and save again."
        )
    else:
        raise CellFault("This is no date. Write dates as 2027-04-03.")
    if day is None:
        raise CellFault("There is no such day. Write dates as 2027-04-03.")
    if not FIRST_YEAR <= day.year < LAST_YEAR:
        raise CellFault(f"The year has to be between {FIRST_YEAR} and {LAST_YEAR}.")
    return day


def _ordered(found: re.Match[str], order: DateOrder) -> tuple[int, int, int]:
    first, second, year = int(found[1]), int(found[2]), int(found[3])
    year += 2000 if len(found[3]) == 2 else 0  # two digits
    return (year, second, first) if order is DateOrder.DAY_FIRST else (year, first, second)


def _day(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


@lru_cache(maxsize=4096)
def read_time(cell: str, most: int = DAY_MINUTES) -> WallTime:
    """A wall time of at most so many minutes from midnight: 26:00 is 02:00 of the next day. Raises CellFault."""
    found = _TIME.fullmatch(cell)
    if not found or int(found[2]) > 59:
        raise CellFault("Write times as hours and minutes of 24 hours, such as 09:30 or 14:00.")
    minute = int(found[1]) * 60 + int(found[2])
    if minute > most:
        raise CellFault(f"The latest time that can stand here is {tell_minute(most)}.")
    if not found[3]:
        return WallTime(minute)
    offset = int(found[4]) * 60 + int(found[5])
    return WallTime(minute, -offset if found[3] == "-" else offset)


def tell_minute(minute: int) -> str:
    """Minutes from midnight as `HH:MM`."""
    return f"{minute // 60:02}:{minute % 60:02}"


def tell_offset(minutes: int) -> str:
    """An offset from UTC as `+HH:MM`."""
    return f"{'-' if minutes < 0 else '+'}{tell_minute(abs(minutes))}"


def read_number(cell: str, least: int, most: int) -> int:
    """A whole number within bounds. Raises CellFault."""
    if not _NUMBER.fullmatch(cell) or not least <= int(cell) <= most:
        raise CellFault(f"Write a whole number from {least} to {most}.")
    return int(cell)


def read_yes(cell: str) -> bool:
    """Yes or no. Raises CellFault."""
    found = _YES.get(cell.casefold())
    if found is None:
        raise CellFault("Write “yes” or “no”.")
    return found


def tell_yes(value: bool) -> str:
    return "yes" if value else "no"


def read_line(cell: str, most: int) -> str:
    """One line of text. Raises CellFault."""
    if len(cell) > most:
        raise CellFault(f"Use at most {most} characters; this has {len(cell)}.")
    if any(map(hides, cell)):
        raise CellFault("Write this on one line, without line breaks or control characters.")
    if not can_be_seen(cell):
        raise CellFault("Write something that can be seen.")
    return cell


def read_list(cell: str) -> list[str]:
    """What stands between semicolons."""
    return [part.strip() for part in cell.split(";") if part.strip()]


def read_word(cell: str, words: Mapping[str, object]) -> str:
    """One of `words`, whatever its case. Raises CellFault."""
    found = cell.casefold()
    if found not in words:
        raise CellFault(f"Write one of: {', '.join(words)}.")
    return found


def name_key(name: str) -> str:
    """A name without what people vary when they write it again: case and the number of spaces."""
    return " ".join(name.split()).casefold()
