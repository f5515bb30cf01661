"""The week and the draft of a site with few and with sixty people: queries, and processor time of the server"""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from planner.domain.access import Role
from planner.services.roster_drafts import start_draft
from planner.services.rostering import add_person, add_weekly_shifts
from planner.store.engine import Store
from planner.store.migrate import upgrade
from planner.store.records import OpeningHours
from tests.benchmarks.bench_pages import milliseconds
from tests.benchmarks.report import Report
from tests.support.cast import NOW, Cast, Clock, make_cast
from tests.support.crowd import Statements
from tests.support.demo import app_on, csrf_token, signed_in
from tests.support.postgres import running_server

FEW, MANY = 3, 60
MONDAY = date(2026, 3, 9)
WEEK = f"/rosters/{MONDAY:%G-W%V}"
PAGES = {"week": WEEK, "draft": WEEK + "/draft", "what changes": WEEK + "/publish"}
#: What the week page may take at most (issue 3).
MOST_MS = 100
SHIFTS_A_DAY = (("08:00", "12:00"), ("13:00", "17:00"))


def run(report: Report) -> None:
    """The pages on both databases."""
    with running_server() as server, tempfile.TemporaryDirectory() as folder:
        for name, urls in {
            "SQLite": [f"sqlite:///{Path(folder) / f'{people}.sqlite3'}" for people in (FEW, MANY)],
            "PostgreSQL": [server.url(server.create_database()) for _ in (FEW, MANY)],
        }.items():
            few, many = (figures(url, people) for url, people in zip(urls, (FEW, MANY), strict=True))
            for page in PAGES:
                verdict = "equal" if few[page][0] == many[page][0] else "NOT equal"
                queries = f"{few[page][0]} and {many[page][0]}"
                report.line(f"{name}, {page}: queries at {FEW} and {MANY} people", queries, verdict)
                within = "" if many[page][1] < MOST_MS else f" (ABOVE {MOST_MS})"
                report.line(f"{name}, {page}: server time at {MANY} people", f"{many[page][1]:.1f}", f"ms{within}")


def figures(url: str, people: int) -> dict[str, tuple[int, float]]:
    """Statements and median milliseconds of each page."""
    with staffed(url, people) as (store, client):
        statements = Statements(store)
        return {name: (statements.of(client, path), milliseconds(client, path)) for name, path in PAGES.items()}


@contextmanager
def staffed(url: str, people: int) -> Iterator[tuple[Store, Any]]:
    """A site with so many people, each with two shifts on five days, and a draft of the week; signed in."""
    upgrade(url)
    store = Store(url)
    try:
        with store.writing() as db:
            cast = make_cast(db)
            _fill(db, cast, people)
        client: Any = app_on(store, Clock(NOW)).test_client()
        with store.writing() as db:
            client.set_cookie("planner", signed_in(db, cast.accounts["coordinator"], NOW))
        client.csrf_token = csrf_token()
        yield store, client
    finally:
        store.dispose()


def _fill(db: Session, cast: Cast, people: int) -> None:
    roles = (Role.THERAPIST, Role.NURSE, Role.PRESCRIBER)
    db.add_all(
        OpeningHours(site_id=cast.north.id, weekday=day, opens_minute=480, closes_minute=1080) for day in range(5)
    )
    for number in range(people):
        somebody = add_person(db, f"Test Person {number}", roles=[roles[number % 3]], sites=[cast.north], lanes=2)
        days = (MONDAY - timedelta(weeks=1), MONDAY + timedelta(weeks=2))
        add_weekly_shifts(db, somebody, cast.north, range(5), days, *SHIFTS_A_DAY)
    start_draft(db, cast.principals["coordinator"], site_id=cast.north.id, monday=MONDAY, source="published", now=NOW)
