"""What the page of one patient shows, already decided."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from planner.domain.walltime import day_span, local_day
from planner.services.admitting import WeeklySpan
from planner.store.queries.courses import CourseRow
from planner.store.queries.people import AbsenceRow, PatientRow
from planner.web.filters import short_day_words, staff_date, staff_span
from planner.web.patients.fitting import Unfitting
from planner.web.patients.forms import MODES, WEEKDAYS

MIDNIGHT = 1440


@dataclass(frozen=True, slots=True)
class PatientPage:
    """One patient: facts, when they can come, courses."""

    patient: PatientRow
    facts: tuple[tuple[str, str], ...]
    weekly: tuple[tuple[str, str], ...]
    courses: tuple[CourseRow, ...]
    may_plan: bool
    absences: tuple[tuple[int, str], ...]
    unfitting: tuple[Unfitting, ...]
    may_write: bool


def patient_page(
    patient: PatientRow,
    courses: Sequence[CourseRow],
    weekly: Sequence[WeeklySpan],
    *,
    may_plan: bool,
    absences: Sequence[AbsenceRow],
    unfitting: Sequence[Unfitting],
    may_write: bool,
) -> PatientPage:
    """Everything the page shows. `may_plan` counts only while no course is open and the patient is in care."""
    return PatientPage(
        patient=patient,
        facts=(
            ("Site", patient.site_name),
            ("Therapist", patient.therapist_name or "none yet"),
            ("Ways of meeting", ", ".join(MODES[mode.value] for mode in patient.modes)),
            ("Likes to come", span_words(patient.preferred_from, patient.preferred_to)),
            ("Taken home by", patient.escort or "not known yet"),
            ("Messages", _messages(patient)),
        ),
        weekly=tuple(
            (WEEKDAYS[day], ", ".join(span_words(s.from_minute, s.to_minute) for s in weekly if s.weekday == day))
            for day in sorted({span.weekday for span in weekly})
        ),
        courses=tuple(sorted(courses, key=lambda course: course.created_at, reverse=True)),
        may_plan=may_plan and patient.open_course_id is None and patient.active,
        absences=tuple((span.id, absence_words(span, patient.zone)) for span in absences),
        unfitting=tuple(unfitting),
        may_write=may_write,
    )


def _messages(patient: PatientRow) -> str:
    agreed_at = patient.messages_agreed_at
    return f"agreed on {staff_date(agreed_at, patient.zone)}" if agreed_at else "not agreed: none are sent"


def span_words(start: int, end: int) -> str:
    """Wall minutes from midnight as “09:00 to 12:00”, or “at any time”."""
    if start == 0 and end == MIDNIGHT:
        return "at any time"
    return f"{clock_words(start)} to {clock_words(end)}"


def clock_words(minute: int) -> str:
    """540 as “09:00”; the end of the day as “24:00”."""
    return f"{minute // 60:02d}:{minute % 60:02d}"


def absence_words(span: AbsenceRow, zone: str) -> str:
    """“Tue 24 Nov to Mon 30 Nov” for whole local days, else with the times."""
    first, last = local_day(span.starts_at, zone), local_day(span.ends_at - timedelta(seconds=1), zone)
    if (span.starts_at, span.ends_at) != (day_span(first, zone)[0], day_span(last, zone)[1]):
        return staff_span(span.starts_at, span.ends_at, zone)
    return short_day_words(first) + (f" to {short_day_words(last)}" if last != first else "")
