"""Calendar links from making one to its last answer."""

from datetime import date, timedelta

import icalendar
import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from planner.domain.access import Principal, Role
from planner.domain.errors import FieldError, NotFound, NotPermitted
from planner.domain.statuses import AppointmentKind, AppointmentStatus, Mode
from planner.feeds.ical import FeedUnavailable
from planner.services.publishing import (
    CONSENT_VERSION,
    FeedLife,
    LastGood,
    change_feed,
    create_feed,
    feed_bytes,
    feed_state,
    find_feed,
    hash_of,
    record_fetch,
    revoke_all_feeds,
    revoke_feed,
    rotate_feed,
)
from planner.services.rostering import add_absence, add_days_off
from planner.store.calendar_versions import bump, subjects_of
from planner.store.records import AuditEntry, Feed, FeedDetail, FeedScope
from tests import builders
from tests.builders import CHICAGO, NOW, ScenarioClinic, at, counted_queries

LATER = NOW + timedelta(hours=1)


@pytest.fixture
def c(db: Session) -> ScenarioClinic:
    return builders.scenario_clinic(db, prepared=False)


@pytest.fixture
def as_patient(db: Session, c: ScenarioClinic) -> Principal:
    return builders.principal(builders.account(db, Role.PATIENT, patient=c.patient), Role.PATIENT)


@pytest.fixture
def as_therapist(db: Session, c: ScenarioClinic) -> Principal:
    account = builders.account(db, Role.THERAPIST, person=c.r, sites=[c.site])
    return builders.principal(account, Role.THERAPIST, sites=[c.site])


def link(db: Session, principal: Principal, scope: FeedScope, subject_id: int, **how) -> tuple[Feed, str]:
    how = {"device": "Test phone", "now": NOW, "consent_version": CONSENT_VERSION} | how
    return create_feed(db, principal, scope, subject_id, **how)


def entries(db: Session, feed: Feed, now=LATER, **how) -> list[icalendar.Event]:
    data = feed_bytes(db, feed, now, LastGood(), **how)
    return list(icalendar.Calendar.from_ical(data).walk("VEVENT"))


def dates(db: Session, c: ScenarioClinic):
    infusion = builders.appointment(
        db, c.patient, at("2027-01-25 09:30"), 130, kind=AppointmentKind.INFUSION, chair=c.chair
    )
    session = builders.appointment(db, c.patient, at("2027-01-26 11:00"), therapist=c.r, room=c.rooms[0])
    return infusion, session


def test_a_patients_calendar_has_their_dates_and_says_nothing_more(db, c, as_patient) -> None:
    infusion, session = dates(db, c)
    builders.appointment(db, builders.patient(db, c.site), at("2027-01-26 13:00"), therapist=c.r)
    feed, _ = link(db, as_patient, FeedScope.PATIENT, c.patient.id)
    first, second = entries(db, feed, portal_url="https://portal.example/my")
    assert [first["UID"], second["UID"]] == [infusion.uid, session.uid]
    assert (first["SUMMARY"], second["SUMMARY"]) == ("Appointment", "Appointment")
    assert first["DTSTART"].dt == at("2027-01-25 09:30")
    assert "LOCATION" not in first
    whole = feed_bytes(db, feed, LATER, LastGood()).decode()
    for word in ("infusion", "integration", c.patient.name, c.patient.code, "R", "Chair"):
        assert f" {word}" not in whole


def test_the_secret_is_shown_once_and_only_its_hash_is_kept(db, c, as_patient) -> None:
    feed, token = link(db, as_patient, FeedScope.PATIENT, c.patient.id)
    assert len(token) == 43
    assert feed.token_hash == hash_of(token) != token
    assert find_feed(db, token) is feed
    assert find_feed(db, token + "x") is None
    assert find_feed(db, "\udcff") is None


def test_making_a_link_writes_down_who_agreed_to_which_words(db, c, as_patient) -> None:
    feed, _ = link(db, as_patient, FeedScope.PATIENT, c.patient.id)
    entry = db.scalars(select(AuditEntry).where(AuditEntry.action == "feed.created")).one()
    assert (entry.account_id, entry.object_id, entry.patient_id) == (as_patient.account_id, feed.id, c.patient.id)
    assert entry.detail["consent"] == CONSENT_VERSION


