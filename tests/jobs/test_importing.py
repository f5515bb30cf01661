"""Background work on a file: in a process of its own, told as it goes, all or nothing, stopped when asked."""

import os
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from planner.domain.access import Principal, Role
from planner.jobs import importing
from planner.jobs.importing import Ticker, work_on
from planner.services.rostering import add_person, add_shift
from planner.services.spreadsheets import runs
from planner.services.spreadsheets.progress import Progress
from planner.store.engine import Store
from planner.store.records import AuditEntry, Closure, ImportRun, ImportState, Shift, Site
from tests.support.large_files import NOW, set_up

ROOT = Path(__file__).resolve().parents[2]
THREE = b"site,day\nMAIN,2027-05-01\nMAIN,2027-05-02\nMAIN,2027-05-03\n"


class Bench:
    """A store of its own, one coordinator, and the work on their files."""

    def __init__(self, store: Store, folder: Path) -> None:
        self.store, self.progress, self.now = store, Progress(folder), NOW
        with store.writing() as db:
            self.principal: Principal = set_up(db)

    def clock(self) -> datetime:
        return self.now

    def take_in(self, content: bytes = THREE, kind: str = "closures") -> int:
        with self.store.writing() as db:
            return runs.take_in(db, self.principal, kind=kind, content=content, choices={}, now=self.now)

    def work(self, run_id: int) -> ImportState:
        work_on(self.store, run_id, progress=self.progress, clock=self.clock, every=0)
        return self.run(run_id).state

    def run(self, run_id: int) -> runs.Run:
        with self.store.reading() as db:
            return runs.own_run(db, self.principal, run_id)

    def agree(self, run_id: int) -> None:
        with self.store.writing() as db:
            version = runs.own_run(db, self.principal, run_id).version
            runs.ask_to_write(db, self.principal, run_id, seen_version=version, now=self.now)

    def closures(self) -> int:
        with self.store.reading() as db:
            return db.scalar(select(func.count()).select_from(Closure)) or 0


@pytest.fixture
def bench(fresh_store: Store, tmp_path: Path) -> Bench:
    return Bench(fresh_store, tmp_path / "imports")


def test_a_process_of_its_own_checks_and_writes(bench: Bench) -> None:
    run_id = bench.take_in()
    for state in (ImportState.CHECKED, ImportState.DONE):
        subprocess.run(
            [sys.executable, "-m", "planner.jobs.importing", str(run_id)],
            cwd=ROOT,
            env={**os.environ, "DATABASE_URL": bench.store.url, "SECRET_KEY": "a secret for tests only"},
            check=True,
        )
        assert bench.run(run_id).state is state
        if state is ImportState.CHECKED:
            assert bench.closures() == 0
            bench.agree(run_id)
    assert bench.closures() == 3
    with bench.store.reading() as db:
        assert db.scalar(select(ImportRun.content)) is None
        (entry,) = db.scalars(select(AuditEntry).where(AuditEntry.action == "import.write"))
        assert entry.detail == {"kind": "closures", "new": 3, "changed": 0, "same": 0}


def test_the_work_may_not_take_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[object] = []
    monkeypatch.setattr(importing.os, "nice", taken.append)
    monkeypatch.setattr(importing.resource, "setrlimit", lambda *limits: taken.extend(limits))
    monkeypatch.setattr(importing, "Settings", _Refusing)
    with pytest.raises(_Refused):
        importing.main(["1"])
    assert taken == [importing.NICE, importing.resource.RLIMIT_AS, (importing.MOST_MEMORY, importing.MOST_MEMORY)]
    assert importing.main(["x"]) == 2


class _Refused(Exception):
    pass


class _Refusing:
    @classmethod
    def from_environment(cls) -> None:
        raise _Refused


