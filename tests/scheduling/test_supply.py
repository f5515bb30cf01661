"""When a visit or a session could start, to the minute: one rule after the other."""

from dataclasses import replace

import pytest

from planner.domain.conflicts import Rule
from planner.domain.protocols import Block, Holding, Visit
from planner.domain.statuses import Mode
from planner.scheduling.sheets import ClinicSheet, PatientSheet, PersonSheet, ShiftSheet, Span, ThingSheet
from planner.scheduling.supply import Supply
from tests.scheduling.plain import (
    DOSE_END,
    ORIGIN,
    SESSION,
    VISIT,
    chair,
    clinic,
    nurse,
    on,
    patient,
    room,
    therapist,
    to_the_minute,
    visit,
)

NURSED = visit(Holding.NURSE)


def supply(who: PatientSheet | None = None, **changes: object) -> Supply:
    return Supply(to_the_minute(clinic(**changes)), who or patient())


def may_check_in(of: Supply, rule: Rule, start: int, plan: Visit | None = None) -> bool:
    return bool(of.visit_masks(plan or visit())[rule] >> (start - ORIGIN) & 1)


def may_start(of: Supply, start: int, minutes: int = SESSION, therapist_id: int | None = None) -> bool:
    return bool(of.session_starts(minutes, therapist_id) >> (start - ORIGIN) & 1)


def between(mask_holds: list[bool]) -> bool:
    """Not before, from the first minute, to the last, not after."""
    return mask_holds == [False, True, True, False]


# -- visits ------------------------------------------------------------------------------------------------------------


def test_the_past_ends_now() -> None:
    of = supply(now=on(2, "09:00"))
    assert [may_check_in(of, Rule.PAST, on(2, wall)) for wall in ("09:00", "09:15")] == [False, True]


def test_a_visit_lies_inside_the_opening_hours_until_the_patient_leaves() -> None:
    hours = (on(2, "09:00"), on(2, "12:00"))
    of = supply(site=replace(clinic().site, open=(hours,)))
    checked = [hours[0] - 1, hours[0], hours[1] - VISIT, hours[1] - VISIT + 1]
    assert between([may_check_in(of, Rule.CLOSED, start) for start in checked])


@pytest.mark.parametrize("turnover", [0, 25])
def test_a_chair_is_free_until_its_next_visit_less_its_turnover(turnover: int) -> None:
    of = supply(chairs=(chair(1, (on(0), on(2, "09:00")), (on(2, "12:00"), on(3)), turnover=turnover),))
    last = on(2, "12:00") - VISIT - turnover
    checked = [on(2, "08:59"), on(2, "09:00"), last, last + 1]
    assert between([may_check_in(of, Rule.CHAIR_BUSY, start) for start in checked])


def test_two_chairs_half_free_are_no_chair() -> None:
    chairs = chair(1, (on(2), on(2, "10:00"))), chair(2, (on(2, "10:00"), on(3)))
    of = supply(chairs=chairs)
    assert may_check_in(of, Rule.CHAIR_BUSY, on(2, "09:00"))
    assert not may_check_in(of, Rule.CHAIR_BUSY, on(2, "09:01"))
    assert may_check_in(of, Rule.CHAIR_BUSY, on(2, "10:00"))


def test_a_nurse_with_a_free_lane_works_all_through_the_visit() -> None:
    of = supply(nurses=(nurse(1, (on(2, "09:00"), on(2, "12:00"))),))
    checked = [on(2, "08:59"), on(2, "09:00"), on(2, "11:00"), on(2, "11:01")]
    assert between([may_check_in(of, Rule.NURSE_BUSY, start, NURSED) for start in checked])


def test_the_free_lane_and_the_shift_are_the_same_nurses() -> None:
    on_shift = replace(nurse(1, (on(2), on(3))), lanes=(ThingSheet(1, 211, 1, ((on(2), on(3)),)),))
    of = supply(nurses=(on_shift, nurse(2, (on(5), on(6)))))
    assert not may_check_in(of, Rule.NURSE_BUSY, on(2, "09:00"), NURSED)
    assert of.pick_lane(on(2, "09:00") - ORIGIN, ((0, VISIT),)) is None


def test_prescribers_on_site_may_take_turns_and_need_not_be_free() -> None:
    plan = Visit(
        (Block("dose", "Dose", 0, DOSE_END, frozenset({Holding.CHAIR}), frozenset({Holding.PRESCRIBER})),),
        0,
        DOSE_END,
        VISIT,
    )
    morning, noon = (on(2, "09:00"), on(2, "12:00")), (on(2, "12:00"), on(2, "15:00"))
    people = replace(therapist(8, morning), busy=(morning,)), therapist(9, noon)
    of = supply(prescribers=people)
    last = on(2, "15:00") - DOSE_END
    checked = [on(2, "08:59"), on(2, "09:00"), last, last + 1]
    assert between([may_check_in(of, Rule.PRESCRIBER_AWAY, start, plan) for start in checked])
    assert may_check_in(of, Rule.PRESCRIBER_AWAY, on(2, "11:50"), plan)


