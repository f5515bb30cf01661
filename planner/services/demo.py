"""A made-up clinic to try everything on: Northfield Clinic, with two sites, staff, rosters, patients and courses.

Nobody in it exists. The same `now` gives the same people, rosters and dates.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from planner.domain.access import Principal, Role
from planner.domain.errors import PlannerError
from planner.domain.statuses import AppointmentKind, AppointmentStatus, Mode
from planner.domain.walltime import local_day
from planner.services.accounts import Passwords, create_account
from planner.services.booking import book_course
from planner.services.demo_rosters import make_rosters
from planner.services.places import WallSpan, add_chair, add_room, add_site, close_day, set_up_clinic
from planner.services.planning import plan_for, propose
from planner.services.protocols import install_shipped_protocols, newest_version, protocol_of
from planner.services.rostering import (
    add_days_off,
    add_patient,
    add_person,
    add_weekly_shifts,
    set_availability,
)
from planner.store.records import (
    Account,
    Appointment,
    Clinic,
    Course,
    Credential,
    Encounter,
    Patient,
    Person,
    Site,
    SiteTravel,
)
from planner.store.sheets import Wishes

DEMO_PASSWORD: Final = "northfield demo clinic"  # noqa: S105  printed for everybody on purpose
#: No address of anybody ends like this (RFC 2606).
DEMO_DOMAIN: Final = "@demo.invalid"
DEMO_SIGN_INS: Final = [(role.value, f"{role.value}{DEMO_DOMAIN}", DEMO_PASSWORD) for role in Role]
DEMO_HELP: Final = (
    "In an emergency call 911. At any hour you can call or text 988. "
    "This is a made-up clinic: nobody answers at any other number."
)

WEEKS_BEFORE: Final = 3
WEEKS_AFTER: Final = 10
_DAY: Final = (("09:00", "12:00"), ("13:00", "17:00"))
_FULL_DAY: Final = (("08:00", "18:00"),)
_WEEKDAYS: Final = range(5)
_TWICE: Final = "iv-racemic-twice-weekly"
_LATE_MINUTES: Final = 10
#: How many days each nurse's licence still holds: one is about to expire, one has.
_LICENCE_DAYS: Final = (400, 20, -3)


@dataclass(frozen=True, slots=True)
class _Cast:
    """Everybody and everything the demo's patients meet."""

    main: Site
    west: Site
    therapists: tuple[Person, ...]
    nurse: Person
    prescriber: Person


@dataclass(frozen=True, slots=True)
class _Story:
    """One patient: at which site, whose, and with which course begun how many days from now (None: no course)."""

    code: str
    name: str
    west: bool
    therapist: int
    protocol: str = ""
    begins: int = 0
    weekly: dict[int, list[WallSpan]] | None = None
    modes: tuple[Mode, ...] = (Mode.IN_PERSON, Mode.TELEHEALTH)


#: The first one is the patient who can sign in; their therapist is the one who can.
_STORIES: Final = (
    _Story("P-104", "Sam Sample-Alder", False, 0, _TWICE, begins=-9),
    _Story("P-105", "Demo Birch", False, 1, _TWICE, begins=-16),
    _Story("P-106", "Demo Cedar", False, 2, "iv-racemic-thrice-weekly", begins=-4),
    _Story("P-107", "Demo Dogwood", False, 0, "esketamine-label", begins=-12),
    _Story("P-108", "Demo Elm", True, 3, _TWICE, begins=-6),
    _Story("P-109", "Demo Fir", True, 4, "sublingual", begins=5),
    _Story("P-110", "Demo Ginkgo", False, 1, _TWICE, begins=7),
    _Story("P-111", "Demo Hazel", False, 0),
    _Story("P-112", "Demo Ironwood", False, 1, weekly={0: [("08:00", "13:00")], 3: [("08:00", "13:00")]}),
    _Story("P-113", "Demo Juniper", False, 2, modes=(Mode.IN_PERSON,)),
    _Story("P-114", "Demo Katsura", True, 3),
    _Story("P-115", "Demo Larch", True, 4, modes=(Mode.TELEHEALTH, Mode.IN_PERSON)),
)


