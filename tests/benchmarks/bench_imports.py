"""Bringing in 10,000 shifts and 20,000 appointments, each in a process of its own"""

import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter

from planner.services.spreadsheets import runs
from planner.store.engine import Store
from planner.store.migrate import upgrade
from planner.store.records import ImportState
from tests.benchmarks.report import Report
from tests.support.large_files import NOW, Size, files, set_up
from tests.support.postgres import running_server

ROOT = Path(__file__).resolve().parents[2]
AIM_SECONDS, AIM_MEGABYTES = 60.0, 300.0
MEASURED = ("shifts", "appointments")


def run(report: Report) -> None:
    """Both databases: the files before are brought in too, but only these two are counted."""
    with running_server() as server, tempfile.TemporaryDirectory() as folder:
        urls = {
            "SQLite": f"sqlite:///{Path(folder) / 'imports.sqlite3'}",
            "PostgreSQL": server.url(server.create_database()),
        }
        for name, url in urls.items():
            upgrade(url)
            _measure(report, name, url)
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        report.line("largest process, resident", peak, "MB", aim=AIM_MEGABYTES)


def _measure(report: Report, name: str, url: str) -> None:
    store = Store(url)
    try:
        with store.writing() as db:
            principal = set_up(db)
        total = 0.0
        for kind, content in files(Size()):
            with store.writing() as db:
                run_id = runs.take_in(db, principal, kind=kind, content=content, choices={}, now=NOW)
            checking = _work(url, run_id)
            with store.writing() as db:
                found = runs.own_run(db, principal, run_id)
                assert (found.state, found.problem_count) == (ImportState.CHECKED, 0), found
                runs.ask_to_write(db, principal, run_id, seen_version=found.version, now=NOW)
            writing = _work(url, run_id)
            with store.reading() as db:
                assert runs.own_run(db, principal, run_id).state is ImportState.DONE
            if kind in MEASURED:
                report.line(f"{name}, {kind}: check", checking, "s")
                report.line(f"{name}, {kind}: write", writing, "s")
                total += checking + writing
        report.line(f"{name}, both in all", total, "s", aim=AIM_SECONDS)
    finally:
        store.dispose()


def _work(url: str, run_id: int) -> float:
    started = perf_counter()
    subprocess.run(
        [sys.executable, "-m", "planner.jobs.importing", str(run_id)],
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": url, "SECRET_KEY": "for figures only"},
        check=True,
    )
    return perf_counter() - started
