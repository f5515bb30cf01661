"""Whether a booking raises a therapist's day above the most sessions set for them, asked again where it is written.

Whoever writes has locked the people first (`planner.store.occupying`), so that of two who want the last place of a day
the second counts the first. It is no trigger: an undo, a new time zone or a lowered limit may leave a day above its
limit, and a trigger could not tell them from a booking (docs/decisions/0012).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from planner.domain.conflicts import Conflict, Rule
from planner.domain.errors import Refused
from planner.domain.intervals import instant_of, minute_of
from planner.domain.walltime import day_and_year, day_span, local_day
from planner.scheduling.placements import Placement
from planner.store.records import Person
from planner.store.sheets.day_sessions import load_sessions

Day = tuple[int, date, str]
"""(therapist id, local day, zone)."""


@dataclass(frozen=True, slots=True)
class DayPlaces:
    """The limited days on which placements have sessions, and how many there were before anything was written."""

    people: Mapping[int, Any]
    before: Mapping[Day, int]
    now: datetime

    def check(self, db: Session) -> None:
        """Raise Refused for each day on which there are more sessions than before, and more than its limit."""
        after = _counted(db, self.before, self.now)
        above = [day for day, count in after.items() if count > max(self.people[day[0]].most, self.before[day])]
        if above:
            raise Refused([_conflict(self.people[day[0]], day, self.before[day]) for day in sorted(above)])


def day_places(
    db: Session,
    placements: Iterable[Placement],
    zones: Mapping[int, str],
    now: datetime,
    *,
    without_course_id: int | None = None,
) -> DayPlaces:
    """Count the sessions on the days of these placements (`zones` by site id), once the people are locked.

    What `without_course_id` has booked does not count. Promises that hold at `now` do. Two queries at most.
    """
    wanted = {
        (one[0], local_day(instant_of(one[1]), zones[placement.site_id]), zones[placement.site_id])
        for placement in placements
        if (one := placement.session) is not None
    }
    query = select(Person.id, Person.name, Person.holdable_id, Person.most_sessions_a_day.label("most"))
    ids = {therapist_id for therapist_id, _, _ in wanted}
    rows = db.execute(query.where(Person.id.in_(ids), Person.most_sessions_a_day.is_not(None))) if ids else ()
    people = {row.id: row for row in rows}
    days = [day for day in wanted if day[0] in people]
    return DayPlaces(people, _counted(db, days, now, without_course_id), now)


def _counted(db: Session, days: Iterable[Day], now: datetime, without_course_id: int | None = None) -> dict[Day, int]:
    wanted = {day: _span(day) for day in days}
    if not wanted:
        return {}
    span = min(first for first, _ in wanted.values()), max(end for _, end in wanted.values())
    sessions = load_sessions(db, {day[0] for day in wanted}, span, now, without_course_id=without_course_id)
    found = Counter(
        day for day, (first, end) in wanted.items() for start in sessions.get(day[0], ()) if first <= start < end
    )
    return {day: found[day] for day in wanted}


def _span(day: Day) -> tuple[int, int]:
    first, end = day_span(day[1], day[2])
    return minute_of(first), minute_of(end)


def _conflict(person: Any, day: Day, held: int) -> Conflict:
    sessions = "1 session" if held == 1 else f"{held} sessions"
    first, end = day_span(day[1], day[2])
    sentence = (
        f"{person.name} has {sessions} on {day_and_year(day[1])} already; {person.most} is the most set for them."
    )
    return Conflict(Rule.DAY_FULL, sentence, first, end, person.holdable_id)
