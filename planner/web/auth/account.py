"""One's own account: look, password, and the browsers one is signed in with."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from flask import flash, redirect, render_template, session, url_for
from werkzeug.wrappers import Response

from planner.domain.access import Permission
from planner.domain.errors import FieldError
from planner.services import accounts, signing_in
from planner.services.signing_in import SignedIn, browser_reference
from planner.store.queries.account_lists import ACCOUNT_CHANGES, account_changes
from planner.store.queries.accounts import browsers_of, has_factor, the_clinic
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
from planner.web.auth.forms import LookForm, PasswordForm
from planner.web.auth.proving import prove_password
from planner.web.auth.views import leave, passwords
from planner.web.clock import now
from planner.web.db import db
from planner.web.fields import put_beside, refuse
from planner.web.signin import ServerSession

PAGE = "auth/account.html"
DEFAULT_ZONE = "UTC"
#: Browsers name each other too, so the order matters.
BROWSER_SIGNS = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("Chrome/", "Chrome"),
    ("CriOS/", "Chrome"),
    ("Safari/", "Safari"),
)
DEVICE_SIGNS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Mac OS", "Mac"),
    ("CrOS", "Chromebook"),
    ("Linux", "Linux"),
)


@dataclass(frozen=True, slots=True)
class BrowserRow:
    """A browser as the list shows it."""

    reference: str
    agent: str
    address: str
    since: datetime
    seen: datetime
    is_this: bool


@blueprint.get("/account")
@requires(Permission.OWN_ACCOUNT)
def account() -> str:
    """How pages look for me, and my password."""
    return render_template(PAGE, **_page())


@blueprint.post("/account/look")
@requires(Permission.OWN_ACCOUNT)
@once
def change_look() -> Response:
    """Take other colours or another density."""
    form = LookForm(prefix="look")
    if not form.validate():
        return refuse(PAGE, _page(look=form))
    accounts.set_look(db(), principal(), theme=form.theme.data, density=form.density.data)
    flash("Saved.", "ok")
    return redirect(url_for("auth.account"), SEE_OTHER)


@blueprint.post("/account/password")
@requires(Permission.OWN_ACCOUNT)
@repeatable("it keeps its key by itself, because hashing comes before the transaction")
def change_password() -> Response:
    """Take a new password; every other browser is signed out."""
    if earlier := answered_before():
        return earlier
    form = PasswordForm(prefix="password")
    if not form.validate():
        return refuse(PAGE, _page(password=form))
    refused = _wrong_password(form)
    if refused:
        return refuse(PAGE, _page(password=form), refused)
    new_hash = passwords().hashed(form.new_password.data or "")
    if earlier := claim_request():
        return earlier
    person = principal()
    accounts.set_password(
        db(), person, person.account_id, new_hash, now(), keep_browser=cast(ServerSession, session).id_hash
    )
    flash("Your password is changed. Every other browser is signed out.", "ok")
    return keep_answer(redirect(url_for("auth.account"), SEE_OTHER))


def _wrong_password(form: PasswordForm) -> int | None:
    """Check both passwords; the status of the refusal, None when there is none. Guesses count as sign-ins do."""
    person = cast(SignedIn, signed_in())
    try:
        accounts.check_new_password(form.new_password.data or "", person.email, field="new_password")
    except FieldError as error:
        put_beside(form, error)
        return 422
    return prove_password(form)


@blueprint.get("/account/sessions")
@requires(Permission.OWN_ACCOUNT)
def browsers() -> str:
    """Where I am signed in."""
    own = cast(ServerSession, session).id_hash
    rows = [
        BrowserRow(
            browser_reference(found.id_hash),
            browser_words(found.agent),
            found.address,
            found.created_at,
            found.seen_at,
            found.id_hash == own,
        )
        for found in browsers_of(db(), principal().account_id)
    ]
    return render_template("auth/browsers.html", rows=rows, zone=zone_of_pages(), **layout())


@blueprint.post("/account/sessions/<string(length=16):reference>/end")
@requires(Permission.OWN_ACCOUNT)
@once
def end_browser(reference: str) -> Response:
    """Sign out one other browser of mine."""
    own = cast(ServerSession, session).id_hash or ""
    signing_in.end_browser(db(), principal(), reference, now())
    if browser_reference(own) == reference:
        return leave()
    flash("That browser is signed out.", "ok")
    return redirect(url_for("auth.browsers"), SEE_OTHER)


@blueprint.post("/account/sessions/end")
@requires(Permission.OWN_ACCOUNT)
@repeatable("who is signed out everywhere stays so")
def end_all_browsers() -> Response:
    """Sign out everywhere, here too."""
    signing_in.sign_out_everywhere(db(), principal(), now())
    return leave()


def browser_words(agent: str) -> str:
    """“Firefox on Android”, from what a browser says of itself; the first name that fits is the right one."""
    browser = next((words for sign, words in BROWSER_SIGNS if sign in agent), "A browser")
    device = next((words for sign, words in DEVICE_SIGNS if sign in agent), "")
    return f"{browser} on {device}" if device else browser


def _page(look: LookForm | None = None, password: PasswordForm | None = None) -> dict[str, Any]:
    person = cast(SignedIn, signed_in())
    if look is None:
        look = LookForm(formdata=None, prefix="look", theme=person.theme, density=person.density)
    password = password or PasswordForm(formdata=None, prefix="password")
    faulty = next((form for form in (look, password) if form.errors), None)
    return {
        "look": look,
        "password": password,
        "form": faulty,
        "email": person.email,
        "has_factor": has_factor(db(), person.account_id),
        "changes": [(ACCOUNT_CHANGES[action], at) for action, at in account_changes(db(), person.account_id)],
        "zone": zone_of_pages(),
        **layout(),
    }


def zone_of_pages() -> str:
    """The zone in which times of one's account are shown."""
    clinic = the_clinic(db())
    return clinic.zone if clinic else DEFAULT_ZONE


def layout() -> dict[str, Any]:
    """Staff and patients see the same pages in their own surroundings."""
    staff = cast(SignedIn, signed_in()).is_staff
    return {"layout": "layouts/app.html" if staff else "layouts/patient.html", "is_staff": staff}
