"""Reading JSON from strangers, field by field: every fault gets one sentence at its path, none stops the reading.

A reading function returns None (or an empty tuple) for what is at fault; the caller makes nothing of it as long as
there are faults.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from typing import Any, TypeVar

from planner.domain.errors import PlannerError

#: No file lists more faults than this; the count goes on.
MOST_FAULTS = 200
LONGEST_ID = 40
YEARS = (2000, 2100)
#: Stands for a wall time that could not be read.
NOT_A_TIME = datetime.combine(date(YEARS[0], 1, 1), time())
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d")
_CLOCK = re.compile(r"([01]\d|2[0-3]):([0-5]\d)")

Read = TypeVar("Read")
Word = TypeVar("Word", bound=str)


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong with a file: where, and what."""

    path: str
    sentence: str


class InstanceInvalid(PlannerError):
    """A file that is no usable instance. `faults` are the first of them, `count` is how many there are."""

    def __init__(self, faults: Sequence[Fault], count: int | None = None) -> None:
        self.faults = tuple(faults)
        self.count = len(self.faults) if count is None else count
        first = self.faults[0]
        where = f"{first.path}: " if first.path else ""
        more = f" ({self.count - 1} more)" if self.count > 1 else ""
        super().__init__(f"{where}{first.sentence}{more}")


@dataclass(slots=True)
class Faults:
    """What has been found wrong so far."""

    found: list[Fault] = field(default_factory=list)
    count: int = 0

    def note(self, path: str, sentence: str) -> None:
        """Count a fault, and keep it while there is room."""
        self.count += 1
        if len(self.found) < MOST_FAULTS:
            self.found.append(Fault(shown(path, 120), sentence))

    def refuse(self) -> None:
        """Raise InstanceInvalid if anything is wrong."""
        if self.count:
            raise InstanceInvalid(self.found, self.count)


def shown(text: str, most: int = LONGEST_ID) -> str:
    """A stranger's words, short and printable."""
    return "".join(sign if sign.isprintable() else "?" for sign in text[:most])


class Reading:
    """One object of the file at `path`. Every field is read by the method of its type."""

    def __init__(self, fields: Mapping[str, Any], path: str, faults: Faults) -> None:
        self._fields, self._path, self.faults = fields, path, faults
        self._known: set[str] = set()

    def at(self, key: str) -> str:
        """The path of the field `key`."""
        return f"{self._path}.{key}" if self._path else key

    def note(self, key: str, sentence: str) -> None:
        """A fault at the field `key`."""
        self.faults.note(self.at(key), sentence)

    def done(self) -> None:
        """Note fields nobody asked for: a rule that is not known here could not be kept."""
        for key in self._fields:
            if key not in self._known:
                self.note(shown(key), "This planner does not know this field, so it could not keep what it says.")

    def value(self, key: str) -> Any:
        """What is there; a fault when nothing is."""
        self._known.add(key)
        found = self._fields.get(key)
        if found is None:
            self.note(key, "This is missing.")
        return found

    def optional(self, key: str) -> Any:
        """What is there; nothing and null are the same."""
        self._known.add(key)
        return self._fields.get(key)

    # -- single values ---------------------------------------------------------------------------------------------

    def id(self, key: str) -> str:
        """A short name on one line."""
        return as_id(self.value(key), self.at(key), self.faults)

    def optional_id(self, key: str) -> str | None:
        """The same, or None."""
        found = self.optional(key)
        return None if found is None else as_id(found, self.at(key), self.faults)

    def word(self, key: str, words: Sequence[Word]) -> Word:
        """One of `words`."""
        return as_word(self.value(key), self.at(key), self.faults, words)

    def flag(self, key: str) -> bool:
        """Exactly true or false."""
        found = self.value(key)
        if found is not None and not isinstance(found, bool):
            self.note(key, "This must be true or false.")
        return found is True

    def whole(self, key: str, lowest: int, highest: int) -> int:
        """A whole number from `lowest` to `highest`."""
        return as_whole(self.value(key), self.at(key), self.faults, lowest, highest)

    def day(self, key: str) -> date:
        """A calendar day."""
        return as_day(self.value(key), self.at(key), self.faults)

    def optional_day(self, key: str) -> date | None:
        """The same, or None."""
        found = self.optional(key)
        return None if found is None else as_day(found, self.at(key), self.faults)

    def moment(self, key: str) -> datetime:
        """A wall time to the minute."""
        return as_moment(self.value(key), self.at(key), self.faults)

    # -- groups and lists ------------------------------------------------------------------------------------------

    def group(self, key: str) -> Reading:
        """The object under `key`; an empty one when there is none, which then misses its own fields."""
        return as_group(self.value(key), self.at(key), self.faults)

    def names(self, key: str, most: int) -> Iterator[tuple[str, Any, str]]:
        """Each (name, value, path) of the object under `key`, whose names are its own ids."""
        found = self.value(key)
        if found is None:
            return
        if not isinstance(found, dict):
            self.note(key, "This must be a group of fields.")
        elif len(found) > most:
            self.note(key, f"There can be at most {most} here; there are {len(found)}.")
        else:
            for name, value in found.items():
                path = f"{self.at(key)}.{shown(name)}"
                if value is None:
                    self.faults.note(path, "This is missing.")
                yield as_id(name, path, self.faults), value, path

    def groups(self, key: str, most: int, *, least: int = 0) -> Iterator[Reading]:
        """Each object of the list under `key`."""
        for value, path in self.items(key, most, least=least):
            yield as_group(value, path, self.faults)

    def items(self, key: str, most: int, *, least: int = 0) -> Iterator[tuple[Any, str]]:
        """Each value of the list under `key`, with its path."""
        return as_items(self.value(key), self.at(key), self.faults, most, least=least)

    def each(
        self, key: str, most: int, read: Callable[[Any, str, Faults], Read], *, least: int = 0
    ) -> tuple[Read, ...]:
        """Each value of the list under `key`, read by `read`."""
        return tuple(read(value, path, self.faults) for value, path in self.items(key, most, least=least))


