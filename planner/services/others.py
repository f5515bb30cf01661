"""The appointments of others near a time, named as far as the person who asks may see them."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from sqlalchemy.orm import Session

from planner.domain.access import Principal
from planner.domain.statuses import AppointmentKind
from planner.scheduling.sheets import CourseSheet
from planner.store.guards import LONGEST_SECONDS
from planner.store.queries.appointments import AppointmentRow, appointment_rows
from planner.store.queries.scopes import visible_appointments
from planner.store.records import Appointment
from planner.store.sheets.others import load_others

HIDDEN = "an appointment that you may not see"


def with_others(db: Session, principal: Principal, course: CourseSheet, start: int, now: datetime) -> CourseSheet:
    """The course's sheet with who else holds whom from UTC minute `start` on, as long as anything may be held."""
    span = (start, start + LONGEST_SECONDS // 60)
    others = load_others(db, span, now, without_course_id=course.id)
    ids = {other.appointment_id for other in others if other.appointment_id is not None}
    rows = appointment_rows(db, visible_appointments(principal), Appointment.id.in_(sorted(ids)))
    words = {row.id: _words(row) for row in rows}
    named = (replace(other, words=words.get(other.appointment_id or 0, HIDDEN)) for other in others)
    return replace(course, others=tuple(named))


def _words(row: AppointmentRow) -> str:
    """“infusion 3 of P-104”, “a preparation session of P-104”."""
    if row.kind in (AppointmentKind.INFUSION, AppointmentKind.INTEGRATION):
        what = "infusion" if row.kind is AppointmentKind.INFUSION else "integration session"
        return f"{what} {row.number} of {row.patient_code}"
    return f"a {row.kind.value} session of {row.patient_code}"
