"""A calendar link lives as long as the right to what it shows."""

from dataclasses import replace
from datetime import timedelta

import icalendar
import pytest
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from planner.domain.access import Principal, Role
from planner.domain.errors import FieldError, NotFound, NotPermitted
from planner.domain.statuses import AppointmentKind, AppointmentStatus, CourseStatus
from planner.services.accounts import deactivate_account, reactivate_account
from planner.services.ending import end_course
from planner.services.feed_rights import CARE_ENDED, NOTICED, RIGHTS_TAKEN
from planner.services.fetching import note_fetch
from planner.services.publishing import (
    CONSENT_VERSION,
    FeedLife,
    LastGood,
    create_feed,
    feed_bytes,
    feed_state,
)
from planner.services.rights import change_rights
from planner.services.undoing import undo
from planner.store.records import AccountRole, AuditEntry, Feed, FeedScope
from tests import builders
from tests.builders import NOW, ScenarioClinic, at

LATER = NOW + timedelta(hours=1)
DAY = timedelta(days=1)


@pytest.fixture
def c(db: Session) -> ScenarioClinic:
    return builders.scenario_clinic(db, prepared=False)


def link(db: Session, principal: Principal, scope: FeedScope, subject_id: int) -> Feed:
    feed, _ = create_feed(db, principal, scope, subject_id, "Test phone", now=NOW, consent_version=CONSENT_VERSION)
    return feed


def nurse_of(db: Session, c: ScenarioClinic, *more) -> Principal:
    sites = [c.site, *more]
    return builders.principal(builders.account(db, Role.NURSE, person=c.nurse, sites=sites), Role.NURSE, sites=sites)


def empty_for_thirty_days_then_gone(db: Session, feed: Feed, ended_at) -> None:
    assert feed.revoked_at == ended_at
    assert feed_state(db, feed, ended_at).life is FeedLife.ENDED
    body = feed_bytes(db, feed, ended_at + 29 * DAY, LastGood())
    assert list(icalendar.Calendar.from_ical(body).walk("VEVENT")) == []
    assert feed_state(db, feed, ended_at + 30 * DAY).life is FeedLife.GONE
    with pytest.raises(NotFound):
        feed_bytes(db, feed, ended_at + 30 * DAY, LastGood())


def test_a_role_taken_away_ends_the_links_it_gave_and_no_others(db, c) -> None:
    nurse = nurse_of(db, c)
    chair, own = link(db, nurse, FeedScope.CHAIR, c.chair.id), link(db, nurse, FeedScope.THERAPIST, c.nurse.id)
    builders.appointment(db, c.patient, at("2027-01-25 09:30"), kind=AppointmentKind.INFUSION, chair=c.chair)
    assert feed_state(db, chair, LATER).life is FeedLife.LIVE
    change_rights(db, None, nurse.account_id, roles=[Role.THERAPIST], site_ids=[c.site.id], now=LATER)
    assert chair.revoked_reason == RIGHTS_TAKEN
    empty_for_thirty_days_then_gone(db, chair, LATER)
    assert (own.revoked_at, feed_state(db, own, LATER).life) == (None, FeedLife.LIVE)


@pytest.mark.parametrize("scope", [FeedScope.CHAIR, FeedScope.ROOM, FeedScope.SITE])
def test_a_site_taken_away_ends_the_links_of_its_places(db, c, scope) -> None:
    other = builders.site(db)
    nurse = nurse_of(db, c, other)
    subject = {FeedScope.CHAIR: c.chair.id, FeedScope.ROOM: c.rooms[0].id, FeedScope.SITE: c.site.id}[scope]
    lost, kept = link(db, nurse, scope, subject), link(db, nurse, FeedScope.SITE, other.id)
    change_rights(db, None, nurse.account_id, roles=[Role.NURSE], site_ids=[other.id], now=LATER)
    empty_for_thirty_days_then_gone(db, lost, LATER)
    assert kept.revoked_at is None


