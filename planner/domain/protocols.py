"""What a treatment protocol says: its visit, its phases, its spacing and its integration policy.

Everything here is a plain fact with its numbers in the unit its name ends in (`_min` minutes, `_days` days,
`_h` elapsed hours). No number has a default: each comes from a protocol document, where it carries its source
and whether it is clinic policy or a drug label (`planner.domain.protocol_parsing` enforces that).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

from planner.domain.protocol_errors import ProtocolInvalid
from planner.domain.windows import WindowRule

__all__ = [
    "Block",
    "Booking",
    "BoosterRule",
    "DosePhase",
    "DosePhaseKey",
    "Holding",
    "IntegrationMode",
    "IntegrationPlan",
    "Mark",
    "Protocol",
    "ProtocolInvalid",
    "Provenance",
    "SessionPhase",
    "SessionPhaseKey",
    "Setting",
    "Spacing",
    "SpanRule",
    "Visit",
]

Booking = Literal["firm", "proposed"]
DosePhaseKey = Literal["induction", "consolidation", "maintenance"]
SessionPhaseKey = Literal["preparation", "consolidation"]
Mark = Literal["clinic policy", "label"]
Setting = Literal["in_person", "telehealth"]


class Holding(StrEnum):
    """A kind of thing a visit block can hold, or need on the site."""

    CHAIR = "chair"
    NURSE = "nurse"
    PRESCRIBER = "prescriber"
    THERAPIST = "therapist"
    ROOM = "room"


@dataclass(frozen=True, slots=True)
class Block:
    """One part of a dosing visit, in minutes from check-in.

    `holds` is taken by this visit alone while the block lasts; `on_site` must be on shift at the site, but
    may look after several visits at once.
    """

    key: str
    name: str
    starts_min: int
    length_min: int
    holds: frozenset[Holding]
    on_site: frozenset[Holding]

    @property
    def ends_min(self) -> int:
        """Minutes from check-in to the block's end."""
        return self.starts_min + self.length_min


@dataclass(frozen=True, slots=True)
class Visit:
    """A dosing visit, in minutes from check-in; from `discharge_min` (turnover) the patient is gone."""

    blocks: tuple[Block, ...]
    dose_starts_min: int
    dose_ends_min: int
    discharge_min: int

    @property
    def total_min(self) -> int:
        """Minutes from check-in until everything the visit held is free again, turnover included."""
        return max((block.ends_min for block in self.blocks), default=self.discharge_min)

    def spans(self, holding: Holding) -> tuple[tuple[int, int], ...]:
        """When the visit holds one of `holding`: merged (from, to) minutes from check-in, in order."""
        return _merged((b.starts_min, b.ends_min) for b in self.blocks if holding in b.holds)

    def on_site_spans(self, holding: Holding) -> tuple[tuple[int, int], ...]:
        """When one of `holding` must be on shift at the site: merged (from, to) minutes, as for `spans`."""
        return _merged((b.starts_min, b.ends_min) for b in self.blocks if holding in b.on_site)


@dataclass(frozen=True, slots=True)
class Spacing:
    """Local calendar days between doses: refused under min, warned from warn, sign-off above max."""

    min_days: int
    target_days: int
    warn_days: int
    max_days: int


class IntegrationMode(StrEnum):
    """How integration sessions relate to doses.

    WINDOWED: inside a window after the dose. WEEKLY: one within so many days, tied to no hour. ROLLING: held
    at the start of the next visit. NONE: the protocol has none, and no window is drawn.
    """

    WINDOWED = "windowed"
    WEEKLY = "weekly"
    ROLLING = "rolling"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class IntegrationPlan:
    """One integration session of `minutes` after every `every`-th dose (1: each dose), or after the doses named.

    `after_doses` names them by number, in order, where no even count would do; `every` is then 0. `window` is set in
    WINDOWED mode only, `closes_days` (elapsed days after the dose) is above 0 in WEEKLY mode only. In NONE mode
    `minutes`, `every` and `closes_days` are 0 and `settings` is empty.
    """

    mode: IntegrationMode
    minutes: int
    every: int
    window: WindowRule | None
    closes_days: int
    settings: frozenset[Setting]
    after_doses: tuple[int, ...] = ()

    def follows(self, dose: int) -> bool:
        """Whether the protocol wants a session after dose number `dose` (1 is the first)."""
        if self.after_doses:
            return dose in self.after_doses
        return self.every > 0 and dose % self.every == 0


@dataclass(frozen=True, slots=True)
class DosePhase:
    """A run of doses. `per_week` is how many weekdays its pattern has; longer gaps come from `spacing`.

    `spacing` also governs the gap from the last dose of the phase before. A proposed phase is never booked
    firmly.
    """

    key: DosePhaseKey
    name: str
    doses: int
    spacing: Spacing
    per_week: int
    booking: Booking


@dataclass(frozen=True, slots=True)
class SessionPhase:
    """Therapy around the doses: `sessions` needed, `recommended` offered, each of `minutes`.

    Preparation: local calendar days before dose 1, and where `min_lead_h` is above 0, at least so many elapsed hours
    from its end to the first check-in. Consolidation: elapsed days after the last dose's end. A required phase gates
    what follows (preparation gates dose 1).
    """

    key: SessionPhaseKey
    sessions: int
    recommended: int
    minutes: int
    min_days: int
    max_days: int
    target_days: int
    required: bool
    min_lead_h: float = 0.0

    @property
    def min_lead_min(self) -> int:
        """The same hours in whole minutes."""
        return round(self.min_lead_h * 60)


@dataclass(frozen=True, slots=True)
class SpanRule:
    """Local calendar days from first to last firm dose: warned above target, reviewed above review."""

    target_days: int
    review_days: int


@dataclass(frozen=True, slots=True)
class BoosterRule:
    """Boosters after the last dose, in local calendar days; only proposed, a prescriber orders each."""

    after_days: int
    min_days: int
    max_days: int
    proposed: int


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where one number comes from. Only what a drug label says is marked `label`."""

    mark: Mark
    source: str
    strength: str | None = None


@dataclass(frozen=True, slots=True)
class Protocol:
    """One version of a protocol, immutable once a course uses it.

    `provenance` has an entry for every number, keyed by the number's dotted path in the document.
    """

    slug: str
    name: str
    modality: str
    summary: str
    enabled_by_default: bool
    evidence_note: str
    visit: Visit
    preparation: SessionPhase | None
    dose_phases: tuple[DosePhase, ...]
    consolidation: SessionPhase | None
    integration: IntegrationPlan
    span: SpanRule
    boosters: BoosterRule | None
    provenance: Mapping[str, Provenance] = field(hash=False)

    @property
    def firm_doses(self) -> tuple[tuple[DosePhaseKey, Spacing], ...]:
        """Every dose to be firm-booked, in order: its phase and the spacing to the dose before it."""
        return tuple(
            (phase.key, phase.spacing)
            for phase in self.dose_phases
            if phase.booking == "firm"
            for _ in range(phase.doses)
        )


def _merged(spans: Iterable[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    merged: list[tuple[int, int]] = []
    for starts, ends in sorted(spans):
        if merged and starts <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], ends))
        else:
            merged.append((starts, ends))
    return tuple(merged)
