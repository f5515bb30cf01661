"""A protocol document, field by field: what is read, what is refused, and the sentence at the field."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from planner.domain.protocol_errors import ProtocolInvalid
from planner.domain.protocol_parsing import parse_protocol, to_document
from planner.domain.protocols import Holding, IntegrationMode, Provenance, Spacing

Document = dict[str, Any]


def number(value: Any, unit: str, **more: str) -> Document:
    return {"value": value, "unit": unit, "mark": "clinic policy", "source": "a test", **more}


def a_block(key: str, starts: int, length: int, *holds: str, on_site: tuple[str, ...] = ()) -> Document:
    return {
        "key": key,
        "name": key.capitalize(),
        "starts_min": number(starts, "min"),
        "length_min": number(length, "min"),
        "holds": list(holds),
        "on_site": list(on_site),
    }


def days(**named: int) -> Document:
    return {f"{name}_days": number(value, "d") for name, value in named.items()}


def a_phase(key: str, doses: int, booking: str, per_week: int = 2, **spacing: int) -> Document:
    return {
        "key": key,
        "name": key.capitalize(),
        "doses": number(doses, "doses"),
        "spacing": days(**spacing),
        "per_week": number(per_week, "per week"),
        "booking": booking,
    }


def sessions(key: str, **named: int) -> Document:
    return {
        "key": key,
        "sessions": number(1, "sessions"),
        "recommended": number(2, "sessions"),
        "minutes": number(50, "min"),
        **days(**named),
        "required": True,
    }


def a_window() -> Document:
    hours = {"opens_h": 12, "peak_start_h": 18, "peak_end_h": 48, "closes_h": 72, "tail_end_h": 168}
    hours |= {"ideal_offset_h": 24, "min_gap_before_next_dose_h": 2}
    curve = ((12, 0.5), (18, 1), (48, 1), (72, 0.3), (168, 0))
    return {
        "id": "window-test-1",
        "containment": "start_only",
        "anchor": "dose_end",
        "source": "a test",
        "strength": "none",
        **{name: number(value, "h") for name, value in hours.items()},
        "knots": [{"hours": number(h, "h"), "preference": number(p, "preference")} for h, p in curve],
    }


@pytest.fixture
def document() -> Document:
    return {
        "slug": "test-infusion",
        "name": "Test infusion, twice weekly",
        "modality": "iv_test",
        "summary": "Six made-up infusions.",
        "enabled_by_default": True,
        "evidence_note": "None: this is made up.",
        "visit": {
            "blocks": [
                a_block("check-in", 0, 30, "chair", "nurse"),
                a_block("infusion", 30, 40, "chair", "nurse", on_site=("prescriber",)),
                a_block("recovery", 70, 60, "chair", "nurse"),
                a_block("turnover", 130, 15, "chair"),
            ],
            "dose_starts_min": number(30, "min"),
            "dose_ends_min": number(70, "min"),
            "discharge_min": number(130, "min"),
        },
        "preparation": sessions("preparation", min=1, target=7, max=14),
        "dose_phases": [
            a_phase("induction", 6, "firm", min=2, target=3, warn=6, max=7),
            a_phase("maintenance", 3, "proposed", 1, min=14, target=28, warn=35, max=90),
        ],
        "consolidation": sessions("consolidation", min=7, target=7, max=14),
        "integration": {
            "mode": "windowed",
            "minutes": number(50, "min"),
            "every": number(1, "doses per session"),
            "settings": ["in_person", "telehealth"],
            "window": a_window(),
        },
        "span": days(target=21, review=28),
        "boosters": {**days(after=28, min=14, max=90), "proposed": number(1, "boosters")},
    }


def put(document: Document, path: str, value: Any) -> None:
    """Write `value` at a dotted path; list indexes are numbers."""
    *parents, last = path.split(".")
    place: Any = document
    for step in parents:
        place = place[int(step)] if step.isdigit() else place[step]
    place[int(last) if last.isdigit() else last] = value


def problems_of(document: Any) -> dict[str, str]:
    with pytest.raises(ProtocolInvalid) as refusal:
        parse_protocol(document)
    told = refusal.value.problems
    assert all(sentence.endswith(".") and len(sentence) < 200 for _, sentence in told)
    return dict(told)


def test_every_part_is_read(document: Document) -> None:
    protocol = parse_protocol(document)
    assert protocol.slug == "test-infusion"
    assert protocol.visit.spans(Holding.CHAIR) == ((0, 145),)
    assert protocol.preparation is not None
    assert protocol.preparation.required
    assert (protocol.preparation.min_days, protocol.preparation.max_days) == (1, 14)
    assert protocol.firm_doses == (("induction", Spacing(2, 3, 6, 7)),) * 6
    assert protocol.integration.mode is IntegrationMode.WINDOWED
    assert protocol.integration.window is not None
    assert protocol.integration.window.knots[3] == (72, 0.3)
    assert protocol.integration.settings == {"in_person", "telehealth"}
    assert protocol.span.review_days == 28
    assert protocol.boosters is not None
    assert protocol.boosters.after_days == 28


def test_every_number_keeps_its_provenance(document: Document) -> None:
    label = {"mark": "label", "source": "A made-up label", "strength": "strong"}
    document["visit"]["blocks"][1]["length_min"] = {"value": 40, "unit": "min", **label}
    protocol = parse_protocol(document)
    assert protocol.provenance["visit.blocks.1.length_min"] == Provenance("label", "A made-up label", "strong")
    assert protocol.provenance["dose_phases.0.spacing.min_days"] == Provenance("clinic policy", "a test")
    written = json.dumps(document).count('"value"')
    assert len(protocol.provenance) == written


def test_a_document_comes_back_as_it_was(document: Document) -> None:
    before = copy.deepcopy(document)
    assert to_document(parse_protocol(document)) == before
    assert document == before, "parsing leaves the document alone"


@pytest.mark.parametrize("part", ["preparation", "consolidation", "boosters"])
def test_what_a_protocol_can_do_without(document: Document, part: str) -> None:
    document[part] = None
    protocol = parse_protocol(document)
    assert getattr(protocol, part) is None
    assert to_document(protocol)[part] is None


def test_integration_by_the_week_at_the_next_visit_or_not_at_all(document: Document) -> None:
    common = {key: document["integration"][key] for key in ("minutes", "every", "settings")}
    document["integration"] = {"mode": "weekly", **common, "closes_days": number(7, "d")}
    weekly = parse_protocol(document).integration
    assert (weekly.mode, weekly.closes_days, weekly.window) == (IntegrationMode.WEEKLY, 7, None)
    document["integration"] = {"mode": "rolling", **common}
    rolling = parse_protocol(document).integration
    assert (rolling.mode, rolling.minutes, rolling.closes_days) == (IntegrationMode.ROLLING, 50, 0)
    document["integration"] = {"mode": "none"}
    nothing = parse_protocol(document).integration
    assert (nothing.mode, nothing.minutes, nothing.every) == (IntegrationMode.NONE, 0, 0)


def test_sessions_after_the_doses_that_are_named(document: Document) -> None:
    del document["integration"]["every"]
    document["integration"]["after_doses"] = number([1, 3, 6], "dose numbers")
    protocol = parse_protocol(document)
    plan = protocol.integration
    assert (plan.every, plan.after_doses) == (0, (1, 3, 6))
    assert [dose for dose in range(1, 8) if plan.follows(dose)] == [1, 3, 6]
    assert parse_protocol(to_document(protocol)) == protocol


@pytest.mark.parametrize(
    "doses",
    [[], [0], [1, 1], [3, 1], [1, 99], [True], [1.5], "1", 3, [1] * 51, [[1]]],
    ids=lambda doses: str(doses)[:9],
)
def test_dose_numbers_that_name_no_doses(document: Document, doses: Any) -> None:
    del document["integration"]["every"]
    document["integration"]["after_doses"] = number(doses, "dose numbers")
    assert list(problems_of(document)) == ["integration.after_doses"]


def test_either_every_so_many_doses_or_the_doses_named(document: Document) -> None:
    document["integration"]["after_doses"] = number([1, 3, 6], "dose numbers")
    assert list(problems_of(document)) == ["integration.every"]


def test_hours_between_preparation_and_the_first_dose(document: Document) -> None:
    document["preparation"]["min_lead_h"] = number(24, "h")
    protocol = parse_protocol(document)
    assert protocol.preparation is not None
    assert protocol.preparation.min_lead_min == 24 * 60
    assert to_document(protocol)["preparation"]["min_lead_h"] == number(24, "h")
    document["preparation"]["min_lead_h"] = number(24 * 20, "h")
    assert list(problems_of(document)) == ["preparation.min_lead_h"]


# One fault, one sentence at its field

WRONG_TYPES = [
    ("slug", 7, "slug"),
    ("slug", "Two Words", "slug"),
    ("slug", "double--hyphen", "slug"),
    ("name", "", "name"),
    ("name", "   ", "name"),
    ("name", None, "name"),
    ("name", "two\nlines", "name"),
    ("name", "two\u2028lines", "name"),
    ("name", "a bell\x07", "name"),
    ("summary", "a bell\x07", "summary"),
    ("name", "half a pair \ud83c", "name"),
    ("name", "x" * 10_000, "name"),
    ("summary", "x" * 10_000, "summary"),
    ("evidence_note", "x" * 10_001, "evidence_note"),
    ("visit.blocks.0.name", "x" * 10_000, "visit.blocks.0.name"),
    ("span.target_days.source", "x" * 10_000, "span.target_days.source"),
    ("enabled_by_default", "yes", "enabled_by_default"),
    ("enabled_by_default", 1, "enabled_by_default"),
    ("visit", None, "visit"),
    ("visit", [], "visit"),
    ("visit.blocks", "chair", "visit.blocks"),
    ("visit.blocks.1", "chair", "visit.blocks.1"),
    ("visit.blocks.0.holds", ["sofa"], "visit.blocks.0.holds"),
    ("visit.blocks.0.holds", [["chair"]], "visit.blocks.0.holds"),
    ("visit.blocks.0.holds", ["chair", "chair"], "visit.blocks.0.holds"),
    ("visit.blocks.0.holds", {"chair": True}, "visit.blocks.0.holds"),
    ("visit.dose_starts_min", 30, "visit.dose_starts_min"),
    ("visit.dose_starts_min.value", True, "visit.dose_starts_min.value"),
    ("visit.dose_starts_min.value", "30", "visit.dose_starts_min.value"),
    ("visit.dose_starts_min.value", None, "visit.dose_starts_min.value"),
    ("visit.dose_starts_min.value", 30.5, "visit.dose_starts_min"),
    ("visit.dose_starts_min.value", -30, "visit.dose_starts_min"),
    ("visit.dose_starts_min.value", 10**30, "visit.dose_starts_min"),
    ("visit.dose_starts_min.unit", "h", "visit.dose_starts_min.unit"),
    ("visit.dose_starts_min.mark", "biology", "visit.dose_starts_min.mark"),
    ("visit.dose_starts_min.source", "", "visit.dose_starts_min.source"),
    ("visit.dose_starts_min.strength", 3, "visit.dose_starts_min.strength"),
    ("preparation.key", "consolidation", "preparation.key"),
    ("preparation.required", None, "preparation.required"),
    ("preparation.minutes.value", 0, "preparation.minutes"),
    ("dose_phases", None, "dose_phases"),
    ("dose_phases.0.key", "daily", "dose_phases.0.key"),
    ("dose_phases.0.doses.value", 0, "dose_phases.0.doses"),
    ("dose_phases.0.doses.value", -6, "dose_phases.0.doses"),
    ("dose_phases.0.doses.value", False, "dose_phases.0.doses.value"),
    ("dose_phases.0.spacing.min_days.value", 0, "dose_phases.0.spacing.min_days"),
    ("dose_phases.0.booking", "maybe", "dose_phases.0.booking"),
    ("integration.mode", "monthly", "integration.mode"),
    ("integration.settings", [], "integration.settings"),
    ("integration.window", None, "integration.window"),
    ("integration.window.opens_h.value", float("nan"), "integration.window.opens_h"),
    ("integration.window.opens_h.value", float("inf"), "integration.window.opens_h"),
    ("integration.window.opens_h.value", 10**400, "integration.window.opens_h"),
    ("integration.window.opens_h.value", float("-inf"), "integration.window.opens_h"),
    ("integration.window.opens_h.value", -12, "integration.window.opens_h"),
    ("integration.window.opens_h.value", True, "integration.window.opens_h.value"),
    ("integration.window.containment", "loose", "integration.window.containment"),
    ("integration.window.knots.0", [12, 0.5], "integration.window.knots.0"),
    ("span", None, "span"),
    ("boosters", 28, "boosters"),
]


@pytest.mark.parametrize(("path", "value", "fault_at"), WRONG_TYPES)
def test_a_wrong_value_is_told_at_its_field(document: Document, path: str, value: Any, fault_at: str) -> None:
    put(document, path, value)
    assert list(problems_of(document)) == [fault_at]


RULES_BROKEN = [
    # Visit
    ("visit.blocks.1.starts_min.value", 35, "visit.blocks"),
    ("visit.blocks.0.starts_min.value", 5, "visit.blocks"),
    ("visit.blocks.2.length_min.value", 50, "visit.blocks"),
    ("visit.discharge_min.value", 150, "visit.discharge_min"),
    ("visit.dose_ends_min.value", 20, "visit.dose_ends_min"),
    ("visit.dose_ends_min.value", 131, "visit.dose_ends_min"),
    ("visit.blocks", [], "visit.blocks"),
    ("visit.blocks.2.key", "infusion", "visit.blocks.2.key"),
    ("visit.blocks.0.on_site", ["chair"], "visit.blocks.0.on_site"),
    ("visit.blocks.1.on_site", ["nurse"], "visit.blocks.1.on_site"),
    ("visit.blocks.3.length_min.value", 1440, "visit.blocks.3.length_min"),
    # Days in order
    ("dose_phases.0.spacing.min_days.value", 4, "dose_phases.0.spacing.target_days"),
    ("dose_phases.0.spacing.target_days.value", 7, "dose_phases.0.spacing.warn_days"),
    ("dose_phases.0.spacing.max_days.value", 5, "dose_phases.0.spacing.max_days"),
    ("preparation.target_days.value", 15, "preparation.max_days"),
    ("consolidation.min_days.value", 8, "consolidation.target_days"),
    ("preparation.sessions.value", 3, "preparation.recommended"),
    ("span.review_days.value", 20, "span.review_days"),
    ("boosters.after_days.value", 91, "boosters.max_days"),
    # Gaps that cannot be
    ("dose_phases.0.doses.value", 12, "span.target_days"),
    ("span.target_days.value", 9, "span.target_days"),
    ("dose_phases.0.per_week.value", 4, "dose_phases.0.per_week"),
    # Maintenance: "daily" is a misreading
    ("dose_phases.1.spacing.min_days.value", 1, "dose_phases.1.spacing.min_days"),
    ("dose_phases.1.spacing.min_days.value", 13, "dose_phases.1.spacing.min_days"),
    ("boosters.min_days.value", 1, "boosters.min_days"),
    # Phases
    ("dose_phases", [], "dose_phases"),
    ("dose_phases.0.booking", "proposed", "dose_phases.0"),
    # Integration
    ("integration.every.value", 10, "integration.every"),
    ("integration.window.peak_start_h.value", 11, "integration.window.peak_start_h"),
    ("integration.window.tail_end_h.value", 337, "integration.window.tail_end_h"),
    ("integration.window.knots.2.hours.value", 17, "integration.window.knots.2.hours"),
    ("integration.window.knots.2.preference.value", 2, "integration.window.knots.2.preference"),
    ("integration.window.knots.2.preference.value", -1, "integration.window.knots.2.preference"),
    ("integration.window.knots", [], "integration.window.knots"),
]


@pytest.mark.parametrize(("path", "value", "fault_at"), RULES_BROKEN)
def test_a_broken_rule_is_told_at_its_field(document: Document, path: str, value: Any, fault_at: str) -> None:
    put(document, path, value)
    assert list(problems_of(document)) == [fault_at]


def test_gaps_that_fit_neither_target_nor_review_are_told_at_both(document: Document) -> None:
    put(document, "dose_phases.0.doses.value", 16)
    problems = problems_of(document)
    assert list(problems) == ["span.target_days", "span.review_days"]
    assert problems["span.review_days"] == "16 doses at their smallest gaps take 30 days and cannot fit 28."


def test_the_gap_into_a_second_firm_phase_counts_towards_the_span(document: Document) -> None:
    weekly = a_phase("consolidation", 3, "firm", 1, min=6, target=7, warn=9, max=14)
    document["dose_phases"].insert(1, weekly)
    assert list(problems_of(document)) == ["span.target_days"]  # 5 gaps of 2 days and 3 of 6: 28 days
    document["dose_phases"][1]["booking"] = "proposed"
    assert len(parse_protocol(document).firm_doses) == 6


def test_a_week_that_leaves_longer_gaps_than_allowed(document: Document) -> None:
    put(document, "dose_phases.0.spacing", days(min=2, target=2, warn=3, max=3))
    assert list(problems_of(document)) == ["dose_phases.0.spacing.max_days"]
    put(document, "dose_phases.0.per_week.value", 3)
    assert parse_protocol(document).dose_phases[0].per_week == 3


def test_only_a_label_brings_maintenance_closer_than_a_fortnight(document: Document) -> None:
    path = "dose_phases.1.spacing.min_days"
    put(document, path, number(7, "d", mark="label"))
    assert parse_protocol(document).dose_phases[1].spacing.min_days == 7
    put(document, path, number(1, "d", mark="label"))
    assert list(problems_of(document)) == [path], "never closer than the induction's minimum gap"


def test_boosters_keep_the_inductions_minimum_gap(document: Document) -> None:
    document["dose_phases"] = [a_phase("induction", 2, "firm", 1, min=20, target=21, warn=21, max=21)]
    document["boosters"]["min_days"] = number(19, "d")
    assert list(problems_of(document)) == ["boosters.min_days"]


def test_a_window_that_opens_after_every_next_dose(document: Document) -> None:
    window = document["integration"]["window"]
    for name in ("opens_h", "peak_start_h", "peak_end_h", "closes_h"):
        window[name] = number(192, "h")
    window["tail_end_h"] = number(200, "h")
    window["knots"] = window["knots"][:2]
    window["knots"][0]["hours"] = number(192, "h")
    window["knots"][1]["hours"] = number(200, "h")
    assert list(problems_of(document)) == ["integration.window.opens_h"]
    put(document, "integration.every", number(2, "doses per session"))
    assert parse_protocol(document).integration.every == 2


def test_a_firm_phase_after_a_proposed_one(document: Document) -> None:
    document["dose_phases"].insert(1, a_phase("consolidation", 1, "proposed", 1, min=2, target=7, warn=9, max=9))
    document["dose_phases"][2]["booking"] = "firm"
    document["span"] = days(target=100, review=100)
    assert list(problems_of(document)) == ["dose_phases.2.booking"]


def test_limits_themselves_are_allowed(document: Document) -> None:
    document["dose_phases"][1]["spacing"] = days(min=14, target=14, warn=14, max=14)
    put(document, "dose_phases.0.spacing", days(min=14, target=14, warn=14, max=14))
    put(document, "dose_phases.0.per_week.value", 1)
    put(document, "span", days(target=70, review=70))
    put(document, "integration.every.value", 9)
    put(document, "visit.blocks.2.length_min.value", 60)
    del document["visit"]["blocks"][3]
    assert parse_protocol(document).visit.total_min == parse_protocol(document).visit.discharge_min


def test_the_chair_may_rest_between_discharge_and_turnover(document: Document) -> None:
    put(document, "visit.blocks.3.starts_min.value", 140)
    visit = parse_protocol(document).visit
    assert visit.spans(Holding.CHAIR) == ((0, 130), (140, 155))


def test_overlapping_blocks_may_hold_the_same_thing(document: Document) -> None:
    document["visit"]["blocks"].append(a_block("debrief", 90, 30, "chair", "therapist"))
    protocol = parse_protocol(document)
    assert protocol.visit.spans(Holding.CHAIR) == ((0, 145),)
    assert protocol.visit.spans(Holding.THERAPIST) == ((90, 120),)


# Unknown and missing fields


@pytest.mark.parametrize(
    "path",
    [
        "colour",
        "visit.colour",
        "visit.blocks.0.colour",
        "visit.blocks.0.length_min.colour",
        "preparation.colour",
        "dose_phases.0.colour",
        "dose_phases.0.spacing.colour",
        "integration.colour",
        "integration.closes_days",
        "integration.window.colour",
        "integration.window.knots.0.colour",
        "span.colour",
        "boosters.colour",
    ],
)
def test_unknown_fields_are_refused(document: Document, path: str) -> None:
    put(document, path, number(1, "d"))
    assert list(problems_of(document)) == [path]


def test_an_unknown_field_with_an_odd_name_is_told_safely(document: Document) -> None:
    document["half a pair \ud83c" + "x" * 100] = 1
    (path,) = problems_of(document)
    assert path == "half a pair ?" + "x" * 27
    assert path.encode()


def test_another_modes_fields_are_unknown(document: Document) -> None:
    document["integration"]["mode"] = "none"
    assert set(problems_of(document)) == {f"integration.{key}" for key in ("minutes", "every", "settings", "window")}


@pytest.mark.parametrize("field", ["slug", "visit", "preparation", "dose_phases", "integration", "boosters"])
def test_a_missing_field_is_told(document: Document, field: str) -> None:
    del document[field]
    assert problems_of(document) == {field: "This is missing."}


def test_a_number_without_its_source_is_refused(document: Document) -> None:
    del document["span"]["target_days"]["source"]
    del document["span"]["review_days"]["mark"]
    assert list(problems_of(document)) == ["span.target_days.source", "span.review_days.mark"]


@pytest.mark.parametrize("nothing", [None, [], "text", 7, True])
def test_what_is_no_document_at_all(nothing: Any) -> None:
    assert list(problems_of(nothing)) == [""]


def test_every_fault_is_told_at_once(document: Document) -> None:
    put(document, "name", "")
    put(document, "visit.dose_ends_min.value", 200)
    put(document, "preparation.minutes.value", -50)
    put(document, "dose_phases.0.spacing.min_days.value", 9)
    put(document, "dose_phases.1.spacing.min_days.value", True)
    put(document, "integration.window.knots.1.hours.value", 5)
    put(document, "span.colour", "red")
    put(document, "boosters.min_days.value", 2)
    assert set(problems_of(document)) == {
        "name",
        "visit.dose_ends_min",
        "preparation.minutes",
        "dose_phases.0.spacing.target_days",
        "dose_phases.1.spacing.min_days.value",
        "integration.window.knots.1.hours",
        "span.colour",
        "boosters.min_days",
    }


def test_a_list_of_thousands_is_refused_without_reading_it(document: Document) -> None:
    document["visit"]["blocks"] *= 1_000
    assert list(problems_of(document)) == ["visit.blocks"]


@pytest.mark.parametrize("name", ["Ketamin 🌿 für alle", "علاج تجريبي", "Drip; slow, steady", "O’Brien – test \\ plan"])
def test_names_people_use_are_kept_as_written(document: Document, name: str) -> None:
    document["name"] = name
    protocol = parse_protocol(document)
    assert protocol.name == name
    assert to_document(protocol)["name"] == name


def test_notes_may_have_lines(document: Document) -> None:
    document["evidence_note"] = "One line.\r\nAnother."
    assert parse_protocol(document).evidence_note == "One line.\r\nAnother."


def test_the_length_is_named(document: Document) -> None:
    document["name"] = "x" * 10_000
    assert problems_of(document) == {"name": "Keep this to 200 characters; it has 10000."}
