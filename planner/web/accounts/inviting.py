"""The list of accounts, and inviting staff."""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from planner.domain.access import Permission, Role
from planner.domain.errors import FieldError
from planner.services import invitations
from planner.store.queries import account_lists as lists
from planner.store.queries.staff import staff_record
from planner.web.access import SEE_OTHER, once, principal, requires
from planner.web.accounts import blueprint
from planner.web.accounts.forms import InviteForm, role_words
from planner.web.accounts.links import SHOWN, link_page
from planner.web.clock import now
from planner.web.db import db
from planner.web.fields import id_of, number_in, put_beside, refuse

FORM = "accounts/new.html"
ID_DIGITS = 9
WHAT = "With it they choose a password and have an account. It works once."


@blueprint.get("/admin/accounts")
@requires(Permission.ACCOUNTS_MANAGE)
def accounts() -> str:
    """Who may sign in, as what, and who has been invited."""
    return render_template(
        "accounts/accounts.html",
        accounts=lists.staff_accounts(db()),
        invitations=lists.open_invitations(db()),
        zone=lists.clinic_zone(db()),
        role_words=role_words,
        now=now(),
    )


@blueprint.get("/admin/accounts/new")
@requires(Permission.ACCOUNTS_MANAGE)
def new_account() -> str:
    """Invite somebody who works here. `?person=` fills in what is known of that member of staff."""
    return render_template(FORM, form=_form(**_known_of(request.args.get("person", ""))))


@blueprint.route("/admin/accounts/new/link", methods=["GET", "POST"])
@requires(Permission.ACCOUNTS_MANAGE)
@once
def invite() -> Response:
    """Make the invitation and show its link, this once; loading the page again leads back to the list."""
    if request.method == "GET":
        return _back(SHOWN)
    form = _form()
    if not form.validate():
        return refuse(FORM, form=form)
    try:
        invitation, token = invitations.invite(
            db(),
            principal(),
            email=form.email.data or "",
            name=form.name.data or "",
            roles=[Role(word) for word in form.role.data],
            site_ids=form.site.data,
            person_id=id_of(form.person.data) if form.person.data else None,
            now=now(),
        )
    except FieldError as error:
        put_beside(form, error)
        return refuse(FORM, form=form)
    return _show(invitation, token)


@blueprint.route("/admin/accounts/invitations/<id:invitation_id>/renew", methods=["GET", "POST"])
@requires(Permission.ACCOUNTS_MANAGE)
@once
def renew_invitation(invitation_id: int) -> Response:
    """A new link for the same invitation; the old one is dead."""
    if request.method == "GET":
        return _back(SHOWN)
    invitation = invitations.staff_invitation(db(), principal(), invitation_id)
    return _show(invitation, invitations.renew(db(), principal(), invitation, now()))


@blueprint.post("/admin/accounts/invitations/<id:invitation_id>/withdraw")
@requires(Permission.ACCOUNTS_MANAGE)
@once
def withdraw_invitation(invitation_id: int) -> Response:
    """Make the link worth nothing."""
    invitation = invitations.staff_invitation(db(), principal(), invitation_id)
    invitations.withdraw(db(), principal(), invitation, now())
    return _back(f"The invitation to {invitation.email} is withdrawn. Its link works no more.", "ok")


def _show(invitation: Any, token: str) -> Response:
    return link_page(
        "Invitation",
        url_for("accounts.join", token=token),
        whom=f"{invitation.name} ({invitation.email})",
        until=invitation.expires_at,
        what=WHAT,
        done_url=url_for("accounts.accounts"),
    )


def _back(words: str, kind: str = "info") -> Response:
    flash(words, kind)
    return redirect(url_for("accounts.accounts"), SEE_OTHER)


def _form(**known: Any) -> InviteForm:
    return InviteForm(lists.active_sites(db()), lists.staff_without_account(db()), **known)


def _known_of(word: str) -> dict[str, Any]:
    """What the staff list knows of the person of an address; nothing of one who is not there or has an account."""
    number = number_in(word, ID_DIGITS)
    if number not in {person_id for person_id, _ in lists.staff_without_account(db())}:
        return {}
    found = staff_record(db(), number or 0)
    return {
        "data": {
            "name": found.name,
            "person": str(found.id),
            "role": [role.value for role in found.roles],
            "site": [site_id for site_id, _ in found.sites],
        }
    }
