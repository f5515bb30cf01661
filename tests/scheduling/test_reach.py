"""How far an appointment may go: the edges of what is looked at when other times are offered."""

import pytest

from planner.domain.statuses import AppointmentKind, AppointmentStatus
from planner.scheduling.course_state import CourseView
from planner.scheduling.reach import starts_within_reach
from planner.scheduling.sheets import BookedSheet
from tests.scheduling.plain import (
    SESSION,
    booked,
    clinic,
    consolidation,
    dose,
    on,
    patient,
    phase,
    preparation,
    protocol,
    rolling,
    session,
    therapist,
    view,
    weekly,
    windowed,
)


def reach(look: CourseView, one: BookedSheet) -> list[int]:
    """Every start within reach, in order."""
    return sorted(start for starts in starts_within_reach(look, one).values() for start in starts)


def ends(look: CourseView, one: BookedSheet) -> tuple[int, int]:
    found = reach(look, one)
    return found[0], found[-1]


# -- infusions ---------------------------------------------------------------------------------------------------------


def test_a_dose_reaches_over_the_days_that_keep_both_gaps() -> None:
    one = dose(2, on(6, "09:00"))
    look = view(dose(1, on(3, "09:00")), one, dose(3, on(9, "09:00")))
    assert set(starts_within_reach(look, one)) == {5, 6, 7}
    assert ends(look, one) == (on(5, "00:00"), on(7, "23:30"))


def test_the_present_time_is_not_within_reach() -> None:
    one = dose(1, on(3, "09:00"))
    found = reach(view(one), one)
    assert on(3, "09:00") not in found
    assert {on(3, "08:30"), on(3, "09:30"), on(4, "09:00")} <= set(found)


def test_a_dose_that_no_longer_counts_reaches_nowhere() -> None:
    gone = dose(1, on(3, "09:00"), status=AppointmentStatus.NOSHOW)
    assert reach(view(gone, dose(2, on(6, "09:00"))), gone) == []


# -- integration -------------------------------------------------------------------------------------------------------


def test_a_session_reaches_from_opening_to_closing_of_its_window() -> None:
    one = session(1, on(3, "09:00"))
    assert ends(view(dose(1, on(2, "09:00")), one), one) == (on(2, "21:40"), on(5, "09:40"))


def test_a_session_reaches_up_to_the_next_check_in_less_the_gap() -> None:
    one = session(1, on(3, "09:00"))
    plan = protocol(integration=windowed(min_gap_before_next_dose_h=2))
    look = view(dose(1, on(2, "09:00")), one, dose(2, on(4, "09:00")), plan=plan)
    assert ends(look, one)[1] == on(4, "07:00") - SESSION


def test_a_session_reaches_from_when_the_patient_has_left() -> None:
    """A dose that ended early: the window is open, the patient is still there."""
    one = session(1, on(3, "09:00"))
    plan = protocol(integration=weekly())
    look = view(dose(1, on(2, "09:00"), dose_end=on(2, "09:20")), one, plan=plan)
    assert ends(look, one)[0] == on(2, "10:00")


def test_a_session_whose_next_dose_comes_too_soon_reaches_nowhere() -> None:
    one = session(1, on(2, "12:00"))
    assert reach(view(dose(1, on(2, "09:00")), one, dose(2, on(2, "22:00"))), one) == []


def test_a_rolling_session_has_one_place_only() -> None:
    one = session(1, on(4, "08:10"))
    look = view(dose(1, on(2, "09:00")), one, dose(2, on(4, "09:00")), plan=protocol(integration=rolling()))
    assert reach(look, one) == []


def test_a_session_that_serves_no_dose_reaches_a_week_to_either_side() -> None:
    one = session(1, on(12, "09:00"), serves_id=None)
    assert ends(view(dose(1, on(2, "09:00")), one), one) == (on(5, "09:00"), on(19, "09:00"))


# -- preparation and consolidation -------------------------------------------------------------------------------------


def test_preparation_reaches_over_its_local_days_before_the_first_dose() -> None:
    one, plan = preparation(on(6, "09:00")), protocol(preparation=phase("preparation"))
    assert ends(view(one, dose(1, on(9, "09:00")), plan=plan), one) == (on(2, "00:00"), on(8, "23:50"))


@pytest.mark.parametrize("turnover", [0, 20])
def test_preparation_on_the_day_of_the_dose_is_over_before_check_in(turnover: int) -> None:
    one, plan = preparation(on(6, "09:00")), protocol(preparation=phase("preparation", min_days=0))
    look = view(one, dose(1, on(9, "09:00")), plan=plan, patient=patient(turnover=turnover))
    assert ends(look, one)[1] == on(9, "09:00") - turnover - SESSION


def test_consolidation_reaches_over_its_elapsed_days_after_the_last_dose() -> None:
    one, plan = consolidation(on(6, "09:00")), protocol(consolidation=phase("consolidation"))
    look = view(dose(1, on(2, "09:00")), one, plan=plan)
    assert ends(look, one) == (on(3, "09:40"), on(9, "09:40"))


def test_another_session_of_its_kind_keeps_its_day() -> None:
    one, plan = consolidation(on(6, "09:00")), protocol(consolidation=phase("consolidation"))
    other = booked(31, AppointmentKind.CONSOLIDATION, on(5, "12:00"))
    days = {start // 1440 for start in reach(view(dose(1, on(2, "09:00")), one, other, plan=plan), one)}
    assert on(5) // 1440 not in days
    assert on(6) // 1440 in days


def test_an_assessment_reaches_a_week_to_either_side() -> None:
    one = booked(40, AppointmentKind.ASSESSMENT, on(12, "09:00"))
    plan = protocol(preparation=phase("preparation"), consolidation=phase("consolidation"))
    assert ends(view(dose(1, on(9, "09:00")), one, plan=plan), one) == (on(5, "09:00"), on(19, "09:00"))


def test_a_reach_begins_with_the_roster() -> None:
    one = booked(40, AppointmentKind.ASSESSMENT, on(2, "09:00"))
    supply = clinic(therapists=(therapist(1, (on(0), on(3))),), now=on(1) - 1)
    assert ends(view(one, supply=supply), one) == (on(1, "00:00"), on(2, "23:10"))
