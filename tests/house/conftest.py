"""One demo clinic for all tests here that look at pages: lived in, served, and walked through by each role once."""

import logging
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.support.demo import A_DAY, ROLES, Demo, demo_clinic, live_in
from tests.support.server import serve
from tests.support.walker import Walk, Walker

NOBODY = "nobody"
WHO = (NOBODY, *ROLES)


class Keep(logging.Handler):
    """Keeps every line of every logger."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(f"{record.name} {record.getMessage()} {record.exc_info or ''} {record.args}")


@dataclass
class Stage:
    """The demo clinic, where it is served, and what was logged while it was used."""

    demo: Demo
    url: str
    kept: Keep
    _walks: dict[str, Walk] = field(default_factory=dict)

    def client(self, who: str) -> Any:
        """A test client signed in as a role, or as nobody."""
        return self.demo.client(None if who == NOBODY else who)

    def walk(self, who: str) -> Walk:
        """What this role can reach."""
        if who not in self._walks:
            with self.logged():
                walker = Walker(self.demo.app, self.client(who), A_DAY)
                self._walks[who] = walker.walk(["/", *self.demo.landings.get(who, [])])
        return self._walks[who]

    @contextmanager
    def logged(self) -> Iterator[None]:
        """Keep everything that is logged inside the block."""
        with _kept_in(self.kept):
            yield


@contextmanager
def _kept_in(kept: Keep) -> Iterator[None]:
    root = logging.getLogger()
    before = root.level
    root.addHandler(kept)
    root.setLevel(logging.DEBUG)
    try:
        yield
    finally:
        root.setLevel(before)
        root.removeHandler(kept)


@pytest.fixture(scope="session")
def stage(sqlite_template: Path) -> Iterator[Stage]:
    """This worker's demo clinic. Its pages are read; what is sent changes nothing that another test looks at."""
    file = shutil.copy(sqlite_template, sqlite_template.with_name("demo-clinic.sqlite3"))
    kept = Keep()
    with demo_clinic(f"sqlite:///{file}") as demo:
        with _kept_in(kept):
            live_in(demo)
        with serve(demo.app) as server:
            yield Stage(demo, server.url, kept)
