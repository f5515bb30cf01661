"""No cell is a formula, and every cell comes back as it was."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planner.services.spreadsheets.cells import csv_bytes, protect, unprotect
from planner.services.spreadsheets.reading import read_sheet

HOSTILE = st.text(
    st.one_of(
        st.sampled_from(list("=+-@'\"\t\r\n;, 0a=\uff1d\uff0b\uff0d\uff20\u00a0\u200b\ufeff")),
        st.characters(exclude_categories=["Cs"], exclude_characters="\x00"),
    ),
    max_size=12,
)


@pytest.mark.parametrize(
    "value",
    ["=1+1", "+SUM(A1)", "-2+3", "@cmd", "\t=1", "\r=1", "  =1", "\u00a0=1", "\u200b=1", "\uff1d1", "\uff0b1",
     "\uff20x", "\uff0d1", "-", "=", "+-1", "-1e5"],
)  # fmt: skip
def test_what_a_spreadsheet_would_calculate_is_kept_text(value: str) -> None:
    cell = protect(value)
    assert cell.lstrip(" \u00a0\u200b").startswith("'")
    assert unprotect(cell) == value


def test_a_formula_after_a_semicolon_is_kept_text_too() -> None:
    """Where the semicolon separates, a comma-separated file is split there."""
    assert protect("Room;=1+1") == "Room;'=1+1"


@pytest.mark.parametrize("value", ["-5", "+5", "12", "-1.5", "0,5", "plain", "a=b", "3-4", "'quoted'", "'", "O'Neill"])
def test_what_is_no_formula_stays_as_it_is(value: str) -> None:
    assert protect(value) == value
    assert unprotect(value) == value


@given(HOSTILE)
def test_protection_comes_off_exactly(value: str) -> None:
    assert unprotect(protect(value)) == value


@given(HOSTILE)
def test_no_protected_cell_begins_a_formula(value: str) -> None:
    seen = protect(value).lstrip(" \u00a0\u200b\ufeff")
    dangerous = seen[:1] in set("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20") and seen[:1] != ""
    number = value.lstrip("+-").replace(",", "").replace(".", "").isdecimal()
    assert not dangerous or number


@given(st.lists(st.lists(HOSTILE, min_size=3, max_size=3), min_size=1, max_size=4))
def test_a_file_comes_back_as_it_was(rows: list[list[str]]) -> None:
    kept = [row for row in rows if any(cell.strip() for cell in row)]
    sheet = read_sheet(csv_bytes(("one", "two", "three"), kept), known_headers={"one", "two", "three"}.__contains__)
    assert [list(line.cells) for line in sheet.lines] == kept
    assert csv_bytes(sheet.header, [line.cells for line in sheet.lines]) == csv_bytes(("one", "two", "three"), kept)


def test_the_file_is_one_that_every_reader_of_csv_understands() -> None:
    content = csv_bytes(("a", "b"), [('say "so"', "two\r\nlines"), ("=1", "-5")])
    assert content.startswith(b"\xef\xbb\xbf")
    assert list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""))) == [
        ["a", "b"], ['say "so"', "two\r\nlines"], ["'=1", "-5"],
    ]  # fmt: skip
