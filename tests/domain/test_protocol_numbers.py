"""Protocol documents number by number: in words, changed, and compared."""

import copy
from typing import Any

import pytest

from planner.domain.protocol_editing import (
    TypedIntegration,
    TypedNumber,
    typed_number,
    with_integration,
    with_typed_numbers,
)
from planner.domain.protocol_numbers import differences, numbers_of, part_of, with_numbers, words_of
from planner.domain.protocol_parsing import parse_protocol
from planner.domain.protocols import ProtocolInvalid
from planner.services.shipped import SHIPPED_SLUGS, shipped_document

SLUG = "iv-racemic-twice-weekly"


@pytest.fixture
def document() -> dict[str, Any]:
    return shipped_document(SLUG)


@pytest.mark.parametrize("slug", SHIPPED_SLUGS)
def test_every_number_with_provenance_is_listed_once_in_words(slug: str) -> None:
    document = shipped_document(slug)
    numbers = numbers_of(document)
    assert {number.path for number in numbers} == set(parse_protocol(document).provenance)
    assert len({number.path for number in numbers}) == len(numbers)
    for number in numbers:
        assert "_" not in number.what
        assert number.group
        assert number.source


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("visit.blocks.2.length_min", "Visit: Recovery and debrief, length"),
        ("visit.discharge_min", "Visit, earliest discharge, after check-in"),
        ("dose_phases.0.spacing.warn_days", "Induction, days between doses, warned from"),
        ("dose_phases.0.doses", "Induction, number of doses"),
        ("integration.window.opens_h", "Window, opens"),
        ("integration.window.knots.1.preference", "Window, ranking of free times, preference at 18 h"),
        ("consolidation.minutes", "Consolidation session, length of a session"),
        ("evidence_note", "Evidence"),
    ],
)
def test_a_field_is_called_in_words(document: dict[str, Any], path: str, words: str) -> None:
    assert words_of(document, path) == words


def test_equal_documents_do_not_differ(document: dict[str, Any]) -> None:
    assert differences(document, copy.deepcopy(document)) == ()


def test_differences_name_both_values_and_both_sources(document: dict[str, Any]) -> None:
    changed = with_numbers(
        document,
        {"span.target_days": {"value": 24, "unit": "d", "mark": "clinic policy", "source": "Our own"}},
    )
    changed["summary"] = "Shorter."
    changed["visit"]["blocks"][1]["on_site"] = []
    changed["boosters"] = None
    lines = {line.path: line for line in differences(document, changed)}
    assert lines["span.target_days"].what == "Whole course, aimed at, from first to last dose"
    assert (lines["span.target_days"].before, lines["span.target_days"].after) == ("21 days", "24 days")
    assert lines["span.target_days"].source_after == "Our own (clinic policy)"
    assert lines["span.target_days"].source_before.endswith(")")
    assert (lines["summary"].after, lines["summary"].source_after) == ("Shorter.", "")
    assert (lines["visit.blocks.1.on_site"].before, lines["visit.blocks.1.on_site"].after) == ("prescriber", "–")
    assert lines["boosters.min_days"].after == "–"
    assert document == shipped_document(SLUG)


def test_a_preference_curve_is_compared_as_one_line(document: dict[str, Any]) -> None:
    lines = {line.path: line for line in differences(document, edited(document, closes_h="96"))}
    assert set(lines) == {"integration.window.id", "integration.window.closes_h", "integration.window.knots"}
    curve = lines["integration.window.knots"]
    assert curve.what == "Window, ranking of free times"
    assert curve.before == "0.5 at 12 h, 1 at 18 h, 1 at 48 h, 0.3 at 72 h, 0 at 168 h"
    assert curve.after == "0.5 at 12 h, 1 at 18 h, 1 at 48 h, 0.3 at 96 h, 0 at 168 h"
    assert "never shown to patients" in curve.source_after


def test_a_changed_source_alone_is_a_difference(document: dict[str, Any]) -> None:
    number = dict(part_of(document, "span.target_days")) | {"source": "Read again"}
    (line,) = differences(document, with_numbers(document, {"span.target_days": number}))
    assert line.before == line.after
    assert line.source_before != line.source_after


@pytest.mark.parametrize("path", ["no.such", "visit.blocks.99.length_min", "name", "visit", ""])
def test_a_path_without_a_number_is_none_to_change(document: dict[str, Any], path: str) -> None:
    with pytest.raises(KeyError):
        with_numbers(document, {path: {"value": 1}})


@pytest.mark.parametrize(
    ("text", "value"),
    [("12", 12), (" 12 ", 12), ("1.5", 1.5), ("1,5", 1.5), ("12.0", 12), ("0", 0), ("007", 7)],
)
def test_a_number_is_read_as_people_type_it(text: str, value: float) -> None:
    assert typed_number(text) == value


@pytest.mark.parametrize("text", ["", "-1", "1e3", "٣", "12 h", "1.2.3", "nan", "1_0", "9" * 7, "½", "0x1", "1\n2"])
def test_anything_else_is_no_number(text: str) -> None:
    assert typed_number(text) is None


