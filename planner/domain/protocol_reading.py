"""Reading a protocol document field by field: what is there, of which type, and where each number comes from.

A `Reader` never stops at the first fault: it notes a sentence at the field's dotted path, hands back a
stand-in value, and the caller drops what it built unless the reader stayed sound.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, TypeVar, cast

from planner.domain.protocols import Mark, Provenance

MARKS: tuple[Mark, ...] = ("clinic policy", "label")
SHORT_TEXT = 200
LONG_TEXT = 2_000
"""Longest texts, in characters: names fit a heading, notes fit a screen."""

MOST_ITEMS = 50
"""Longest list a document may hold, far above any real protocol's blocks, phases or knots."""

MOST_REAL = 1e6
"""Above this no hour or preference is read at all; their own limits are far below."""

_SLUG = re.compile(r"[a-z0-9]+([-_][a-z0-9]+)*")
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
_LINE_BREAK_OR_TAB = re.compile(r"[\t\n\r\u2028\u2029]")

Option = TypeVar("Option", bound=str)


@dataclass(slots=True)
class Findings:
    """What reading one document has found so far."""

    problems: list[tuple[str, str]] = field(default_factory=list)
    provenance: dict[str, Provenance] = field(default_factory=dict)


class Reader:
    """One object of the document, at `path`. Every field is read by the method of its type."""

    def __init__(self, fields: Mapping[Any, Any], path: str, findings: Findings) -> None:
        self._fields = fields
        self._path = path
        self._findings = findings
        self._known: set[str] = set()
        self._problems_before = len(findings.problems)

    def sound(self) -> bool:
        """True while nothing read through this reader, or through one it handed out since, was at fault."""
        return len(self._findings.problems) == self._problems_before

    def at(self, key: str) -> str:
        """The dotted path of the field `key`."""
        return f"{self._path}.{key}" if self._path else key

    def note(self, key: str, sentence: str) -> None:
        """Record a fault at the field `key` (the object itself when empty)."""
        self._findings.problems.append((self.at(key) if key else self._path, sentence))

    def refuse_unknown(self) -> None:
        """Note every field nobody asked for; call it once all known ones were read."""
        for key in self._fields:
            if key not in self._known:
                shown = _UNPRINTABLE.sub("?", str(key)[:40])
                self.note(shown, f"A protocol has no field called “{shown}” here.")

    def text(self, key: str, longest: int = SHORT_TEXT) -> str:
        """A text that is not blank, at most `longest` characters; only long texts may have line breaks."""
        value = self._required(key)
        if value is None:
            return ""
        if not isinstance(value, str):
            self.note(key, "This must be text.")
        elif len(value) > longest:
            self.note(key, f"Keep this to {longest} characters; it has {len(value)}.")
        elif not value.strip():
            self.note(key, "This cannot be empty.")
        elif longest <= SHORT_TEXT and _LINE_BREAK_OR_TAB.search(value):
            self.note(key, "Write this on one line, without tabs.")
        elif _UNPRINTABLE.search(value):
            self.note(key, "This holds characters that cannot be shown; type it again.")
        else:
            return value
        return ""

    def slug(self, key: str) -> str:
        """A short name in small letters, digits, hyphens and underscores, fit for an address."""
        value = self.text(key)
        if value and not _SLUG.fullmatch(value):
            self.note(key, "Use small letters, digits and single hyphens or underscores only.")
        return value

    def flag(self, key: str) -> bool:
        """Exactly true or false."""
        value = self._required(key)
        if value is not None and not isinstance(value, bool):
            self.note(key, "This must be true or false.")
        return value is True

    def choice(self, key: str, options: Sequence[Option]) -> Option:
        """One of `options`."""
        value = self._required(key)
        if isinstance(value, str):
            for option in options:
                if option == value:
                    return option
        if value is not None:
            self.note(key, f"This must be one of: {', '.join(options)}.")
        return options[0]

    def choices(self, key: str, options: Sequence[Option]) -> frozenset[Option]:
        """Any number of `options`, each at most once."""
        chosen: list[Option] = []
        for value in self._list(key):
            chosen += [option for option in options if isinstance(value, str) and option == value]
            if not isinstance(value, str) or value not in options:
                self.note(key, f"Each must be one of: {', '.join(options)}.")
        if len(set(chosen)) < len(chosen):
            self.note(key, "Name each only once.")
        return frozenset(chosen)

    def whole(self, key: str, unit: str, lowest: int, highest: int) -> int:
        """A whole number of `unit` between `lowest` and `highest`, with its provenance."""
        value = self._number(key, unit)
        if value is None:
            return lowest
        if not isinstance(value, int):
            self.note(key, "This must be a whole number.")
        elif value < 0:
            self.note(key, "This cannot be negative.")
        elif not lowest <= value <= highest:
            self.note(key, f"This must lie between {lowest} and {highest}.")
        else:
            return value
        return lowest

    def wholes(self, key: str, unit: str, lowest: int, highest: int) -> tuple[int, ...]:
        """Whole numbers of `unit` between `lowest` and `highest`, each larger than the one before, with the one
        provenance they share."""
        values = self._valued(key, unit)
        if values is None:
            return ()
        if not isinstance(values, list | tuple) or not 1 <= len(values) <= MOST_ITEMS:
            self.note(key, f"This must be a list of 1 to {MOST_ITEMS} numbers.")
        elif not all(isinstance(value, int) and not isinstance(value, bool) for value in values):
            self.note(key, "Each of these must be a whole number.")
        elif not all(lowest <= value <= highest for value in values):
            self.note(key, f"Each of these must lie between {lowest} and {highest}.")
        elif any(after <= before for before, after in pairwise(values)):
            self.note(key, "Name each once, in order.")
        else:
            return tuple(values)
        return ()

    def has(self, key: str) -> bool:
        """Whether the field is there at all; for fields that may be left out."""
        return key in self._fields

    def real(self, key: str, unit: str) -> float:
        """A number of `unit`, not negative, with its provenance."""
        value = self._number(key, unit)
        if value is None:
            return 0.0
        if value < 0:
            self.note(key, "This cannot be negative.")
        elif not value <= MOST_REAL:  # written so that "not a number" is refused too
            self.note(key, "This number is too large to mean anything here.")
        else:
            return float(value)
        return 0.0

    def section(self, key: str, *, optional: bool = False) -> Reader | None:
        """The object under `key`; None when it is at fault, or when it is optional and null."""
        if optional and key in self._fields and self._fields[key] is None:
            self._known.add(key)
            return None
        value = self._required(key)
        if isinstance(value, Mapping):
            return Reader(value, self.at(key), self._findings)
        if value is not None:
            self.note(key, "This must be a group of fields.")
        return None

    def sections(self, key: str) -> Iterator[Reader]:
        """Each object in the list under `key`, to be read before the next is asked for."""
        for index, value in enumerate(self._list(key)):
            if isinstance(value, Mapping):
                yield Reader(value, self.at(f"{key}.{index}"), self._findings)
            else:
                self.note(f"{key}.{index}", "This must be a group of fields.")

    def _required(self, key: str) -> object:
        self._known.add(key)
        value: object = self._fields.get(key)
        if value is None:
            self.note(key, "This is missing.")
        return value

    def _list(self, key: str) -> Iterable[object]:
        value = self._required(key)
        if value is None:
            return ()
        if not isinstance(value, list | tuple):
            self.note(key, "This must be a list.")
            return ()
        if len(value) > MOST_ITEMS:
            self.note(key, f"This list can hold at most {MOST_ITEMS}; it has {len(value)}.")
            return ()
        return cast("Sequence[object]", value)

    def _number(self, key: str, unit: str) -> int | float | None:
        value = self._valued(key, unit)
        if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
            self.note(f"{key}.value", "This must be a number.")
            return None
        return value

    def _valued(self, key: str, unit: str) -> object:
        """The value of what is written with a unit and a source; None when any of it is at fault."""
        written = self._required(key)
        if written is None:
            return None
        if not isinstance(written, Mapping):
            self.note(key, "Write this number with its value, unit, mark and source.")
            return None
        number = Reader(written, self.at(key), self._findings)
        value = number._required("value")
        number.choice("unit", (unit,))
        mark = number.choice("mark", MARKS)
        source = number.text("source", LONG_TEXT)
        strength = number.text("strength") if "strength" in written else None
        number.refuse_unknown()
        if not number.sound():
            return None
        self._findings.provenance[self.at(key)] = Provenance(mark, source, strength)
        return value
