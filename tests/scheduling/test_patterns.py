"""Which weekdays the doses of a course can keep to."""

from planner.scheduling.patterns import pattern_words, patterns

MON, TUE, WED, THU, FRI, SAT, SUN = range(7)


def test_the_gaps_of_a_pattern_keep_the_spacing_round_the_week() -> None:
    assert patterns((MON, TUE, THU), 2, 3, 4) == [{MON, THU}]
    assert patterns((MON, TUE, THU), 2, 2, 5) == [{MON, THU}, {TUE, THU}]
    assert patterns((MON, TUE, THU), 2, 1, 6) == [{MON, TUE}, {MON, THU}, {TUE, THU}]


def test_a_gap_round_the_week_above_the_most_days_is_no_pattern() -> None:
    assert patterns((MON, WED), 2, 2, 4) == []
    assert patterns((MON, WED), 2, 2, 5) == [{MON, WED}]


def test_a_gap_round_the_week_below_the_least_days_is_no_pattern() -> None:
    assert patterns((MON, SUN), 2, 2, 6) == []
    assert patterns((MON, SAT), 2, 2, 6) == [{MON, SAT}]


def test_once_a_week_or_less_is_one_weekday_whatever_the_longest_gap() -> None:
    assert patterns((MON, THU), 1, 5, 6) == [{MON}, {THU}]
    assert patterns((MON, THU), 0, 5, 6) == [{MON}, {THU}]
    assert patterns((MON,), 1, 8, 30) == []


def test_patterns_are_told_from_monday_on() -> None:
    assert pattern_words(frozenset({THU, MON})) == "Mon/Thu"
    assert pattern_words(frozenset()) == "Any day"
