"""What an act on many courses does to each: decided one after the other, with the scarce times settled for all first.

Courses that lose a dose come first. Then the displaced sessions of all others find cover together; each course is
decided with what was settled, and what the ones before it take or give back is gone or there for the next.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from planner.domain.errors import Refused
from planner.scheduling.covering import Displaced, reserved, settle_covers
from planner.scheduling.decisions import Decision
from planner.scheduling.following import Choices
from planner.scheduling.moves import decide_displaced
from planner.scheduling.placements import Placement
from planner.scheduling.sheets import CourseSheet
from planner.scheduling.withdrawals import Uses, given_and_taken, resupplied


@dataclass(frozen=True, slots=True)
class CourseChange:
    """What an act does to one course."""

    course: CourseSheet
    decision: Decision


def decide_together(
    parts: Sequence[Displaced], kind: str, choices: Mapping[int, Choices] | None = None
) -> tuple[CourseChange, ...]:
    """A decision for each course that has displaced appointments, in the order in which they are to be applied.

    `choices` are chosen ways out by course id and dose number. Raises Refused for what is pinned, with the patient's
    code in front.
    """
    chosen = choices or {}
    done: list[CourseChange] = []
    freed, taken = Uses(), Uses()

    def decide(part: Displaced, covers: Mapping[int, Placement]) -> None:
        """Decide one course after those before it, and note what it gives and takes."""
        nonlocal freed, taken
        done.append(_decided(part, kind, chosen, covers))
        given, wanted = given_and_taken(done[-1].decision)
        freed, taken = freed + given, taken + wanted

    for part in (part for part in parts if part.ids and not part.doses_stay):
        decide(_supplied(part, freed, taken), {})
    rest = [part for part in parts if part.ids and part.doses_stay]
    covers = settle_covers([_supplied(part, freed, taken) for part in rest])
    for at, part in enumerate(rest):
        later_freed, later_taken = reserved(covers, rest[at + 1 :])
        decide(_supplied(part, freed + later_freed, taken + later_taken), covers)
    return tuple(done)


def patient_code(course: CourseSheet) -> str:
    """What staff screens call the patient of a course."""
    return course.names.get(course.request.patient.holdable_id, f"Course {course.id}")


def _supplied(part: Displaced, freed: Uses, taken: Uses) -> Displaced:
    """A part whose supply has these given back and those taken."""
    return replace(part, course=replace(part.course, clinic=resupplied(part.course.clinic, freed, taken)))


def _decided(
    part: Displaced, kind: str, choices: Mapping[int, Choices], covers: Mapping[int, Placement]
) -> CourseChange:
    """The decision about one course; a refusal says whose course it is about."""
    course = part.course
    try:
        decision = decide_displaced(course, part.ids, kind, choices.get(course.id), covers)
    except Refused as refused:
        code = patient_code(course)
        raise Refused([replace(c, sentence=f"{code}: {c.sentence}") for c in refused.conflicts]) from refused
    return CourseChange(course, decision)
