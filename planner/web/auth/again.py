"""Asking for the password once more before something leaves the planner: the workstation may stand unlocked."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final, cast

from flask import flash, make_response, redirect, render_template, request, session, url_for
from werkzeug.wrappers import Response

from planner.domain.access import Permission
from planner.services.signing_in import SignedIn
from planner.store.queries.accounts import has_factor
from planner.web.access import SEE_OTHER, principal, repeatable, requires, signed_in
from planner.web.auth import blueprint
from planner.web.auth.account import layout
from planner.web.auth.forms import CodeAgainForm, PasswordAgainForm
from planner.web.auth.proving import prove_password
from planner.web.auth.views import own_path
from planner.web.clock import now
from planner.web.db import own_reading
from planner.web.fields import refuse
from planner.web.navigation import first_page
from planner.web.signin import ServerSession

PAGE: Final = "auth/again.html"
#: How long a sign-in, or the password entered once more, is proof enough (security.md abuse case 22).
PROOF_LASTS: Final = timedelta(minutes=10)
FORBIDDEN: Final = 403
_PROVED: Final = "proved_at"
THANKS: Final = f"Thank you. For {PROOF_LASTS.seconds // 60} minutes you can take files out: press the button again."


def ask_again(back: str) -> Response | None:
    """The page that asks for the password, when the last proof is too old; None when it is not.

    `back` is the page one came from, with everything as it was chosen there. The act itself has to be sent again.
    """
    if _is_proven():
        return None
    return make_response(render_template(PAGE, **_page(_form(), back)), FORBIDDEN)


@blueprint.post("/account/prove")
@requires(Permission.OWN_ACCOUNT)
@repeatable("it only shows once more that it is oneself")
def prove() -> Response:
    """Take the password, and a code where one is set up; back to where one was."""
    back = own_path(request.form.get("back", "")) or first_page(cast(SignedIn, signed_in()))
    form = _form()
    if not form.validate():
        return refuse(PAGE, _page(form, back))
    refused = prove_password(form, and_code=isinstance(form, CodeAgainForm))
    if refused:
        return refuse(PAGE, _page(form, back), refused)
    session[_PROVED] = int(now().timestamp())
    flash(THANKS, "ok")
    return redirect(back, SEE_OTHER)


def _is_proven() -> bool:
    browser = cast(ServerSession, session).browser
    if browser is None:
        return False
    proved_at = datetime.fromtimestamp(session.get(_PROVED, 0), UTC)
    return now() - max(browser.created_at, proved_at) <= PROOF_LASTS


def _form() -> PasswordAgainForm:
    with own_reading() as reading:
        takes_code = has_factor(reading, principal().account_id)
    sent = request.form if request.endpoint == "auth.prove" else None
    return CodeAgainForm(sent) if takes_code else PasswordAgainForm(sent)


def _page(form: PasswordAgainForm, back: str) -> dict[str, Any]:
    return {
        "form": form,
        "back": back,
        "action": url_for("auth.prove"),
        "minutes": PROOF_LASTS.seconds // 60,
        **layout(),
    }
