"""Proposals against brute force: each is legal, one is made whenever a course exists, and refusals are honest."""

from dataclasses import replace
from datetime import date, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from planner.domain.conflicts import Rule
from planner.domain.statuses import AppointmentKind
from planner.scheduling.proposals import SENTENCES, ProposalSet, propose_courses
from tests.scheduling import scenario
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


def test_doses_keep_to_one_time_of_day_where_the_clinic_has_room_for_it() -> None:
    """Any check-in from 08:00 on is possible; the session's best hour alone would make the time wander."""
    first, last = date(2027, 1, 18), date(2027, 3, 31)
    days_open = scenario.spans(first, last, range(5), ("08:00", "18:00"))
    roomy = scenario.clinic(first, last, scenario.at(date(2027, 1, 20), "12:00"))
    staff = scenario.shifts(days_open)
    clinic = replace(
        roomy,
        nurses=tuple(replace(nurse, shifts=staff) for nurse in roomy.nurses),
        prescribers=tuple(replace(person, shifts=staff) for person in roomy.prescribers),
    )
    busy_mornings = tuple(
        span
        for day in (date(2027, 1, 28), date(2027, 2, 9))
        for span in scenario.spans(day, day, range(5), ("09:00", "12:00"))
    )
    therapists = tuple(replace(person, busy=busy_mornings) for person in clinic.therapists)
    found = propose_courses(
        replace(clinic, therapists=therapists),
        scenario.request(date(2027, 1, 25), preparation_days=(date(2027, 1, 20),)),
    )
    for proposal in found.proposals:
        walls = {scenario.wall(p.start)[-5:] for p in proposal.of_kind(AppointmentKind.INFUSION)}
        assert len(walls) == 1, (sorted(proposal.pattern), walls)