def test_a_therapists_calendar_has_their_sessions_by_code_and_their_leave(db, c, as_therapist) -> None:
    dates(db, c)
    add_days_off(db, c.r, date(2027, 2, 1), date(2027, 2, 5), CHICAGO, "Private", now=NOW)
    add_absence(db, c.r, at("2027-02-08 09:00"), at("2027-02-08 11:00"), now=NOW)
    feed, _ = link(db, as_therapist, FeedScope.THERAPIST, c.r.id, detail=FeedDetail.CODE)
    session, week, morning = entries(db, feed)
    assert session["SUMMARY"] == f"Visit · ref {c.patient.code} · {c.rooms[0].name}"
    assert (week["SUMMARY"], week["DTSTART"].dt, week["DTEND"].dt) == ("Away", date(2027, 2, 1), date(2027, 2, 6))
    assert (morning["SUMMARY"], morning["DTSTART"].dt) == ("Away", at("2027-02-08 09:00"))
    assert len({event["UID"] for event in (session, week, morning)}) == 3


def test_leave_moves_the_therapists_calendar(db, c, as_therapist) -> None:
    feed, _ = link(db, as_therapist, FeedScope.THERAPIST, c.r.id)
    before = feed_state(db, feed, LATER)
    add_days_off(db, c.r, date(2027, 2, 1), date(2027, 2, 1), CHICAGO, now=LATER)
    after = feed_state(db, feed, LATER)
    assert before.etag != after.etag
    assert after.last_modified > before.last_modified


@pytest.mark.parametrize("scope", [FeedScope.CHAIR, FeedScope.SITE])
def test_calendars_of_places_name_nobody_and_drop_what_is_cancelled(db, c, scope) -> None:
    infusion, _ = dates(db, c)
    subject = {FeedScope.CHAIR: c.chair.id, FeedScope.SITE: c.site.id}[scope]
    feed, _ = link(db, c.coordinator, scope, subject)
    assert {str(event["SUMMARY"]) for event in entries(db, feed)} == {"Appointment"}
    infusion.become(AppointmentStatus.CANCELLED, NOW)
    db.flush()
    assert infusion.uid not in [event["UID"] for event in entries(db, feed)]


def test_a_rooms_calendar_has_what_takes_place_in_it(db, c) -> None:
    _, session = dates(db, c)
    feed, _ = link(db, c.coordinator, FeedScope.ROOM, c.rooms[0].id, detail=FeedDetail.CODE)
    (event,) = entries(db, feed)
    assert event["UID"] == session.uid
    assert c.patient.code in event["SUMMARY"]


def test_a_cancelled_date_stays_marked_for_its_patient(db, c, as_patient) -> None:
    _, session = dates(db, c)
    session.become(AppointmentStatus.CANCELLED, LATER)
    db.flush()
    feed, _ = link(db, as_patient, FeedScope.PATIENT, c.patient.id)
    event = next(e for e in entries(db, feed) if e["UID"] == session.uid)
    assert (event["STATUS"], event["SUMMARY"], event["SEQUENCE"]) == ("CANCELLED", "Cancelled: Appointment", 1)
    after_the_slot = at("2027-01-28 12:00")
    assert session.uid not in [e["UID"] for e in entries(db, feed, after_the_slot)]


def test_proposed_dates_and_mistakes_are_in_no_calendar(db, c, as_patient) -> None:
    proposed, session = dates(db, c)
    proposed.status = AppointmentStatus.PROPOSED
    session.status = AppointmentStatus.ENTERED_IN_ERROR
    db.flush()
    feed, _ = link(db, as_patient, FeedScope.PATIENT, c.patient.id)
    assert entries(db, feed) == []


def test_a_booster_that_was_only_proposed_is_not_shown_as_cancelled(db, c, as_patient) -> None:
    builders.appointment(
        db, c.patient, at("2027-03-11 09:30"), 130, kind=AppointmentKind.INFUSION, status=AppointmentStatus.CANCELLED
    )
    feed, _ = link(db, as_patient, FeedScope.PATIENT, c.patient.id)
    assert entries(db, feed) == []


def test_a_move_keeps_the_uid_and_raises_sequence_time_and_etag(db, c, as_patient) -> None:
    _, session = dates(db, c)
    feed, _ = link(db, as_patient, FeedScope.PATIENT, c.patient.id)
    before, state = entries(db, feed)[1], feed_state(db, feed, LATER)
    session.move_to(session.span.shifted(timedelta(hours=2)), LATER)
    db.flush()
    bump(db, subjects_of(session), LATER)
    after, moved = entries(db, feed)[1], feed_state(db, feed, LATER)
    assert after["UID"] == before["UID"]
    assert after["SEQUENCE"] == before["SEQUENCE"] + 1
    assert after["LAST-MODIFIED"].dt > before["LAST-MODIFIED"].dt
    assert moved.etag != state.etag
    assert moved.last_modified > state.last_modified


