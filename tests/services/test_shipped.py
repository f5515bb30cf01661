"""The shipped protocols say what their sources say, and every number carries its source and mark."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

import pytest

from planner.domain.protocol_parsing import to_document
from planner.domain.protocols import Holding, IntegrationMode, Protocol, Spacing
from planner.services.shipped import (
    SHIPPED_SLUGS,
    shipped_document,
    shipped_protocol,
    shipped_protocols,
)

EVERY = pytest.mark.parametrize("slug", SHIPPED_SLUGS)
WINDOWED = ("iv-racemic-twice-weekly", "iv-racemic-thrice-weekly", "im-racemic", "sublingual")
CHAIR_ONLY = ("iv-magnesium", "nad")


def hours(protocol: Protocol) -> tuple[float, ...]:
    window = protocol.integration.window
    assert window is not None
    return (window.opens_h, window.peak_start_h, window.peak_end_h, window.closes_h, window.tail_end_h)


def bare_numbers(part: Any, path: str = "") -> list[str]:
    """Paths of numbers that stand without unit, mark and source."""
    if isinstance(part, dict):
        if "value" in part:
            return [] if {"unit", "mark", "source"} <= part.keys() else [path]
        return [found for key, inner in part.items() for found in bare_numbers(inner, f"{path}.{key}")]
    if isinstance(part, list):
        return [found for index, inner in enumerate(part) for found in bare_numbers(inner, f"{path}.{index}")]
    return [path] if isinstance(part, int | float) and not isinstance(part, bool) else []


def test_the_list_and_the_folder_agree() -> None:
    folder = files("planner.services") / "shipped_protocols"
    assert sorted(f"{slug}.json" for slug in SHIPPED_SLUGS) == sorted(
        entry.name for entry in folder.iterdir() if entry.name.endswith(".json")
    )
    assert [protocol.slug for protocol in shipped_protocols()] == list(SHIPPED_SLUGS)


@EVERY
def test_reading_and_writing_gives_the_same_document(slug: str) -> None:
    document = shipped_document(slug)
    assert document["slug"] == slug
    assert to_document(shipped_protocol(slug)) == document
    assert shipped_document(slug) is not document, "a caller may change its copy"


@EVERY
def test_every_number_has_its_source_and_mark(slug: str) -> None:
    document, protocol = shipped_document(slug), shipped_protocol(slug)
    assert bare_numbers(document) == []
    assert len(protocol.provenance) == json.dumps(document).count('"value"')
    assert all(origin.source.strip() for origin in protocol.provenance.values())
    assert protocol.evidence_note


@EVERY
def test_only_esketamine_speaks_for_a_label(slug: str) -> None:
    labelled = {path for path, origin in shipped_protocol(slug).provenance.items() if origin.mark == "label"}
    if slug != "esketamine-label":
        assert labelled == set()
        return
    assert labelled == {
        "visit.blocks.1.length_min",
        "visit.blocks.2.length_min",
        "dose_phases.0.doses",
        "dose_phases.0.per_week",
        "dose_phases.1.doses",
        "dose_phases.1.per_week",
        "dose_phases.1.spacing.target_days",
        "dose_phases.2.per_week",
        "dose_phases.2.spacing.min_days",
        "dose_phases.2.spacing.target_days",
        "span.target_days",
    }


def test_an_unknown_slug_is_refused() -> None:
    with pytest.raises(KeyError):
        shipped_document("../shipped")
    with pytest.raises(KeyError):
        shipped_protocol("lozenge-daily")


@pytest.mark.parametrize(
    ("slug", "doses", "spacing", "per_week", "span"),
    [
        ("iv-racemic-twice-weekly", 6, Spacing(2, 3, 6, 7), 2, (21, 28)),
        ("iv-racemic-thrice-weekly", 6, Spacing(2, 2, 4, 4), 3, (12, 28)),
        ("im-racemic", 3, Spacing(5, 7, 10, 14), 1, (21, 28)),
        ("sublingual", 6, Spacing(10, 14, 18, 21), 1, (77, 98)),
        ("esketamine-label", 8, Spacing(2, 3, 6, 7), 2, (28, 35)),
    ],
)
def test_induction(slug: str, doses: int, spacing: Spacing, per_week: int, span: tuple[int, int]) -> None:
    protocol = shipped_protocol(slug)
    assert protocol.firm_doses == (("induction", spacing),) * doses
    assert protocol.dose_phases[0].per_week == per_week
    assert (protocol.span.target_days, protocol.span.review_days) == span
    assert protocol.enabled_by_default


@pytest.mark.parametrize("slug", SHIPPED_SLUGS[:2])
def test_the_infusion_visit(slug: str) -> None:
    visit = shipped_protocol(slug).visit
    assert (visit.dose_starts_min, visit.dose_ends_min, visit.discharge_min, visit.total_min) == (
        30,
        70,
        130,
        145,
    )
    assert visit.spans(Holding.CHAIR) == ((0, 145),)
    assert visit.spans(Holding.NURSE) == ((0, 130),)
    assert visit.on_site_spans(Holding.PRESCRIBER) == ((30, 70),)
    assert visit.spans(Holding.THERAPIST) == ()


@pytest.mark.parametrize("slug", ["im-racemic", "sublingual"])
def test_the_therapist_stays_for_the_whole_of_a_three_hour_visit(slug: str) -> None:
    visit = shipped_protocol(slug).visit
    assert visit.discharge_min == 180
    assert visit.spans(Holding.THERAPIST) == ((0, 180),)
    assert visit.spans(Holding.CHAIR) == ((0, 195),)
    assert visit.spans(Holding.NURSE)[0][0] == 0
    assert visit.spans(Holding.NURSE)[-1] == (165, 180)


def test_esketamine_is_watched_for_two_hours_after_the_last_device() -> None:
    visit = shipped_protocol("esketamine-label").visit
    assert visit.discharge_min - visit.dose_ends_min == 120
    assert (visit.dose_starts_min, visit.dose_ends_min, visit.total_min) == (20, 30, 160)


def test_esketamine_phases_and_weekly_integration() -> None:
    protocol = shipped_protocol("esketamine-label")
    assert [(p.key, p.doses, p.per_week, p.booking) for p in protocol.dose_phases] == [
        ("induction", 8, 2, "firm"),
        ("consolidation", 4, 1, "proposed"),
        ("maintenance", 4, 1, "proposed"),
    ]
    plan = protocol.integration
    assert (plan.mode, plan.every, plan.closes_days, plan.window) == (IntegrationMode.WEEKLY, 2, 7, None)
    assert protocol.boosters is None


@pytest.mark.parametrize("slug", WINDOWED)
def test_the_default_window(slug: str) -> None:
    protocol = shipped_protocol(slug)
    edges = (12, 18, 72, 168, 336) if slug == "sublingual" else (12, 18, 48, 72, 168)
    assert hours(protocol) == edges
    window = protocol.integration.window
    assert window is not None
    assert window.id == "window-default-1"
    assert window.knots == tuple(zip(edges, (0.5, 1, 1, 0.3, 0), strict=True))
    assert (window.ideal_offset_h, window.min_gap_before_next_dose_h) == (24, 2)
    assert (window.containment, window.anchor) == ("start_only", "dose_end")
    assert (protocol.integration.minutes, protocol.integration.every) == (50, 1)
    assert protocol.integration.settings == {"in_person", "telehealth"}


@pytest.mark.parametrize("slug", (*WINDOWED, "esketamine-label"))
def test_preparation_and_consolidation(slug: str) -> None:
    protocol = shipped_protocol(slug)
    before, afterwards = protocol.preparation, protocol.consolidation
    assert before is not None
    assert (before.sessions, before.recommended, before.required) == (1, 2, True)
    assert (before.min_days, before.target_days, before.max_days) == (1, 7, 14)
    assert afterwards is not None
    assert (afterwards.sessions, afterwards.min_days, afterwards.max_days) == (1, 7, 14)


@pytest.mark.parametrize("slug", WINDOWED)
def test_boosters_are_only_ever_proposed(slug: str) -> None:
    boosters = shipped_protocol(slug).boosters
    assert boosters is not None
    assert (boosters.after_days, boosters.min_days, boosters.max_days, boosters.proposed) == (28, 14, 90, 1)


@pytest.mark.parametrize("slug", CHAIR_ONLY)
def test_chair_only_protocols_draw_no_window_and_start_switched_off(slug: str) -> None:
    protocol = shipped_protocol(slug)
    assert not protocol.enabled_by_default
    assert protocol.integration.mode is IntegrationMode.NONE
    assert protocol.integration.window is None
    assert (protocol.preparation, protocol.consolidation, protocol.boosters) == (None, None, None)
    assert "no evidence of a window" in protocol.evidence_note
    held = {holding for holding in Holding if protocol.visit.spans(holding)}
    assert held == {Holding.CHAIR, Holding.NURSE}


@EVERY
def test_no_words_that_promise_a_fact(slug: str) -> None:
    text = json.dumps(shipped_document(slug)).lower()
    assert "cure" not in text
    assert "70%" not in text
    assert "http" not in text
