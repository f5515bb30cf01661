"""From a minute to a placement: who and what it holds, and for how long."""

import pytest

from planner.domain.protocols import Block, Holding, Visit
from planner.domain.statuses import AppointmentKind, Mode
from planner.domain.windows import WindowStatus
from planner.scheduling.placements import Placement
from planner.scheduling.placing import NothingFree, place_session, place_visit
from planner.scheduling.sheets import ClinicSheet, PatientSheet
from planner.scheduling.supply import Supply
from tests.scheduling.plain import (
    DOSE_END,
    SESSION,
    VISIT,
    chair,
    clinic,
    nurse,
    on,
    patient,
    protocol,
    room,
    search,
    therapist,
    visit,
)

START = on(2, "09:00")


def placed_visit(plan: Visit, supply: ClinicSheet | None = None, **changes: object) -> Placement:
    who = patient(**changes)
    of = Supply(supply or clinic(), who)
    return place_visit(of, protocol(visit=plan), START - of.origin, number=2, phase="induction")


def placed_session(
    supply: ClinicSheet | None = None, who: PatientSheet | None = None, start: int = START, **changes: object
) -> Placement:
    of = Supply(supply or clinic(), who or patient())
    facts: dict[str, object] = {"kind": AppointmentKind.INTEGRATION, "phase": "induction", "number": 1, "serves": 1}
    return place_session(of, start - of.origin, SESSION, **(facts | changes))  # type: ignore[arg-type]


def test_a_visit_holds_its_chair_with_turnover_and_the_patient_with_theirs() -> None:
    made = placed_visit(visit(turnover=15), clinic(chairs=(chair(1, turnover=10),)), turnover=5)
    assert set(made.holds) == {(101, START, START + VISIT + 15 + 10), (151, START, START + VISIT + 5)}
    assert (made.start, made.end, made.chair_id, made.nurse_id, made.room_id) == (START, START + VISIT, 1, None, None)


def test_a_visit_in_parts_holds_each_part_and_turnover_after_the_last() -> None:
    nursed = frozenset({Holding.NURSE})
    blocks = (Block("in", "In", 0, 20, nursed, frozenset()), Block("out", "Out", 40, 20, nursed, frozenset()))
    supply = clinic(nurses=(nurse(1),))
    made = placed_visit(Visit(blocks, 0, DOSE_END, VISIT), supply)
    assert set(made.holds) == {
        (211, START, START + 20),
        (211, START + 40, START + 60),
        (151, START, START + VISIT),
    }
    assert made.nurse_id == 1


def test_a_visit_with_room_therapist_and_prescriber_holds_them_all() -> None:
    plan = visit(Holding.ROOM, Holding.THERAPIST, Holding.PRESCRIBER)
    supply = clinic(
        rooms=(room(1, turnover=5),), therapists=(therapist(1, turnover=10),), prescribers=(therapist(8, turnover=20),)
    )
    made = placed_visit(plan, supply)
    assert {(held, end - START) for held, _, end in made.holds} == {
        (111, VISIT + 5),
        (141, VISIT + 10),
        (148, VISIT + 20),
        (151, VISIT),
    }
    assert (made.room_id, made.therapist_id, made.chair_id) == (1, 1, None)


@pytest.mark.parametrize(
    ("holding", "missing"),
    [
        (Holding.CHAIR, "chairs"),
        (Holding.ROOM, "rooms"),
        (Holding.NURSE, "nurses"),
        (Holding.THERAPIST, "therapists"),
        (Holding.PRESCRIBER, "prescribers"),
    ],
)
def test_a_visit_cannot_be_placed_without_what_it_holds(holding: Holding, missing: str) -> None:
    with pytest.raises(NothingFree):
        placed_visit(visit(holding), clinic(**{missing: ()}))


def test_a_session_in_person_holds_therapist_room_and_patient_with_their_turnovers() -> None:
    supply = clinic(therapists=(therapist(1, turnover=10),), rooms=(room(1, turnover=5),))
    made = placed_session(supply, patient(turnover=20))
    assert {(held, start, end - start) for held, start, end in made.holds} == {
        (141, START, SESSION + 10),
        (111, START, SESSION + 5),
        (151, START, SESSION + 20),
    }
    assert (made.mode, made.therapist_id, made.room_id, made.end) == (Mode.IN_PERSON, 1, 1, START + SESSION)


def test_a_session_by_telehealth_holds_no_room() -> None:
    made = placed_session(who=patient(modes=(Mode.TELEHEALTH,)))
    assert (made.mode, made.room_id) == (Mode.TELEHEALTH, None)
    assert {held for held, _, _ in made.holds} == {141, 151}


def test_a_session_takes_the_first_free_room() -> None:
    rooms = room(2), room(1, (START + SESSION - 1, START + 100))
    assert placed_session(clinic(rooms=rooms)).room_id == 2
    assert placed_session(clinic(rooms=(room(2), room(1, (START + SESSION, START + 100))))).room_id == 1


def test_a_session_says_whether_it_is_with_the_primary_therapist() -> None:
    supply = clinic(therapists=(therapist(1, (on(5), on(6))), therapist(2)))
    assert placed_session(supply).with_primary is False
    assert placed_session(supply, start=on(5, "09:00")).with_primary is True
    assert placed_session(supply, patient(primary_therapist_id=None)).with_primary is True


def test_a_session_says_how_long_after_its_dose_it_is() -> None:
    look = search()
    anchor = START - 24 * 60 - look.supply.origin
    made = placed_session(link=look.link, anchor=anchor)
    assert (made.offset_min, made.window_status, made.serves) == (24 * 60, WindowStatus.PEAK, 1)
    early = placed_session(link=look.link, anchor=anchor + 7 * 60)
    assert (early.offset_min, early.window_status) == (17 * 60, WindowStatus.IN_WINDOW_EARLY)
    alone = placed_session()
    assert (alone.offset_min, alone.window_status) == (None, None)


def test_a_session_that_nobody_can_hold_is_not_placed() -> None:
    with pytest.raises(NothingFree):
        placed_session(clinic(therapists=()))
