"""Sites: the list, one site, a new one, its facts, and closing it down."""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, render_template, url_for
from werkzeug.wrappers import Response

from planner.domain.access import Permission, Scope, may, scopes
from planner.domain.errors import FieldError, StaleVersion
from planner.services.opening_hours import now_outside
from planner.services.sites import SiteFacts, change_site, close_site, open_site, reopen_site
from planner.store.queries import places as find
from planner.web.access import SEE_OTHER, once, principal, requires
from planner.web.clock import now
from planner.web.db import db
from planner.web.fields import put_beside, refuse, seen_version
from planner.web.newer import CONFLICT, newer_values
from planner.web.places import blueprint
from planner.web.places.forms import NewSiteForm, SiteForm, day_rows, hours_words, typed_spans
from planner.web.places.pages import outside_page, site_facts

NEW = "places/new_site.html"
EDIT = "places/edit_site.html"
CLOSE = "places/close_site.html"


@blueprint.get("/admin/sites")
@requires(Permission.CLINIC_READ)
def sites() -> str:
    """Every site."""
    held = principal()
    return render_template(
        "places/sites.html", sites=find.site_lines(db()), may_write=may(held, Permission.CLINIC_WRITE)
    )


@blueprint.get("/admin/sites/<id:site_id>")
@requires(Permission.CLINIC_READ)
def site(site_id: int) -> str:
    """One site: what it is, when it is open, what is there."""
    found, held = find.site_record(db(), site_id), principal()
    may_write, may_open = may(held, Permission.CLINIC_WRITE), _may_open_bookings(site_id)
    # An administrator sees how many, those who read appointments of the site see which.
    outside = now_outside(db(), site_id, now()) if may_write or may_open else ()
    return render_template(
        "places/site.html",
        site=found,
        facts=site_facts(found),
        hours=hours_words(find.weekly_hours(db(), site_id)),
        outside=outside_page(outside, found.zone, links=may_open),
        chairs=find.chairs_of(db(), site_id, now()),
        rooms=find.rooms_of(db(), site_id, now()),
        ways=find.ways_from(db(), site_id),
        may_write=may_write,
    )


def _may_open_bookings(site_id: int) -> bool:
    held = principal()
    return Scope.SITE in scopes(held, Permission.APPOINTMENTS_READ) and site_id in held.site_ids


@blueprint.get("/admin/sites/new")
@requires(Permission.CLINIC_WRITE)
def new_site() -> str:
    """Add a site."""
    form = NewSiteForm(data={"zone": find.the_clinic_record(db()).zone})
    return render_template(NEW, form=form, days=day_rows(form))


@blueprint.post("/admin/sites/new")
@requires(Permission.CLINIC_WRITE)
@once
def add_site() -> Response:
    """Keep the new site."""
    form = NewSiteForm()
    try:
        if form.validate():
            made = open_site(db(), principal(), _facts(form), hours=typed_spans(form), now=now())
            flash(f"{made.name} is added. Next, add its chairs and rooms.", "ok")
            return redirect(url_for("places.site", site_id=made.id), SEE_OTHER)
    except FieldError as error:
        _put(form, error)
    return refuse(NEW, form=form, days=day_rows(form))


@blueprint.get("/admin/sites/<id:site_id>/edit")
@requires(Permission.CLINIC_WRITE)
def edit_site(site_id: int) -> str:
    """Change what a site is."""
    found = find.site_record(db(), site_id)
    return render_template(EDIT, **_page(SiteForm(data=_boxes(found)), found, found.version))


@blueprint.post("/admin/sites/<id:site_id>/edit")
@requires(Permission.CLINIC_WRITE)
@once
def keep_site(site_id: int) -> Response:
    """Keep what a site is."""
    form, found = SiteForm(), find.site_record(db(), site_id)
    if not form.validate():
        return refuse(EDIT, _page(form, found, seen_version()))
    try:
        change_site(db(), principal(), site_id, _facts(form), seen_version=seen_version(), now=now())
    except StaleVersion:
        newer = newer_values(form, _boxes(found))
        return refuse(EDIT, _page(form, found, found.version, newer), status=CONFLICT)
    except FieldError as error:
        _put(form, error)
        return refuse(EDIT, _page(form, found, seen_version()))
    flash("The site is saved.", "ok")
    return redirect(url_for("places.site", site_id=site_id), SEE_OTHER)


@blueprint.get("/admin/sites/<id:site_id>/close")
@requires(Permission.CLINIC_WRITE)
def closing(site_id: int) -> str:
    """What closing a site down means."""
    return render_template(CLOSE, site=find.site_record(db(), site_id), faults=[])


@blueprint.post("/admin/sites/<id:site_id>/close")
@requires(Permission.CLINIC_WRITE)
@once
def close(site_id: int) -> Response:
    """Close a site down."""
    found = find.site_record(db(), site_id)
    try:
        close_site(db(), principal(), site_id, seen_version=seen_version(), now=now())
    except StaleVersion as error:
        return refuse(CLOSE, status=CONFLICT, site=found, faults=[(None, error.sentence)])
    except FieldError as error:
        return refuse(CLOSE, site=found, faults=[(None, error.sentence)])
    flash(f"{found.name} is closed down.", "ok")
    return redirect(url_for("places.sites"), SEE_OTHER)


@blueprint.post("/admin/sites/<id:site_id>/reopen")
@requires(Permission.CLINIC_WRITE)
@once
def reopen(site_id: int) -> Response:
    """Let a site be planned for again."""
    reopen_site(db(), principal(), site_id, seen_version=seen_version(), now=now())
    flash("The site is open again.", "ok")
    return redirect(url_for("places.site", site_id=site_id), SEE_OTHER)


def _facts(form: Any) -> SiteFacts:
    return SiteFacts(
        name=form.name.data,
        code=form.code.data,
        alias=form.alias.data or "",
        address=form.address.data or "",
        zone=form.zone.data,
        visit_grid_minutes=int(form.visit_grid.data),
        therapy_grid_minutes=int(form.therapy_grid.data),
    )


def _boxes(found: find.SiteRecord) -> dict[str, Any]:
    kept = {name: getattr(found, name) for name in ("name", "code", "alias", "address", "zone")}
    return kept | {"visit_grid": str(found.visit_grid_minutes), "therapy_grid": str(found.therapy_grid_minutes)}


def _put(form: Any, error: FieldError) -> None:
    put_beside(form, FieldError(error.field.removesuffix("_minutes"), error.sentence))


def _page(
    form: SiteForm, found: find.SiteRecord, version: int, newer: list[tuple[str, str]] | None = None
) -> dict[str, Any]:
    return {"form": form, "site": found, "version": version, "newer": newer}
