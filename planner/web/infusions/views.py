"""One infusion: its page, and moving, cancelling, recording it, and finding a session for it."""

from __future__ import annotations

from flask import flash, redirect, render_template, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from planner.domain.access import Permission
from planner.domain.errors import NotFound, Refused, StaleVersion
from planner.domain.statuses import AppointmentKind, AppointmentStatus
from planner.services.rebooking import Rebook
from planner.services.status_changes import arrive as mark_arrived
from planner.store.queries.appointments import AppointmentRow, appointment
from planner.web.access import SEE_OTHER, once, principal, repeatable, requires
from planner.web.clock import now
from planner.web.courses.acting import Asked, apply_asked, show_preview
from planner.web.courses.dosing import apply_dose, preview_dose, show_dose
from planner.web.courses.losing import apply_loss, preview_loss, show_loss
from planner.web.courses.moving import apply_move as do_move
from planner.web.courses.moving import preview_move as ask_move
from planner.web.courses.moving import show_move
from planner.web.courses.pages import address_of
from planner.web.db import db, own_reading
from planner.web.fields import refuse, seen_version
from planner.web.infusions import blueprint
from planner.web.infusions.pages import infusion_page
from planner.web.reads import THE_INFUSION

PREVIEWS = "it only shows what would change"
CONFLICT = 409


def found(session: Session, appointment_id: int, permission: Permission) -> AppointmentRow:
    """The infusion, if this person holds `permission` on it. Raises NotFound."""
    row = appointment(session, principal(), appointment_id, permission)
    if row.kind is not AppointmentKind.INFUSION or row.course_id is None:
        raise NotFound
    return row


@blueprint.get("/infusions/<id:appointment_id>")
@requires(Permission.APPOINTMENTS_READ, reads=THE_INFUSION)
def infusion(appointment_id: int) -> str:
    """One infusion with its window."""
    row = found(db(), appointment_id, Permission.APPOINTMENTS_READ)
    return render_template("infusions/infusion.html", page=infusion_page(db(), principal(), row, now()), faults=[])


@blueprint.get("/infusions/<id:appointment_id>/move")
@requires(Permission.INFUSIONS_CHANGE, reads=THE_INFUSION)
def move(appointment_id: int) -> Response | str:
    """Choose another time."""
    return show_move(found(db(), appointment_id, Permission.INFUSIONS_CHANGE))


@blueprint.post("/infusions/<id:appointment_id>/move")
@requires(Permission.INFUSIONS_CHANGE, reads=THE_INFUSION)
@repeatable(PREVIEWS)
def preview_move(appointment_id: int) -> Response | str:
    """What the other time would change."""
    with own_reading() as reading:
        return ask_move(found(reading, appointment_id, Permission.INFUSIONS_CHANGE), reading)


@blueprint.post("/infusions/<id:appointment_id>/move/apply")
@requires(Permission.INFUSIONS_CHANGE, reads=THE_INFUSION)
@once
def apply_move(appointment_id: int) -> Response:
    """Move it as previewed."""
    return do_move(found(db(), appointment_id, Permission.INFUSIONS_CHANGE))


@blueprint.get("/infusions/<id:appointment_id>/cancel")
@requires(Permission.INFUSIONS_CHANGE, reads=THE_INFUSION)
def cancel(appointment_id: int) -> Response | str:
    """Say what happened and what becomes of it."""
    return show_loss(found(db(), appointment_id, Permission.INFUSIONS_CHANGE))


@blueprint.post("/infusions/<id:appointment_id>/cancel")
@requires(Permission.INFUSIONS_CHANGE, reads=THE_INFUSION)
@repeatable(PREVIEWS)
def preview_cancel(appointment_id: int) -> Response | str:
    """What would follow."""
    with own_reading() as reading:
        return preview_loss(found(reading, appointment_id, Permission.INFUSIONS_CHANGE), reading)


@blueprint.post("/infusions/<id:appointment_id>/cancel/apply")
@requires(Permission.INFUSIONS_CHANGE, reads=THE_INFUSION)
@once
def apply_cancel(appointment_id: int) -> Response:
    """Cancel it as previewed."""
    return apply_loss(found(db(), appointment_id, Permission.INFUSIONS_CHANGE))


