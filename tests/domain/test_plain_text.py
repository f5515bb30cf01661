"""What no line of text may hold, and what cannot be seen at all."""

import pytest

from planner.domain.plain_text import as_read, can_be_seen, hides


@pytest.mark.parametrize("sign", ["\x00", "\t", "\n", "\x85", "\u2028", "\u2029", "\ud800", "\u202e", "\u2066"])
def test_signs_that_hide(sign: str) -> None:
    assert hides(sign)


@pytest.mark.parametrize("sign", ["a", "é", "ש", "\u200f", "\u200d", " ", "🙂", "=", "'"])
def test_signs_that_people_write(sign: str) -> None:
    assert not hides(sign)


def test_what_can_be_seen() -> None:
    assert all(can_be_seen(text) for text in ("a", " 1", "🙂", "-", "\u200dש"))
    assert not any(can_be_seen(text) for text in ("", " ", "\u200b\ufeff", "\u00a0"))


@pytest.mark.parametrize("other", ["Two a week ", "Two  a\u00a0week", "two A WEEK", "Two a\u200b week"])
def test_what_a_reader_takes_for_the_same(other: str) -> None:
    assert as_read(other) == as_read("Two a week")


def test_what_a_reader_tells_apart() -> None:
    assert as_read("Two a week") != as_read("Three a week")
    assert as_read("Twoaweek") != as_read("Two a week")
