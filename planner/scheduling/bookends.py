"""What stands before the first dose and after the last: preparation and consolidation sessions.

Preparation lies some local days before dose 1, consolidation some elapsed days after the last dose (see
`SessionPhase`); several of one kind lie on different days. Minutes are axis minutes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from planner.domain.conflicts import Rule
from planner.domain.protocols import SessionPhase
from planner.scheduling.breaks import Breaks, before_first_dose
from planner.scheduling.masks import bits, slice_of
from planner.scheduling.sheets import CourseRequest
from planner.scheduling.supply import Supply

DAY = 1440


class Bookends:
    """Where preparation and consolidation sessions of one requested course may lie."""

    def __init__(self, supply: Supply, request: CourseRequest, breaks: Breaks, without: frozenset[Rule]) -> None:
        self.supply, self.request, self.breaks = supply, request, breaks
        self.preparation, self.consolidation = request.protocol.preparation, request.protocol.consolidation
        self._without = without
        self._runs: dict[int, list[int]] = {}

    # -- preparation -----------------------------------------------------------------------------------------------

    def preparation_left(self, day: int) -> int:
        """How many preparation sessions are still to be planned for a first dose on the day with this index."""
        phase = self.preparation
        if phase is None or not phase.required:
            return 0
        leads = [day - self.supply.days.index_of(held) for held in self.request.preparation_days]
        return max(phase.sessions - sum(phase.min_days <= lead <= phase.max_days for lead in leads), 0)

    def prepared(self, start: int) -> bool:
        """Whether a first dose that checks in at `start` is prepared, or can be."""
        if Rule.PREP_MISSING in self._without:
            return True
        day = self._day(start)
        left = self.preparation_left(day)
        if self.preparation is None or left == 0:
            return True
        over_by = start - self.preparation.minutes - before_first_dose(self.breaks, self.preparation)
        return sum(pick <= over_by for pick in self._preparation_run(self.preparation, day)) >= left

    def _preparation_run(self, phase: SessionPhase, day: int) -> list[int]:
        """As many preparation sessions as fit before a first dose on `day`, each as early as it can be: no other
        choice has more of them over by any time."""
        if day not in self._runs:
            run: list[int] = []
            ready = 0
            for lead in range(phase.max_days, phase.min_days - 1, -1):
                first, last = self._day_ends(day - lead)
                part = slice_of(self.supply.session_starts(phase.minutes), max(first, ready), last)
                if part:
                    run.append(max(first, ready) + _lowest(part))
                    ready = run[-1] + self._apart(phase)
            self._runs[day] = run
        return self._runs[day]

    def chosen_preparation(self, start: int) -> list[int]:
        """Starts of the sessions still to be planned before a first dose at `start`: the primary therapist first, then
        closeness to the day the protocol aims at."""
        phase, day = self.preparation, self._day(start)
        if phase is None or not (left := self.preparation_left(day)):
            return []
        chosen = self._first_apart(self._preparation_ranked(phase, start, day), phase, left)
        return chosen if len(chosen) == left else self._preparation_run(phase, day)[:left]

    def _preparation_ranked(self, phase: SessionPhase, start: int, day: int) -> Iterator[int]:
        over_by = start - phase.minutes - before_first_dose(self.breaks, phase)
        leads = sorted(range(phase.min_days, phase.max_days + 1), key=lambda n: (abs(n - phase.target_days), -n))
        for mask in self._primary_first(phase.minutes):
            for lead in leads:
                first, last = self._day_ends(day - lead)
                for bit in bits(slice_of(mask, first, min(last, over_by))):
                    yield first + bit

    # -- consolidation ---------------------------------------------------------------------------------------------

    @property
    def consolidation_needed(self) -> bool:
        """Whether a course without its consolidation sessions is no course."""
        phase = self.consolidation
        required = phase is not None and phase.required and phase.sessions > 0
        return required and Rule.CONSOLIDATION_MISSING not in self._without

    def consolidation_range(self, start: int) -> tuple[int, int] | None:
        """First and last minute at which a consolidation session may start after a last dose at `start`."""
        phase = self.consolidation
        if phase is None:
            return None
        dose_end = start + self.request.protocol.visit.dose_ends_min
        first = max(dose_end + phase.min_days * DAY, start + self.breaks.visit_to_session)
        return first, dose_end + phase.max_days * DAY

    def consolidation_by(self, start: int) -> int | None:
        """When whatever comes before consolidation must be over at the latest for a last dose at `start`; None when
        there is no room for consolidation at all."""
        phase, span = self.consolidation, self.consolidation_range(start)
        if phase is None or span is None:
            return None
        first, last = span
        found = last
        for _ in range(phase.sessions):
            part = slice_of(self.supply.session_starts(phase.minutes), first, last)
            if not part:
                return None
            found = first + part.bit_length() - 1
            last = min(found - self._apart(phase), self._day_ends(self._day(found))[0] - 1)
        return found - self.breaks.session_to_session

    def chosen_consolidation(self, start: int, after: int) -> list[int]:
        """Starts of consolidation for a last dose at `start`, none before `after`: the first ones with the primary
        therapist, else the first there are."""
        phase, span = self.consolidation, self.consolidation_range(start)
        if phase is None or span is None:
            return []
        first = max(span[0], after)
        ranked = (
            first + bit for mask in self._primary_first(phase.minutes) for bit in bits(slice_of(mask, first, span[1]))
        )
        chosen = self._first_apart(ranked, phase, phase.sessions)
        if len(chosen) == phase.sessions:
            return chosen
        every = bits(slice_of(self.supply.session_starts(phase.minutes), first, span[1]))
        return self._first_apart((first + bit for bit in every), phase, phase.sessions)

    # -- both ------------------------------------------------------------------------------------------------------

    def _first_apart(self, ranked: Iterable[int], phase: SessionPhase, count: int) -> list[int]:
        """The first `count` starts, in their order, that lie on different days and clear of each other; sorted."""
        chosen: list[int] = []
        for start in ranked:
            if len(chosen) == count:
                break
            if all(self._clear(start, other, phase) for other in chosen):
                chosen.append(start)
        return sorted(chosen)

    def _clear(self, start: int, other: int, phase: SessionPhase) -> bool:
        return abs(start - other) >= self._apart(phase) and self._day(start) != self._day(other)

    def _apart(self, phase: SessionPhase) -> int:
        return phase.minutes + self.breaks.session_to_session

    def _primary_first(self, minutes: int) -> tuple[int, int]:
        """Session starts with the primary therapist, and those with somebody else only."""
        primary = self.supply.patient.primary_therapist_id
        mine = 0 if primary is None else self.supply.session_starts(minutes, primary)
        return mine, self.supply.session_starts(minutes) & ~mine

    def _day(self, minute: int) -> int:
        return self.supply.days.index(minute + self.supply.origin)

    def _day_ends(self, day: int) -> tuple[int, int]:
        """First and last axis minute of a day; an empty range when the day is off the axis."""
        days, origin = self.supply.days, self.supply.origin
        if not 0 <= day < days.count:
            return 0, -1
        return days.bounds[day] - origin, days.bounds[day + 1] - origin - 1


def _lowest(mask: int) -> int:
    return (mask & -mask).bit_length() - 1
