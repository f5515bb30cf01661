"""Where the rooms meet: the store, the clock, the doors, and one Flask app made of them."""

from __future__ import annotations

import logging
from datetime import date, datetime
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from flask import Flask, g, session
from flask.typing import ResponseReturnValue
from flask_wtf import CSRFProtect
from jinja2 import StrictUndefined
from sqlalchemy.exc import OperationalError
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.routing import BaseConverter, ValidationError

from planner.jobs.starting import ImportProcesses
from planner.services.accounts import Passwords
from planner.services.sealing import Sealer
from planner.services.zone_changes import outdated_sentence
from planner.store.engine import RETRIES, Store, is_retryable
from planner.store.guards import GuardMissing, check_guards, guards_fault
from planner.store.migrate import current, head
from planner.web import BLUEPRINTS
from planner.web.access import guard_views, note_reads, undeclared_views, unsaid_reads
from planner.web.clock import Clock, system_clock
from planner.web.db import end_transaction
from planner.web.errors import log_fault, set_up_errors
from planner.web.fields import HIGHEST_ID
from planner.web.filters import register_filters
from planner.web.health import health
from planner.web.navigation import set_up_navigation
from planner.web.security import reports, set_up_security
from planner.web.signin import set_up_sign_in

if TYPE_CHECKING:
    from config import Settings

ROOT = Path(__file__).resolve().parents[1]
MOST_BYTES = 1_000_000
MOST_FORM_BYTES = 256_000
MOST_FORM_PARTS = 200
LAST_STATUS = 500


class NotReady(RuntimeError):
    """The planner must not serve; the message says why and what to do, in one sentence."""


class IdConverter(BaseConverter):
    """A record's number in an address: digits only, short enough for both databases."""

    regex = "[0-9]{1,15}"

    def to_python(self, value: str) -> int:
        if int(value) > HIGHEST_ID:
            raise ValidationError
        return int(value)

    def to_url(self, value: Any) -> str:
        return str(int(value))


class WeekConverter(BaseConverter):
    """An ISO week in an address, “2026-W48”, as its Monday; of years that a roster may have."""

    regex = "2[01][0-9]{2}-W[0-9]{2}"

    def to_python(self, value: str) -> date:
        try:
            return date.fromisocalendar(int(value[:4]), int(value[-2:]), 1)
        except ValueError as error:
            raise ValidationError from error

    def to_url(self, value: date) -> str:
        year, week, _ = value.isocalendar()
        return f"{year}-W{week:02}"


class PlannerApp(Flask):
    """Flask with one transaction around each view, and faults logged without what people wrote."""

    def dispatch_request(self) -> ResponseReturnValue:
        """Run the view and commit below status 400; after a deadlock run it again, three times at most."""
        remembered = dict(session)
        for attempt in range(RETRIES + 1):
            try:
                response = self.make_response(super().dispatch_request())
                end_transaction(response.status_code)
            except OperationalError as error:
                end_transaction(LAST_STATUS)
                if attempt == RETRIES or not is_retryable(error):
                    g.view_is_over = True
                    raise
                if session.modified:  # what the failed run said to the browser was never so
                    session.clear()
                    session.update(remembered)
            except BaseException:
                end_transaction(LAST_STATUS)
                g.view_is_over = True
                raise
            else:
                g.view_is_over = True
                return response
        raise AssertionError("unreachable")

    def log_exception(self, exc_info: Any) -> None:
        """Instead of Flask's line with the whole address and message."""
        log_fault(exc_info[1])


