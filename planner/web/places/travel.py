"""How long the way to each other site takes."""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, render_template, url_for
from werkzeug.wrappers import Response
from wtforms.validators import Optional

from planner.domain.access import Permission
from planner.domain.errors import FieldError, StaleVersion
from planner.services.sites import set_travel
from planner.store.queries import places as find
from planner.web.access import SEE_OTHER, once, principal, requires
from planner.web.clock import now
from planner.web.db import db
from planner.web.fields import PlannerForm, put_beside, refuse, seen_version
from planner.web.newer import CONFLICT, newer_values
from planner.web.places import blueprint
from planner.web.places.forms import Whole

TEMPLATE = "places/travel.html"


@blueprint.get("/admin/sites/<id:site_id>/travel")
@requires(Permission.CLINIC_WRITE)
def travel(site_id: int) -> str:
    """The ways from a site."""
    found, ways = find.site_record(db(), site_id), find.ways_from(db(), site_id)
    return render_template(TEMPLATE, **_page(_form(ways, filled=True), found, found.version))


@blueprint.post("/admin/sites/<id:site_id>/travel")
@requires(Permission.CLINIC_WRITE)
@once
def keep_travel(site_id: int) -> Response:
    """Keep the ways."""
    found, ways = find.site_record(db(), site_id), find.ways_from(db(), site_id)
    form = _form(ways)
    if not form.validate():
        return refuse(TEMPLATE, _page(form, found, seen_version()))
    minutes = {way.site_id: form[f"to_{way.site_id}"].data for way in ways}
    try:
        set_travel(db(), principal(), site_id, minutes, seen_version=seen_version(), now=now())
    except StaleVersion:
        newer = newer_values(form, _boxes(ways))
        return refuse(TEMPLATE, _page(form, found, found.version, newer), status=CONFLICT)
    except FieldError as error:
        put_beside(form, error)
        return refuse(TEMPLATE, _page(form, found, seen_version()))
    flash("The travel times are saved.", "ok")
    return redirect(url_for("places.site", site_id=site_id), SEE_OTHER)


def _form(ways: list[find.Way], *, filled: bool = False) -> Any:
    boxes = {f"to_{way.site_id}": Whole(f"To {way.name}", [Optional()]) for way in ways}
    return type("TravelForm", (PlannerForm,), boxes)(data=_boxes(ways) if filled else None)


def _boxes(ways: list[find.Way]) -> dict[str, int | None]:
    return {f"to_{way.site_id}": way.minutes for way in ways}


def _page(
    form: Any, found: find.SiteRecord, version: int, newer: list[tuple[str, str]] | None = None
) -> dict[str, Any]:
    return {"form": form, "site": found, "version": version, "newer": newer}
