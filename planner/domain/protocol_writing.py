"""From a `Protocol` back to its document: the form a clinic edits, exports and stores as a version."""

from __future__ import annotations

from typing import Any

from planner.domain.protocols import (
    Block,
    DosePhase,
    IntegrationMode,
    IntegrationPlan,
    Protocol,
    Provenance,
    SessionPhase,
)
from planner.domain.windows import WindowRule

Document = dict[str, Any]

_BOOSTERS = ("after_days", "min_days", "max_days", "proposed")

UNITS = {
    "starts_min": "min",
    "length_min": "min",
    "dose_starts_min": "min",
    "dose_ends_min": "min",
    "discharge_min": "min",
    "minutes": "min",
    "min_days": "d",
    "target_days": "d",
    "warn_days": "d",
    "max_days": "d",
    "review_days": "d",
    "after_days": "d",
    "closes_days": "d",
    "doses": "doses",
    "sessions": "sessions",
    "recommended": "sessions",
    "per_week": "per week",
    "every": "doses per session",
    "after_doses": "dose numbers",
    "min_lead_h": "h",
    "proposed": "boosters",
    "opens_h": "h",
    "peak_start_h": "h",
    "peak_end_h": "h",
    "closes_h": "h",
    "tail_end_h": "h",
    "ideal_offset_h": "h",
    "min_gap_before_next_dose_h": "h",
}


def to_document(protocol: Protocol) -> Document:
    """The document `protocol` was parsed from, as plain dicts, lists, texts and numbers ready for JSON.

    Raises KeyError when a number has no provenance, which a parsed protocol always has.
    """
    writer = _Writer(protocol)
    phases = (("preparation", protocol.preparation), ("consolidation", protocol.consolidation))
    sessions = {key: writer.session_phase(key, phase) if phase else None for key, phase in phases}
    return {
        "slug": protocol.slug,
        "name": protocol.name,
        "modality": protocol.modality,
        "summary": protocol.summary,
        "enabled_by_default": protocol.enabled_by_default,
        "evidence_note": protocol.evidence_note,
        "visit": writer.visit(),
        "preparation": sessions["preparation"],
        "dose_phases": [writer.dose_phase(index, phase) for index, phase in enumerate(protocol.dose_phases)],
        "consolidation": sessions["consolidation"],
        "integration": writer.integration(protocol.integration),
        "span": writer.numbers("span", protocol.span, "target_days", "review_days"),
        "boosters": writer.numbers("boosters", protocol.boosters, *_BOOSTERS) if protocol.boosters else None,
    }


class _Writer:
    """Writes each part with its numbers' provenance looked up by dotted path."""

    def __init__(self, protocol: Protocol) -> None:
        self._protocol = protocol

    def visit(self) -> Document:
        visit = self._protocol.visit
        blocks = [self._block(f"visit.blocks.{index}", block) for index, block in enumerate(visit.blocks)]
        return {
            "blocks": blocks,
            **self.numbers("visit", visit, "dose_starts_min", "dose_ends_min", "discharge_min"),
        }

    def session_phase(self, path: str, phase: SessionPhase) -> Document:
        names: tuple[str, ...] = ("sessions", "recommended", "minutes", "min_days", "max_days", "target_days")
        if f"{path}.min_lead_h" in self._protocol.provenance:
            names = (*names, "min_lead_h")
        return {"key": phase.key, **self.numbers(path, phase, *names), "required": phase.required}

    def dose_phase(self, index: int, phase: DosePhase) -> Document:
        path = f"dose_phases.{index}"
        spacing = self.numbers(f"{path}.spacing", phase.spacing, "min_days", "target_days", "warn_days", "max_days")
        return {
            "key": phase.key,
            "name": phase.name,
            **self.numbers(path, phase, "doses"),
            "spacing": spacing,
            **self.numbers(path, phase, "per_week"),
            "booking": phase.booking,
        }

    def integration(self, plan: IntegrationPlan) -> Document:
        if plan.mode is IntegrationMode.NONE:
            return {"mode": plan.mode.value}
        document = {
            "mode": plan.mode.value,
            **self.numbers("integration", plan, "minutes", "after_doses" if plan.after_doses else "every"),
            "settings": sorted(plan.settings),
        }
        if plan.mode is IntegrationMode.WEEKLY:
            document |= self.numbers("integration", plan, "closes_days")
        if plan.window is not None:
            document["window"] = self._window("integration.window", plan.window)
        return document

    def numbers(self, path: str, part: object, *names: str) -> Document:
        """The named numbers of `part`, each written with its unit and provenance."""
        return {name: self._number(f"{path}.{name}", getattr(part, name), UNITS[name]) for name in names}

    def _window(self, path: str, rule: WindowRule) -> Document:
        hours = ("opens_h", "peak_start_h", "peak_end_h", "closes_h", "tail_end_h")
        return {
            "id": rule.id,
            "containment": rule.containment,
            "anchor": rule.anchor,
            "source": rule.source,
            "strength": rule.strength,
            **self.numbers(path, rule, *hours, "ideal_offset_h", "min_gap_before_next_dose_h"),
            "knots": [self._knot(f"{path}.knots.{index}", *knot) for index, knot in enumerate(rule.knots)],
        }

    def _knot(self, path: str, hours: float, preference: float) -> Document:
        return {
            "hours": self._number(f"{path}.hours", hours, "h"),
            "preference": self._number(f"{path}.preference", preference, "preference"),
        }

    def _block(self, path: str, block: Block) -> Document:
        return {
            "key": block.key,
            "name": block.name,
            **self.numbers(path, block, "starts_min", "length_min"),
            "holds": sorted(holding.value for holding in block.holds),
            "on_site": sorted(holding.value for holding in block.on_site),
        }

    def _number(self, path: str, value: float | tuple[int, ...], unit: str) -> Document:
        origin: Provenance = self._protocol.provenance[path]
        written: Document = {"value": _plain(value), "unit": unit, "mark": origin.mark, "source": origin.source}
        if origin.strength is not None:
            written["strength"] = origin.strength
        return written


def _plain(value: float | tuple[int, ...]) -> int | float | list[int]:
    if isinstance(value, tuple):
        return list(value)
    return int(value) if value == int(value) else value
