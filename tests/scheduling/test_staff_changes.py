"""A dose that keeps its time and only changes nurse, prescriber or chair drags nothing else along."""

from dataclasses import replace

from planner.domain.protocols import BoosterRule, Holding
from planner.domain.statuses import AppointmentStatus
from planner.scheduling.decisions import LineKind
from planner.scheduling.moves import decide_displaced, decide_dose_end
from planner.scheduling.sheets import BookedSheet, CourseSheet
from planner.scheduling.withdrawals import displaced_by_person, without_person
from tests.scheduling.plain import (
    ALWAYS,
    clinic,
    consolidation,
    course,
    dose,
    nurse,
    on,
    phase,
    preparation,
    protocol,
    session,
    therapist,
    visit,
)

AWAY = (on(2), on(3))
PLAN = protocol(
    visit=visit(Holding.NURSE),
    preparation=phase("preparation"),
    consolidation=phase("consolidation", min_days=7, max_days=14),
    boosters=BoosterRule(14, 7, 28, 2),
)


def nurse_falls_ill(*others: BookedSheet) -> CourseSheet:
    supply = without_person(clinic(nurses=(nurse(1), nurse(2))), 1, AWAY)
    return course(dose(1, on(2, "09:00"), nurse_id=1, chair_id=None), *others, plan=PLAN, supply=supply)


def kinds_by_id(sheet: CourseSheet) -> dict[int, LineKind]:
    decision = decide_displaced(sheet, [1], "absence")
    assert not decision.overrides, "nobody is asked again for a reason that was given once"
    return {line.before.id: line.kind for line in decision.lines if line.before is not None}


def test_a_session_outside_its_window_with_a_reason_stays_when_only_the_nurse_changes() -> None:
    late = session(1, on(6, "09:00"))
    assert kinds_by_id(nurse_falls_ill(late)) == {1: LineKind.MOVED}


def test_preparation_and_consolidation_outside_their_days_stay_when_only_the_nurse_changes() -> None:
    early, late = preparation(on(0, "12:00") - 12 * 1440), consolidation(on(25, "12:00"))
    assert kinds_by_id(nurse_falls_ill(session(1, on(3, "09:00")), early, late)) == {1: LineKind.MOVED}


def test_a_proposed_booster_stays_when_only_the_nurse_changes() -> None:
    far = replace(dose(2, on(20, "09:00")), status=AppointmentStatus.PROPOSED, phase="maintenance")
    assert kinds_by_id(nurse_falls_ill(session(1, on(3, "09:00")), far)) == {1: LineKind.MOVED}


def test_a_long_gap_is_not_remarked_on_again_when_only_the_nurse_changes() -> None:
    sheet = nurse_falls_ill(session(1, on(3, "09:00")), dose(2, on(8, "09:00"), nurse_id=2, chair_id=None))
    assert PLAN.dose_phases[0].spacing.warn_days == 6
    assert not decide_displaced(sheet, [1], "absence").remarks


def test_a_patient_who_came_early_to_the_session_gets_no_second_one() -> None:
    here = session(1, on(3, "09:00"), status=AppointmentStatus.ARRIVED)
    given = dose(1, on(2, "09:00"), status=AppointmentStatus.FULFILLED)
    sheet = course(given, here, supply=clinic(now=on(3, "08:55")))
    late_end = on(2, "22:00")
    decision = decide_dose_end(sheet, 1, late_end)
    assert not decision.of(LineKind.CREATED)


def test_an_absent_prescriber_displaces_a_visit_in_a_room_too() -> None:
    in_a_room = dose(1, on(2, "09:00"), chair_id=None, room_id=1, holds=((151, on(2, "09:00"), on(2, "10:00")),))
    here = clinic(prescribers=(therapist(9, ALWAYS),))
    sheet = course(in_a_room, supply=without_person(here, 9, AWAY))
    assert displaced_by_person(sheet, 9, AWAY, here) == {1}
