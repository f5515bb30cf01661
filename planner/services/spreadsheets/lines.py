"""One line of a file as an importer reads it: each cell as what its column holds, each fault kept with its place."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import TypeVar

from planner.services.spreadsheets.values import (
    DAY_MINUTES,
    CellFault,
    DateOrder,
    WallTime,
    read_day,
    read_line,
    read_number,
    read_time,
    read_word,
    read_yes,
)

Value = TypeVar("Value")
NEEDED = "Please fill this in."


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong where: the number of the line, the header of the column (empty: the whole line), one sentence."""

    line: int
    column: str
    reason: str


@dataclass(slots=True)
class Faults:
    """Every fault of a file, and how many lines have one."""

    all: list[Fault] = field(default_factory=list)
    lines: set[int] = field(default_factory=set)

    def add(self, line: int, column: str, reason: str) -> None:
        self.all.append(Fault(line, column, reason))
        self.lines.add(line)

    def in_order(self) -> list[Fault]:
        """By line; within a line as found."""
        return sorted(self.all, key=lambda fault: fault.line)


class LineReader:
    """Reads the cells of one line. What cannot be read is noted and comes back as None; `ok` says whether all could."""

    __slots__ = ("_cells", "_faults", "_headers", "_order", "number", "ok")

    def __init__(
        self,
        number: int,
        cells: Mapping[str, str],
        headers: Mapping[str, str],
        faults: Faults,
        order: DateOrder | None,
    ) -> None:
        self.number, self.ok = number, True
        self._cells, self._headers, self._faults, self._order = cells, headers, faults, order

    @property
    def is_refused(self) -> bool:
        """Whether a fault was noted by now."""
        return not self.ok

    def refuse(self, key: str, sentence: str) -> None:
        """Note a fault in this line, at the column `key`; empty for the line as a whole."""
        self.ok = False
        self._faults.add(self.number, self._headers.get(key, ""), sentence)

    def cell(self, key: str) -> str:
        """The cell as it stands; empty when the file has no such column."""
        return self._cells.get(key, "")

    def has(self, key: str) -> bool:
        """Whether the file has this column at all."""
        return key in self._cells

    def read(self, key: str, how: Callable[[str], Value], *, needed: bool = False) -> Value | None:
        """The cell as `how` makes it; None when it is empty or cannot be read."""
        cell = self._cells.get(key, "")
        if not cell:
            if needed:
                self.refuse(key, NEEDED)
            return None
        try:
            return how(cell)
        except CellFault as fault:
            self.refuse(key, str(fault))
            return None

    def text(self, key: str, most: int, *, needed: bool = False) -> str | None:
        """One line of text. None only when it is needed and missing, or cannot be used."""
        if not self._cells.get(key, ""):
            return self.read(key, str, needed=True) if needed else ""
        return self.read(key, lambda cell: read_line(cell, most))

    def day(self, key: str, *, needed: bool = True) -> date | None:
        return self.read(key, lambda cell: read_day(cell, self._order), needed=needed)

    def time(self, key: str, *, needed: bool = True, most: int = DAY_MINUTES) -> WallTime | None:
        return self.read(key, lambda cell: read_time(cell, most), needed=needed)

    def number_in(self, key: str, least: int, most: int) -> int | None:
        return self.read(key, lambda cell: read_number(cell, least, most))

    def yes(self, key: str, *, otherwise: bool) -> bool:
        found = self.read(key, read_yes)
        return otherwise if found is None else found

    def word(self, key: str, words: Mapping[str, Value], *, needed: bool = False) -> Value | None:
        found = self.read(key, lambda cell: read_word(cell, words), needed=needed)
        return None if found is None else words[found]
