"""What can be brought in and taken out, one page for each kind of file, and the files to take."""

from __future__ import annotations

from typing import Any

from flask import render_template, request, url_for
from werkzeug.wrappers import Response

from planner.domain.access import Permission
from planner.domain.errors import NotFound
from planner.services.spreadsheets import exporting
from planner.services.spreadsheets.calendar_file import choosers
from planner.services.spreadsheets.columns import Kind
from planner.services.spreadsheets.kinds import APPOINTMENTS, KINDS
from planner.services.spreadsheets.runs import own_runs
from planner.web.access import principal, repeatable, requires
from planner.web.clock import now
from planner.web.db import db
from planner.web.navigation import page_exists
from planner.web.spreadsheets import blueprint
from planner.web.spreadsheets.forms import CalendarForm, UploadForm
from planner.web.spreadsheets.pages import run_line
from planner.web.taking_out import file_to_keep, take_out

KIND_PAGE = "spreadsheets/kind.html"
#: Pages of other files that belong here once they are there: address, title, words.
OTHERS = (
    ("/admin/instances", "Planning instances", "Everything a planning run needs, as one file, and its plan back."),
)


@blueprint.get("/admin/spreadsheets")
@requires(Permission.SPREADSHEETS)
def index() -> str:
    """Every kind of file, and what was brought in lately."""
    return render_template(
        "spreadsheets/index.html",
        kinds=tuple(KINDS.values()),
        others=[other for other in OTHERS if page_exists(other[0])],
        runs=[run_line(run, now()) for run in own_runs(db(), principal())],
    )


@blueprint.get("/admin/spreadsheets/<kind>")
@requires(Permission.SPREADSHEETS)
def kind(kind: str) -> str:
    """What a file of this kind holds, and the way in and out."""
    return render_template(KIND_PAGE, **kind_page(known(kind), upload_form(kind)))


@blueprint.get("/admin/spreadsheets/<kind>/empty.csv")
@requires(Permission.SPREADSHEETS)
def template(kind: str) -> Response:
    """The header line, to be filled in."""
    return file_to_keep(exporting.template(kind), f"{kind}.csv")


@blueprint.get("/admin/spreadsheets/<kind>/example.csv")
@requires(Permission.SPREADSHEETS)
def example(kind: str) -> Response:
    """The header and a made-up line."""
    return file_to_keep(exporting.example(kind), f"{kind}-example.csv")


@blueprint.post("/admin/spreadsheets/<kind>/all.csv")
@requires(Permission.SPREADSHEETS)
@repeatable("it takes a copy out, and each copy is written down")
def export(kind: str) -> Response:
    """Everything of this kind at one's own sites."""
    known(kind)
    on_list = request.form.get("from") == "list"
    back = url_for("spreadsheets.index") if on_list else url_for("spreadsheets.kind", kind=kind)
    return take_out(kind, "csv", lambda reading: exporting.export(reading, principal(), kind, now=now()), back=back)


def known(slug: str) -> Kind:
    """The kind of an address. Raises NotFound."""
    if slug not in KINDS:
        raise NotFound
    return KINDS[slug]


def upload_form(slug: str) -> UploadForm:
    """The form of a kind; appointments may come as a calendar, which needs more said about it."""
    if slug != APPOINTMENTS.slug:
        return UploadForm()
    form = CalendarForm()
    form.offer(choosers(db(), principal(), now()))
    return form


def kind_page(kind: Kind, form: UploadForm) -> dict[str, Any]:
    """The context of a kind's page."""
    return {"kind": kind, "form": form}
