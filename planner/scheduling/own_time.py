"""The course's own appointments in the way of each other: what stands where while the rest is still being placed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from planner.domain.statuses import AppointmentKind
from planner.scheduling.breaks import Breaks
from planner.scheduling.course_state import CourseView, State
from planner.scheduling.decisions import Line
from planner.scheduling.sheets import BookedSheet


@dataclass(frozen=True, slots=True)
class Standing:
    """One appointment of the course as it will be, in axis minutes; `visit` for a dose, else a session."""

    start: int
    end: int
    visit: bool

    def clashes(self, start: int, minutes: int, breaks: Breaks) -> bool:
        """Whether a session of `minutes` at `start` would come too close."""
        if self.visit:
            free, needed = self.start + breaks.visit_to_session, breaks.session_to_visit
        else:
            free, needed = self.end + breaks.session_to_session, breaks.session_to_session
        return start < free and self.start < start + minutes + needed


def standing(view: CourseView, booked: BookedSheet) -> Standing:
    """An appointment where it is."""
    return Standing(booked.start - view.origin, booked.end - view.origin, booked.kind is AppointmentKind.INFUSION)


def standing_after(view: CourseView, state: State, lines: Iterable[Line]) -> list[Standing]:
    """The doses and integration sessions once these lines are carried out."""
    lines = list(lines)
    stay = view.search.protocol.visit.discharge_min
    touched = {line.before.id for line in lines if line.before is not None and (line.status or line.after)}
    found = [Standing(dose.start, dose.start + stay, True) for dose in state.doses]
    found += [standing(view, s) for s in view.sessions(AppointmentKind.INTEGRATION) if s.id not in touched]
    for line in lines:
        if line.after is not None and line.after.kind is AppointmentKind.INTEGRATION:
            found.append(Standing(line.after.start - view.origin, line.after.end - view.origin, False))
    return found
