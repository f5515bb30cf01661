"""Offered times and the reasons for those not offered, on the worked fixture and on random small courses."""

from dataclasses import replace
from datetime import date
from itertools import groupby, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planner.domain.conflicts import Rule
from planner.domain.errors import Refused
from planner.domain.protocols import IntegrationMode
from planner.domain.statuses import AppointmentKind
from planner.scheduling.course_state import CourseView
from planner.scheduling.decisions import Decision
from planner.scheduling.moves import decide_move, decide_move_in
from planner.scheduling.offers import (
    APART_MINUTES,
    Offer,
    every_offer,
    offer_times,
    offer_times_in,
    offers_near,
    why_not_offered,
)
from planner.scheduling.proposals import propose_courses
from planner.scheduling.refusals import VISIT_SENTENCES, session_conflicts
from planner.scheduling.sheets import BookedSheet, CourseSheet
from tests.scheduling.acts import small_course
from tests.scheduling.applying import HOLDS, Judge, counting
from tests.scheduling.brute import Brute
from tests.scheduling.scenario import at, clinic, course, request

VISIT_RULES = frozenset(VISIT_SENTENCES)


def an_upcoming_dose(booked: CourseSheet, seed: int) -> BookedSheet | None:
    doses = [
        a
        for a in booked.appointments
        if a.kind is AppointmentKind.INFUSION and a.start > booked.clinic.now and not a.pinned
    ]
    return doses[seed % len(doses)] if doses else None


@settings(max_examples=16)
@given(st.integers(0, 2**32))
def test_every_grid_time_is_offered_or_says_why_not(seed: int) -> None:
    booked = small_course(seed)
    dose = an_upcoming_dose(booked, seed) if booked else None
    if booked is None or dose is None:
        return
    offered = {offer.start for offer in every_offer(booked, dose.id)}
    view = CourseView(booked)
    brute = Brute(booked.clinic, replace(booked.request, patient=view.search.request.patient))
    for start in brute.minutes(booked.clinic.site.visit_grid):
        rules = {conflict.rule for conflict in why_not_offered(booked, dose.id, start)}
        if start != dose.start:
            assert bool(rules) != (start in offered)
        if broken := brute.visit_breaks(start):
            assert rules & VISIT_RULES == broken
        relaxed = view.search.relaxed(frozenset(rules))
        assert relaxed.visits >> (start - view.origin) & 1


@settings(max_examples=12)
@given(st.integers(0, 2**32))
def test_an_offered_time_needs_nobody_and_leaves_every_link_whole(seed: int) -> None:
    booked = small_course(seed)
    dose = an_upcoming_dose(booked, seed) if booked else None
    if booked is None or dose is None:
        return
    for offer in offer_times(booked, dose.id):
        assert offer.decision.unsaved == ()
        assert offer.decision.overrides == ()
        assert Judge(booked, offer.decision).faults() == []


@settings(max_examples=12)
@given(st.integers(0, 2**32))
def test_sessions_are_offered_inside_their_window_and_days_only(seed: int) -> None:
    booked = small_course(seed)
    for session in sessions_of(booked):
        for offer in offer_times(booked, session.id):
            judge = Judge(booked, offer.decision)
            assert judge.faults() == []
            assert around_faults(judge, session.kind) == []


def sessions_of(booked: CourseSheet | None) -> list[BookedSheet]:
    appointments = booked.appointments if booked else ()
    return [a for a in appointments if a.kind is not AppointmentKind.INFUSION]


def around_faults(judge: Judge, kind: AppointmentKind) -> list[str]:
    """What the rules written a second time say of the preparation or consolidation after a move."""
    brute = judge.brute
    doses = counting(judge.after.appointments)
    sessions = [a for a in judge.after.appointments if a.kind is kind and a.status in HOLDS]
    starts = [a.start for a in sessions]
    moved = [a.start for a in sessions if not judge.untouched(a)]
    before, after = brute.protocol.preparation, brute.protocol.consolidation
    if kind is AppointmentKind.PREPARATION and before is not None:
        fine = all(brute.prepares(before, start, doses[0].start) for start in moved)
        return [] if fine and brute.apart(starts, before) else [f"preparation at {starts}"]
    if kind is AppointmentKind.CONSOLIDATION and after is not None:
        fine = all(brute.consolidates(after, start, doses[-1].start) for start in moved)
        return [] if fine and brute.apart(starts, after) else [f"consolidation at {starts}"]
    return []


