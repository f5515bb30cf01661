"""Which session slot a dose gets: the deterministic rule of clinical.md 1.5.

Candidates start inside the window and are over before the next check-in less the policy's gap. They rank by preference
at the start, then the primary therapist, then closeness to the ideal offset, then the earlier start, then the
therapist's id.
"""

from __future__ import annotations

from dataclasses import dataclass

from planner.scheduling.links import Link
from planner.scheduling.masks import bits, nearest, slice_of
from planner.scheduling.supply import Supply


@dataclass(frozen=True, slots=True, order=True)
class Slot:
    """A session slot for one dose, ordered as 1.5 ranks: lower is better. `start` is in axis minutes."""

    loss: int
    not_primary: bool
    distance: int
    start: int
    offset: int


class SessionSlots:
    """Finds the best slot after a dose for one patient; answers are remembered."""

    def __init__(self, supply: Supply, link: Link) -> None:
        self.supply, self.link = supply, link
        self.primary_id = supply.patient.primary_therapist_id
        self.anyone = supply.session_starts(link.minutes)
        self.primary = supply.session_starts(link.minutes, self.primary_id) if self.primary_id is not None else 0
        self._flat = link.flat_peak
        self._loss: dict[int, int] = {}
        self._best: dict[tuple[int, int, int], Slot | None] = {}

    def best(self, anchor: int, cutoff: int | None, after: int = 0) -> Slot | None:
        """The best slot for a dose whose anchor is at axis minute `anchor`; `cutoff` is when it must be over, and it
        starts no earlier than `after`."""
        last = self.link.last_start(None if cutoff is None else cutoff - anchor)
        if last is None:
            return None
        key = (anchor, last, max(after - anchor, self.link.opens))
        if key not in self._best:
            self._best[key] = self._find(*key)
        return self._best[key]

    def _find(self, anchor: int, last: int, first: int) -> Slot | None:
        link = self.link
        if self._flat:
            peak_first, peak_last = max(link.peak_start, first), min(link.peak_end, last)
            for mask, not_primary in ((self.primary, False), (self.anyone, True)):
                start = nearest(mask, anchor + peak_first, anchor + peak_last, anchor + link.ideal)
                if start is not None:
                    return self._slot(anchor, start, not_primary)
        return min(self.all(anchor, last, first), default=None)

    def _slot(self, anchor: int, start: int, not_primary: bool) -> Slot:
        offset = start - anchor
        loss = self._loss.get(offset)
        if loss is None:
            loss = self._loss[offset] = self.link.loss(offset)
        return Slot(loss, not_primary, abs(offset - self.link.ideal), start, offset)

    def all(self, anchor: int, last: int, first: int | None = None) -> list[Slot]:
        """Every slot with an offset from `first` (None: from opening) to `last`."""
        begin = anchor + (self.link.opens if first is None else first)
        part = slice_of(self.anyone, begin, anchor + last)
        return [self._slot(anchor, begin + bit, not self.primary >> (begin + bit) & 1) for bit in bits(part)]

    def earliest_end(self, anchor: int, cutoff: int | None = None, after: int = 0) -> int | None:
        """When the earliest session after this dose could be over, in axis minutes."""
        last = self.link.last_start(None if cutoff is None else cutoff - anchor)
        if last is None:
            return None
        begin = max(anchor + self.link.opens, after)
        part = slice_of(self.anyone, begin, anchor + last)
        if not part:
            return None
        return begin + (part & -part).bit_length() - 1 + self.link.minutes
