"""A small standing clinic: two sites, one account per role, and people at the other site who are nobody's business.

`Rehearsal` is a store whose sessions all run inside one transaction that the test takes back.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, event
from sqlalchemy.orm import Session

from planner.domain.access import Principal, Role
from planner.services.accounts import Passwords, create_account
from planner.services.signing_in import signed_in_as
from planner.store.records import (
    Account,
    Clinic,
    Holdable,
    HoldableKind,
    Patient,
    Person,
    PersonRole,
    PersonSite,
    Site,
)

NOW = datetime(2026, 3, 4, 15, 0, tzinfo=UTC)  # Wednesday 09:00 in Chicago
PASSWORD = "made-up words for tests"
CHEAP = Passwords(memory_kib=8, passes=1)
PASSWORD_HASH = CHEAP.hashed(PASSWORD)


class Clock:
    """A clock that stands still until it is told to go on."""

    def __init__(self, now: datetime = NOW) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def pass_time(self, **span: float) -> None:
        """Let time pass, in the words of timedelta."""
        self.now += timedelta(**span)


@dataclass
class Cast:
    """Who and what is on stage. `people` and `accounts` are by role word; patients by name."""

    clinic: Clinic
    north: Site
    south: Site
    people: dict[str, Person] = field(default_factory=dict)
    patients: dict[str, Patient] = field(default_factory=dict)
    accounts: dict[str, Account] = field(default_factory=dict)
    principals: dict[str, Principal] = field(default_factory=dict)

    def email(self, who: str) -> str:
        """The address `who` signs in with."""
        return self.accounts[who].email


STAFF_ROLES = (Role.ADMIN, Role.COORDINATOR, Role.PRESCRIBER, Role.NURSE, Role.THERAPIST)


def make_cast(db: Session, now: datetime = NOW) -> Cast:
    """Put the clinic into the database and flush it.

    Accounts: one per role word (at North), `therapist-two` (North, other patients), `coordinator-south`,
    `patient` (Alder, the therapist's), `patient-two` (Birch, of therapist-two), `patient-south` (Cedar).
    """
    cast = Cast(clinic=_clinic(db), north=_site(db, "North", "N"), south=_site(db, "South", "S"))
    for role in STAFF_ROLES:
        _staff(db, cast, role.value, role, cast.north, now)
    _staff(db, cast, "therapist-two", Role.THERAPIST, cast.north, now)
    _staff(db, cast, "coordinator-south", Role.COORDINATOR, cast.south, now)
    for who, name, site, therapist in (
        ("patient", "Alder", cast.north, cast.people["therapist"]),
        ("patient-two", "Birch", cast.north, cast.people["therapist-two"]),
        ("patient-south", "Cedar", cast.south, None),
    ):
        _patient(db, cast, who, name, site, therapist, now)
    db.flush()
    return cast


def _clinic(db: Session) -> Clinic:
    clinic = Clinic(id=1, name="Test Clinic", neutral_name="Test Practice", zone="America/Chicago")
    db.add(clinic)
    db.flush()
    return clinic


def _site(db: Session, name: str, code: str) -> Site:
    site = Site(name=name, code=code, zone="America/Chicago")
    db.add(site)
    db.flush()
    return site


def _holdable(db: Session, kind: HoldableKind) -> int:
    holdable = Holdable(kind=kind)
    db.add(holdable)
    db.flush()
    return holdable.id


def _staff(db: Session, cast: Cast, who: str, role: Role, site: Site, now: datetime) -> None:
    name = "Test " + " ".join(word.title() for word in who.split("-"))
    initials = "".join(word[0] for word in name.split())
    person = Person(holdable_id=_holdable(db, HoldableKind.PERSON), name=name, initials=initials)
    db.add(person)
    db.flush()
    db.add_all([PersonRole(person_id=person.id, role=role), PersonSite(person_id=person.id, site_id=site.id)])
    cast.people[who] = person
    _account(db, cast, who, name, role, now, site_ids=[site.id], person_id=person.id)


def _patient(db: Session, cast: Cast, who: str, name: str, site: Site, therapist: Person | None, now: datetime) -> None:
    patient = Patient(
        holdable_id=_holdable(db, HoldableKind.PATIENT),
        code=f"P-10{len(cast.patients) + 1}",
        name=f"Test Patient {name}",
        site_id=site.id,
        primary_therapist_id=therapist.id if therapist else None,
        created_at=now,
    )
    db.add(patient)
    db.flush()
    cast.patients[name.lower()] = patient
    _account(db, cast, who, patient.name, Role.PATIENT, now, patient_id=patient.id)


def _account(db: Session, cast: Cast, who: str, name: str, role: Role, now: datetime, **more: Any) -> None:
    email = f"{who}@clinic.example"
    account = create_account(
        db, None, email=email, name=name, password_hash=PASSWORD_HASH, roles=[role], now=now, **more
    )
    cast.accounts[who] = account
    cast.principals[who] = signed_in_as(db, account).principal("127.0.0.1")


class Rehearsal:
    """Stands in for `planner.store.engine.Store`: every session, commits included, is gone after the test.

    A reading session refuses to write, as the real one does.
    """

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    def write_session(self) -> Session:
        return Session(self.connection, join_transaction_mode="create_savepoint", expire_on_commit=False)

    def read_session(self) -> Session:
        session = Session(
            self.connection, join_transaction_mode="create_savepoint", expire_on_commit=False, autoflush=False
        )
        event.listen(session, "before_flush", _refuse_writing)
        event.listen(session, "do_orm_execute", _refuse_statements)
        return session

    @contextmanager
    def writing(self) -> Iterator[Session]:
        with self.write_session() as db:
            yield db
            db.commit()

    @contextmanager
    def reading(self) -> Iterator[Session]:
        with self.read_session() as db:
            yield db

    def transact(self, work: Callable[[Session], None]) -> None:
        with self.writing() as db:
            work(db)


def _refuse_writing(session: Session, *_: Any) -> None:
    raise AssertionError("a reading session was asked to write")


def _refuse_statements(state: Any) -> None:
    if not state.is_select:
        raise AssertionError("a reading session was asked to write")
