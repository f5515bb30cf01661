"""How far apart a course's own appointments lie: the longest turnover of what they could share."""

from planner.domain.protocols import Holding
from planner.scheduling.breaks import Breaks, breaks_of
from tests.scheduling.plain import VISIT, chair, clinic, patient, room, therapist, visit


def test_without_turnover_appointments_may_touch() -> None:
    assert breaks_of(clinic(), patient(), visit()) == Breaks(VISIT, VISIT, 0, 0)


def test_a_chair_keeps_only_the_next_visit_waiting() -> None:
    supply = clinic(chairs=(chair(1), chair(2, turnover=25)))
    assert breaks_of(supply, patient(), visit()) == Breaks(VISIT, VISIT + 25, 0, 0)


def test_what_the_visit_holds_after_discharge_counts_too() -> None:
    supply = clinic(chairs=(chair(1, turnover=25),))
    assert breaks_of(supply, patient(), visit(turnover=15)) == Breaks(VISIT, VISIT + 40, 0, 0)


def test_a_room_keeps_the_next_session_waiting_where_visits_hold_rooms() -> None:
    supply = clinic(rooms=(room(1, turnover=20),))
    assert breaks_of(supply, patient(), visit(Holding.ROOM)) == Breaks(VISIT + 20, VISIT + 20, 20, 20)


def test_a_room_only_sessions_use_keeps_no_visit_waiting() -> None:
    supply = clinic(rooms=(room(1, turnover=20),))
    assert breaks_of(supply, patient(), visit()) == Breaks(VISIT, VISIT, 0, 20)


def test_a_therapist_keeps_the_next_session_waiting() -> None:
    supply = clinic(therapists=(therapist(1, turnover=10), therapist(2, turnover=15)))
    assert breaks_of(supply, patient(), visit()) == Breaks(VISIT, VISIT, 0, 15)
    assert breaks_of(supply, patient(), visit(Holding.THERAPIST)) == Breaks(VISIT + 15, VISIT + 15, 15, 15)


def test_the_patient_needs_their_own_break_around_everything() -> None:
    assert breaks_of(clinic(), patient(turnover=30), visit()) == Breaks(VISIT + 30, VISIT + 30, 30, 30)
