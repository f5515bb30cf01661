"""One therapy session, whatever it is for: its page, and moving, cancelling, marking it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import flash, redirect, render_template, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from planner.domain.access import Permission
from planner.domain.errors import NotFound, Refused, StaleVersion
from planner.domain.statuses import AppointmentKind
from planner.services import status_changes
from planner.store.queries.appointments import AppointmentRow, appointment
from planner.web.access import SEE_OTHER, once, principal, repeatable, requires
from planner.web.clock import now
from planner.web.courses.losing import apply_loss, preview_loss, show_loss
from planner.web.courses.moving import apply_move as do_move
from planner.web.courses.moving import preview_move as ask_move
from planner.web.courses.moving import show_move
from planner.web.db import db, own_reading
from planner.web.fields import UNPROCESSABLE, refuse, seen_version
from planner.web.integration import blueprint
from planner.web.integration.pages import session_page
from planner.web.reads import THE_SESSION

PREVIEWS = "it only shows what would change"
CONFLICT = 409


def found(session: Session, appointment_id: int, permission: Permission) -> AppointmentRow:
    """The session, if this person holds `permission` on it. Raises NotFound."""
    row = appointment(session, principal(), appointment_id, permission)
    if row.kind is AppointmentKind.INFUSION or row.course_id is None:
        raise NotFound
    return row


@blueprint.get("/integration/<id:appointment_id>")
@requires(Permission.APPOINTMENTS_READ, reads=THE_SESSION)
def session(appointment_id: int) -> str:
    """One session with the window it uses."""
    row = found(db(), appointment_id, Permission.APPOINTMENTS_READ)
    return render_template("integration/session.html", page=session_page(db(), principal(), row, now()), faults=[])


@blueprint.get("/integration/<id:appointment_id>/move")
@requires(Permission.INTEGRATION_CHANGE, reads=THE_SESSION)
def move(appointment_id: int) -> Response | str:
    """Choose another time."""
    return show_move(found(db(), appointment_id, Permission.INTEGRATION_CHANGE))


@blueprint.post("/integration/<id:appointment_id>/move")
@requires(Permission.INTEGRATION_CHANGE, reads=THE_SESSION)
@repeatable(PREVIEWS)
def preview_move(appointment_id: int) -> Response | str:
    """What the other time would change."""
    with own_reading() as reading:
        return ask_move(found(reading, appointment_id, Permission.INTEGRATION_CHANGE), reading)


@blueprint.post("/integration/<id:appointment_id>/move/apply")
@requires(Permission.INTEGRATION_CHANGE, reads=THE_SESSION)
@once
def apply_move(appointment_id: int) -> Response:
    """Move it as previewed."""
    return do_move(found(db(), appointment_id, Permission.INTEGRATION_CHANGE))


@blueprint.get("/integration/<id:appointment_id>/cancel")
@requires(Permission.INTEGRATION_CHANGE, reads=THE_SESSION)
def cancel(appointment_id: int) -> Response | str:
    """Say what happened."""
    return show_loss(found(db(), appointment_id, Permission.INTEGRATION_CHANGE))


@blueprint.post("/integration/<id:appointment_id>/cancel")
@requires(Permission.INTEGRATION_CHANGE, reads=THE_SESSION)
@repeatable(PREVIEWS)
def preview_cancel(appointment_id: int) -> Response | str:
    """What would follow."""
    with own_reading() as reading:
        return preview_loss(found(reading, appointment_id, Permission.INTEGRATION_CHANGE), reading)


@blueprint.post("/integration/<id:appointment_id>/cancel/apply")
@requires(Permission.INTEGRATION_CHANGE, reads=THE_SESSION)
@once
def apply_cancel(appointment_id: int) -> Response:
    """Cancel it as previewed."""
    return apply_loss(found(db(), appointment_id, Permission.INTEGRATION_CHANGE))


@blueprint.post("/integration/<id:appointment_id>/arrive")
@requires(Permission.INTEGRATION_STATUS, reads=THE_SESSION)
@once
def arrive(appointment_id: int) -> Response:
    """The patient is here."""
    return _mark(appointment_id, status_changes.arrive, "has arrived")


@blueprint.post("/integration/<id:appointment_id>/fulfil")
@requires(Permission.INTEGRATION_STATUS, reads=THE_SESSION)
@once
def fulfil(appointment_id: int) -> Response:
    """The session took place."""
    return _mark(appointment_id, status_changes.fulfil, "was here; the session is marked as done")


def _mark(appointment_id: int, change: Callable[..., Any], words: str) -> Response:
    row = found(db(), appointment_id, Permission.INTEGRATION_STATUS)
    try:
        change(db(), principal(), row.id, seen_version=seen_version(), now=now())
    except (StaleVersion, Refused) as error:
        status = CONFLICT if isinstance(error, StaleVersion) else UNPROCESSABLE
        page = session_page(db(), principal(), row, now())
        return refuse("integration/session.html", status=status, page=page, faults=[(None, error.sentence)])
    flash(f"{row.patient_code} {words}.", "ok")
    return redirect(url_for("integration.session", appointment_id=row.id), SEE_OTHER)
