"""Common passwords, and what people make of them to get the length."""

import time

import pytest

from planner.domain.errors import FieldError
from planner.services.accounts import LONGEST_PASSWORD, check_new_password
from planner.services.common_passwords import is_common
from planner.services.demo import DEMO_PASSWORD


@pytest.mark.parametrize(
    "word",
    [
        "1qaz2wsx3edc4rfv", "1QAZ2wsx3edc4rfv", "passwordpassword", "PasswordPassword", "dragon" * 100,
        "password1234567", "123456789012345", "iloveyoumonkey1",
    ],
)  # fmt: skip
def test_what_people_try_first_is_common(word: str) -> None:
    assert is_common(word)
    with pytest.raises(FieldError) as refused:
        check_new_password(word, field="new_password")
    assert refused.value.field == "new_password"
    assert refused.value.sentence.endswith("such as a sentence.")


@pytest.mark.parametrize(
    "word",
    ["a long enough sentence", "correct horse battery", "dragon839201748392", "пароль для примера", DEMO_PASSWORD],
)
def test_sentences_are_not(word: str) -> None:
    check_new_password(word)


def test_the_longest_password_is_looked_at_quickly() -> None:
    began = time.perf_counter()
    assert not is_common("4@8({[" * (LONGEST_PASSWORD // 6) + "x")
    assert time.perf_counter() - began < 1