def test_a_right_given_back_does_not_wake_an_ended_link(db, c) -> None:
    nurse = nurse_of(db, c)
    feed = link(db, nurse, FeedScope.CHAIR, c.chair.id)
    for roles in ([Role.THERAPIST], [Role.NURSE]):
        change_rights(db, None, nurse.account_id, roles=roles, site_ids=[c.site.id], now=LATER)
    empty_for_thirty_days_then_gone(db, feed, LATER)


def test_the_history_says_which_link_ended_and_why(db, c) -> None:
    nurse = nurse_of(db, c)
    feed = link(db, nurse, FeedScope.CHAIR, c.chair.id)
    change_rights(db, None, nurse.account_id, roles=[Role.THERAPIST], site_ids=[c.site.id], now=LATER)
    entry = db.scalars(select(AuditEntry).where(AuditEntry.action == "feed.revoked")).one()
    assert (entry.object_id, entry.at, entry.detail["reason"]) == (feed.id, LATER, RIGHTS_TAKEN)
    changed = db.scalars(select(AuditEntry).where(AuditEntry.action == "account.rights_changed")).one()
    assert changed.detail == {"roles": ["therapist"], "sites": [c.site.id], "links_ended": 1}


def test_an_ended_account_ends_every_link_with_a_line_for_each(db, c) -> None:
    nurse = nurse_of(db, c)
    feeds = [link(db, nurse, FeedScope.CHAIR, c.chair.id), link(db, nurse, FeedScope.THERAPIST, c.nurse.id)]
    deactivate_account(db, None, nurse.account_id, LATER)
    for feed in feeds:
        assert feed.revoked_reason == "account ended"
        empty_for_thirty_days_then_gone(db, feed, LATER)
    ended = select(AuditEntry.object_id).where(AuditEntry.action == "feed.revoked").order_by(AuditEntry.object_id)
    assert list(db.scalars(ended)) == [feed.id for feed in feeds]
    reactivate_account(db, None, nurse.account_id, LATER + DAY)
    assert feeds[0].revoked_at == LATER


def test_a_right_taken_away_behind_our_back_is_noticed_at_the_next_fetch(db, c) -> None:
    nurse = nurse_of(db, c)
    feed = link(db, nurse, FeedScope.CHAIR, c.chair.id)
    db.execute(delete(AccountRole).where(AccountRole.account_id == nurse.account_id))
    assert feed_state(db, feed, LATER).life is FeedLife.ENDED
    note_fetch(db, feed.id, LATER, "Google-Calendar-Importer", "tag")
    assert feed.revoked_reason == NOTICED
    empty_for_thirty_days_then_gone(db, feed, LATER)


@pytest.mark.parametrize("who", ["patient", "person"])
def test_somebody_who_left_has_no_calendar_any_more(db, c, who) -> None:
    somebody, scope, role = {
        "patient": (c.patient, FeedScope.PATIENT, Role.PATIENT), "person": (c.r, FeedScope.THERAPIST, Role.THERAPIST)
    }[who]  # fmt: skip
    feed = link(db, builders.principal(builders.account(db, role, **{who: somebody}), role), scope, somebody.id)
    assert feed_state(db, feed, LATER).life is FeedLife.LIVE
    somebody.active = False
    db.flush()
    assert feed_state(db, feed, LATER).life is FeedLife.ENDED


@pytest.mark.parametrize("status", [CourseStatus.COMPLETED, CourseStatus.REVOKED])
def test_the_end_of_a_course_ends_the_patients_links_and_undoing_gives_them_back(db, c, status) -> None:
    patient = builders.principal(builders.account(db, Role.PATIENT, patient=c.patient), Role.PATIENT)
    nurse = nurse_of(db, c)
    own, staff = link(db, patient, FeedScope.PATIENT, c.patient.id), link(db, nurse, FeedScope.CHAIR, c.chair.id)
    removed = link(db, patient, FeedScope.PATIENT, c.patient.id)
    removed.revoked_at, removed.revoked_reason = LATER, "removed"
    course = builders.course(db, c.patient, c.version)
    builders.appointment(db, c.patient, at("2027-01-25 09:30"), course=course, therapist=c.r)
    db.flush()
    change_set = end_course(db, c.coordinator, course.id, status=status, seen_version=1, now=LATER, reason="Moved away")
    assert own.revoked_reason == CARE_ENDED
    empty_for_thirty_days_then_gone(db, own, LATER)
    assert staff.revoked_at is None
    undo(db, c.coordinator, change_set.id, LATER + timedelta(minutes=1))
    assert feed_state(db, own, LATER + timedelta(minutes=1)).life is FeedLife.LIVE
    assert removed.revoked_at == LATER


