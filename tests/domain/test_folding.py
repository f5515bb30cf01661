"""What is typed finds a name whatever the size of letters and the accents, and the best fit comes first."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planner.domain.folding import Wanted, fold, words_in


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Élodie", "ELODIE"),
        ("Øst", "ost"),
        ("Łukasz", "LUKASZ"),
        ("Straße", "STRASSE"),
        ("E\u0301lodie", "élodie"),
        ("ΑΛΈΞΗΣ", "αλεξησ"),
        ("İzmir", "izmir"),
        ("ﬁr", "fir"),
        ("O’Test", "o'test"),
        ("ЁЛКА", "елка"),
    ],
)
def test_accents_and_capitals_make_no_difference(one: str, other: str) -> None:
    assert fold(one) == fold(other)


@pytest.mark.parametrize(
    ("typed", "code", "name", "rank"),
    [
        ("P-104", "P-104", "Test Fir", 0),
        ("p104", "P-104", "Test Fir", 0),
        ("104", "P-104", "Test Fir", 0),
        ("p 104", "P-104", "Test Fir", 0),
        ("P-10", "P-104", "Test Fir", 1),
        ("10", "P-104", "Test Fir", 1),
        ("test f", "P-104", "Test Fir", 2),
        ("fir", "P-104", "Test Fir", 3),
        ("fir te", "P-104", "Test Fir", 3),
        ("alder", "P-104", "Sam Sample-Alder", 3),
        ("ir", "P-104", "Test Fir", 4),
        ("t f", "", "Test Fir", 3),
        ("04", "P-104", "Test Fir", None),
        ("r", "P-104", "Test Fir", None),
        ("fir oak", "P-104", "Test Fir", None),
        ("fir 104", "P-104", "Test Fir", None),
        ("", "P-104", "Test Fir", None),
        ("--", "P-104", "Test --", None),
    ],
)
def test_the_best_fit_has_the_lowest_rank(typed: str, code: str, name: str, rank: int | None) -> None:
    assert Wanted.of(typed).rank(code, name) == rank


@given(st.text(max_size=30), st.text(max_size=12), st.text(max_size=40))
def test_no_text_is_a_fault_and_every_word_of_a_name_finds_it(typed: str, code: str, name: str) -> None:
    assert Wanted.of(typed).rank(code, name) in (None, 0, 1, 2, 3, 4)
    for word in words_in(fold(name)):
        assert Wanted.of(word).rank(code, name) is not None
