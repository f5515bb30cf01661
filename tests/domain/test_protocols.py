"""What a visit holds and when, and the doses a protocol books firmly."""

from __future__ import annotations

from planner.domain.protocols import (
    Block,
    DosePhase,
    Holding,
    IntegrationMode,
    IntegrationPlan,
    Protocol,
    Spacing,
    SpanRule,
    Visit,
)


def block(key: str, starts: int, length: int, holds: str, on_site: str = "") -> Block:
    return Block(
        key=key,
        name=key.capitalize(),
        starts_min=starts,
        length_min=length,
        holds=frozenset(Holding(word) for word in holds.split()),
        on_site=frozenset(Holding(word) for word in on_site.split()),
    )


INFUSION = Visit(
    blocks=(
        block("check-in", 0, 30, "chair nurse"),
        block("infusion", 30, 40, "chair nurse", "prescriber"),
        block("recovery", 70, 60, "chair nurse"),
        block("turnover", 130, 15, "chair"),
    ),
    dose_starts_min=30,
    dose_ends_min=70,
    discharge_min=130,
)


def test_the_chair_is_held_through_turnover_and_the_nurse_until_discharge() -> None:
    assert INFUSION.total_min == 145
    assert INFUSION.spans(Holding.CHAIR) == ((0, 145),)
    assert INFUSION.spans(Holding.NURSE) == ((0, 130),)
    assert INFUSION.discharge_min == 130


def test_being_on_site_is_not_being_held() -> None:
    assert INFUSION.spans(Holding.PRESCRIBER) == ()
    assert INFUSION.on_site_spans(Holding.PRESCRIBER) == ((30, 70),)
    assert INFUSION.on_site_spans(Holding.NURSE) == ()


def test_spans_keep_breaks_and_merge_overlaps_whatever_the_blocks_order() -> None:
    visit = Visit(
        blocks=(
            block("discharge", 165, 15, "nurse therapist"),
            block("dose", 30, 10, "nurse therapist"),
            block("arrival", 0, 35, "nurse"),
            block("experience", 40, 125, "therapist"),
            block("check", 32, 4, "nurse"),
        ),
        dose_starts_min=30,
        dose_ends_min=40,
        discharge_min=180,
    )
    assert visit.spans(Holding.NURSE) == ((0, 40), (165, 180))
    assert visit.spans(Holding.THERAPIST) == ((30, 180),)
    assert visit.total_min == 180


def test_firm_doses_list_phase_and_spacing_dose_by_dose() -> None:
    twice, weekly = Spacing(2, 3, 6, 7), Spacing(5, 7, 9, 14)
    protocol = Protocol(
        slug="test",
        name="Test",
        modality="test",
        summary="A test.",
        enabled_by_default=False,
        evidence_note="None.",
        visit=INFUSION,
        preparation=None,
        dose_phases=(
            DosePhase("induction", "Induction", 3, twice, 2, "firm"),
            DosePhase("consolidation", "Consolidation", 2, weekly, 1, "firm"),
            DosePhase("maintenance", "Maintenance", 4, Spacing(14, 28, 35, 42), 1, "proposed"),
        ),
        consolidation=None,
        integration=IntegrationPlan(IntegrationMode.NONE, 0, 0, None, 0, frozenset()),
        span=SpanRule(21, 28),
        boosters=None,
        provenance={},
    )
    assert protocol.firm_doses == (
        ("induction", twice),
        ("induction", twice),
        ("induction", twice),
        ("consolidation", weekly),
        ("consolidation", weekly),
    )
    assert len({protocol, protocol}) == 1, "a protocol can be a key"
