"""Proposals against brute force: each is legal, one is made whenever a course exists, and refusals are honest."""

from dataclasses import replace
from datetime import date, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from planner.domain.conflicts import Rule
from planner.domain.protocols import Holding, Spacing
from planner.domain.statuses import AppointmentKind
from planner.scheduling.proposals import SENTENCES, ProposalSet, propose_courses
from planner.scheduling.sheets import ClinicSheet, CourseRequest
from tests.scheduling import scenario
from tests.scheduling.brute import Brute
from tests.scheduling.plain import clinic, nurse, on, protocol, request, therapist, visit, windowed
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


# -- the most sessions of a day ----------------------------------------------------------------------------------------


def daily(*, most: int | None, second: bool = False) -> tuple[ClinicSheet, CourseRequest]:
    """Two doses on days in a row at 12:00, each with a session within the day: 08:00 to 10:00 or 16:00 to 18:00."""
    integration = windowed(opens_h=1, peak_start_h=1, peak_end_h=22, closes_h=22, tail_end_h=22, ideal_offset_h=20,
                           knots=((1, 1.0), (22, 1.0)))  # fmt: skip
    plan = protocol(doses=2, spacing=Spacing(1, 1, 1, 1), integration=integration)
    hours = [(on(day, a), on(day, b)) for day in (3, 4, 5) for a, b in (("08:00", "10:00"), ("16:00", "18:00"))]
    doses = tuple((on(day, "12:00"), on(day, "13:00")) for day in (3, 4))
    evenings = [span for span in hours if span[0] in (on(4, "16:00"), on(3, "16:00"))] if second else []
    people = [therapist(1, hours[2], hours[3], most_sessions=most)]
    people += [therapist(2, *evenings, most_sessions=1)] if evenings else []
    supply = clinic(nurses=(nurse(1, *doses),), therapists=tuple(people))
    visit_ = visit(Holding.CHAIR, Holding.NURSE)
    return supply, request(replace(plan, visit=visit_))


def test_a_course_that_would_fill_a_day_by_itself_is_offered_within_the_limit_only() -> None:
    """Both sessions can be on day 4 only, and with one therapist only."""
    for most in (None, 2):
        (proposal,) = propose_courses(*daily(most=most)).proposals
        assert Brute(*daily(most=most)).faults(proposal.placements) == []
    found = propose_courses(*daily(most=1))
    assert found.proposals == ()
    assert Rule.DAY_FULL in {conflict.rule for conflict in found.refused}
    assert not Brute(*daily(most=1)).course_exists()


def test_somebody_else_holds_the_session_that_would_be_one_too_many() -> None:
    (proposal,) = propose_courses(*daily(most=1, second=True)).proposals
    talks = proposal.of_kind(AppointmentKind.INTEGRATION)
    assert sorted(talk.therapist_id or 0 for talk in talks) == [1, 2]
    assert Brute(*daily(most=1, second=True)).faults(proposal.placements) == []


def test_a_full_day_is_left_out_before_and_a_free_one_taken() -> None:
    first, last = date(2027, 1, 18), date(2027, 3, 31)
    supply = scenario.clinic(first, last, scenario.at(date(2027, 1, 20), "12:00"))
    asked = scenario.request(date(2027, 1, 25), preparation_days=(date(2027, 1, 20),))
    tuesdays = {p.start for found in propose_courses(supply, asked).proposals for p in found.placements if p.session}
    full = tuple(sorted(min(s for s in tuesdays if s // 1440 == day) for day in {s // 1440 for s in tuesdays}))
    people = tuple(replace(person, most_sessions=1, sessions=full[:3]) for person in supply.therapists)
    limited = replace(supply, therapists=people)
    found = propose_courses(limited, asked).proposals
    assert found
    for proposal in found:
        assert Brute(limited, asked).faults(proposal.placements) == []
