"""The clinic's words change: calendar programs hear of it at their next fetch, and of nothing else."""

from collections.abc import Callable

import icalendar
import pytest
from sqlalchemy.orm import Session

from planner.domain.access import Role
from planner.services.feed_rights import RIGHTS_TAKEN
from planner.services.publishing import CONSENT_VERSION, create_feed
from planner.services.rights import change_rights
from planner.store.records import Clinic, Feed, FeedScope, Site
from tests.support.cast import NOW, Clock
from tests.support.strict_client import StrictClient
from tests.web.my.stage import Stage


@pytest.fixture
def path(db: Session, stage: Stage) -> str:
    """The patient's link; entries name the place."""
    _, token = create_feed(
        db, stage.cast.principals["patient"], FeedScope.PATIENT, stage.cast.patients["alder"].id, "Test phone",
        now=NOW, consent_version=CONSENT_VERSION, show_address=True,
    )  # fmt: skip
    db.commit()
    return f"/c/{token}/appointments.ics"


def events(body: bytes) -> dict[str, icalendar.Event]:
    return {str(event["UID"]): event for event in icalendar.Calendar.from_ical(body).walk("VEVENT")}


def rename(db: Session) -> None:
    db.get_one(Clinic, 1).neutral_name = "Test Practice Elm"


def reword(db: Session) -> None:
    db.get_one(Clinic, 1).feed_words = "Meeting"


def relocate(db: Session) -> None:
    db.query(Site).filter_by(name="North").one().address = "2 Example Street"


@pytest.mark.parametrize("change", [rename, reword, relocate])
def test_a_changed_word_is_a_new_answer_in_which_every_entry_has_moved_on(
    client: StrictClient, path: str, db: Session, clock: Clock, change: Callable[[Session], None]
) -> None:
    first = client.get(path)
    assert client.get(path, headers={"If-None-Match": first.headers["ETag"]}).status_code == 304
    change(db)
    db.commit()
    clock.pass_time(minutes=1)
    for headers in ({"If-None-Match": first.headers["ETag"]}, {"If-Modified-Since": first.headers["Last-Modified"]}):
        answer = client.get(path, headers=headers)
        assert answer.status_code == 200
        assert answer.data != first.data
    before, after = events(first.data), events(answer.data)
    assert before.keys() == after.keys()
    for uid, event in after.items():
        assert event["SEQUENCE"] == before[uid]["SEQUENCE"] + 1
        assert event["LAST-MODIFIED"].dt > before[uid]["LAST-MODIFIED"].dt
        assert event["DTSTAMP"].dt == event["LAST-MODIFIED"].dt
    assert client.get(path, headers={"If-None-Match": answer.headers["ETag"]}).status_code == 304


def test_a_change_that_is_not_shown_is_no_new_answer(
    client: StrictClient, path: str, db: Session, stage: Stage
) -> None:
    first = client.get(path)
    clinic = db.get_one(Clinic, 1)
    clinic.help_text, clinic.undo_minutes = "Call us.", 7
    stage.cast.patients["alder"].name = "Test Patient Renamed"
    stage.cast.south.address = "9 Example Street"
    db.commit()
    answer = client.get(path, headers={"If-None-Match": first.headers["ETag"]})
    assert (answer.status_code, answer.headers["ETag"]) == (304, first.headers["ETag"])
    assert client.get(path, headers={"If-Modified-Since": first.headers["Last-Modified"]}).status_code == 304


def test_a_right_taken_away_empties_the_link_for_thirty_days_and_then_it_is_gone(
    client: StrictClient, db: Session, stage: Stage, clock: Clock
) -> None:
    cast = stage.cast
    feed, token = create_feed(
        db, cast.principals["nurse"], FeedScope.SITE, cast.north.id, "Test phone", now=NOW,
        consent_version=CONSENT_VERSION,
    )  # fmt: skip
    db.commit()
    path = f"/c/{token}/appointments.ics"
    live = client.get(path)
    assert events(live.data)
    clock.pass_time(minutes=5)
    change_rights(db, None, cast.accounts["nurse"].id, roles=[Role.THERAPIST], site_ids=[cast.north.id], now=clock())
    db.commit()
    for headers in ({}, {"If-None-Match": live.headers["ETag"]}, {"If-Modified-Since": live.headers["Last-Modified"]}):
        answer = client.get(path, headers=headers)
        assert (answer.status_code, events(answer.data)) == (200, {})
    db.refresh(feed)
    assert (feed.revoked_at, feed.revoked_reason) == (clock(), RIGHTS_TAKEN)
    clock.pass_time(days=29, hours=23)
    assert client.get(path).status_code == 200
    clock.pass_time(hours=1)
    assert client.get(path).status_code == 410


def test_a_right_that_just_vanished_is_noted_by_the_first_fetch(
    client: StrictClient, path: str, db: Session, stage: Stage, clock: Clock
) -> None:
    stage.cast.patients["alder"].active = False
    db.commit()
    clock.pass_time(minutes=5)
    noticed = clock()
    assert events(client.get(path).data) == {}
    feed = db.query(Feed).one()
    db.refresh(feed)
    assert feed.revoked_at == noticed
    clock.pass_time(days=29)
    assert client.get(path).status_code == 200
    clock.pass_time(days=1)
    assert client.get(path).status_code == 410
