"""What calendar programs are answered: method by method, condition by condition, status by status."""

import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from urllib.robotparser import RobotFileParser

import icalendar
import pytest
from flask import Flask
from sqlalchemy import func, select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from planner.domain.statuses import AppointmentStatus
from planner.services.publishing import CONSENT_VERSION, create_feed, hash_of, revoke_feed, rotate_feed
from planner.store.records import AuditEntry, BrowserSession, CalendarTry, Feed, FeedScope, SignInAttempt
from planner.web.feeds import serving
from tests.support.cast import NOW, Cast, Clock
from tests.support.strict_client import StrictClient
from tests.web.my.stage import Stage

SignIn = Callable[[str], StrictClient]
GOOGLE = {"User-Agent": "Google-Calendar-Importer"}


@pytest.fixture
def link(db: Session, stage: Stage) -> tuple[Feed, str]:
    """The patient's link, and its address on this host."""
    made = make(stage)
    db.commit()
    return made


def make(stage: Stage, device: str = "Test phone") -> tuple[Feed, str]:
    patient = stage.cast.patients["alder"]
    feed, token = create_feed(
        stage.db, stage.cast.principals["patient"], FeedScope.PATIENT, patient.id, device, now=NOW,
        consent_version=CONSENT_VERSION,
    )  # fmt: skip
    return feed, f"/c/{token}/appointments.ics"


def events(body: bytes) -> dict[str, icalendar.Event]:
    return {str(event["UID"]): event for event in icalendar.Calendar.from_ical(body).walk("VEVENT")}


def test_the_calendar_and_its_headers(client: StrictClient, link: tuple[Feed, str], stage: Stage) -> None:
    answer = client.get(link[1])
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "text/calendar; charset=utf-8"
    assert answer.headers["Cache-Control"] == "private, no-cache"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["X-Robots-Tag"] == "noindex"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["ETag"].startswith('W/"')
    assert answer.headers["Last-Modified"].endswith(" GMT")
    for name in ("Set-Cookie", "Content-Encoding", "Vary", "Content-Disposition", "Location"):
        assert name not in answer.headers
    assert set(events(answer.data)) == {row.uid for row in stage.dates()}


def test_head_is_told_what_get_is_told(client: StrictClient, link: tuple[Feed, str]) -> None:
    whole, head = client.get(link[1]), client.head(link[1])
    assert (head.status_code, head.data) == (200, b"")
    assert dict(head.headers) == dict(whole.headers)


def test_options_is_answered_and_other_methods_are_not(client: StrictClient, link: tuple[Feed, str]) -> None:
    assert client.options(link[1]).status_code == 200
    for method in ("POST", "PUT", "DELETE", "PATCH", "PROPFIND", "REPORT"):
        answer = client.open(link[1], method=method)
        assert answer.status_code == 405, method
        assert set(answer.headers["Allow"].split(", ")) == {"GET", "HEAD", "OPTIONS"}
        assert "Set-Cookie" not in answer.headers


def test_the_answer_is_the_same_whoever_asks_and_whatever_they_accept(
    client: StrictClient, link: tuple[Feed, str]
) -> None:
    plain = client.get(link[1])
    for headers in (GOOGLE, {"Accept": "text/html"}, {"Accept-Encoding": "gzip, br"}, {"Cookie": "planner=nonsense"}):
        answer = client.get(link[1], headers=headers)
        assert (answer.status_code, answer.data, dict(answer.headers)) == (200, plain.data, dict(plain.headers))


def test_no_session_is_ever_made_or_read(
    client: StrictClient, sign_in: SignIn, link: tuple[Feed, str], db: Session, clock: Clock
) -> None:
    signed = sign_in("patient")
    before = db.execute(select(BrowserSession.id_hash, BrowserSession.seen_at)).all()
    clock.pass_time(minutes=5)
    for browser in (client, signed):
        for path in (link[1], "/c/wrong/appointments.ics"):
            assert "Set-Cookie" not in browser.get(path).headers
    assert db.execute(select(BrowserSession.id_hash, BrowserSession.seen_at)).all() == before


