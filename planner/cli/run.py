"""What `make run` starts: the planner on this machine, with a demo clinic when the database is empty.

`PORT` chooses the port (8000). `CLINIC=empty` leaves an empty database empty and prints the link that sets it up.
Everything is kept in `instance/` unless DATABASE_URL says otherwise.
"""

from __future__ import annotations

import errno
import os
import socket
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib import import_module
from typing import Any

from gunicorn.app.base import BaseApplication
from sqlalchemy.exc import SQLAlchemyError

from config import Settings
from planner.domain.access import Role
from planner.services.demo import DEMO_PASSWORD, make_demo
from planner.services.first_run import new_setup_link, setup_is_begun
from planner.store import migrate
from planner.store.engine import Store
from planner.store.guards import GuardMissing
from planner.store.queries import accounts as find

HOST = "127.0.0.1"
DEFAULT_PORT = 8000
HIGHEST_PORT = 65_535
LONGEST_PORT = 5
DEMO, EMPTY = "demo", "empty"
IN_USE = (
    f"CLINIC={EMPTY} is for an empty database, and this one is in use. Remove a made-up clinic under Settings, or name "
    "another database with DATABASE_URL."
)
THREADS = 8


class CannotStart(Exception):
    """Why the planner does not start, in one sentence."""


class Server(BaseApplication):
    """gunicorn on a socket that is open already, and its own from now on: one process, several threads."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        super().__init__()

    def load_config(self) -> None:
        """Threads, because SQLite has one writer anyway; no access log, because addresses may hold tokens."""
        chosen = {
            "bind": f"fd://{self.descriptor}",
            "worker_class": "gthread",
            "workers": 1,
            "threads": THREADS,
            "loglevel": "warning",
            "graceful_timeout": 5,
            "control_socket_disable": True,
        }
        for name, value in chosen.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        """The app, loaded in the process that serves it."""
        return import_module("wsgi").app


def main(environment: Mapping[str, str] | None = None) -> int:
    """Start serving; the exit code is 1 when that cannot be."""
    given = os.environ if environment is None else environment
    os.umask(0o077)  # the database and what belongs to it are for their owner alone
    try:
        with open_port(port_of(given)) as listener:
            settings, stays_empty = settings_of(given), is_for_own_clinic(given)
            token = prepare(settings, stays_empty=stays_empty)
            url = f"http://{HOST}:{listener.getsockname()[1]}"
            print("\n".join(welcome(settings, url, token=token, wanted_empty=stays_empty)), flush=True)
            Server(listener.detach()).run()
    except CannotStart as reason:
        print(reason, file=sys.stderr)
        return 1
    return 0


def port_of(given: Mapping[str, str]) -> int:
    """The port to serve on. Raises CannotStart for something that is no port."""
    word = given.get("PORT", "").strip() or str(DEFAULT_PORT)
    if not (word.isascii() and word.isdigit() and len(word) <= LONGEST_PORT and 0 < int(word) <= HIGHEST_PORT):
        raise CannotStart(f"PORT is a number from 1 to {HIGHEST_PORT}, not “{word[:20]}”.")
    return int(word)


def open_port(port: int) -> socket.socket:
    """Take the port before anything else is started. Raises CannotStart when that cannot be."""
    try:
        return socket.create_server((HOST, port), backlog=128)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            sentence = f"Port {port} is in use; choose another one with: PORT={port % HIGHEST_PORT + 1} make run"
            raise CannotStart(sentence) from error
        raise CannotStart(f"Port {port} cannot be opened: {error.strerror}.") from error


def settings_of(given: Mapping[str, str]) -> Settings:
    """The settings of the environment. Raises CannotStart for a value that makes no sense."""
    try:
        return Settings.from_environment(given)
    except ValueError as error:
        raise CannotStart(str(error)) from error


def is_for_own_clinic(given: Mapping[str, str]) -> bool:
    """Whether an empty database is to stay empty. Raises CannotStart for a word that means neither."""
    word = given.get("CLINIC", "").strip().lower() or DEMO
    if word not in (DEMO, EMPTY):
        raise CannotStart(f"CLINIC is “{DEMO}” or “{EMPTY}”, not “{word[:20]}”.")
    return word == EMPTY


def prepare(settings: Settings, *, stays_empty: bool = False) -> str | None:
    """Bring the database up to date. Put a made-up clinic into an empty one, or return the token that sets it up.

    Once a link was made for it, an empty database is never filled by itself.
    """
    try:
        migrate.upgrade(settings.database_url)
        store = Store(settings.database_url)
        try:
            with store.writing() as db:
                if find.any_account(db):
                    return None
                if stays_empty or setup_is_begun(db):
                    return new_setup_link(db, datetime.now(UTC))
                make_demo(db, datetime.now(UTC))
                return None
        finally:
            store.dispose()
    except (ValueError, GuardMissing) as error:
        raise CannotStart(str(error)) from error
    except SQLAlchemyError as error:
        # The driver's own message may hold the address with its password.
        raise CannotStart(f"The database of DATABASE_URL cannot be used ({type(error).__name__}).") from error


def welcome(settings: Settings, url: str, *, token: str | None = None, wanted_empty: bool = False) -> list[str]:
    """What a person needs to begin: the address, and the set-up link or a demo clinic's log-in per role."""
    lines = ["", f"The planner runs at {url}"]
    if token is not None:
        lines += ["", "It is empty. Set it up here; the link works once, for 24 hours:", f"  {url}/setup/{token}"]
    elif wanted_empty:
        lines += ["", IN_USE]
    store = Store(settings.database_url)
    try:
        with store.reading() as db:
            clinic = find.the_clinic(db)
            if clinic is not None and clinic.is_demo:
                lines += ["", "Sign in to the made-up clinic as", *_log_ins(db), f"Password of each: {DEMO_PASSWORD}"]
    finally:
        store.dispose()
    return [*lines, "", "Ctrl-C stops it; what was entered is kept."]


def _log_ins(db: Any) -> list[str]:
    roles = find.roles_of_all(db)
    first: dict[Role, str] = {}
    for account in sorted(find.accounts_by_name(db), key=lambda account: account.id):
        for role in roles.get(account.id, []):
            if account.active:
                first.setdefault(role, account.email)
    return [f"  {role.value:<12} {first[role]}" for role in Role if role in first]


if __name__ == "__main__":
    sys.exit(main())
