"""Moving an appointment: offered times first, a time of one's own beside them, and why a time is refused."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from flask import flash, redirect, render_template, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response
from wtforms.fields.choices import SelectChoice

from planner.domain.access import Permission, Role
from planner.domain.errors import FieldError, NotFound, Refused
from planner.domain.statuses import AppointmentKind
from planner.domain.walltime import AmbiguousWallTime, to_wall
from planner.services.reading.offering import nearest_to, offered, value_of
from planner.services.rescheduling import Move
from planner.store.queries import clinic, people
from planner.store.queries.appointments import AppointmentRow, appointment
from planner.web.access import SEE_OTHER, principal
from planner.web.clock import now
from planner.web.courses.acting import CONFLICT, Asked, apply_asked, now_words, show_preview
from planner.web.courses.asides import (
    as_by_the_rules,
    asked_aside,
    check_reason,
    fields_of,
    set_aside_words,
    sets_aside,
)
from planner.web.courses.forms import ANY, MoveForm, instant_in
from planner.web.courses.pages import address_of, can_move, title_of
from planner.web.db import db
from planner.web.fields import UNPROCESSABLE, instant_of, put_beside, refuse

Kinds = Callable[[AppointmentKind], bool]


def movable(session: Session, appointment_id: int, kinds: Kinds, permission: Permission) -> AppointmentRow:
    """The appointment, if it is of this page's kind and the person may change it. Raises NotFound."""
    row = appointment(session, principal(), appointment_id, permission)
    if not kinds(row.kind) or row.course_id is None:
        raise NotFound
    return row


def show_move(row: AppointmentRow) -> Response | str:
    """The page with offered times and the boxes for another; back to the appointment when none could be chosen."""
    if not can_move(row, now()):
        flash("This appointment cannot be moved any more.", "warning")
        return redirect(address_of(row), SEE_OTHER)
    form = _form(db(), row)
    start = row.starts_at
    form.day.data = to_wall(start, row.zone).date()
    form.time.data = to_wall(start, row.zone).time()
    return render_template("courses/move.html", **_page(db(), row, form))


def preview_move(row: AppointmentRow, session: Session) -> Response | str:
    """What the move would change, or the page again with every rule that refuses it."""
    form = _form(session, row)
    try:
        asked = _asked(row, form)
    except FieldError as error:
        put_beside(form, error)
        return refuse("courses/move.html", _page(session, row, form))
    if asked is None:
        return refuse("courses/move.html", _page(session, row, form))
    try:
        check_reason(asked)
    except FieldError as error:
        put_beside(form, error)
        asked = as_by_the_rules(asked)
    try:
        return show_preview(session, asked)
    except Refused as refused:
        return _refused(session, row, form, asked, refused)


def apply_move(row: AppointmentRow) -> Response:
    """Do what was previewed."""
    form = _form(db(), row)
    try:
        asked = _asked(row, form)
    except FieldError as error:
        put_beside(form, error)
        return refuse("courses/move.html", _page(db(), row, form))
    if asked is None:
        return refuse("courses/move.html", _page(db(), row, form))
    try:
        return apply_asked(asked)
    except Refused as refused:
        # What was to be set aside was shown before, so whatever refuses it now has come between.
        status = CONFLICT if sets_aside(asked) else UNPROCESSABLE
        return _refused(db(), row, form, asked, refused, status)


def _form(session: Session, row: AppointmentRow) -> MoveForm:
    form = MoveForm()
    if row.kind is AppointmentKind.INFUSION:
        chairs = clinic.chairs(session, [row.site_id])
        form.chair.choices = [SelectChoice(str(chair.id), chair.name) for chair in chairs]
        if not form.chair.data:
            form.chair.data = str(row.chair_id or "")
        del form.therapist
    else:
        therapists = people.staff(session, Role.THERAPIST, [row.site_id])
        form.therapist.choices = [
            SelectChoice(ANY, "The same, or whoever is free"),
            *(SelectChoice(str(person.id), person.name) for person in therapists),
        ]
        del form.chair
    return form