def make_demo(db: Session, now: datetime, hashed: Callable[[str], str] | None = None) -> Clinic:
    """Fill an empty database with the demo clinic as of `now` (aware).

    `hashed` makes a password's hash; by default with the usual costs. Raises PlannerError when the database is in
    use already.
    """
    if db.scalar(select(Clinic.id)) is not None or db.scalar(select(Account.id).limit(1)) is not None:
        raise PlannerError("This database is in use. The demo clinic goes into an empty one only.")
    clinic = set_up_clinic(db, name="Northfield Clinic", zone="America/Chicago")
    password_hash = (hashed or Passwords(19_456, 2).hashed)(DEMO_PASSWORD)
    fill_clinic(db, clinic, password_hash, now)
    return clinic


def fill_clinic(
    db: Session, clinic: Clinic, password_hash: str, now: datetime, *, roles: Collection[Role] = tuple(Role)
) -> None:
    """Put everything made up into a clinic without sites, staff and patients, and mark it as a demo.

    `roles` are those that get a sign-in `<role>@demo.invalid` with that password's hash; the coordinator's is needed.
    """
    clinic.is_demo = True
    clinic.help_text = clinic.help_text or DEMO_HELP
    install_shipped_protocols(db, now)
    cast = _places_and_staff(db, now)
    patients = [_patient(db, cast, story, now) for story in _STORIES]
    coordinator = _accounts(db, cast, patients[0], password_hash, frozenset(roles), now)
    make_rosters(db, coordinator, cast.main, _monday(now, cast.main.zone), now)
    for story, patient in zip(_STORIES, patients, strict=True):
        if story.protocol:
            _course(db, coordinator, story, patient, now)
    _what_has_happened(db, now)


def _places_and_staff(db: Session, now: datetime) -> _Cast:
    main = add_site(
        db,
        name="Northfield Main",
        code="MAIN",
        alias="Northfield",
        address="1 Example Street, Northfield",
        zone="America/Chicago",
        hours=dict.fromkeys(_WEEKDAYS, _FULL_DAY),
    )
    west = add_site(
        db,
        name="Northfield West",
        code="WEST",
        alias="Northfield West",
        address="2 Example Road, Westfield",
        zone="America/Denver",
        hours=dict.fromkeys(_WEEKDAYS, _FULL_DAY),
    )
    for site, chairs, rooms in ((main, 3, 2), (west, 1, 1)):
        for number in range(1, chairs + 1):
            add_chair(db, site, f"Chair {number}")
        for number in range(1, rooms + 1):
            add_room(db, site, f"Room {number}", turnover_minutes=10)
    days = _roster_days(now, main.zone)
    close_day(db, main, _monday(now, main.zone) + timedelta(weeks=5, days=2), "Staff training")
    therapists = tuple(
        _on_roster(db, name, Role.THERAPIST, site, working, days)
        for name, site, working in (
            ("Casey Haddad", main, range(0, 4)),
            ("Robin Okafor", main, range(1, 5)),
            ("Alex Lindqvist", main, _WEEKDAYS),
            ("Noor Tanaka", west, _WEEKDAYS),
            ("Jo Singh", west, range(0, 4)),
        )
    )
    # Fridays by video, so that Thursday's doses have somebody of their own.
    add_weekly_shifts(db, therapists[0], None, [4], days, ("09:00", "12:00"), zone=main.zone)
    add_days_off(
        db, therapists[2], days[0] + timedelta(weeks=5), days[0] + timedelta(weeks=5, days=1), main.zone,
        "Leave", now=now,
    )  # fmt: skip
    nurses = [
        _on_roster(db, name, Role.NURSE, site, _WEEKDAYS, days)
        for name, site in (("Kit Nurse-Rivera", main), ("Sasha Nurse-Moreau", main), ("Lee Nurse-Novak", west))
    ]
    db.add(SiteTravel(site_id=min(main.id, west.id), other_site_id=max(main.id, west.id), minutes=40))
    today = local_day(now, main.zone)
    for nurse, days_left in zip(nurses, _LICENCE_DAYS, strict=True):
        db.add(Credential(person_id=nurse.id, name="Made-up licence", expires_on=today + timedelta(days=days_left)))
    prescribers = [
        _on_roster(db, name, Role.PRESCRIBER, site, _WEEKDAYS, days)
        for name, site in (("Dr Remy Example-Rao", main), ("Dr Kai Example-Berg", west))
    ]
    return _Cast(main, west, therapists, nurses[0], prescribers[0])


def _on_roster(db: Session, name: str, role: Role, site: Site, weekdays: range, days: tuple[date, date]) -> Person:
    person = add_person(db, name, roles=[role], sites=[site], lanes=2 if role is Role.NURSE else 1)
    spans = _DAY if role is Role.THERAPIST else _FULL_DAY
    add_weekly_shifts(db, person, site, weekdays, days, *spans)
    return person


