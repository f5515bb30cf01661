"""What a closed day or an absence would do, course by course, as facts a page can show."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy.orm import Session

from planner.domain.access import Principal
from planner.domain.statuses import AppointmentKind
from planner.services.disruptions import (
    Choices,
    CourseChange,
    Disruption,
    DisruptionPreview,
    patient_code,
    preview_disruption,
)
from planner.services.reading.previews import PreviewFacts, SetAside, facts_of, name_of
from planner.services.rescheduling import Preview

LEFT_AS_IT_IS = "Stays booked: no other time found"


@dataclass(frozen=True, slots=True)
class CourseFacts:
    """What changes in one course; `code` is its patient's."""

    course_id: int
    code: str
    facts: PreviewFacts


@dataclass(frozen=True, slots=True)
class DisruptionFacts:
    """A whole preview. `count` is how many appointments change, `lost` how many stay where they cannot be held."""

    key: str
    courses: tuple[CourseFacts, ...]
    overrides: tuple[SetAside, ...]
    count: int
    lost: int
    may_apply: bool


def disruption_facts(
    db: Session, principal: Principal, act: Disruption, *, now: datetime, choices: Choices
) -> DisruptionFacts:
    """Decide an act with the ways out that were chosen, and without them. Raises what `preview_disruption` raises."""
    plain = preview_disruption(db, principal, act, now=now)
    chosen = preview_disruption(db, principal, act, now=now, choices=choices) if choices else plain
    before = {change.course.id: change for change in plain.changes}
    courses = tuple(
        _course(principal, before.get(change.course.id, change), change, chosen, choices) for change in chosen.changes
    )
    return DisruptionFacts(
        key=chosen.key,
        courses=courses,
        overrides=_together(courses),
        count=sum(course.facts.count for course in courses),
        lost=sum(_lost(change) for change in chosen.changes),
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
    left = {name_of(AppointmentKind.INFUSION, number) for number in _left_doses(chosen)}
    lines = tuple(
        replace(line, outcome=LEFT_AS_IT_IS) if line.tone == "bad" and line.what in left else line
        for line in facts.lines
    )
    return CourseFacts(chosen.course.id, patient_code(chosen.course), replace(facts, lines=lines))


def _left_doses(change: CourseChange) -> set[int]:
    befores = (line.before for line in change.decision.unsaved)
    return {before.number for before in befores if before and before.kind is AppointmentKind.INFUSION}


def _lost(change: CourseChange) -> int:
    return len(change.decision.unsaved)


def _together(courses: Iterable[CourseFacts]) -> tuple[SetAside, ...]:
    """Every rule once, with its sentences from all courses, each with its patient's code."""
    found: dict[str, SetAside] = {}
    for course in courses:
        for aside in course.facts.overrides:
            told = tuple(f"{course.code}: {sentence}" for sentence in aside.sentences)
            known = found.get(aside.rule)
            found[aside.rule] = replace(aside, sentences=(*(known.sentences if known else ()), *told))
    return tuple(found.values())
