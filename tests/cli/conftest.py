"""The planner's command line on a database of the test's own."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import Result

from config import PasswordCost, Settings
from planner.app import create_app
from planner.services.demo import make_demo
from planner.store.engine import Store

NOW = datetime(2027, 1, 18, 15, 0, tzinfo=UTC)

Run = Callable[..., Result]


def runner_on(url: str) -> Iterator[Run]:
    """Runs a command as `flask --app wsgi …` would, with a steady clock and cheap password hashes."""
    settings = Settings(
        database_url=url,
        secret_key="only for tests",
        public_url="https://calendar.example",
        password_cost=PasswordCost(64, 1),
    )
    app = create_app(settings, clock=lambda: NOW)
    runner = app.test_cli_runner()

    def run(*words: str, typed: str = "") -> Result:
        return runner.invoke(args=list(words), input=typed)

    yield run
    app.extensions["planner"].dispose()


@pytest.fixture
def run(fresh_database_url: str) -> Iterator[Run]:
    """On a migrated, empty database."""
    yield from runner_on(fresh_database_url)


@pytest.fixture
def run_unmigrated(empty_database_url: str) -> Iterator[Run]:
    """On a database without any table."""
    yield from runner_on(empty_database_url)


def fill(url: str) -> None:
    """Put the made-up clinic into a migrated database."""
    store = Store(url)
    with store.writing() as db:
        make_demo(db, NOW, lambda _password: "nobody signs in here")
    store.dispose()


@pytest.fixture(scope="session")
def demo_template(database_kind: str, request: pytest.FixtureRequest) -> str:
    """A file, or a database's name, that holds the made-up clinic; to copy, because making it takes a second."""
    if database_kind == "postgres":
        server = request.getfixturevalue("postgres_server")
        name = server.create_database(request.getfixturevalue("postgres_template"))
        fill(server.url(name))
        return str(name)
    template = request.getfixturevalue("sqlite_template")
    file = shutil.copy(template, template.with_name("demo.sqlite3"))
    fill(f"sqlite:///{file}")
    return str(file)


@pytest.fixture
def demo_url(database_kind: str, demo_template: str, request: pytest.FixtureRequest) -> Iterator[str]:
    """The made-up clinic in a database of the test's own."""
    if database_kind == "postgres":
        server = request.getfixturevalue("postgres_server")
        name = server.create_database(demo_template)
        yield server.url(name)
        server.drop_database(name)
        return
    with tempfile.TemporaryDirectory(dir=Path(demo_template).parent) as folder:
        yield f"sqlite:///{shutil.copy(demo_template, Path(folder) / 'planner.sqlite3')}"


@pytest.fixture
def store(demo_url: str) -> Iterator[Store]:
    """The made-up clinic's database, to look into or to spoil."""
    found = Store(demo_url)
    yield found
    found.dispose()


@pytest.fixture
def demo(demo_url: str) -> Iterator[Run]:
    """On a database with the made-up clinic."""
    yield from runner_on(demo_url)
