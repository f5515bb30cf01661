"""The race: many processes book or move at once; then a judge looks at what is stored.

    python -m tests.races.race --database URL --mode same|mixed|claims|moves|all --attempts 2000 --processes 8

`--unguarded` takes the guards away and lets the application check first instead: the same race must then overlap, or
it proves nothing. Use a database that may be thrown away: it is migrated, and clinics are added.
"""

from __future__ import annotations

import argparse
import multiprocessing
import random
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.pool import Pool
from time import perf_counter
from typing import Any

from sqlalchemy import func, select, text

from planner.domain.errors import Refused
from planner.services.booking import book_course
from planner.store.engine import Store, make_engine
from planner.store.guards import install_guards, remove_guards
from planner.store.migrate import upgrade
from planner.store.records import Site
from tests.benchmarks.report import percentile
from tests.races.attempts import MODES, WHOLE, Job, Outcome, anywhere, take_part
from tests.races.judge import Verdict, judge
from tests.support.small_clinic import NOW, SmallClinic, make_small_clinic, proposal

WAIT_SECONDS = 120
COURSES_TO_MOVE = 40


@dataclass(frozen=True)
class Result:
    """One race: what the processes saw, added up, and what the judge found."""

    mode: str
    attempts: int
    booked: int
    moved: int
    refused: int
    stale: int
    untold: int
    without_alternative: int
    verdict: Verdict
    deadlocks: int
    per_second: float
    p99_ms: float
    worst_ms: float

    @property
    def clean(self) -> bool:
        """No overlap, nothing half, nothing lost, every loser told why with other times."""
        found = self.verdict
        return not (
            found.overlaps + found.halves + found.unacknowledged + found.lost
            + self.untold + self.without_alternative
        )  # fmt: skip

    def line(self) -> str:
        found = self.verdict
        return (
            f"{self.mode:<7} attempts {self.attempts:>5}  booked {self.booked:>5}  moved {self.moved:>5}  "
            f"refused {self.refused:>5}  stale {self.stale:>4}  overlaps {found.overlaps:>3}  "
            f"half {found.halves:>2}  lost {found.lost:>2}  untold {self.untold:>2}  "
            f"no alternative {self.without_alternative:>2}  deadlocks {self.deadlocks:>2}  "
            f"{self.per_second:>5.0f}/s  p99 {self.p99_ms:>5.0f} ms  worst {self.worst_ms:>5.0f} ms"
        )


