"""Whole-course proposals: one per weekday pattern, complete and bookable, best first.

A proposal holds every appointment of the course: preparation, infusions, the integration session after each, the
consolidation, and boosters as proposed days. An infusion appears only with its session (promise Z1); when any legal
course exists, at least one proposal is made.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise

from planner.domain.conflicts import Conflict, Rule
from planner.domain.protocols import Protocol, SessionPhase
from planner.domain.statuses import AppointmentKind
from planner.domain.walltime import day_and_year
from planner.domain.windows import WindowStatus
from planner.scheduling.chains import Chains, Kept, Step
from planner.scheduling.day_limits import NO_BARS, Bars, Crowd
from planner.scheduling.patterns import pattern_words, patterns
from planner.scheduling.placements import CourseProposal, Coverage, Placement, ProposedDay, Remark
from planner.scheduling.placing import place_session, place_visit
from planner.scheduling.search import CourseSearch
from planner.scheduling.sheets import ClinicSheet, CourseRequest
from planner.scheduling.slots import Slot
from planner.scheduling.wording import on_day

SENTENCES: dict[Rule, str] = {
    Rule.PAST: "Every time that would do has passed: look at later days.",
    Rule.GRID: "No start lies on the site's grid of start times.",
    Rule.CLOSED: "The site is not open long enough on the days asked for.",
    Rule.CHAIR_BUSY: "No chair is free often enough.",
    Rule.ROOM_BUSY: "No room is free often enough.",
    Rule.NURSE_BUSY: "No nurse has a free place often enough.",
    Rule.PRESCRIBER_AWAY: "No prescriber is on site often enough.",
    Rule.THERAPIST_BUSY: "No therapist is free to be there during the dose.",
    Rule.PATIENT_BUSY: "The patient has other appointments in the way.",
    Rule.PATIENT_AWAY: "The patient cannot come often enough at the times they gave.",
    Rule.SPACING: "The gaps between doses that the protocol asks for cannot be kept.",
    Rule.DAY_FULL: "The therapists have as many sessions on the days in question as are set for them at most.",
    Rule.NO_WINDOW_SLOT: "There is no therapy session in the clinic's window after every dose.",
    Rule.PREP_MISSING: "No preparation session is possible before the first dose.",
    Rule.CONSOLIDATION_MISSING: "No consolidation session is possible after the last dose.",
    Rule.REST_OF_COURSE: "No course fits the weekdays and the first day asked for.",
}


@dataclass(frozen=True, slots=True)
class ProposalSet:
    """Proposals, best first; when there are none, `refused` names the rules that stand in the way.

    Leaving out the first refused rule alone makes a course appear, unless `together` is true: then it takes all. SPAN
    stands for a roster that ends too soon, which leaving out rules cannot mend.
    """

    proposals: tuple[CourseProposal, ...]
    refused: tuple[Conflict, ...] = ()
    together: bool = False


def propose_courses(
    clinic: ClinicSheet, request: CourseRequest, *, most: int = 8, without: frozenset[Rule] = frozenset()
) -> ProposalSet:
    """Every weekday pattern's best course, at most `most`; exact: none is found only if none exists."""
    search = CourseSearch(clinic, request, without)
    found = _within_limits(search, _Splits(MOST_SPLITS))
    if not found:
        return ProposalSet((), *_why_none(search))
    proposals = list(_distinct(_build(chain) for chain in found))
    proposals.sort(key=lambda proposal: (proposal.cost, proposal.placements[0].start))
    return ProposalSet(tuple(proposals[:most]))


def course_exists(clinic: ClinicSheet, request: CourseRequest) -> bool:
    """Whether `propose_courses` would propose anything."""
    return _exists(CourseSearch(clinic, request), _Splits(MOST_SPLITS))


