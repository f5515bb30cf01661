"""The parts of a dosing visit: added, changed, taken out, put back and moved, with the dose always somewhere."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planner.domain import protocol_visits as visits
from planner.domain.protocol_errors import ProtocolInvalid
from planner.domain.protocol_parsing import parse_protocol, to_document
from planner.domain.protocol_visits import FOLLOWS, WITH, TypedPart, parts_of
from planner.services.shipped import SHIPPED_SLUGS, shipped_document
from tests.domain.test_protocol_round_trip import documents

Document = dict[str, Any]
MUSIC = TypedPart("Music", "15", "Our own pilot", "clinic policy", ("chair",), (), place="infusion")


@pytest.fixture
def document() -> Document:
    return shipped_document("iv-racemic-twice-weekly")


def spans(document: Document) -> list[tuple[str, int, int]]:
    return [(block.key, block.starts_min, block.ends_min) for block in parse_protocol(document).visit.blocks]


def dose(document: Document) -> tuple[int, int, int]:
    visit = parse_protocol(document).visit
    return visit.dose_starts_min, visit.dose_ends_min, visit.discharge_min


def test_a_part_that_is_added_moves_what_comes_after_it_and_the_patients_leaving(document: Document) -> None:
    after = visits.with_part(document, MUSIC, document)
    assert spans(after) == [
        ("check_in", 0, 30),
        ("infusion", 30, 70),
        ("music", 70, 85),
        ("recovery", 85, 145),
        ("turnover", 145, 160),
    ]
    assert dose(after) == (30, 70, 145)
    added, recovery = after["visit"]["blocks"][2:4]
    assert added["length_min"] == {"value": 15, "unit": "min", "mark": "clinic policy", "source": "Our own pilot"}
    assert recovery["starts_min"]["source"] == FOLLOWS
    assert recovery["length_min"] == document["visit"]["blocks"][2]["length_min"]


def test_a_part_before_the_dose_moves_the_dose_with_the_part_that_carries_it(document: Document) -> None:
    after = visits.with_part(document, TypedPart("Rest", "10", "Ours", "clinic policy", (), ()), document)
    assert spans(after)[0] == ("rest", 0, 10)
    assert dose(after) == (40, 80, 140)


def test_a_part_at_the_same_time_moves_nothing(document: Document) -> None:
    typed = TypedPart("Talk", "20", "Ours", "clinic policy", ("therapist",), (), WITH, "5", "infusion")
    after = visits.with_part(document, typed, document)
    assert spans(after)[2] == ("talk", 35, 55)
    assert [span for span in spans(after) if span[0] != "talk"] == spans(document)
    longer = visits.with_changed_part(
        after, "talk", TypedPart(**{**FIELDS, "length": "80", "begins": WITH}), "x", after
    )
    assert spans(longer)[2:4] == [("talk", 30, 110), ("recovery", 110, 170)]


FIELDS: dict[str, Any] = {
    "name": "Talk",
    "length": "20",
    "source": "Ours",
    "mark": "clinic policy",
    "holds": ("therapist",),
    "on_site": (),
}


def test_a_part_that_is_removed_leaves_no_gap_and_comes_back_as_it_was(document: Document) -> None:
    for key in ("check_in", "recovery", "turnover"):
        without = visits.without_part(document, key, document)
        assert key not in [span[0] for span in spans(without)]
        assert visits.with_part_back(without, key, document) == document
    assert dose(visits.without_part(document, "check_in", document)) == (0, 40, 100)


def test_the_part_that_carries_the_dose_stays_until_another_carries_it(document: Document) -> None:
    with pytest.raises(ProtocolInvalid, match="“Infusion” carries the dose"):
        visits.without_part(document, "infusion", document)
    moved = visits.with_dose_in(document, "recovery", document)
    assert dose(moved) == (70, 130, 130)
    assert dose(visits.without_part(moved, "infusion", document)) == (30, 90, 90)
    with pytest.raises(ProtocolInvalid, match="once the patient has left"):
        visits.with_dose_in(document, "turnover", document)


def test_parts_change_places_but_turnover_stays_last(document: Document) -> None:
    moved = visits.with_part_moved(document, "recovery", -1, document)
    assert [key for key, _, _ in spans(moved)] == ["check_in", "recovery", "infusion", "turnover"]
    assert dose(moved) == (90, 130, 130)
    assert visits.with_part_moved(moved, "recovery", 1, document) == document
    for key, steps in (("turnover", -1), ("recovery", 1)):
        with pytest.raises(ProtocolInvalid, match="“Turnover” begins once the patient has left"):
            visits.with_part_moved(document, key, steps, document)
    with pytest.raises(ProtocolInvalid, match="is the first part already"):
        visits.with_part_moved(document, "check_in", -1, document)


def test_a_renamed_part_keeps_its_key_and_its_source(document: Document) -> None:
    length = document["visit"]["blocks"][2]["length_min"]
    typed = TypedPart("Rest", "60", length["source"], length["mark"], ("room", "nurse"), ())
    after = visits.with_changed_part(document, "recovery", typed, "Clinic policy", document)
    assert (
        after["visit"]["blocks"][2] | {"name": "Recovery and debrief", "holds": ["chair", "nurse"]}
        == (document["visit"]["blocks"][2])
    )
    shorter = visits.with_changed_part(document, "recovery", TypedPart(**{**FIELDS, "length": "30"}), "x", document)
    assert dose(shorter) == (30, 70, 100)


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"name": " "}, "name"),
        ({"length": "0"}, "length"),
        ({"length": "7.5"}, "length"),
        ({"length": "long"}, "length"),
        ({"source": ""}, "source"),
        ({"mark": "mine"}, "mark"),
        ({"on_site": ("therapist",)}, "on_site"),
        ({"begins": WITH, "minutes_in": "soon"}, "minutes_in"),
        ({"place": "nowhere"}, "place"),
        ({"place": "turnover"}, "place"),
    ],
)
def test_what_says_nothing_of_use_is_told_at_its_field(document: Document, changed: Document, field: str) -> None:
    with pytest.raises(ProtocolInvalid) as refusal:
        visits.with_part(document, TypedPart(**{**FIELDS, **changed}), document)
    assert refusal.value.paths == (field,)


def test_names_make_keys_that_nothing_else_has() -> None:
    assert visits.free_key("Música y paseo!", []) == "musica-y-paseo"
    assert visits.free_key("音楽", ["part"]) == "part-2"
    assert visits.free_key("Rest", ["rest", "rest-2"]) == "rest-3"


@pytest.mark.parametrize("slug", SHIPPED_SLUGS)
def test_the_dose_of_every_shipped_protocol_lies_in_one_part_from_end_to_end(slug: str) -> None:
    carried = parts_of(shipped_document(slug)).dose
    assert carried.starts_in == carried.ends_in
    assert (carried.after_start, carried.before_end) == (0, 0)


@st.composite
def edits(draw: st.DrawFn) -> tuple[str, int, TypedPart]:
    """What is done to the so-many-th part, and what is typed if something is."""
    holds = draw(st.sets(st.sampled_from(["chair", "nurse", "therapist", "room"]), max_size=2))
    typed = TypedPart(
        name=draw(st.sampled_from(["Rest", "Music", "Walk", "音楽"])),
        length=str(draw(st.integers(1, 120))),
        source="Ours",
        mark=draw(st.sampled_from(["clinic policy", "label"])),
        holds=tuple(holds),
        on_site=("prescriber",) if draw(st.booleans()) else (),
        begins=draw(st.sampled_from(["after", "with"])),
        minutes_in=str(draw(st.integers(0, 90))),
        patient_gone=draw(st.booleans()),
    )
    acts = ["add", "change", "remove", "earlier", "later", "dose", "back"]
    return draw(st.sampled_from(acts)), draw(st.integers(0, 7)), typed


def apply(document: Document, signed: Document, edit: tuple[str, int, TypedPart]) -> Document:
    act, number, typed = edit
    known = signed if act == "back" else document
    keys = [part.key for part in parts_of(known).parts]
    key = keys[number % len(keys)]
    if act == "add":
        placed = TypedPart(**{**{name: getattr(typed, name) for name in TypedPart.__slots__}, "place": key})
        return visits.with_part(document, placed, signed)
    if act == "change":
        return visits.with_changed_part(document, key, typed, "Ours, today", signed)
    if act in ("earlier", "later"):
        return visits.with_part_moved(document, key, -1 if act == "earlier" else 1, signed)
    of = {"remove": visits.without_part, "dose": visits.with_dose_in, "back": visits.with_part_back}
    return of[act](document, key, signed)


@settings(max_examples=80)
@given(signed=documents(), steps=st.lists(edits(), max_size=8))
def test_any_edits_that_are_taken_make_a_visit_that_parses_to_itself(
    signed: Document, steps: list[tuple[str, int, TypedPart]]
) -> None:
    document = signed
    for step in steps:
        try:
            after = apply(document, signed, step)
        except ProtocolInvalid as refusal:
            assert all(sentence for _, sentence in refusal.problems)
            continue
        try:
            protocol = parse_protocol(after)
        except ProtocolInvalid as refusal:
            # Edits never leave a gap or a dose outside; only a part's own number or what is beyond the visit refuses.
            assert not [path for path in refusal.paths if path.startswith("visit.") and "length_min" not in path]
            continue
        assert to_document(protocol) == after
        carried = parts_of(after).dose
        keys = {part.key for part in parts_of(after).parts if not part.gone}
        assert {carried.starts_in, carried.ends_in} <= keys
        document = after


@settings(max_examples=80)
@given(document=documents())
def test_giving_the_dose_where_it_is_already_given_changes_no_time(document: Document) -> None:
    before = parse_protocol(document).visit
    renamed = parts_of(document).parts[0].key
    block = next(block for block in document["visit"]["blocks"] if block["key"] == renamed)
    length = block["length_min"]
    typed = TypedPart(block["name"], str(length["value"]), length["source"], length["mark"], tuple(block["holds"]), ())
    after = parse_protocol(visits.with_changed_part(document, renamed, typed, "x", document)).visit
    assert [(b.key, b.starts_min, b.length_min) for b in after.blocks] == [
        (b.key, b.starts_min, b.length_min) for b in sorted(before.blocks, key=lambda b: b.starts_min)
    ]
    assert (after.dose_starts_min, after.dose_ends_min, after.discharge_min) == (
        before.dose_starts_min,
        before.dose_ends_min,
        before.discharge_min,
    )
