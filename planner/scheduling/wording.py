"""Times in the sentences of a decision: short, in the site's wall time, 24-hour clock."""

from __future__ import annotations

from datetime import date

from planner.domain.intervals import instant_of
from planner.domain.walltime import to_wall
from planner.scheduling.course_state import CourseView


def at_wall(minute: int, zone: str) -> str:
    """A UTC minute as “Tue 2 Feb 11:00” on the clocks of `zone`."""
    wall = to_wall(instant_of(minute), zone)
    return f"{on_day(wall)} {wall:%H:%M}"


def on_day(day: date) -> str:
    """“Tue 2 Feb”."""
    return f"{day:%a} {day.day} {day:%b}"


def say(view: CourseView, minute: int, what: str = "") -> str:
    """A UTC minute as “Tue 2 Feb 11:00”, after `what` if given."""
    told = at_wall(minute, view.search.days.zone)
    return f"{what} {told}" if what else told


def in_days(count: int) -> str:
    """“1 day”, “3 days”."""
    return "1 day" if count == 1 else f"{count} days"
