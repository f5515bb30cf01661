"""What the link for a new password opens: without a sign-in, once. The second factor stays as it is."""

from __future__ import annotations

from flask import flash, redirect, request, url_for
from werkzeug.wrappers import Response

from planner.domain.errors import FieldError, NotFound
from planner.services import resets
from planner.services.accounts import check_new_password
from planner.web.access import SEE_OTHER, address, public, repeatable
from planner.web.accounts import blueprint
from planner.web.accounts.forms import NewPasswordForm
from planner.web.accounts.joining import UNPROCESSABLE
from planner.web.accounts.links import discreet_page, gone
from planner.web.auth.views import passwords
from planner.web.clock import now
from planner.web.db import own_reading, own_transaction
from planner.web.fields import put_beside

PAGE = "accounts/reset.html"


@blueprint.route("/reset/<token>", methods=["GET", "POST"])
@public
@repeatable("a link for a new password is spent by the first one")
def reset(token: str) -> Response:
    """Ask for a new password and take it."""
    try:
        with own_reading() as reading:
            email = resets.account_to_reset(reading, token, now()).email
        if request.method == "GET":
            return discreet_page(PAGE, form=NewPasswordForm(formdata=None), token=token, email=email)
        return _take(token, email)
    except NotFound:
        return gone()


def _take(token: str, email: str) -> Response:
    """Check and hash first, outside the transaction that spends the link."""
    form = NewPasswordForm()
    page = {"form": form, "token": token, "email": email}
    if not form.validate():
        return discreet_page(PAGE, UNPROCESSABLE, **page)
    try:
        check_new_password(form.password.data or "", email)
    except FieldError as error:
        put_beside(form, error)
        return discreet_page(PAGE, UNPROCESSABLE, **page)
    password_hash = passwords().hashed(form.password.data or "")
    with own_transaction() as writing:
        resets.use_reset(writing, token, password_hash=password_hash, now=now(), address=address())
    flash("Your new password is set, and you are signed out everywhere. Sign in with it.", "ok")
    return redirect(url_for("auth.sign_in"), SEE_OTHER)
