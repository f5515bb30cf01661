"""What `make run` starts: the planner on this machine, with a demo clinic when the database is empty.

`PORT` chooses the port (8000). Everything is kept in `instance/` unless DATABASE_URL says otherwise.
"""

from __future__ import annotations

import errno
import os
import socket
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from gunicorn.app.base import BaseApplication
from sqlalchemy.exc import SQLAlchemyError

from config import PasswordCost, Settings
from planner.domain.access import Role
from planner.services.accounts import Passwords, create_account
from planner.store import migrate
from planner.store.engine import Store
from planner.store.queries import accounts as find
from planner.store.records import Clinic, Holdable, HoldableKind, Patient, Person, Site

HOST = "127.0.0.1"
DEFAULT_PORT = 8000
HIGHEST_PORT = 65_535
THREADS = 8
#: For the made-up clinic only; a real clinic's passwords are made with `flask --app wsgi accounts create`.
PLAIN_DEMO_PASSWORD = "the made-up clinic opens"  # noqa: S105
DEMO = "planner.services.demo"


class CannotStart(Exception):
    """Why the planner does not start, in one sentence."""


class Server(BaseApplication):  # type: ignore[misc]
    """gunicorn on a socket that is open already: one process, several threads."""

    def __init__(self, listener: socket.socket) -> None:
        self.listener = listener
        super().__init__()

    def load_config(self) -> None:
        """Threads, because SQLite has one writer anyway; no access log, because addresses may hold tokens."""
        chosen = {
            "bind": f"fd://{self.listener.fileno()}",
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
        listener = open_port(port_of(given))
        settings = settings_of(given)
        prepare(settings)
    except CannotStart as reason:
        print(reason, file=sys.stderr)
        return 1
    port = listener.getsockname()[1]
    print("\n".join(welcome(settings, f"http://{HOST}:{port}")), flush=True)
    Server(listener).run()
    return 0


def port_of(given: Mapping[str, str]) -> int:
    """The port to serve on. Raises CannotStart for something that is no port."""
    word = given.get("PORT", "").strip() or str(DEFAULT_PORT)
    if not (word.isascii() and word.isdigit() and 0 < int(word) <= HIGHEST_PORT):
        raise CannotStart(f"PORT is a number from 1 to {HIGHEST_PORT}, not “{word}”.")
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


def prepare(settings: Settings) -> None:
    """Bring the database up to date; put a made-up clinic into an empty one."""
    try:
        migrate.upgrade(settings.database_url)
        store = Store(settings.database_url)
        try:
            with store.writing() as db:
                if not find.any_account(db):
                    make_demo_clinic(db, datetime.now(UTC))
        finally:
            store.dispose()
    except SQLAlchemyError as error:
        raise CannotStart(f"The database cannot be used: {type(error).__name__}.") from error


def make_demo_clinic(db: Any, now: datetime) -> None:
    """The made-up clinic, or the barest one where none is shipped."""
    if find_spec(DEMO) is not None:
        import_module(DEMO).make_demo(db, now)
    else:
        make_bare_clinic(db, now)


def make_bare_clinic(db: Any, now: datetime) -> None:
    """A clinic with one site and one account per role."""
    site = Site(name="Demo House", code="D", zone="America/Chicago")
    db.add_all([site, Clinic(id=1, name="Demo", neutral_name="Demo Practice", zone=site.zone, is_demo=True)])
    db.flush()
    cost = PasswordCost()
    password_hash = Passwords(cost.memory_kib, cost.passes).hashed(PLAIN_DEMO_PASSWORD)
    for role in Role:
        is_patient = role is Role.PATIENT
        holdable = Holdable(kind=HoldableKind.PATIENT if is_patient else HoldableKind.PERSON)
        db.add(holdable)
        db.flush()
        name = f"Demo {role.value.title()}"
        who: Patient | Person
        if is_patient:
            who = Patient(holdable_id=holdable.id, code="P-101", name=name, site_id=site.id, created_at=now)
        else:
            who = Person(holdable_id=holdable.id, name=name, initials=f"D{role.value[0].upper()}")
        db.add(who)
        db.flush()
        create_account(
            db,
            None,
            email=f"{role.value}@demo.example",
            name=name,
            password_hash=password_hash,
            roles=[role],
            site_ids=[] if is_patient else [site.id],
            person_id=None if is_patient else who.id,
            patient_id=who.id if is_patient else None,
            now=now,
        )


def welcome(settings: Settings, url: str) -> list[str]:
    """What a person needs to begin: the address, and for a demo clinic one log-in per role."""
    lines = ["", f"The planner runs at {url}"]
    store = Store(settings.database_url)
    try:
        with store.reading() as db:
            clinic = find.the_clinic(db)
            if clinic is not None and clinic.is_demo:
                lines += ["", "Sign in to the made-up clinic as", *_log_ins(db), f"Password of each: {demo_password()}"]
    finally:
        store.dispose()
    return [*lines, "", "Ctrl-C stops it; what was entered is kept."]


def demo_password() -> str:
    """The one password of the demo accounts."""
    if find_spec(DEMO) is None:
        return PLAIN_DEMO_PASSWORD
    return str(getattr(import_module(DEMO), "DEMO_PASSWORD", PLAIN_DEMO_PASSWORD))


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