def test_changing_what_a_link_says_changes_every_entry_in_it(db, c, as_patient) -> None:
    dates(db, c)
    feed, _ = link(db, as_patient, FeedScope.PATIENT, c.patient.id)
    before, state = entries(db, feed), feed_state(db, feed, NOW)
    change_feed(db, as_patient, feed.id, words="Errand", show_address=True, now=NOW)
    after = entries(db, feed)
    assert {str(event["SUMMARY"]) for event in after} == {"Errand"}
    for old, new in zip(before, after, strict=True):
        assert new["SEQUENCE"] == old["SEQUENCE"] + 1
        assert new["LAST-MODIFIED"].dt > old["LAST-MODIFIED"].dt
    assert feed_state(db, feed, NOW).etag != state.etag
    revised = feed.revised_at
    change_feed(db, as_patient, feed.id, words="Errand", now=LATER)
    assert (feed.revision, feed.revised_at) == (1, revised)


def test_the_same_data_gives_the_same_bytes_and_tag_until_midnight_utc(db, c, as_patient) -> None:
    dates(db, c)
    feed, _ = link(db, as_patient, FeedScope.PATIENT, c.patient.id)
    evening = NOW.replace(hour=23, minute=59)
    assert feed_bytes(db, feed, NOW, LastGood()) == feed_bytes(db, feed, evening, LastGood())
    assert feed_state(db, feed, NOW) == feed_state(db, feed, evening)
    assert feed_state(db, feed, evening + timedelta(minutes=1)).etag != feed_state(db, feed, evening).etag


def test_a_removed_link_is_empty_for_thirty_days_and_then_gone(db, c, as_patient) -> None:
    dates(db, c)
    feed, token = link(db, as_patient, FeedScope.PATIENT, c.patient.id)
    live = feed_state(db, feed, LATER)
    revoke_feed(db, as_patient, feed.id, LATER)
    ended = feed_state(db, feed, LATER)
    assert find_feed(db, token) is feed
    assert (ended.life, ended.etag != live.etag) == (FeedLife.ENDED, True)
    assert entries(db, feed) == []
    last = LATER + timedelta(days=30)
    assert feed_state(db, feed, last - timedelta(seconds=1)).life is FeedLife.ENDED
    assert feed_state(db, feed, last).life is FeedLife.GONE
    with pytest.raises(NotFound):
        feed_bytes(db, feed, last, LastGood())
    with pytest.raises(NotFound):
        revoke_feed(db, as_patient, feed.id, LATER)


def test_a_link_that_ran_out_ends_like_a_removed_one(db, c, as_patient) -> None:
    feed, _ = link(db, as_patient, FeedScope.PATIENT, c.patient.id, expires_at=LATER)
    assert feed_state(db, feed, NOW).life is FeedLife.LIVE
    assert feed_state(db, feed, LATER).life is FeedLife.ENDED
    assert feed_state(db, feed, LATER + timedelta(days=31)).life is FeedLife.GONE


def test_a_link_ends_with_its_account_and_with_the_right_to_it(db, c) -> None:
    account = builders.account(db, Role.NURSE, sites=[c.site])
    nurse = builders.principal(account, Role.NURSE, sites=[c.site])
    feed, _ = link(db, nurse, FeedScope.CHAIR, c.chair.id)
    assert feed_state(db, feed, LATER).life is FeedLife.LIVE
    account.active = False
    db.flush()
    assert feed_state(db, feed, LATER).life is FeedLife.ENDED
    assert entries(db, feed) == []


def test_rotating_gives_a_new_secret_and_empties_the_old_link(db, c, as_patient) -> None:
    dates(db, c)
    old, old_token = link(db, as_patient, FeedScope.PATIENT, c.patient.id, words="Errand")
    fresh, token = rotate_feed(db, as_patient, old.id, LATER)
    assert token != old_token
    assert (fresh.device, fresh.words, fresh.revision) == (old.device, old.words, old.revision)
    assert entries(db, old) == []
    assert len(entries(db, fresh)) == 2


def test_all_own_links_can_be_removed_at_once(db, c, as_patient, as_therapist) -> None:
    for _ in range(2):
        link(db, as_patient, FeedScope.PATIENT, c.patient.id)
    others, _ = link(db, as_therapist, FeedScope.THERAPIST, c.r.id)
    assert revoke_all_feeds(db, as_patient, LATER) == 2
    assert others.revoked_at is None