@dataclass(frozen=True, slots=True)
class _Chain:
    """One pattern's best chain, the search it was found by, and every session around and between its doses."""

    pattern: frozenset[int]
    steps: list[Step]
    search: CourseSearch
    sessions: tuple[Placement, ...]

    def crowds(self) -> list[Crowd]:
        """Where these sessions are more than somebody's day admits."""
        supply = self.search.supply
        begun = (one for placement in self.sessions if (one := placement.session) is not None)
        return list(supply.limits.crowds((person_id, start - supply.origin) for person_id, start in begun))


#: How often a search is split because a course would put more of its own sessions on somebody's day than are left.
#: That takes two sessions of one patient on one day, which few protocols have; behind it those days are left alone.
MOST_SPLITS = 40
EXPLAINING_SPLITS = 3


@dataclass(slots=True)
class _Splits:
    """How many splits one search may still make."""

    left: int

    def ways(self, met: list[Crowd]) -> tuple[Bars, ...]:
        """Of the first of these crowds, each part to leave out; or all of their days when there were enough splits."""
        self.left -= 1
        return met[0].parts() if self.left >= 0 else (NO_BARS.union(*(crowd.whole_day for crowd in met)),)


def _within_limits(search: CourseSearch, splits: _Splits) -> list[_Chain]:
    """Every pattern's best chain, none of which is above the limit of anybody's day.

    The sweep sees the days that are full before; a chain that fills one up by itself is looked for again with a part
    of that day left out, for each part. Whatever keeps the limit has no session in one of them.
    """
    kept = search.feasible()
    if not search.doses or not kept[0]:
        return []
    found = [_Chain(p, steps, search, _all_sessions(search, steps)) for p, steps in _chains(search, kept)]
    crowds = [(chain, chain.crowds()) for chain in found]
    met = [crowd for _, crowded in crowds for crowd in crowded]
    if not met:
        return found
    good = [chain for chain, crowded in crowds if not crowded]
    for bars in splits.ways(met):
        good += _within_limits(search.barred(bars), splits)
    best: dict[frozenset[int], _Chain] = {}
    for chain in sorted(good, key=lambda chain: _rank(chain.search, chain.steps, chain.pattern)):
        best.setdefault(chain.pattern, chain)
    return list(best.values())


def _any_chain(search: CourseSearch, kept: Kept) -> list[Step]:
    """Some chain, quickly: each dose as late as can be, so that its session has time before it."""
    day, starts = min(kept[0].items())
    found = [starts[-1]]
    for dose in range(2, search.doses + 1):
        ready, (least, most) = search.ready(dose - 1, found[-1]), search.gap_range(dose)
        later = (d for d in range(day + most, day + least - 1, -1) if d in kept[dose - 1])
        day = next(d for d in later if ready is not None and kept[dose - 1][d][-1] >= ready)
        found.append(kept[dose - 1][day][-1])
    return [Step(start, _slot_before(search, at, found)) for at, start in enumerate(found)]


def _slot_before(search: CourseSearch, at: int, starts: list[int]) -> Slot | None:
    """The best session after the dose at a place in the chain that is over before the next one."""
    if at + 1 == len(starts):
        return search.last_slot(starts[at])[1]
    if not search.with_session(at + 1) or search.slots is None or search.link is None:
        return None
    return search.slots.best(starts[at] + search.anchor, starts[at + 1] - search.link.gap)


def _exists(search: CourseSearch, splits: _Splits) -> bool:
    """Whether there is any course, found as `_within_limits` finds every pattern's best."""
    if not search.doses or not (kept := search.feasible())[0]:
        return False
    if not search.supply.limits.any:
        return True
    steps = _any_chain(search, kept)
    met = _Chain(frozenset(), steps, search, _all_sessions(search, steps)).crowds()
    return not met or any(_exists(search.barred(bars), splits) for bars in splits.ways(met))


