"""One account of a member of staff: roles and sites, its sign-ins, a new password, its end."""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from planner.domain.access import Permission, Role
from planner.domain.errors import FieldError, StaleVersion
from planner.services import account_care, factor_rules, resets
from planner.services.two_people import IN_USE_FOR
from planner.store.queries import account_lists as lists
from planner.web.access import SEE_OTHER, once, principal, requires
from planner.web.accounts import blueprint
from planner.web.accounts.forms import RightsForm, role_words
from planner.web.accounts.links import SHOWN, link_page
from planner.web.clock import now
from planner.web.db import db
from planner.web.fields import put_beside, refuse, seen_version

PAGE = "accounts/account.html"
CONFLICT = 409
RESET_LASTS = "With it they choose a new password. It works once, and signs them out everywhere."


@blueprint.get("/admin/accounts/<id:account_id>")
@requires(Permission.ACCOUNTS_MANAGE)
def account(account_id: int) -> str:
    """One account."""
    return render_template(PAGE, **_page(account_id))


@blueprint.post("/admin/accounts/<id:account_id>/rights")
@requires(Permission.ACCOUNTS_MANAGE)
@once
def change_rights(account_id: int) -> Response:
    """Let them have exactly these roles and sites, from their next request on."""
    form = RightsForm(_offered_sites(account_id))
    if not form.validate():
        return refuse(PAGE, _page(account_id, form))
    try:
        account_care.change_access(
            db(),
            principal(),
            account_id,
            roles=[Role(word) for word in form.role.data],
            site_ids=form.site.data,
            seen_version=seen_version(),
            now=now(),
        )
    except FieldError as error:
        put_beside(form, error)
        return refuse(PAGE, _page(account_id, form))
    except StaleVersion as stale:
        return _stale(account_id, stale)
    return done(account_id, "Saved. It holds from their next click on.")


@blueprint.post("/admin/accounts/<id:account_id>/end")
@requires(Permission.ACCOUNTS_MANAGE)
@once
def end(account_id: int) -> Response:
    """End the account: its sign-ins and calendar links stop at once."""
    return _change(account_id, account_care.end_account, "The account has ended. Sign-ins and calendar links stopped.")


@blueprint.post("/admin/accounts/<id:account_id>/reopen")
@requires(Permission.ACCOUNTS_MANAGE)
@once
def reopen(account_id: int) -> Response:
    """Let an ended account sign in again."""
    return _change(account_id, account_care.reopen_account, "The account may sign in again. Calendar links stay ended.")


@blueprint.post("/admin/accounts/<id:account_id>/sign-ins/end")
@requires(Permission.ACCOUNTS_MANAGE)
@once
def end_sign_ins(account_id: int) -> Response:
    """Sign them out in every browser."""
    found = lists.staff_account(db(), account_id)
    account_care.end_sign_ins(db(), principal(), found.id, now())
    if found.id == principal().account_id:
        return redirect(url_for("auth.sign_in"), SEE_OTHER)
    return done(account_id, "They are signed out everywhere.")


@blueprint.route("/admin/accounts/<id:account_id>/reset", methods=["GET", "POST"])
@requires(Permission.ACCOUNTS_MANAGE)
@once
def start_reset(account_id: int) -> Response:
    """Make a link for a new password and show it, this once; loading the page again leads back."""
    if request.method == "GET":
        return done(account_id, SHOWN, "info")
    lists.staff_account(db(), account_id)
    try:
        whose, token = resets.start_reset(db(), principal(), account_id, now())
    except FieldError as error:
        return refuse_on_page(account_id, error)
    return link_page(
        "New password",
        url_for("accounts.reset", token=token),
        whom=f"{whose.name} ({whose.email})",
        until=now() + resets.LASTS,
        what=RESET_LASTS,
        done_url=url_for("accounts.account", account_id=account_id),
    )


def _change(account_id: int, act: Any, words: str) -> Response:
    """One act on the account as it was seen; its refusals on the page."""
    lists.staff_account(db(), account_id)
    try:
        act(db(), principal(), account_id, seen_version=seen_version(), now=now())
    except FieldError as error:
        return refuse_on_page(account_id, error)
    except StaleVersion as stale:
        return _stale(account_id, stale)
    return done(account_id, words)


def _stale(account_id: int, stale: StaleVersion) -> Response:
    """The account as it is now, with the boxes as they are now, too."""
    return refuse(PAGE, _page(account_id), status=CONFLICT, faults=[(None, stale.sentence)])


def refuse_on_page(account_id: int, error: FieldError) -> Response:
    """The page of the account with what was refused on top."""
    return refuse(PAGE, _page(account_id), faults=[(None, error.sentence)])


def done(account_id: int, words: str, kind: str = "ok") -> Response:
    """Back to the page of the account, with an answer."""
    flash(words, kind)
    return redirect(url_for("accounts.account", account_id=account_id), SEE_OTHER)


def lost_factor_words(account_id: int | None) -> dict[str, Any]:
    """What the part of a page about a lost second factor needs besides its addresses."""
    asked = account_id and lists.removal_asked(db(), account_id, now() - factor_rules.REQUEST_LASTS)
    return {
        "removal": asked or None,
        "principal_id": principal().account_id,
        "counts": bool(asked) and factor_rules.may_agree(db(), principal(), account_id or 0, now()),
        "in_use_days": IN_USE_FOR.days,
    }


def _page(account_id: int, form: RightsForm | None = None) -> dict[str, Any]:
    found = lists.staff_account(db(), account_id)
    if form is None:
        form = RightsForm(
            _offered_sites(account_id, found),
            formdata=None,
            role=[role.value for role in found.roles],
            site=[site_id for site_id, _ in found.sites],
        )
    return {
        "account": found,
        "rights": form,
        "form": form,
        "is_self": found.id == principal().account_id,
        "zone": lists.clinic_zone(db()),
        "role_words": role_words,
        **lost_factor_words(account_id),
        "account_acts": {
            act: url_for("accounts.lost_factor", account_id=account_id, act=act) for act in ("ask", "agree", "keep")
        },
    }


def _offered_sites(account_id: int, found: lists.AccountRow | None = None) -> list[tuple[int, str]]:
    """Sites in use, and those they have that are not any more."""
    held = (found or lists.staff_account(db(), account_id)).sites
    return sorted({*lists.active_sites(db()), *held}, key=lambda site: (site[1], site[0]))
