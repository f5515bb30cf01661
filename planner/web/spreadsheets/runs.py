"""Bringing a file in: sent, read in the background, looked at, written or given up."""

from __future__ import annotations

from typing import Any

from flask import after_this_request, current_app, flash, redirect, render_template, request, url_for
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.wrappers import Response

from planner.domain.access import Permission
from planner.domain.errors import FieldError, StaleVersion
from planner.services.spreadsheets import runs
from planner.services.spreadsheets.cells import csv_bytes
from planner.services.spreadsheets.progress import Imports
from planner.services.spreadsheets.reading import MOST_BYTES
from planner.web.access import SEE_OTHER, is_fragment_request, once, principal, repeatable, requires
from planner.web.clock import now
from planner.web.db import db, own_reading
from planner.web.errors import error_page
from planner.web.fields import put_beside, refuse, seen_version
from planner.web.security import takes_files
from planner.web.spreadsheets import blueprint
from planner.web.spreadsheets.forms import AgainForm
from planner.web.spreadsheets.pages import RunPage, run_page
from planner.web.spreadsheets.views import KIND_PAGE, kind_page, known, upload_form
from planner.web.taking_out import file_to_keep

FIRST_ERROR = 400
#: What surrounds a file in a form.
AROUND = 20_000
TOO_LARGE = f"This file is larger than {MOST_BYTES // 1_000_000} MB. Split it, and bring the parts one by one."
RUN_PAGE = "spreadsheets/run.html"
RUN_PART = "spreadsheets/_run.html"


def imports() -> Imports:
    """Whoever works on imports."""
    found: Imports = current_app.extensions["planner_imports"]
    return found


@blueprint.post("/admin/spreadsheets/<kind>")
@requires(Permission.SPREADSHEETS)
@takes_files(MOST_BYTES + AROUND)
@once
def upload(kind: str) -> Response:
    """Keep the file, and have it read."""
    found = known(kind)
    form = upload_form(kind)
    if form.validate():
        choices = {entry.name: entry.data for entry in (form.encoding, *form.for_all) if entry.data}
        try:
            run_id = runs.take_in(db(), principal(), kind=kind, content=_sent(), choices=choices, now=now())
        except FieldError as error:
            put_beside(form, error)
        else:
            return _start(run_id)
    return refuse(KIND_PAGE, kind_page(found, form))


def _sent() -> bytes:
    file = request.files.get("file")
    if file is None or not file.filename:
        raise FieldError("file", "Choose a file.")
    return file.read(MOST_BYTES + 1)


def _start(run_id: int) -> Response:
    """Have the run worked on as soon as this request's transaction is over."""

    @after_this_request
    def start(response: Any) -> Any:
        if response.status_code < FIRST_ERROR:
            imports().start(run_id)
        return response

    return redirect(url_for("spreadsheets.run", run_id=run_id), SEE_OTHER)


@blueprint.get("/admin/spreadsheets/runs/<id:run_id>")
@requires(Permission.SPREADSHEETS)
def run(run_id: int) -> str:
    """How far it is, or what was found."""
    return render_template(RUN_PART if is_fragment_request() else RUN_PAGE, **_page(run_id))


@blueprint.get("/admin/spreadsheets/runs/<id:run_id>/lines.csv")
@requires(Permission.SPREADSHEETS)
def faults(run_id: int) -> Response:
    """Every bad line with its column and reason, as a file."""
    found = runs.faults_of(db(), principal(), run_id)
    rows = [(str(line), column, reason) for line, column, reason in found]
    return file_to_keep(csv_bytes(("line", "column", "reason"), rows), "lines.csv")


@blueprint.post("/admin/spreadsheets/runs/<id:run_id>/write")
@requires(Permission.SPREADSHEETS)
@once
def write(run_id: int) -> Response:
    """Have it written."""
    return _go_on(run_id, lambda: runs.ask_to_write(
        db(), principal(), run_id, seen_version=seen_version(), now=now()
    ))  # fmt: skip


@blueprint.post("/admin/spreadsheets/runs/<id:run_id>/again")
@requires(Permission.SPREADSHEETS)
@once
def again(run_id: int) -> Response:
    """Have it read once more, in another way."""
    form = AgainForm()
    choices = {name: value for name in ("order", "encoding") if (value := form[name].data) is not None}
    return _go_on(run_id, lambda: runs.read_again(
        db(), principal(), run_id, choices=choices, seen_version=seen_version(), now=now()
    ))  # fmt: skip


@blueprint.post("/admin/spreadsheets/runs/<id:run_id>/stop")
@requires(Permission.SPREADSHEETS)
@repeatable("a file that is given up twice is given up")
def stop(run_id: int) -> Response:
    """Give the file up. Asked beside the database first: whoever is writing holds the database on SQLite."""
    with own_reading() as reading:
        runs.own_run(reading, principal(), run_id)
    imports().progress.ask_to_stop(run_id)
    stopped = runs.stop(db(), principal(), run_id, now=now())
    imports().progress.clear(run_id)
    flash("Stopped. Nothing was written." if stopped else "It was too late to stop.", "ok" if stopped else "warn")
    return redirect(url_for("spreadsheets.run", run_id=run_id), SEE_OTHER)


def _go_on(run_id: int, act: Any) -> Response:
    try:
        act()
    except FieldError as error:
        return refuse(RUN_PAGE, _page(run_id), faults=[(None, error.sentence)])
    except StaleVersion as error:
        return refuse(RUN_PAGE, _page(run_id), status=409, faults=[(None, error.sentence)])
    return _start(run_id)


def _page(run_id: int) -> dict[str, Any]:
    found = runs.own_run(db(), principal(), run_id)
    bad = runs.faults_of(db(), principal(), run_id) if found.problem_count else ()
    page: RunPage = run_page(found, bad, imports().progress, now())
    form = AgainForm(data={"encoding": found.choices.get("encoding", ""), "order": found.choices.get("order")})
    return {"shown": page, "again": form, "refresh_seconds": 2}


@blueprint.errorhandler(RequestEntityTooLarge)
def too_large(_: RequestEntityTooLarge) -> Response:
    """Larger than a file may be."""
    return error_page(413, TOO_LARGE)