@settings(max_examples=16)
@given(st.integers(0, 2**32))
def test_a_session_can_go_wherever_a_move_of_it_needs_nobody(seed: int) -> None:
    booked = small_course(seed)
    if booked is None or booked.request.protocol.integration.mode is IntegrationMode.ROLLING:
        return
    view = CourseView(booked)
    brute = Brute(booked.clinic, booked.request)
    for session in sessions_of(booked):
        possible = {
            start
            for start in brute.minutes(booked.clinic.site.therapy_grid)
            if start != session.start and is_whole(view, session.id, start)
        }
        assert {offer.start for offer in every_offer(booked, session.id)} == possible


def is_whole(view: CourseView, appointment_id: int, start: int) -> bool:
    try:
        decision = decide_move_in(view, appointment_id, start)
    except Refused:
        return False
    return not decision.overrides and not decision.unsaved


@settings(max_examples=12)
@given(st.integers(0, 2**32))
def test_a_view_looked_at_before_decides_as_a_new_one_does(seed: int) -> None:
    booked = small_course(seed)
    if booked is None:
        return
    view = CourseView(booked)
    for appointment in booked.appointments:
        for offer in offer_times_in(view, appointment.id, a_day=1):
            assert decide_move(booked, appointment.id, offer.start) == offer.decision


@settings(max_examples=24)
@given(st.integers(0, 2**32), st.integers(1, 4))
def test_every_day_with_a_time_shows_one_and_none_more_than_a_few_well_apart(seed: int, a_day: int) -> None:
    booked = small_course(seed)
    if booked is None:
        return
    brute = Brute(booked.clinic, booked.request)

    def by_day(offers: tuple[Offer, ...]) -> dict[date, list[int]]:
        return {day: [o.start for o in found] for day, found in groupby(offers, lambda o: brute.day(o.start))}

    for appointment in booked.appointments:
        possible = by_day(every_offer(booked, appointment.id))
        shown = by_day(offer_times(booked, appointment.id, a_day=a_day))
        assert shown.keys() == possible.keys()
        for day, starts in shown.items():
            assert set(starts) <= set(possible[day])
            assert len(starts) <= a_day
            assert all(b - a >= APART_MINUTES for a, b in pairwise(starts))


@settings(max_examples=12)
@given(st.integers(0, 2**32), st.integers(-20_000, 20_000), st.integers(1, 5))
def test_the_nearest_times_to_a_wish_are_the_nearest_of_all(seed: int, away: int, most: int) -> None:
    booked = small_course(seed)
    dose = an_upcoming_dose(booked, seed) if booked else None
    if booked is None or dose is None:
        return
    wanted = dose.start + away
    every = [offer.start for offer in every_offer(booked, dose.id)]
    nearest = sorted(sorted(every, key=lambda start: (abs(start - wanted), start))[:most])
    assert [offer.start for offer in offers_near(booked, dose.id, wanted, most=most)] == nearest


@settings(max_examples=12)
@given(st.integers(0, 2**32))
def test_a_wish_of_ones_own_hides_no_day_that_can_meet_it(seed: int) -> None:
    booked = small_course(seed)
    dose = an_upcoming_dose(booked, seed) if booked else None
    if booked is None or dose is None:
        return
    brute = Brute(booked.clinic, booked.request)

    def suits(decision: Decision) -> bool:
        return sum(line.after.start for line in decision.lines if line.after is not None) // 15 % 3 == 0

    shown = offer_times(booked, dose.id, suits=suits)
    assert all(suits(offer.decision) for offer in shown)
    possible = [offer for offer in every_offer(booked, dose.id) if suits(offer.decision)]
    assert {brute.day(offer.start) for offer in shown} == {brute.day(offer.start) for offer in possible}


@settings(max_examples=12)
@given(st.integers(0, 2**32))
def test_sessions_are_refused_by_some_rule_exactly_where_nobody_can_hold_them(seed: int) -> None:
    booked = small_course(seed)
    if booked is None:
        return
    supply = CourseView(booked).search.supply
    brute = Brute(booked.clinic, replace(booked.request, patient=supply.patient))
    for start in brute.minutes(booked.clinic.site.therapy_grid):
        found = session_conflicts(supply, start - supply.origin, 50, None)
        assert bool(found) != brute.session_possible(start, 50)


