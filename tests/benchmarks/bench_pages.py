"""Pages with 1 and with 50 rows: queries, and processor time of the server"""

import tempfile
from pathlib import Path
from time import process_time

from planner.store.engine import Store
from planner.store.migrate import upgrade
from tests.benchmarks.report import Report, percentile
from tests.support.crowd import Crowd, Statements
from tests.support.postgres import running_server
from tests.support.strict_client import StrictClient

FEW, MANY = 1, 50
REPEAT = 7

Figures = dict[str, tuple[int, float]]


def run(report: Report) -> None:
    """Every page of the crowd on both databases; the times on SQLite only."""
    with running_server() as server, tempfile.TemporaryDirectory() as folder:
        files = {rows: f"sqlite:///{Path(folder) / f'{rows}.sqlite3'}" for rows in (FEW, MANY)}
        few, many = (figures(files[rows], rows) for rows in (FEW, MANY))
        for name in few:
            tell(report, name, few[name], many[name])
        few, many = (figures(server.url(server.create_database()), rows) for rows in (FEW, MANY))
        unequal = [name for name in few if few[name][0] != many[name][0]]
        report.line("PostgreSQL: pages whose queries are NOT equal", ", ".join(unequal) or "none")


def figures(url: str, rows: int) -> Figures:
    """Statements and median milliseconds of each page."""
    upgrade(url)
    store = Store(url)
    try:
        crowd = Crowd(store, rows)
        statements = Statements(store)
        clients = {who: crowd.client(who) for who, _ in crowd.pages().values()}
        return {
            name: (statements.of(clients[who], path), milliseconds(clients[who], path))
            for name, (who, path) in crowd.pages().items()
        }
    finally:
        store.dispose()


def milliseconds(client: StrictClient, path: str) -> float:
    """Median processor time of one answer; the client's own checks of the page are part of it."""
    taken = []
    for _ in range(REPEAT):
        started = process_time()
        client.get(path)
        taken.append((process_time() - started) * 1000)
    return percentile(taken, 50)


def tell(report: Report, name: str, few: tuple[int, float], many: tuple[int, float]) -> None:
    """One line of queries side by side, one of times."""
    verdict = "equal" if few[0] == many[0] else "NOT equal"
    report.line(f"{name}: queries, {FEW} and {MANY} rows", f"{few[0]} and {many[0]}", verdict)
    report.line(f"{name}: server time, {FEW} and {MANY} rows", f"{few[1]:.1f} and {many[1]:.1f}", "ms")