def test_what_is_known_is_not_sent_again(client: StrictClient, link: tuple[Feed, str]) -> None:
    first = client.get(link[1])
    tag, date = first.headers["ETag"], first.headers["Last-Modified"]
    later = (datetime.now(UTC) + timedelta(days=900)).strftime("%a, %d %b %Y %H:%M:%S GMT")
    known = [
        {"If-None-Match": tag},
        {"If-None-Match": tag.removeprefix("W/")},
        {"If-None-Match": f'"other", {tag}'},
        {"If-Modified-Since": date},
        {"If-None-Match": tag, "If-Modified-Since": "Thu, 01 Jan 1970 00:00:00 GMT"},
    ]
    unknown = [
        {"If-None-Match": '"other"'},
        {"If-None-Match": '"other"', "If-Modified-Since": later},
        {"If-Modified-Since": "Thu, 01 Jan 1970 00:00:00 GMT"},
        {"If-Modified-Since": "yesterday"},
    ]
    for headers in known:
        answer = client.get(link[1], headers=headers)
        assert (answer.status_code, answer.data) == (304, b""), headers
        assert answer.headers["ETag"] == tag
        assert answer.headers["Cache-Control"] == "private, no-cache"
    for headers in unknown:
        assert client.get(link[1], headers=headers).status_code == 200, headers


def test_a_move_is_one_changed_event_under_a_new_tag(
    client: StrictClient, link: tuple[Feed, str], stage: Stage, db: Session
) -> None:
    before = client.get(link[1])
    row = stage.session_of(stage.dose(3))
    stage.move(row)
    db.commit()
    after = client.get(link[1], headers={"If-None-Match": before.headers["ETag"]})
    assert after.status_code == 200
    assert after.headers["ETag"] != before.headers["ETag"]
    old, new = events(before.data), events(after.data)
    assert set(old) == set(new)
    assert {uid for uid in old if old[uid].to_ical() != new[uid].to_ical()} == {row.uid}
    assert new[row.uid]["SEQUENCE"] == old[row.uid]["SEQUENCE"] + 1
    assert new[row.uid]["LAST-MODIFIED"].dt > old[row.uid]["LAST-MODIFIED"].dt
    assert new[row.uid]["DTSTART"].dt == row.starts_at


def test_what_only_serves_another_dose_keeps_its_bytes(
    client: StrictClient, link: tuple[Feed, str], stage: Stage, db: Session, clock: Clock
) -> None:
    before = client.get(link[1])
    row = stage.session_of(stage.dose(3))
    row.serves_id = stage.dose(2).id
    row.touch(clock(), visible=False)
    db.commit()
    assert events(client.get(link[1]).data)[row.uid].to_ical() == events(before.data)[row.uid].to_ical()


def test_a_cancelled_date_is_marked_until_the_day_after_and_then_gone(
    client: StrictClient, sign_in: SignIn, link: tuple[Feed, str], stage: Stage, clock: Clock
) -> None:
    row = stage.session_of(stage.dose(1))
    patient = sign_in("patient")
    known = client.get(link[1]).headers["ETag"]
    page = patient.page(f"/my/dates/{row.id}/cancel")
    assert patient.submit(page, f"/my/dates/{row.id}/cancel").status_code == 303
    answer = client.get(link[1], headers={"If-None-Match": known})
    event = events(answer.data)[row.uid]
    assert (event["STATUS"], event["SUMMARY"], event["TRANSP"]) == (
        "CANCELLED", "Cancelled: Appointment", "TRANSPARENT",
    )  # fmt: skip
    assert event["SEQUENCE"] == 1
    clock.now = row.ends_at + timedelta(days=1)
    assert row.uid in events(client.get(link[1]).data)
    clock.pass_time(days=1)
    assert row.uid not in events(client.get(link[1]).data)


def test_a_link_that_hides_cancelled_dates_drops_them_at_once(
    client: StrictClient, link: tuple[Feed, str], stage: Stage, db: Session, clock: Clock
) -> None:
    row = stage.session_of(stage.dose(1))
    link[0].hide_cancelled = True
    row.become(AppointmentStatus.CANCELLED, clock())
    db.commit()
    assert row.uid not in events(client.get(link[1]).data)