def as_group(value: Any, path: str, faults: Faults) -> Reading:
    """An object of the file."""
    if isinstance(value, dict):
        return Reading(value, path, faults)
    if value is not None:
        faults.note(path, "This must be a group of fields.")
    return Reading({}, path, Faults())


def as_items(value: Any, path: str, faults: Faults, most: int, *, least: int = 0) -> Iterator[tuple[Any, str]]:
    """The values of a list, with their paths."""
    if value is None:
        return
    if not isinstance(value, list):
        faults.note(path, "This must be a list.")
    elif len(value) > most:
        faults.note(path, f"There can be at most {most} here; there are {len(value)}.")
    elif len(value) < least:
        faults.note(path, "There must be at least one." if least == 1 else f"There must be at least {least}.")
    else:
        for index, item in enumerate(value):
            if item is None:
                faults.note(f"{path}[{index}]", "This is missing.")
            yield item, f"{path}[{index}]"


def as_pair(value: Any, path: str, faults: Faults) -> tuple[Any, Any]:
    """Two values."""
    if isinstance(value, list) and len(value) == 2:
        return value[0], value[1]
    if value is not None:
        faults.note(path, "This must be a list of two.")
    return None, None


def as_id(value: Any, path: str, faults: Faults) -> str:
    """A short name on one line."""
    if isinstance(value, str) and 0 < len(value) <= LONGEST_ID and value.isprintable() and value == value.strip():
        return value
    if value is not None:
        faults.note(path, f"This must be a name of 1 to {LONGEST_ID} letters, digits and signs.")
    return ""


def as_word(value: Any, path: str, faults: Faults, words: Sequence[Word]) -> Word:
    """One of `words`."""
    for word in words:
        if isinstance(value, str) and value == word:
            return word
    if value is not None:
        faults.note(path, f"This must be one of: {', '.join(words)}.")
    return words[0]


def as_whole(value: Any, path: str, faults: Faults, lowest: int, highest: int) -> int:
    """A whole number from `lowest` to `highest`."""
    if isinstance(value, int) and not isinstance(value, bool) and lowest <= value <= highest:
        return value
    if value is not None:
        faults.note(path, f"This must be a whole number from {lowest} to {highest}.")
    return lowest


def as_number(value: Any, path: str, faults: Faults, lowest: int, highest: int) -> int | float:
    """A number from `lowest` to `highest`, kept whole where it is whole."""
    if isinstance(value, int | float) and not isinstance(value, bool) and lowest <= value <= highest:
        return int(value) if value == math.floor(value) else value
    if value is not None:
        faults.note(path, f"This must be a number from {lowest} to {highest}.")
    return lowest


def as_hours(value: Any, path: str, faults: Faults, highest: int) -> int | float:
    """Elapsed hours that come to whole minutes."""
    found = as_number(value, path, faults, 0, highest)
    if abs(found * 60 - round(found * 60)) > 1e-6:
        faults.note(path, "These hours must come to a whole number of minutes.")
    return found


def as_day(value: Any, path: str, faults: Faults) -> date:
    """A calendar day, `2027-03-08`."""
    if isinstance(value, str) and _DAY.fullmatch(value):
        try:
            found = date.fromisoformat(value)
        except ValueError:
            faults.note(path, "There is no such day.")
            return date(YEARS[0], 1, 1)
        if YEARS[0] <= found.year <= YEARS[1]:
            return found
        faults.note(path, f"This day is outside the years {YEARS[0]} to {YEARS[1]}.")
    elif value is not None:
        faults.note(path, "Write the day as 2027-03-08.")
    return date(YEARS[0], 1, 1)


def as_moment(value: Any, path: str, faults: Faults) -> datetime:
    """A wall time, `2027-03-08T09:30`."""
    if isinstance(value, str) and _MOMENT.fullmatch(value):
        try:
            found = datetime.fromisoformat(value)
        except ValueError:
            faults.note(path, "There is no such time.")
            return NOT_A_TIME
        if YEARS[0] <= found.year <= YEARS[1]:
            return found
        faults.note(path, f"This time is outside the years {YEARS[0]} to {YEARS[1]}.")
    elif value is not None:
        faults.note(path, "Write the time as 2027-03-08T09:30.")
    return NOT_A_TIME


def as_wall_span(value: Any, path: str, faults: Faults) -> tuple[datetime, datetime]:
    """Two wall times, the second later than the first."""
    before = faults.count
    first, second = as_pair(value, path, faults)
    start, end = as_moment(first, f"{path}[0]", faults), as_moment(second, f"{path}[1]", faults)
    if faults.count == before and end <= start:
        faults.note(path, "This ends before it begins.")
    return start, end


def as_minute_span(value: Any, path: str, faults: Faults) -> tuple[int, int]:
    """Two times of day as minutes from midnight, the second later than the first."""
    before = faults.count
    first, second = as_pair(value, path, faults)
    start, end = _clock(first, f"{path}[0]", faults), _clock(second, f"{path}[1]", faults)
    if faults.count == before and end <= start:
        faults.note(path, "This ends before it begins.")
    return start, end


def _clock(value: Any, path: str, faults: Faults) -> int:
    found = _CLOCK.fullmatch(value) if isinstance(value, str) else None
    if found:
        return int(found[1]) * 60 + int(found[2])
    faults.note(path, "Write the time of day as 09:30.")
    return 0
