"""Racing bookings: 8 processes after the same times"""

import tempfile
from pathlib import Path

from planner.store.migrate import upgrade
from tests.benchmarks.report import Report
from tests.races.attempts import MODES
from tests.races.race import Result, racing
from tests.support.postgres import running_server

PROCESSES = 8
ATTEMPTS = 400


def run(report: Report) -> None:
    """Every mode on both databases, each with its control."""
    with running_server() as server, tempfile.TemporaryDirectory() as folder, racing(PROCESSES) as racers:
        urls = {
            "SQLite": f"sqlite:///{Path(folder) / 'races.sqlite3'}",
            "PostgreSQL": server.url(server.create_database()),
        }
        for name, url in urls.items():
            upgrade(url)
            for mode in MODES:
                tell(report, f"{name}, {mode}", racers.run(url, mode, ATTEMPTS))
            control = racers.run(url, "same", ATTEMPTS, unguarded=True)
            report.line(f"{name}, control without guards: overlaps", control.verdict.overlaps)


def tell(report: Report, name: str, result: Result) -> None:
    """The figures of one race."""
    found = result.verdict
    report.line(f"{name}: overlaps, half bookings, lost, untold", _sum(result))
    report.line(f"{name}: attempts", result.per_second, "/s")
    report.line(f"{name}: 99th percentile of an attempt", result.p99_ms, "ms")
    report.line(f"{name}: won of {result.attempts}", result.moved or found.booked)


def _sum(result: Result) -> int:
    found = result.verdict
    return found.overlaps + found.halves + found.unacknowledged + found.lost + result.untold
