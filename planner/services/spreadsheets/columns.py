"""What each kind of file holds, column by column: what is read, what is written, and what the page about it says."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from planner.services.spreadsheets.reading import Sheet, Unreadable

_GAPS: Final = re.compile(r"[\s_\-\u00a0]+")


@dataclass(frozen=True, slots=True)
class Column:
    """One column. `example` is made up; `is_date` makes the order of day and month of the whole file be found out."""

    key: str
    header: str
    meaning: str
    example: str
    required: bool = False
    is_date: bool = False


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of file.

    `same` says what makes a line the same as a record that is there; `changes` what an import may change in such a
    record, and what it leaves to the pages.
    """

    slug: str
    title: str
    one: str
    many: str
    words: str
    same: str
    changes: str
    columns: tuple[Column, ...]

    @property
    def headers(self) -> tuple[str, ...]:
        return tuple(column.header for column in self.columns)

    def knows(self, header: str) -> bool:
        """Whether this is the header of one of its columns, however it is spaced and capitalised."""
        return plain(header) in {plain(name) for name in self.headers}

    def count_words(self, count: int) -> str:
        """“1 shift”, “10,000 shifts”."""
        return f"{count:,} {self.one if count == 1 else self.many}"


def plain(header: str) -> str:
    """A header without what people vary: case, spaces, underscores, hyphens, a mark that it is required."""
    return _GAPS.sub(" ", header.strip().strip("*:").casefold()).strip()


def places_of(kind: Kind, sheet: Sheet) -> dict[str, int]:
    """Where each column of the kind stands in the file, by key; optional ones may be absent.

    Raises Unreadable for a missing, unknown or doubled column.
    """
    by_header = {plain(column.header): column for column in kind.columns}
    places: dict[str, int] = {}
    unknown: list[str] = []
    for index, header in enumerate(sheet.header):
        column = by_header.get(plain(header))
        if column is None:
            if plain(header) or _has_cells(sheet, index):
                unknown.append(f"“{header.strip()[:60]}”" if header.strip() else f"number {index + 1} without a name")
            continue
        if column.key in places:
            raise Unreadable(f"The column “{column.header}” is there twice. Take one of the two out.")
        places[column.key] = index
    missing = [f"“{column.header}”" for column in kind.columns if column.required and column.key not in places]
    if missing:
        raise Unreadable(_missing_words(kind, sheet, missing))
    if unknown:
        what = "column" if len(unknown) == 1 else "columns"
        raise Unreadable(
            f"{'This' if len(unknown) == 1 else 'These'} {what} {'is' if len(unknown) == 1 else 'are'} not known for "
            f"{kind.many}: {_listed(unknown)}. Known are {_listed(f'“{header}”' for header in kind.headers)}."
        )
    return places


def _missing_words(kind: Kind, sheet: Sheet, missing: list[str]) -> str:
    what = f"The {'column' if len(missing) == 1 else 'columns'} {_listed(missing)}"
    if len(missing) == sum(column.required for column in kind.columns):
        first = ", ".join(f"“{header.strip()[:30]}”" for header in sheet.header[:4])
        return (
            f"{what} cannot be found for {kind.many}. The first line of the file has to name the columns; "
            f"it begins with {first}."
        )
    return f"{what} {'is' if len(missing) == 1 else 'are'} missing. Every file of {kind.many} needs {_needs(kind)}."


def _needs(kind: Kind) -> str:
    return _listed(f"“{column.header}”" for column in kind.columns if column.required)


def _listed(words: Iterable[str]) -> str:
    *first, last = list(words)
    return f"{', '.join(first)} and {last}" if first else last


def _has_cells(sheet: Sheet, index: int) -> bool:
    return any(len(line.cells) > index and line.cells[index].strip() for line in sheet.lines)


def cells_by_key(places: Mapping[str, int], cells: tuple[str, ...]) -> dict[str, str]:
    """One line's cells by column key, without outer spaces; a line may end early."""
    return {key: cells[index].strip() if index < len(cells) else "" for key, index in places.items()}