class Racers:
    """Processes that stay for several races, so that they are started once only."""

    def __init__(self, pool: Pool, processes: int) -> None:
        self._pool = pool
        self.processes = processes

    def run(self, url: str, mode: str, attempts: int, *, unguarded: bool = False, seed: int = 1) -> Result:
        """One race in a clinic of its own, in the (migrated) database at `url`."""
        share = max(1, attempts // self.processes)
        clinic, acknowledged = _prepare(url, mode, share * self.processes)
        before = _deadlocks(url)
        jobs = [
            Job(url, clinic, mode, number, self.processes, share, unguarded, seed) for number in range(self.processes)
        ]
        started = perf_counter()
        with _guards_away(url, unguarded):
            outcomes = self._pool.map(_run, jobs, chunksize=1)
            taken = perf_counter() - started
            return _result(url, mode, clinic, acknowledged, outcomes, taken, before)


@contextmanager
def racing(processes: int) -> Iterator[Racers]:
    """Start the processes, and end them properly."""
    context = multiprocessing.get_context("spawn")
    pool = context.Pool(processes, initializer=_meet_at, initargs=(context.Barrier(processes),))
    try:
        yield Racers(pool, processes)
        pool.close()
    except BaseException:
        pool.terminate()
        raise
    finally:
        pool.join()


_barrier: Any = None


def _meet_at(barrier: Any) -> None:
    global _barrier
    _barrier = barrier


def _run(job: Job) -> Outcome:
    return take_part(job, lambda: _barrier.wait(WAIT_SECONDS))


def _prepare(url: str, mode: str, attempts: int) -> tuple[SmallClinic, dict[int, int]]:
    store = Store(url)
    acknowledged: dict[int, int] = {}
    try:
        with store.writing() as db:
            name = f"Test Site {db.scalars(select(func.count()).select_from(Site)).one():03d}"
            clinic = make_small_clinic(
                db, name=name, chairs=4, lanes=4, therapists=4, rooms=4,
                patients=COURSES_TO_MOVE if mode == "moves" else attempts,
            )  # fmt: skip
        chance = random.Random(name)
        patient = 0
        while mode == "moves" and patient < COURSES_TO_MOVE:
            try:
                with store.writing() as db:
                    course = book_course(
                        db, clinic.coordinator, patient_id=clinic.patients[patient].id,
                        protocol_version_id=clinic.version_id, site_id=clinic.site_id, wishes={},
                        proposal=proposal(anywhere(clinic, patient, 0, chance)), now=NOW,
                    )  # fmt: skip
            except Refused:
                continue
            acknowledged[course.id] = 1
            patient += 1
    finally:
        store.dispose()
    return clinic, acknowledged


@contextmanager
def _guards_away(url: str, unguarded: bool) -> Iterator[None]:
    if not unguarded:
        yield
        return
    engine = make_engine(url)
    try:
        with engine.begin() as connection:
            remove_guards(connection)
        yield
        with engine.begin() as connection:
            connection.execute(text("DELETE FROM occupancy"))
            install_guards(connection)
    finally:
        engine.dispose()


def _deadlocks(url: str) -> int:
    engine = make_engine(url, read_only=True)
    try:
        with engine.connect() as connection:
            if connection.dialect.name == "sqlite":
                return 0
            seen = text("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
            return int(connection.execute(seen).scalar_one())
    finally:
        engine.dispose()


def _result(
    url: str,
    mode: str,
    clinic: SmallClinic,
    acknowledged: dict[int, int],
    outcomes: list[Outcome],
    taken: float,
    deadlocks_before: int,
) -> Result:
    told = Counter(course_id for outcome in outcomes for course_id in outcome.booked)
    moves = Counter(appointment_id for outcome in outcomes for appointment_id in outcome.moved)
    seconds = [one for outcome in outcomes for one in outcome.seconds]
    appointments, claims = WHOLE[mode]
    verdict = judge(
        url, clinic.site_id, appointments=appointments, claims=claims, acknowledged=told | Counter(acknowledged),
        moves=moves, acts=told.total() + moves.total() + len(acknowledged),
    )  # fmt: skip
    return Result(
        mode=mode,
        attempts=len(seconds),
        booked=told.total(),
        moved=moves.total(),
        refused=sum(outcome.refused for outcome in outcomes),
        stale=sum(outcome.stale for outcome in outcomes),
        untold=sum(outcome.untold for outcome in outcomes),
        without_alternative=sum(outcome.without_alternative for outcome in outcomes),
        verdict=verdict,
        deadlocks=_deadlocks(url) - deadlocks_before,
        per_second=len(seconds) / taken,
        p99_ms=percentile(seconds, 99) * 1000,
        worst_ms=max(seconds) * 1000,
    )


def main(arguments: list[str]) -> int:
    """Run the races asked for; 1 when one was not clean, or a control did not overlap."""
    parser = argparse.ArgumentParser(prog="python -m tests.races.race", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--database", required=True, help="sqlite:///file or postgresql://…, to be thrown away")
    parser.add_argument("--mode", choices=[*MODES, "all"], default="all")
    parser.add_argument("--attempts", type=int, default=2000)
    parser.add_argument("--processes", type=int, default=8)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--unguarded", action="store_true", help="control: without the guards it must overlap")
    asked = parser.parse_args(arguments)
    upgrade(asked.database)
    bad = 0
    with racing(asked.processes) as racers:
        for mode in MODES if asked.mode == "all" else [asked.mode]:
            result = racers.run(asked.database, mode, asked.attempts, unguarded=asked.unguarded, seed=asked.seed)
            print(result.line(), flush=True)
            bad += (result.verdict.overlaps == 0) if asked.unguarded else not result.clean
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
