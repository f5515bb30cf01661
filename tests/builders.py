"""Made-up clinics for tests: thin functions on top of the services, and the clinic of the worked scenarios."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import count

from sqlalchemy import event
from sqlalchemy.orm import Session

from planner.domain.access import Principal, Role
from planner.domain.intervals import instant_of, minute_of
from planner.domain.statuses import HOLDING, AppointmentKind, AppointmentStatus, CourseStatus, Mode
from planner.domain.walltime import resolve_wall, to_wall
from planner.services.accounts import create_account
from planner.services.places import add_chair, add_room, add_site, close_day, set_up_clinic
from planner.services.protocols import install_shipped_protocols, newest_version
from planner.services.rostering import add_patient, add_person, add_weekly_shifts
from planner.store.records import (
    Account,
    Appointment,
    Chair,
    Clinic,
    Course,
    Hold,
    Occupancy,
    Patient,
    Person,
    ProtocolVersion,
    Room,
    Site,
)

CHICAGO = "America/Chicago"
NOW = datetime(2027, 1, 18, 15, 0, tzinfo=UTC)
"""Monday 18 January 2027, 09:00 in Chicago: a week before dose 1 of scenario A."""

WEEKDAYS = range(5)
_numbers = count(1)


def at(wall: str, zone: str = CHICAGO) -> datetime:
    """The instant of `2027-01-25 10:00` on clocks in `zone`."""
    return resolve_wall(datetime.fromisoformat(wall), zone)


def minute(wall: str, zone: str = CHICAGO) -> int:
    """The same as UTC minutes since 1970, as sheets have it."""
    return minute_of(at(wall, zone))


def wall(minutes: int, zone: str = CHICAGO) -> str:
    """UTC minutes since 1970 as `Mon 2027-01-25 10:00` on clocks in `zone`."""
    return f"{to_wall(instant_of(minutes), zone):%a %Y-%m-%d %H:%M}"


@contextmanager
def counted_queries(db: Session) -> Iterator[list[str]]:
    """Collects every statement the session sends inside the block."""
    said: list[str] = []

    def note(_connection, _cursor, statement: str, *_rest) -> None:
        said.append(statement)

    bind = db.get_bind()
    event.listen(bind, "before_cursor_execute", note)
    try:
        yield said
    finally:
        event.remove(bind, "before_cursor_execute", note)


def clinic(db: Session, name: str = "Test Clinic Rowan", zone: str = CHICAGO) -> Clinic:
    """The clinic of the database."""
    return set_up_clinic(db, name=name, zone=zone)


def site(
    db: Session,
    zone: str = CHICAGO,
    *,
    days: Iterable[int] = WEEKDAYS,
    hours: Sequence[tuple[str, str]] = (("09:00", "17:00"),),
    visit_grid: int = 15,
    therapy_grid: int = 15,
) -> Site:
    """A site with the same hours on each of `days`."""
    number = next(_numbers)
    return add_site(
        db,
        name=f"Test Site {number}",
        code=f"S{number}",
        zone=zone,
        hours=dict.fromkeys(days, hours),
        visit_grid_minutes=visit_grid,
        therapy_grid_minutes=therapy_grid,
    )


def chair(db: Session, site: Site) -> Chair:
    """A chair."""
    return add_chair(db, site, f"Chair {next(_numbers)}")


def room(db: Session, site: Site) -> Room:
    """A room."""
    return add_room(db, site, f"Room {next(_numbers)}")


def person(db: Session, site: Site, *roles: Role, name: str = "", lanes: int = 1) -> Person:
    """A member of staff; a therapist when no role is given."""
    name = name or f"Test Person {next(_numbers)}"
    return add_person(db, name, roles=roles or (Role.THERAPIST,), sites=[site], lanes=lanes)


def patient(db: Session, site: Site, therapist: Person | None = None, *, now: datetime = NOW) -> Patient:
    """A patient with a made-up code and name."""
    number = next(_numbers)
    return add_patient(db, f"T-{number}", f"Test Patient {number}", site, now=now, primary_therapist=therapist)


def account(
    db: Session,
    *roles: Role,
    sites: Iterable[Site] = (),
    person: Person | None = None,
    patient: Patient | None = None,
    password_hash: str = "",
    now: datetime = NOW,
) -> Account:
    """An account; without a hash nobody can sign in to it."""
    number = next(_numbers)
    return create_account(
        db,
        None,
        email=f"somebody{number}@test.invalid",
        name=person.name if person else patient.name if patient else f"Test Account {number}",
        password_hash=password_hash,
        roles=roles,
        now=now,
        site_ids=[site.id for site in sites],
        person_id=person.id if person else None,
        patient_id=patient.id if patient else None,
    )


def principal(account: Account, *roles: Role, sites: Iterable[Site] = ()) -> Principal:
    """The account as the services see it."""
    return Principal(
        account.id,
        frozenset(roles),
        person_id=account.person_id,
        patient_id=account.patient_id,
        site_ids=frozenset(site.id for site in sites),
    )


def coordinator(db: Session, *sites: Site) -> Principal:
    """A new coordinator of these sites."""
    return principal(account(db, Role.COORDINATOR, sites=sites), Role.COORDINATOR, sites=sites)


def course(
    db: Session, patient: Patient, version: ProtocolVersion, *, status: CourseStatus = CourseStatus.ACTIVE
) -> Course:
    """A course without appointments."""
    row = Course(
        patient_id=patient.id,
        protocol_version_id=version.id,
        site_id=patient.site_id,
        primary_therapist_id=patient.primary_therapist_id,
        status=status,
        wishes={},
        created_at=NOW,
    )
    db.add(row)
    db.flush()
    return row


def appointment(
    db: Session,
    patient: Patient,
    starts_at: datetime,
    minutes: int = 50,
    *,
    kind: AppointmentKind = AppointmentKind.INTEGRATION,
    course: Course | None = None,
    number: int = 1,
    serves: Appointment | None = None,
    therapist: Person | None = None,
    chair: Chair | None = None,
    room: Room | None = None,
    turnover: int = 0,
    mode: Mode = Mode.IN_PERSON,
    status: AppointmentStatus = AppointmentStatus.BOOKED,
    zone: str = CHICAGO,
    now: datetime = NOW,
) -> Appointment:
    """An appointment that holds the patient and whatever else is given; the chair for `turnover` minutes longer."""
    row = Appointment(
        uid=f"test-{next(_numbers)}@appointments.invalid",
        course_id=course.id if course else None,
        patient_id=patient.id,
        kind=kind,
        phase="induction",
        number=number,
        serves_id=serves.id if serves else None,
        site_id=patient.site_id,
        mode=mode,
        therapist_id=therapist.id if therapist else None,
        chair_id=chair.id if chair else None,
        room_id=room.id if room else None,
        starts_at=starts_at,
        ends_at=starts_at + timedelta(minutes=minutes),
        starts_wall=to_wall(starts_at, zone).isoformat(timespec="minutes"),
        zone=zone,
        status=status,
        sequence=0,
        changed_at=now,
        created_at=now,
    )
    db.add(row)
    db.flush()
    if status in HOLDING:
        for thing, extra in ((patient, 0), (therapist, 0), (chair, turnover), (room, 0)):
            if thing is not None:
                ends_at = row.ends_at + timedelta(minutes=extra)
                occupy(db, thing.holdable_id, starts_at, ends_at, appointment_id=row.id)
    return row


def occupy(
    db: Session,
    holdable_id: int,
    starts_at: datetime,
    ends_at: datetime,
    *,
    appointment_id: int | None = None,
    hold: Hold | None = None,
) -> Occupancy:
    """One row that holds one person or thing."""
    row = Occupancy(
        holdable_id=holdable_id,
        appointment_id=appointment_id,
        hold_id=hold.id if hold else None,
        starts_at=starts_at,
        ends_at=ends_at,
    )
    db.add(row)
    db.flush()
    return row


def hold(db: Session, account: Account, expires_at: datetime, *, now: datetime = NOW) -> Hold:
    """A promise without anything in it yet."""
    row = Hold(account_id=account.id, expires_at=expires_at, created_at=now)
    db.add(row)
    db.flush()
    return row


@dataclass(frozen=True)
class ScenarioClinic:
    """The clinic of the worked scenarios (2027, America/Chicago): R is the primary therapist, K the other one."""

    site: Site
    chair: Chair
    rooms: tuple[Room, Room]
    nurse: Person
    prescriber: Person
    r: Person
    k: Person
    patient: Patient
    version: ProtocolVersion
    coordinator: Principal


THERAPY_HOURS = (("09:00", "12:00"), ("13:00", "17:00"))
#: Nobody is there to watch a dose before or after, so 09:30 is the only check-in on the grid that fits.
DOSING_HOURS = ("09:30", "11:40")
PERIODS = ((date(2027, 1, 1), date(2027, 3, 31)), (date(2027, 11, 1), date(2027, 12, 31)))
CLOSED = (date(2027, 2, 15), date(2027, 11, 25), date(2027, 11, 26))


def scenario_clinic(db: Session, *, prepared: bool = True) -> ScenarioClinic:
    """The fixture of the worked scenarios: therapy at 09, 10, 11, 13, 14, 15, 16 h, R Monday to Thursday, K Tuesday
    to Friday, dosing Monday to Friday with check-in at 09:30, closed on weekends and three holidays.

    `prepared`: the preparation session of Wednesday 20 January 11:00 with R has been held.
    """
    clinic(db)
    place = site(db, therapy_grid=60)
    for day in CLOSED:
        close_day(db, place, day)
    one_chair, rooms = chair(db, place), (room(db, place), room(db, place))
    nurse = person(db, place, Role.NURSE, name="Test Nurse Fern")
    prescriber = person(db, place, Role.PRESCRIBER, name="Test Prescriber Sorrel")
    r = person(db, place, name="R")
    k = person(db, place, name="K")
    for days in PERIODS:
        add_weekly_shifts(db, nurse, place, WEEKDAYS, days, DOSING_HOURS)
        add_weekly_shifts(db, prescriber, place, WEEKDAYS, days, DOSING_HOURS)
        add_weekly_shifts(db, r, place, range(0, 4), days, *THERAPY_HOURS)
        add_weekly_shifts(db, k, place, range(1, 5), days, *THERAPY_HOURS)
    install_shipped_protocols(db, NOW)
    somebody = patient(db, place, r)
    if prepared:
        appointment(
            db,
            somebody,
            at("2027-01-20 11:00"),
            kind=AppointmentKind.PREPARATION,
            therapist=r,
            room=rooms[0],
            status=AppointmentStatus.FULFILLED,
        )
    return ScenarioClinic(
        place,
        one_chair,
        rooms,
        nurse,
        prescriber,
        r,
        k,
        somebody,
        newest_version(db, "iv-racemic-twice-weekly"),
        coordinator(db, place),
    )
