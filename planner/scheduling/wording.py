"""Times in the sentences of a decision: short, in the site's wall time, 24-hour clock."""

from __future__ import annotations

from planner.domain.intervals import instant_of
from planner.domain.walltime import to_wall
from planner.scheduling.course_state import CourseView


def say(view: CourseView, minute: int, what: str = "") -> str:
    """A UTC minute as “Tue 2 Feb 11:00”, after `what` if given."""
    wall = to_wall(instant_of(minute), view.search.days.zone)
    told = f"{wall:%a} {wall.day} {wall:%b} {wall:%H:%M}"
    return f"{what} {told}" if what else told


def in_days(count: int) -> str:
    """“1 day”, “3 days”."""
    return "1 day" if count == 1 else f"{count} days"
