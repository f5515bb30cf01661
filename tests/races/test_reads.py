"""Eight people read while two write: every answer comes, every read is written down, nobody waits for ever."""

from datetime import timedelta
from threading import Barrier, Thread
from typing import Any

from flask import Flask
from sqlalchemy import func, select

from planner.domain.reads import READS
from planner.store.engine import Store
from planner.store.records import Account, AuditEntry, Patient
from tests.support.cast import NOW, Cast, Clock, make_cast
from tests.support.demo import app_on, csrf_token, signed_in

READERS, WRITERS, TURNS = 8, 2, 6


def browser(app: Flask, store: Store, account: Account, address: str) -> Any:
    client: Any = app.test_client()
    with store.writing() as db:
        client.set_cookie("planner", signed_in(db, account, NOW))
    client.csrf_token = csrf_token()
    client.environ_base["REMOTE_ADDR"] = address
    return client


def change(client: Any, patient_id: int, turn: int) -> int:
    """Change a patient's record through its own page, as it stands now."""
    path = f"/patients/{patient_id}/edit"
    page = client.page(path)
    answer = client.submit(page, path, {"escort": f"Somebody {turn}"})
    return int(answer.status_code)


def test_readers_and_writers_of_one_record_all_get_their_answer(fresh_store: Store) -> None:
    with fresh_store.writing() as db:
        cast: Cast = make_cast(db)
        patient = cast.patients["alder"]
    app = app_on(fresh_store, Clock(NOW + timedelta(seconds=1)))
    answers: list[int] = []
    ready = Barrier(READERS + WRITERS)

    def read(number: int) -> None:
        client = browser(app, fresh_store, cast.accounts[("nurse", "coordinator")[number % 2]], f"192.0.2.{number}")
        ready.wait(30)
        for turn in range(TURNS):
            # Each from an address of its own, so that each is a line of its own.
            client.environ_base["REMOTE_ADDR"] = f"192.0.{number}.{turn}"
            answers.append(client.get(f"/patients/{patient.id}").status_code)

    def write(number: int) -> None:
        client = browser(app, fresh_store, cast.accounts["coordinator"], f"198.51.100.{number}")
        ready.wait(30)
        for turn in range(TURNS):
            answers.append(change(client, patient.id, turn))

    people = [Thread(target=read, args=(number,)) for number in range(READERS)]
    people += [Thread(target=write, args=(number,)) for number in range(WRITERS)]
    for person in people:
        person.start()
    for person in people:
        person.join(120)
    assert not any(person.is_alive() for person in people)
    assert len(answers) == (READERS + WRITERS) * TURNS
    assert set(answers) <= {200, 303, 409}, "the other writer may have been first, and nothing else"
    assert answers.count(303) >= TURNS
    with fresh_store.reading() as db:
        count = select(func.count()).where(AuditEntry.action.in_(READS), AuditEntry.address.like("192.0.%"))
        assert db.scalar(count) == READERS * TURNS
        assert (db.scalar(select(Patient.escort).where(Patient.id == patient.id)) or "").startswith("Somebody")
