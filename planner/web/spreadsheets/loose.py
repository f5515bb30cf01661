"""An appointment of no course, as it was brought along from another book: its page, and what became of it."""

from __future__ import annotations

from typing import Any, Final

from flask import flash, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from planner.domain.access import Permission
from planner.domain.errors import NotFound, Refused, StaleVersion
from planner.domain.statuses import AppointmentStatus, may_become
from planner.services.status_changes import change_status
from planner.store.queries.appointments import AppointmentRow, appointment
from planner.web.access import SEE_OTHER, once, principal, requires
from planner.web.clock import now
from planner.web.courses.pages import may_mark, title_of, where_of
from planner.web.db import db
from planner.web.fields import UNPROCESSABLE, refuse, seen_version
from planner.web.filters import staff_span
from planner.web.reads import THE_VISIT
from planner.web.spreadsheets import blueprint

TEMPLATE = "spreadsheets/loose.html"
CONFLICT = 409
#: What may become of it, and the words of the button; only what has begun can have taken place.
MARKS: Final[dict[AppointmentStatus, str]] = {
    AppointmentStatus.FULFILLED: "Mark as done",
    AppointmentStatus.ARRIVED: "Mark as arrived",
    AppointmentStatus.NOSHOW: "Did not come",
    AppointmentStatus.CANCELLED: "Cancel",
}
_AFTER_START: Final = (AppointmentStatus.FULFILLED, AppointmentStatus.NOSHOW)


@blueprint.get("/appointments/<id:appointment_id>")
@requires(Permission.APPOINTMENTS_READ, reads=THE_VISIT)
def loose(appointment_id: int) -> str:
    """What it is, and the buttons for what became of it."""
    return render_template(TEMPLATE, **_page(_found(db(), appointment_id)))


@blueprint.post("/appointments/<id:appointment_id>/mark")
@requires(Permission.INFUSIONS_STATUS, Permission.INTEGRATION_STATUS, reads=THE_VISIT)
@once
def mark(appointment_id: int) -> Response:
    """It took place, was cancelled, or nobody came."""
    row = _found(db(), appointment_id)
    wanted = next((status for status in _marks(row) if status.value == request.form.get("status")), None)
    if wanted is None:
        raise NotFound
    try:
        change_status(db(), principal(), appointment_id=row.id, status=wanted, seen_version=seen_version(), now=now())
    except (StaleVersion, Refused) as error:
        status = CONFLICT if isinstance(error, StaleVersion) else UNPROCESSABLE
        return refuse(TEMPLATE, _page(row), status=status, faults=[(None, error.sentence)])
    flash("Saved.", "ok")
    return redirect(url_for("spreadsheets.loose", appointment_id=row.id), SEE_OTHER)


def _found(session: Session, appointment_id: int) -> AppointmentRow:
    row = appointment(session, principal(), appointment_id)
    if row.course_id is not None:
        raise NotFound
    return row


def _marks(row: AppointmentRow) -> list[AppointmentStatus]:
    if not may_mark(principal(), row):
        return []
    begun = row.starts_at <= now()
    return [status for status in MARKS if may_become(row.status, status) and (begun or status not in _AFTER_START)]


def _page(row: AppointmentRow) -> dict[str, Any]:
    facts = [
        ("Patient", f"{row.patient_code}, {row.patient_name}"),
        ("When", f"{staff_span(row.starts_at, row.ends_at, row.zone)} ({row.zone})"),
        ("Where and with whom", where_of(row) or row.site_name),
    ]
    return {
        "row": row,
        "heading": f"{title_of(row)} of {row.patient_code}",
        "shown": facts,
        "marks": [(status.value, MARKS[status]) for status in _marks(row)],
        "faults": [],
    }
