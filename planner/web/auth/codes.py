"""The second page of signing in: a code from the phone, or one of the recovery codes."""

from __future__ import annotations

from typing import Any, cast

from flask import flash, redirect, render_template, request, session, url_for
from werkzeug.wrappers import Response

from planner.services import code_sign_in
from planner.services.code_sign_in import CodeOutcome, CodeTry, Waiting
from planner.services.signing_in import SignedIn
from planner.web.access import SEE_OTHER, address, public, repeatable, signed_in
from planner.web.auth import blueprint
from planner.web.auth.forms import CodeForm, RecoveryForm
from planner.web.auth.proving import sealer
from planner.web.auth.views import TOO_MANY, code_awaited, own_path
from planner.web.clock import now
from planner.web.db import own_transaction
from planner.web.fields import refuse
from planner.web.navigation import first_page
from planner.web.signin import ServerSession, begin_session

PAGE = "auth/code.html"
WRONG = "This is not the code, or it was used already. Wait for the next one."
WRONG_RECOVERY = "This is none of your recovery codes, or it was used already."
AGAIN = "Sign in with your password again. A code is waited for only a short time and a few tries."


@blueprint.route("/sign-in/code", methods=["GET", "POST"])
@public
@repeatable("a code signs in once")
def sign_in_code() -> Response | str:
    """Ask for the code; nobody is signed in before it fits."""
    wanted = own_path(request.args.get("next", ""))
    person = signed_in()
    if person is not None:
        return redirect(wanted or first_page(person), SEE_OTHER)
    waiting = code_awaited()
    if waiting is None:
        return _from_the_start(wanted)
    with_recovery = "recovery_code" in request.form
    code, recovery = CodeForm(None), RecoveryForm(None)
    page: dict[str, Any] = {"code": code, "recovery": recovery, "action": url_for("auth.sign_in_code", next=wanted)}
    if request.method == "GET":
        return render_template(PAGE, **page)
    form = RecoveryForm() if with_recovery else CodeForm()
    page |= {"form": form, ("recovery" if with_recovery else "code"): form}
    if not form.validate():
        return refuse(PAGE, page)
    return _answer(form, page, _try(waiting), wanted)


def _try(waiting: Waiting) -> CodeTry:
    with own_transaction() as writing:
        return code_sign_in.try_code(
            writing,
            waiting,
            code=request.form.get("code", ""),
            recovery_code=request.form.get("recovery_code", ""),
            old_cookie=cast(ServerSession, session).cookie,
            sealer=sealer(),
            address=address(),
            agent=request.user_agent.string,
            now=now(),
        )


def _answer(form: Any, page: dict[str, Any], tried: CodeTry, wanted: str | None) -> Response:
    if tried.outcome is CodeOutcome.OVER:
        return _from_the_start(wanted)
    if tried.outcome is CodeOutcome.SIGNED_IN:
        person = cast(SignedIn, tried.person)
        begin_session(cast(ServerSession, session), tried.cookie, person)
        if tried.codes_left is not None:
            flash(f"That recovery code is used up. You have {tried.codes_left} left.", "info")
        return redirect(wanted or first_page(person), SEE_OTHER)
    field = next(iter(form))
    field.errors = [WRONG_RECOVERY if field.name == "recovery_code" else WRONG]
    if tried.retry_after is None:
        return refuse(PAGE, page)
    field.errors = ["There were too many tries. Wait a few minutes before the next one."]
    response = refuse(PAGE, page, TOO_MANY)
    response.headers["Retry-After"] = str(int(tried.retry_after.total_seconds()) + 1)
    return response


def _from_the_start(wanted: str | None) -> Response:
    session.pop("code_for", None)
    if request.method == "POST":
        flash(AGAIN, "info")
    return redirect(url_for("auth.sign_in", next=wanted), SEE_OTHER)
