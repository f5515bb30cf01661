"""Offered times and the reasons for those not offered, on the worked fixture and on random small courses."""

from dataclasses import replace
from datetime import date

from hypothesis import given, settings
from hypothesis import strategies as st

from planner.domain.conflicts import Rule
from planner.domain.statuses import AppointmentKind
from planner.scheduling.course_state import CourseView
from planner.scheduling.offers import offer_times, why_not_offered
from planner.scheduling.proposals import propose_courses
from planner.scheduling.refusals import VISIT_SENTENCES
from planner.scheduling.sheets import BookedSheet, CourseSheet
from tests.scheduling.acts import small_course
from tests.scheduling.applying import Judge
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
    offered = {offer.start for offer in offer_times(booked, dose.id, most=1000)}
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
def test_sessions_are_offered_inside_their_window_only(seed: int) -> None:
    booked = small_course(seed)
    if booked is None:
        return
    for session in booked.appointments:
        if session.kind is AppointmentKind.INTEGRATION:
            for offer in offer_times(booked, session.id, most=5):
                assert Judge(booked, offer.decision).faults() == []


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
