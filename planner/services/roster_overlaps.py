"""Nobody has two shifts at once on one roster: what fits beside what is there, and who is in the way."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from planner.domain.conflicts import Conflict, Rule
from planner.domain.errors import FieldError, Refused
from planner.domain.rosters import DAY_MINUTES, RosterShift, overlapping
from planner.domain.walltime import day_and_year
from planner.store.records import Person

WORKS_THEN = "Somebody on this roster was given a shift at the same time meanwhile. Look at the week again."


def fitting(wanted: Iterable[RosterShift], there: Iterable[RosterShift], zone: str, today: date) -> list[RosterShift]:
    """Those of `wanted` from today on that lie beside nothing the same person has."""
    taken: dict[int, list[RosterShift]] = defaultdict(list)
    for shift in there:
        taken[shift.person_id].append(shift)
    found = []
    for shift in wanted:
        own = taken[shift.person_id]
        if shift.day >= today and not any(overlapping(shift, other, zone) for other in own):
            own.append(shift)
            found.append(shift)
    return found


def check_free(db: Session, shift: RosterShift, others: Iterable[RosterShift], zone: str) -> None:
    """Raise FieldError at `starts` where the same person has one of `others` at that time."""
    for other in others:
        if overlapping(shift, other, zone):
            raise FieldError("starts", f"{_has(db, other)}. Change that one instead.")


def refuse_overlaps(db: Session, shifts: Iterable[RosterShift], beside: Iterable[RosterShift], zone: str) -> None:
    """Raise Refused where a shift of a week overlaps one of the same person in the weeks beside it."""
    beside = tuple(beside)
    for shift in shifts:
        for other in beside:
            if overlapping(shift, other, zone):
                raise Refused(
                    [
                        Conflict(
                            Rule.STATUS,
                            f"{_has(db, other)}, in another week of this roster, and would have one from "
                            f"{span_words(shift)} on {day_and_year(shift.day)}. Change one of the two first.",
                        )
                    ]
                )


def _has(db: Session, shift: RosterShift) -> str:
    name = db.scalar(select(Person.name).where(Person.id == shift.person_id))
    return f"{name} has a shift from {span_words(shift)} on {day_and_year(shift.day)}"


def span_words(shift: RosterShift) -> str:
    """“09:00 to 17:00”, on the site's clock."""
    return f"{_clock(shift.starts_minute)} to {_clock(shift.ends_minute)}"


def _clock(minute: int) -> str:
    minute %= DAY_MINUTES
    return f"{minute // 60:02}:{minute % 60:02}"
