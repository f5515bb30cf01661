"""Minutes from the start, as cells and as spans."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planner.services.spreadsheets.held_spans import joined, read_spans, tell_spans
from planner.services.spreadsheets.values import CellFault


@given(st.lists(st.tuples(st.integers(0, 1000), st.integers(1, 400)), max_size=5))
def test_what_is_told_is_read_as_the_same_minutes(drawn: list[tuple[int, int]]) -> None:
    spans = [(start, start + length) for start, length in drawn]
    minutes = {minute for start, end in spans for minute in range(start, end)}
    together = joined(spans)
    assert {minute for start, end in together for minute in range(start, end)} == minutes
    assert sum(end - start for start, end in together) == len(minutes)
    assert read_spans(tell_spans(together)) == together


@pytest.mark.parametrize(
    ("cell", "spans"),
    [
        ("0 to 20", ((0, 20),)),
        ("90-130;0 TO 20", ((0, 20), (90, 130))),
        ("0–20; 20–40", ((0, 40),)),
        ("None", ()),
    ],
)
def test_what_people_write(cell: str, spans: tuple[tuple[int, int], ...]) -> None:
    assert read_spans(cell) == spans


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        ("20", "Write minutes from the start"),
        ("10:00 to 10:20", "Write minutes from the start"),
        ("0 to 20;", "Write minutes from the start"),
        ("20 to 20", "ends before it begins"),
        ("0 to 1441", "longer than a day"),
        ("2800 to 2900", "longer than a day"),
    ],
)
def test_what_cannot_be(cell: str, words: str) -> None:
    with pytest.raises(CellFault, match=words):
        read_spans(cell)