def test_a_patient_with_something_still_booked_keeps_the_links(db, c) -> None:
    patient = builders.principal(builders.account(db, Role.PATIENT, patient=c.patient), Role.PATIENT)
    own = link(db, patient, FeedScope.PATIENT, c.patient.id)
    course = builders.course(db, c.patient, c.version)
    builders.appointment(db, c.patient, at("2027-03-25 09:30"), kind=AppointmentKind.ASSESSMENT, therapist=c.r)
    end_course(db, c.coordinator, course.id, status=CourseStatus.COMPLETED, seen_version=1, now=LATER)
    assert own.revoked_at is None


def test_undoing_something_else_wakes_no_link(db, c) -> None:
    patient = builders.principal(builders.account(db, Role.PATIENT, patient=c.patient), Role.PATIENT)
    own = link(db, patient, FeedScope.PATIENT, c.patient.id)
    course = builders.course(db, c.patient, c.version)
    change_set = end_course(db, c.coordinator, course.id, status=CourseStatus.COMPLETED, seen_version=1, now=LATER)
    deactivate_account(db, None, patient.account_id, LATER)
    undo(db, c.coordinator, change_set.id, LATER + timedelta(minutes=1))
    assert own.revoked_at == LATER


def test_what_rights_cannot_be(db, c) -> None:
    nurse = nurse_of(db, c)
    admin = builders.account(db, Role.ADMIN)
    patient = builders.account(db, Role.PATIENT, patient=c.patient)
    for account_id, roles, sites, field in (
        (nurse.account_id, [], [], "role"),
        (nurse.account_id, [Role.NURSE, Role.PATIENT], [], "role"),
        (nurse.account_id, [Role.NURSE], [999_999], "site"),
        (patient.id, [Role.NURSE], [], "role"),
        (admin.id, [Role.COORDINATOR], [], "role"),
    ):
        with pytest.raises(FieldError) as refused:
            change_rights(db, None, account_id, roles=roles, site_ids=sites, now=LATER)
        assert refused.value.field == field
    with pytest.raises(NotPermitted):
        change_rights(db, nurse, nurse.account_id, roles=[Role.ADMIN], site_ids=[], now=LATER)
    with pytest.raises(NotFound):
        change_rights(db, None, 999_999, roles=[Role.NURSE], site_ids=[], now=LATER)
    manager = builders.principal(admin, Role.ADMIN)
    change_rights(db, manager, nurse.account_id, roles=[Role.NURSE, Role.ADMIN], site_ids=[c.site.id], now=LATER)
    with pytest.raises(FieldError, match="not be an admin any more yourself"):
        change_rights(db, manager, admin.id, roles=[Role.COORDINATOR], site_ids=[c.site.id], now=LATER)
    other = replace(nurse, roles=frozenset({Role.NURSE, Role.ADMIN}))
    change_rights(db, other, admin.id, roles=[Role.COORDINATOR], site_ids=[c.site.id], now=LATER)


def test_a_link_of_a_cancelled_course_keeps_nothing(db, c) -> None:
    patient = builders.principal(builders.account(db, Role.PATIENT, patient=c.patient), Role.PATIENT)
    own = link(db, patient, FeedScope.PATIENT, c.patient.id)
    course = builders.course(db, c.patient, c.version)
    visit = builders.appointment(db, c.patient, at("2027-01-25 09:30"), course=course, therapist=c.r)
    before = feed_state(db, own, NOW)
    end_course(
        db, c.coordinator, course.id, status=CourseStatus.REVOKED, seen_version=1, now=LATER, reason="Moved away"
    )
    assert visit.status is AppointmentStatus.CANCELLED
    assert feed_state(db, own, LATER).etag != before.etag
    assert visit.uid.encode() not in feed_bytes(db, own, LATER, LastGood())
