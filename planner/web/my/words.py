"""Dates in the words patients read, ready for the templates."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from flask import url_for

from planner.domain.access import Permission, may
from planner.domain.statuses import AppointmentKind
from planner.services.portal import may_cancel, may_change, place_of, title_of
from planner.services.talk_days import BEST, NONE, TREATMENT, TalkDays, TalkSpan
from planner.store.queries.appointments import AppointmentRow
from planner.web.access import principal
from planner.web.filters import DAYS, patient_time, to_zone

SHORT = 3


@dataclass(frozen=True, slots=True)
class DateCard:
    """One of the patient's dates. `url` leads to its page, `change_url` to other times, if it can have any."""

    what: str
    title: str
    starts_at: datetime
    ends_at: datetime
    zone: str
    place: str
    detail: str
    url: str | None
    change_url: str | None
    cancel_url: str | None
    is_treatment: bool
    version: int


@dataclass(frozen=True, slots=True)
class DayLine:
    """One line of “Your days to talk”."""

    tone: str
    day: str
    words: str


@dataclass(frozen=True, slots=True)
class Task:
    """Something to see to before a day."""

    words: str
    done: bool
    hint: str = ""


def card(row: AppointmentRow, now: datetime, *, with_page: bool = True) -> DateCard:
    """A date as the pages show it."""
    title = title_of(row.kind)
    changeable = may_change(row, now) and may(principal(), Permission.OWN_DATES_CHANGE)
    return DateCard(
        what=title[0].lower() + title[1:],
        title=title,
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        zone=row.zone,
        place=place_of(row),
        detail="by video" if place_of(row).endswith("by video") else "",
        url=url_for("my.one_date", appointment_id=row.id) if with_page else None,
        change_url=url_for("my.change", appointment_id=row.id) if changeable else None,
        cancel_url=url_for("my.cancel", appointment_id=row.id) if changeable else None,
        is_treatment=row.kind is AppointmentKind.INFUSION,
        version=row.version,
    )


def can_cancel(row: AppointmentRow, now: datetime) -> bool:
    """Whether the cancel page has a button."""
    return may_cancel(row, now)


def day_lines(days: TalkDays) -> list[DayLine]:
    """“Tue 24: Treatment, 10:00am”, “Wed 25: Best day. Your session is at 2:00pm”, and so on."""
    zone = days.treatment.zone
    return [DayLine(span.tone, _short_day(span.starts_at, zone), _span_words(span, zone)) for span in days.spans]


def _span_words(span: TalkSpan, zone: str) -> str:
    if span.tone == TREATMENT:
        return f"Treatment, {patient_time(span.starts_at, zone)}"
    if span.tone == NONE:
        return f"Your session is at {patient_time(span.starts_at, zone)}"
    name = "Best day" if span.tone == BEST else "Still good" if span.late else "Good"
    begins, ends = patient_time(span.starts_at, zone), patient_time(span.ends_at, zone)
    when = {
        (True, True): "",
        (True, False): f" until {ends}",
        (False, True): f" from {begins}",
        (False, False): f" from {begins} to {ends}",
    }[span.from_opening, span.to_closing]
    session = f". Your session is at {patient_time(span.session.starts_at, zone)}" if span.session else ""
    return name + when + session


def _short_day(instant: datetime, zone: str) -> str:
    wall = to_zone(instant, zone)
    return f"{DAYS[wall.weekday()][:SHORT]} {wall.day}"


def weekday(instant: datetime, zone: str) -> str:
    """“Tuesday”, on the clock of the place."""
    return DAYS[to_zone(instant, zone).weekday()]


def tasks(escort: str) -> list[Task]:
    """What a treatment needs beforehand, as far as the planner knows."""
    if escort:
        return [Task(f"Someone to take you home: {escort}", True)]
    return [Task("Someone to take you home", False, "Tell us who it is: call us, or say so when you come.")]