def test_a_wrong_address_learns_nothing(client: StrictClient, link: tuple[Feed, str], clock: Clock) -> None:
    wrong = [f"/c/{token}/appointments.ics" for token in ("x", "a" * 43, "%00", "é", link[1].split("/")[2][:-1])]
    answers = [client.get(path) for path in wrong]
    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.data for answer in answers}) == 1
    assert len({tuple(answer.headers.items()) for answer in answers}) == 1


def test_guessing_is_slowed_down_and_right_addresses_are_not(
    client: StrictClient, link: tuple[Feed, str], clock: Clock
) -> None:
    answers = [client.get(f"/c/{number}/appointments.ics").status_code for number in range(25)]
    assert answers == [404] * 20 + [429] * 5
    refused = client.get("/c/x/appointments.ics")
    assert int(refused.headers["Retry-After"]) == 60
    assert client.get("/c/x/appointments.ics", environ_base={"REMOTE_ADDR": "192.0.2.7"}).status_code == 404
    assert client.get(link[1]).status_code == 200
    clock.pass_time(seconds=61)
    assert client.get("/c/x/appointments.ics").status_code == 404


def test_a_wrong_address_is_no_failed_sign_in(client: StrictClient, link: tuple[Feed, str], db: Session) -> None:
    client.get("/c/x/appointments.ics")
    assert db.scalars(select(CalendarTry.who)).all() == ["127.0.0.1"]
    assert db.scalars(select(SignInAttempt.id)).all() == []


def test_what_is_counted_is_swept_out_with_the_next_sign_in(
    client: StrictClient, link: tuple[Feed, str], db: Session, clock: Clock, sign_in: Callable[[str], StrictClient]
) -> None:
    client.get("/c/x/appointments.ics")
    clock.pass_time(minutes=9)
    sign_in("nurse")
    assert len(db.scalars(select(CalendarTry.id)).all()) == 1
    clock.pass_time(minutes=1)
    sign_in("nurse")
    assert db.scalars(select(CalendarTry.id)).all() == []


def test_ten_at_once_and_then_one_a_minute(client: StrictClient, link: tuple[Feed, str], clock: Clock) -> None:
    assert [client.get(link[1]).status_code for _ in range(13)] == [200] * 11 + [429] * 2
    assert int(client.get(link[1]).headers["Retry-After"]) == 60
    clock.pass_time(seconds=59)
    assert client.get(link[1]).status_code == 429
    clock.pass_time(seconds=1)
    assert client.get(link[1]).status_code == 200
    assert client.get(link[1]).status_code == 429
    for _ in range(30):
        clock.pass_time(minutes=1)
        assert client.get(link[1]).status_code == 200


def test_one_busy_link_does_not_slow_another(client: StrictClient, stage: Stage, db: Session) -> None:
    (_, busy), (_, calm) = make(stage, "One"), make(stage, "Two")
    db.commit()
    assert [client.get(busy).status_code for _ in range(12)][-1] == 429
    assert client.get(calm).status_code == 200


def test_who_looked_is_noted_once_a_minute(
    client: StrictClient, link: tuple[Feed, str], db: Session, clock: Clock
) -> None:
    client.get(link[1], headers=GOOGLE)
    db.refresh(link[0])
    assert (link[0].last_client, link[0].last_fetched_at) == ("Google Calendar", clock())
    first = clock()
    clock.pass_time(seconds=30)
    client.get(link[1], headers=GOOGLE)
    db.refresh(link[0])
    assert link[0].last_fetched_at == first
    noted = select(AuditEntry.detail).where(AuditEntry.action == "feed.fetched").order_by(AuditEntry.id)
    client.get(link[1], headers={"User-Agent": "vdirsyncer/0.21"})
    assert db.scalars(noted).all() == [
        {"client": "Google Calendar", "first": True},
        {"client": "vdirsyncer", "first": False},
    ]


def test_a_removed_link_is_empty_for_thirty_days_and_then_gone(
    client: StrictClient, link: tuple[Feed, str], stage: Stage, db: Session, clock: Clock
) -> None:
    known = client.get(link[1]).headers
    clock.pass_time(minutes=5)
    revoke_feed(db, stage.cast.principals["patient"], link[0].id, clock())
    db.commit()
    conditions = {"If-Modified-Since": known["Last-Modified"]}
    for headers in ({}, conditions, {"If-None-Match": known["ETag"]}):
        answer = client.get(link[1], headers=headers)
        assert answer.status_code == 200
        assert events(answer.data) == {}
    clock.pass_time(days=29, hours=23)
    assert client.get(link[1]).status_code == 200
    clock.pass_time(hours=1)
    assert client.get(link[1]).status_code == 410