@pytest.mark.parametrize(
    ("how", "field"),
    [
        ({"device": " "}, "device"),
        ({"device": "x" * 61}, "device"),
        ({"device": "two\nlines"}, "device"),
        ({"consent_version": ""}, "consent"),
        ({"detail": FeedDetail.CODE}, "detail"),
        ({"detail": FeedDetail.FULL}, "detail"),
        ({"words": "Ketamine visit"}, "words"),
        ({"words": "w" * 41}, "words"),
        ({"expires_at": NOW}, "expires_at"),
    ],
)
def test_what_a_patients_link_cannot_be(db, c, as_patient, how, field) -> None:
    with pytest.raises(FieldError) as refused:
        link(db, as_patient, FeedScope.PATIENT, c.patient.id, **how)
    assert refused.value.field == field


@pytest.mark.parametrize("detail", [FeedDetail.FULL, FeedDetail.INITIALS])
def test_names_in_a_calendar_need_a_decision_on_record(db, c, as_therapist, detail) -> None:
    with pytest.raises(FieldError):
        link(db, as_therapist, FeedScope.THERAPIST, c.r.id, detail=detail)


def test_nobody_links_to_what_is_not_theirs(db, c, as_patient, as_therapist) -> None:
    other = builders.patient(db, c.site)
    elsewhere = builders.chair(db, builders.site(db))
    for principal, scope, subject in (
        (as_patient, FeedScope.PATIENT, other.id),
        (as_therapist, FeedScope.PATIENT, c.patient.id),
        (as_therapist, FeedScope.THERAPIST, c.k.id),
        (c.coordinator, FeedScope.CHAIR, elsewhere.id),
        (c.coordinator, FeedScope.SITE, 999_999),
    ):
        with pytest.raises(NotFound):
            link(db, principal, scope, subject)
    with pytest.raises(NotPermitted):
        link(db, as_therapist, FeedScope.CHAIR, c.chair.id)
    feed, _ = link(db, as_patient, FeedScope.PATIENT, c.patient.id)
    for act in (change_feed, revoke_feed, rotate_feed):
        with pytest.raises(NotFound):
            act(db, as_therapist, feed.id, now=LATER)


def test_twenty_links_are_enough(db, c, as_patient) -> None:
    for _ in range(20):
        link(db, as_patient, FeedScope.PATIENT, c.patient.id)
    with pytest.raises(FieldError):
        link(db, as_patient, FeedScope.PATIENT, c.patient.id)


def test_one_faulty_entry_shows_its_last_good_bytes_or_the_feed_waits(db, c, as_patient) -> None:
    infusion, session = dates(db, c)
    infusion.sequence = session.sequence = 1
    feed, _ = link(db, as_patient, FeedScope.PATIENT, c.patient.id)
    known = LastGood()
    good = feed_bytes(db, feed, LATER, known)
    # The most a column holds; one more is beyond what calendar programs accept.
    feed.revision = 2**31 - 1
    with pytest.raises(FeedUnavailable):
        feed_bytes(db, feed, LATER, LastGood())
    assert feed_bytes(db, feed, LATER, known) == good
    assert session.uid in good.decode()


def test_a_fetch_is_noted_with_the_program_and_not_every_second(db, c, as_patient) -> None:
    feed, _ = link(db, as_patient, FeedScope.PATIENT, c.patient.id)
    assert record_fetch(db, feed, NOW, "Google-Calendar-Importer", "e1")
    assert (feed.last_client, feed.last_etag, feed.last_fetched_at) == ("Google Calendar", "e1", NOW)
    assert not record_fetch(db, feed, NOW + timedelta(seconds=59), "Google-Calendar-Importer", "e1")
    assert record_fetch(db, feed, NOW + timedelta(seconds=59), "Google-Calendar-Importer", "e2")
    assert record_fetch(db, feed, LATER, None, "e2")


def test_a_feed_takes_as_many_queries_with_one_date_as_with_ten(db, c, as_patient) -> None:
    feed, _ = link(db, as_patient, FeedScope.PATIENT, c.patient.id)
    dates(db, c)
    with counted_queries(db) as few:
        entries(db, feed)
    for day in range(1, 9):
        builders.appointment(db, c.patient, at(f"2027-02-0{day} 11:00"), mode=Mode.TELEHEALTH)
    with counted_queries(db) as many:
        assert len(entries(db, feed)) == 10
    assert len(few) == len(many)
    with counted_queries(db) as state:
        feed_state(db, feed, LATER)
    assert len(state) == 2


def test_the_calendar_says_when_it_last_changed_in_utc(db, c, as_patient) -> None:
    feed, _ = link(db, as_patient, FeedScope.PATIENT, c.patient.id)
    calendar = icalendar.Calendar.from_ical(feed_bytes(db, feed, LATER, LastGood()))
    assert calendar["LAST-MODIFIED"].dt == feed_state(db, feed, LATER).last_modified
    assert "UID" not in calendar
