"""Filters of lists that somebody keeps under a name; for their own account alone."""

from __future__ import annotations

from flask import flash, redirect, request
from werkzeug.wrappers import Response

from planner.domain.access import Permission
from planner.domain.errors import FieldError
from planner.services.finding import remove_filter, save_filter
from planner.web.access import SEE_OTHER, once, principal, requires
from planner.web.clock import now
from planner.web.db import db
from planner.web.fields import put_beside, refuse
from planner.web.finding import blueprint
from planner.web.finding.forms import SaveForm
from planner.web.lists import chosen_in, url_of


@blueprint.post("/filters/<any(courses, patients):page>")
@requires(Permission.COURSES_READ, Permission.PATIENTS_READ, reads="a filter has no patient in it")
@once
def save(page: str) -> Response:
    """Keep what a list is filtered by."""
    form, chosen = SaveForm(), chosen_in(page, request.form)
    try:
        if form.validate():
            save_filter(db(), principal(), page=page, name=form.name.data or "", choices=chosen, now=now())
            flash("The filter is kept. It stands above the list.", "ok")
            return redirect(url_of(page, chosen), SEE_OTHER)
    except FieldError as error:
        put_beside(form, error)
    return refuse("finding/filter.html", form=form, page=page, chosen=chosen, back_url=url_of(page, chosen))


@blueprint.post("/filters/<id:filter_id>/remove")
@requires(Permission.COURSES_READ, Permission.PATIENTS_READ, reads="a filter has no patient in it")
@once
def remove(filter_id: int) -> Response:
    """Forget one of one's own filters."""
    kept = remove_filter(db(), principal(), filter_id)
    flash("The filter is removed.", "ok")
    return redirect(url_of(kept.page, {}), SEE_OTHER)