def _asked(row: AppointmentRow, form: MoveForm) -> Asked | None:
    """What the form asks for; None when its own fields are at fault. Raises FieldError."""
    if not form.validate():
        return None
    start = _start(row, form)
    wanted = {name: _id(form, name) for name in ("chair", "therapist")}
    if start == row.starts_at and not any(
        wanted[name] not in (None, getattr(row, f"{name}_id")) for name in ("chair", "therapist")
    ):
        raise FieldError("time", "It is at that time already. Choose another time.")
    name = title_of(row)
    chosen = [(name, str(value)) for name, value in wanted.items() if value is not None]
    rules, beside = asked_aside()
    return Asked(
        act=Move(row.id, start, wanted["chair"], wanted["therapist"], rules, beside),
        row=row,
        heading=f"Move {name[0].lower()}{name[1:]} for {row.patient_code}",
        verb="Move",
        preview_url=address_of(row, "move"),
        apply_url=address_of(row, "apply_move"),
        back_url=address_of(row, "move"),
        fields=(("start", value_of(start)), *chosen, *fields_of(rules, beside, with_reason=True)),
    )


def _id(form: MoveForm, name: str) -> int | None:
    chosen = form[name].data if name in form else ""
    return int(chosen) if chosen else None


def _start(row: AppointmentRow, form: MoveForm) -> datetime:
    if chosen := form.near.data or form.start.data:
        start = instant_in(chosen)
        if start is None:
            raise FieldError("start", "Choose one of the offered times.")
        return start
    if form.day.data is None:
        raise FieldError("day", "Enter the new day.")
    if form.time.data is None:
        raise FieldError("time", "Enter the new time.")
    fold = int(form.which.data) if form.which.data else None
    return instant_of(form.day.data, form.time.data, row.zone, fold)


def _refused(
    session: Session,
    row: AppointmentRow,
    form: MoveForm,
    asked: Asked,
    refused: Refused,
    status: int = UNPROCESSABLE,
) -> Response:
    """The page again: every rule by its sentence, the nearest times that can be had, and who could set it aside."""
    start = asked.act.start if isinstance(asked.act, Move) else row.starts_at
    wall = to_wall(start, row.zone)
    form.day.data, form.time.data = wall.date(), wall.time()
    form.day.raw_data = form.time.raw_data = None
    page = _page(session, row, form)
    conflicts = refused.conflicts
    page["refusal"] = {
        "starts_at": start,
        "ends_at": start + (row.ends_at - row.starts_at),
        "sentences": list(dict.fromkeys(conflict.sentence for conflict in conflicts)),
        "nearest": nearest_to(session, principal(), row.id, start, now=now()),
        **set_aside_words(session, asked),
    }
    if not form.aside_reason.errors:
        page["faults"] = [("time", sentence) for sentence in page["refusal"]["sentences"]]
    return refuse("courses/move.html", page, status)


def _page(session: Session, row: AppointmentRow, form: MoveForm) -> dict[str, Any]:
    name = title_of(row)
    return {
        "row": row,
        "form": form,
        "zone": row.zone,
        "heading": f"Move {name[0].lower()}{name[1:]} for {row.patient_code}",
        "now_words": now_words(row),
        "offered": offered(session, principal(), row.id, now=now()),
        "action": address_of(row, "move"),
        "back_url": address_of(row),
        "course_url": url_for("courses.course", course_id=row.course_id),
        "twice": _is_doubled(row, form),
        "refusal": None,
        "faults": [],
    }


def _is_doubled(row: AppointmentRow, form: MoveForm) -> bool:
    """Whether the typed wall time happens twice that day, so that the page has to ask which."""
    if form.day.data is None or form.time.data is None or form.start.data or form.near.data:
        return False
    try:
        instant_of(form.day.data, form.time.data, row.zone)
    except FieldError as error:
        return isinstance(error.__cause__, AmbiguousWallTime)
    return False
