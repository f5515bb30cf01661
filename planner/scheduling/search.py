"""The search for a whole course: a chain of doses, each with a session that fits before the next.

All appointments of one patient follow each other in time, so which chair or therapist one of them takes never limits
another; only the times of neighbouring doses do. That makes an exact search cheap: going backwards from the last dose,
a start is kept when some kept start of the next dose is far enough away. The same sweep with costs finds the best
chain (`chains`). Minutes are axis minutes, days are indexes of the horizon's local days.
"""

from __future__ import annotations

from functools import cached_property

from planner.domain.conflicts import Rule
from planner.domain.protocols import IntegrationMode, Spacing
from planner.scheduling.bookends import DAY, Bookends
from planner.scheduling.breaks import breaks_of
from planner.scheduling.day_limits import NO_BARS, Bars
from planner.scheduling.links import Link, anchor_minutes, link_of, needs_session
from planner.scheduling.masks import any_between, bits, slice_of
from planner.scheduling.sheets import ClinicSheet, CourseRequest
from planner.scheduling.slots import SessionSlots, Slot
from planner.scheduling.supply import Supply


class CourseSearch:
    """Everything known about where the doses of one requested course may lie. `without` leaves rules out, `bars` are
    minutes at which no session begins with somebody."""

    def __init__(
        self,
        clinic: ClinicSheet,
        request: CourseRequest,
        without: frozenset[Rule] = frozenset(),
        bars: Bars = NO_BARS,
    ) -> None:
        self._build(request, Supply(clinic, request.patient, request.therapist_ids, bars), without)

    def relaxed(self, without: frozenset[Rule]) -> CourseSearch:
        """The same search over the same supply with other rules left out."""
        other = CourseSearch.__new__(CourseSearch)
        other._build(self.request, self._whole_supply, without)
        return other

    def barred(self, bars: Bars) -> CourseSearch:
        """The same search with more minutes at which no session begins with somebody."""
        known = self._whole_supply.limits.bars or NO_BARS
        other = CourseSearch.__new__(CourseSearch)
        other._build(self.request, self._whole_supply.barred(known | bars), self.without)
        return other

    def _build(self, request: CourseRequest, supply: Supply, without: frozenset[Rule]) -> None:
        clinic = supply.clinic
        self.request, self.protocol, self.without = request, request.protocol, without
        self._whole_supply = supply
        self.supply = supply.unlimited if Rule.DAY_FULL in without else supply
        supply = self.supply
        self.days = self.supply.days
        self.spacings: list[Spacing] = [spacing for _, spacing in self.protocol.firm_doses]
        self.phases: list[str] = [phase for phase, _ in self.protocol.firm_doses]
        self.doses = len(self.spacings)
        self.anchor = anchor_minutes(self.protocol)
        self.breaks = breaks_of(clinic, request.patient, self.protocol.visit)
        self.bookends = Bookends(self.supply, request, self.breaks, without)
        self.link: Link | None = None if Rule.NO_WINDOW_SLOT in without else link_of(self.protocol, self.breaks)
        self.slots = SessionSlots(self.supply, self.link) if self.link else None
        self.rolling = self.protocol.integration.mode is IntegrationMode.ROLLING and Rule.NO_WINDOW_SLOT not in without
        self.masks = supply.visit_masks(self.protocol.visit)
        self._candidates: dict[tuple[bool, bool], dict[int, list[int]]] = {}
        self._ready: dict[int, int | None] = {}
        doses = range(1, self.doses + 1) if self.link is not None else ()
        self._linked = frozenset(dose for dose in doses if needs_session(self.protocol, dose))

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
        return self.protocol.integration.minutes + self.breaks.session_to_visit

    @cached_property
    def rolling_visits(self) -> int:
        """Check-in minutes of a later dose with room for the rolling session before it."""
        session = self.supply.session_starts(self.protocol.integration.minutes, on_grid=False)
        return self.visits & (session << self.lead)

    def with_session(self, dose: int) -> bool:
        """Whether a linked session follows this dose (1 is the first)."""
        return dose in self._linked

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
    def wished_days(self) -> tuple[int, ...]:
        """Days on the weekdays asked for, in order."""
        every = Rule.REST_OF_COURSE in self.without
        return tuple(i for i in range(self.days.count) if every or self.days.weekday(i) in self.request.weekdays)

    def candidates(self, dose: int) -> dict[int, list[int]]:
        """Check-in minutes for this dose by day, both in order."""
        kind = (self.rolling and dose > 1, self.with_session(dose))
        if kind not in self._candidates:
            self._candidates[kind] = self._by_day(self.dose_mask(dose))
        return self._candidates[kind]

    def _by_day(self, mask: int) -> dict[int, list[int]]:
        origin, bounds = self.supply.origin, self.days.bounds
        by_day: dict[int, list[int]] = {}
        for day in self.wished_days:
            first = bounds[day] - origin
            if part := slice_of(mask, first, bounds[day + 1] - origin - 1):
                by_day[day] = [first + bit for bit in bits(part)]
        return by_day

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
            return start + self.ready_after(dose)
        if start not in self._ready:
            end = self.slots.earliest_end(start + self.anchor)
            ready = None if end is None else max(end + self.link.gap, start + self.breaks.visit_to_visit)
            self._ready[start] = ready
        return self._ready[start]

    def ready_after(self, dose: int) -> int:
        """Minutes from one check-in to the next that the visits themselves need, and a rolling session between."""
        rolled = self.breaks.visit_to_session + self.lead if self.rolling and dose < self.doses else 0
        return max(self.breaks.visit_to_visit, rolled)

    def last_slot(self, start: int) -> tuple[bool, Slot | None]:
        """Whether the last dose can be at `start`, and its session: it must leave time for the consolidation."""
        latest: int | None = None
        if self.bookends.consolidation_needed:
            latest = self.bookends.consolidation_by(start)
            if latest is None:
                return False, None
        if not self.with_session(self.doses) or self.slots is None:
            return True, None
        slot = self.slots.best(start + self.anchor, latest)
        return slot is not None, slot

    def feasible(self) -> list[dict[int, list[int]]]:
        """For each dose, the check-in minutes by day from which the course can be completed (exact).

        The earliest next check-in never comes earlier for a later start, so the good starts of a day are its first.
        """
        kept: list[dict[int, list[int]]] = [{} for _ in range(self.doses)]
        for day, starts in self.candidates(self.doses).items():
            if good := self._completing(starts):
                kept[-1][day] = good
        for dose in range(self.doses - 1, 0, -1):
            least, most = self.gap_range(dose + 1)
            latest = {day: starts[-1] for day, starts in kept[dose].items()}
            for day, starts in self.candidates(dose).items():
                last = max((latest[d] for d in range(day + least, day + most + 1) if d in latest), default=None)
                if last is not None and (count := self._count_ready(dose, starts, last)):
                    kept[dose - 1][day] = starts[:count]
        if kept:
            kept[0] = self._startable(kept[0])
        return kept

    def _completing(self, starts: list[int]) -> list[int]:
        """Those check-ins of a last dose that leave room for its session and the consolidation."""
        if not self.bookends.consolidation_needed:
            return starts
        return [start for start in starts if self.last_slot(start)[0]]

    def _count_ready(self, dose: int, starts: list[int], last: int) -> int:
        """How many of these starts allow the next dose to check in by `last`."""
        low, high = 0, len(starts)
        while low < high:
            middle = (low + high) // 2
            ready = self.ready(dose, starts[middle])
            low, high = (middle + 1, high) if ready is not None and ready <= last else (low, middle)
        return low

    def _startable(self, by_day: dict[int, list[int]]) -> dict[int, list[int]]:
        """Those first doses that are neither before nor after the wish, and prepared."""
        found: dict[int, list[int]] = {}
        for day, starts in by_day.items():
            if self._may_start(day) and (good := [start for start in starts if self.bookends.prepared(start)]):
                found[day] = good
        return found

    def _may_start(self, day: int) -> bool:
        if day < self.days.index_of(self.request.earliest_day):
            return False
        latest = None if Rule.REST_OF_COURSE in self.without else self.request.latest_first_day
        return latest is None or day <= self.days.index_of(latest)

    def misses_wish(self, start: int) -> bool:
        """Whether a check-in lies outside the hours the patient prefers."""
        patient = self.request.patient
        if patient.preferred_from == 0 and patient.preferred_to >= DAY:
            return False
        wall = self.days.wall_minute(start + self.supply.origin)
        return not patient.preferred_from <= wall < patient.preferred_to
