"""What the pages of one appointment share: its course, the policy it was booked under, and the windows around it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from flask import url_for
from sqlalchemy.orm import Session

from planner.domain.access import Principal
from planner.services.reading.windows import WindowReading, policy_of, windows_of
from planner.store.queries.appointments import AppointmentRow, of_course
from planner.store.queries.courses import course
from planner.store.queries.history import RuleSetAside, rules_set_aside
from planner.web.courses.pages import DateLine, date_lines, heading_of, signed_words, strip_of, title_of
from planner.web.filters import staff_day, staff_time
from planner.web.strip import StripModel

SET_ASIDE_WORDS = {
    "overlap": "Held twice",
    "off-hours": "Working hours",
    "outside-window": "Outside the window",
    "spacing": "Spacing of doses",
    "no-session": "No session",
}


@dataclass(frozen=True, slots=True)
class SetAsideLine:
    """A rule that was set aside for the appointment: which, why, by whom and when."""

    rule: str
    reason: str
    who: str
    when: str


@dataclass(frozen=True, slots=True)
class Surroundings:
    """One appointment among the others of its course; `reading` is the window of its dose, if it has one."""

    row: AppointmentRow
    heading: str
    course_heading: str
    course_url: str
    lines: dict[int, DateLine]
    reading: WindowReading | None
    strip: StripModel | None
    policy_words: str
    set_aside: tuple[SetAsideLine, ...]


def surroundings_of(
    db: Session, principal: Principal, row: AppointmentRow, *, dose_id: int | None, now: datetime
) -> Surroundings:
    """The appointment with the window of the dose `dose_id`. Five queries."""
    its_course = course(db, principal, row.course_id or 0, now)
    policy = policy_of(db, its_course.protocol_version_id)
    dates = of_course(db, principal, its_course.id)
    readings = windows_of(policy.protocol, dates)
    reading = next((reading for reading in readings if reading.dose.id == dose_id), None)
    return Surroundings(
        row=row,
        heading=f"{title_of(row)} for {row.patient_code}",
        course_heading=heading_of(principal, its_course),
        course_url=url_for("courses.course", course_id=its_course.id),
        lines=date_lines(dates, readings, now),
        reading=reading,
        strip=strip_of(reading, row.zone) if reading else None,
        policy_words=" ".join(filter(None, (policy.window_words, signed_words(policy, row.zone)))),
        set_aside=tuple(_line(rule, row.zone) for rule in rules_set_aside(db, principal, row.id)),
    )


def _line(found: RuleSetAside, zone: str) -> SetAsideLine:
    when = f"{staff_day(found.at, zone)} {staff_time(found.at, zone)}"
    return SetAsideLine(SET_ASIDE_WORDS[found.rule.value], found.reason, found.who, when)