@pytest.mark.parametrize("turnover", [0, 15])
def test_a_therapist_held_by_the_visit_is_on_shift_and_free_with_turnover(turnover: int) -> None:
    busy = ((on(2, "11:00"), on(2, "12:00")),)
    of = supply(therapists=(therapist(1, (on(2, "09:00"), on(2, "14:00")), busy=busy, turnover=turnover),))
    plan, last = visit(Holding.THERAPIST), on(2, "11:00") - VISIT - turnover
    checked = [on(2, "08:59"), on(2, "09:00"), last, last + 1]
    assert between([may_check_in(of, Rule.THERAPIST_BUSY, start, plan) for start in checked])
    # The turnover may lie behind the end of the shift.
    assert may_check_in(of, Rule.THERAPIST_BUSY, on(2, "13:00"), plan)
    assert not may_check_in(of, Rule.THERAPIST_BUSY, on(2, "13:01"), plan)


@pytest.mark.parametrize("turnover", [0, 20])
def test_the_patient_is_free_with_their_own_break_after(turnover: int) -> None:
    of = supply(patient(busy=((on(2, "12:00"), on(2, "13:00")),), turnover=turnover))
    last = on(2, "12:00") - VISIT - turnover
    assert [may_check_in(of, Rule.PATIENT_BUSY, start) for start in (last, last + 1)] == [True, False]
    assert [may_check_in(of, Rule.PATIENT_BUSY, on(2, wall)) for wall in ("12:59", "13:00")] == [False, True]


def test_the_patient_can_stay_for_the_whole_visit() -> None:
    of = supply(patient(available=((on(2, "09:00"), on(2, "12:00")),)))
    checked = [on(2, "08:59"), on(2, "09:00"), on(2, "11:00"), on(2, "11:01")]
    assert between([may_check_in(of, Rule.PATIENT_AWAY, start) for start in checked])


# -- sessions ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("turnover", [0, 15])
def test_a_session_lies_in_a_shift_and_is_free_with_turnover(turnover: int) -> None:
    busy = ((on(2, "11:00"), on(2, "12:00")),)
    of = supply(therapists=(therapist(1, (on(2, "09:00"), on(2, "14:00")), busy=busy, turnover=turnover),))
    last = on(2, "11:00") - SESSION - turnover
    assert between([may_start(of, start) for start in (on(2, "08:59"), on(2, "09:00"), last, last + 1)])
    late = on(2, "14:00") - SESSION
    assert [may_start(of, start) for start in (on(2, "11:59"), on(2, "12:00"), late, late + 1)] == [
        False,
        True,
        True,
        False,
    ]


def test_one_session_is_not_shared_by_two_therapists() -> None:
    people = therapist(1, (on(2, "09:00"), on(2, "10:00"))), therapist(2, (on(2, "10:00"), on(2, "11:00")))
    of = supply(therapists=people)
    assert [may_start(of, on(2, wall)) for wall in ("09:10", "09:11", "10:00")] == [True, False, True]


@pytest.mark.parametrize("turnover", [0, 15])
def test_in_person_a_room_is_free_with_its_turnover(turnover: int) -> None:
    rooms = (room(1, (on(2, "12:00"), on(2, "13:00")), turnover=turnover),)
    of = supply(patient(modes=(Mode.IN_PERSON,)), rooms=rooms)
    last = on(2, "12:00") - SESSION - turnover
    assert [may_start(of, start) for start in (last, last + 1)] == [True, False]
    assert [may_start(of, on(2, wall)) for wall in ("12:59", "13:00")] == [False, True]


def test_without_a_room_a_session_is_by_telehealth() -> None:
    assert may_start(supply(rooms=()), on(2, "09:00"))
    assert not may_start(supply(patient(modes=(Mode.IN_PERSON,)), rooms=()), on(2, "09:00"))


def remote(number: int, *hours: Span) -> PersonSheet:
    return therapist(number, shifts=tuple(ShiftSheet(span, None) for span in hours))


