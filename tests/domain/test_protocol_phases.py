"""Phases of a protocol: added, changed, removed, put back and moved, with numbers that say where they come from."""

from __future__ import annotations

from typing import Any

import pytest

from planner.domain import protocol_phases as phases
from planner.domain.protocol_errors import ProtocolInvalid
from planner.domain.protocol_parsing import parse_protocol, to_document
from planner.domain.protocol_phases import TypedDoses, TypedSection
from planner.services.shipped import shipped_document

Document = dict[str, Any]
NUMBERS = {"doses": "4", "min_days": "5", "target_days": "7", "warn_days": "9", "max_days": "14", "per_week": "1"}
SPAN = {"target_days": "49", "review_days": "63"}
TAPER = TypedDoses("consolidation", "Weekly taper", "firm", NUMBERS, SPAN, "Phillips 2019", "clinic policy")


@pytest.fixture
def document() -> Document:
    return shipped_document("iv-racemic-twice-weekly")


def taper(**changed: Any) -> TypedDoses:
    return TypedDoses(**{name: changed.get(name, getattr(TAPER, name)) for name in TypedDoses.__slots__})


def names(document: Document) -> list[str]:
    parsed = parse_protocol(document)
    assert to_document(parsed) == document
    return [phase.name for phase in parsed.dose_phases]


def test_a_taper_after_induction_is_firm_and_every_number_says_where_it_comes_from(document: Document) -> None:
    after = phases.with_doses(document, TAPER, document)
    assert names(after) == ["Induction", "Weekly taper"]
    protocol = parse_protocol(after)
    assert len(protocol.firm_doses) == 10
    assert protocol.provenance["dose_phases.1.spacing.warn_days"].source == "Phillips 2019"
    assert protocol.provenance["span.target_days"].source == "Phillips 2019"
    assert after["dose_phases"][0] == document["dose_phases"][0]


def test_phases_of_one_kind_change_places_and_of_different_kinds_do_not(document: Document) -> None:
    two = phases.with_doses(document, TAPER, document)
    two = phases.with_doses(two, taper(name="Fortnightly", numbers={**NUMBERS, "doses": "2"}), document)
    assert names(two) == ["Induction", "Weekly taper", "Fortnightly"]
    assert names(phases.with_doses_moved(two, 2, -1)) == ["Induction", "Fortnightly", "Weekly taper"]
    for number, steps in ((1, -1), (0, 1), (2, 1), (0, -1)):
        with pytest.raises(ProtocolInvalid, match="stays where it is"):
            phases.with_doses_moved(two, number, steps)


def test_a_phase_that_is_removed_comes_back_where_it_was() -> None:
    document = shipped_document("esketamine-label")
    for number in (1, 2):
        without = phases.without_doses(document, number)
        assert phases.removed(document, without) == (number,)
        assert phases.with_doses_back(without, number, document) == document
    with pytest.raises(ProtocolInvalid, match="there already"):
        phases.with_doses_back(document, 1, document)
    alone = phases.without_doses(shipped_document("nad"), 0)
    with pytest.raises(ProtocolInvalid, match="at least one phase with doses"):
        parse_protocol(alone)


def test_a_changed_number_gets_the_source_typed_and_one_that_comes_back_its_own(document: Document) -> None:
    old = {"doses": "6", "min_days": "2", "target_days": "3", "warn_days": "6", "max_days": "7", "per_week": "2"}
    span = {"target_days": "21", "review_days": "28"}
    typed = taper(name="Induction", numbers={**old, "doses": "8"}, span={**span, "target_days": "28"})
    after = phases.with_changed_doses(document, 0, typed, document)
    assert after["dose_phases"][0]["doses"] == {
        "value": 8, "unit": "doses", "mark": "clinic policy", "source": "Phillips 2019",
    }  # fmt: skip
    assert after["dose_phases"][0]["spacing"] == document["dose_phases"][0]["spacing"]
    back = phases.with_changed_doses(after, 0, taper(name="Induction", numbers=old, span=span), document)
    assert back == document
    renamed = phases.with_changed_doses(document, 0, taper(name="Loading", numbers=old, span=span), document)
    assert renamed["dose_phases"][0] | {"name": "Induction"} == document["dose_phases"][0]


