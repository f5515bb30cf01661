"""The search for a whole course: a chain of doses, each with a session that fits before the next.

All appointments of one patient follow each other in time, so which chair or therapist one of them takes never limits
another; only the times of neighbouring doses do. That makes an exact search cheap: going backwards from the last dose,
a start is kept when some kept start of the next dose is far enough away. The same sweep with costs finds the best
chain. Minutes are axis minutes, days are indexes of the horizon's local days.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from planner.domain.conflicts import Rule
from planner.domain.protocols import IntegrationMode, Spacing
from planner.scheduling.links import Link, anchor_minutes, link_of, needs_session
from planner.scheduling.masks import any_between, bits, positions, slice_of
from planner.scheduling.sheets import ClinicSheet, CourseRequest
from planner.scheduling.slots import SessionSlots, Slot
from planner.scheduling.supply import Supply

DAY = 1440

GapCost = Callable[[int, int, int], int]

#: Widths in bits of the parts of a packed cost, most important first: skipped pattern days, long gaps, preference lost,
#: sessions without the primary therapist, check-ins outside the patient's hours, uneven gaps, distance from the ideal
#: offset, end of the course. Sums over a course stay far below each width.
_WIDTHS = (10, 10, 20, 8, 8, 12, 20, 24)
_SHIFTS = tuple(sum(_WIDTHS[i + 1 :]) for i in range(len(_WIDTHS)))


def pack(skips: int, long: int, loss: int, others: int, wishes: int, uneven: int, distance: int, end: int) -> int:
    """One whole number that compares and adds like the tuple of its parts."""
    s = _SHIFTS
    return (
        (skips << s[0])
        + (long << s[1])
        + (loss << s[2])
        + (others << s[3])
        + (wishes << s[4])
        + (uneven << s[5])
        + (distance << s[6])
        + end
    )


def unpack(cost: int) -> tuple[int, ...]:
    """The parts of a packed cost."""
    return tuple((cost >> shift) & ((1 << width) - 1) for shift, width in zip(_SHIFTS, _WIDTHS, strict=True))


@dataclass(frozen=True, slots=True)
class Step:
    """One dose of a found chain: check-in and its session's slot, if it has one."""

    start: int
    slot: Slot | None


@dataclass(slots=True)
class _Entry:
    start: int
    cost: int
    slot: Slot | None
    after: _Entry | None


@dataclass(frozen=True, slots=True)
class _Day:
    """The entries of one dose on one day, in order of time, and the cheapest of them."""

    entries: list[_Entry]
    cheapest: _Entry


