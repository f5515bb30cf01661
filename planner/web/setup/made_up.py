"""The made-up clinic under Settings: filled in, its sign-ins opened, and removed."""

from __future__ import annotations

from typing import Any, cast

from flask import after_this_request, flash, redirect, render_template, session, url_for
from werkzeug.wrappers import Response

from planner.domain.access import Permission
from planner.domain.errors import FieldError, PlannerError
from planner.services import made_up
from planner.services.accounts import check_new_password
from planner.store.queries.accounts import account as find_account
from planner.store.queries.accounts import the_clinic
from planner.web.access import SEE_OTHER, once, principal, requires
from planner.web.auth.views import passwords
from planner.web.clock import now
from planner.web.db import db
from planner.web.fields import put_beside, refuse
from planner.web.setup import blueprint
from planner.web.setup.forms import SignInsForm
from planner.web.signin import ServerSession, end_session

PAGE = "setup/demo.html"
REMOVAL = "setup/remove.html"


@blueprint.get("/admin/demo")
@requires(Permission.CLINIC_WRITE)
def demo() -> str:
    """What can be done about the made-up clinic."""
    return render_template(PAGE, **_page(SignInsForm()))


def _page(form: SignInsForm) -> dict[str, Any]:
    clinic = the_clinic(db())
    is_demo = clinic is not None and clinic.is_demo
    return {
        "form": form,
        "is_demo": is_demo,
        "may_fill": not is_demo and made_up.is_empty(db()),
        "sign_ins": made_up.sign_ins(db()) if is_demo else [],
    }


@blueprint.post("/admin/demo/fill")
@requires(Permission.CLINIC_WRITE)
@once
def fill() -> Response:
    """Put the made-up clinic into an empty one."""
    try:
        made_up.fill(db(), principal(), passwords().hashed, now())
    except PlannerError as error:
        return refuse(PAGE, _page(SignInsForm()), faults=[(None, error.sentence)])
    flash("The made-up clinic is here. Look around; nothing in it is about a real person.", "ok")
    return redirect(url_for("setup.demo"), SEE_OTHER)


@blueprint.post("/admin/demo/sign-ins")
@requires(Permission.CLINIC_WRITE)
@once
def open_sign_ins() -> Response:
    """Choose one password for the made-up staff and patient."""
    form = SignInsForm()
    if not form.validate():
        return refuse(PAGE, _page(form))
    try:
        check_new_password(form.new_password.data or "", field="new_password")
        made_up.open_sign_ins(db(), principal(), passwords().hashed(form.new_password.data or ""), now())
    except (FieldError, PlannerError) as error:
        put_beside(form, error)
        return refuse(PAGE, _page(form))
    flash("All made-up sign-ins have this password now.", "ok")
    return redirect(url_for("setup.demo"), SEE_OTHER)


@blueprint.get("/admin/demo/remove")
@requires(Permission.CLINIC_WRITE)
def removal() -> Response | str:
    """What the removal would take away."""
    try:
        gone = made_up.what_goes(db())
    except PlannerError:
        return redirect(url_for("setup.demo"), SEE_OTHER)
    return render_template(REMOVAL, gone=gone)


@blueprint.post("/admin/demo/remove")
@requires(Permission.CLINIC_WRITE)
@once
def remove() -> Response:
    """Remove everything that was made up."""
    try:
        token = made_up.remove(db(), principal(), now())
    except PlannerError as error:
        return refuse(PAGE, _page(SignInsForm()), faults=[(None, error.sentence)])
    if find_account(db(), principal().account_id) is None:
        after_this_request(_sign_out)
        return redirect(url_for("setup.set_up", token=token) if token else url_for("auth.sign_in"), SEE_OTHER)
    flash("The made-up clinic is removed. This clinic is empty now.", "ok")
    return redirect(url_for("today.today"), SEE_OTHER)


def _sign_out(response: Response) -> Response:
    """The account of this browser went with the clinic."""
    end_session(cast(ServerSession, session))
    return response
