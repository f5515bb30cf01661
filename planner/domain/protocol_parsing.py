"""From a protocol document (as read from JSON) to a `Protocol`, with every fault told at its field.

In a document every number is written `{"value", "unit", "mark", "source"[, "strength"]}`: a clinical number
without its source, and without saying whether it is clinic policy or a drug label, is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

from planner.domain import protocol_rules as rules
from planner.domain.protocol_errors import ProtocolInvalid
from planner.domain.protocol_reading import LONG_TEXT, Findings, Reader
from planner.domain.protocol_writing import to_document
from planner.domain.protocols import (
    Block,
    Booking,
    BoosterRule,
    DosePhase,
    DosePhaseKey,
    Holding,
    IntegrationMode,
    IntegrationPlan,
    Protocol,
    SessionPhase,
    SessionPhaseKey,
    Setting,
    Spacing,
    SpanRule,
    Visit,
)
from planner.domain.windows import Anchor, Containment, WindowRule

__all__ = ["parse_protocol", "to_document"]


def parse_protocol(document: Mapping[str, Any]) -> Protocol:
    """The protocol a document describes. Raises ProtocolInvalid with every fault, each at its dotted path."""
    if not isinstance(document, Mapping):
        raise ProtocolInvalid([("", "A protocol must be a group of fields.")])
    findings = Findings()
    protocol = _protocol(Reader(document, "", findings), findings)
    if protocol is None or findings.problems:
        raise ProtocolInvalid(findings.problems)
    return protocol


def _protocol(reader: Reader, findings: Findings) -> Protocol | None:
    slug = reader.slug("slug")
    name = reader.text("name")
    modality = reader.slug("modality")
    summary = reader.text("summary", LONG_TEXT)
    enabled = reader.flag("enabled_by_default")
    evidence_note = reader.text("evidence_note", LONG_TEXT)
    visit = _visit(reader)
    preparation = _session_phase(reader, "preparation")
    phases = _dose_phases(reader, findings)
    consolidation = _session_phase(reader, "consolidation")
    integration = _integration(reader)
    span = _span(reader)
    boosters = _boosters(reader)
    reader.refuse_unknown()
    findings.problems += rules.across(visit, phases, integration, span, boosters, findings.provenance)
    if visit is None or phases is None or integration is None or span is None:
        return None
    return Protocol(
        slug, name, modality, summary, enabled, evidence_note, visit, preparation, phases, consolidation,
        integration, span, boosters, findings.provenance,
    )  # fmt: skip


def _visit(protocol: Reader) -> Visit | None:
    reader = protocol.section("visit")
    if reader is None:
        return None
    visit = Visit(
        blocks=tuple(_block(block) for block in reader.sections("blocks")),
        dose_starts_min=reader.whole("dose_starts_min", "min", 0, rules.DAY_MIN),
        dose_ends_min=reader.whole("dose_ends_min", "min", 0, rules.DAY_MIN),
        discharge_min=reader.whole("discharge_min", "min", 1, rules.DAY_MIN),
    )
    reader.refuse_unknown()
    return visit if reader.sound() and _obeys(reader, rules.visit(visit)) else None


def _block(reader: Reader) -> Block:
    block = Block(
        key=reader.slug("key"),
        name=reader.text("name"),
        starts_min=reader.whole("starts_min", "min", 0, rules.DAY_MIN),
        length_min=reader.whole("length_min", "min", 1, rules.DAY_MIN),
        holds=reader.choices("holds", tuple(Holding)),
        on_site=reader.choices("on_site", tuple(Holding)),
    )
    reader.refuse_unknown()
    return block


def _session_phase(protocol: Reader, key: SessionPhaseKey) -> SessionPhase | None:
    reader = protocol.section(key, optional=True)
    if reader is None:
        return None
    phase = SessionPhase(
        key=reader.choice("key", (key,)),
        sessions=reader.whole("sessions", "sessions", 1, rules.MOST_SESSIONS),
        recommended=reader.whole("recommended", "sessions", 1, rules.MOST_SESSIONS),
        minutes=reader.whole("minutes", "min", 1, rules.DAY_MIN),
        min_days=reader.whole("min_days", "d", 0, rules.MOST_DAYS),
        max_days=reader.whole("max_days", "d", 0, rules.MOST_DAYS),
        target_days=reader.whole("target_days", "d", 0, rules.MOST_DAYS),
        required=reader.flag("required"),
        min_lead_h=reader.real("min_lead_h", "h") if key == "preparation" and reader.has("min_lead_h") else 0.0,
    )
    reader.refuse_unknown()
    return phase if reader.sound() and _obeys(reader, rules.session_phase(phase)) else None


def _dose_phases(protocol: Reader, findings: Findings) -> tuple[DosePhase, ...] | None:
    """All of them or None: rules across phases would mislead when one is missing."""
    before = len(findings.problems)
    phases = [_dose_phase(phase) for phase in protocol.sections("dose_phases")]
    if len(findings.problems) > before:
        return None
    return tuple(phase for phase in phases if phase is not None)


def _dose_phase(reader: Reader) -> DosePhase | None:
    keys: tuple[DosePhaseKey, ...] = get_args(DosePhaseKey)
    bookings: tuple[Booking, ...] = get_args(Booking)
    key = reader.choice("key", keys)
    name = reader.text("name")
    doses = reader.whole("doses", "doses", 1, rules.MOST_DOSES)
    spacing = _spacing(reader)
    per_week = reader.whole("per_week", "per week", 1, 7)
    booking = reader.choice("booking", bookings)
    reader.refuse_unknown()
    if spacing is None or not reader.sound():
        return None
    phase = DosePhase(key, name, doses, spacing, per_week, booking)
    return phase if _obeys(reader, rules.dose_phase(phase)) else None


def _spacing(phase: Reader) -> Spacing | None:
    reader = phase.section("spacing")
    if reader is None:
        return None
    spacing = Spacing(
        min_days=reader.whole("min_days", "d", 1, rules.MOST_DAYS),
        target_days=reader.whole("target_days", "d", 1, rules.MOST_DAYS),
        warn_days=reader.whole("warn_days", "d", 1, rules.MOST_DAYS),
        max_days=reader.whole("max_days", "d", 1, rules.MOST_DAYS),
    )
    reader.refuse_unknown()
    return spacing if reader.sound() and _obeys(reader, rules.spacing(spacing)) else None


def _integration(protocol: Reader) -> IntegrationPlan | None:
    reader = protocol.section("integration")
    if reader is None:
        return None
    modes = tuple(IntegrationMode)
    mode = reader.choice("mode", modes)
    if not reader.sound():
        return None
    plan = _integration_of(reader, mode)
    reader.refuse_unknown()
    return plan if reader.sound() else None


def _integration_of(reader: Reader, mode: IntegrationMode) -> IntegrationPlan:
    """Each mode has its own fields; another mode's are refused as unknown rather than ignored."""
    if mode is IntegrationMode.NONE:
        return IntegrationPlan(mode, 0, 0, None, 0, frozenset())
    settings: tuple[Setting, ...] = get_args(Setting)
    # A session before each next visit belongs to every dose; the other modes may name the doses instead of counting.
    named = mode is not IntegrationMode.ROLLING and reader.has("after_doses")
    plan = IntegrationPlan(
        mode=mode,
        minutes=reader.whole("minutes", "min", 1, rules.DAY_MIN),
        every=0 if named else reader.whole("every", "doses per session", 1, rules.MOST_DOSES),
        window=_window(reader) if mode is IntegrationMode.WINDOWED else None,
        closes_days=reader.whole("closes_days", "d", 1, 31) if mode is IntegrationMode.WEEKLY else 0,
        settings=reader.choices("settings", settings),
        after_doses=reader.wholes("after_doses", "dose numbers", 1, rules.MOST_DOSES) if named else (),
    )
    if reader.sound() and not plan.settings:
        reader.note("settings", "Allow integration in person, by telehealth, or both.")
    return plan


