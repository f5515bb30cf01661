"""For how long an appointment holds somebody or something: spans in minutes from its start, as cells and as facts.

Mostly that is the whole of its time and the minutes between, and nothing has to be said. A planned visit may hold a
therapist for a talk at its end only, or a chair until it is clean: then the cell says so. Minutes from the start, not
times of a clock: they mean the same on a night when clocks change. With “to” between them, because a spreadsheet
takes 10-20 for a day in October.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from planner.services.spreadsheets.values import DAY_MINUTES, MOST_MINUTES, CellFault

#: Half-open spans in minutes from the start of the appointment, in order; no two touch.
Spans = tuple[tuple[int, int], ...]
NONE: Final = "none"
_SPAN: Final = re.compile(r"([0-9]{1,4})\s*(?:to|[-–])\s*([0-9]{1,4})", re.IGNORECASE)
_HOW: Final = "Write minutes from the start, such as “0 to 20; 90 to 130”, or “none”."


def whole(minutes: int, turnover: int) -> Spans:
    """What is held when nothing is said: an appointment of so many minutes, and the minutes between after it."""
    return ((0, minutes + turnover),)


def joined(spans: Iterable[tuple[int, int]]) -> Spans:
    """The same minutes as few spans, in order."""
    found: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((start, end))
    return tuple(found)


def read_spans(cell: str) -> Spans:
    """What a cell says is held; none at all for “none”. Raises CellFault."""
    if cell.casefold() == NONE:
        return ()
    spans: list[tuple[int, int]] = []
    for part in cell.split(";"):
        found = _SPAN.fullmatch(part.strip())
        if not found:
            raise CellFault(_HOW)
        start, end = int(found[1]), int(found[2])
        if end <= start:
            raise CellFault(f"{start} to {end} ends before it begins. {_HOW}")
        spans.append((start, end))
    together = joined(spans)
    if together[-1][1] > MOST_MINUTES or any(end - start > DAY_MINUTES for start, end in together):
        raise CellFault(f"Nothing is held for longer than a day, which has {DAY_MINUTES} minutes.")
    return together


def tell_spans(spans: Spans) -> str:
    """What `read_spans` reads as these."""
    return "; ".join(f"{start} to {end}" for start, end in spans) or NONE