@pytest.mark.parametrize(
    ("changed", "fields"),
    [
        ({"name": " "}, ["name"]),
        ({"kind": "other"}, ["kind"]),
        ({"booking": ""}, ["booking"]),
        ({"source": " "}, ["source"]),
        ({"mark": "mine"}, ["mark"]),
        ({"numbers": {**NUMBERS, "doses": "six", "max_days": ""}}, ["doses", "max_days"]),
        ({"span": {**SPAN, "review_days": "x"}}, ["span_review_days"]),
    ],
)
def test_what_says_nothing_of_use_is_told_at_its_field(document: Document, changed: Any, fields: list[str]) -> None:
    with pytest.raises(ProtocolInvalid) as refusal:
        phases.with_doses(document, taper(**changed), document)
    assert list(refusal.value.paths) == fields


@pytest.mark.parametrize(
    ("changed", "path", "sentence"),
    [
        ({"span": {"target_days": "21", "review_days": "28"}}, "span.target_days", "cannot fit 21"),
        ({"numbers": {**NUMBERS, "target_days": "4"}}, "dose_phases.1.spacing.target_days", "cannot be less"),
        ({"numbers": {**NUMBERS, "per_week": "3"}}, "dose_phases.1.per_week", "do not fit gaps of at least 5"),
        ({"kind": "maintenance", "booking": "proposed"}, "dose_phases.1.spacing.min_days", "at least 14 days apart"),
        ({"numbers": {**NUMBERS, "doses": "0"}}, "dose_phases.1.doses", "between 1 and 60"),
    ],
)
def test_what_no_plan_could_satisfy_is_refused_by_name(
    document: Document, changed: Any, path: str, sentence: str
) -> None:
    with pytest.raises(ProtocolInvalid) as refusal:
        parse_protocol(phases.with_doses(document, taper(**changed), document))
    assert sentence in dict(refusal.value.problems)[path]


def test_preparation_consolidation_and_boosters_come_and_go(document: Document) -> None:
    for name in phases.SECTIONS:
        without = phases.without_section(document, name)
        assert parse_protocol(without)
        assert phases.with_section_back(without, name, document) == document
        with pytest.raises(ProtocolInvalid):
            phases.with_section_back(document, name, document)
    nad = shipped_document("nad")
    numbers = {"sessions": "1", "recommended": "2", "minutes": "50", "min_days": "1", "target_days": "3"}
    typed = TypedSection({**numbers, "max_days": "14", "min_lead_h": "24"}, True, "Ours", "clinic policy")
    prepared = parse_protocol(phases.with_section(nad, "preparation", typed, nad)).preparation
    assert prepared is not None
    assert (prepared.sessions, prepared.min_lead_h, prepared.required) == (1, 24.0, True)
    plain = phases.with_section(
        nad, "preparation", TypedSection(numbers | {"max_days": "14"}, False, "x", "label"), nad
    )
    assert "min_lead_h" not in plain["preparation"]
    kept = phases.with_section(
        document,
        "boosters",
        TypedSection({"after_days": "28", "min_days": "14", "max_days": "60", "proposed": "1"}, False, "Ours", "label"),
        document,
    )
    assert kept["boosters"]["min_days"] == document["boosters"]["min_days"]
    assert kept["boosters"]["max_days"] == {"value": 60, "unit": "d", "mark": "label", "source": "Ours"}


def test_runs_of_doses_are_known_again_by_kind_and_name_then_by_order(document: Document) -> None:
    one, two = {"key": "consolidation", "name": "Weekly"}, {"key": "consolidation", "name": "Fortnightly"}
    assert phases.matched([one, two], [two, one]) == ((0, 1), (1, 0))
    assert phases.matched([one], [{"key": "consolidation", "name": "Weekly taper"}]) == ((0, 0),)
    assert phases.matched([one], [{"key": "maintenance", "name": "Weekly"}]) == ()


def test_kinds_of_phases_keep_their_order() -> None:
    document = shipped_document("esketamine-label")
    document["dose_phases"][1:] = reversed(document["dose_phases"][1:])
    with pytest.raises(ProtocolInvalid) as refusal:
        parse_protocol(document)
    assert refusal.value.problems == (("dose_phases.2.key", "Phases run induction, consolidation, maintenance."),)
