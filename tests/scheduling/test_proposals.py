"""Proposals against brute force: each is legal, one is made whenever a course exists, and refusals are honest."""

from dataclasses import replace
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from planner.domain.conflicts import Rule
from planner.scheduling.proposals import SENTENCES, ProposalSet, propose_courses
from tests.scheduling.brute import Brute
from tests.scheduling.small import Small

SEEDS = st.integers(0, 2**32)


@settings(max_examples=60)
@given(SEEDS)
def test_every_offered_course_is_legal_and_one_is_offered_whenever_one_exists(seed: int) -> None:
    small = Small(seed)
    brute = Brute(small.clinic, small.request)
    found = propose_courses(small.clinic, small.request)
    for proposal in found.proposals:
        assert brute.faults(proposal.placements) == []
    assert bool(found.proposals) == brute.course_exists()
    assert bool(found.proposals) != bool(found.refused)


@settings(max_examples=30)
@given(SEEDS)
def test_a_refusal_names_rules_whose_absence_makes_a_course_appear(seed: int) -> None:
    small = Small(seed)
    found = propose_courses(small.clinic, small.request)
    if not found.proposals:
        assert_honest(small, found)


def assert_honest(small: Small, found: ProposalSet) -> None:
    rules = [conflict.rule for conflict in found.refused]
    assert rules
    if rules == [Rule.SPAN]:
        assert not Brute(small.clinic, small.request, SENTENCES).course_exists()
    else:
        left_out = rules if found.together else rules[:1]
        assert Brute(small.clinic, small.request, left_out).course_exists()


def test_a_roster_too_short_for_the_course_is_said_to_be() -> None:
    small = Small(1)
    short = replace(small.clinic, last_day=small.clinic.first_day)
    found = propose_courses(short, replace(small.request, earliest_day=small.first + timedelta(days=2)))
    assert found.proposals == ()
    assert "roster" in found.refused[0].sentence
