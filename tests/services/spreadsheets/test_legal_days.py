"""Whatever was legal in a clinic comes in again where nothing is, with no bad line, and goes out as the same bytes."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from planner.domain.access import Role
from planner.domain.errors import Refused
from planner.domain.intervals import instant_of, minute_of
from planner.domain.statuses import AppointmentKind, AppointmentStatus, Mode
from planner.services.accounts import create_account
from planner.services.booking import UID_HOST, new_uid
from planner.services.demo import make_demo
from planner.services.overriding import claims_under, override_rule
from planner.services.places import add_site, set_up_clinic
from planner.services.rostering import add_person
from planner.services.signing_in import signed_in_as
from planner.services.spreadsheets.checking import check_content
from planner.services.spreadsheets.exporting import export_bytes
from planner.services.spreadsheets.kinds import KINDS
from planner.services.upkeep import disagreements, overlaps
from planner.store.occupying import claims_of, hold_for
from planner.store.records import (
    Account,
    Appointment,
    Chair,
    NurseLane,
    Occupancy,
    OverrideRule,
    Patient,
    Person,
    Room,
    Site,
)
from tests.support.sheets import HOURS, NOW, Desk, furnish, set_up_desk

few = settings(
    max_examples=5,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    phases=(Phase.explicit, Phase.generate),
)


def all_files(desk: Desk, now: datetime) -> dict[str, bytes]:
    return {kind: export_bytes(desk.db, desk.principal, kind, now=now) for kind in KINDS}


def bring_all(desk: Desk, files: Mapping[str, bytes], now: datetime) -> None:
    """All kinds in their order; a bad line is an error of the test."""
    for kind, content in files.items():
        if content.count(b"\r\n") > 1:
            checked = check_content(desk.db, desk.principal, KINDS[kind], content, {}, now=now)
            assert checked.may_write, (kind, checked.faults[:5])
            checked.importer.write(lambda _: None)
            desk.db.flush()
            assert checked.importer.new == checked.total


def empty_clinic(db: Session, sites: Sequence[tuple[str, str, str]]) -> Desk:
    """A clinic with sites of these codes, names and zones, and nothing else."""
    set_up_clinic(db, name="Test Clinic", zone=sites[0][2])
    ids = [add_site(db, name=name, code=code, zone=zone, hours=HOURS).id for code, name, zone in sites]
    account = create_account(
        db, None, email="empty@clinic.example", name="Test Coordinator", password_hash="x", roles=[Role.COORDINATOR],
        site_ids=ids, now=NOW,
    )  # fmt: skip
    return Desk(db, signed_in_as(db, account).principal(""))


def holds(db: Session) -> list[tuple[str, str, datetime, datetime]]:
    """What each appointment holds, told without ids; a nurse's places by their order."""
    names: dict[int, str] = {}
    for record in (Chair, Room):
        for holdable_id, name, site_id in db.execute(select(record.holdable_id, record.name, Site.code).join(Site)):
            names[holdable_id] = f"{record.__name__} {site_id} {name}"
    for holdable_id, name, initials in db.execute(select(Person.holdable_id, Person.name, Person.initials)):
        names[holdable_id] = f"{name} {initials}"
    for holdable_id, code in db.execute(select(Patient.holdable_id, Patient.code)):
        names[holdable_id] = code
    for holdable_id, name, initials, number in db.execute(
        select(NurseLane.holdable_id, Person.name, Person.initials, NurseLane.number).join(Person)
    ):
        names[holdable_id] = f"{name} {initials} {number}"
    rows = db.execute(
        select(Appointment.uid, Occupancy.holdable_id, Occupancy.starts_at, Occupancy.ends_at).join(
            Appointment, Appointment.id == Occupancy.appointment_id
        )
    )
    return sorted((uid, names[holdable_id], start, end) for uid, holdable_id, start, end in rows)


