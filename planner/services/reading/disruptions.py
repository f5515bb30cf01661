"""What a closed day or an absence would do, course by course, as facts a page can show."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy.orm import Session

from planner.domain.access import Principal
from planner.scheduling.decisions import Line, LineKind, WayOut, WayOutKind
from planner.scheduling.together import CourseChange, patient_code
from planner.services.disruptions import Choices, Disruption, DisruptionPreview, preview_disruption
from planner.services.reading.previews import QUIET, PreviewFacts, SetAside, facts_of, name_of
from planner.services.rescheduling import Preview

#: How many ways out of each kind are worth reading, the best ones first.
WAYS_OF_A_KIND = 3
NO_OTHER_TIME = "Cancelled: no other time found"


@dataclass(frozen=True, slots=True)
class Choice:
    """One way out; `index` is its place among all ways out of its dose."""

    index: int
    sentence: str


@dataclass(frozen=True, slots=True)
class CourseFacts:
    """What changes in one course; `code` is its patient's. `choices` has the best ways out for each dose number."""

    course_id: int
    code: str
    facts: PreviewFacts
    choices: Mapping[int, tuple[Choice, ...]]


@dataclass(frozen=True, slots=True)
class DisruptionFacts:
    """A whole preview. `count` is how many appointments change, `unsaved` how many things a person has to decide.

    `only_moves` is true where each of them goes on at another time, or with others.
    """

    key: str
    courses: tuple[CourseFacts, ...]
    overrides: tuple[SetAside, ...]
    count: int
    only_moves: bool
    unsaved: int
    may_apply: bool


def disruption_facts(
    db: Session, principal: Principal, act: Disruption, *, now: datetime, choices: Choices
) -> DisruptionFacts:
    """Decide an act with the ways out that were chosen, and without them. Raises what `preview_disruption` raises."""
    plain = preview_disruption(db, principal, act, now=now)
    chosen = preview_disruption(db, principal, act, now=now, choices=choices) if choices else plain
    return facts_between(principal, plain, chosen, choices)


def facts_between(
    principal: Principal, plain: DisruptionPreview, chosen: DisruptionPreview, choices: Choices
) -> DisruptionFacts:
    """What a page shows of an act on many courses: as decided by itself (`plain`), and with the ways out chosen."""
    before = {change.course.id: change for change in plain.changes}
    courses = tuple(
        _course(principal, before.get(change.course.id, change), change, chosen, choices) for change in chosen.changes
    )
    lines = [line for change in chosen.changes for line in change.decision.lines]
    changed = [line for line in lines if line.gives_up or line.kind not in QUIET]
    return DisruptionFacts(
        key=chosen.key,
        courses=courses,
        overrides=_together(courses),
        count=len(changed),
        only_moves=all(line.kind is LineKind.MOVED for line in changed),
        unsaved=chosen.unsaved,
        may_apply=all(course.facts.may_apply for course in courses),
    )


def _course(
    principal: Principal, plain: CourseChange, chosen: CourseChange, whole: DisruptionPreview, choices: Choices
) -> CourseFacts:
    picked = choices.get(chosen.course.id, {})
    facts = facts_of(
        principal,
        Preview(plain.course, plain.decision, whole.key),
        Preview(chosen.course, chosen.decision, whole.key, picked),
    )
    given_up = {
        name_of(line.before.kind, line.before.number)
        for line in chosen.decision.unsaved
        if line.gives_up and line.before is not None
    }
    lines = tuple(
        replace(line, outcome=NO_OTHER_TIME) if line.tone == "bad" and line.what in given_up else line
        for line in facts.lines
    )
    return CourseFacts(
        chosen.course.id,
        patient_code(chosen.course),
        replace(facts, lines=lines),
        _choices((*plain.decision.unsaved, *chosen.decision.unsaved), picked),
    )


def _choices(unsaved: Iterable[Line], picked: Mapping[int, int]) -> dict[int, tuple[Choice, ...]]:
    found: dict[int, tuple[Choice, ...]] = {}
    for line in unsaved:
        number = line.ways_out[0].session.serves if line.ways_out else None
        if number is not None and number not in found:
            found[number] = _best(line.ways_out, picked.get(number))
    return found


def _best(ways_out: Iterable[WayOut], picked: int | None) -> tuple[Choice, ...]:
    """A few of each kind, no sentence twice, and the one that was picked."""
    kinds: Counter[WayOutKind] = Counter()
    told: set[str] = set()
    found = []
    for index, way in enumerate(ways_out):
        is_new = way.sentence not in told and kinds[way.kind] < WAYS_OF_A_KIND
        if is_new or index == picked:
            told.add(way.sentence)
            kinds[way.kind] += 1
            found.append(Choice(index, way.sentence))
    return tuple(found)


def _together(courses: Iterable[CourseFacts]) -> tuple[SetAside, ...]:
    """Every rule once, with its sentences from all courses, each with its patient's code."""
    found: dict[str, SetAside] = {}
    for course in courses:
        for aside in course.facts.overrides:
            told = tuple(f"{course.code}: {sentence}" for sentence in aside.sentences)
            known = found.get(aside.rule)
            found[aside.rule] = replace(aside, sentences=(*(known.sentences if known else ()), *told))
    return tuple(found.values())
