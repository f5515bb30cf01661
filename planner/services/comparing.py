"""Comparing plans by weekday pattern; and, where there is none, the rules in the way and what would help."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from itertools import groupby

from sqlalchemy.orm import Session

from planner.domain.access import Principal
from planner.domain.errors import FieldError
from planner.domain.intervals import instant_of
from planner.domain.statuses import AppointmentKind
from planner.domain.walltime import local_day, to_wall
from planner.scheduling.localdays import LocalDays
from planner.scheduling.placements import CourseProposal
from planner.scheduling.proposals import course_exists
from planner.services.plan_answers import EVERY_DAY, EVERY_MODE, Answers
from planner.services.plan_loading import LoadedPlan, load_plan, sentences_of
from planner.services.planning import propose
from planner.services.proposal_text import proposal_to_json

SHORT_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
LATER = timedelta(days=14)


@dataclass(frozen=True, slots=True)
class ComparedPlan:
    """One whole-course proposal as a line of the comparison; `key` stands for its exact dates."""

    key: str
    days: str
    first_day: date
    last_day: date
    check_ins: str
    gaps: str
    infusions: int
    sessions: int
    preferred: int
    with_primary: int
    remarks: tuple[str, ...]
    chosen: bool = False
    by_hand: bool = False


@dataclass(frozen=True, slots=True)
class WayOut:
    """A wish that, if given up, lets a course appear; `key` is what `widened` takes."""

    key: str
    words: str
    button: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """What the planner found; without rows, `reasons` name every rule in the way and `together` says all must go.

    `taken` tells what of the plan chosen earlier somebody else has by now.
    """

    rows: tuple[ComparedPlan, ...]
    reasons: tuple[str, ...] = ()
    together: bool = False
    ways_out: tuple[WayOut, ...] = ()
    taken: tuple[str, ...] = ()


def compare_plans(
    db: Session, principal: Principal, answers: Answers, now: datetime, hold_id: int | None = None
) -> Comparison:
    """Fresh proposals for a draft's answers, best first, the one chosen earlier among them while it is still free."""
    try:
        loaded = load_plan(db, principal, answers, now, hold_id)
    except FieldError as error:
        return Comparison((), (error.sentence,), ways_out=(_WITHOUT_LATEST,))
    found = propose(loaded.plan)
    chosen, taken = answers.proposal, loaded.taken(answers.proposal) if answers.proposal else ()
    rows = [_row(loaded, proposal) for proposal in found.proposals]
    if chosen is not None and not taken:
        key = key_of(chosen)
        if all(row.key != key for row in rows):
            rows.insert(0, replace(_row(loaded, chosen), by_hand=True))
        rows = [replace(row, chosen=row.key == key) for row in rows]
    told = tuple(f"{loaded.name_of(p)}, {loaded.say(p.start)}" for p in taken)
    if rows:
        return Comparison(tuple(rows), taken=told)
    return Comparison(
        (),
        sentences_of(found.refused),
        found.together,
        tuple(way for way in _ways_out(answers, loaded.protocol.integration.minutes > 0) if _helps(
            db, principal, answers, way, now, hold_id
        )),
        told,
    )  # fmt: skip


def chosen_plan(
    db: Session, principal: Principal, answers: Answers, key: str, now: datetime, hold_id: int | None = None
) -> CourseProposal | None:
    """The proposal that `key` stands for, if it is still proposed (or is the chosen one and still free)."""
    try:
        loaded = load_plan(db, principal, answers, now, hold_id)
    except FieldError:
        return None
    kept = answers.proposal
    if kept is not None and key_of(kept) == key and not loaded.taken(kept):
        return kept
    return next((p for p in propose(loaded.plan).proposals if key_of(p) == key), None)


def widened(answers: Answers, key: str) -> Answers:
    """The answers with one wish given up. Raises FieldError (`way`) for a key that is none."""
    change = _WIDENINGS.get(key)
    if change is None:
        raise FieldError("way", "Choose one of the ways out that are offered.")
    return change(answers)


def key_of(proposal: CourseProposal) -> str:
    """A short digest of everything a proposal would book."""
    text = json.dumps(proposal_to_json(proposal)["placements"], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:20]


def pattern_of(loaded: LoadedPlan, proposal: CourseProposal) -> str:
    """The weekdays a plan keeps to, also when it keeps to them without a pattern that was asked for."""
    doses = proposal.of_kind(AppointmentKind.INFUSION)
    lie_on = {local_day(instant_of(dose.start), loaded.zone).weekday() for dose in doses}
    return days_words(proposal.pattern or (lie_on if len(lie_on) == 1 else ()))


def days_words(pattern: Iterable[int]) -> str:
    """“Mon and Thu”, or “No fixed days”."""
    words = [SHORT_DAYS[day] for day in sorted(pattern)]
    if not words:
        return "No fixed days"
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


# -- one line of the comparison ----------------------------------------------------------------------------------------


