"""Bringing an instance in: sent, looked through, decided. And beginning a plan for everybody who waits."""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response
from wtforms import FileField

from planner.domain.access import Permission, may
from planner.domain.errors import FieldError, StaleVersion
from planner.services.instances import runs
from planner.services.instances.bringing import may_bring_in
from planner.services.instances.fields import Fault, InstanceInvalid
from planner.services.instances.keeping import kept_of
from planner.services.instances.parsing import MOST_BYTES
from planner.services.instances.planning import begin_plans, waiting
from planner.services.instances.taking import written_sites
from planner.web.access import SEE_OTHER, once, principal, requires
from planner.web.clock import now
from planner.web.db import db
from planner.web.fields import PlannerForm, put_beside, refuse, seen_version
from planner.web.instances import blueprint

INDEX = "instances/index.html"
LOOK = "instances/look.html"
CONFLICT = 409


class UploadForm(PlannerForm):
    """One file."""

    file = FileField("File")


@blueprint.get("/admin/instances")
@requires(Permission.CLINIC_WRITE, Permission.SPREADSHEETS)
def index() -> str:
    """What can be brought in and taken out, and who waits for a plan."""
    return render_template(INDEX, **_page(UploadForm()))


@blueprint.post("/admin/instances")
@requires(Permission.CLINIC_WRITE)
@once
def send() -> Response:
    """Look through a file; nothing is written of it until somebody says so."""
    form = UploadForm()
    faults: tuple[Fault, ...] = ()
    count = 0
    try:
        run = runs.take_in(db(), principal(), _sent(), now())
    except InstanceInvalid as invalid:
        faults, count = invalid.faults, invalid.count
        form.file.errors = ["This file cannot be brought in. What is wrong is listed below."]
    except FieldError as error:
        put_beside(form, error)
    else:
        return redirect(url_for("instances.look", run_id=run.id), SEE_OTHER)
    return refuse(INDEX, _page(form), faults=faults, fault_count=count)


def _sent() -> bytes:
    file = request.files.get("file")
    if file is None or not file.filename:
        raise FieldError("file", "Choose a file.")
    return file.read(MOST_BYTES + 1)


@blueprint.get("/admin/instances/<id:run_id>")
@requires(Permission.CLINIC_WRITE)
def look(run_id: int) -> str:
    """What the file would make."""
    return render_template(LOOK, run=runs.looked_at(db(), principal(), run_id))


@blueprint.post("/admin/instances/<id:run_id>/bring-in")
@requires(Permission.CLINIC_WRITE)
@once
def bring_in(run_id: int) -> Response:
    """Make the clinic."""
    try:
        runs.bring_in_run(db(), principal(), run_id, seen_version=seen_version(), now=now())
    except StaleVersion as stale:
        return refuse(INDEX, _page(UploadForm()), CONFLICT, page_faults=[(None, stale.sentence)])
    except FieldError as error:
        return refuse(INDEX, _page(UploadForm()), page_faults=[(None, error.sentence)])
    flash("The clinic is made. Coordinators find its sites, rosters and patients now.", "ok")
    return redirect(url_for("instances.index"), SEE_OTHER)


@blueprint.post("/admin/instances/<id:run_id>/give-up")
@requires(Permission.CLINIC_WRITE)
@once
def give_up(run_id: int) -> Response:
    """Throw the file away."""
    try:
        runs.give_up(db(), principal(), run_id, seen_version=seen_version(), now=now())
    except StaleVersion as stale:
        return refuse(INDEX, _page(UploadForm()), CONFLICT, page_faults=[(None, stale.sentence)])
    flash("The file is thrown away. Nothing was written.", "ok")
    return redirect(url_for("instances.index"), SEE_OTHER)


@blueprint.post("/admin/instances/plans")
@requires(Permission.COURSES_PLAN, reads="it begins plans and leads to them")
@once
def begin() -> Response:
    """Begin a plan for everybody who waits, answered as the file asks."""
    count = begin_plans(db(), principal(), now())
    flash(f"{count} plans are begun. Finish them one after another." if count != 1 else "One plan is begun.", "ok")
    return redirect(url_for("planning.begin"), SEE_OTHER)


def _page(form: UploadForm) -> dict[str, Any]:
    held = principal()
    brings = may(held, Permission.CLINIC_WRITE)
    takes = may(held, Permission.SPREADSHEETS)
    kept = kept_of(db()) if takes else None
    return {
        "form": form,
        "brings": brings,
        "may_bring": brings and may_bring_in(db()),
        "takes": takes,
        "kept": kept,
        "is_whole": kept is not None and kept.names["site"].keys() <= held.site_ids,
        "sites": written_sites(db(), held) if takes else {},
        "waiting": len(waiting(db(), held, kept)) if kept is not None and may(held, Permission.COURSES_PLAN) else 0,
        "faults": (),
        "fault_count": 0,
        "page_faults": (),
    }