def _chains(search: CourseSearch, kept: Kept) -> Iterator[tuple[frozenset[int], list[Step]]]:
    phase = next(phase for phase in search.protocol.dose_phases if phase.booking == "firm")
    weekdays = {search.days.weekday(day) for by_day in kept for day in by_day}
    chains, found = Chains(search, kept), False
    for pattern in patterns(weekdays, phase.per_week, phase.spacing.min_days, phase.spacing.max_days):
        if steps := chains.best(pattern):
            found = True
            yield pattern, steps
    if not found:
        steps = chains.best(None)
        if steps is None:
            raise AssertionError("a feasible course has a best chain")
        yield frozenset(), steps


def _distinct(proposals: Iterator[CourseProposal]) -> Iterator[CourseProposal]:
    seen: set[tuple[tuple[str, int], ...]] = set()
    for proposal in proposals:
        key = tuple((p.kind.value, p.start) for p in proposal.placements)
        if key not in seen:
            seen.add(key)
            yield proposal


def _build(chain: _Chain) -> CourseProposal:
    search, visits = chain.search, list[Placement]()
    chair: int | None = None
    for number, step in enumerate(chain.steps, 1):
        visit = place_visit(
            search.supply,
            search.protocol,
            step.start,
            number=number,
            phase=search.phases[number - 1],
            chair_id=chair,
        )
        chair = visit.chair_id
        visits.append(visit)
    placements = sorted((*chain.sessions, *visits), key=lambda placement: placement.start)
    return _summed_up(search, chain.steps, chain.pattern, tuple(placements))


def _all_sessions(search: CourseSearch, steps: list[Step]) -> tuple[Placement, ...]:
    """Preparation, the session of each dose, and consolidation."""
    sessions = [*_preparation(search, steps[0].start)]
    for number, step in enumerate(steps, 1):
        if search.rolling and number > 1:
            sessions.append(_rolling_session(search, step.start, number))
        if step.slot is not None and search.link is not None:
            sessions.append(
                place_session(
                    search.supply,
                    step.slot.start,
                    search.link.minutes,
                    kind=AppointmentKind.INTEGRATION,
                    phase=search.phases[number - 1],
                    number=number,
                    serves=number,
                    link=search.link,
                    anchor=step.start + search.anchor,
                )
            )
    return (*sessions, *_consolidation(search, steps[-1]))


def _preparation(search: CourseSearch, first_dose: int) -> list[Placement]:
    phase = search.protocol.preparation
    if phase is None:
        return []
    return _sessions(search, AppointmentKind.PREPARATION, phase, search.bookends.chosen_preparation(first_dose))


def _sessions(search: CourseSearch, kind: AppointmentKind, phase: SessionPhase, starts: list[int]) -> list[Placement]:
    return [
        place_session(search.supply, start, phase.minutes, kind=kind, phase=phase.key, number=number)
        for number, start in enumerate(starts, 1)
    ]


def _rolling_session(search: CourseSearch, check_in: int, number: int) -> Placement:
    return place_session(
        search.supply,
        check_in - search.lead,
        search.protocol.integration.minutes,
        kind=AppointmentKind.INTEGRATION,
        phase=search.phases[number - 1],
        number=number - 1,
        serves=number - 1,
        on_grid=False,
    )


def _consolidation(search: CourseSearch, last: Step) -> list[Placement]:
    phase, breaks = search.protocol.consolidation, search.breaks
    if phase is None:
        return []
    after = last.start + breaks.visit_to_session
    if last.slot is not None and search.link is not None:
        after = last.slot.start + search.link.minutes + breaks.session_to_session
    starts = search.bookends.chosen_consolidation(last.start, after)
    return _sessions(search, AppointmentKind.CONSOLIDATION, phase, starts)


