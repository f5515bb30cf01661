"""The last chair, over real HTTP: eight browsers, two server processes, one winner (security.md R1)."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from threading import Barrier

from sqlalchemy import text

from planner.services.rostering import add_patient
from planner.store.engine import Store
from tests.races.judge import OVERLAPS
from tests.support.cast import NOW, PASSWORD, make_cast
from tests.support.http_client import Answer, HttpClient
from tests.support.planning_clinic import put_to_work
from tests.support.server import serve_with_gunicorn
from tests.support.strict_client import Page
from tests.web.planning.wizard import Wizard

PEOPLE = 8
DATES = "4/dates"
INFUSIONS = "SELECT count(*) FROM appointment WHERE kind = 'infusion' AND status = 'booked'"
SECRET = "a secret for races only"


class Contest:
    """A clinic with one chair, and patients who all want the same days."""

    def __init__(self, store: Store) -> None:
        with store.writing() as db:
            cast = make_cast(db)
            self.version_id = put_to_work(db, cast, chairs=1, rooms=1).twice_weekly.id
            patients = [
                add_patient(db, code=f"P-9{n}", name=f"Test Patient {n}", site=cast.north, now=NOW)
                for n in range(PEOPLE)
            ]
            self.patient_ids = [patient.id for patient in patients]
            self.email = cast.email("coordinator")

    def wizards(self, url: str) -> list[Wizard]:
        """One browser for each patient, shown the same best plan as all the others."""
        return [self._wizard(url, patient_id).to(DATES) for patient_id in self.patient_ids]

    def _wizard(self, url: str, patient_id: int) -> Wizard:
        client = HttpClient(url)
        client.sign_in(self.email, PASSWORD)
        return Wizard(client, patient_id, self.version_id)


def all_at_once(acts: Iterable[Callable[[], Answer]]) -> list[Answer]:
    """Do every act at the same moment, each in a thread of its own."""
    acts = list(acts)
    ready = Barrier(len(acts))

    def take_part(act: Callable[[], Answer]) -> Answer:
        ready.wait(30)
        return act()

    with ThreadPoolExecutor(len(acts)) as people:
        return list(people.map(take_part, acts))


def choose(wizards: list[Wizard]) -> list[Answer]:
    """All take the plan they are shown."""
    pages = [wizard.page(DATES) for wizard in wizards]
    return all_at_once(
        partial(wizard.send, DATES, page=page) for wizard, page in zip(wizards, pages, strict=True)
    )  # fmt: skip


def book_twice(wizards: list[Wizard]) -> list[Answer]:
    """All press the last button, and each presses it twice."""
    pages = [wizard.page(5) for wizard in wizards]
    return all_at_once(
        partial(wizard.send, 5, page=page) for wizard, page in zip(wizards, pages, strict=True) for _ in range(2)
    )  # fmt: skip


def test_one_browser_gets_the_last_chair_the_others_are_told_and_nobody_books_twice(
    fresh_store: Store, tmp_path: Path
) -> None:
    contest = Contest(fresh_store)
    environment = {"DATABASE_URL": fresh_store.url, "SECRET_KEY": SECRET, "PUBLIC_URL": "http://127.0.0.1"}
    with serve_with_gunicorn(
        "tests.races.served:app", environment=environment, ready_path="/healthz", log=tmp_path / "log"
    ) as server:
        wizards = contest.wizards(server.url)
        answers = choose(wizards)
        assert sorted(answer.status_code for answer in answers) == [303] + [409] * (PEOPLE - 1)
        for answer in answers:
            if answer.status_code == 409:
                assert "That plan is not free any more. Here is what is free now." in answer.text
                plans = [has for _, has, _ in Page(answer.text).boxes if has.get("type") == "radio"]
                assert plans, "the loser has another plan to take"

        holders = [wizard for wizard, answer in zip(wizards, answers, strict=True) if answer.location == wizard.url(5)]
        told = book_twice(holders)
        assert {answer.status_code for answer in told} == {303}
        assert len({answer.location for answer in told}) == 1
    with fresh_store.reading() as db:
        assert db.execute(text(OVERLAPS)).scalar_one() == 0
        assert db.execute(text("SELECT count(*) FROM course")).scalar_one() == 1
        assert db.execute(text(INFUSIONS)).scalar_one() == 6
