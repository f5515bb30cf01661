"""An instance's protocol as a protocol document of this planner, and what a document says in the instance's terms.

No number stands here: each comes from the file and carries it as its source. What the format does not say (the
preferred hours, how many infusions a week) follows from what it does.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from planner.domain.protocol_parsing import parse_protocol
from planner.domain.protocols import IntegrationMode, Protocol
from planner.scheduling.links import anchor_minutes
from planner.services.instances.shapes import InstanceProtocol, Number

DAY_MIN = 1440
#: What a start costs that a clinic does not prefer at all: preferences are shares, and the format wants whole costs.
COSTLIEST = 100
STRENGTH = "A planning instance states rules to plan by; no evidence stands behind them here."

Document = dict[str, Any]


def parsed(document: Document) -> Protocol:
    """The protocol of a document. Raises ProtocolInvalid."""
    return parse_protocol(document)


def document_of(
    instance_id: str, slug: str, name: str, protocol: InstanceProtocol, *, with_therapist: bool
) -> Document:
    """The protocol document of an instance's protocol; `with_therapist`: a therapist stays during the infusion.

    Integration sessions are contained in the window: they end by its closing. Preparation keeps its least lead in
    hours and its most in whole days, so that it never lies farther away than the file allows.
    """
    writer = _Writer(f"Planning instance {instance_id}")
    present = ", therapist present" if with_therapist else ""
    return {
        "slug": slug,
        "name": f"{name}{present}",
        "modality": "planning_instance",
        "summary": f"Protocol {name} of planning instance {instance_id}{present}.",
        "enabled_by_default": True,
        "evidence_note": STRENGTH,
        "visit": writer.visit(protocol, with_therapist),
        "preparation": writer.preparation(protocol),
        "dose_phases": [writer.induction(protocol)],
        "consolidation": None,
        "integration": writer.integration(protocol),
        "span": writer.span(protocol),
        "boosters": None,
    }


class _Writer:
    def __init__(self, source: str) -> None:
        self.source = source

    def said(self, value: Any, unit: str, derived_from: str = "") -> Document:
        """A number with its source; `derived_from` names the field that it follows from."""
        source = f"{self.source}, from {derived_from}" if derived_from else self.source
        return {"value": value, "unit": unit, "mark": "clinic policy", "source": source}

    def visit(self, protocol: InstanceProtocol, with_therapist: bool) -> Document:
        block = {
            "key": "infusion",
            "name": "Infusion",
            "starts_min": self.said(0, "min", "infusion_min"),
            "length_min": self.said(protocol.infusion_min, "min"),
            "holds": sorted(["chair", "nurse", *(["therapist"] if with_therapist else [])]),
            "on_site": ["prescriber"],
        }
        return {
            "blocks": [block],
            "dose_starts_min": self.said(0, "min", "infusion_min"),
            "dose_ends_min": self.said(protocol.anchor_min, "min"),
            "discharge_min": self.said(protocol.infusion_min, "min"),
        }

    def preparation(self, protocol: InstanceProtocol) -> Document:
        least, most = lead_days(protocol)
        return {
            "key": "preparation",
            "sessions": self.said(1, "sessions", "prep"),
            "recommended": self.said(1, "sessions", "prep"),
            "minutes": self.said(protocol.prep_minutes, "min"),
            "min_days": self.said(least, "d", "prep.lead_h"),
            "max_days": self.said(most, "d", "prep.lead_h"),
            "target_days": self.said(least, "d", "prep.lead_h"),
            "required": True,
            "min_lead_h": self.said(protocol.prep_lead_h[0], "h"),
        }

    def induction(self, protocol: InstanceProtocol) -> Document:
        least, most = protocol.gap_days
        return {
            "key": "induction",
            "name": "Infusions",
            "doses": self.said(protocol.infusions, "doses"),
            "spacing": {
                "min_days": self.said(least, "d"),
                "target_days": self.said(least, "d"),
                "warn_days": self.said(most, "d"),
                "max_days": self.said(most, "d"),
            },
            "per_week": self.said(max(-(-7 // most), 1), "per week", "gap_days"),
            "booking": "firm",
        }

    def integration(self, protocol: InstanceProtocol) -> Document:
        if not protocol.integrations:
            return {"mode": "none"}
        return {
            "mode": "windowed",
            "minutes": self.said(protocol.integrations[0][1], "min"),
            "settings": ["in_person", "telehealth"],
            "window": self.window(protocol),
            **self.which_doses(protocol),
        }

    def which_doses(self, protocol: InstanceProtocol) -> Document:
        after = sorted(number for number, _ in protocol.integrations)
        if after == list(range(1, protocol.infusions + 1)):
            return {"every": self.said(1, "doses per session", "integrations")}
        return {"after_doses": self.said(after, "dose numbers")}

    def window(self, protocol: InstanceProtocol) -> Document:
        opens, closes = protocol.window_h
        points = costs_in_window(protocol)
        least, dearest = min(cost for _, cost in points), max(cost for _, cost in points)
        best = _first_run([hours for hours, cost in points if cost == least], points)
        return {
            "id": "planning-instance",
            "containment": "full",
            "anchor": "dose_end",
            "source": self.source,
            "strength": STRENGTH,
            "opens_h": self.said(opens, "h"),
            "peak_start_h": self.said(best[0], "h", "curve"),
            "peak_end_h": self.said(best[-1], "h", "curve"),
            "closes_h": self.said(closes, "h"),
            "tail_end_h": self.said(closes, "h"),
            "ideal_offset_h": self.said(best[0], "h", "curve"),
            "min_gap_before_next_dose_h": self.said(0, "h"),
            "knots": [
                {
                    "hours": self.said(hours, "h", "curve"),
                    "preference": self.said(_preference(cost, dearest), "preference", "curve"),
                }
                for hours, cost in points
            ],
        }

    def span(self, protocol: InstanceProtocol) -> Document:
        longest = min((protocol.infusions - 1) * protocol.gap_days[1], 730)
        return {name: self.said(longest, "d", "gap_days") for name in ("target_days", "review_days")}


def spec_of(protocol: Protocol) -> InstanceProtocol | None:
    """A clinic's protocol in the format's terms, or None where they cannot tell it.

    The format knows one series of infusions, one preparation, and sessions inside a window that end by its closing
    (or none); days before the first infusion become hours that never allow more.
    """
    plan, preparation, window = protocol.integration, protocol.preparation, protocol.integration.window
    firm = [phase for phase in protocol.dose_phases if phase.booking == "firm"]
    told = plan.mode in (IntegrationMode.WINDOWED, IntegrationMode.NONE)
    wanted = preparation is not None and preparation.required and preparation.sessions == 1
    if not told or not wanted or preparation is None or len(firm) != 1 or protocol.consolidation is not None:
        return None
    if window is not None and window.gap_min > 0:
        return None
    doses = range(1, firm[0].doses + 1)
    minutes = plan.minutes
    late = 0 if window is None or window.containment == "full" else minutes
    return InstanceProtocol(
        infusions=firm[0].doses,
        infusion_min=protocol.visit.discharge_min,
        anchor_min=anchor_minutes(protocol),
        gap_days=(firm[0].spacing.min_days, firm[0].spacing.max_days),
        window_h=(0, 1) if window is None else (_hours(window.opens_min), _hours(window.closes_min + late)),
        curve=() if window is None else tuple((_whole(hours), round(COSTLIEST * (1 - p))) for hours, p in window.knots),
        integrations=tuple((dose, minutes) for dose in doses if plan.follows(dose)),
        prep_minutes=preparation.minutes,
        prep_lead_h=(
            max(24 * preparation.min_days, _whole(preparation.min_lead_h)),
            24 * max(preparation.max_days, preparation.min_days + 1),
        ),
    )


def _hours(minutes: int) -> Number:
    return _whole(minutes / 60)


def _whole(hours: Number) -> Number:
    return int(hours) if hours == int(hours) else hours


def lead_days(protocol: InstanceProtocol) -> tuple[int, int]:
    """The fewest and most local days before the first infusion on which preparation may lie.

    The fewest leaves room for the hours themselves to decide, an hour of clock change included; at the most, even a
    preparation early in its day and an infusion late in its own keep within the hours.
    """
    least, most = (round(hours * 60) for hours in protocol.prep_lead_h)
    return max(least - 60, 0) // DAY_MIN, min(max(most // DAY_MIN - 1, 0), 730)


def costs_in_window(protocol: InstanceProtocol) -> list[tuple[Number, Number]]:
    """The cost curve at its corners inside the window, and at the window's two ends."""
    opens, closes = protocol.window_h
    inside = [hours for hours, _ in protocol.curve if opens < hours < closes]
    return [(hours, cost_at(protocol.curve, hours)) for hours in (opens, *inside, closes)]


def cost_at(curve: Sequence[tuple[Number, Number]], hours: Number) -> Number:
    """What a start at these hours costs: linear between the points, nothing outside them."""
    for (left, low), (right, high) in pairwise(curve):
        if left <= hours <= right:
            return low + (high - low) * (hours - left) / (right - left)
    return 0


def _first_run(best: list[Number], points: list[tuple[Number, Number]]) -> list[Number]:
    """The best hours up to the first corner between them that is worse."""
    corners = [hours for hours, _ in points]
    run = best[:1]
    for hours in best[1:]:
        if corners.index(hours) != corners.index(run[-1]) + 1:
            break
        run.append(hours)
    return run


def _preference(cost: Number, dearest: Number) -> float:
    """How much a start is liked: 1 where it costs nothing, 0 where it costs most."""
    return 1.0 if dearest == 0 else round(1 - cost / dearest, 6)