def test_a_link_made_anew_empties_the_old_one(
    client: StrictClient, link: tuple[Feed, str], stage: Stage, db: Session, clock: Clock
) -> None:
    _, token = rotate_feed(db, stage.cast.principals["patient"], link[0].id, clock())
    db.commit()
    assert events(client.get(link[1]).data) == {}
    assert set(events(client.get(f"/c/{token}/appointments.ics").data)) == {row.uid for row in stage.dates()}


def test_the_secret_is_long_and_nowhere_in_the_database(link: tuple[Feed, str], db: Session, stage: Stage) -> None:
    token = link[1].split("/")[2]
    assert len(token) == 43
    assert link[0].token_hash == hash_of(token)
    other = make(stage, "Second")[1].split("/")[2]
    assert other != token
    assert not any(token[n : n + 8] in other for n in range(len(token) - 8))
    assert db.scalar(select(func.count()).where(Feed.token_hash.contains(token))) == 0


def test_the_secret_is_in_no_log_whatever_goes_wrong(
    client: StrictClient, link: tuple[Feed, str], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.DEBUG)

    def broken(*_: object, **__: object) -> None:
        raise RuntimeError(f"something about {link[1]}")

    client.get(link[1])
    monkeypatch.setattr(serving, "feed_state", broken)
    answer = client.get(link[1])
    assert answer.status_code == 503
    assert "fault" in caplog.text
    assert link[1].split("/")[2] not in caplog.text
    assert link[1].split("/")[2] not in answer.text


GONE = OperationalError("select", {}, Exception("gone"))


@pytest.mark.parametrize("fault", [GONE, TimeoutError(), ValueError("bug")])
def test_any_fault_of_ours_is_a_503_that_keeps_their_copy(
    client: StrictClient, link: tuple[Feed, str], monkeypatch: pytest.MonkeyPatch, fault: Exception
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise fault

    monkeypatch.setattr(serving, "find_feed", broken)
    answer = client.get(link[1])
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0
    assert answer.headers["Content-Type"].startswith("text/plain")
    assert "Set-Cookie" not in answer.headers


def test_a_fetch_that_cannot_be_noted_is_answered_all_the_same(
    client: StrictClient, link: tuple[Feed, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise OperationalError("update", {}, Exception("locked"))

    monkeypatch.setattr(serving.fetching, "note_fetch", broken)
    assert client.get(link[1]).status_code == 200


def test_a_faulty_date_shows_its_last_good_bytes_and_else_the_feed_waits(
    app: Flask, client: StrictClient, link: tuple[Feed, str], stage: Stage, db: Session
) -> None:
    app.extensions.pop("planner_last_good", None)
    good = client.get(link[1])
    row = stage.session_of(stage.dose(2))
    row.uid = "not fit for a calendar"
    db.commit()
    app.extensions.pop("planner_last_good", None)
    assert client.get(link[1]).status_code == 503
    row.uid = "kept@calendar.invalid"
    db.commit()
    again = client.get(link[1])
    assert set(events(again.data)) - set(events(good.data)) == {"kept@calendar.invalid"}


def test_robots_may_fetch_calendars_and_nothing_else(client: StrictClient, link: tuple[Feed, str]) -> None:
    reader = RobotFileParser()
    reader.parse(client.get("/robots.txt").text.splitlines())
    assert reader.can_fetch("Google-Calendar-Importer", link[1])
    assert not reader.can_fetch("anybody", "/sign-in")


def test_nobody_is_named_and_nothing_is_told(client: StrictClient, link: tuple[Feed, str], cast: Cast) -> None:
    whole = client.get(link[1])
    told = (whole.text + str(whole.headers)).casefold()
    told = told.replace(link[1].casefold(), "")
    for word in (
        "ketamin", "infus", "integration", "session", "treat", "therap", "dose", "window", "alder", "p-101",
        "test clinic", "planner", "chair", "room",
    ):  # fmt: skip
        assert word not in told, word
