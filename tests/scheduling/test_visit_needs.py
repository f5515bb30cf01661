"""Who a dosing visit needs on shift, and which of it the people who are there do not meet."""

import pytest

from planner.domain.protocols import Block, Holding, Visit
from planner.scheduling.visit_needs import Presence, StaffNeed, covered, lacking, visit_needs

NURSE, PRESCRIBER, THERAPIST = 11, 12, 13
#: Check-in at minute 1000; the dose from 1030 to 1070; the patient leaves at 1130.
START, END = 1000, 1130


def visit(*on_site: Holding, held: Holding = Holding.CHAIR) -> Visit:
    watched = frozenset({Holding.CHAIR, Holding.NURSE})
    blocks = (
        Block("check-in", "Check-in", 0, 30, watched, frozenset()),
        Block("dose", "Dose", 30, 40, watched | {held}, frozenset(on_site)),
        Block("rest", "Rest", 70, 60, watched, frozenset()),
    )
    return Visit(blocks, 30, 70, 130)


def needs(found: Visit, nurse_id: int | None = NURSE, therapist_id: int | None = None) -> list[StaffNeed]:
    return list(visit_needs(found, START, END, therapist_id=therapist_id, nurse_id=nurse_id))


def missing(found: Visit, *there: Presence, now: int = 0, **named: int | None) -> list[tuple[Holding, int | None]]:
    return [(need.holding, need.person_id) for need in lacking(needs(found, **named), there, now)]


def prescribes(first: int, last: int) -> Presence:
    return Presence(Holding.PRESCRIBER, PRESCRIBER, (first, last))


WATCHED = Presence(Holding.NURSE, NURSE, (START, END))


def test_a_protocol_that_wants_no_prescriber_needs_none() -> None:
    assert missing(visit(), WATCHED) == []
    assert missing(visit(Holding.PRESCRIBER), WATCHED) == [(Holding.PRESCRIBER, None)]


@pytest.mark.parametrize("wanted", [visit(Holding.PRESCRIBER), visit(held=Holding.PRESCRIBER)])
@pytest.mark.parametrize(
    ("there", "lacks"),
    [
        ((prescribes(1030, 1070),), False),
        ((prescribes(0, 2000),), False),
        ((prescribes(1031, 1070),), True),
        ((prescribes(1030, 1069),), True),
        ((prescribes(0, 1050), prescribes(1050, 1200)), False),
        ((prescribes(0, 1050), prescribes(1051, 1200)), True),
    ],
)
def test_a_prescriber_is_there_for_as_long_as_the_protocol_says(
    wanted: Visit, there: tuple[Presence, ...], lacks: bool
) -> None:
    assert missing(wanted, WATCHED, *there) == ([(Holding.PRESCRIBER, None)] if lacks else [])


def test_who_is_named_is_not_stood_in_for() -> None:
    other = Presence(Holding.NURSE, 99, (START, END))
    assert missing(visit(), other) == [(Holding.NURSE, NURSE)]
    therapist = Presence(Holding.THERAPIST, 99, (START, END))
    assert missing(visit(), WATCHED, therapist, therapist_id=THERAPIST) == [(Holding.THERAPIST, THERAPIST)]
    assert missing(visit(), Presence(Holding.PRESCRIBER, NURSE, (START, END))) == [(Holding.NURSE, NURSE)]


def test_what_has_passed_of_a_visit_needs_nobody_any_more() -> None:
    wanted = visit(Holding.PRESCRIBER)
    assert missing(wanted, WATCHED, prescribes(1050, 1070), now=1050) == []
    assert missing(wanted, WATCHED, now=1069) == [(Holding.PRESCRIBER, None)]
    assert missing(wanted, WATCHED, now=1070) == []
    assert missing(wanted, now=END) == []


def test_spans_that_touch_cover_together() -> None:
    assert covered([(5, 10), (0, 5)], (1, 9))
    assert not covered([(0, 5), (6, 10)], (1, 9))
    assert not covered([], (1, 9))