def test_a_telehealth_shift_serves_when_the_site_is_closed_and_never_in_person() -> None:
    shut = replace(clinic().site, open=())
    hours = on(2, "09:00"), on(2, "12:00")
    assert may_start(supply(site=shut, therapists=(remote(1, hours),)), on(2, "09:00"))
    assert not may_start(supply(site=shut, therapists=(therapist(1, hours),)), on(2, "09:00"))
    only = patient(modes=(Mode.IN_PERSON,))
    assert not may_start(supply(only, therapists=(remote(1, hours),)), on(2, "09:00"))


def test_a_shift_at_another_site_serves_nobody_here() -> None:
    elsewhere = therapist(1, shifts=(ShiftSheet((on(2), on(3)), 2),))
    assert not may_start(supply(therapists=(elsewhere,)), on(2, "09:00"))


def test_a_session_lies_on_the_sites_grid_unless_it_rolls() -> None:
    of = Supply(clinic(), patient())
    at = on(2, "09:05") - ORIGIN
    assert not of.session_starts(SESSION) >> at & 1
    assert of.session_starts(SESSION) >> (at + 5) & 1
    assert of.session_starts(SESSION, on_grid=False) >> at & 1


def test_a_therapist_left_out_by_the_wishes_holds_no_session() -> None:
    of = Supply(clinic(therapists=(therapist(1, (on(5), on(6))), therapist(2))), patient(), frozenset({1}))
    assert not may_start(of, on(2, "09:00"))
    assert may_start(of, on(5, "09:00"))
    assert not may_start(of, on(2, "09:00"), therapist_id=2)


# -- who and what ------------------------------------------------------------------------------------------------------


def picked(of: Supply, start: int, primary: int | None) -> tuple[int, Mode] | None:
    found = of.pick_session(start - ORIGIN, SESSION, primary)
    return None if found is None else (found[0].id, found[1])


def test_the_primary_therapist_is_asked_first_then_by_id() -> None:
    people = therapist(3), therapist(1, (on(5), on(6))), therapist(2)
    of = supply(therapists=people)
    assert picked(of, on(2, "09:00"), 3) == (3, Mode.IN_PERSON)
    assert picked(of, on(2, "09:00"), 1) == (2, Mode.IN_PERSON)
    assert picked(of, on(5, "09:00"), 1) == (1, Mode.IN_PERSON)
    assert picked(supply(therapists=()), on(2, "09:00"), 1) is None


def test_the_patients_first_mode_is_taken_where_it_can_be() -> None:
    remote_first = patient(modes=(Mode.TELEHEALTH, Mode.IN_PERSON))
    assert picked(supply(remote_first), on(2, "09:00"), 1) == (1, Mode.TELEHEALTH)
    assert picked(supply(rooms=()), on(2, "09:00"), 1) == (1, Mode.TELEHEALTH)


def test_the_wanted_chair_is_taken_if_free_else_the_first() -> None:
    of = supply(chairs=(chair(3), chair(2, (on(2), on(3))), chair(1)))
    spans = ((0, VISIT),)

    def chosen(start: int, wanted: int | None) -> int | None:
        found = of.pick_chair(start - ORIGIN, spans, wanted)
        return found.id if found else None

    assert [chosen(on(2), wanted) for wanted in (None, 3, 2)] == [1, 3, 1]
    assert chosen(on(3), 2) == 2
    assert chosen(on(2) - VISIT, 2) == 2
    assert chosen(on(2) - VISIT + 1, 2) == 1


def test_a_wanted_chair_is_not_free_until_its_turnover_is_over() -> None:
    of = supply(chairs=(chair(1, (on(2), on(3)), turnover=20),))
    assert of.pick_chair(on(2) - VISIT - 20 - ORIGIN, ((0, VISIT),)) is not None
    assert of.pick_chair(on(2) - VISIT - 19 - ORIGIN, ((0, VISIT),)) is None


def test_a_visit_takes_the_primary_therapist_if_there() -> None:
    of = supply(therapists=(therapist(1), therapist(2, (on(5), on(6)))))
    spans = ((0, VISIT),)

    def chosen(start: int, primary: int | None) -> int | None:
        found = of.pick_visit_therapist(start - ORIGIN, spans, primary)
        return found.id if found else None

    assert [chosen(on(2), 2), chosen(on(5), 2), chosen(on(5), None)] == [1, 2, 1]


def test_a_clinic_without_people_or_things_has_no_starts() -> None:
    empty: ClinicSheet = clinic(chairs=(), nurses=(), therapists=())
    masks = Supply(empty, patient()).visit_masks(visit(Holding.CHAIR, Holding.NURSE))
    assert (masks[Rule.CHAIR_BUSY], masks[Rule.NURSE_BUSY]) == (0, 0)
    assert Supply(empty, patient()).session_starts(SESSION) == 0
