"""Pages ask the database as often for many rows as for one (house.md, habit 18)."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from planner.store.engine import Store
from tests.support.crowd import Crowd, Statements
from tests.support.strict_client import StrictClient

FEW, MANY = 1, 4
#: Signing in, navigation and the clinic's name take some; no page needs more than this in all.
MOST = 40
PAGES = [
    *("/today, admin", "/today, coordinator", "/today, prescriber", "/today, nurse", "/today, therapist"),
    *("/courses", "/courses/<id>", "/courses/<id>/dates", "/courses/<id>/changes", "/infusions/<id>", "move"),
    *("/patients", "/patients, what waits", "/find", "/patients/<id>", "/feeds", "/my", "/my/dates", "/my/calendar"),
    *("/admin/protocols", "/admin/protocols/<id>", "/admin/protocols/<id>/windows"),
    *("/admin/protocols/<id>/visit", "/admin/protocols/<id>/phases"),
    *("/rosters", "/rosters/<week>/draft", "/rosters/<week>/publish", "/rosters/patterns", "/rosters/ahead"),
    *("/admin/sites", "/admin/sites/<id>", "/admin/chairs/<id>", "/admin/staff", "/admin/staff/<id>"),
    *("/admin/staff/<id>/leave", "/patients/<id>/edit"),
    *("wizard, step 4", "wizard, all dates"),
]


class Counted:
    """A crowd, and how many statements each of its pages takes."""

    def __init__(self, url: str, rows: int) -> None:
        self.store = Store(url)
        self.crowd = Crowd(self.store, rows)
        self._statements = Statements(self.store)
        self._clients: dict[str, StrictClient] = {}

    def of(self, name: str) -> int:
        who, path = self.crowd.pages()[name]
        if who not in self._clients:
            self._clients[who] = self.crowd.client(who)
        return self._statements.of(self._clients[who], path)


@pytest.fixture(scope="module")
def crowds(sqlite_template: Path) -> Iterator[tuple[Counted, Counted]]:
    made = []
    for rows in (FEW, MANY):
        file = shutil.copy(sqlite_template, sqlite_template.with_name(f"crowd-{rows}.sqlite3"))
        made.append(Counted(f"sqlite:///{file}", rows))
    yield made[0], made[1]
    for counted in made:
        counted.store.dispose()


@pytest.mark.parametrize("name", PAGES)
def test_a_page_asks_as_often_for_many_rows_as_for_one(crowds: tuple[Counted, Counted], name: str) -> None:
    few, many = (counted.of(name) for counted in crowds)
    assert many == few, f"{name}: {few} statements for {FEW} row, {many} for {MANY}"
    assert 0 < few <= MOST


def test_every_page_of_the_crowd_is_counted(crowds: tuple[Counted, Counted]) -> None:
    assert sorted(crowds[0].crowd.pages()) == sorted(PAGES)


def test_more_rows_are_really_more(crowds: tuple[Counted, Counted]) -> None:
    """Or all pages would be equal because all were empty."""
    for name in ("/today, coordinator", "/today, nurse", "/today, therapist", "/courses", "/courses/<id>", "/my/dates"):
        who, path = crowds[0].crowd.pages()[name]
        few, many = (len(counted.crowd.client(who).get(path).text) for counted in crowds)
        assert many > few, name
