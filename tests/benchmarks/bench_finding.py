"""Finding among 10,000 patients, and removing a made-up clinic"""

import tempfile
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path
from time import perf_counter

from sqlalchemy import insert
from sqlalchemy.orm import Session

from planner.domain.access import Principal, Role
from planner.domain.folding import Wanted
from planner.services import made_up
from planner.services.first_run import Founding, found_clinic, new_setup_link
from planner.services.signing_in import signed_in_as
from planner.store.engine import Store
from planner.store.migrate import upgrade
from planner.store.queries.finding import patients_like
from planner.store.records import Holdable, HoldableKind, Patient
from tests.benchmarks.report import Report
from tests.support.cast import CHEAP, NOW
from tests.support.postgres import running_server

PATIENTS = 10_000
FIRST_ID = 1_000_000
REPEAT = 9
#: A name in two words, a code begun, what everybody has, and what nobody has.
TYPED = ("fir99 som", "q-0999", "patient", "zzz")
FOUNDING = Founding("Test Clinic", "Juniper", "America/Chicago", "Test Founder", "founder@example.org", "")


def run(report: Report) -> None:
    """On both databases."""
    with running_server() as server, tempfile.TemporaryDirectory() as folder:
        for name, url in (
            ("SQLite", f"sqlite:///{Path(folder) / 'planner.sqlite3'}"),
            ("PostgreSQL", server.url(server.create_database())),
        ):
            upgrade(url)
            store = Store(url)
            try:
                measure(report, name, store)
            finally:
                store.dispose()


def measure(report: Report, name: str, store: Store) -> None:
    """Fill the clinic, look for people in it, and empty it."""
    with store.writing() as db:
        founder = found_clinic(db, new_setup_link(db, NOW), FOUNDING, NOW)
        her = signed_in_as(db, founder).principal("")
        seconds = taken(partial(made_up.fill, db, her, CHEAP.hashed, NOW))
        report.line(f"{name}: filling with the made-up clinic", seconds, "s", aim=3)
        crowd(db)
    everywhere = Principal(her.account_id, frozenset({Role.COORDINATOR}), site_ids=frozenset({1, 2}))
    with store.reading() as db:
        first = taken(partial(patients_like, db, everywhere, Wanted.of("nobody yet")))
        report.line(f"{name}: the first search of a process", first * 1000, "ms")
        times = [taken(partial(patients_like, db, everywhere, Wanted.of(typed))) for typed in TYPED * REPEAT]
        report.times(f"{name}: a search among {PATIENTS:,}", times, median_aim=150, p95_aim=150)
    with store.writing() as db:
        seconds = taken(partial(made_up.remove, db, her, NOW + timedelta(hours=1)))
        report.line(f"{name}: removing it with all of them", seconds, "s", aim=10)


def crowd(db: Session) -> None:
    """Many more patients, a third of them with accents."""
    numbers = range(PATIENTS)
    db.execute(insert(Holdable), [{"id": FIRST_ID + n, "kind": HoldableKind.PATIENT} for n in numbers])
    db.execute(
        insert(Patient),
        [
            {
                "holdable_id": FIRST_ID + n,
                "code": f"Q-{n:05d}",
                "name": f"{'Tést Pátient' if n % 3 == 0 else 'Test Patient'} Fir{n} Sømething",
                "site_id": 1 + n % 2,
                "modes": [],
                "created_at": NOW,
            }
            for n in numbers
        ],
    )


def taken(work: Callable[[], object]) -> float:
    """Seconds that one call took."""
    started = perf_counter()
    work()
    return perf_counter() - started
