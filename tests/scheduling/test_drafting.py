"""A proposal changed before it is booked: its slots, its figures, and what a decision makes of it."""

from dataclasses import replace
from datetime import date

import pytest

from planner.domain.protocols import BoosterRule, Protocol
from planner.domain.statuses import AppointmentKind, AppointmentStatus
from planner.scheduling.decisions import LineKind
from planner.scheduling.drafting import adjusted, as_course, resummed, session_options, with_session
from planner.scheduling.moves import decide_lost, decide_move
from planner.scheduling.placements import CourseProposal
from planner.scheduling.proposals import propose_courses
from planner.scheduling.sheets import ClinicSheet, CourseRequest
from tests.scheduling.plain import (
    DAYS,
    chair,
    clinic,
    on,
    patient,
    protocol,
    request,
    therapist,
    windowed,
)

INFUSION, INTEGRATION = AppointmentKind.INFUSION, AppointmentKind.INTEGRATION
HOURS = 60
#: The chair is free for one visit a day, at 09:00.
NINE = chair(1, (on(0), on(0, "09:00")), *((on(day, "10:00"), on(day + 1, "09:00")) for day in range(DAYS)))


def drafted(
    plan: Protocol | None = None, supply: ClinicSheet | None = None, **changes: object
) -> tuple[CourseProposal, ClinicSheet, CourseRequest]:
    """The best proposal for a course, with what it was made from."""
    asked, of = request(plan or protocol(), **changes), supply or clinic(chairs=(NINE,))
    return propose_courses(of, asked).proposals[0], of, asked


def starts(proposal: CourseProposal, kind: AppointmentKind) -> list[int]:
    return [placement.start for placement in proposal.of_kind(kind)]


def place_of(proposal: CourseProposal, kind: AppointmentKind, number: int) -> int:
    """The id that `as_course` gives a placement."""
    return next(i for i, p in enumerate(proposal.placements, 1) if p.kind is kind and p.number == number)


def test_ids_are_places_and_sessions_serve_the_infusion_of_their_dose() -> None:
    proposal, of, asked = drafted()
    rows = as_course(proposal, of, asked).appointments
    assert [row.id for row in rows] == list(range(1, len(proposal.placements) + 1))
    numbers = {row.id: row.number for row in rows if row.kind is INFUSION}
    assert [numbers[row.serves_id or 0] for row in rows if row.kind is INTEGRATION] == [1, 2, 3]
    assert [row.holds for row in rows] == [placement.holds for placement in proposal.placements]


# -- slots for one session ---------------------------------------------------------------------------------------------


def test_the_slot_in_the_proposal_is_marked_and_the_best_come_first() -> None:
    proposal, of, asked = drafted()
    options = session_options(proposal, of, asked, 1, most=3)
    ideal = starts(proposal, INTEGRATION)[0]
    assert [(option.placement.start, option.chosen) for option in options] == [
        (ideal, True),
        (ideal - 10, False),
        (ideal + 10, False),
    ]


def test_a_chosen_slot_that_is_not_among_the_best_is_told_first() -> None:
    proposal, of, asked = drafted()
    other = session_options(proposal, of, asked, 1, most=3)[2].placement
    changed = with_session(proposal, of, asked, other)
    options = session_options(changed, of, asked, 1, most=1)
    assert [(option.placement.start, option.chosen) for option in options] == [
        (other.start, True),
        (starts(proposal, INTEGRATION)[0], False),
    ]


def test_slots_are_over_before_the_next_dose() -> None:
    proposal, of, asked = drafted(protocol(integration=windowed(min_gap_before_next_dose_h=2)))
    options = session_options(proposal, of, asked, 1, most=1000)
    over_by = starts(proposal, INFUSION)[1] - 120
    assert max(option.placement.end for option in options) == over_by
    assert min(option.placement.offset_min or 0 for option in options) == 12 * HOURS


@pytest.mark.parametrize("number", [0, 4])
def test_a_dose_that_is_not_there_has_no_slots(number: int) -> None:
    assert session_options(*drafted(), number) == ()


def test_the_last_dose_has_slots_too() -> None:
    proposal, of, asked = drafted()
    options = session_options(proposal, of, asked, 3, most=2)
    assert [option.chosen for option in options] == [True, False]
    assert {option.placement.serves for option in options} == {3}


def test_another_slot_takes_the_place_of_the_one_that_dose_had() -> None:
    proposal, of, asked = drafted()
    other = session_options(proposal, of, asked, 2, most=2)[1].placement
    changed = with_session(proposal, of, asked, other)
    before, after = starts(proposal, INTEGRATION), starts(changed, INTEGRATION)
    assert after == [before[0], other.start, before[2]]
    assert starts(changed, INFUSION) == starts(proposal, INFUSION)
    assert [p.start for p in changed.placements] == sorted(p.start for p in changed.placements)


# -- after a decision --------------------------------------------------------------------------------------------------


