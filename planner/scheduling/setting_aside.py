"""What would have to be set aside for a time that is refused, all of it, or why nobody may."""

from __future__ import annotations

from planner.domain.conflicts import ASKED_ASIDE, Conflict, Rule
from planner.domain.errors import Refused
from planner.scheduling.exceptions import Allowance
from planner.scheduling.moves import decide_move
from planner.scheduling.sheets import CourseSheet


def what_to_set_aside(
    course: CourseSheet,
    appointment_id: int,
    start: int,
    *,
    chair_id: int | None = None,
    therapist_id: int | None = None,
) -> tuple[Conflict, ...]:
    """Every rule that a move to UTC minute `start` breaks and a person could set aside; none when it breaks none.

    Raises Refused with those that nobody sets aside.
    """
    # Naming nobody, this only lets the decision tell exactly who would be off hours or held twice.
    allowed = Allowance(frozenset({Rule.OVERLAP}))
    asked: list[Conflict] = []
    while True:
        try:
            decide_move(
                course,
                appointment_id,
                start,
                chair_id=chair_id,
                therapist_id=therapist_id,
                overrides=allowed.rules,
                beside=allowed.beside,
            )
        except Refused as refused:
            # What is not covered once it is set aside, such as a promise, which has no name, is set aside by nobody.
            more = [c for c in refused.conflicts if c.rule in ASKED_ASIDE and not allowed.covers(c)]
            more = [c for c in more if allowed_with(allowed, [c]).covers(c)]
            if len(more) < len(refused.conflicts):
                raise Refused([c for c in refused.conflicts if c not in more]) from refused
            asked += more
            allowed = allowed_with(allowed, more)
        else:
            return tuple(asked)


def allowed_with(allowed: Allowance, conflicts: list[Conflict]) -> Allowance:
    """The allowance with these set aside too."""
    rules = {conflict.rule for conflict in conflicts}
    others = {c.appointment_id for c in conflicts if c.rule is Rule.OVERLAP and c.appointment_id is not None}
    return Allowance(allowed.rules | rules, allowed.beside | others)