def comes_in_again(desk: Desk, now: datetime, original: object) -> None:
    """Take everything out, undo `original` (a savepoint), bring it into an empty clinic, and take it out again."""
    db = desk.db
    files, held = all_files(desk, now), holds(db)
    sites = [(site.code, site.name, site.zone) for site in db.scalars(select(Site).order_by(Site.id))]
    original.rollback()  # type: ignore[attr-defined]
    db.expunge_all()
    empty = db.begin_nested()
    other = empty_clinic(db, sites)
    bring_all(other, files, now)
    assert holds(db) == held
    assert overlaps(db) == disagreements(db) == []
    again = all_files(other, now)
    assert [kind for kind in KINDS if again[kind] != files[kind]] == []
    empty.rollback()
    db.expunge_all()


@pytest.mark.parametrize("now", [datetime(2026, 11, 22, 20, 0, tzinfo=UTC), datetime(2027, 3, 10, 16, 30, tzinfo=UTC)])
def test_the_planned_courses_of_the_demo_clinic(db: Session, now: datetime) -> None:
    original = db.begin_nested()
    make_demo(db, now, lambda _: "x")
    account = db.scalars(select(Account).where(Account.email == "coordinator@demo.invalid")).one()
    desk = Desk(db, signed_in_as(db, account).principal(""))
    assert b" to " in export_bytes(db, desk.principal, "appointments", now=now), "planned visits hold parts"
    comes_in_again(desk, now, original)


# Days nobody planned, but which the database let be


@dataclass(frozen=True)
class Draft:
    """An appointment somebody tries to book, in minutes from the start of the day.

    `place` is the nurse's, from 1; 0 is without a nurse. `parts` name who else, and for which minutes: None for the
    whole of it and the minutes between.
    """

    kind: AppointmentKind
    start: int
    length: int
    patient: int
    place: int
    parts: Mapping[str, tuple[tuple[int, int], ...]]
    status: AppointmentStatus


_PARTS = st.lists(st.tuples(st.integers(0, 12), st.integers(1, 6)), max_size=2).map(
    lambda drawn: tuple((start * 10, (start + length) * 10) for start, length in drawn)
)
_DRAFTS = st.builds(
    Draft,
    kind=st.sampled_from(AppointmentKind),
    start=st.integers(0, 60).map(lambda n: n * 10),
    length=st.integers(1, 14).map(lambda n: n * 10),
    patient=st.integers(0, 3),
    place=st.integers(0, 3),
    parts=st.fixed_dictionaries(
        {}, optional=dict.fromkeys(("therapist", "prescriber", "chair", "room"), st.none() | _PARTS)
    ),
    status=st.sampled_from([AppointmentStatus.BOOKED, AppointmentStatus.FULFILLED, AppointmentStatus.CANCELLED]),
)


@dataclass
class Book:
    """A desk whose appointments are written as they come, if the database lets them be."""

    desk: Desk
    site: Site
    others: dict[str, Person | Chair | Room]
    lanes: list[int]
    nurse: Person
    patients: list[Patient]
    zero: int

    def book(self, draft: Draft, allow: bool) -> None:
        db = self.desk.db
        with suppress(Refused), db.begin_nested():
            start = self.zero + draft.start
            named = {key: self.others[key] for key in draft.parts}
            row = Appointment(
                uid=new_uid(UID_HOST), patient_id=self.patients[draft.patient].id, kind=draft.kind,
                site_id=self.site.id, mode=Mode.IN_PERSON, starts_at=instant_of(start),
                ends_at=instant_of(start + draft.length), starts_wall="2027-01-01T00:00", zone=self.site.zone,
                status=draft.status, changed_at=NOW, created_at=NOW, nurse_id=self.nurse.id if draft.place else None,
                **{f"{key}_id": thing.id for key, thing in named.items() if key != "prescriber"},
            )  # fmt: skip
            db.add(row)
            db.flush()
            if draft.status is AppointmentStatus.CANCELLED:
                return
            held = [(self.patients[draft.patient].holdable_id, 0, draft.length)]
            for key, thing in named.items():
                turnover = {"therapist": 5, "room": 10}.get(key, 0)
                spans = draft.parts[key]
                held += [
                    (thing.holdable_id, first, last)
                    for first, last in (((0, draft.length + turnover),) if spans is None else apart(spans))
                ]
            if draft.place:
                held.append((self.lanes[draft.place - 1], 10, draft.length + 20))
            claims = claims_of((id, start + first, start + last) for id, first, last in held)
            overrides = {}
            if allow:
                others = db.scalars(
                    select(Appointment.id).where(
                        Appointment.id != row.id, Appointment.starts_at < row.ends_at,
                        Appointment.ends_at > row.starts_at,
                    )
                )  # fmt: skip
                overrides = {
                    other: override_rule(
                        db, self.desk.principal, rule=OverrideRule.OVERLAP, appointment_id=row.id,
                        other_appointment_id=other, reason="for a test", now=NOW,
                    ).id
                    for other in others
                }  # fmt: skip
            hold_for(db, row, claims_under(db, claims, overrides))