def typed(document: dict[str, Any], **changed: str) -> TypedIntegration:
    """The window as it stands in the document, with some boxes typed over."""
    plan = document["integration"]
    numbers = {name: f"{part['value']:g}" for name, part in plan["window"].items() if isinstance(part, dict)}
    numbers |= {name: f"{plan[name]['value']:g}" for name in ("minutes", "every")} | {"closes_days": ""}
    texts = (plan["window"]["source"], plan["window"]["strength"])
    return TypedIntegration("windowed", tuple(plan["settings"]), "dose_end", "start_only", *texts, numbers | changed)


def edited(document: dict[str, Any], **changed: str) -> dict[str, Any]:
    return with_integration(
        document, typed(document, **changed), source="Ours", policy="ours-2", pattern=document["integration"]
    )


def knots(document: dict[str, Any]) -> list[tuple[float, float]]:
    return [(k["hours"]["value"], k["preference"]["value"]) for k in document["integration"]["window"]["knots"]]


def test_a_window_typed_as_it_is_stays_as_it_is(document: dict[str, Any]) -> None:
    assert edited(document) == document


def test_the_preference_curve_moves_with_its_hours(document: dict[str, Any]) -> None:
    changed = edited(document, opens_h="10", closes_h="120", tail_end_h="200")
    assert knots(changed) == [(10, 0.5), (18, 1), (48, 1), (120, 0.3), (200, 0)]
    window = changed["integration"]["window"]
    assert window["id"] == "ours-2"
    assert window["closes_h"] == {"value": 120, "unit": "h", "mark": "clinic policy", "source": "Ours"}
    assert window["peak_end_h"] == document["integration"]["window"]["peak_end_h"]
    assert parse_protocol(changed).integration.window is not None


def test_a_knot_between_edges_keeps_its_place_between_them(document: dict[str, Any]) -> None:
    window = document["integration"]["window"]
    extra = copy.deepcopy(window["knots"][3])
    extra["hours"]["value"], extra["preference"]["value"] = 60, 0.6
    window["knots"].insert(3, extra)
    assert knots(edited(document, closes_h="96"))[3] == (72, 0.6)
    parse_protocol(edited(document, closes_h="72.5"))


@pytest.mark.parametrize(
    ("changed", "curve"),
    [
        ({"opens_h": "18"}, [(18, 1), (48, 1), (72, 0.3), (168, 0)]),
        ({"closes_h": "48"}, [(12, 0.5), (18, 1), (48, 1), (168, 0)]),
        ({"peak_end_h": "18"}, [(12, 0.5), (18, 1), (72, 0.3), (168, 0)]),
        ({"tail_end_h": "72"}, [(12, 0.5), (18, 1), (48, 1), (72, 0.3)]),
    ],
)
def test_edges_that_meet_share_a_knot_with_the_higher_preference(
    document: dict[str, Any], changed: dict[str, str], curve: list[tuple[float, float]]
) -> None:
    assert knots(edited(document, **changed)) == curve
    parse_protocol(edited(document, **changed))


def test_edges_that_met_part_again(document: dict[str, Any]) -> None:
    met = edited(document, opens_h="18")
    assert knots(edited(met, opens_h="12")) == [(12, 1), (18, 1), (48, 1), (72, 0.3), (168, 0)]


def test_what_is_no_number_is_told_at_its_box(document: dict[str, Any]) -> None:
    with pytest.raises(ProtocolInvalid) as refused:
        edited(document, opens_h="soon", minutes="")
    assert refused.value.paths == ("integration.minutes", "integration.window.opens_h")
    with pytest.raises(ProtocolInvalid) as refused:
        with_integration(
            document,
            TypedIntegration("daily", (), "", "", "", "", {}),
            source="Ours",
            policy="ours-2",
            pattern=document["integration"],
        )
    assert refused.value.paths == ("integration.mode",)


def test_a_changed_number_never_keeps_the_source_of_the_old_one(document: dict[str, Any]) -> None:
    path = "dose_phases.0.doses"
    old = part_of(document, path)

    def kept(value: str, source: str, mark: str = "clinic policy") -> dict[str, Any]:
        changed = with_typed_numbers(document, {path: TypedNumber(value, source, mark)}, "Ours", signed=document)
        return part_of(changed, path)  # type: ignore[no-any-return]

    assert kept("6", old["source"]) == old
    assert kept("8", old["source"]) == {"value": 8, "unit": "doses", "mark": "clinic policy", "source": "Ours"}
    assert kept("8", old["source"], "label")["mark"] == "clinic policy"
    assert kept("8", "A label", "label") == {"value": 8, "unit": "doses", "mark": "label", "source": "A label"}
    assert kept("6", "Read again") == {"value": 6, "unit": "doses", "mark": "clinic policy", "source": "Read again"}
    for typed_wrong in (TypedNumber("six", "x", "label"), TypedNumber("6", " ", "label"), TypedNumber("6", "x", "no")):
        with pytest.raises(ProtocolInvalid) as refused:
            with_typed_numbers(document, {path: typed_wrong}, "Ours", signed=document)
        assert refused.value.paths == (path,)
