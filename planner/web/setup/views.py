"""Setting the planner up: the page before there is any account, and the one-use link that makes the first."""

from __future__ import annotations

from typing import Any, cast

from flask import flash, make_response, redirect, render_template, request, session, url_for
from werkzeug.wrappers import Response

from planner.domain.access import Role
from planner.domain.errors import FieldError, NotFound, PlannerError
from planner.services import first_run, made_up, signing_in
from planner.services.accounts import check_new_password
from planner.services.first_run import Founding
from planner.services.signing_in import SignedIn, SignInTry
from planner.store.queries import accounts as find
from planner.web.access import SEE_OTHER, address, public, repeatable
from planner.web.auth.views import passwords
from planner.web.clock import now
from planner.web.db import own_reading, own_transaction
from planner.web.fields import put_beside, refuse
from planner.web.setup import blueprint
from planner.web.setup.forms import MADE_UP, SetupForm
from planner.web.signin import ServerSession, begin_session
from planner.web.zones import server_zone

NOT_FOUND = 404
PAGE = "setup/set_up.html"


@blueprint.get("/setup")
@public
def waiting() -> Response | str:
    """Where every page leads while nobody can sign in: how to get the link."""
    with own_reading() as db:
        if find.any_account(db):
            return redirect(url_for("auth.sign_in"), SEE_OTHER)
    return render_template("setup/waiting.html")


@blueprint.route("/setup/<token>", methods=["GET", "POST"])
@public
@repeatable("the link works once")
def set_up(token: str) -> Response | str:
    """Make the clinic and the account of whoever runs it."""
    with own_reading() as db:
        if not first_run.setup_is_open(db, token, now()):
            return _closed()
    form = SetupForm(data={"zone": server_zone()})
    page = {"form": form, "action": url_for("setup.set_up", token=token)}
    if request.method == "GET":
        return render_template(PAGE, **page)
    if not form.validate():
        return refuse(PAGE, page)
    try:
        check_new_password(form.password.data or "", form.email.data or "")
        founder = _found(token, form)
    except NotFound:
        return _closed()
    except (FieldError, PlannerError) as error:
        put_beside(form, error)
        return refuse(PAGE, page)
    flash(f"The planner is set up, and you are signed in as {founder.email}.", "ok")
    return redirect(url_for("setup.demo" if form.start.data == MADE_UP else "today.today"), SEE_OTHER)


def _closed() -> Response:
    """The same words whatever is wrong with the link."""
    return make_response(render_template("setup/closed.html"), NOT_FOUND)


def _found(token: str, form: Any) -> SignedIn:
    """Hash outside the transaction; then everything in one, the sign-in included."""
    founding = Founding(
        clinic_name=form.clinic_name.data,
        neutral_name=form.neutral_name.data,
        zone=form.zone.data,
        name=form.name.data,
        email=form.email.data,
        password_hash=passwords().hashed(form.password.data),
        work=[Role(word) for word in form.work.data],
    )
    browser = cast(ServerSession, session)
    with own_transaction() as db:
        account = first_run.found_clinic(db, token, founding, now())
        if form.start.data == MADE_UP:
            founder = signing_in.signed_in_as(db, account).principal(address())
            made_up.fill(db, founder, passwords().hashed, now())
        cookie, newcomer = signing_in.finish_sign_in(
            db,
            SignInTry(None, account.id, account.password_hash),
            old_cookie=browser.cookie,
            new_hash=None,
            data={},
            address=address(),
            agent=request.user_agent.string,
            now=now(),
        )
    begin_session(browser, cookie, newcomer)
    return newcomer
