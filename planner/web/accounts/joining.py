"""What an invitation opens: one's own name and password, without a sign-in, once."""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, request, url_for
from werkzeug.wrappers import Response

from planner.domain.errors import FieldError, NotFound
from planner.services import invitations
from planner.services.accounts import check_new_password
from planner.web.access import SEE_OTHER, address, public, repeatable
from planner.web.accounts import blueprint
from planner.web.accounts.forms import JoinForm
from planner.web.accounts.links import discreet_page, gone
from planner.web.auth.views import passwords
from planner.web.clock import now
from planner.web.db import own_reading, own_transaction
from planner.web.fields import put_beside

PAGE = "accounts/join.html"
UNPROCESSABLE = 422


@blueprint.route("/invitations/<token>", methods=["GET", "POST"])
@public
@repeatable("an invitation is spent by the first one")
def join(token: str) -> Response:
    """Ask for name and password, and make the account that was prepared."""
    try:
        with own_reading() as reading:
            invitation = invitations.good_invitation(reading, token, now())
        if request.method == "GET":
            form = JoinForm(formdata=None, name=invitation.name)
            return discreet_page(PAGE, form=form, token=token, email=invitation.email)
        return _join(token, invitation)
    except NotFound:
        return gone()


def _join(token: str, invitation: Any) -> Response:
    """Check and hash first, outside the transaction that spends the invitation."""
    form = JoinForm()
    page = {"form": form, "token": token, "email": invitation.email}
    if not form.validate():
        return discreet_page(PAGE, UNPROCESSABLE, **page)
    try:
        check_new_password(form.password.data or "", invitation.email)
        password_hash = passwords().hashed(form.password.data or "")
        with own_transaction() as writing:
            invitations.accept(
                writing, token, name=form.name.data or "", password_hash=password_hash, now=now(), address=address()
            )
    except FieldError as error:
        put_beside(form, error)
        return discreet_page(PAGE, UNPROCESSABLE, **page)
    flash("Your account is made. Sign in with the password you chose.", "ok")
    return redirect(url_for("auth.sign_in"), SEE_OTHER)