def apart(spans: tuple[tuple[int, int], ...]) -> list[tuple[int, int]]:
    """The spans without those that overlap one before them, or touch it."""
    found: list[tuple[int, int]] = []
    for start, end in spans:
        if all(end < first or last < start for first, last in found):
            found.append((start, end))
    return found


def open_book(db: Session) -> Book:
    desk = set_up_desk(db)
    furnish(desk)
    site = db.scalars(select(Site).where(Site.code == "MAIN")).one()
    add_person(db, "Test Prescriber", roles=[Role.PRESCRIBER], sites=[site])
    nurse = add_person(db, "Test Nurse of three", roles=[Role.NURSE], sites=[site], lanes=3)
    db.flush()
    others: dict[str, Person | Chair | Room] = {
        "therapist": db.scalars(select(Person).where(Person.name == "Test Therapist")).one(),
        "prescriber": db.scalars(select(Person).where(Person.name == "Test Prescriber")).one(),
        "chair": db.scalars(select(Chair).where(Chair.site_id == site.id)).one(),
        "room": db.scalars(select(Room).where(Room.site_id == site.id, Room.name == "Room 1")).one(),
    }
    lanes = select(NurseLane.holdable_id).where(NurseLane.person_id == nurse.id).order_by(NurseLane.number)
    patients = list(db.scalars(select(Patient).order_by(Patient.id)))
    # The night on which clocks go back in Chicago, an hour before they do.
    zero = minute_of(datetime(2027, 11, 7, 5, 0, tzinfo=UTC))
    return Book(desk, site, others, list(db.scalars(lanes)), nurse, patients, zero)


@given(drafts=st.lists(st.tuples(_DRAFTS, st.sampled_from([False, False, True])), min_size=12, max_size=30))
@few
def test_any_day_the_database_lets_be(db: Session, drafts: list[tuple[Draft, bool]]) -> None:
    original = db.begin_nested()
    book = open_book(db)
    for draft, allow in drafts:
        book.book(draft, allow)
    assert overlaps(db) == []
    comes_in_again(book.desk, NOW, original)


def test_what_lies_behind_may_be_with_whoever_has_left_and_in_places_no_longer_there(db: Session) -> None:
    original = db.begin_nested()
    book = open_book(db)
    parts = {"therapist": None, "chair": ((0, 30),)}
    done = AppointmentStatus.FULFILLED
    book.book(Draft(AppointmentKind.INFUSION, 0, 60, 0, 3, parts, done), allow=False)
    book.book(Draft(AppointmentKind.INFUSION, 0, 60, 1, 2, {}, done), allow=False)
    later = NOW + timedelta(days=400)
    db.execute(update(Person).where(Person.name == "Test Therapist").values(active=False))
    gone = db.scalars(select(NurseLane).where(NurseLane.holdable_id == book.lanes[2])).one()
    db.delete(gone)
    db.flush()
    files = all_files(book.desk, later)
    assert b'"none"' in files["appointments"]
    original.rollback()
    db.expunge_all()
    other = empty_clinic(db, [("MAIN", "Main", "America/Chicago"), ("WEST", "West End", "Europe/London")])
    bring_all(other, files, later)
    assert all_files(other, later) == files
