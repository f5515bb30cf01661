"""Recording when a dose really began and ended: the window is counted from then."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from flask import render_template, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from planner.domain.errors import FieldError, Refused
from planner.domain.walltime import AmbiguousWallTime, to_wall
from planner.services.dose_times import check_dose_start
from planner.services.reading.windows import policy_of
from planner.services.rescheduling import EndDose
from planner.store.queries.appointments import AppointmentRow
from planner.store.queries.courses import course
from planner.web.access import principal
from planner.web.clock import now
from planner.web.courses.acting import Asked, apply_asked, now_words, show_preview
from planner.web.courses.forms import DoseForm
from planner.web.courses.pages import address_of, title_of
from planner.web.db import db
from planner.web.fields import instant_of, refuse

TEMPLATE = "infusions/dose.html"
#: The form's boxes for what the service calls the start and the end of a dose.
BOXES = {"dose_start": "start_time", "dose_end": "end_time"}


def show_dose(row: AppointmentRow, session: Session) -> str:
    """The page with what is recorded, else what was planned."""
    form = DoseForm()
    planned = policy_of(session, _version_id(session, row)).protocol.visit
    began = row.dose_started_at or row.starts_at + timedelta(minutes=planned.dose_starts_min)
    ended = row.dose_ended_at or row.starts_at + timedelta(minutes=planned.dose_ends_min)
    for name, instant in (("start", began), ("end", ended)):
        wall = to_wall(instant, row.zone)
        form[f"{name}_day"].data, form[f"{name}_time"].data = wall.date(), wall.time()
    return render_template(TEMPLATE, **_page(row, form))


def preview_dose(row: AppointmentRow, session: Session) -> Response | str:
    """What the real end of the dose changes, or the page again with what is in the way."""
    form = DoseForm()
    try:
        asked = _asked(session, row, form)
        return _again(row, form) if asked is None else show_preview(session, asked)
    except (FieldError, Refused) as error:
        return _refused(row, form, error)


def apply_dose(row: AppointmentRow) -> Response:
    """Record it, with everything that follows."""
    form = DoseForm()
    try:
        asked = _asked(db(), row, form)
        return _again(row, form) if asked is None else apply_asked(asked)
    except (FieldError, Refused) as error:
        return _refused(row, form, error)


def _version_id(session: Session, row: AppointmentRow) -> int:
    return course(session, principal(), row.course_id or 0, now()).protocol_version_id


def _asked(session: Session, row: AppointmentRow, form: DoseForm) -> Asked | None:
    if not form.validate():
        return None
    began, ended = (_instant(row, form, name) for name in ("start", "end"))
    check_dose_start(session, row, began, now())
    name = title_of(row)
    fields = tuple((field.name, field.raw_data[0]) for field in form if field.raw_data)
    return Asked(
        act=EndDose(row.id, began, ended),
        row=row,
        heading=f"Record {name[0].lower()}{name[1:]} for {row.patient_code}",
        verb="Record and change",
        preview_url=address_of(row, "dose"),
        apply_url=address_of(row, "apply_record"),
        back_url=address_of(row, "dose"),
        fields=fields,
    )


def _instant(row: AppointmentRow, form: DoseForm, name: str) -> datetime:
    day, time, which = form[f"{name}_day"].data, form[f"{name}_time"].data, form[f"which_{name}"].data
    if day is None:
        raise FieldError(f"{name}_day", "Enter the day.")
    if time is None:
        raise FieldError(f"{name}_time", "Enter the time.")
    return instant_of(day, time, row.zone, int(which) if which else None, field=f"{name}_time")


def _again(row: AppointmentRow, form: DoseForm) -> Response:
    return refuse(TEMPLATE, _page(row, form))


def _refused(row: AppointmentRow, form: DoseForm, error: FieldError | Refused) -> Response:
    page = _page(row, form)
    if isinstance(error, FieldError):
        name = BOXES.get(error.field, error.field)
        form[name].errors = [*form[name].errors, error.sentence]
        page["twice"] = name.removesuffix("_time") if isinstance(error.__cause__, AmbiguousWallTime) else None
    else:
        page["faults"] = [(None, sentence) for sentence in dict.fromkeys(c.sentence for c in error.conflicts)]
    return refuse(TEMPLATE, page)


def _page(row: AppointmentRow, form: DoseForm) -> dict[str, Any]:
    name = title_of(row)
    asked_twice = next((n for n in ("start", "end") if form[f"which_{n}"].data), None)
    return {
        "row": row,
        "form": form,
        "heading": f"Record {name[0].lower()}{name[1:]} for {row.patient_code}",
        "now_words": now_words(row),
        "action": address_of(row, "dose"),
        "back_url": address_of(row),
        "course_url": url_for("courses.course", course_id=row.course_id),
        "twice": asked_twice,
        "faults": [],
    }
