"""Rules a protocol's parts keep, alone and together: each yields (field, sentence) for every one broken.

The limits here are guard rails against slips of the keyboard or against a dangerous reading, not protocol
numbers: a protocol's own numbers are data with a source.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise

from planner.domain.protocols import (
    BoosterRule,
    DosePhase,
    Holding,
    IntegrationPlan,
    Provenance,
    SessionPhase,
    Spacing,
    SpanRule,
    Visit,
)

Problems = Iterable[tuple[str, str]]

DAY_MIN = 1_440
"""No visit or session is longer than a day, in minutes."""
MOST_DAYS = 730
MOST_DOSES = 60
MOST_SESSIONS = 30
MOST_BOOSTERS = 12
MAINTENANCE_FLOOR_DAYS = 14
"""Maintenance and boosters closer than this (days) are refused unless a drug label says so: the clinic's
sheet allows boosters 14-90 days apart, and warns that "daily" maintenance is a misreading of "quarterly"."""

WINDOW_HOURS = (
    "opens_h",
    "peak_start_h",
    "peak_end_h",
    "closes_h",
    "tail_end_h",
    "ideal_offset_h",
    "min_gap_before_next_dose_h",
)
_PHASE_ORDER = ("induction", "consolidation", "maintenance")
_PEOPLE = frozenset({Holding.NURSE, Holding.PRESCRIBER, Holding.THERAPIST})


def visit(visit: Visit) -> Problems:
    """Blocks cover the patient's whole stay, and the dose lies inside it."""
    if not visit.blocks:
        return [("blocks", "A visit needs at least one block.")]
    return [*_block_problems(visit), *_stay_problems(visit), *_dose_problems(visit)]


def _block_problems(visit: Visit) -> Iterator[tuple[str, str]]:
    keys = [block.key for block in visit.blocks]
    for index, block in enumerate(visit.blocks):
        if block.key in keys[:index]:
            yield f"blocks.{index}.key", "Two blocks cannot have the same key."
        if block.on_site - _PEOPLE:
            yield f"blocks.{index}.on_site", "Only people can be on site; a chair or room is held."
        if block.on_site & block.holds:
            yield f"blocks.{index}.on_site", "What a block holds need not be named as on site too."
        if block.ends_min > DAY_MIN:
            yield f"blocks.{index}.length_min", "A visit cannot run longer than a day."


def _stay_problems(visit: Visit) -> Iterator[tuple[str, str]]:
    covered = 0
    for block in sorted(visit.blocks, key=lambda block: block.starts_min):
        if block.starts_min > covered and covered < visit.discharge_min:
            yield (
                "blocks",
                f"No block covers minutes {covered} to {block.starts_min}: close the gap in the visit.",
            )
        covered = max(covered, block.ends_min)
    if covered < visit.discharge_min:
        yield "discharge_min", f"The blocks end at minute {covered}, before the patient leaves."


def _dose_problems(visit: Visit) -> Iterator[tuple[str, str]]:
    if visit.dose_ends_min < visit.dose_starts_min:
        yield "dose_ends_min", "The dose cannot end before it starts."
    if visit.dose_ends_min > visit.discharge_min:
        yield "dose_ends_min", "The dose cannot end after the patient leaves."


def session_phase(phase: SessionPhase) -> Problems:
    """Days in order, and at least as many sessions recommended as needed."""
    yield from _ascending(phase, "min_days", "target_days", "max_days")
    if phase.min_lead_min > (phase.max_days + 1) * DAY_MIN:
        yield "min_lead_h", "This asks for more hours before the first dose than the days allow."
    if phase.recommended < phase.sessions:
        yield "recommended", "Recommend at least as many sessions as are needed."


def spacing(spacing: Spacing) -> Problems:
    """min <= target <= warn <= max."""
    return _ascending(spacing, "min_days", "target_days", "warn_days", "max_days")


def dose_phase(phase: DosePhase) -> Problems:
    """The gaps allow as many doses a week as the phase wants."""
    gaps = phase.spacing
    if phase.per_week > 1 and phase.per_week * gaps.min_days > 7:
        yield "per_week", f"{phase.per_week} doses a week do not fit gaps of at least {gaps.min_days} days."
    if phase.doses > phase.per_week and phase.per_week * gaps.max_days < 7:
        yield "spacing.max_days", f"{phase.per_week} a week leave gaps longer than {gaps.max_days} days."


def span(span: SpanRule) -> Problems:
    """target <= review."""
    return _ascending(span, "target_days", "review_days")