class CourseSearch:
    """Everything known about where the doses of one requested course may lie. `without` leaves rules out."""

    def __init__(self, clinic: ClinicSheet, request: CourseRequest, without: frozenset[Rule] = frozenset()) -> None:
        self.request, self.protocol, self.without = request, request.protocol, without
        self.supply = Supply(clinic, request.patient, request.therapist_ids)
        self.days = self.supply.days
        self.spacings: list[Spacing] = [spacing for _, spacing in self.protocol.firm_doses]
        self.phases: list[str] = [phase for phase, _ in self.protocol.firm_doses]
        self.doses = len(self.spacings)
        self.anchor = anchor_minutes(self.protocol)
        self.link: Link | None = None if Rule.NO_WINDOW_SLOT in without else link_of(self.protocol)
        self.slots = SessionSlots(self.supply, self.link) if self.link else None
        self.rolling = (
            self.protocol.integration.mode is IntegrationMode.ROLLING and Rule.NO_WINDOW_SLOT not in without
        )
        self.masks = self.supply.visit_masks(self.protocol.visit)

    # -- where a dose may lie --------------------------------------------------------------------------------------

    @cached_property
    def visits(self) -> int:
        """Check-in minutes that every visit rule allows."""
        mask = self.supply.axis.full
        for rule, allowed in self.masks.items():
            if rule not in self.without:
                mask &= allowed
        return mask

    @property
    def lead(self) -> int:
        """Minutes from the start of a rolling session to the check-in that follows it."""
        return self.protocol.integration.minutes + self.request.patient.turnover

    @cached_property
    def rolling_visits(self) -> int:
        """Check-in minutes of a later dose with room for the rolling session before it."""
        session = self.supply.session_starts(self.protocol.integration.minutes, on_grid=False)
        return self.visits & (session << self.lead)

    def with_session(self, dose: int) -> bool:
        """Whether a linked session follows this dose (1 is the first)."""
        return self.link is not None and needs_session(self.protocol, dose)

    def dose_mask(self, dose: int) -> int:
        """Check-in minutes for this dose, its own session included but not its neighbours."""
        mask = self.rolling_visits if self.rolling and dose > 1 else self.visits
        if self.with_session(dose):
            mask &= self.window_mask
        return mask

    @cached_property
    def window_mask(self) -> int:
        """Check-in minutes after which some session lies in the window, whatever the next dose."""
        if self.link is None or self.slots is None:
            return self.supply.axis.full
        last = self.link.last_start(None)
        if last is None:
            return 0
        return any_between(self.slots.anyone, self.anchor + self.link.opens, self.anchor + last)

    @cached_property
    def wished_days(self) -> frozenset[int]:
        """Days on the weekdays asked for."""
        return frozenset(i for i in range(self.days.count) if self.days.weekday(i) in self.request.weekdays)

    def candidates(self, dose: int) -> dict[int, list[int]]:
        """Check-in minutes for this dose by day."""
        kind = (self.rolling and dose > 1, self.with_session(dose))
        if kind not in self._candidates:
            by_day: dict[int, list[int]] = {}
            for start in positions(self.dose_mask(dose)):
                by_day.setdefault(self.days.index(start + self.supply.origin), []).append(start)
            self._candidates[kind] = {day: by_day[day] for day in sorted(by_day) if day in self.wished_days}
        return self._candidates[kind]

    @cached_property
    def _candidates(self) -> dict[tuple[bool, bool], dict[int, list[int]]]:
        return {}

    # -- preparation and consolidation -----------------------------------------------------------------------------

    @cached_property
    def preparation_days(self) -> list[int]:
        """Days with a free preparation slot, one entry per day."""
        phase = self.protocol.preparation
        if phase is None:
            return []
        starts = self.supply.session_starts(phase.minutes)
        return [
            day
            for day in range(self.days.count)
            if slice_of(
                starts,
                self.days.start(day) - self.supply.origin,
                self.days.start(day + 1) - self.supply.origin - 1,
            )
        ]

    def preparation_left(self, day: int) -> int:
        """How many preparation sessions are still to be planned for a first dose on `day`."""
        phase = self.protocol.preparation
        if phase is None or not phase.required:
            return 0
        done = sum(
            1
            for held in self.request.preparation_days
            if phase.min_days <= day - self.days.index_of(held) <= phase.max_days
        )
        return max(phase.sessions - done, 0)

    def prepared(self, day: int) -> bool:
        """Whether a first dose on `day` is prepared, or can be."""
        phase, left = self.protocol.preparation, self.preparation_left(day)
        if phase is None or left == 0 or Rule.PREP_MISSING in self.without:
            return True
        return sum(1 for d in self.preparation_days if phase.min_days <= day - d <= phase.max_days) >= left

    @cached_property
    def _consolidation_starts(self) -> int:
        phase = self.protocol.consolidation
        return self.supply.session_starts(phase.minutes) if phase else 0

    @property
    def consolidation_needed(self) -> bool:
        """Whether a course without a consolidation session is no course."""
        phase = self.protocol.consolidation
        return phase is not None and phase.required and Rule.CONSOLIDATION_MISSING not in self.without

    def consolidation_range(self, start: int) -> tuple[int, int] | None:
        """First and last axis minute at which a consolidation session may start; None when the protocol has none."""
        phase = self.protocol.consolidation
        if phase is None:
            return None
        anchor = start + self.protocol.visit.dose_ends_min
        return anchor + phase.min_days * DAY, anchor + phase.max_days * DAY

    def consolidation_starts(self, start: int, after: int) -> list[int]:
        """Consolidation starts for a last dose at `start`, none before `after`, in order."""
        span = self.consolidation_range(start)
        if span is None:
            return []
        first = max(span[0], after)
        return [first + bit for bit in bits(slice_of(self._consolidation_starts, first, span[1]))]

    def last_slot(self, start: int) -> tuple[bool, Slot | None]:
        """Whether the last dose can be at `start`, and its session: it must leave time for the consolidation."""
        span = self.consolidation_range(start)
        latest: int | None = None
        if span is not None and self.consolidation_needed:
            part = slice_of(self._consolidation_starts, *span)
            if not part:
                return False, None
            latest = span[0] + part.bit_length() - 1
        if not self.with_session(self.doses) or self.slots is None:
            return True, None
        slot = self.slots.best(start + self.anchor, latest)
        return slot is not None, slot

    # -- the chain -------------------------------------------------------------------------------------------------

    def gap_range(self, dose: int) -> tuple[int, int]:
        """Least and most local days from the dose before to this one."""
        if Rule.SPACING in self.without:
            return 1, self.days.count
        spacing = self.spacings[dose - 1]
        return spacing.min_days, spacing.max_days

    def ready(self, dose: int, start: int) -> int | None:
        """The earliest next check-in after this dose at `start`: once its earliest session and the gap are over."""
        if not self.with_session(dose) or self.slots is None or self.link is None:
            return start + self.protocol.visit.discharge_min
        end = self.slots.earliest_end(start + self.anchor)
        return None if end is None else end + self.link.gap

    def feasible(self) -> list[dict[int, list[int]]]:
        """For each dose, the check-in minutes by day from which the course can be completed (exact)."""
        kept: list[dict[int, list[int]]] = [{} for _ in range(self.doses)]
        for day, starts in self.candidates(self.doses).items():
            if good := [t for t in starts if self.last_slot(t)[0]]:
                kept[-1][day] = good
        for dose in range(self.doses - 1, 0, -1):
            least, most = self.gap_range(dose + 1)
            latest = {day: starts[-1] for day, starts in kept[dose].items()}
            for day, starts in self.candidates(dose).items():
                last = max((latest[d] for d in range(day + least, day + most + 1) if d in latest), default=None)
                if last is None:
                    continue
                good = [t for t in starts if (ready := self.ready(dose, t)) is not None and ready <= last]
                if good:
                    kept[dose - 1][day] = good
        kept[0] = {day: starts for day, starts in kept[0].items() if self.may_start(day)}
        return kept

    def may_start(self, day: int) -> bool:
        """Whether the first dose may be on this day: not before the wish, not after it, and prepared."""
        if day < self.days.index_of(self.request.earliest_day):
            return False
        latest = self.request.latest_first_day
        if latest is not None and day > self.days.index_of(latest):
            return False
        return self.prepared(day)

    def best(self, kept: Sequence[dict[int, list[int]]], pattern: frozenset[int] | None) -> list[Step] | None:
        """The best chain through `kept` starts. With a pattern, doses keep to its weekdays and slide to the next day
        with room where the clinic is closed or full; without, any day serves."""
        allowed = self._pattern_days(kept, pattern)
        table: list[dict[int, _Day]] = [{} for _ in range(self.doses)]
        gap_cost = self._gap_costs(allowed, pattern)
        first_days = self._first_week(kept, allowed)
        for dose in range(self.doses, 0, -1):
            days = self._reachable(dose, first_days, kept[dose - 1], allowed)
            for day in days:
                entries = [
                    entry
                    for start in kept[dose - 1][day]
                    if (entry := self._entry(dose, day, start, table, gap_cost)) is not None
                ]
                if entries:
                    table[dose - 1][day] = _Day(entries, min(entries, key=lambda e: e.cost))
        starts = [entry for found in table[0].values() for entry in found.entries] if table else []
        if not starts:
            return None
        link: _Entry | None = min(starts, key=lambda e: (e.cost, e.start))
        steps: list[Step] = []
        while link is not None:
            steps.append(Step(link.start, link.slot))
            link = link.after
        return steps

    def _pattern_days(self, kept: Sequence[dict[int, list[int]]], pattern: frozenset[int] | None) -> list[int]:
        """The days a pattern may use: its weekdays with room, and for one without room the next day that has some."""
        with_room = set().union(*(set(by_day) for by_day in kept)) if kept else set()
        if pattern is None:
            return sorted(with_room)
        used: set[int] = set()
        for day in range(self.days.count):
            if self.days.weekday(day) not in pattern:
                continue
            if day in with_room:
                used.add(day)
                continue
            for later in range(day + 1, min(day + 7, self.days.count)):
                if self.days.weekday(later) in pattern:
                    break
                if later in with_room:
                    used.add(later)
                    break
        return sorted(used)

    def _first_week(self, kept: Sequence[dict[int, list[int]]], allowed: list[int]) -> frozenset[int]:
        """A course starts in the first week it can: waiting longer for a nicer slot is not offered unasked."""
        days = [day for day in allowed if day in kept[0]] if kept else []
        return frozenset(day for day in days if day < days[0] + 7)

    def _reachable(
        self, dose: int, first_days: frozenset[int], kept: dict[int, list[int]], allowed: Iterable[int]
    ) -> list[int]:
        if not first_days:
            return []
        if dose == 1:
            return sorted(first_days)
        least = sum(self.gap_range(d)[0] for d in range(2, dose + 1))
        most = sum(self.gap_range(d)[1] for d in range(2, dose + 1))
        low, high = min(first_days) + least, max(first_days) + most
        return [day for day in allowed if low <= day <= high and day in kept]

    def _entry(
        self,
        dose: int,
        day: int,
        start: int,
        table: list[dict[int, _Day]],
        gap_cost: GapCost,
    ) -> _Entry | None:
        wish = self._wish(start)
        if dose == self.doses:
            good, slot = self.last_slot(start)
            cost = wish + _slot_cost(slot) + pack(0, 0, 0, 0, 0, 0, 0, start)
            return _Entry(start, cost, slot, None) if good else None
        free_slot: Slot | None = None
        ready = start + self.protocol.visit.discharge_min
        if self.with_session(dose) and self.slots is not None and self.link is not None:
            free_slot = self.slots.best(start + self.anchor, None)
            if free_slot is None:
                return None
            ready = free_slot.start + self.link.minutes + self.link.gap
        free_cost = _slot_cost(free_slot)
        best: _Entry | None = None
        least, most = self.gap_range(dose + 1)
        for next_day in range(day + least, day + most + 1):
            found = table[dose].get(next_day)
            if found is None:
                continue
            so_far = wish + gap_cost(dose + 1, day, next_day)
            if best is not None and so_far + found.cheapest.cost >= best.cost:
                continue
            if found.entries[0].start >= ready:
                cost = so_far + free_cost + found.cheapest.cost
                if best is None or cost < best.cost:
                    best = _Entry(start, cost, free_slot, found.cheapest)
                continue
            for after in found.entries:
                slot = free_slot
                if after.start < ready:
                    if self.slots is None or self.link is None or not self.with_session(dose):
                        continue
                    slot = self.slots.best(start + self.anchor, after.start - self.link.gap)
                    if slot is None:
                        continue
                cost = so_far + _slot_cost(slot) + after.cost
                if best is None or cost < best.cost:
                    best = _Entry(start, cost, slot, after)
        return best

    def _gap_costs(self, allowed: list[int], pattern: frozenset[int] | None) -> GapCost:
        """What the gap between two doses' days costs, remembered per pair of days."""
        known: dict[tuple[int, int, int], int] = {}

        def cost(dose: int, day: int, next_day: int) -> int:
            key = (dose, day, next_day)
            if key not in known:
                spacing, gap, skips = self.spacings[dose - 1], next_day - day, 0
                if pattern is not None:
                    skips = bisect_left(allowed, next_day) - bisect_left(allowed, day + spacing.min_days)
                    skips = max(skips, 0) + (self.days.weekday(next_day) not in pattern)
                long = max(0, gap - spacing.warn_days + 1)
                known[key] = pack(skips, long, 0, 0, 0, abs(gap - spacing.target_days), 0, 0)
            return known[key]

        return cost

    def misses_wish(self, start: int) -> bool:
        """Whether a check-in lies outside the hours the patient prefers."""
        patient = self.request.patient
        if patient.preferred_from == 0 and patient.preferred_to >= DAY:
            return False
        wall = self.days.wall_minute(start + self.supply.origin)
        return not patient.preferred_from <= wall < patient.preferred_to

    def _wish(self, start: int) -> int:
        return pack(0, 0, 0, 0, int(self.misses_wish(start)), 0, 0, 0)


def _slot_cost(slot: Slot | None) -> int:
    return 0 if slot is None else pack(0, 0, slot.loss, slot.not_primary, 0, 0, slot.distance, 0)

