"""A calendar of 200 appointments: made, asked for again (304), and weighed against the library alone"""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from time import process_time
from typing import Any

from icalendar import Calendar, Event
from sqlalchemy.orm import Session

from planner.domain.statuses import AppointmentKind
from planner.domain.walltime import local_day, resolve_wall
from planner.services.publishing import CONSENT_VERSION, create_feed
from planner.store.engine import Store
from planner.store.migrate import upgrade
from planner.store.records import FeedScope
from tests import builders
from tests.benchmarks.report import Report, percentile
from tests.support.cast import NOW, Cast, Clock, make_cast
from tests.support.demo import app_on
from tests.support.postgres import running_server

EVENTS = 200
A_DAY = 4
FIRST_DAY = -20
REPEAT = 15
#: Calendar programs may look once a minute; the clock goes on between the fetches.
BETWEEN = timedelta(seconds=61)


def run(report: Report) -> None:
    """A patient's and a site's calendar on both databases."""
    plain = median_ms(lambda: plainly(EVENTS))
    report.line(f"the library alone, {EVENTS} events", plain, "ms")
    with running_server() as server, tempfile.TemporaryDirectory() as folder:
        urls = {
            "SQLite": f"sqlite:///{Path(folder) / 'feeds.sqlite3'}",
            "PostgreSQL": server.url(server.create_database()),
        }
        for name, url in urls.items():
            with clinic_with_feeds(url) as (app, clock, tokens):
                for scope, token in tokens.items():
                    measure_feed(report, f"{name}, {scope}", app.test_client(), clock, token, plain)


def measure_feed(report: Report, name: str, client: Any, clock: Clock, token: str, plain: float) -> None:
    """The figures of one calendar."""
    path = f"/c/{token}/appointments.ics"

    def fetch(**headers: str) -> Any:
        clock.now += BETWEEN
        return client.get(path, headers=headers)

    full = fetch()
    events = full.data.count(b"BEGIN:VEVENT")
    if (full.status_code, events) != (200, EVENTS):
        raise RuntimeError(f"{name}: {full.status_code} with {events} events")
    known = {"If-None-Match": full.headers["ETag"]}
    if fetch(**known).status_code != 304:
        raise RuntimeError(f"{name}: the same calendar is sent twice")
    made = median_ms(fetch)
    again = median_ms(lambda: fetch(**known))
    report.line(f"{name}: one answer, processor time", made, "ms")
    report.line(f"{name}: that is so many times the library alone", made / plain, "x")
    report.line(f"{name}: one 304, processor time", again, "ms")
    report.line(f"{name}: size", len(full.data) / 1000, "kB")


def median_ms(work: Callable[[], object]) -> float:
    """Median milliseconds of processor time."""
    work()
    taken = []
    for _ in range(REPEAT):
        started = process_time()
        work()
        taken.append((process_time() - started) * 1000)
    return percentile(taken, 50)


def plainly(count: int) -> bytes:
    """What the library takes to write as many events with the same properties."""
    calendar = Calendar()
    calendar.add("prodid", "-//bench//EN")
    calendar.add("version", "2.0")
    start = datetime(2026, 3, 4, 15, tzinfo=UTC)
    for number in range(count):
        event = Event()
        for name, value in (
            ("uid", f"{number:032x}@appointments.invalid"), ("summary", "Appointment"), ("dtstamp", start),
            ("dtstart", start + timedelta(hours=number)), ("dtend", start + timedelta(hours=number + 1)),
            ("sequence", 0), ("last-modified", start), ("status", "CONFIRMED"), ("class", "PRIVATE"),
            ("transp", "OPAQUE"), ("x-microsoft-cdo-busystatus", "BUSY"),
        ):  # fmt: skip
            event.add(name, value)
        calendar.add_component(event)
    return calendar.to_ical()


@contextmanager
def clinic_with_feeds(url: str) -> Iterator[tuple[Any, Clock, dict[str, str]]]:
    """The app over EVENTS appointments of one patient at one site, and the secrets of both calendars."""
    upgrade(url)
    store = Store(url)
    clock = Clock(NOW)
    try:
        with store.writing() as db:
            cast = make_cast(db)
            fill(db, cast)
            tokens = {
                "patient": link(db, cast, "patient", FeedScope.PATIENT, cast.patients["alder"].id),
                "site": link(db, cast, "coordinator", FeedScope.SITE, cast.north.id),
            }
        yield app_on(store, clock), clock, tokens
    finally:
        store.dispose()


def fill(db: Session, cast: Cast) -> None:
    """A few sessions on each of many days."""
    first = local_day(NOW, cast.north.zone) + timedelta(days=FIRST_DAY)
    for number in range(EVENTS):
        day, slot = divmod(number, A_DAY)
        wall = datetime.combine(first + timedelta(days=day), time(9 + 2 * slot))
        builders.appointment(
            db, cast.patients["alder"], resolve_wall(wall, cast.north.zone), 60, kind=AppointmentKind.INTEGRATION,
            therapist=cast.people["therapist"], now=NOW,
        )  # fmt: skip


def link(db: Session, cast: Cast, who: str, scope: FeedScope, subject_id: int) -> str:
    """The secret of a new calendar link."""
    _, token = create_feed(
        db, cast.principals[who], scope, subject_id, "Bench", now=NOW, consent_version=CONSENT_VERSION
    )
    return token
