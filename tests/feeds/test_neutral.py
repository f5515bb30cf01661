import pytest

from planner.feeds.neutral import check_neutral, forbidden_words, is_neutral, is_neutral_name


@pytest.mark.parametrize("text", ["Appointment", "Visit", "Northfield", "Your visit", "My time", "Rendez-vous"])
def test_neutral_names_can_be_used(text):
    assert check_neutral(text) is None


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("Ketamine visit", "ketamin"),
        ("ESKETAMINE", "ketamin"),
        ("K\u00e9tamine", "ketamin"),
        ("\uff2betamine", "ketamin"),
        ("Ket\u200bamine", "ketamin"),
        ("Spravato day", "spravato"),
        ("Infusion 3", "infus"),
        ("Integration", "integration"),
        ("Psychotherapy", "psych"),
        ("Physiotherapist", "therap"),
        ("IV", "iv"),
        ("Dose 3 of 6", "dose"),
        ("NAD+ visit", "nad"),
        ("PHQ-9", "phq"),
        ("Visit \U0001f489", "\U0001f489"),
    ],
)
def test_a_word_that_tells_is_named_in_the_answer(text, word):
    answer = check_neutral(text)

    assert answer is not None
    assert f"\u201c{word}\u201d" in answer
    assert not is_neutral(text)


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("", "Enter"),
        (" \x00\u200e".strip("\u200e"), "Enter"),
        ("One\nTwo", "one line"),
        ("x" * 41, "40"),
        ("Call 555 010 1234", "phone"),
        ("+1 (555) 010-12", "phone"),
        ("see example.test/@me", "addresses"),
        ("https://example.test", "addresses"),
    ],
)
def test_other_faults_get_one_sentence_of_their_own(text, part):
    assert part in (check_neutral(text) or "")


@pytest.mark.parametrize("text", ["Ivy", "Kim", "Nadia", "Overdosen", "Dripping Springs", "Maria"])
def test_short_words_count_only_as_words(text):
    assert is_neutral(text)


def test_names_may_hold_words_that_are_names_but_not_services():
    assert is_neutral_name("Test Patient Gad Im IV")
    assert not is_neutral_name("Ketamine Patient")
    assert not is_neutral_name("Test Patient, dose 3")


def test_the_list_covers_what_must_never_appear():
    drugs_and_services = ("ketamine", "spravato", "infusion", "integration", "psychotherapy")
    findings_and_instructions = ("dose", "diagnosis", "score", "escort", "fasting")

    for word in drugs_and_services + findings_and_instructions:
        assert any(part in word for part in forbidden_words()), word
        assert not is_neutral(f"A {word} here"), word