def _window(integration: Reader) -> WindowRule | None:
    reader = integration.section("window")
    if reader is None:
        return None
    containments: tuple[Containment, ...] = get_args(Containment)
    anchors: tuple[Anchor, ...] = get_args(Anchor)
    rule_id = reader.slug("id")
    opens, peak_start, peak_end, closes, tail_end, ideal, gap = (reader.real(name, "h") for name in rules.WINDOW_HOURS)
    knots = tuple(_knot(knot) for knot in reader.sections("knots"))
    containment = reader.choice("containment", containments)
    anchor = reader.choice("anchor", anchors)
    source = reader.text("source", LONG_TEXT)
    strength = reader.text("strength", LONG_TEXT)
    reader.refuse_unknown()
    if not reader.sound():
        return None
    try:
        return WindowRule(
            rule_id, opens, peak_start, peak_end, closes, tail_end, knots, containment, ideal, gap, anchor,
            source, strength,
        )  # fmt: skip
    except ProtocolInvalid as invalid:
        for key, sentence in invalid.problems:
            reader.note(key, sentence)
        return None


def _knot(reader: Reader) -> tuple[float, float]:
    knot = (reader.real("hours", "h"), reader.real("preference", "preference"))
    reader.refuse_unknown()
    return knot


def _span(protocol: Reader) -> SpanRule | None:
    reader = protocol.section("span")
    if reader is None:
        return None
    span = SpanRule(
        target_days=reader.whole("target_days", "d", 0, rules.MOST_DAYS),
        review_days=reader.whole("review_days", "d", 0, rules.MOST_DAYS),
    )
    reader.refuse_unknown()
    return span if reader.sound() and _obeys(reader, rules.span(span)) else None


def _boosters(protocol: Reader) -> BoosterRule | None:
    reader = protocol.section("boosters", optional=True)
    if reader is None:
        return None
    boosters = BoosterRule(
        after_days=reader.whole("after_days", "d", 1, rules.MOST_DAYS),
        min_days=reader.whole("min_days", "d", 1, rules.MOST_DAYS),
        max_days=reader.whole("max_days", "d", 1, rules.MOST_DAYS),
        proposed=reader.whole("proposed", "boosters", 1, rules.MOST_BOOSTERS),
    )
    reader.refuse_unknown()
    return boosters if reader.sound() and _obeys(reader, rules.boosters(boosters)) else None


def _obeys(reader: Reader, problems: rules.Problems) -> bool:
    for key, sentence in problems:
        reader.note(key, sentence)
    return reader.sound()
