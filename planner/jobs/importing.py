"""Reads, checks and writes one import: `python -m planner.jobs.importing RUN_ID`.

A process of its own, so that a large file takes neither the server's memory nor its patience: it is niced, and may
have no more than MOST_MEMORY. The check only reads, and tells its progress in the database. The writing is one
transaction, everything checked again inside it, and tells its progress beside the database.
"""

from __future__ import annotations

import contextlib
import logging
import os
import resource
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from time import monotonic

from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.orm import Session

from config import Settings, folder_of
from planner.domain.access import Principal
from planner.domain.errors import PlannerError
from planner.services.signing_in import signed_in_as
from planner.services.spreadsheets import runs
from planner.services.spreadsheets.checking import Checked, Pace, check_content
from planner.services.spreadsheets.kinds import KINDS
from planner.services.spreadsheets.progress import Progress
from planner.services.spreadsheets.runs import Work
from planner.store.engine import Store
from planner.store.queries import accounts

MOST_MEMORY = 1_000_000_000
NICE = 10
TELL_SECONDS = 0.5
FOLDER = "imports"
MOVED_ON = "Something changed since this file was checked. Nothing was written. Bring the file again."
BUSY = "The database was busy for too long. Nothing was written. Bring the file again."
TOO_LARGE = "This file needs more memory than an import may have. Nothing was written. Split it, and bring the parts."
FAULT = "The planner could not do this, and the reason is in its log. Nothing was written."

Clock = Callable[[], datetime]
log = logging.getLogger("planner.jobs")


class Stopped(Exception):
    """Somebody asked for a stop, or the run belongs to somebody else by now."""


class Ticker(Pace):
    """Tells progress every so many seconds, and looks whether to go on."""

    def __init__(self, store: Store, progress: Progress, clock: Clock, work: Work, every: float) -> None:
        self._store, self._progress, self._clock, self._work, self._every = store, progress, clock, work, every
        self._told = monotonic()
        self.total = 0
        #: While our own writing transaction is open, SQLite would let no other one in.
        self.in_database = True

    def tell(self, done: int) -> None:
        """Raises Stopped."""
        if monotonic() - self._told < self._every:
            return
        self._told = monotonic()
        self.tell_now(done)

    def tell_now(self, done: int) -> None:
        """Raises Stopped."""
        now = self._clock()
        self._progress.tell(self._work.run_id, done, self.total, now)
        if self._progress.is_to_stop(self._work.run_id):
            raise Stopped
        if self.in_database:
            with self._store.writing() as db:
                if not runs.is_alive(db, self._work, done, self.total, now):
                    raise Stopped


def work_on(store: Store, run_id: int, *, progress: Progress, clock: Clock, every: float = TELL_SECONDS) -> None:
    """Do the next step of one import; whatever happens is told in its run, how far it is `every` so many seconds."""
    with store.writing() as db:
        work = runs.begin(db, run_id, clock())
    if work is None:
        return
    try:
        (_write if work.writes else _check)(store, work, Ticker(store, progress, clock, work, every), clock)
    except Stopped:
        log.info("import %s stopped", run_id)
    except PlannerError as error:
        _fail(store, work, error.sentence, clock)
    except IntegrityError:
        _fail(store, work, MOVED_ON, clock)
    except OperationalError:
        _fail(store, work, BUSY, clock)
    except MemoryError:
        _fail(store, work, TOO_LARGE, clock)
    except Exception as error:
        # The kind of fault only: a message could hold what stands in the file.
        log.error("import %s failed: %s", run_id, type(error).__name__)
        _fail(store, work, FAULT, clock)
    finally:
        progress.clear(run_id)


def _check(store: Store, work: Work, pace: Ticker, clock: Clock) -> None:
    with store.reading() as db:
        checked = _checked(db, work, pace, clock)
    with store.writing() as db:
        if not runs.note_checked(db, work, checked, clock()):
            raise Stopped


def _write(store: Store, work: Work, pace: Ticker, clock: Clock) -> None:
    with store.writing() as db:
        pace.in_database = db.get_bind().dialect.name != "sqlite"
        checked = _checked(db, work, pace, clock)
        if checked.may_write:
            pace.total = checked.importer.new + checked.importer.changed
            pace.tell_now(0)
            checked.importer.write(pace.tell)
            if not runs.note_done(db, _principal(db, work), work, checked, clock()):
                raise Stopped
    if not checked.may_write:
        with store.writing() as db:
            runs.note_checked(db, work, checked, clock())


def _checked(db: Session, work: Work, pace: Ticker, clock: Clock) -> Checked:
    runs.allow_long_work(db)
    found = runs.content_of(db, work)
    if found is None:
        raise Stopped
    content, choices = found
    kind = KINDS[work.kind]
    return check_content(db, _principal(db, work), kind, content, choices, now=clock(), pace=pace)


def _principal(db: Session, work: Work) -> Principal:
    """Whoever brought the file, with the rights they have now."""
    account = accounts.account(db, work.account_id)
    if account is None or not account.active:
        raise PlannerError("Whoever brought this file may not sign in any more. Nothing was written.")
    return signed_in_as(db, account).principal("")


def _fail(store: Store, work: Work, sentence: str, clock: Clock) -> None:
    with contextlib.suppress(OperationalError), store.writing() as db:
        runs.note_failed(db, work, sentence, clock())


def main(arguments: list[str]) -> int:
    """Work on the run whose number is the one argument."""
    if len(arguments) != 1 or not arguments[0].isascii() or not arguments[0].isdigit():
        print("usage: python -m planner.jobs.importing RUN_ID", file=sys.stderr)
        return 2
    os.nice(NICE)
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    settings = Settings.from_environment()
    store = Store(settings.database_url)
    try:
        progress = Progress(folder_of(settings.database_url) / FOLDER)
        work_on(store, int(arguments[0]), progress=progress, clock=lambda: datetime.now(UTC))
    finally:
        store.dispose()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
