"""Who has to be on shift for a dosing visit: the people it names, and whoever of a role its protocol wants there.

Minutes are UTC minutes since 1970.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from planner.domain.protocols import Holding, Visit
from planner.scheduling.sheets import Span

#: The parts of a visit that people play; what else it holds are things.
BY_PEOPLE = (Holding.PRESCRIBER, Holding.NURSE, Holding.THERAPIST)


@dataclass(frozen=True, slots=True)
class StaffNeed:
    """Somebody of a role on shift all through `spans`: one person, or (None) whoever it is."""

    holding: Holding
    person_id: int | None
    spans: tuple[Span, ...]
    on_site: bool


@dataclass(frozen=True, slots=True)
class Presence:
    """When somebody of a role is on shift at the visit's site: without breaks, absences and being on call."""

    holding: Holding
    person_id: int
    span: Span


def visit_needs(
    visit: Visit, start: int, end: int, *, therapist_id: int | None, nurse_id: int | None
) -> Iterator[StaffNeed]:
    """What a visit from `start` to `end` needs: who is named in person, everybody else as whoever has the role."""

    def at(spans: Iterable[Span]) -> tuple[Span, ...]:
        return tuple((start + first, start + last) for first, last in spans)

    for holding, person_id in ((Holding.THERAPIST, therapist_id), (Holding.NURSE, nurse_id)):
        if person_id is not None:
            yield StaffNeed(holding, person_id, at(visit.spans(holding)) or ((start, end),), True)
    for holding in BY_PEOPLE:
        spans = visit.on_site_spans(holding)
        if holding is Holding.PRESCRIBER:
            # Nobody is named for it, so whoever prescribes there holds it.
            spans = (*spans, *visit.spans(holding))
        if spans:
            yield StaffNeed(holding, None, at(spans), True)


def lacking(needs: Iterable[StaffNeed], there: Iterable[Presence], now: int) -> tuple[StaffNeed, ...]:
    """Those of `needs` that who is there does not meet in the time to come, once for each role and person."""
    there = tuple(there)
    found: dict[tuple[Holding, int | None], StaffNeed] = {}
    for need in needs:
        spans = [one.span for one in there if one.holding is need.holding and need.person_id in (None, one.person_id)]
        left = [(max(start, now), end) for start, end in need.spans if end > now]
        if not all(covered(spans, span) for span in left):
            found.setdefault((need.holding, need.person_id), need)
    return tuple(found.values())


def covered(worked: Iterable[Span], wanted: Span) -> bool:
    """Whether spans together leave no minute of `wanted` out."""
    at = wanted[0]
    for start, end in sorted(worked):
        if start > at:
            break
        at = max(at, end)
    return at >= wanted[1]
