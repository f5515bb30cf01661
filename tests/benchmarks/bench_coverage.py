"""Coverage by dosing weekday: 60 therapists, 8 weeks, 60 % booked; two protocols side by side"""

from __future__ import annotations

import tempfile
from datetime import timedelta
from pathlib import Path
from random import Random

from planner.domain.access import Role
from planner.scheduling.coverage import Coverage
from planner.services.protocol_reach import reach_of
from planner.services.protocols import newest_version, protocol_of
from planner.services.rostering import add_person, add_weekly_shifts
from planner.store.engine import Store
from planner.store.migrate import upgrade
from tests.benchmarks.bench_planning import FIRST, LAST, THERAPISTS, Clinic
from tests.benchmarks.report import Report, measure
from tests.scheduling.scenario import iv
from tests.support.cast import NOW, make_cast
from tests.support.planning_clinic import THERAPY, WEEKDAYS, put_to_work

AIM_MS = 300.0
WEEKS = 10


def run(report: Report) -> None:
    """The counting alone on a busy sheet, then with reading a clinic's rosters from a database."""
    sheet = Clinic(Random(7)).sheet(7)
    last = LAST - timedelta(days=4)
    seconds, found = measure(lambda: Coverage(sheet, iv()).by_weekday(FIRST + timedelta(days=1), last), repeat=5)
    report.times("count one site from its sheet", seconds, median_aim=AIM_MS)
    report.line("possible dose starts counted", sum(each.starts for each in found))
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder) / 'coverage.sqlite3'}"
        upgrade(url)
        store = Store(url)
        try:
            _from_database(report, store)
        finally:
            store.dispose()


def _from_database(report: Report, store: Store) -> None:
    with store.writing() as db:
        cast = make_cast(db)
        put_to_work(db, cast)
        for number in range(THERAPISTS - 2):
            person = add_person(db, f"Test Therapist {number}", roles=[Role.THERAPIST], sites=[cast.north])
            days = (NOW.date(), NOW.date() + timedelta(weeks=WEEKS))
            add_weekly_shifts(db, person, cast.north, WEEKDAYS, days, *THERAPY)
    with store.reading() as db:
        both = [protocol_of(db, newest_version(db, slug).id) for slug in ("iv-racemic-twice-weekly", "im-racemic")]
        reader = cast.principals["therapist"]
        seconds, reaches = measure(lambda: reach_of(db, reader, both, NOW), repeat=5)
    report.times("read rosters and count two protocols", seconds, median_aim=AIM_MS)
    report.line("possible dose starts counted", sum(each.starts for each in reaches[0].reaches[0].weekdays))
