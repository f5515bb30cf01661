"""Real calendar programs subscribe, an infusion moves, and they look again: same UIDs, new times, no ghosts."""

import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import icalendar
import pytest
from playwright.sync_api import Browser

from config import PasswordCost, Settings
from planner.app import create_app
from planner.domain.statuses import AppointmentKind
from planner.services.publishing import CONSENT_VERSION, create_feed
from planner.store.engine import Store
from planner.store.records import FeedScope
from tests.feeds.test_ical_js import LIBRARY, READ
from tests.support.cast import NOW, Clock, make_cast
from tests.support.server import RunningServer, serve
from tests.web.my.stage import Stage, make_stage

SETTINGS = """
[general]
status_path = "{folder}/status"
[pair dates]
a = "clinic"
b = "phone"
collections = null
conflict_resolution = "a wins"
[storage clinic]
type = "http"
url = "{address}"
[storage phone]
type = "filesystem"
path = "{folder}/phone"
fileext = ".ics"
"""


class Subscribed:
    """A patient's calendar that is served for real, and the clinic behind it."""

    def __init__(self, store: Store, stage: Stage, path: str, served: RunningServer) -> None:
        self.store, self.stage, self.address = store, stage, served.url + path

    def fetch(self) -> bytes:
        with urllib.request.urlopen(self.address, timeout=10) as answer:
            return bytes(answer.read())

    def move_dose(self, number: int) -> dict[str, datetime]:
        """Move an infusion to another day as the coordinator does; what moved, by UID, and to when."""
        with self.store.writing() as db:
            stage = Stage(db, self.stage.cast, self.stage.course)
            before = {row.uid: row.starts_at for row in stage.dates()}
            stage.move(stage.dose(number), choose=0, now=NOW + timedelta(minutes=5))
            return {row.uid: row.starts_at for row in stage.dates() if row.starts_at != before.get(row.uid)}

    def planned(self) -> dict[str, datetime]:
        """Every booked date by UID."""
        with self.store.reading() as db:
            return {row.uid: row.starts_at for row in Stage(db, self.stage.cast, self.stage.course).dates()}


@pytest.fixture
def subscribed(fresh_store: Store) -> Iterator[Subscribed]:
    """Alder's calendar over HTTP."""
    with fresh_store.writing() as db:
        cast = make_cast(db)
        stage = make_stage(db, cast)
        _, token = create_feed(
            db, cast.principals["patient"], FeedScope.PATIENT, cast.patients["alder"].id, "Test phone", now=NOW,
            consent_version=CONSENT_VERSION,
        )  # fmt: skip
    settings = Settings(fresh_store.url, "a secret for tests only", password_cost=PasswordCost(8, 1))
    with serve(create_app(settings, clock=Clock(NOW), store=fresh_store)) as served:
        yield Subscribed(fresh_store, stage, f"/c/{token}/appointments.ics", served)


def test_vdirsyncer_follows_a_move_without_ghosts(subscribed: Subscribed, tmp_path: Path) -> None:
    synced = _Vdirsyncer(tmp_path, subscribed.address, keeps_uids=True)
    before = synced.sync()
    assert {uid: event["DTSTART"].dt for uid, event in before.items()} == subscribed.planned()
    moved = subscribed.move_dose(3)
    assert moved
    after = synced.sync()
    assert set(after) == set(before)
    assert {uid: event["DTSTART"].dt for uid, event in after.items()} == subscribed.planned()
    assert {uid for uid in after if after[uid].to_ical() != before[uid].to_ical()} == set(moved)
    assert all(after[uid]["SEQUENCE"] == before[uid]["SEQUENCE"] + 1 for uid in moved)


def test_vdirsyncer_as_people_have_it_holds_each_date_once(subscribed: Subscribed, tmp_path: Path) -> None:
    synced = _Vdirsyncer(tmp_path, subscribed.address, keeps_uids=False)
    synced.sync()
    subscribed.move_dose(3)
    held = [event["DTSTART"].dt for event in synced.sync().values()]
    assert sorted(held) == sorted(subscribed.planned().values())


class _Vdirsyncer:
    """vdirsyncer as a program of its own, with a calendar on disk.

    From a web address it normally makes up each UID from the entry's content, so that a moved date is a new file there;
    `keeps_uids` is the switch its own tests use to see the feed's.
    """

    def __init__(self, folder: Path, address: str, *, keeps_uids: bool) -> None:
        self.settings, self.phone = folder / "config", folder / "phone"
        self.settings.write_text(SETTINGS.format(folder=folder, address=address))
        self.phone.mkdir()
        switch = "from vdirsyncer.storage.http import HttpStorage as Http; Http._ignore_uids = False; "
        self.program = (switch if keeps_uids else "") + "from vdirsyncer.cli import app; app()"
        self._run("discover", "dates")

    def sync(self) -> dict[str, icalendar.Event]:
        """Look at the address now; what the disk holds afterwards, by UID."""
        self._run("sync")
        return _held(self.phone)

    def _run(self, *words: str) -> None:
        folder = str(self.settings.parent)
        environment = {"PATH": os.environ["PATH"], "HOME": folder, "VDIRSYNCER_CONFIG": str(self.settings)}
        done = subprocess.run(
            [sys.executable, "-c", self.program, *words], env=environment, capture_output=True, text=True,
            input="y\n" * 4, timeout=60, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr


def _held(folder: Path) -> dict[str, icalendar.Event]:
    found = [event for file in folder.glob("*.ics") for event in icalendar.Calendar.from_ical(file.read_bytes()).events]
    assert len(found) == len(list(folder.glob("*.ics")))
    return {str(event["UID"]): event for event in found}


def test_ical_js_follows_a_move_without_ghosts(subscribed: Subscribed, browser: Browser) -> None:
    context = browser.new_context(timezone_id="America/Chicago")
    page = context.new_page()
    try:
        reads = []
        moved: dict[str, datetime] = {}
        for _ in range(2):
            read = page.evaluate(READ, [LIBRARY.read_text(encoding="utf-8"), subscribed.fetch().decode()])
            reads.append({event["uid"]: event for event in read["events"]})
            assert {uid: _instant(event) for uid, event in reads[-1].items()} == subscribed.planned()
            assert {event["summary"] for event in read["events"]} == {"Appointment"}
            moved = moved or subscribed.move_dose(3)
    finally:
        context.close()
    before, after = reads
    assert set(before) == set(after)
    assert {uid for uid in after if after[uid] != before[uid]} == set(moved)
    assert len([uid for uid in moved if uid in _doses(subscribed)]) == 1


def _instant(event: dict[str, list[str]]) -> datetime:
    return datetime.fromisoformat(event["span"][0].replace("Z", "+00:00"))


def _doses(subscribed: Subscribed) -> set[str]:
    with subscribed.store.reading() as db:
        stage = Stage(db, subscribed.stage.cast, subscribed.stage.course)
        return {row.uid for row in stage.dates(AppointmentKind.INFUSION)}
