"""Chairs and rooms: one of them, a new one, its name, and whether it can be used. Both kinds go the same ways."""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, render_template, url_for
from werkzeug.wrappers import Response

from planner.domain.access import Permission, may
from planner.domain.errors import FieldError, NotPermitted, StaleVersion
from planner.services import chairs_and_rooms as service
from planner.store.queries import places as find
from planner.store.queries.appointments import AppointmentRow
from planner.web.access import SEE_OTHER, once, principal, requires
from planner.web.clock import now
from planner.web.courses.pages import address_of, title_of
from planner.web.db import db
from planner.web.fields import put_beside, refuse, seen_version
from planner.web.newer import CONFLICT, newer_values
from planner.web.places import blueprint
from planner.web.places.forms import PlaceForm
from planner.web.places.pages import MOST_SHOWN, BookedLine

NEW, SHOW, EDIT = "places/new_thing.html", "places/thing.html", "places/edit_thing.html"
KINDS = {"chairs": "chair", "rooms": "room"}
ONE = "/admin/<any(chairs, rooms):kind>/<id:thing_id>"
FRESH = "/admin/sites/<id:site_id>/<any(chairs, rooms):kind>/new"


@blueprint.get(FRESH)
@requires(Permission.CLINIC_WRITE)
def new_thing(site_id: int, kind: str) -> str:
    """Add a chair or room."""
    return render_template(NEW, form=PlaceForm(), kind=kind, word=KINDS[kind], site=find.site_record(db(), site_id))


@blueprint.post(FRESH)
@requires(Permission.CLINIC_WRITE)
@once
def add_thing(site_id: int, kind: str) -> Response:
    """Keep the new one."""
    form, found = PlaceForm(), find.site_record(db(), site_id)
    try:
        if form.validate():
            made = service.add_place(
                db(), principal(), service.KINDS[kind], site_id, form.name.data or "",
                turnover_minutes=form.turnover.data or 0, now=now(),
            )  # fmt: skip
            flash(f"{made.name} is added.", "ok")
            return redirect(url_for("places.site", site_id=site_id), SEE_OTHER)
    except FieldError as error:
        _put(form, error)
    return refuse(NEW, form=form, kind=kind, word=KINDS[kind], site=found)


@blueprint.get(ONE)
@requires(Permission.CLINIC_READ)
def thing(kind: str, thing_id: int) -> str:
    """One chair or room, and what is booked there."""
    return render_template(SHOW, **_shown(kind, thing_id))


@blueprint.post(ONE + "/switch")
@requires(Permission.PLACES_SWITCH)
@once
def switch(kind: str, thing_id: int) -> Response:
    """Take it out of use, or put it back."""
    found = find.thing(db(), kind, thing_id, now())
    try:
        service.switch_place(
            db(), principal(), service.KINDS[kind], thing_id,
            in_use=not found.active, seen_version=seen_version(), now=now(),
        )  # fmt: skip
    except StaleVersion as error:
        return refuse(SHOW, _shown(kind, thing_id), status=CONFLICT, faults=[(None, error.sentence)])
    except NotPermitted as error:
        return refuse(SHOW, _shown(kind, thing_id), status=403, faults=[(None, error.sentence)])
    flash(f"{found.name} is {'out of use' if found.active else 'in use again'}.", "ok")
    return redirect(url_for("places.thing", kind=kind, thing_id=thing_id), SEE_OTHER)


@blueprint.get(ONE + "/edit")
@requires(Permission.CLINIC_WRITE)
def edit_thing(kind: str, thing_id: int) -> str:
    """Change its name or turnover."""
    found = find.thing(db(), kind, thing_id, now())
    return render_template(EDIT, **_page(PlaceForm(data=_boxes(found)), kind, found, found.version))


@blueprint.post(ONE + "/edit")
@requires(Permission.CLINIC_WRITE)
@once
def keep_thing(kind: str, thing_id: int) -> Response:
    """Keep its name and turnover."""
    form, found = PlaceForm(), find.thing(db(), kind, thing_id, now())
    if not form.validate():
        return refuse(EDIT, _page(form, kind, found, seen_version()))
    try:
        service.change_place(
            db(), principal(), service.KINDS[kind], thing_id, name=form.name.data or "",
            turnover_minutes=form.turnover.data or 0, seen_version=seen_version(), now=now(),
        )  # fmt: skip
    except StaleVersion:
        boxes = _boxes(found) if kind == "rooms" else {"name": found.name}
        newer = newer_values(form, boxes)
        return refuse(EDIT, _page(form, kind, found, found.version, newer), status=CONFLICT)
    except FieldError as error:
        _put(form, error)
        return refuse(EDIT, _page(form, kind, found, seen_version()))
    flash("Saved.", "ok")
    return redirect(url_for("places.thing", kind=kind, thing_id=thing_id), SEE_OTHER)


def _shown(kind: str, thing_id: int) -> dict[str, Any]:
    found = find.thing(db(), kind, thing_id, now())
    rows = find.booked_on(db(), principal(), kind, thing_id, now(), MOST_SHOWN)
    return {
        "kind": kind,
        "word": KINDS[kind],
        "thing": found,
        "site": find.site_record(db(), found.site_id),
        "booked": [_line(row) for row in rows],
        "may_write": may(principal(), Permission.CLINIC_WRITE),
        "may_switch": service.may_switch(principal(), found.site_id),
        "faults": [],
    }


def _line(row: AppointmentRow) -> BookedLine:
    return BookedLine(f"{title_of(row)}, {row.patient_code}", row.starts_at, row.ends_at, address_of(row))


def _boxes(found: find.Thing) -> dict[str, Any]:
    return {"name": found.name, "turnover": found.turnover_minutes}


def _put(form: PlaceForm, error: FieldError) -> None:
    put_beside(form, FieldError(error.field.removesuffix("_minutes"), error.sentence))


def _page(
    form: PlaceForm, kind: str, found: find.Thing, version: int, newer: list[tuple[str, str]] | None = None
) -> dict[str, Any]:
    return {"form": form, "kind": kind, "word": KINDS[kind], "thing": found, "version": version, "newer": newer,
            "site": find.site_record(db(), found.site_id)}  # fmt: skip