@settings(max_examples=24)
@given(st.integers(0, 2**32))
def test_a_session_refused_for_a_full_day_alone_can_be_had_once_the_limit_is_gone(seed: int) -> None:
    booked = small_course(seed)
    if booked is None:
        return
    people = tuple(replace(person, most_sessions=1) for person in booked.clinic.therapists)
    limited = replace(booked, clinic=replace(booked.clinic, therapists=people))
    lifted = tuple(replace(person, most_sessions=None) for person in people)
    free = replace(booked, clinic=replace(booked.clinic, therapists=lifted))
    for session in sessions_of(limited):
        offered = {offer.start for offer in every_offer(limited, session.id)}
        once = {offer.start for offer in every_offer(free, session.id)}
        assert offered <= once
        view = CourseView(limited)
        for start in sorted(once - offered)[:20]:
            with pytest.raises(Refused) as refused:
                decide_move_in(view, session.id, start)
            assert {conflict.rule for conflict in refused.value.conflicts} == {Rule.DAY_FULL}


def wednesday_of_scenario_a() -> tuple[CourseSheet, BookedSheet]:
    supply = clinic(date(2027, 1, 18), date(2027, 4, 30), at(date(2027, 1, 29), "12:00"))
    asked = request(date(2027, 1, 25), preparation_days=(date(2027, 1, 20),))
    early = replace(supply, now=at(date(2027, 1, 20), "12:00"))
    chosen = next(p for p in propose_courses(early, asked).proposals if p.pattern == {0, 3})
    booked = course(chosen, supply, asked)
    dose = next(
        a for a in booked.appointments if a.kind is AppointmentKind.INFUSION and (a.number, a.phase) == (3, "induction")
    )
    return booked, dose


def test_why_not_names_what_is_in_the_way() -> None:
    booked, dose = wednesday_of_scenario_a()

    def rules(day: date, clock: str) -> set[Rule]:
        return {c.rule for c in why_not_offered(booked, dose.id, at(day, clock))}

    assert rules(date(2027, 2, 2), "09:30") == set()
    assert rules(date(2027, 2, 2), "09:40") >= {Rule.GRID}
    assert rules(date(2027, 2, 2), "10:00") >= {Rule.NURSE_BUSY}
    assert Rule.CLOSED in rules(date(2027, 1, 31), "09:30")
    assert Rule.SPACING in rules(date(2027, 2, 3), "09:30")
    assert Rule.PAST in rules(date(2027, 1, 28), "09:30")


def test_a_past_or_pinned_dose_has_no_other_times() -> None:
    booked, dose = wednesday_of_scenario_a()
    pinned = tuple(replace(a, pinned=True) if a.id == dose.id else a for a in booked.appointments)
    assert offer_times(replace(booked, appointments=pinned), dose.id) == ()
    assert offer_times(replace(booked, clinic=replace(booked.clinic, now=dose.start)), dose.id) == ()
    assert [c.rule for c in why_not_offered(replace(booked, appointments=pinned), dose.id, dose.start)] == [Rule.STATUS]


def test_a_rolling_session_goes_only_where_its_visit_goes() -> None:
    booked, dose = wednesday_of_scenario_a()
    protocol = booked.request.protocol
    rolling = replace(protocol, integration=replace(protocol.integration, mode=IntegrationMode.ROLLING, window=None))
    session = next(a for a in booked.appointments if a.serves_id == dose.id)
    assert offer_times(booked, session.id)
    assert offer_times(replace(booked, request=replace(booked.request, protocol=rolling)), session.id) == ()


def test_preparation_reaches_over_all_its_days_and_keeps_a_day_of_its_own() -> None:
    booked, dose = wednesday_of_scenario_a()
    first = min(a.start for a in booked.appointments if a.kind is AppointmentKind.INFUSION)
    talk = replace(
        dose, id=801, kind=AppointmentKind.PREPARATION, phase="preparation", number=1, chair_id=None, nurse_id=None,
        start=at(date(2027, 1, 21), "10:00"), end=at(date(2027, 1, 21), "10:50"), therapist_id=1, holds=(),
    )  # fmt: skip
    other = replace(talk, id=802, number=2, start=talk.start + 1440, end=talk.end + 1440)
    early = replace(booked.clinic, now=at(date(2027, 1, 20), "12:00"))
    course_of_both = replace(booked, clinic=early, appointments=(talk, other, *booked.appointments))
    days = {offer.start // 1440 - first // 1440 for offer in offer_times(course_of_both, talk.id)}
    assert days == {-5, -4}, "not on the day of the other talk, nor on the weekend, nor on the day of the dose"
    (line,) = decide_move(course_of_both, talk.id, other.start + 240).overrides
    assert line.sentence == "The course has another preparation session that day."
