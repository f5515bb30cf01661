"""One's own second factor: set up, moved to another phone, its recovery codes, turned off."""

from __future__ import annotations

import base64
import binascii
from datetime import timedelta
from typing import Any, Final, cast

from flask import flash, redirect, render_template, request, session, url_for
from werkzeug.wrappers import Response

from planner.domain.access import Permission
from planner.domain.errors import FieldError
from planner.services import second_factor as services
from planner.services.sealing import CannotOpen
from planner.services.signing_in import SignedIn
from planner.store.queries.accounts import has_factor, the_clinic
from planner.web.access import (
    SEE_OTHER,
    answered_before,
    claim_request,
    keep_answer,
    once,
    principal,
    repeatable,
    requires,
    signed_in,
)
from planner.web.auth import blueprint
from planner.web.auth.account import layout
from planner.web.auth.forms import ConfirmForm, FactorForm, ProofForm
from planner.web.auth.proving import prove_password, sealer
from planner.web.clock import now
from planner.web.db import db, own_reading
from planner.web.feeds.showing import qr_picture
from planner.web.fields import put_beside, refuse
from planner.web.signin import ServerSession

PAGE: Final = "auth/second_factor.html"
SETTING_UP: Final = timedelta(minutes=15)
SHOWN: Final = "Those codes have been shown. If you did not keep them, make new ones."


@blueprint.get("/account/second-factor")
@requires(Permission.OWN_ACCOUNT)
def second_factor() -> str:
    """Whether signing in takes a code from my phone, and how to change that."""
    return render_template(PAGE, **_page())


@blueprint.post("/account/second-factor/begin")
@requires(Permission.OWN_ACCOUNT)
@repeatable("it only draws a new secret, which counts for nothing until its code is shown")
def begin_second_factor() -> Response:
    """Draw a secret for a code app, after the password. Where codes are on already, that is for the other form."""
    form = ProofForm()
    with own_reading() as reading:
        is_on = has_factor(reading, principal().account_id)
    if is_on:
        return redirect(url_for("auth.second_factor"), SEE_OTHER)
    if not form.validate():
        return refuse(PAGE, _page(proof=form))
    refused = prove_password(form)
    if refused:
        return refuse(PAGE, _page(proof=form), refused)
    _draw_seed()
    return redirect(url_for("auth.second_factor"), SEE_OTHER)


@blueprint.route("/account/second-factor/confirm", methods=["GET", "POST"])
@requires(Permission.OWN_ACCOUNT)
@once
def confirm_second_factor() -> Response:
    """Take the secret whose code is shown, and tell the recovery codes, this once."""
    seed = _drawn_seed()
    if request.method == "GET":
        flash(SHOWN, "info")
        return redirect(url_for("auth.second_factor"), SEE_OTHER)
    if seed is None:
        flash("The code came too late. Begin again.", "info")
        return redirect(url_for("auth.second_factor"), SEE_OTHER)
    form = ConfirmForm()
    if not form.validate():
        return refuse(PAGE, _page(confirm=form))
    try:
        codes = services.set_up(
            db(), principal(), seed=seed, code=form.code.data or "", sealer=sealer(), keep_browser=_this_browser(),
            now=now(),
        )  # fmt: skip
    except FieldError as error:
        put_beside(form, error)
        return refuse(PAGE, _page(confirm=form))
    session.pop("new_seed", None)
    return _codes_page(codes, is_new=True)


@blueprint.route("/account/second-factor/change", methods=["GET", "POST"])
@requires(Permission.OWN_ACCOUNT)
@repeatable("it keeps its key by itself, because hashing comes before the transaction")
def change_second_factor() -> Response:
    """New recovery codes, another phone, or no codes any more: after the password and a code."""
    if request.method == "GET":
        flash(SHOWN, "info")
        return redirect(url_for("auth.second_factor"), SEE_OTHER)
    if earlier := answered_before():
        return earlier
    form = FactorForm(prefix="change")
    if not form.validate():
        return refuse(PAGE, _page(change=form))
    refused = prove_password(form, and_code=True)
    if refused:
        return refuse(PAGE, _page(change=form), refused)
    if earlier := claim_request():
        return earlier
    try:
        return keep_answer(_act(form.act.data))
    except FieldError as error:
        put_beside(form, error)
        return refuse(PAGE, _page(change=form))


def _act(act: str) -> Response:
    if act == "codes":
        return _codes_page(services.renew_codes(db(), principal(), now()), is_new=False)
    if act == "move":
        _draw_seed()
        flash("Now set up the other phone. Until you have, codes from the present one count.", "info")
    else:
        services.turn_off(db(), principal(), keep_browser=_this_browser(), now=now())
        flash("Codes are off. Every other browser is signed out.", "ok")
    return redirect(url_for("auth.second_factor"), SEE_OTHER)


def _codes_page(codes: list[str], *, is_new: bool) -> Response:
    page = render_template("auth/recovery_codes.html", codes=codes, is_new=is_new, **layout())
    return Response(page, mimetype="text/html")


# The secret while it is not confirmed: sealed, with this browser's session, for a quarter of an hour


def _draw_seed() -> None:
    seed = services.new_seed()
    sealed = sealer().seal(seed.encode(), services.belongs_to(principal().account_id))
    session["new_seed"] = {
        "sealed": base64.b64encode(sealed).decode(),
        "until": int((now() + SETTING_UP).timestamp()),
    }


def _drawn_seed() -> str | None:
    kept = session.get("new_seed")
    if not isinstance(kept, dict) or now().timestamp() >= kept["until"]:
        return None
    try:
        sealed = base64.b64decode(kept["sealed"], validate=True)
        return sealer().open(sealed, services.belongs_to(principal().account_id)).decode()
    except (CannotOpen, binascii.Error):
        return None


def _this_browser() -> str | None:
    return cast(ServerSession, session).id_hash


def _page(
    proof: ProofForm | None = None, confirm: ConfirmForm | None = None, change: FactorForm | None = None
) -> dict[str, Any]:
    person, seed = cast(SignedIn, signed_in()), _drawn_seed()
    clinic = the_clinic(db())
    issuer = clinic.neutral_name if clinic is not None else "Appointments"
    around = layout()
    if person.factor_due:  # every link but this page's leads back here
        around |= {"layout": "layouts/plain.html", "home_url": None}
    forms = (proof, confirm, change)
    return {
        **around,
        "is_on": has_factor(db(), person.account_id),
        "is_due": person.factor_due,
        "is_required": services.is_required(db(), principal()),
        "codes_left": services.codes_left(db(), person.account_id),
        "seed": seed,
        "qr": None if seed is None else qr_picture(services.setup_address(seed, person.email, issuer)),
        "proof": proof or ProofForm(None),
        "confirm": confirm or ConfirmForm(None),
        "change": change or FactorForm(None, prefix="change"),
        "form": next((form for form in forms if form is not None), None),
    }
