"""A checker and a finder of whole courses that share no code with the planner. Slow, and meant for small rosters."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date
from functools import cache
from itertools import combinations, pairwise, product

from planner.domain.conflicts import Rule
from planner.domain.statuses import AppointmentKind, Mode
from planner.scheduling.placements import Placement
from planner.scheduling.sheets import PersonSheet
from tests.scheduling.rules_again import Rules

Talk = tuple[int, int, bool]
"""A session: when it begins, how long it lasts, and whether it keeps to the grid."""


class Brute(Rules):
    """Finds out whether a course exists by trying them all, and what is wrong with a given one."""

    # -- finding ---------------------------------------------------------------------------------------------------

    def minutes(self, step: int) -> list[int]:
        """Starts worth trying: every grid time, or, without a grid, every five minutes. All spans and lengths of the
        small sheets are multiples of five minutes, so a course that exists exists there too."""
        every = range(self.first, self.end, 5)
        return [m for m in every if Rule.GRID in self.without or self.on_grid(m, step)]

    def can_check_in(self, minute: int) -> bool:
        if minute <= self.clinic.now and Rule.PAST not in self.without:
            return False
        closed = Rule.CLOSED not in self.without
        if closed and not self.inside(self.clinic.site.open, minute, minute + self.visit.discharge_min):
            return False
        return not self.visit_breaks(minute) - self.without

    def course_exists(self) -> bool:
        """Whether any legal course exists: every choice of every dose and session is tried."""
        visits = [m for m in self.minutes(self.clinic.site.visit_grid) if self.can_check_in(m)]

        @cache
        def sessions(minutes: int) -> list[int]:
            return [m for m in self.minutes(self.clinic.site.therapy_grid) if self.session_possible(m, minutes)]

        @cache
        def completes(dose: int, check_in: int, before: frozenset[Talk]) -> bool:
            """Whether the course can go on from a dose there, with these sessions before it on the same day."""
            if dose == len(self.firm):
                return any(self._ends_well(check_in, s, sessions, before) for s in self._own(dose, check_in, sessions))
            return any(
                self._follows(dose, check_in, session, later)
                and self.together(talks := before | self._talks(session, later))
                and completes(dose + 1, later, self._still(talks, later))
                for session in self._own(dose, check_in, sessions)
                for later in visits
                if later > check_in and self.wished(dose + 1, later) and self.gap_fits(dose + 1, check_in, later)
            )

        return any(
            self.wished(1, check_in) and self.together(talks) and completes(1, check_in, self._still(talks, check_in))
            for check_in in visits
            for talks in self._preparations(check_in, sessions)
        )

    # -- the limits of therapists' days ----------------------------------------------------------------------------

    def _talks(self, session: int | None, later: int) -> frozenset[Talk]:
        """The session after a dose, and the rolling one just before the next at `later`."""
        found = set() if session is None else {(session, self.plan.minutes, True)}
        if self.rolls:
            found.add((later - self.plan.minutes - self.before_visit(), self.plan.minutes, False))
        return frozenset(found)

    def _still(self, talks: Iterable[Talk], check_in: int) -> frozenset[Talk]:
        """Those that share their day with a check-in; without limits none need be remembered."""
        limited = any(person.most_sessions is not None for person in self.therapists())
        return frozenset(t for t in talks if limited and self.day(t[0]) == self.day(check_in))

    def together(self, talks: Iterable[Talk]) -> bool:
        """Whether these sessions find therapists without a day above anybody's limit: every choice is tried."""
        by_day: dict[date, list[Talk]] = {}
        for talk in talks:
            by_day.setdefault(self.day(talk[0]), []).append(talk)
        return all(len(same) < 2 or self._shared(day, same) for day, same in by_day.items())

    def _shared(self, day: date, talks: list[Talk]) -> bool:
        able = [[p for p in self.therapists() if any(self.can_hold(p, m, t[0], t[1]) for m in Mode)] for t in talks]
        return any(
            all((places := self.places(p, day)) is None or choice.count(p) <= places for p in choice)
            for choice in product(*able)
        )

    def _own(self, dose: int, check_in: int, sessions) -> Iterator[int | None]:  # type: ignore[no-untyped-def]
        if not self.serves(dose):
            yield None
            return
        yield from (s for s in sessions(self.plan.minutes) if self.in_window(check_in, s, None))

    def _follows(self, dose: int, check_in: int, session: int | None, later: int) -> bool:
        if later < check_in + self.visit_leaves(for_visit=True):
            return False
        if session is not None and not self.in_window(check_in, session, later):
            return False
        if self.rolls:
            start = later - self.plan.minutes - self.before_visit()
            if start < check_in + self.visit_leaves(for_visit=False):
                return False
            return self.session_possible(start, self.plan.minutes, on_grid=False)
        return True

    def _ends_well(  # type: ignore[no-untyped-def]
        self, check_in: int, session: int | None, sessions, before: frozenset[Talk]
    ) -> bool:
        count, phase = self.consolidation_needed(), self.protocol.consolidation
        talks = before | (frozenset() if session is None else {(session, self.plan.minutes, True)})
        if count == 0 or phase is None:
            return self.together(talks)
        ready = 0 if session is None else session + self.plan.minutes + self.before_session()
        fitting = [s for s in sessions(phase.minutes) if s >= ready and self.consolidates(phase, s, check_in)]
        return any(
            self.apart(choice, phase) and self.together(talks | {(s, phase.minutes, True) for s in choice})
            for choice in combinations(fitting, count)
        )

    def _preparations(self, check_in: int, sessions) -> Iterator[frozenset[Talk]]:  # type: ignore[no-untyped-def]
        """Every choice of preparation, as far as choices differ: by what lies on the day of the check-in."""
        count, phase = self.preparation_needed(check_in), self.protocol.preparation
        if count == 0 or phase is None:
            yield frozenset()
            return
        fitting = [s for s in sessions(phase.minutes) if self.prepares(phase, s, check_in)]
        seen: set[frozenset[Talk]] = set()
        for choice in combinations(fitting, count):
            talks = frozenset((s, phase.minutes, True) for s in choice)
            if (
                self.apart(choice, phase)
                and self.together(talks)
                and (same := self._still(talks, check_in)) not in seen
            ):
                seen.add(same)
                yield same

    # -- checking --------------------------------------------------------------------------------------------------

    def faults(self, placements: Iterable[Placement]) -> list[str]:
        """Everything wrong with a proposed course; empty when it is legal."""
        course = list(placements)
        infusions = [p for p in course if p.kind is AppointmentKind.INFUSION]
        found = [*self._overlaps(course), *self._days_above(course)]
        for placement in course:
            found += self.placement_faults(placement)
        found += self._dose_faults(infusions)
        found += self._integration_faults(infusions, [p for p in course if p.kind is AppointmentKind.INTEGRATION])
        if infusions:
            found += self._around_faults(infusions, course)
        return found

    def _overlaps(self, course: list[Placement]) -> Iterator[str]:
        for one, other in combinations(course, 2):
            for thing, a, b in one.holds:
                for same, c, d in other.holds:
                    if thing == same and a < d and c < b:
                        yield f"{one.kind} {one.number} and {other.kind} {other.number} both hold {thing}"

    def _days_above(self, course: list[Placement]) -> Iterator[str]:
        talks = [p for p in course if p.kind is not AppointmentKind.INFUSION]
        for person in self.therapists():
            days = [self.day(p.start) for p in talks if p.therapist_id == person.id]
            for day in set(days):
                places = self.places(person, day)
                if places is not None and days.count(day) > places:
                    yield f"{days.count(day)} sessions with {person.id} on {day}, {places} left"

    def placement_faults(self, placement: Placement) -> Iterator[str]:
        name = f"{placement.kind} {placement.number}"
        infusion = placement.kind is AppointmentKind.INFUSION
        minutes = placement.end - placement.start
        rolling = placement.kind is AppointmentKind.INTEGRATION and self.rolls
        broken = (
            self.visit_breaks(placement.start)
            if infusion
            else self.session_breaks(placement.start, minutes, on_grid=not rolling)
        )
        yield from (f"{name} breaks {rule}" for rule in broken - self.without)
        if infusion and minutes != self.visit.discharge_min:
            yield f"{name} lasts {minutes}"
        if sorted(placement.holds) not in self._possible_holds(placement):
            yield f"{name} holds {placement.holds}"

    def _possible_holds(self, placement: Placement) -> list[list[tuple[int, int, int]]]:
        """What a placement with these people and things must hold, for each lane or prescriber it may have."""
        at, end, patient = placement.start, placement.end, self.patient
        sure = [(patient.holdable_id, at, end + patient.turnover)]
        if placement.kind is not AppointmentKind.INFUSION:
            (person,) = [t for t in self.therapists() if t.id == placement.therapist_id]
            if not self.can_hold(person, placement.mode, at, end - at):
                return []
            sure.append((person.holdable_id, at, end + person.turnover))
            if placement.mode is Mode.IN_PERSON:
                (room,) = [r for r in self.clinic.rooms if r.id == placement.room_id]
                if not self.free(room.busy, at, end + room.turnover):
                    return []
                sure.append((room.holdable_id, at, end + room.turnover))
            return [sorted(sure)]
        return [sorted(sure + choice) for choice in self._visit_holds(placement)]

    def _visit_holds(self, placement: Placement) -> list[list[tuple[int, int, int]]]:
        at = placement.start
        choices: list[list[tuple[int, int, int]]] = [[]]

        def there(people: Iterable[PersonSheet], what: str) -> list[PersonSheet]:
            return [p for p in people if self.works(p, self.needs(what), at)]

        nurses = there([n for n in self.clinic.nurses if n.id == placement.nurse_id], "nurse")
        for what, things in (
            ("chair", [c for c in self.clinic.chairs if c.id == placement.chair_id]),
            ("room", [r for r in self.clinic.rooms if r.id == placement.room_id]),
            ("nurse", [lane for nurse in nurses for lane in nurse.lanes]),
            ("therapist", there([t for t in self.therapists() if t.id == placement.therapist_id], "therapist")),
            ("prescriber", there(self.clinic.prescribers, "prescriber")),
        ):
            spans = self.needs(what)
            if spans:
                held = [
                    [(t.holdable_id, a, b) for a, b in self.held(spans, t.turnover, at)]
                    for t in things
                    if self.thing_free(t, spans, at)
                ]
                choices = [choice + more for choice in choices for more in held]
        return choices

    def _dose_faults(self, infusions: list[Placement]) -> Iterator[str]:
        if [p.number for p in infusions] != list(range(1, len(self.firm) + 1)):
            yield f"doses {[p.number for p in infusions]}"
        for placement in infusions:
            if not self.wished(placement.number, placement.start):
                yield f"dose {placement.number} is not where it was asked for"
        for one, other in pairwise(infusions):
            if not self.gap_fits(other.number, one.start, other.start):
                yield f"gap before dose {other.number}"
            if other.start < one.start + self.visit_leaves(for_visit=True):
                yield f"dose {other.number} too soon"

    def _integration_faults(self, infusions: list[Placement], sessions: list[Placement]) -> Iterator[str]:
        starts = {p.number: p.start for p in infusions}
        served = [p.serves for p in sessions]
        due = [n for n in starts if self.serves(n) or (self.rolls and n < len(self.firm))]
        if sorted(n for n in served if n) != due or len(served) != len(due):
            yield f"sessions serve {served}, due {due}"
            return
        for session in sessions:
            assert session.serves is not None
            check_in, later = starts[session.serves], starts.get(session.serves + 1)
            if session.end - session.start != self.plan.minutes:
                yield f"session {session.serves} has another length"
            if self.rolls:
                if later is None or session.end + self.before_visit() != later:
                    yield f"session {session.serves} is not just before the next visit"
            elif not self.in_window(check_in, session.start, later):
                yield f"session {session.serves} is outside its window"

    def _around_faults(self, infusions: list[Placement], course: list[Placement]) -> Iterator[str]:
        preparation = [p.start for p in course if p.kind is AppointmentKind.PREPARATION]
        consolidation = [p.start for p in course if p.kind is AppointmentKind.CONSOLIDATION]
        before, after = self.protocol.preparation, self.protocol.consolidation
        if before is not None:
            if len(preparation) < self.preparation_needed(infusions[0].start) or not self.apart(preparation, before):
                yield f"preparation {preparation}"
            if not all(self.prepares(before, start, infusions[0].start) for start in preparation):
                yield "preparation at the wrong time"
        if after is not None:
            if len(consolidation) < self.consolidation_needed() or not self.apart(consolidation, after):
                yield f"consolidation {consolidation}"
            if not all(self.consolidates(after, start, infusions[-1].start) for start in consolidation):
                yield "consolidation at the wrong time"