def _row(loaded: LoadedPlan, proposal: CourseProposal) -> ComparedPlan:
    doses = proposal.of_kind(AppointmentKind.INFUSION)
    coverage = proposal.coverage
    return ComparedPlan(
        key=key_of(proposal),
        days=pattern_of(loaded, proposal),
        first_day=local_day(instant_of(doses[0].start), loaded.zone),
        last_day=local_day(instant_of(doses[-1].start), loaded.zone),
        check_ins=_check_ins(loaded, [dose.start for dose in doses]),
        gaps=", ".join(map(str, proposal.gaps)) or "–",
        infusions=len(doses),
        sessions=coverage.with_session,
        preferred=coverage.in_peak,
        with_primary=coverage.with_primary,
        remarks=remarks_of(loaded, proposal),
    )


def _check_ins(loaded: LoadedPlan, starts: list[int]) -> str:
    times = sorted({f"{to_wall(instant_of(start), loaded.zone):%H:%M}" for start in starts})
    return times[0] if len(times) == 1 else f"{times[0]} to {times[-1]}"


def remarks_of(loaded: LoadedPlan, proposal: CourseProposal) -> tuple[str, ...]:
    """What a person should know before booking, each in one sentence."""
    lost = [
        (reason, number)
        for number, window in loaded.windows(proposal).items()
        if (reason := loaded.preferred_time_lost(window)) is not None and _has_session(proposal, number)
    ]
    found = []
    for reason, group in groupby(sorted(lost), key=lambda pair: pair[0]):
        numbers = [number for _, number in group]
        several = "infusions" if len(numbers) > 1 else "infusion"
        found.append(f"After {several} {counted(numbers)} the whole preferred time {reason}.")
    return (*found, *_sums(loaded, proposal))


def _sums(loaded: LoadedPlan, proposal: CourseProposal) -> tuple[str, ...]:
    """Gaps, length and days off the pattern, told from the dates as they are now."""
    days = LocalDays(loaded.zone, loaded.plan.clinic.first_day, loaded.plan.clinic.last_day)
    doses = proposal.of_kind(AppointmentKind.INFUSION)
    spacings = [spacing for _, spacing in loaded.protocol.firm_doses]
    found = []
    long: dict[int, list[int]] = {}
    for number, gap in enumerate(proposal.gaps, 2):
        spacing = spacings[number - 1]
        if gap >= spacing.warn_days > spacing.target_days:
            long.setdefault(gap, []).append(number)
    for gap, numbers in long.items():
        several = "infusions" if len(numbers) > 1 else "infusion"
        found.append(f"A gap of {gap} days before {several} {counted(numbers)}.")
    rule = loaded.protocol.span
    if proposal.span_days > rule.review_days:
        found.append(f"The series takes {proposal.span_days} days: above {rule.review_days} a prescriber reviews it.")
    elif proposal.span_days > rule.target_days:
        found.append(f"The series takes {proposal.span_days} days, more than the {rule.target_days} aimed at.")
    off = [
        dose.number
        for dose in doses
        if proposal.pattern and days.weekday(days.index(dose.start)) not in proposal.pattern
    ]
    if off:
        several = "Infusions" if len(off) > 1 else "Infusion"
        lie = "lie" if len(off) > 1 else "lies"
        found.append(f"{several} {counted(off)} {lie} on another day than {days_words(proposal.pattern)}.")
    return tuple(found)


def _has_session(proposal: CourseProposal, number: int) -> bool:
    return any(p.serves == number for p in proposal.placements)


def counted(numbers: list[int]) -> str:
    """“2”, “2 and 4”, “2, 4 and 6”."""
    words = [str(number) for number in numbers]
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


# -- ways out ----------------------------------------------------------------------------------------------------------

_WITHOUT_LATEST = WayOut("any-first-day", "Leave the latest day for the first infusion open.", "Leave it open")

_WIDENINGS: dict[str, Callable[[Answers], Answers]] = {
    "any-weekday": lambda answers: replace(answers, weekdays=EVERY_DAY),
    "any-therapist": lambda answers: replace(answers, therapist_ids=None),
    "any-way": lambda answers: replace(answers, modes=EVERY_MODE),
    "any-first-day": lambda answers: replace(answers, latest_first_day=None),
    "later": lambda answers: replace(
        answers,
        earliest_day=answers.earliest_day + LATER if answers.earliest_day else None,
        latest_first_day=answers.latest_first_day + LATER if answers.latest_first_day else None,
    ),
}


def _ways_out(answers: Answers, with_sessions: bool) -> list[WayOut]:
    """The wishes that could be given up, the least costly first."""
    ways = []
    if answers.weekdays != EVERY_DAY:
        ways.append(WayOut("any-weekday", "Infusions on any day the clinic is open.", "Allow any weekday"))
    if answers.therapist_ids is not None and with_sessions:
        ways.append(WayOut("any-therapist", "Sessions with any therapist of this site.", "Allow any therapist"))
    if set(answers.modes) != set(EVERY_MODE) and with_sessions:
        ways.append(WayOut("any-way", "Sessions in the clinic or by video.", "Allow both"))
    if answers.latest_first_day is not None:
        ways.append(_WITHOUT_LATEST)
    ways.append(WayOut("later", "Begin two weeks later.", "Begin later"))
    return ways


def _helps(
    db: Session, principal: Principal, answers: Answers, way: WayOut, now: datetime, hold_id: int | None
) -> bool:
    try:
        loaded = load_plan(db, principal, widened(answers, way.key), now, hold_id)
    except FieldError:
        return False
    return course_exists(loaded.plan.clinic, loaded.plan.request)