def _summed_up(
    search: CourseSearch, steps: list[Step], pattern: frozenset[int], placements: tuple[Placement, ...]
) -> CourseProposal:
    days = [search.days.index(step.start + search.supply.origin) for step in steps]
    gaps = tuple(b - a for a, b in pairwise(days))
    span = days[-1] - days[0]
    sessions = [p for p in placements if p.kind is AppointmentKind.INTEGRATION]
    coverage = Coverage(
        doses=len(steps),
        with_session=len(sessions),
        in_peak=sum(p.window_status is WindowStatus.PEAK for p in sessions),
        in_window=sum(p.window_status is not None and p.window_status.in_window for p in sessions),
        with_primary=sum(p.with_primary for p in sessions),
    )
    ranked = _rank(search, steps, pattern)
    return CourseProposal(
        pattern=pattern,
        placements=placements,
        boosters=boosters(search.protocol, search.days.day(days[-1])),
        gaps=gaps,
        span_days=span,
        coverage=coverage,
        remarks=tuple(_remarks(search, gaps, span, pattern, days)),
        cost=ranked,
    )


def _rank(search: CourseSearch, steps: list[Step], pattern: frozenset[int]) -> tuple[int, ...]:
    """How proposals compare: preference lost, sessions not with the primary therapist, days off the pattern, check-ins
    outside the patient's hours, distance from the ideal offset, end of the course."""
    slots = [step.slot for step in steps if step.slot is not None]
    off_pattern = sum(
        bool(pattern) and search.days.weekday(search.days.index(s.start + search.supply.origin)) not in pattern
        for s in steps
    )
    return (
        sum(slot.loss for slot in slots),
        sum(slot.not_primary for slot in slots),
        off_pattern,
        sum(search.misses_wish(step.start) for step in steps),
        sum(slot.distance for slot in slots),
        steps[-1].start,
    )


def _remarks(
    search: CourseSearch, gaps: tuple[int, ...], span: int, pattern: frozenset[int], days: list[int]
) -> Iterator[Remark]:
    for number, gap in enumerate(gaps, 2):
        spacing = search.spacings[number - 1]
        if gap >= spacing.warn_days and spacing.warn_days > spacing.target_days:
            yield Remark(Rule.SPACING, f"{gap} days between dose {number - 1} and dose {number}.", number)
    rule = search.protocol.span
    if span > rule.review_days:
        yield Remark(Rule.SPAN, f"The series takes {span} days: above {rule.review_days} a prescriber reviews it.")
    elif span > rule.target_days:
        yield Remark(Rule.SPAN, f"The series takes {span} days, more than the {rule.target_days} aimed at.")
    for number, day in enumerate(days, 1):
        if pattern and search.days.weekday(day) not in pattern:
            on = on_day(search.days.day(day))
            yield Remark(Rule.CLOSED, f"Dose {number} is on {on}: no room on {pattern_words(pattern)}.", number)


def boosters(protocol: Protocol, last_day: date) -> tuple[ProposedDay, ...]:
    """The proposed booster days after the last dose's local day; nothing is held for them."""
    rule = protocol.boosters
    if rule is None:
        return ()
    return tuple(
        ProposedDay("maintenance", number, last_day + timedelta(days=rule.after_days * number))
        for number in range(1, rule.proposed + 1)
    )


def _why_none(search: CourseSearch) -> tuple[tuple[Conflict, ...], bool]:
    """The rules whose absence alone would let a course appear; else the fewest, in order, that do together."""
    alone = [rule for rule in SENTENCES if _possible(search, {rule})]
    if alone:
        return tuple(Conflict(rule, SENTENCES[rule]) for rule in alone), False
    needed = set(SENTENCES)
    if not _possible(search, needed):
        last = day_and_year(search.days.day(search.days.count - 1))
        sentence = f"The roster is known up to {last} only: too short for this course, whatever the rules."
        return (Conflict(Rule.SPAN, sentence),), True
    for rule in reversed(SENTENCES):
        if _possible(search, needed - {rule}):
            needed.remove(rule)
    return tuple(Conflict(rule, SENTENCES[rule]) for rule in SENTENCES if rule in needed), True


def _possible(search: CourseSearch, rules: set[Rule]) -> bool:
    return _exists(search.relaxed(search.without | rules), _Splits(EXPLAINING_SPLITS))
