"""Cells that no spreadsheet takes for a formula, and the CSV they stand in.

A cell may begin with `=`, `+`, `-` or `@`, and a spreadsheet would calculate it. An apostrophe before it keeps it
text. Reading takes exactly that apostrophe off again, so that what was written comes back as it was, whatever it is.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from typing import Final

BOM: Final = "\ufeff"
_FORMULA: Final = "=+\\-@\uff1d\uff0b\uff0d\uff20"
#: What a spreadsheet passes over before it looks: spaces of all kinds, and marks without width.
_BLANK: Final = "(?:[^\\S\t\r\n]|[\u00ad\u200b-\u200f\u2060\ufeff])*"
# Where a cell begins: at its start, and after what another country's spreadsheet takes for the end of a cell.
_SITE: Final = re.compile(
    f"(^{_BLANK})('*)(?=[{_FORMULA}\t\r\n])|((?<=[;\t\r\n]){_BLANK})('*)(?=[{_FORMULA}])",
)
_NUMBER: Final = re.compile(r"[+-]?[0-9]+([.,][0-9]+)?")


def protect(value: str) -> str:
    """The value as a cell that is text everywhere. Plain numbers stay numbers."""
    if _NUMBER.fullmatch(value):
        return value
    return _SITE.sub(lambda found: f"{found[0]}'", value)


def unprotect(cell: str) -> str:
    """What `protect` was given; a cell that was never protected stays as it is unless it looks exactly like one."""
    if "'" not in cell or _NUMBER.fullmatch(cell):
        return cell
    return _SITE.sub(lambda found: found[0].removesuffix("'"), cell)


def csv_bytes(header: Sequence[str], rows: Iterable[Sequence[str]]) -> bytes:
    """A whole file: UTF-8 with a byte-order mark, without which common spreadsheets garble accents; commas, CRLF.

    Every cell is quoted, so that no comma, quotation mark or line break in it ends it.
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    writer.writerow(header)
    writer.writerows([protect(value) for value in row] for row in rows)
    return (BOM + text.getvalue()).encode()
