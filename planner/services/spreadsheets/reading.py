"""From the bytes a spreadsheet wrote to a header and numbered lines. Pure: no database, no clock.

Nothing is guessed in silence: what was found (the encoding, the separator) is told, and can be chosen instead.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from planner.domain.errors import PlannerError
from planner.services.spreadsheets.cells import unprotect

MOST_BYTES: Final = 20_000_000
MOST_LINES: Final = 100_000
#: How many lines with nothing but line ends, or inside quotation marks, there may be for each record.
LINES_A_RECORD: Final = 3
LONGEST_LINE: Final = 20_000
MOST_COLUMNS: Final = 60

#: Codec names and what to call them, in the order they are offered.
ENCODINGS: Final[dict[str, str]] = {
    "utf-8": "UTF-8",
    "utf-16": "UTF-16",
    "cp1252": "Windows-1252 (Western Europe)",
    "cp1250": "Windows-1250 (Central Europe)",
    "iso-8859-1": "Latin-1 (ISO 8859-1)",
    "iso-8859-15": "Latin-9 (ISO 8859-15)",
    "mac-roman": "Macintosh (Roman)",
}
SEPARATORS: Final[dict[str, str]] = {",": "comma", ";": "semicolon", "\t": "tab"}
_SPLIT: Final = "Split it, and bring the parts one by one."
# Only these three end a line; Python's own splitting knows more, which may stand inside a cell.
_LINE: Final = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")
_END: Final = re.compile(r"\r\n|\r|\n")
_SEPARATOR_LINE: Final = re.compile(r"\"?sep=([,;\t])\"?", re.IGNORECASE)
EMPTY: Final = "This file is empty. The first line has to hold the names of the columns."
_NOT_TEXT: Final[tuple[tuple[bytes, str], ...]] = (
    (b"PK\x03\x04", "This is a workbook (such as .xlsx or .ods)"),
    (b"\xd0\xcf\x11\xe0", "This is an old workbook (.xls)"),
    (b"%PDF", "This is a PDF"),
    (b"\x1f\x8b", "This is a compressed file"),
)
_SAVE_AS: Final = "In the spreadsheet choose “Save as” and CSV UTF-8, and bring that file."


class Unreadable(PlannerError):
    """The file as a whole cannot be read; the sentence says why and what to do."""


@dataclass(frozen=True, slots=True)
class SheetLine:
    """One record of the file: the number of the line it begins on, and its cells as the file has them, unprotected."""

    number: int
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Sheet:
    """A read file. `notes` say what was found out about it."""

    header: tuple[str, ...]
    lines: tuple[SheetLine, ...]
    notes: tuple[str, ...] = field(default=())


def read_sheet(
    content: bytes,
    *,
    encoding: str = "",
    known_headers: Callable[[str], bool] = lambda _: False,
    tell: Callable[[int], None] = lambda _: None,
) -> Sheet:
    """The header and the lines that are not empty. Raises Unreadable, with one sentence.

    `encoding` is a key of ENCODINGS; empty finds it out. `known_headers` says whether a header is one we look for,
    which decides between separators. `tell` hears how many lines are read.
    """
    text, used = decoded(content, encoding)
    notes = [f"Read as {ENCODINGS[used]}."]
    physical = _physical_lines(text)
    if not physical:
        raise Unreadable(EMPTY)
    separator, skipped = _separator(physical, known_headers)
    if separator != ",":
        notes.append(f"The separator is the {SEPARATORS[separator]}.")
    records = _records(physical[skipped:], separator, skipped)
    header: tuple[str, ...] = ()
    lines: list[SheetLine] = []
    for number, cells in records:
        if not any(cell.strip() for cell in cells):
            continue
        if not header:
            header = _without_empty_end(cells)
            continue
        lines.append(SheetLine(number, tuple(unprotect(cell) for cell in cells)))
        if len(lines) > MOST_LINES:
            raise Unreadable(f"This file has more than {MOST_LINES:,} lines. {_SPLIT}")
        if len(lines) % 1000 == 0:
            tell(len(lines))
    if not header:
        raise Unreadable(EMPTY)
    if len(header) > MOST_COLUMNS:
        raise Unreadable(
            f"The first line has {len(header)} columns; no kind of file here has more than {MOST_COLUMNS}."
        )
    return Sheet(header, tuple(lines), tuple(notes))


# Bytes to text


def decoded(content: bytes, encoding: str = "") -> tuple[str, str]:
    """The text without its byte-order mark, and the codec it was read with (a key of ENCODINGS). Raises Unreadable."""
    if not content.strip(b"\x00 \t\r\n"):
        raise Unreadable(EMPTY)
    for beginning, what in _NOT_TEXT:
        if content.startswith(beginning):
            raise Unreadable(f"{what}, not a CSV file. {_SAVE_AS}")
    text, used = _chosen(content, encoding) if encoding else _found_out(content)
    if "\x00" in text:
        raise Unreadable(f"This file holds zero bytes, so it is not a CSV file in {ENCODINGS[used]}. {_SAVE_AS}")
    return text.removeprefix("\ufeff"), used


def _chosen(content: bytes, encoding: str) -> tuple[str, str]:
    if encoding not in ENCODINGS:
        raise Unreadable("Choose one of the encodings offered.")
    try:
        return content.decode(encoding), encoding
    except UnicodeDecodeError as error:
        where = len(_END.findall(content[: error.start].decode(encoding, "replace"))) + 1
        raise Unreadable(
            f"This file is not in {ENCODINGS[encoding]}: line {where} does not fit. Choose another encoding, "
            "or let us find out."
        ) from error


def _found_out(content: bytes) -> tuple[str, str]:
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return _chosen(content, "utf-16")
    for encoding in ("utf-8", "cp1252"):
        try:
            return content.decode(encoding), encoding
        except UnicodeDecodeError:
            continue
    return content.decode("iso-8859-1"), "iso-8859-1"


# Text to records


def _physical_lines(text: str) -> list[str]:
    """Lines with their ends; a single one too long for a table is refused before anything is made of it."""
    lines: list[str] = []
    for found in _LINE.finditer(text):
        line = found[0]
        lines.append(line)
        if len(lines) > MOST_LINES * LINES_A_RECORD:
            raise Unreadable(f"This file has more than {MOST_LINES:,} lines. {_SPLIT}")
        if len(line) > LONGEST_LINE:
            raise Unreadable(
                f"Line {len(lines)} has {len(line):,} characters; no line of a table here is longer than "
                f"{LONGEST_LINE:,}. Bring a CSV file with one record to a line."
            )
    return lines


def _separator(lines: Sequence[str], known: Callable[[str], bool]) -> tuple[str, int]:
    """The separator, and how many lines come before the header: a spreadsheet may name it in a line of its own."""
    first = next((index for index, line in enumerate(lines) if line.strip(' ,;\t"\r\n')), 0)
    if named := _SEPARATOR_LINE.fullmatch(lines[first].strip("\r\n ")):
        return named[1], first + 1
    scores = {separator: _score(lines[first:], separator, known) for separator in SEPARATORS}
    return max(SEPARATORS, key=lambda separator: scores[separator]), 0


def _score(lines: Sequence[str], separator: str, known: Callable[[str], bool]) -> tuple[int, int]:
    try:
        _, cells = next(_records(lines, separator, 0))
    except (StopIteration, Unreadable):
        return (0, 0)
    return (sum(known(cell) for cell in cells), len(_without_empty_end(cells)))


def _records(lines: Iterable[str], separator: str, before: int) -> Iterator[tuple[int, list[str]]]:
    """Each record with the number of its first line. `before` lines of the file came before `lines`."""
    reader = csv.reader(lines, delimiter=separator, strict=True)
    number = before + 1
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise Unreadable(
                f"The quotation marks do not match in the record that begins on line {number}. A quotation mark inside "
                "a cell is written twice."
            ) from error
        yield number, cells
        number = before + reader.line_num + 1


def _without_empty_end(cells: Sequence[str]) -> tuple[str, ...]:
    kept = list(cells)
    while kept and not kept[-1].strip():
        kept.pop()
    return tuple(kept)