def test_a_move_is_carried_out_with_all_that_follows() -> None:
    proposal, of, asked = drafted()
    booked = as_course(proposal, of, asked)
    first, second, third = starts(proposal, INFUSION)
    decision = decide_move(booked, place_of(proposal, INFUSION, 3), third + 1440)
    changed = adjusted(proposal, of, asked, decision)
    assert starts(changed, INFUSION) == [first, second, third + 1440]
    assert changed.gaps == (proposal.gaps[0], proposal.gaps[1] + 1)
    assert changed.span_days == proposal.span_days + 1
    assert changed.coverage == proposal.coverage


def test_a_dose_that_is_dropped_goes_with_its_session_and_the_rest_is_renumbered() -> None:
    proposal, of, asked = drafted()
    booked = as_course(proposal, of, asked)
    decision = decide_lost(booked, place_of(proposal, INFUSION, 1), AppointmentStatus.CANCELLED, follow="drop")
    assert {line.kind for line in decision.lines} >= {LineKind.RENUMBERED, LineKind.RELINKED, LineKind.RELEASED}
    changed = adjusted(proposal, of, asked, decision)
    assert starts(changed, INFUSION) == starts(proposal, INFUSION)[1:]
    assert [p.number for p in changed.of_kind(INFUSION)] == [1, 2]
    assert [(p.number, p.serves) for p in changed.of_kind(INTEGRATION)] == [(1, 1), (2, 2)]
    kept = [p.holds for p in proposal.of_kind(INFUSION)[1:]]
    assert [p.holds for p in changed.of_kind(INFUSION)] == kept
    assert (changed.coverage.doses, changed.coverage.with_session) == (2, 2)


def test_a_session_that_serves_another_dose_is_with_whom_it_was() -> None:
    proposal, of, asked = drafted(supply=clinic(chairs=(NINE,), therapists=(therapist(2),)))
    booked = as_course(proposal, of, asked)
    decision = decide_lost(booked, place_of(proposal, INFUSION, 1), AppointmentStatus.CANCELLED, follow="drop")
    changed = adjusted(proposal, of, asked, decision)
    assert [(p.therapist_id, p.with_primary) for p in changed.of_kind(INTEGRATION)] == [(2, False), (2, False)]


def test_a_dose_that_slides_to_the_end_is_made() -> None:
    proposal, of, asked = drafted()
    booked = as_course(proposal, of, asked)
    decision = decide_lost(booked, place_of(proposal, INFUSION, 1), AppointmentStatus.CANCELLED)
    changed = adjusted(proposal, of, asked, decision)
    assert starts(changed, INFUSION)[:2] == starts(proposal, INFUSION)[1:]
    assert len(starts(changed, INFUSION)) == len(starts(changed, INTEGRATION)) == 3


def test_a_noted_session_stays_as_it_is() -> None:
    """The dose moves a day ahead: its session, at the end of the peak, is late in the window then."""
    plan = protocol(doses=1, integration=windowed(ideal_offset_h=48))
    proposal, of, asked = drafted(plan, earliest_day=date(2027, 2, 3))
    decision = decide_move(as_course(proposal, of, asked), 1, starts(proposal, INFUSION)[0] - 1440)
    assert [line.kind for line in decision.lines] == [LineKind.MOVED, LineKind.NOTED]
    changed = adjusted(proposal, of, asked, decision)
    assert starts(changed, INTEGRATION) == starts(proposal, INTEGRATION)
    assert [p.offset_min for p in proposal.of_kind(INTEGRATION)] == [48 * HOURS]
    assert [p.offset_min for p in changed.of_kind(INTEGRATION)] == [72 * HOURS]
    assert (proposal.coverage.in_peak, changed.coverage.in_peak, changed.coverage.in_window) == (1, 0, 1)


# -- figures -----------------------------------------------------------------------------------------------------------


def test_figures_are_told_again_as_they_were() -> None:
    proposal, of, asked = drafted(protocol(boosters=BoosterRule(14, 7, 28, 2)))
    assert resummed(proposal, of, asked) == proposal


def test_boosters_follow_the_last_dose_in_local_days() -> None:
    proposal, of, asked = drafted(protocol(doses=1, boosters=BoosterRule(14, 7, 28, 2)), earliest_day=date(2027, 2, 3))
    assert [booster.day for booster in proposal.boosters] == [date(2027, 2, 17), date(2027, 3, 3)]
    decision = decide_move(as_course(proposal, of, asked), 1, starts(proposal, INFUSION)[0] + 1440)
    days = [booster.day for booster in adjusted(proposal, of, asked, decision).boosters]
    assert days == [date(2027, 2, 18), date(2027, 3, 4)]


def test_sessions_with_the_primary_therapist_are_counted() -> None:
    people = clinic(chairs=(NINE,), therapists=(therapist(1, (on(0), on(4))), therapist(2)))
    proposal, of, asked = drafted(supply=people)
    told = [p.therapist_id for p in proposal.of_kind(INTEGRATION)]
    assert resummed(proposal, of, asked).coverage.with_primary == told.count(1) < 3
    anyone = replace(asked, patient=patient(primary_therapist_id=None))
    assert resummed(proposal, of, anyone).coverage.with_primary == 3
