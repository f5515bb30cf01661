"""A word that calendars show does not change without the links that show it noticing, whoever changes it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

import icalendar
import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from planner.domain.access import Role
from planner.domain.statuses import AppointmentKind
from planner.services.calendars import LastGood
from planner.services.publishing import CONSENT_VERSION, create_feed, feed_bytes, feed_state
from planner.services.rostering import add_days_off
from planner.store.calendar_versions import bump
from planner.store.records import Clinic, Feed, FeedDetail, FeedScope
from tests import builders
from tests.builders import CHICAGO, NOW, ScenarioClinic, at

LATER = NOW + timedelta(hours=1)
EVERYBODY = frozenset(
    {"patient", "patient, words", "patient, place", "patient, busy", "therapist", "therapist, place", "therapist, busy",
     "other therapist", "chair", "chair, code", "other chair", "room", "room, code", "site", "site, code", "other site"}
)  # fmt: skip


@dataclass
class Links:
    """One link of each kind onto a clinic where a patient has a dose in the chair and a session with R in a room."""

    db: Session
    clinic: ScenarioClinic
    feeds: dict[str, Feed]

    def state(self) -> dict[str, tuple[str, int, object]]:
        self.db.expire_all()
        return {
            name: (feed_state(self.db, feed, LATER).etag, feed.revision, feed.revised_at)
            for name, feed in self.feeds.items()
        }

    def bodies(self) -> dict[str, bytes]:
        self.db.expire_all()
        return {name: feed_bytes(self.db, feed, LATER, LastGood()) for name, feed in self.feeds.items()}


@pytest.fixture
def links(db: Session) -> Links:
    c = builders.scenario_clinic(db, prepared=False)
    c.site.alias, c.site.address = "Elm House", "1 Example Street"
    elsewhere = builders.site(db)
    other_chair = builders.chair(db, c.site)
    builders.appointment(
        db, c.patient, at("2027-01-25 09:30"), 130, kind=AppointmentKind.INFUSION, chair=c.chair, therapist=c.r
    )
    builders.appointment(db, c.patient, at("2027-01-26 11:00"), therapist=c.r, room=c.rooms[0])
    add_days_off(db, c.r, at("2027-02-01 12:00").date(), at("2027-02-01 12:00").date(), CHICAGO, now=NOW)
    patient = builders.principal(builders.account(db, Role.PATIENT, patient=c.patient), Role.PATIENT)
    people = {
        person.id: builders.principal(
            builders.account(db, Role.THERAPIST, person=person, sites=[c.site]), Role.THERAPIST, sites=[c.site]
        )
        for person in (c.r, c.k)
    }
    desk = builders.coordinator(db, c.site, elsewhere)
    code, busy = {"detail": FeedDetail.CODE}, {"detail": FeedDetail.BUSY}
    bare = {"show_address": False}
    wanted: dict[str, tuple] = {
        "patient": (patient, FeedScope.PATIENT, c.patient.id, {}),
        "patient, words": (patient, FeedScope.PATIENT, c.patient.id, {"words": "Errand"}),
        "patient, place": (patient, FeedScope.PATIENT, c.patient.id, {"show_address": True}),
        "patient, busy": (patient, FeedScope.PATIENT, c.patient.id, {"show_address": True}),
        "therapist": (people[c.r.id], FeedScope.THERAPIST, c.r.id, bare),
        "therapist, place": (people[c.r.id], FeedScope.THERAPIST, c.r.id, {}),
        "therapist, busy": (people[c.r.id], FeedScope.THERAPIST, c.r.id, busy),
        "other therapist": (people[c.k.id], FeedScope.THERAPIST, c.k.id, {}),
        "chair": (desk, FeedScope.CHAIR, c.chair.id, bare),
        "chair, code": (desk, FeedScope.CHAIR, c.chair.id, code),
        "other chair": (desk, FeedScope.CHAIR, other_chair.id, code),
        "room": (desk, FeedScope.ROOM, c.rooms[0].id, bare),
        "room, code": (desk, FeedScope.ROOM, c.rooms[0].id, code),
        "site": (desk, FeedScope.SITE, c.site.id, bare),
        "site, code": (desk, FeedScope.SITE, c.site.id, code),
        "other site": (desk, FeedScope.SITE, elsewhere.id, code),
    }
    feeds = {
        name: create_feed(
            db, who, scope, subject, name, now=NOW, consent_version=CONSENT_VERSION, **how
        )[0]
        for name, (who, scope, subject, how) in wanted.items()
    }  # fmt: skip
    feeds["patient, busy"].detail = FeedDetail.BUSY
    db.flush()
    return Links(db, c, feeds)


def say(table: str, column: str, value: str) -> Callable[[Links], None]:
    """A change by raw SQL, which no page or service has a hand in."""

    def change(links: Links) -> None:
        c = links.clinic
        row = {"clinic": 1, "site": c.site.id, "chair": c.chair.id, "room": c.rooms[0].id, "patient": c.patient.id}
        links.db.execute(
            text(f"UPDATE {table} SET {column} = :value WHERE id = :id"), {"value": value, "id": row[table]}
        )

    return change


STAFF = {"therapist", "therapist, place"}
CHANGES = [
    (say("clinic", "neutral_name", "Test Practice Elm"), EVERYBODY),
    (say("clinic", "feed_words", "Meeting"), {"patient", "patient, place"}),
    (say("clinic", "zone", "America/Denver"), {*STAFF, "therapist, busy", "other therapist"}),
    (say("site", "alias", "Oak House"),
     {"patient, place", "therapist, place", "chair, code", "room, code", "site", "site, code"}),
    (say("site", "address", "2 Example Street"), {"patient, place"}),
    (say("site", "zone", "America/Denver"), {*STAFF, "therapist, busy", "other therapist"}),
    (say("chair", "name", "Chair Nine"), {*STAFF, "chair", "chair, code", "site, code"}),
    (say("room", "name", "Room Nine"), {*STAFF, "room", "room, code", "site, code"}),
    (say("patient", "code", "T-999"), {*STAFF, "chair, code", "room, code", "site, code"}),
]  # fmt: skip
UNRELATED = [
    say("clinic", "help_text", "Call us."),
    say("clinic", "feed_words", "Appointment"),
    say("clinic", "version", "7"),
    say("site", "name", "Test Site Renamed"),
    say("site", "visit_grid_minutes", "30"),
    say("patient", "name", "Test Patient Renamed"),
]


@pytest.mark.parametrize(("change", "noticed"), CHANGES)
def test_a_changed_word_moves_the_links_that_show_it_and_no_others(links: Links, change, noticed) -> None:
    before = links.state()
    change(links)
    after = links.state()
    assert {name for name in after if after[name][0] != before[name][0]} == noticed
    for name in after:
        counted = 1 if name in noticed else 0
        assert after[name][1] == before[name][1] + counted
        assert (after[name][2] > before[name][2]) is bool(counted)


@pytest.mark.parametrize(("change", "noticed"), CHANGES)
def test_no_link_says_anything_new_under_an_old_tag(links: Links, change, noticed) -> None:
    before = links.bodies()
    change(links)
    after = links.bodies()
    assert {name for name in after if after[name] != before[name]} <= noticed
    for name in noticed:
        old, new = (icalendar.Calendar.from_ical(bodies[name]).walk("VEVENT") for bodies in (before, after))
        for one, other in zip(old, new, strict=True):
            assert (other["UID"], other["SEQUENCE"]) == (one["UID"], one["SEQUENCE"] + 1)
            assert other["LAST-MODIFIED"].dt > one["LAST-MODIFIED"].dt


@pytest.mark.parametrize("change", UNRELATED)
def test_a_change_that_no_calendar_shows_moves_none(links: Links, change) -> None:
    before, bodies = links.state(), links.bodies()
    change(links)
    assert (links.state(), links.bodies()) == (before, bodies)


def test_a_change_through_the_record_counts_too(links: Links) -> None:
    before = links.state()
    links.db.get(Clinic, 1).neutral_name = "Test Practice Elm"
    links.db.flush()
    after = links.state()
    assert all(after[name][1] == before[name][1] + 1 for name in EVERYBODY)


def test_the_time_is_later_than_anything_a_program_may_have_seen(links: Links) -> None:
    c, ahead = links.clinic, NOW.replace(year=2030)
    bump(links.db, [(FeedScope.PATIENT, c.patient.id)], ahead)
    say("clinic", "feed_words", "Meeting")(links)
    assert links.state()["patient"][2] == ahead + timedelta(seconds=1)
    say("clinic", "feed_words", "Busy")(links)
    assert links.state()["patient"][2] == ahead + timedelta(seconds=2)


def test_an_ended_link_stays_as_it_ended(links: Links) -> None:
    feed = links.feeds["site"]
    feed.revoked_at = LATER
    links.db.flush()
    before = links.state()["site"]
    say("clinic", "neutral_name", "Test Practice Elm")(links)
    assert links.state()["site"] == before
