"""Second factors of others: the clinic's rule for staff, and the removal of a lost one by two admins."""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from planner.domain.access import Permission
from planner.domain.errors import FieldError, NotFound, StaleVersion
from planner.services import factor_rules
from planner.store.queries import account_lists as lists
from planner.store.queries.accounts import has_factor, the_clinic
from planner.web.access import SEE_OTHER, once, principal, requires
from planner.web.accounts import blueprint
from planner.web.accounts.caring import CONFLICT, done, refuse_on_page
from planner.web.accounts.forms import FactorRuleForm
from planner.web.clock import now
from planner.web.db import db
from planner.web.fields import put_beside, refuse, seen_version

PAGE = "accounts/security.html"
#: What two people do about a lost second factor, and what is said when it is done.
ACTS: dict[str, tuple[Any, str]] = {
    "ask": (factor_rules.ask_removal, "Noted. Another one of you has to agree; until then nothing changes."),
    "agree": (factor_rules.agree_removal, "The second factor is removed. They sign in with the password alone now."),
    "keep": (factor_rules.keep_factor, "The second factor stays."),
}


@blueprint.route("/admin/accounts/security", methods=["GET", "POST"])
@requires(Permission.ACCOUNTS_MANAGE)
@once
def security() -> Response | str:
    """Whether all staff sign in with a code."""
    if request.method == "GET":
        return render_template(PAGE, **_page())
    form = FactorRuleForm()
    if not form.validate():
        return refuse(PAGE, _page(form))
    try:
        factor_rules.require_of_staff(
            db(), principal(), required=form.required.data == "yes", seen_version=seen_version(), now=now()
        )
    except FieldError as error:
        put_beside(form, error)
        return refuse(PAGE, _page(form))
    except StaleVersion as stale:
        return refuse(PAGE, _page(), status=CONFLICT, faults=[(None, stale.sentence)])
    flash("Saved. It holds from everybody's next click on.", "ok")
    return redirect(url_for("accounts.security"), SEE_OTHER)


@blueprint.post("/admin/accounts/<id:account_id>/factor/<any(ask,agree,keep):act>")
@requires(Permission.ACCOUNTS_MANAGE)
@once
def lost_factor(account_id: int, act: str) -> Response:
    """One admin asks to remove a lost second factor, another one agrees or turns it down."""
    lists.staff_account(db(), account_id)
    do, words = ACTS[act]
    try:
        do(db(), principal(), account_id, now())
    except FieldError as error:
        return refuse_on_page(account_id, error)
    return done(account_id, words)


def _page(form: FactorRuleForm | None = None) -> dict[str, Any]:
    clinic = the_clinic(db())
    if clinic is None:
        raise NotFound
    rows = [row for row in lists.staff_accounts(db()) if row.active]
    return {
        "form": form or FactorRuleForm(None, required="yes" if clinic.staff_second_factor else "no"),
        "version": clinic.version,
        "is_required": clinic.staff_second_factor,
        "without": [row for row in rows if not row.has_factor],
        "mine_is_on": has_factor(db(), principal().account_id),
    }
