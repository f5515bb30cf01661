"""What a proposal is made of and says about itself: sessions, chairs, boosters, gaps and span, one rule at a time."""

from datetime import date

import pytest

from planner.domain.conflicts import Rule
from planner.domain.protocols import BoosterRule, Protocol, Spacing, SpanRule
from planner.domain.statuses import AppointmentKind
from planner.scheduling.placements import CourseProposal
from planner.scheduling.proposals import boosters, propose_courses
from planner.scheduling.sheets import ClinicSheet, Span, ThingSheet
from tests.scheduling.plain import (
    DAYS,
    SESSION,
    VISIT,
    chair,
    clinic,
    no_sessions,
    on,
    patient,
    phase,
    protocol,
    request,
    rolling,
    therapist,
)

BARE = no_sessions()


def free(number: int, *days: int) -> ThingSheet:
    """A chair that is free at 09:00 on these days only."""
    edges = [on(0), *(on(day, wall) for day in days for wall in ("09:00", "10:00")), on(DAYS)]
    return chair(number, *zip(edges[::2], edges[1::2], strict=True))


def proposed(plan: Protocol, *days: int, **changes: object) -> CourseProposal:
    """The best course with doses at 09:00 on some of these days."""
    supply: dict[str, object] = {"chairs": (free(1, *days),)}
    return propose_courses(clinic(**(supply | changes)), request(plan)).proposals[0]


def rules(proposal: CourseProposal) -> list[tuple[Rule, int | None]]:
    return [(r.rule, r.number) for r in proposal.remarks if r.rule in (Rule.SPACING, Rule.SPAN)]


@pytest.mark.parametrize(("day", "remarked"), [(6, False), (7, True)])
def test_a_gap_from_the_warning_on_is_remarked(day: int, remarked: bool) -> None:
    proposal = proposed(protocol(2, Spacing(2, 3, 5, 7), integration=BARE), 2, day)
    assert (proposal.gaps, rules(proposal)) == ((day - 2,), [(Rule.SPACING, 2)] * remarked)


def test_a_gap_aimed_at_is_not_remarked_although_warned_from() -> None:
    assert rules(proposed(protocol(2, Spacing(2, 5, 5, 7), integration=BARE), 2, 7)) == []


@pytest.mark.parametrize(("target", "review", "told"), [(5, 7, None), (4, 5, "aimed at"), (3, 4, "reviews it")])
def test_a_long_series_is_remarked_and_a_very_long_one_reviewed(target: int, review: int, told: str | None) -> None:
    """Five days from the first dose to the last."""
    plan = protocol(2, Spacing(2, 5, 7, 7), integration=BARE, span=SpanRule(target, review))
    proposal = proposed(plan, 2, 7)
    assert proposal.span_days == 5
    assert len(proposal.remarks) == (told is not None)
    assert all(told is not None and told in remark.sentence for remark in proposal.remarks)


def test_boosters_count_from_the_last_dose() -> None:
    plan = protocol(boosters=BoosterRule(28, 14, 90, 2))
    days = [(booster.number, booster.day) for booster in boosters(plan, date(2027, 2, 1))]
    assert days == [(1, date(2027, 3, 1)), (2, date(2027, 3, 29))]
    assert boosters(protocol(), date(2027, 2, 1)) == ()


def test_doses_keep_their_chair_where_it_is_free() -> None:
    plan = protocol(2, Spacing(2, 3, 6, 7), integration=BARE)
    kept = proposed(plan, chairs=(free(1, 5), free(2, 2, 5)))
    assert [p.chair_id for p in kept.of_kind(AppointmentKind.INFUSION)] == [2, 2]
    changed = proposed(plan, chairs=(free(1, 5), free(2, 2)))
    assert [p.chair_id for p in changed.of_kind(AppointmentKind.INFUSION)] == [2, 1]


def test_a_rolling_session_ends_a_break_before_the_visit() -> None:
    supply: ClinicSheet = clinic(chairs=(free(1, 2, 5),))
    plan = protocol(2, Spacing(2, 3, 6, 7), integration=rolling())
    found = propose_courses(supply, request(plan, patient=patient(turnover=15))).proposals[0]
    (session,) = found.of_kind(AppointmentKind.INTEGRATION)
    assert (session.end, session.number, session.serves) == (on(5, "09:00") - 15, 1, 1)


@pytest.mark.parametrize(("turnover", "start"), [(0, 0), (15, 20)])
def test_consolidation_comes_a_break_after_the_last_session(turnover: int, start: int) -> None:
    """The last session is at 09:40 the next morning, and consolidation is possible from then on; times lie 10 apart."""
    works: Span = (on(3, "09:40"), on(4))
    plan = protocol(1, consolidation=phase("consolidation"))
    found = proposed(plan, 2, therapists=(therapist(1, works, turnover=turnover),))
    (session,) = found.of_kind(AppointmentKind.INTEGRATION)
    (consolidation,) = found.of_kind(AppointmentKind.CONSOLIDATION)
    assert session.start == on(3, "09:40")
    assert consolidation.start == session.end + start


def test_no_two_proposals_are_the_same_and_no_more_than_asked_for() -> None:
    """Two days with room fit several patterns once a day without room slides to the next."""
    plan = protocol(2, Spacing(2, 3, 6, 7), integration=BARE)
    supply = clinic(chairs=(free(1, 2, 5, 7, 9, 12, 14),))
    found = propose_courses(supply, request(plan)).proposals
    starts = [tuple(p.start for p in proposal.placements) for proposal in found]
    assert len(starts) == len(set(starts)) > 1
    assert len(propose_courses(supply, request(plan), most=1).proposals) == 1
    assert [proposal.cost for proposal in found] == sorted(proposal.cost for proposal in found)


def test_a_dose_is_as_long_as_its_visit_and_a_session_as_the_protocol_says() -> None:
    found = proposed(protocol(1), 2)
    assert [p.end - p.start for p in found.placements] == [VISIT, SESSION]


def test_a_later_course_with_the_primary_therapist_ranks_before_an_earlier_one_without() -> None:
    """Mondays and Thursdays would start sooner; the primary therapist is there after Tuesdays and Fridays only."""
    people = therapist(1, (on(2, "12:00"), on(3)), (on(5, "12:00"), on(6))), therapist(2)
    supply = clinic(chairs=(free(1, 0, 1, 3, 4),), therapists=people)
    found = propose_courses(supply, request(protocol(2, Spacing(3, 3, 6, 7)))).proposals
    starts = [[p.start for p in proposal.of_kind(AppointmentKind.INFUSION)] for proposal in found]
    assert starts[0] == [on(1, "09:00"), on(4, "09:00")]
    assert [on(0, "09:00"), on(3, "09:00")] in starts