def test_progress_is_told_while_the_file_is_written(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """On SQLite nobody else can write then, so it is told beside the database, and reading goes on."""
    run_id = bench.take_in()
    bench.work(run_id)
    bench.agree(run_id)
    seen: list[tuple[object, ImportState]] = []

    def watch(ticker: Ticker, done: int) -> None:
        tell_now(ticker, done)
        told = bench.progress.read(run_id)
        seen.append((told and (told.done, told.total), bench.run(run_id).state))

    tell_now: Callable[[Ticker, int], None] = Ticker.tell_now
    monkeypatch.setattr(Ticker, "tell_now", watch)
    assert bench.work(run_id) is ImportState.DONE
    assert seen[-1] == ((3, 3), ImportState.WRITING)
    assert bench.progress.read(run_id) is None


@pytest.mark.parametrize("writing", [False, True])
def test_a_stop_leaves_nothing_behind(bench: Bench, writing: bool) -> None:
    run_id = bench.take_in()
    if writing:
        bench.work(run_id)
        bench.agree(run_id)
    bench.progress.ask_to_stop(run_id)
    bench.work(run_id)
    with bench.store.writing() as db:
        assert runs.stop(db, bench.principal, run_id, now=bench.now)
    assert (bench.run(run_id).state, bench.closures()) == (ImportState.STOPPED, 0)
    with bench.store.reading() as db:
        assert db.scalar(select(ImportRun.content)) is None


def test_it_is_too_late_to_stop_what_is_written(bench: Bench) -> None:
    run_id = bench.take_in()
    bench.work(run_id)
    bench.agree(run_id)
    bench.work(run_id)
    with bench.store.writing() as db:
        assert not runs.stop(db, bench.principal, run_id, now=bench.now)
    assert bench.closures() == 3


def test_what_changed_since_the_check_is_found_before_anything_is_written(bench: Bench) -> None:
    """The whole file is checked again inside the transaction that writes it."""
    shifts = (
        b"person,site,day,start,end\nTest Nurse,MAIN,2027-05-03,08:00,16:00\nTest Nurse,MAIN,2027-05-04,08:00,16:00\n"
    )
    with bench.store.writing() as db:
        site = db.scalars(select(Site)).one()
        nurse = add_person(db, "Test Nurse", roles=[Role.NURSE], sites=[site])
    run_id = bench.take_in(shifts, "shifts")
    bench.work(run_id)
    bench.agree(run_id)
    with bench.store.writing() as db:
        add_shift(db, nurse, site, date(2027, 5, 4), "07:00", "12:00")
    assert bench.work(run_id) is ImportState.CHECKED
    with bench.store.reading() as db:
        (fault,) = runs.faults_of(db, bench.principal, run_id)
        assert "already works then: 07:00 to 12:00" in fault[2]
        assert db.scalar(select(func.count()).select_from(Shift)) == 1


def test_a_fault_half_way_leaves_nothing_behind(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    run_id = bench.take_in()
    bench.work(run_id)
    bench.agree(run_id)

    def break_down(db: Session, *_: object) -> bool:
        assert db.scalar(select(func.count()).select_from(Closure)) == 3
        raise MemoryError

    monkeypatch.setattr(runs, "note_done", break_down)
    assert bench.work(run_id) is ImportState.FAILED
    assert "needs more memory" in str(bench.run(run_id).summary["sentence"])
    assert bench.closures() == 0


def test_a_process_that_died_is_told_and_the_file_can_be_read_again(bench: Bench) -> None:
    run_id = bench.take_in()
    with bench.store.writing() as db:
        assert runs.begin(db, run_id, bench.now) is not None
    assert bench.work(run_id) is ImportState.CHECKING, "somebody works on it already"
    bench.now += timedelta(seconds=31)
    with bench.store.writing() as db:
        version = runs.own_run(db, bench.principal, run_id).version
        runs.read_again(db, bench.principal, run_id, choices={}, seen_version=version, now=bench.now)
    assert bench.work(run_id) is ImportState.CHECKED


def test_who_takes_a_run_over_takes_it_from_whoever_had_it(bench: Bench) -> None:
    run_id = bench.take_in()
    with bench.store.writing() as db:
        first = runs.begin(db, run_id, bench.now)
    assert first is not None
    bench.now += timedelta(seconds=31)
    with bench.store.writing() as db:
        version = runs.own_run(db, bench.principal, run_id).version
        runs.read_again(db, bench.principal, run_id, choices={}, seen_version=version, now=bench.now)
    with bench.store.writing() as db:
        assert not runs.is_alive(db, first, 1, 3, bench.now)
        assert runs.content_of(db, first) is None


def test_content_that_nobody_went_on_with_is_not_kept(bench: Bench) -> None:
    run_id = bench.take_in()
    bench.work(run_id)
    bench.now += timedelta(hours=25)
    bench.take_in()
    assert (bench.run(run_id).state, bench.run(run_id).has_content) == (ImportState.STOPPED, False)


def test_one_person_has_one_file_read_at_a_time(bench: Bench) -> None:
    bench.take_in()
    with pytest.raises(Exception, match="Another file of yours is being read"):
        bench.take_in()


def test_progress_that_is_torn_or_missing_is_no_progress(tmp_path: Path) -> None:
    progress = Progress(tmp_path / "imports")
    assert progress.read(1) is None
    progress.tell(1, 2, 3, datetime(2027, 1, 1, tzinfo=UTC))
    assert progress.read(1) is not None
    (tmp_path / "imports" / "import-1.progress").write_text("[1")
    assert progress.read(1) is None
    progress.clear(1)
    assert not list((tmp_path / "imports").iterdir())
