"""A whole decision once the doses stand: their sessions, then everything before the first and after the last."""

from __future__ import annotations

from planner.domain.conflicts import Conflict
from planner.scheduling.around import follow_boosters, follow_consolidation, follow_preparation
from planner.scheduling.course_state import CourseView, State, with_dose
from planner.scheduling.decisions import Decision, WayOutKind
from planner.scheduling.following import Choices, Follower
from planner.scheduling.own_time import standing_after
from planner.scheduling.rolling import follow_rolling
from planner.scheduling.telling import dose_lines, remarks_on, too_long


def settled(view: CourseView, state: State, kind: str, choices: Choices, overrides: tuple[Conflict, ...]) -> Decision:
    """The whole decision once the doses stand: infusion lines first, then all that follows."""
    state = _with_chosen_moves(view, state, choices)
    follower = Follower(view, state, choices)
    follower.integration()
    lines = [*dose_lines(view, state), *follower.lines, *follow_rolling(view, state)]
    busy = standing_after(view, state, lines)
    found = [*overrides, *follower.overrides, *too_long(view, state)]
    for result in follow_preparation(view, state, busy):
        if isinstance(result, Conflict):
            found.append(result)
        else:
            lines.append(result)
    lines += follow_consolidation(view, state, busy)
    lines += follow_boosters(view, state)
    return Decision(kind, tuple(lines), remarks=remarks_on(view, state), overrides=tuple(found))


def _with_chosen_moves(view: CourseView, state: State, choices: Choices) -> State:
    """Apply “move the dose” choices first, since everything else follows from the doses."""
    for number, index in choices.items():
        if not 1 <= number <= len(state.doses):
            continue
        dose = state.doses[number - 1]
        follower = Follower(view, state, {})
        options = follower.ways_out_of(number, dose, view.cutoff(state.doses, number - 1))
        if 0 <= index < len(options) and options[index].kind is WayOutKind.MOVE_DOSE:
            infusion = options[index].infusion
            if infusion is not None:
                state = with_dose(state, number - 1, view.dose_at(infusion, dose.before))
    return state