def create_app(settings: Settings, *, clock: Clock = system_clock, store: Store | None = None) -> Flask:
    """The planner as a WSGI app. `store` replaces the database of `settings` in tests."""
    app = PlannerApp(
        "planner",
        root_path=str(ROOT / "planner"),
        template_folder=str(ROOT / "templates"),
        static_folder=str(ROOT / "planner" / "web" / "static"),
        static_url_path="/static",
    )
    _configure(app, settings)
    store = store or Store(settings.database_url)
    app.extensions["planner"] = store
    app.extensions["planner_clock"] = clock
    app.extensions["planner_settings"] = settings
    app.extensions["planner_passwords"] = Passwords(settings.password_cost.memory_kib, settings.password_cost.passes)
    app.extensions["planner_imports"] = ImportProcesses(settings)
    app.extensions["planner_sealer"] = Sealer(settings.secret_key, settings.secret_key_fallbacks)
    app.extensions["planner_readiness"] = lambda: fault_of(app.extensions["planner"])
    app.teardown_request(lambda _error: end_transaction(LAST_STATUS))
    set_up_security(app)
    set_up_sign_in(app)
    guard_views(app)
    CSRFProtect(app).exempt("planner.web.security.content_policy")
    note_reads(app)
    set_up_errors(app)
    set_up_navigation(app)
    register_filters(app)
    _add_pages(app)
    _add_commands(app)
    if settings.trusted_proxies:
        hops = settings.trusted_proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops)  # type: ignore[method-assign]
    return app


def _configure(app: Flask, settings: Settings) -> None:
    app.config.update(
        SECRET_KEY=settings.secret_key,
        # The one thing that is signed here; sessions are rows of the database. Of several keys the last one signs.
        WTF_CSRF_SECRET_KEY=[*settings.secret_key_fallbacks, settings.secret_key],
        TRUSTED_HOSTS=list(settings.trusted_hosts),
        SESSION_COOKIE_SECURE=settings.https,
        PREFERRED_URL_SCHEME="https" if settings.https else "http",
        MAX_CONTENT_LENGTH=MOST_BYTES,
        MAX_FORM_MEMORY_SIZE=MOST_FORM_BYTES,
        MAX_FORM_PARTS=MOST_FORM_PARTS,
        # The token lives with the session: a timed one loses long notes.
        WTF_CSRF_TIME_LIMIT=None,
        PLANNER_PUBLIC_URL=settings.public_url,
    )
    app.url_map.converters["id"] = IdConverter
    app.url_map.converters["week"] = WeekConverter
    app.jinja_env.undefined = StrictUndefined
    app.logger.setLevel(logging.INFO)


def _add_pages(app: Flask) -> None:
    app.register_blueprint(health)
    app.register_blueprint(reports)
    for name in BLUEPRINTS:
        app.register_blueprint(import_module(f"planner.web.{name}").blueprint)
    undeclared = undeclared_views(app)
    if undeclared:
        raise NotReady(f"These views say neither @requires(...) nor @public: {', '.join(undeclared)}.")
    unsaid = unsaid_reads(app)
    if unsaid:
        raise NotReady(f"These views do not say what they read of patients: {', '.join(unsaid)}.")


def _add_commands(app: Flask) -> None:
    commands: list[click.Command] = []
    if find_spec("planner.cli.commands") is not None:
        commands += import_module("planner.cli.commands").COMMANDS
    commands.append(import_module("planner.cli.accounts").accounts)
    for command in commands:
        if command.name not in app.cli.commands:
            app.cli.add_command(command)


# Readiness


def fault_of(store: Store) -> str | None:
    """Why this database must not be served from; None when it may. Reads only."""
    at = current(store.read_engine)
    if at != head():
        return "The database is not at the newest migration. Run “flask --app wsgi migrate” first."
    with store.read_engine.connect() as connection:
        return guards_fault(connection)


def check_ready(store: Store) -> None:
    """Raise NotReady unless the database is current and really refuses a double booking."""
    if fault := fault_of(store):
        raise NotReady(fault)
    try:
        with store.write_engine.connect() as connection, connection.begin() as trial:
            check_guards(connection)
            trial.rollback()
    except GuardMissing as missing:
        raise NotReady(str(missing)) from missing
    finally:
        store.dispose()  # a server may fork after this, and connections must not be shared between processes


def zone_notice(store: Store, now: datetime) -> str:
    """What to tell an operator about future appointments derived with other time zone data; empty when they agree."""
    try:
        with store.reading() as db:
            return outdated_sentence(db, now)
    finally:
        store.dispose()