def boosters(boosters: BoosterRule) -> Problems:
    """min <= after <= max."""
    return _ascending(boosters, "min_days", "after_days", "max_days")


def across(
    visit: Visit | None,
    phases: Sequence[DosePhase] | None,
    integration: IntegrationPlan | None,
    span: SpanRule | None,
    boosters: BoosterRule | None,
    provenance: Mapping[str, Provenance],
) -> Problems:
    """Rules between parts, with paths from the document's root; a part that could not be read is left out."""
    problems = [*_maintenance_problems(phases or (), boosters, provenance)]
    if phases is not None and not phases:
        problems.append(("dose_phases", "A protocol needs at least one phase with doses."))
    elif phases is not None:
        problems += _phase_order_problems(phases)
        if span is not None:
            problems += _span_problems(phases, span)
        if visit is not None and integration is not None:
            problems += _integration_problems(visit, phases, integration)
    return problems


def _phase_order_problems(phases: Sequence[DosePhase]) -> Iterator[tuple[str, str]]:
    if phases[0].key != "induction" or phases[0].booking != "firm":
        yield "dose_phases.0", "The first phase must be a firm induction."
    for index, (before, phase) in enumerate(pairwise(phases), start=1):
        if _PHASE_ORDER.index(phase.key) < _PHASE_ORDER.index(before.key):
            yield f"dose_phases.{index}.key", "Phases run induction, consolidation, maintenance."
        if phase.booking == "firm" and before.booking == "proposed":
            yield f"dose_phases.{index}.booking", "A firm phase cannot follow one that is only proposed."


def _maintenance_problems(
    phases: Sequence[DosePhase], boosters: BoosterRule | None, provenance: Mapping[str, Provenance]
) -> Iterator[tuple[str, str]]:
    later = {
        f"dose_phases.{index}.spacing.min_days": phase.spacing.min_days
        for index, phase in enumerate(phases)
        if phase.key == "maintenance"
    }
    if boosters is not None:
        later["boosters.min_days"] = boosters.min_days
    for path, days in later.items():
        labelled = path in provenance and provenance[path].mark == "label"
        if days < MAINTENANCE_FLOOR_DAYS and not labelled:
            yield path, f"Doses after the course must be at least {MAINTENANCE_FLOOR_DAYS} days apart."
        elif phases and days < phases[0].spacing.min_days:
            yield path, "Doses after the course cannot be closer than the induction's minimum gap."


def _span_problems(phases: Sequence[DosePhase], span: SpanRule) -> Iterator[tuple[str, str]]:
    firm = [phase for phase in phases if phase.booking == "firm"]
    gaps = [phase.spacing.min_days for phase in firm for _ in range(phase.doses)][1:]
    for name, days in (("target_days", span.target_days), ("review_days", span.review_days)):
        if sum(gaps) > days:
            yield (
                f"span.{name}",
                f"{len(gaps) + 1} doses at their smallest gaps take {sum(gaps)} days and cannot fit {days}.",
            )


def _integration_problems(
    visit: Visit, phases: Sequence[DosePhase], plan: IntegrationPlan
) -> Iterator[tuple[str, str]]:
    doses = sum(phase.doses for phase in phases)
    if plan.every > doses:
        yield "integration.every", "This counts more doses before the first session than there are."
    if plan.after_doses and plan.after_doses[-1] > doses:
        yield "integration.after_doses", f"There is no dose {plan.after_doses[-1]}; the last one is dose {doses}."
    between = plan.after_doses[0] < phases[0].doses if plan.after_doses else plan.every == 1
    if plan.window is None or phases[0].doses < 2 or not between:
        return
    # Times of day differ between doses, so the longest gap may be nearly a day longer than its calendar days.
    longest = (phases[0].spacing.max_days + 1) * DAY_MIN - visit.dose_ends_min
    if plan.window.opens_min + plan.minutes + plan.window.gap_min > longest:
        yield "integration.window.opens_h", "Even at the longest gap no session fits before the next dose."


def _ascending(part: object, *names: str) -> Iterator[tuple[str, str]]:
    for lower, higher in pairwise(names):
        low, high = getattr(part, lower), getattr(part, higher)
        if high < low:
            yield higher, f"{_said(higher)} ({high}) cannot be less than {_said(lower).lower()} ({low})."


def _said(name: str) -> str:
    words = {"min": "Minimum", "max": "Maximum", "warn": "Warning", "target": "Target", "review": "Review"}
    return f"{words.get(name.removesuffix('_days'), 'Proposed')} days"
