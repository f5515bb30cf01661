"""Cancelling an appointment, or saying that the patient did not come: why, and what becomes of a lost infusion."""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, render_template, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from planner.domain.errors import Refused
from planner.domain.statuses import MOVABLE, AppointmentKind, AppointmentStatus
from planner.services.rescheduling import Lose
from planner.store.queries.appointments import AppointmentRow
from planner.web.access import SEE_OTHER
from planner.web.clock import now
from planner.web.courses.acting import Asked, apply_asked, now_words, show_preview
from planner.web.courses.forms import LoseForm
from planner.web.courses.pages import address_of, title_of
from planner.web.fields import refuse

TEMPLATE = "courses/lose.html"


def show_loss(row: AppointmentRow) -> Response | str:
    """The page that asks what happened and what becomes of it; back to the appointment when it is settled already."""
    if row.status not in MOVABLE:
        flash("This appointment cannot be cancelled any more.", "warning")
        return redirect(address_of(row), SEE_OTHER)
    return render_template(TEMPLATE, **_page(row, _form(row)))


def preview_loss(row: AppointmentRow, session: Session) -> Response | str:
    """What would follow, or the page again with what is in the way."""
    form = _form(row)
    if not _is_sound(row, form):
        return refuse(TEMPLATE, _page(row, form))
    try:
        return show_preview(session, _asked(row, form))
    except Refused as refused:
        return _refused(row, form, refused)


def apply_loss(row: AppointmentRow) -> Response:
    """Do what was previewed."""
    form = _form(row)
    if not _is_sound(row, form):
        return refuse(TEMPLATE, _page(row, form))
    try:
        return apply_asked(_asked(row, form))
    except Refused as refused:
        return _refused(row, form, refused)


def _form(row: AppointmentRow) -> LoseForm:
    form = LoseForm()
    if not form.outcome.data and row.starts_at > now():
        form.outcome.data = AppointmentStatus.CANCELLED.value
    if row.kind is not AppointmentKind.INFUSION:
        del form.follow
    return form


def _is_sound(row: AppointmentRow, form: LoseForm) -> bool:
    """The form's own checks, and that nobody stays away from what has not begun."""
    sound = form.validate()
    if sound and form.outcome.data == AppointmentStatus.NOSHOW.value and row.starts_at > now():
        form.outcome.errors = ["This appointment has not begun yet. Cancel it instead."]
        return False
    return bool(sound)


def _asked(row: AppointmentRow, form: LoseForm) -> Asked:
    status = AppointmentStatus(form.outcome.data)
    follow: Any = form.follow.data if "follow" in form else "slide"
    cancels = status is AppointmentStatus.CANCELLED
    name = _lower(title_of(row))
    return Asked(
        act=Lose(row.id, status, follow, form.reason.data or ""),
        row=row,
        heading=f"Cancel {name} for {row.patient_code}" if cancels else f"{row.patient_code} did not come to {name}",
        verb="Cancel and change" if cancels else "Mark and change",
        preview_url=address_of(row, "cancel"),
        apply_url=address_of(row, "apply_cancel"),
        back_url=address_of(row, "cancel"),
        fields=(("outcome", status.value), ("follow", follow), ("reason", form.reason.data or "")),
    )


def _refused(row: AppointmentRow, form: LoseForm, refused: Refused) -> Response:
    sentences = [conflict.sentence for conflict in refused.conflicts]
    return refuse(TEMPLATE, _page(row, form), faults=[(None, sentence) for sentence in dict.fromkeys(sentences)])


def _page(row: AppointmentRow, form: LoseForm) -> dict[str, Any]:
    return {
        "row": row,
        "form": form,
        "heading": f"Cancel {_lower(title_of(row))} for {row.patient_code}",
        "now_words": now_words(row),
        "action": address_of(row, "cancel"),
        "back_url": address_of(row),
        "course_url": url_for("courses.course", course_id=row.course_id),
        "faults": [],
    }


def _lower(name: str) -> str:
    return name[0].lower() + name[1:]
