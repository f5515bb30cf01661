"""Signing in, signing out, and the way to a role's first page."""

from __future__ import annotations

import unicodedata
from typing import Any, cast
from urllib.parse import unquote, urlsplit

from flask import current_app, flash, redirect, render_template, request, session, url_for
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response

from planner.domain.access import Permission
from planner.domain.errors import NotFound
from planner.services import code_sign_in, signing_in
from planner.services.accounts import Passwords
from planner.services.signing_in import SignedIn, SignInTry
from planner.store.queries.account_lists import lost_factor_news
from planner.store.queries.accounts import any_account
from planner.web.access import SEE_OTHER, address, principal, public, repeatable, requires, signed_in
from planner.web.auth import blueprint
from planner.web.auth.forms import SignInForm
from planner.web.clock import now
from planner.web.db import db, own_reading, own_transaction
from planner.web.fields import refuse
from planner.web.navigation import first_page
from planner.web.signin import ServerSession, begin_session, begin_waiting, end_session

#: One sentence for every reason, so that nobody learns whether an account exists.
NOT_SIGNED_IN = (
    "This email address and password do not fit together. Check both; after several tries wait a few minutes."
)
CODES_GONE = (
    "The codes from your phone were turned off by the clinic since you last signed in. If you did not ask for that, "
    "tell the clinic at once and change your password."
)
TOO_MANY = 429
EVERYTHING_KEPT = '"cache", "cookies", "storage"'


@blueprint.get("/")
@requires(Permission.OWN_ACCOUNT)
def home() -> Response:
    """On to the role's first page."""
    return redirect(first_page(cast(SignedIn, signed_in())), SEE_OTHER)


@blueprint.route("/sign-in", methods=["GET", "POST"])
@public
@repeatable("signing in twice signs in")
def sign_in() -> Response | str:
    """Ask for address and password."""
    wanted = request.args.get("next", "")
    person = signed_in()
    if person is not None and request.method == "GET":
        return redirect(own_path(wanted) or first_page(person), SEE_OTHER)
    form = SignInForm()
    page = {"form": form, "action": url_for("auth.sign_in", next=own_path(wanted))}
    if request.method == "GET" and not any_account(db()):
        return redirect(url_for("setup.waiting"), SEE_OTHER)
    if request.method == "GET":
        return render_template("auth/sign_in.html", **page)
    if not form.validate():
        return refuse("auth/sign_in.html", page)
    tried, newcomer = _try(form.email.data or "", form.password.data or "")
    if newcomer is not None:
        _tell_lost_factor(newcomer)
        return redirect(own_path(wanted) or first_page(newcomer), SEE_OTHER)
    if tried.needs_code and code_awaited() is not None:
        return redirect(url_for("auth.sign_in_code", next=own_path(wanted)), SEE_OTHER)
    return _refused(form, page, tried)


@blueprint.post("/sign-out")
@requires(Permission.OWN_ACCOUNT)
@repeatable("who is signed out stays signed out")
def sign_out() -> Response:
    """End this browser's session, and have the browser forget what it kept of us."""
    browser = cast(ServerSession, session)
    signing_in.sign_out(db(), principal(), browser.id_hash or "", now())
    return leave()


def leave() -> Response:
    """Answer to somebody who has just been signed out."""
    end_session(cast(ServerSession, session))
    response = redirect(url_for("auth.sign_in"), SEE_OTHER)
    response.headers["Clear-Site-Data"] = EVERYTHING_KEPT
    return response


def passwords() -> Passwords:
    """The hashing this planner is set to."""
    found: Passwords = current_app.extensions["planner_passwords"]
    return found


def _try(email: str, password: str) -> tuple[SignInTry, SignedIn | None]:
    """Count, compare, write down: three short steps, the slow one outside any transaction.

    Where a second factor is set up nobody is signed in yet: from here on the browser waits for a code.
    """
    with own_transaction() as counting:
        tried = signing_in.begin_sign_in(counting, email, address(), now())
    fits = tried.retry_after is None and passwords().fits(password, tried.password_hash)
    if not fits:
        _write_down_refusal(tried)
        return tried, None
    outdated = passwords().is_outdated(tried.password_hash or "")
    new_hash = passwords().hashed(password) if outdated else None
    browser = cast(ServerSession, session)
    if tried.needs_code:
        with own_transaction() as writing:
            cookie, kept = code_sign_in.wait_for_code(
                writing,
                tried,
                old_cookie=browser.cookie,
                new_hash=new_hash,
                address=address(),
                agent=request.user_agent.string,
                now=now(),
            )
        begin_waiting(browser, cookie, kept)
        return tried, None
    try:
        with own_transaction() as writing:
            cookie, newcomer = signing_in.finish_sign_in(
                writing,
                tried,
                old_cookie=browser.cookie,
                new_hash=new_hash,
                data={},
                address=address(),
                agent=request.user_agent.string,
                now=now(),
            )
    except NotFound:
        _write_down_refusal(tried)
        return tried, None
    begin_session(browser, cookie, newcomer)
    return tried, newcomer


def _tell_lost_factor(newcomer: SignedIn) -> None:
    """Whoever's codes were removed as lost hears of it when they next come in: it may not have been they who asked."""
    with own_reading() as reading:
        if lost_factor_news(reading, newcomer.account_id):
            flash(CODES_GONE, "warning")


def code_awaited() -> code_sign_in.Waiting | None:
    """Whose code this browser waits for, if its time is not over."""
    return None if signed_in() is not None else code_sign_in.waiting_in(session, now())


def _write_down_refusal(tried: SignInTry) -> None:
    with own_transaction() as writing:
        signing_in.refuse_sign_in(writing, tried, address(), now())


def _refused(form: SignInForm, page: dict[str, Any], tried: SignInTry) -> Response:
    form.password.errors = [NOT_SIGNED_IN]
    if tried.retry_after is None:
        return refuse("auth/sign_in.html", page)
    response = refuse("auth/sign_in.html", page, TOO_MANY)
    response.headers["Retry-After"] = str(int(tried.retry_after.total_seconds()) + 1)
    return response


def own_path(wanted: str) -> str | None:
    """The wanted address if it leads to a page of this site that can be opened, and is nothing cleverer, else None."""
    if not wanted.startswith("/") or wanted.startswith("//") or "\\" in wanted:
        return None
    if any(unicodedata.category(letter)[0] in "CZ" and letter != " " for letter in wanted):
        return None
    try:
        parts = urlsplit(wanted)
    except ValueError:
        return None
    return None if parts.scheme or parts.netloc or not _can_be_opened(parts.path) else wanted


def _can_be_opened(path: str) -> bool:
    """Whether a browser led there finds a page: an act, such as signing out, answers to a button only."""
    try:
        current_app.url_map.bind("localhost").match(unquote(path), method="GET")
    except HTTPException:
        return False
    return True
