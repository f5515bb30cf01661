"""What of a course is fixed, where its doses and windows stand, and what its fixed sessions keep the patient from."""

from dataclasses import replace

import pytest

from planner.domain.conflicts import Rule
from planner.domain.protocols import DosePhase, Spacing
from planner.domain.statuses import AppointmentStatus
from planner.scheduling.course_state import CourseView
from planner.scheduling.refusals import visit_conflicts
from tests.scheduling.plain import (
    DOSE_END,
    VISIT,
    clinic,
    dose,
    moved,
    on,
    patient,
    protocol,
    rolling,
    session,
    therapist,
    to_the_minute,
    view,
    windowed,
)


def keeps_from(look: CourseView, start: int) -> bool:
    """Whether the patient has another appointment during a visit then."""
    return Rule.PATIENT_BUSY in {conflict.rule for conflict in visit_conflicts(look.search, start - look.origin)}


# -- fixed sessions ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("turnover", [0, 10])
def test_a_pinned_session_holds_the_patient_with_the_breaks_around_it(turnover: int) -> None:
    supply = to_the_minute(clinic(therapists=(therapist(1, turnover=turnover),)))
    pinned = session(1, on(4, "12:00"), pinned=True)
    look = view(dose(1, on(2, "09:00")), pinned, supply=supply)
    before, after = pinned.start - turnover - VISIT, pinned.end + turnover
    assert not keeps_from(look, before)
    assert keeps_from(look, before + 1)
    assert keeps_from(look, after - 1)
    assert not keeps_from(look, after)


def test_a_session_that_may_move_holds_the_patient_from_nothing() -> None:
    look = view(dose(1, on(2, "09:00")), session(1, on(4, "12:00")))
    assert not keeps_from(look, on(4, "12:00"))


def test_a_cancelled_session_holds_the_patient_from_nothing() -> None:
    gone = session(1, on(4, "12:00"), status=AppointmentStatus.CANCELLED)
    assert not keeps_from(view(dose(1, on(2, "09:00")), gone), on(4, "12:00"))


def test_a_pinned_rolling_session_leaves_room_for_the_visit_it_belongs_to() -> None:
    pinned = session(1, on(4, "12:00"), pinned=True)
    look = view(dose(1, on(2, "09:00")), pinned, plan=protocol(integration=rolling()))
    assert not keeps_from(look, on(4, "12:30"))


def test_what_else_holds_the_patient_still_does() -> None:
    elsewhere = patient(busy=((on(5, "12:00"), on(5, "13:00")),))
    look = view(dose(1, on(2, "09:00")), session(1, on(4, "12:00"), pinned=True), patient=elsewhere)
    assert keeps_from(look, on(5, "12:30"))


@pytest.mark.parametrize(
    ("change", "fixed"),
    [
        ({}, False),
        ({"pinned": True}, True),
        ({"status": AppointmentStatus.ARRIVED}, True),
        ({"status": AppointmentStatus.FULFILLED}, True),
        ({"status": AppointmentStatus.PROPOSED}, False),
    ],
)
def test_pinned_and_begun_appointments_are_fixed(change: dict[str, object], fixed: bool) -> None:
    one = dose(1, on(2, "09:00"), **change)
    assert view(one).frozen(one) is fixed


@pytest.mark.parametrize(("now", "fixed"), [("08:59", False), ("09:00", True)])
def test_an_appointment_is_fixed_from_its_start_on(now: str, fixed: bool) -> None:
    one = dose(1, on(2, "09:00"))
    assert view(one, supply=clinic(now=on(2, now))).frozen(one) is fixed


# -- doses and windows -------------------------------------------------------------------------------------------------


