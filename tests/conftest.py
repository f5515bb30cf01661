"""What every test may ask for: a migrated database on each engine, a browser, and strict, steady settings.

* `db` is a session whose work is rolled back, commits included. Take it unless the test needs more.
* `fresh_database_url` and `fresh_store` are a database of the test's own, for several connections, real
  commits or another process.

Both run the test twice, on SQLite and on PostgreSQL.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis
import pytest

from tests.support.postgres import RUN_FOLDER_VARIABLE, PostgresServer, make_run_folder, running_server

if TYPE_CHECKING:
    from playwright.sync_api import Browser
    from sqlalchemy import Engine
    from sqlalchemy.orm import Session

    from planner.store.engine import Store

# The same examples on every run, so that a failure is never a matter of luck. PLANNER_TEST_RANDOM=1 explores.
hypothesis.settings.register_profile(
    "planner",
    derandomize="PLANNER_TEST_RANDOM" not in os.environ,
    deadline=None,
    database=None,
    print_blob=True,
)
hypothesis.settings.load_profile("planner")


def pytest_configure(config: pytest.Config) -> None:
    """Make the folder for this run's databases; pytest-xdist's workers find it in their environment."""
    if not hasattr(config, "workerinput"):
        os.environ[RUN_FOLDER_VARIABLE] = str(make_run_folder())


def pytest_unconfigure(config: pytest.Config) -> None:
    """Remove it again, whatever a worker that was killed has left in it."""
    if not hasattr(config, "workerinput"):
        shutil.rmtree(os.environ.pop(RUN_FOLDER_VARIABLE, ""), ignore_errors=True)


@pytest.fixture(scope="session", params=["sqlite", "postgres"])
def database_kind(request: pytest.FixtureRequest) -> str:
    """Runs the test once on each of the two databases."""
    return str(request.param)


@pytest.fixture(scope="session")
def database_folder() -> Iterator[Path]:
    """Where this worker keeps its SQLite files."""
    with tempfile.TemporaryDirectory(dir=os.environ[RUN_FOLDER_VARIABLE]) as folder:
        yield Path(folder)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """This worker's own PostgreSQL. It is started by the first test that needs it; none is an error."""
    with running_server() as server:
        yield server


@pytest.fixture(scope="session")
def sqlite_template(database_folder: Path) -> Path:
    """A migrated SQLite file to copy. Nobody connects to it."""
    from planner.store.migrate import upgrade

    template = database_folder / "template.sqlite3"
    upgrade(f"sqlite:///{template}")
    return template


@pytest.fixture(scope="session")
def postgres_template(postgres_server: PostgresServer) -> str:
    """The name of a migrated PostgreSQL database to clone. Nobody connects to it."""
    from planner.store.migrate import upgrade

    template = postgres_server.create_database()
    upgrade(postgres_server.url(template))
    return template


@pytest.fixture(scope="session")
def database_url(database_kind: str, request: pytest.FixtureRequest) -> str:
    """This worker's migrated database, shared by its tests: change it through `db` only."""
    if database_kind == "postgres":
        server = request.getfixturevalue("postgres_server")
        return server.url(server.create_database(request.getfixturevalue("postgres_template")))
    template = request.getfixturevalue("sqlite_template")
    return f"sqlite:///{shutil.copy(template, template.with_name('shared.sqlite3'))}"


@pytest.fixture(scope="session")
def engine(database_url: str) -> "Iterator[Engine]":
    """The engine on `database_url`: read with it, or look at the schema; change data through `db` only."""
    from planner.store.engine import make_engine

    engine = make_engine(database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def db(engine: "Engine") -> "Iterator[Session]":
    """A session inside a transaction that is rolled back; a commit in it ends a savepoint only."""
    from sqlalchemy.orm import Session

    with engine.connect() as connection, connection.begin() as everything:
        with Session(connection, join_transaction_mode="create_savepoint", expire_on_commit=False) as session:
            yield session
        everything.rollback()


@pytest.fixture
def fresh_database_url(database_kind: str, request: pytest.FixtureRequest) -> Iterator[str]:
    """A migrated database that is this test's own and gone afterwards."""
    if database_kind == "postgres":
        server = request.getfixturevalue("postgres_server")
        name = server.create_database(request.getfixturevalue("postgres_template"))
        yield server.url(name)
        server.drop_database(name)
        return
    template = request.getfixturevalue("sqlite_template")
    with tempfile.TemporaryDirectory(dir=template.parent) as folder:
        yield f"sqlite:///{shutil.copy(template, Path(folder) / 'planner.sqlite3')}"


@pytest.fixture
def empty_database_url(database_kind: str, request: pytest.FixtureRequest) -> Iterator[str]:
    """A database without any table, for tests of the migrations themselves."""
    if database_kind == "postgres":
        server = request.getfixturevalue("postgres_server")
        name = server.create_database()
        yield server.url(name)
        server.drop_database(name)
        return
    with tempfile.TemporaryDirectory(dir=request.getfixturevalue("database_folder")) as folder:
        yield f"sqlite:///{Path(folder) / 'planner.sqlite3'}"


@pytest.fixture
def fresh_store(fresh_database_url: str) -> "Iterator[Store]":
    """The store on a database of this test's own, with real commits."""
    from planner.store.engine import Store

    store = Store(fresh_database_url)
    yield store
    store.dispose()


@pytest.fixture(scope="session")
def browser() -> "Iterator[Browser]":
    """This worker's Chromium; open pages with `tests.support.chromium.screen`."""
    from tests.support.chromium import running_browser

    with running_browser() as chromium:
        yield chromium