def _monday(now: datetime, zone: str) -> date:
    today = local_day(now, zone)
    return today - timedelta(days=today.weekday())


def _roster_days(now: datetime, zone: str) -> tuple[date, date]:
    monday = _monday(now, zone)
    return monday - timedelta(weeks=WEEKS_BEFORE + 1), monday + timedelta(weeks=WEEKS_AFTER + 1, days=-1)


def _patient(db: Session, cast: _Cast, story: _Story, now: datetime) -> Patient:
    patient = add_patient(
        db,
        story.code,
        story.name,
        cast.west if story.west else cast.main,
        now=now - timedelta(weeks=WEEKS_BEFORE),
        primary_therapist=cast.therapists[story.therapist],
        modes=story.modes,
        escort="A made-up friend",
    )
    if story.weekly:
        set_availability(db, patient, story.weekly)
    return patient


def _accounts(
    db: Session, cast: _Cast, patient: Patient, password_hash: str, roles: frozenset[Role], now: datetime
) -> Principal:
    """One account for each of `roles`; the coordinator, as whom the courses are booked."""
    people = {Role.THERAPIST: cast.therapists[0], Role.NURSE: cast.nurse, Role.PRESCRIBER: cast.prescriber}
    names = {Role.ADMIN: "Morgan Admin", Role.COORDINATOR: "Asha Coordinator", Role.PATIENT: patient.name}
    sites = {cast.main.id, cast.west.id}
    principals = {}
    for role, email, _ in DEMO_SIGN_INS:
        if Role(role) not in roles:
            continue
        person = people.get(Role(role))
        account = create_account(
            db,
            None,
            email=email,
            name=person.name if person else names[Role(role)],
            password_hash=password_hash,
            roles=[Role(role)],
            now=now,
            site_ids=sites if role == Role.COORDINATOR else {cast.main.id} if person else (),
            person_id=person.id if person else None,
            patient_id=patient.id if role == Role.PATIENT else None,
        )
        principals[Role(role)] = Principal(
            account.id, frozenset({Role(role)}), account.person_id, account.patient_id, frozenset(sites)
        )
    return principals[Role.COORDINATOR]


def _course(db: Session, coordinator: Principal, story: _Story, patient: Patient, now: datetime) -> Course:
    """Planned and booked as a coordinator would have, three weeks ago."""
    then = now - timedelta(weeks=WEEKS_BEFORE)
    version = newest_version(db, story.protocol)
    first = local_day(now, "UTC") + timedelta(days=story.begins)
    wishes = Wishes(first, first + timedelta(days=7))
    plan = plan_for(
        db,
        coordinator,
        patient_id=patient.id,
        protocol_version_id=version.id,
        site_id=patient.site_id,
        wishes=wishes,
        now=then,
    )
    answer = propose(plan, most=1)
    if not answer.proposals:
        raise PlannerError(f"The demo has no course for {story.code}: {answer.refused[0].sentence}")
    best = answer.proposals[0]
    return book_course(
        db,
        coordinator,
        patient_id=patient.id,
        protocol_version_id=version.id,
        site_id=patient.site_id,
        wishes=Wishes(first, wishes.latest_first_day, pattern=best.pattern).to_json(),
        proposal=best,
        now=then,
    )


def _what_has_happened(db: Session, now: datetime) -> None:
    """What lies behind `now` was held, each dose ending a few minutes late."""
    past = select(Appointment).where(Appointment.ends_at <= now, Appointment.status == AppointmentStatus.BOOKED)
    for appointment in db.scalars(past.order_by(Appointment.id)).all():
        appointment.become(AppointmentStatus.FULFILLED, appointment.ends_at)
        if appointment.kind is AppointmentKind.INFUSION:
            db.add(_encounter(db, appointment))
    db.flush()


def _encounter(db: Session, infusion: Appointment) -> Encounter:
    version_id = db.scalar(select(Course.protocol_version_id).where(Course.id == infusion.course_id))
    visit = protocol_of(db, version_id or 0).visit
    return Encounter(
        appointment_id=infusion.id,
        dose_started_at=infusion.starts_at + timedelta(minutes=visit.dose_starts_min),
        dose_ended_at=infusion.starts_at + timedelta(minutes=visit.dose_ends_min + _LATE_MINUTES),
        recorded_at=infusion.ends_at,
    )