def test_only_infusions_that_count_are_doses_in_order_of_time() -> None:
    rows = (
        dose(3, on(9)),
        dose(1, on(2)),
        replace(dose(2, on(4)), status=AppointmentStatus.NOSHOW),
        replace(dose(4, on(12)), status=AppointmentStatus.PROPOSED),
    )
    look = view(*rows)
    assert [each.before and each.before.id for each in look.state().doses] == [1, 3]
    assert [look.state().number_of(key) for key in (1, 2, 3, None)] == [1, None, 2, None]
    assert [row.id for row in look.proposed()] == [4]


def test_a_window_counts_from_the_planned_end_until_the_real_one_is_known() -> None:
    planned = view(dose(1, on(2, "09:00")))
    late = view(dose(1, on(2, "09:00"), dose_end=on(2, "10:15")))
    assert planned.state().doses[0].anchor + planned.origin == on(2, "09:00") + DOSE_END
    assert late.state().doses[0].anchor + late.origin == on(2, "10:15")


def test_check_out_follows_the_real_end_of_a_dose_as_it_was_planned_to() -> None:
    plan = protocol(integration=windowed(anchor="check_out"))
    look = view(dose(1, on(2, "09:00"), dose_end=on(2, "10:15")), plan=plan)
    assert look.state().doses[0].anchor + look.origin == on(2, "10:15") + VISIT - DOSE_END


def test_the_window_is_cut_by_the_next_check_in_less_the_gap() -> None:
    plan = protocol(integration=windowed(min_gap_before_next_dose_h=2))
    look = view(dose(1, on(2, "09:00")), dose(2, on(4, "09:00")), plan=plan)
    doses = look.state().doses
    cutoff = look.cutoff(doses, 0)
    assert cutoff is not None and cutoff + look.origin == on(4, "07:00")
    assert look.cutoff(doses, 1) is None


def test_a_dose_may_lie_on_days_that_keep_the_spacing_to_both_neighbours() -> None:
    look = view(dose(1, on(2)), dose(2, on(5)), dose(3, on(8)))
    doses = look.state().doses
    assert look.day_limits(doses, 0) == (0, 3)
    assert look.day_limits(doses, 1) == (4, 6)
    assert look.day_limits(doses, 2) == (7, 12)


def test_a_dose_far_from_its_neighbours_keeps_the_most_days_to_them() -> None:
    look = view(dose(1, on(2)), dose(2, on(7)), dose(3, on(14)))
    doses = look.state().doses
    assert look.day_limits(doses, 1) == (7, 9)
    assert look.day_limits(doses, 0) == (0, 5)


def test_each_gap_has_its_own_spacing() -> None:
    """Dose 2 comes 1 to 3 days after dose 1, dose 3 comes 5 to 9 days after dose 2."""
    phases = (
        DosePhase("induction", "Induction", 2, Spacing(1, 2, 3, 3), 2, "firm"),
        DosePhase("consolidation", "Consolidation", 1, Spacing(5, 7, 8, 9), 1, "firm"),
    )
    look = view(dose(1, on(2)), dose(2, on(4)), dose(3, on(10)), plan=replace(protocol(), dose_phases=phases))
    doses = look.state().doses
    assert [look.day_limits(doses, at) for at in (0, 1, 2)] == [(1, 3), (3, 5), (9, 13)]


def test_doses_beyond_the_protocols_count_keep_its_last_spacing() -> None:
    plan = protocol(doses=2, spacing=Spacing(2, 3, 4, 5))
    assert view(dose(1, on(2)), plan=plan).gap(3) == (2, 5)


def test_doses_that_change_places_are_numbered_in_order_of_time() -> None:
    look = view(dose(1, on(2, "09:00")), dose(2, on(4, "09:00")))
    state = moved(look, 1, on(6, "09:00"))
    assert [state.number_of(1), state.number_of(2)] == [2, 1]


def test_a_visit_is_over_for_a_session_when_the_patient_has_left() -> None:
    look = view(dose(1, on(2, "09:00")), patient=patient(turnover=15))
    assert look.leaves(look.state().doses[0]) + look.origin == on(2, "10:15")
