"""Whatever parts and phases a clinic makes of a protocol on screen, it is planned with, or refused by a named rule."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from itertools import pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from planner.domain import protocol_phases as phases
from planner.domain import protocol_visits as visits
from planner.domain.protocol_errors import ProtocolInvalid
from planner.domain.protocol_parsing import parse_protocol, to_document
from planner.domain.protocol_phases import TypedDoses, TypedSection
from planner.domain.protocols import Protocol
from planner.domain.statuses import AppointmentKind
from planner.scheduling.proposals import propose_courses
from planner.services.shipped import SHIPPED_SLUGS, shipped_document
from tests.domain.test_protocol_visits import MUSIC, apply, edits
from tests.scheduling import scenario
from tests.scheduling.scenario import shifts, spans

Document = dict[str, Any]
FIRST, LAST = date(2027, 1, 18), date(2027, 4, 30)
EARLIEST = date(2027, 1, 25)
DAYS = st.integers(1, 21)


def clinic() -> Any:
    """The worked clinic with a nurse and a prescriber all day: longer visits than the usual ones find room."""
    made = scenario.clinic(FIRST, LAST, scenario.at(FIRST, "08:00"))
    all_day = shifts(spans(FIRST, LAST, range(5), ("08:00", "18:00")))
    return replace(
        made,
        nurses=tuple(replace(person, shifts=all_day) for person in made.nurses),
        prescribers=tuple(replace(person, shifts=all_day) for person in made.prescribers),
    )


CLINIC = clinic()


@st.composite
def phase_edits(draw: st.DrawFn) -> tuple[str, int, TypedDoses, TypedSection]:
    gaps = dict(zip(phases.SPACING, (str(day) for day in sorted(draw(st.tuples(DAYS, DAYS, DAYS, DAYS)))), strict=True))
    doses = {"doses": str(draw(st.integers(1, 4))), "per_week": str(draw(st.integers(1, 2)))}
    run = TypedDoses(
        draw(st.sampled_from(phases.KINDS)),
        draw(st.sampled_from(["Taper", "Weekly"])),
        draw(st.sampled_from(["firm", "proposed"])),
        gaps | doses,
        {"target_days": "70", "review_days": "90"},
        "Ours",
        "clinic policy",
    )
    section = {"sessions": "1", "recommended": "2", "minutes": "50", "after_days": "28", "proposed": "1"}
    days = {"min_days": "14", "target_days": "14", "max_days": "30"}
    acts = ["add", "change", "remove", "earlier", "later", "back", "section", "no section", "section back"]
    typed = TypedSection(section | days, draw(st.booleans()), "Ours", "clinic policy")
    return draw(st.sampled_from(acts)), draw(st.integers(0, 4)), run, typed


def apply_phase(document: Document, signed: Document, edit: tuple[str, int, TypedDoses, TypedSection]) -> Document:
    act, number, run, section = edit
    name = phases.SECTIONS[number % len(phases.SECTIONS)]
    of = {
        "add": lambda: phases.with_doses(document, run, signed),
        "change": lambda: phases.with_changed_doses(document, number, run, signed),
        "remove": lambda: phases.without_doses(document, number),
        "earlier": lambda: phases.with_doses_moved(document, number, -1),
        "later": lambda: phases.with_doses_moved(document, number, 1),
        "back": lambda: phases.with_doses_back(document, number, signed),
        "section": lambda: phases.with_section(document, name, section, signed),
        "no section": lambda: phases.without_section(document, name),
        "section back": lambda: phases.with_section_back(document, name, signed),
    }
    return of[act]()


def taken(document: Document, signed: Document, step: Any) -> Document:
    """The document after a step that the pages accept; the one before when they refuse it, in sentences."""
    try:
        after = (
            apply_phase(document, signed, step) if isinstance(step[2], TypedDoses) else apply(document, signed, step)
        )
        assert to_document(parse_protocol(after)) == after
    except ProtocolInvalid as refusal:
        assert all(sentence for _, sentence in refusal.problems)
        return document
    return after


@settings(max_examples=40)
@given(slug=st.sampled_from(SHIPPED_SLUGS), steps=st.lists(st.one_of(edits(), phase_edits()), min_size=1, max_size=8))
def test_any_edits_that_the_pages_take_are_planned_with_or_refused_by_name(slug: str, steps: list[Any]) -> None:
    signed = document = shipped_document(slug)
    for step in steps:
        document = taken(document, signed, step)
    found = propose_courses(CLINIC, scenario.request(EARLIEST, protocol=parse_protocol(document)), most=2)
    assert bool(found.proposals) != bool(found.refused)
    assert all(conflict.sentence for conflict in found.refused)


def planned(document: Document) -> tuple[Protocol, Any]:
    protocol = parse_protocol(document)
    found = propose_courses(CLINIC, scenario.request(EARLIEST, protocol=protocol), most=1)
    return protocol, found.proposals[0]


def test_a_course_is_planned_with_an_added_part_and_an_added_phase() -> None:
    document = shipped_document("iv-racemic-twice-weekly")
    typed = TypedDoses(
        "consolidation",
        "Weekly taper",
        "firm",
        {"doses": "2", "min_days": "5", "target_days": "7", "warn_days": "9", "max_days": "14", "per_week": "1"},
        {"target_days": "42", "review_days": "49"},
        "Ours",
        "clinic policy",
    )
    edited = phases.with_doses(visits.with_part(document, MUSIC, document), typed, document)
    (_, before), (protocol, after) = planned(document), planned(edited)
    doses = [place for place in after.placements if place.kind is AppointmentKind.INFUSION]
    assert [place.phase for place in doses] == ["induction"] * 6 + ["consolidation"] * 2
    assert doses[0].end - doses[0].start == protocol.visit.discharge_min == 145
    assert len([place for place in before.placements if place.kind is AppointmentKind.INFUSION]) == 6
    for earlier, later in pairwise(doses[5:]):
        assert 5 * 1440 <= later.start - earlier.start <= 14 * 1440
