"""Two versions compared: what came and went as such, what both have number by number, what only follows apart."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from planner.domain import protocol_phases as phases
from planner.domain import protocol_visits as visits
from planner.domain.protocol_comparing import ADDED, DOSE, ORDER, REMOVED, RENAMED, Comparison, compare
from planner.services.shipped import SHIPPED_SLUGS, shipped_document
from tests.domain.test_protocol_phases import TAPER
from tests.domain.test_protocol_visits import MUSIC

Document = dict[str, Any]


@pytest.fixture
def document() -> Document:
    return shipped_document("iv-racemic-twice-weekly")


def said(found: Comparison) -> list[tuple[str, str]]:
    return [(part.how, part.what) for part in found.parts]


@pytest.mark.parametrize("slug", SHIPPED_SLUGS)
def test_a_document_differs_in_nothing_from_itself(slug: str) -> None:
    assert not compare(shipped_document(slug), shipped_document(slug))


def test_an_added_part_is_one_line_with_its_source_and_what_moves_along_is_told_apart(document: Document) -> None:
    after = visits.with_part(document, MUSIC, document)
    found = compare(document, after)
    assert said(found) == [(ADDED, "Visit: Music")]
    assert found.parts[0].details == ("needs chair", "length 15 min: Our own pilot (clinic policy)")
    assert found.lines == ()
    assert [line.after for line in found.following] == ["85 min", "145 min", "145 min"]
    assert said(compare(after, document)) == [(REMOVED, "Visit: Music")]


def test_a_number_of_a_part_that_has_another_place_now_is_compared_with_itself(document: Document) -> None:
    after = visits.without_part(document, "check_in", document)
    after["visit"]["blocks"][1]["length_min"]["value"] = 75
    found = compare(document, after)
    assert said(found) == [(REMOVED, "Visit: Check-in, checks and baseline vitals")]
    assert ("Visit: Recovery and debrief, length", "60 min", "75 min") in [
        (line.what, line.before, line.after) for line in found.lines
    ]


def test_order_names_and_the_part_that_carries_the_dose_are_told_in_words(document: Document) -> None:
    moved = compare(document, visits.with_part_moved(document, "recovery", -1, document))
    assert said(moved) == [(ORDER, "Parts of the visit")]
    assert moved.parts[0].after == "Check-in, checks and baseline vitals, Recovery and debrief, Infusion, Turnover"
    dose = compare(document, visits.with_dose_in(document, "recovery", document))
    assert (dose.parts[0].how, dose.parts[0].before, dose.parts[0].after) == (DOSE, "Infusion", "Recovery and debrief")
    renamed = deepcopy(document)
    renamed["visit"]["blocks"][3]["name"], renamed["dose_phases"][0]["name"] = "Cleaning", "Loading"
    found = compare(document, renamed)
    assert [(part.how, part.before, part.after) for part in found.parts] == [
        (RENAMED, "Turnover", "Cleaning"),
        (RENAMED, "Induction", "Loading"),
    ]
    assert found.lines == ()


def test_phases_and_sections_that_come_and_go_are_told_as_such(document: Document) -> None:
    after = phases.without_section(phases.with_doses(document, TAPER, document), "boosters")
    found = compare(document, after)
    assert said(found) == [(ADDED, "Weekly taper"), (REMOVED, "Boosters")]
    assert found.parts[0].details[0] == "consolidation, firm"
    assert found.parts[0].details[1].endswith("doses a week 1 per week: Phillips 2019 (clinic policy)")
    assert [line.path for line in found.lines] == ["span.target_days", "span.review_days"]
    two = phases.with_doses(after, phases.TypedDoses(**{**fields(), "name": "Last two"}), document)
    assert said(compare(two, phases.with_doses_moved(two, 2, -1))) == [(ORDER, "Phases")]


def fields() -> dict[str, Any]:
    return {name: getattr(TAPER, name) for name in TAPER.__slots__}


def test_a_start_that_somebody_chose_is_told_with_the_numbers(document: Document) -> None:
    after = deepcopy(document)
    after["visit"]["dose_starts_min"] |= {"value": 35, "source": "The line takes five minutes"}
    found = compare(document, after)
    assert [line.path for line in found.lines] == ["visit.dose_starts_min"]
    assert found.following == ()