@blueprint.get("/infusions/<id:appointment_id>/dose")
@requires(Permission.INFUSIONS_STATUS, reads=THE_INFUSION)
def dose(appointment_id: int) -> str:
    """Record when the dose began and ended."""
    return show_dose(found(db(), appointment_id, Permission.INFUSIONS_STATUS), db())


@blueprint.post("/infusions/<id:appointment_id>/dose")
@requires(Permission.INFUSIONS_STATUS, reads=THE_INFUSION)
@repeatable(PREVIEWS)
def preview_record(appointment_id: int) -> Response | str:
    """What the real end changes."""
    with own_reading() as reading:
        return preview_dose(found(reading, appointment_id, Permission.INFUSIONS_STATUS), reading)


@blueprint.post("/infusions/<id:appointment_id>/dose/apply")
@requires(Permission.INFUSIONS_STATUS, reads=THE_INFUSION)
@once
def apply_record(appointment_id: int) -> Response:
    """Record it as previewed."""
    return apply_dose(found(db(), appointment_id, Permission.INFUSIONS_STATUS))


@blueprint.post("/infusions/<id:appointment_id>/arrive")
@requires(Permission.INFUSIONS_STATUS, reads=THE_INFUSION)
@once
def arrive(appointment_id: int) -> Response:
    """The patient is here."""
    row = found(db(), appointment_id, Permission.INFUSIONS_STATUS)
    try:
        mark_arrived(db(), principal(), row.id, seen_version=seen_version(), now=now())
    except (StaleVersion, Refused) as error:
        status = CONFLICT if isinstance(error, StaleVersion) else 422
        page = infusion_page(db(), principal(), row, now())
        return refuse("infusions/infusion.html", status=status, page=page, faults=[(None, error.sentence)])
    flash(f"{row.patient_code} has arrived.", "ok")
    return redirect(url_for("infusions.infusion", appointment_id=row.id), SEE_OTHER)


# A session for an infusion that has none


@blueprint.get("/infusions/<id:appointment_id>/session")
@requires(Permission.INFUSIONS_CHANGE, reads=THE_INFUSION)
def rebook(appointment_id: int) -> Response | str:
    """Sessions that can be had for this infusion, or the ways out."""
    return _rebooking(db(), appointment_id)


@blueprint.post("/infusions/<id:appointment_id>/session")
@requires(Permission.INFUSIONS_CHANGE, reads=THE_INFUSION)
@repeatable(PREVIEWS)
def preview_rebook(appointment_id: int) -> Response | str:
    """What the chosen way out would change."""
    with own_reading() as reading:
        return _rebooking(reading, appointment_id)


@blueprint.post("/infusions/<id:appointment_id>/session/apply")
@requires(Permission.INFUSIONS_CHANGE, reads=THE_INFUSION)
@once
def apply_rebook(appointment_id: int) -> Response:
    """Book it as previewed."""
    row = found(db(), appointment_id, Permission.INFUSIONS_CHANGE)
    try:
        return apply_asked(_asked_rebooking(row))
    except Refused as refused:
        return _refused(db(), row, refused)


def _rebooking(session: Session, appointment_id: int) -> Response | str:
    row = found(session, appointment_id, Permission.INFUSIONS_CHANGE)
    try:
        return show_preview(session, _asked_rebooking(row))
    except Refused as refused:
        return _refused(session, row, refused)


def _refused(session: Session, row: AppointmentRow, refused: Refused) -> Response:
    page = infusion_page(session, principal(), row, now())
    faults = [(None, sentence) for sentence in dict.fromkeys(conflict.sentence for conflict in refused.conflicts)]
    return refuse("infusions/infusion.html", page=page, faults=faults)


def _asked_rebooking(row: AppointmentRow) -> Asked:
    if row.status in (AppointmentStatus.CANCELLED, AppointmentStatus.NOSHOW, AppointmentStatus.PROPOSED):
        raise NotFound
    return Asked(
        act=Rebook(row.id),
        row=row,
        heading=f"Find a session for infusion {row.number} of {row.patient_code}",
        verb="Book",
        preview_url=url_for("infusions.rebook", appointment_id=row.id),
        apply_url=url_for("infusions.apply_rebook", appointment_id=row.id),
        back_url=address_of(row),
    )
