"""A protocol of the clinic's own, begun as a copy of another."""

from __future__ import annotations

from flask import flash, redirect, render_template, url_for
from werkzeug.wrappers import Response

from planner.domain.access import Permission
from planner.domain.errors import FieldError
from planner.services.protocols import copy_protocol
from planner.store.queries.protocols import standing
from planner.web.access import SEE_OTHER, once, principal, requires
from planner.web.clock import now
from planner.web.db import db
from planner.web.fields import put_beside, refuse
from planner.web.protocols import blueprint
from planner.web.protocols.forms import CopyForm

TEMPLATE = "protocols/copy.html"


@blueprint.route("/admin/protocols/<id:protocol_id>/copy", methods=["GET", "POST"])
@requires(Permission.PROTOCOLS_WRITE)
@once
def copy(protocol_id: int) -> Response | str:
    """Name a copy, and make it."""
    stands, form = standing(db(), protocol_id), CopyForm()
    if form.is_submitted() and form.validate():
        try:
            made = copy_protocol(
                db(), principal(), protocol_id, name=form.name.data or "", slug=form.slug.data or "", now=now()
            )
        except FieldError as error:
            put_beside(form, error)
        else:
            flash("Copied. Change its numbers, have it signed, then offer it for new courses.", "ok")
            return redirect(url_for("protocols.protocol", protocol_id=made.id), SEE_OTHER)
    if form.errors or form.form_errors:
        return refuse(TEMPLATE, stands=stands, form=form)
    return render_template(TEMPLATE, stands=stands, form=form)
