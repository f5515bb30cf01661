"""Names as hostile as the database takes them, in every calendar: the events and lines are the ones there should be."""

from itertools import product

import icalendar
import pytest
from sqlalchemy.orm import Session

from planner.domain.access import Role
from planner.domain.statuses import AppointmentKind, AppointmentStatus
from planner.services.publishing import CONSENT_VERSION, LastGood, create_feed, feed_bytes
from planner.store.records import Clinic, FeedDetail, FeedScope, Patient, Person
from tests import builders
from tests.builders import NOW, at

NAMES = {
    "event": "A\r\nBEGIN:VEVENT\r\nUID:evil@x\r\nEND:VEVENT\r\n",
    "end": "A\nEND:VCALENDAR\n",
    "signs": 'A;b,c\\n\\N:"d"\x0b\x7f\u2028\u2029\x85',
    "letters": "\u202e\u2067\u200f\u05d0\u05dc \U0001f9d1\u200d\u2695\ufe0f" * 9,
    "long": "\U0001f33f" * 10_000,
}


def fitted(text: str, record: object, column: str) -> str:
    """As much of it as the column takes."""
    return text[: type(record).__table__.columns[column].type.length]  # type: ignore[attr-defined]


@pytest.mark.parametrize("text", NAMES.values(), ids=NAMES)
def test_no_name_gets_out_of_its_line_in_any_calendar(db: Session, text: str) -> None:
    c = builders.scenario_clinic(db, prepared=False)
    patient = builders.principal(builders.account(db, Role.PATIENT, patient=c.patient), Role.PATIENT)
    therapist = builders.principal(builders.account(db, Role.THERAPIST, person=c.r), Role.THERAPIST)
    uids = {
        builders.appointment(
            db, c.patient, at("2027-01-25 09:30"), 130, kind=AppointmentKind.INFUSION, chair=c.chair, therapist=c.r,
            room=c.rooms[0],
        ).uid,
        builders.appointment(
            db, c.patient, at("2027-01-26 11:00"), chair=c.chair, therapist=c.r, room=c.rooms[0],
            status=AppointmentStatus.CANCELLED,
        ).uid,
    }  # fmt: skip
    named: list[tuple[object, tuple[str, ...]]] = [
        (db.get_one(Clinic, 1), ("name", "neutral_name", "feed_words")),
        (c.site, ("name", "alias", "address")),
        (c.chair, ("name",)),
        (c.rooms[0], ("name",)),
        (db.get_one(Person, c.r.id), ("name", "initials")),
        (db.get_one(Patient, c.patient.id), ("name", "code", "escort")),
    ]
    for record, columns in named:
        for column in columns:
            setattr(record, column, fitted(text, record, column))
    db.flush()
    links = {
        FeedScope.PATIENT: c.patient.id, FeedScope.THERAPIST: c.r.id, FeedScope.CHAIR: c.chair.id,
        FeedScope.ROOM: c.rooms[0].id, FeedScope.SITE: c.site.id,
    }  # fmt: skip
    owners = dict.fromkeys(links, c.coordinator) | {FeedScope.PATIENT: patient, FeedScope.THERAPIST: therapist}
    for scope, detail in product(links, FeedDetail):
        feed, _ = create_feed(
            db, owners[scope], scope, links[scope], f"{scope} {detail}", now=NOW, consent_version=CONSENT_VERSION,
            show_address=True, hide_cancelled=False,
        )  # fmt: skip
        feed.detail, feed.words = detail, fitted(text, feed, "words")
        db.flush()
        body = feed_bytes(db, feed, NOW, LastGood(), portal_url="https://portal.example/")
        assert max(len(line) for line in body.split(b"\r\n")) <= 75
        assert body.count(b"\n") == body.count(b"\r") == body.count(b"\r\n")
        calendar = icalendar.Calendar.from_ical(body)
        assert [part.name for part in calendar.walk()] == ["VCALENDAR", "VEVENT", "VEVENT"]
        assert {str(event["UID"]) for event in calendar.walk("VEVENT")} == uids
        for event in calendar.walk("VEVENT"):
            assert set(event) - {"LOCATION", "DESCRIPTION"} == {
                "UID", "DTSTAMP", "LAST-MODIFIED", "SEQUENCE", "DTSTART", "DTEND", "SUMMARY", "STATUS", "TRANSP",
                "X-MICROSOFT-CDO-BUSYSTATUS", "CLASS",
            }  # fmt: skip
