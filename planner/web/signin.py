"""Server-side sessions behind Flask's `session`: a random id in the cookie, everything else in the database."""

from __future__ import annotations

import hashlib
import logging
import secrets
from typing import Any

from flask import Flask, Request, Response, g
from flask.sessions import SessionInterface, SessionMixin
from flask_login import LoginManager, UserMixin, login_user
from sqlalchemy.exc import OperationalError
from werkzeug.datastructures import CallbackDict

from planner.services import signing_in
from planner.services.signing_in import SEEN_EVERY, Browser, SignedIn
from planner.web.clock import now
from planner.web.db import own_reading, own_transaction

log = logging.getLogger("planner.web")

COOKIE = "planner"
#: Addresses that never have a session: files, health, and calendar programs, which get no cookie ever.
WITHOUT_SESSION = ("/static/", "/healthz", "/readyz", "/csp-reports", "/c/")
DATABASE_FAULTS = (OperationalError, TimeoutError)


class ServerSession(CallbackDict, SessionMixin):
    """What pages remember for one browser, and who is signed in there."""

    def __init__(self, browser: Browser | None = None, cookie: str | None = None, *, kept: bool = True) -> None:
        self.modified = False
        self.browser = browser
        self.cookie = cookie
        self.kept = kept
        self.ended = False
        self.cookie_is_new = False
        super().__init__(dict(browser.data) if browser else {}, _note_change)
        self.signed_in: SignedIn | None = browser.signed_in if browser else None

    @property
    def id_hash(self) -> str | None:
        """What the table calls this browser."""
        return signing_in.hash_of(self.cookie) if self.cookie else None


def _note_change(changed: Any) -> None:
    changed.modified = True
    changed.accessed = True


class DatabaseSessions(SessionInterface):
    """Loads the browser's session before the view and keeps what changed after it, each in its own transaction."""

    def cookie_name(self, app: Flask) -> str:
        """`__Host-` ties the cookie to this host and to https; browsers refuse that prefix on plain http."""
        return f"__Host-{COOKIE}" if app.config["SESSION_COOKIE_SECURE"] else COOKIE

    def open_session(self, app: Flask, request: Request) -> ServerSession:
        if request.path.startswith(WITHOUT_SESSION):
            return ServerSession(kept=False)
        cookie = request.cookies.get(self.cookie_name(app))
        if not cookie:
            return ServerSession()
        try:
            with own_reading() as db:
                browser = signing_in.known_browser(db, cookie, now())
        except DATABASE_FAULTS as fault:
            log.error("no sessions: %s", type(fault).__name__)
            g.session_fault = fault
            return ServerSession(kept=False)
        if browser is None:
            return ServerSession()
        self._mark_seen(request, browser)
        return ServerSession(browser, cookie)

    @staticmethod
    def _mark_seen(request: Request, browser: Browser) -> None:
        if "X-Background" in request.headers or now() - browser.seen_at < SEEN_EVERY:
            return
        try:
            with own_transaction() as db:
                signing_in.mark_seen(db, browser.id_hash, now())
        except DATABASE_FAULTS as fault:
            # A full disk or a busy writer must not keep anybody from reading.
            log.warning("use of a session not noted: %s", type(fault).__name__)

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        if not isinstance(session, ServerSession) or not session.kept:
            return
        if session.ended:
            self._set_cookie(app, response, "")
            return
        if session.modified:
            try:
                self._keep(session)
            except DATABASE_FAULTS:
                if response.status_code < 500:
                    raise
        if session.cookie_is_new and session.cookie:
            self._set_cookie(app, response, session.cookie)

    @staticmethod
    def _keep(session: ServerSession) -> None:
        with own_transaction() as db:
            if session.id_hash is not None:
                signing_in.keep_data(db, session.id_hash, dict(session))
            else:
                session.cookie = signing_in.open_unsigned_browser(db, dict(session), "", "", now())
                session.cookie_is_new = True

    def _set_cookie(self, app: Flask, response: Response, value: str) -> None:
        response.set_cookie(
            self.cookie_name(app),
            value,
            max_age=None if value else 0,
            path="/",
            secure=app.config["SESSION_COOKIE_SECURE"],
            httponly=True,
            samesite="Lax",
        )


class Person(UserMixin):
    """What flask-login calls the user."""

    def __init__(self, signed_in: SignedIn) -> None:
        self.signed_in = signed_in

    def get_id(self) -> str:
        return str(self.signed_in.account_id)


def set_up_sign_in(app: Flask) -> None:
    """Put the sessions and flask-login into the app."""
    app.session_interface = DatabaseSessions()
    manager = LoginManager(app)
    # It ties a session to address and agent and throws phones out; the server-side record does that work.
    manager.session_protection = None
    manager.user_loader(_load_person)


def _load_person(account_id: str) -> Person | None:
    from flask import session

    person = getattr(session, "signed_in", None)
    return Person(person) if person is not None and str(person.account_id) == account_id else None


def begin_session(session: ServerSession, cookie: str, person: SignedIn) -> None:
    """Make this browser the signed-in one: nothing of the session before it is left (flask-login#677)."""
    session.clear()
    session.cookie, session.cookie_is_new, session.signed_in = cookie, True, person
    login_user(Person(person), remember=False)
    # A protection token of its own from the start, so that the first page need not write.
    session["csrf_token"] = _protection_token()


def begin_waiting(session: ServerSession, cookie: str, kept: dict[str, Any]) -> None:
    """Half a sign-in: a new id for the browser, what is waited for kept with it, and nobody signed in."""
    session.clear()
    session.update(kept)
    session.cookie, session.cookie_is_new, session.signed_in = cookie, True, None
    session["csrf_token"] = _protection_token()


def _protection_token() -> str:
    return hashlib.sha256(secrets.token_bytes(32)).hexdigest()


def end_session(session: ServerSession) -> None:
    """Forget everything about this browser; the row is deleted by the service."""
    session.clear()
    session.ended, session.signed_in = True, None
