"""The rules of a zone change: what was agreed is the wall time, and its instant follows."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import icalendar
import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from planner.domain.access import Principal, Role
from planner.domain.errors import NotPermitted, Refused
from planner.domain.intervals import Interval
from planner.domain.statuses import AppointmentStatus
from planner.domain.walltime import to_wall
from planner.domain.zonedata import zone_data_version
from planner.services import zone_changes
from planner.services.publishing import CONSENT_VERSION, LastGood, create_feed, feed_bytes, feed_state
from planner.services.reading.windows import readings_by_dose
from planner.services.undoing import undo
from planner.services.upkeep import disagreements, overlaps
from planner.services.zone_changes import (
    BEGUN,
    ZoneChange,
    follow_zone,
    outdated,
    outdated_sentence,
    zones_in_use,
)
from planner.store.occupying import Claim, held_by, keep_for
from planner.store.records import (
    Appointment,
    AuditEntry,
    ChangeSet,
    FeedScope,
    Hold,
    Occupancy,
    OverrideRule,
    Patient,
    RuleOverride,
    Shift,
)
from tests import builders
from tests.services.booked import LATER, Booked, booked_course
from tests.support.small_clinic import NOW, ZONE
from tests.support.zones import put_zone_files, zone_data

HOUR = timedelta(hours=1)
#: Chicago keeps summer time for good; everything agreed for January is an hour earlier in UTC.
FOR_GOOD = "CDT5"
#: Summer time begins in January already, on Wednesday the 20th: only the third dose and its session are touched.
FROM_MID_JANUARY = "CST6CDT,M1.3.3,M11.1.0"
#: On the Monday of the first dose, nine o'clock happens twice or not at all.
NINE_TWICE, NO_NINE = "CST6CDT,M3.2.0,M1.2.1/10", "CST6CDT,M1.2.1/9,M11.1.0"
NINE_TWICE_ELSEWHERE = "EST5EDT,M3.2.0,M1.2.1/10"


@contextmanager
def rules(folder: Path, rule: str, release: str = "2027z") -> Iterator[None]:
    with zone_data(put_zone_files(folder, {ZONE: rule}, release)):
        yield


@pytest.fixture
def booked(db: Session) -> Booked:
    return booked_course(db)


def instants(booked: Booked) -> dict[str, datetime]:
    booked.db.expire_all()
    return {f"{row.kind} {row.number}": row.starts_at for row in booked.all()}


def follow(booked: Booked, *, now: datetime = LATER) -> ZoneChange:
    return follow_zone(booked.db, None, ZONE, now)


def test_every_future_appointment_keeps_its_wall_time_and_moves_with_all_it_holds(booked, tmp_path) -> None:
    before = instants(booked)
    held = held_by(booked.db, [row.id for row in booked.all()])
    walls = {row.id: row.starts_wall for row in booked.all()}
    with rules(tmp_path, FOR_GOOD):
        change = follow(booked)
        assert instants(booked) == {name: start - HOUR for name, start in before.items()}
        for row in booked.all():
            assert row.starts_wall == walls[row.id] == to_wall(row.starts_at, ZONE).isoformat(timespec="minutes")
            assert (row.ends_at - row.starts_at, row.tzdata_version) == (row.span.end - row.span.start, "2027z")
            assert (row.sequence, row.version, row.changed_at) == (1, 2, LATER)
    assert held_by(booked.db, [row.id for row in booked.all()]) == {
        owner: tuple(Claim(c.holdable_id, c.span.shifted(-HOUR), c.override_id) for c in claims)
        for owner, claims in held.items()
    }
    assert (len(change.moved), change.stayed, change.courses, change.unchanged) == (6, (), (), 0)
    assert (change.data_before, change.data_now) == ((zone_data_version(),), "2027z")
    assert (overlaps(booked.db), disagreements(booked.db)) == ([], [])


def test_the_report_tells_each_date_with_its_code_and_instants(booked, tmp_path) -> None:
    with rules(tmp_path, FOR_GOOD):
        first = follow(booked).moved[0]
    dose = booked.dose(1)
    assert (first.appointment_id, first.course_id, first.patient_code) == (
        dose.id, booked.course.id, f"{booked.clinic.site_id}-1"
    )  # fmt: skip
    assert (first.wall, first.before.start, first.after) == ("2027-01-11T09:00", dose.starts_at + HOUR, dose.span)


def test_only_what_is_another_instant_now_moves(booked, tmp_path) -> None:
    before = instants(booked)
    with rules(tmp_path, FROM_MID_JANUARY):
        change = follow(booked)
        after = instants(booked)
        assert {name for name in after if after[name] != before[name]} == {"infusion 3", "integration 3"}
        assert (len(change.moved), change.unchanged, change.courses) == (2, 4, ())
        assert {row.tzdata_version for row in booked.all()} == {"2027z"}
        assert {row.number: (row.sequence, row.version) for row in booked.all()} == {1: (0, 1), 2: (0, 1), 3: (1, 2)}
        again = follow(booked, now=LATER + HOUR)
    assert (again.moved, again.stayed, again.unchanged, again.data_before) == ((), (), 6, ())


def test_the_past_what_has_begun_and_what_is_over_are_never_touched(booked, tmp_path) -> None:
    db, now = booked.db, booked.dose(2).starts_at + timedelta(minutes=1)
    booked.session(2).status = AppointmentStatus.ARRIVED
    booked.dose(3).become(AppointmentStatus.CANCELLED, LATER)
    db.flush()
    rows = {row.id: (row.starts_at, row.version, row.tzdata_version) for row in booked.all()}
    with rules(tmp_path, FOR_GOOD):
        change = follow(booked, now=now)
    moved = {one.appointment_id for one in change.moved}
    assert moved == {booked.session(3).id}
    db.expire_all()
    for row in booked.all():
        assert row.id in moved or (row.starts_at, row.version, row.tzdata_version) == rows[row.id]


def test_calendars_see_the_same_uid_later_and_with_a_higher_sequence(booked, tmp_path) -> None:
    db, now = booked.db, datetime(2027, 1, 5, tzinfo=UTC)
    patient = db.get_one(Patient, booked.dose(1).patient_id)
    who = builders.principal(builders.account(db, Role.PATIENT, patient=patient), Role.PATIENT)
    feed, _ = create_feed(
        db, who, FeedScope.PATIENT, patient.id, "Test phone", now=NOW, consent_version=CONSENT_VERSION
    )
    before, state = events(db, feed, now), feed_state(db, feed, now)
    with rules(tmp_path, FOR_GOOD):
        follow(booked, now=now)
    after, moved = events(db, feed, now), feed_state(db, feed, now)
    assert moved.etag != state.etag
    assert after.keys() == before.keys()
    for uid, event in after.items():
        assert event["DTSTART"].dt == before[uid]["DTSTART"].dt - HOUR
        assert event["SEQUENCE"] == before[uid]["SEQUENCE"] + 1
        assert event["LAST-MODIFIED"].dt > before[uid]["LAST-MODIFIED"].dt


def events(db: Session, feed, now: datetime) -> dict[str, icalendar.Event]:
    body = feed_bytes(db, feed, now, LastGood())
    return {str(event["UID"]): event for event in icalendar.Calendar.from_ical(body).walk("VEVENT")}


def test_the_history_has_a_line_for_each_and_one_for_the_zone(booked, tmp_path) -> None:
    coordinator = booked.clinic.coordinator
    with rules(tmp_path, FROM_MID_JANUARY):
        follow_zone(booked.db, coordinator, ZONE, LATER)
    lines = booked.db.scalars(
        select(AuditEntry).where(AuditEntry.action == "appointment.zone-followed").order_by(AuditEntry.id)
    ).all()
    dose = booked.dose(3)
    assert [line.object_id for line in lines] == [dose.id, booked.session(3).id]
    assert (lines[0].account_id, lines[0].patient_id) == (coordinator.account_id, dose.patient_id)
    assert lines[0].detail == {
        "zone": ZONE, "data": "2027z", "wall": "2027-01-25T09:00",
        "from": "2027-01-25T15:00:00+00:00", "to": "2027-01-25T14:00:00+00:00",
    }  # fmt: skip
    whole = booked.db.scalars(select(AuditEntry).where(AuditEntry.action == "zone.followed")).one()
    assert (whole.detail["moved"], whole.detail["stayed"], whole.detail["data"]) == (2, [], "2027z")


def promise(booked: Booked, holdable_id: int, span: Interval) -> None:
    """Somebody is planning and keeps a time."""
    hold = Hold(account_id=booked.clinic.account_id, expires_at=NOW.replace(year=2028), created_at=NOW)
    booked.db.add(hold)
    booked.db.flush()
    keep_for(booked.db, hold, [Claim(holdable_id, span)], ZONE)


def test_what_would_land_on_somebody_stays_as_it_was_and_is_listed(booked, tmp_path) -> None:
    dose, chair = booked.dose(2), booked.clinic.chairs[0].holdable_id
    promise(booked, chair, Interval(dose.starts_at - 2 * HOUR, dose.starts_at - HOUR / 2))
    before, old = instants(booked), dose.tzdata_version
    held = held_by(booked.db, [dose.id])
    with rules(tmp_path, FOR_GOOD):
        change = follow(booked)
        assert outdated(booked.db, LATER) == {ZONE: (old,)}
    (stayed,) = change.stayed
    assert (stayed.appointment_id, stayed.after) == (dose.id, None)
    assert stayed.reasons == (
        "Chair 1 is already held on Mon 18 Jan 2027 from 08:00 to 09:30 (America/Chicago), while somebody plans.",
    )
    assert instants(booked)["infusion 2"] == before["infusion 2"]
    assert (held_by(booked.db, [dose.id]), dose.version, dose.sequence) == (held, 1, 0)
    assert len(change.moved) == 5
    assert (overlaps(booked.db), disagreements(booked.db)) == ([], [])


def test_a_course_that_moved_in_part_is_listed_with_its_windows(booked, tmp_path) -> None:
    dose, chair = booked.dose(2), booked.clinic.chairs[0].holdable_id
    promise(booked, chair, Interval(dose.starts_at - 2 * HOUR, dose.starts_at - HOUR / 2))
    session = booked.session(2)
    opens = opening_of_window(booked, dose)
    session.move_to(Interval(opens, opens + HOUR), NOW)
    booked.db.execute(Occupancy.__table__.delete().where(Occupancy.appointment_id == session.id))
    booked.db.flush()
    with rules(tmp_path, FOR_GOOD):
        (course,) = follow(booked).courses
    assert course.course_id == booked.course.id
    assert course.sentences == (
        "infusion 2 of 2027-01-18T09:00 stayed at its old instant.", "integration 2 is before the window opens now."
    )  # fmt: skip


def opening_of_window(booked: Booked, dose: Appointment) -> datetime:
    window = readings_by_dose(booked.db, [booked.course.id])[dose.id].window
    assert window is not None
    return window.opens_at


def test_one_that_stays_keeps_its_followers_from_landing_on_it(db, tmp_path) -> None:
    first = booked_course(db)
    clinic = first.clinic
    second = booked_course(db, patient=1, clinic=clinic, chair=1)
    # The second patient's first dose comes into the first one's chair as soon as that is free again.
    dose, follower = first.dose(1), second.dose(1)
    chair = clinic.chairs[0].holdable_id
    for row in db.scalars(select(Occupancy).where(Occupancy.appointment_id == follower.id)):
        start = dose.starts_at + 3 * HOUR
        row.starts_at, row.ends_at = start, start + 2 * HOUR
        row.holdable_id = chair if row.holdable_id == clinic.chairs[1].holdable_id else row.holdable_id
    follower.move_to(Interval(dose.starts_at + 3 * HOUR, dose.starts_at + 5 * HOUR), NOW)
    db.flush()
    promise(first, chair, Interval(dose.starts_at - 2 * HOUR, dose.starts_at))
    with rules(tmp_path, FOR_GOOD):
        change = follow(first)
    assert [one.appointment_id for one in change.stayed] == [dose.id, follower.id]
    assert change.stayed[1].reasons[0].startswith("Chair 1 is already held on Mon 11 Jan 2027 from 10:00")
    assert len(change.moved) == 10
    assert (overlaps(db), disagreements(db)) == ([], [])


def test_two_that_may_overlap_still_may(db, tmp_path) -> None:
    first = booked_course(db)
    clinic, dose = first.clinic, first.dose(1)
    chair = clinic.chairs[0].holdable_id
    guest = booked_course(db, patient=1, clinic=clinic, chair=1).dose(1)
    override = RuleOverride(
        rule=OverrideRule.OVERLAP, appointment_id=guest.id, other_appointment_id=dose.id, reason="Both asked for it",
        account_id=clinic.account_id, role="coordinator", created_at=NOW,
    )  # fmt: skip
    db.add(override)
    db.flush()
    row = db.scalars(
        select(Occupancy).where(
            Occupancy.appointment_id == guest.id, Occupancy.holdable_id == clinic.chairs[1].holdable_id
        )
    ).one()
    row.holdable_id, row.override_id = chair, override.id
    db.flush()
    with rules(tmp_path, FOR_GOOD):
        change = follow(first)
    assert (change.stayed, len(change.moved)) == ((), 12)
    assert Claim(chair, row_span(db, guest.id, chair), override.id) in held_by(db, [guest.id])[guest.id]


def row_span(db: Session, appointment_id: int, holdable_id: int) -> Interval:
    row = db.scalars(
        select(Occupancy)
        .where(Occupancy.appointment_id == appointment_id, Occupancy.holdable_id == holdable_id)
        .execution_options(populate_existing=True)
    ).one()
    return Interval(row.starts_at, row.ends_at)


@pytest.mark.parametrize(
    ("rule", "now", "words"),
    [
        (NO_NINE, LATER, "09:00 does not exist on Mon 11 Jan 2027"),
        (NINE_TWICE_ELSEWHERE, LATER, "09:00 happens twice on Mon 11 Jan 2027"),
        (FOR_GOOD, datetime(2027, 1, 11, 14, 30, tzinfo=UTC), BEGUN),
    ],
)
def test_a_wall_time_that_says_no_future_instant_stays(booked, tmp_path, rule, now, words) -> None:
    before = instants(booked)["infusion 1"]
    with rules(tmp_path, rule):
        change = follow(booked, now=now)
        (stayed,) = (one for one in change.stayed if one.appointment_id == booked.dose(1).id)
    assert words in stayed.reasons[0]
    assert instants(booked)["infusion 1"] == before


def test_of_two_showings_the_one_that_was_meant_stays(booked, tmp_path) -> None:
    before = instants(booked)["infusion 1"]
    with rules(tmp_path, NINE_TWICE):
        change = follow(booked)
    assert booked.dose(1).id not in {one.appointment_id for one in (*change.moved, *change.stayed)}
    assert instants(booked)["infusion 1"] == before


def test_a_zone_that_is_gone_leaves_everything_as_it_was(booked) -> None:
    db, before = booked.db, instants(booked)
    for row in booked.all():
        row.zone, row.tzdata_version = "Test/Gone", "2020a"
    db.flush()
    change = follow_zone(db, None, "Test/Gone", LATER)
    assert len(change.stayed) == 6
    assert "There is no time zone called" in change.stayed[0].reasons[0]
    assert instants(booked) == before


def test_what_nobody_foresaw_is_refused_by_the_database_and_nothing_is_kept(booked, tmp_path, monkeypatch) -> None:
    dose = booked.dose(2)
    promise(booked, booked.clinic.chairs[0].holdable_id, Interval(dose.starts_at - HOUR, dose.starts_at - HOUR / 2))
    before = instants(booked)
    monkeypatch.setattr(zone_changes, "those_who_stay", lambda *_: frozenset())
    with rules(tmp_path, FOR_GOOD), pytest.raises(Refused):
        follow(booked)
    assert instants(booked) == before
    assert booked.db.scalar(select(func.count(AuditEntry.id)).where(AuditEntry.action == "zone.followed")) == 0


def test_other_zones_are_left_alone(booked, tmp_path) -> None:
    before = instants(booked)
    with rules(tmp_path, FOR_GOOD):
        change = follow_zone(booked.db, None, "Europe/Oslo", LATER)
    assert (change.moved, change.stayed, change.unchanged) == ((), (), 0)
    assert instants(booked) == before


def test_proposed_doses_follow_too(booked, tmp_path) -> None:
    dose = booked.dose(3)
    dose.status = AppointmentStatus.PROPOSED
    booked.db.execute(Occupancy.__table__.delete().where(Occupancy.appointment_id == dose.id))
    booked.db.flush()
    before = instants(booked)["infusion 3"]
    with rules(tmp_path, FOR_GOOD):
        assert len(follow(booked).moved) == 6
    assert instants(booked)["infusion 3"] == before - HOUR
    assert disagreements(booked.db) == []


def test_shifts_keep_their_wall_time_too(db, tmp_path) -> None:
    clinic = booked_course(db).clinic
    shifts = {
        day: Shift(
            person_id=clinic.nurse_id, site_id=clinic.site_id, roster_site_id=clinic.site_id, day=date(2027, 1, day),
            starts_minute=480, ends_minute=960, zone=ZONE, starts_at=datetime(2027, 1, day, 14, tzinfo=UTC),
            ends_at=datetime(2027, 1, day, 22, tzinfo=UTC),
        )
        for day in (4, 18, 25)
    }  # fmt: skip
    db.add_all(shifts.values())
    db.flush()
    with rules(tmp_path, FROM_MID_JANUARY):
        assert follow_zone(db, None, ZONE, LATER).shifts == 1
    assert (shifts[25].starts_at.hour, shifts[25].ends_at.hour) == (13, 21)
    assert {shifts[day].starts_at.hour for day in (4, 18)} == {14}


def test_operators_are_told_until_all_data_agree(booked, tmp_path) -> None:
    db, old = booked.db, zone_data_version()
    assert (outdated(db, LATER), outdated_sentence(db, LATER)) == ({}, "")
    assert zones_in_use(db, LATER) == (ZONE,)
    with rules(tmp_path, FROM_MID_JANUARY):
        said = f"zone data changed from {old} to 2027z: run “flask --app wsgi upkeep zones”"
        assert outdated_sentence(db, LATER) == said
        assert outdated_sentence(db, LATER.replace(month=3)) == ""
        follow(booked)
        assert outdated_sentence(db, LATER) == ""


def test_moving_one_by_hand_brings_its_data_up_to_date(booked, tmp_path) -> None:
    dose = booked.dose(1)
    with rules(tmp_path, FOR_GOOD):
        booked.apply([booked.move(dose, 60)])
        assert dose.tzdata_version == "2027z"
        assert dose.starts_wall == to_wall(dose.starts_at, ZONE).isoformat(timespec="minutes")


def test_an_earlier_change_cannot_be_undone_over_it(booked, tmp_path) -> None:
    change_set = booked.apply([booked.move(booked.dose(1), 30)])
    with rules(tmp_path, FOR_GOOD):
        follow(booked)
    with pytest.raises(Refused):
        undo(booked.db, booked.clinic.coordinator, change_set.id, LATER)
    assert booked.db.scalars(select(ChangeSet).where(ChangeSet.undoes_id.is_not(None))).all() == []


def test_only_coordinators_and_the_command_line_may(booked) -> None:
    nurse = Principal(booked.clinic.account_id, frozenset({Role.NURSE}))
    with pytest.raises(NotPermitted):
        follow_zone(booked.db, nurse, ZONE, LATER)


def test_a_visit_outside_any_course_follows_too(booked, tmp_path) -> None:
    db = booked.db
    patient = db.get_one(Patient, booked.dose(1).patient_id)
    visit = builders.appointment(db, patient, datetime(2027, 2, 2, 15, tzinfo=UTC), zone=ZONE, now=NOW)
    with rules(tmp_path, FOR_GOOD):
        change = follow(booked)
    assert (visit.starts_at, visit.course_id) == (datetime(2027, 2, 2, 14, tzinfo=UTC), None)
    assert "" in change.data_before
    assert [one.appointment_id for one in change.moved][-1] == visit.id


def test_an_exception_of_long_ago_does_not_stop_the_zone(db: Session, tmp_path: Path) -> None:
    """The guest stood beside the dose once, by an override, and has moved away since: nothing is marked any more."""
    first = booked_course(db)
    clinic, dose = first.clinic, first.dose(1)
    guest = booked_course(db, patient=1, clinic=clinic, chair=1).dose(1)
    db.add(
        RuleOverride(
            rule=OverrideRule.OVERLAP, appointment_id=guest.id, other_appointment_id=dose.id, reason="A made-up reason",
            account_id=clinic.account_id, role="coordinator", created_at=NOW,
        )
    )  # fmt: skip
    db.flush()
    after = Interval(dose.starts_at + 3 * HOUR, dose.starts_at + 5 * HOUR)
    for row in db.scalars(select(Occupancy).where(Occupancy.appointment_id == guest.id)):
        row.starts_at, row.ends_at = after.start, after.end
        if row.holdable_id == clinic.chairs[1].holdable_id:
            row.holdable_id = clinic.chairs[0].holdable_id
    guest.move_to(after, NOW)
    db.flush()
    promise(first, clinic.chairs[0].holdable_id, Interval(dose.starts_at - 2 * HOUR, dose.starts_at))
    with rules(tmp_path, FOR_GOOD):
        change = follow(first)
    assert {followed.appointment_id for followed in change.stayed} == {dose.id, guest.id}
    assert change.moved
    assert overlaps(db) == []
