"""A clinic of a size to measure with, and files for it: staff, patients, places, shifts and appointments."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from sqlalchemy.orm import Session

from planner.domain.access import Principal, Role
from planner.services.accounts import create_account
from planner.services.places import add_site, set_up_clinic
from planner.services.signing_in import signed_in_as
from planner.services.spreadsheets.cells import csv_bytes
from planner.services.spreadsheets.kinds import KINDS

NOW = datetime(2027, 1, 1, 12, 0, tzinfo=UTC)
MONDAY = date(2027, 1, 4)
ZONE = "America/Chicago"


@dataclass(frozen=True)
class Size:
    """How many of each; every therapist has a room and a chair of their own number."""

    therapists: int = 40
    patients: int = 2_000
    shifts: int = 10_000
    appointments: int = 20_000


def set_up(db: Session) -> Principal:
    """One site and a coordinator who acts for it."""
    set_up_clinic(db, name="Test Clinic", zone=ZONE)
    site = add_site(db, name="Main", code="MAIN", zone=ZONE, hours={day: [("07:00", "20:00")] for day in range(7)})
    account = create_account(
        db, None, email="coordinator@clinic.example", name="Test Coordinator", password_hash="x",
        roles=[Role.COORDINATOR], site_ids=[site.id], now=NOW,
    )  # fmt: skip
    return signed_in_as(db, account).principal("")


def files(size: Size) -> Iterator[tuple[str, bytes]]:
    """The kinds and files, in the order to bring them in."""
    rooms = [("room", "MAIN", f"Room {n}", "5", "yes") for n in range(size.therapists)]
    chairs = [("chair", "MAIN", f"Chair {n}", "", "yes") for n in range(size.therapists)]
    yield "chairs-and-rooms", _csv("chairs-and-rooms", rooms + chairs)
    people = [
        (f"Test Person {n:03}", "TP", "nurse; therapist", "MAIN", "2", "0", "", "yes") for n in range(size.therapists)
    ]
    yield "people", _csv("people", people)
    patients = [
        (f"P-{n:05}", f"Test Patient {n:05}", "MAIN", "", "", "", "", "", "", "yes") for n in range(size.patients)
    ]
    yield "patients", _csv("patients", patients)
    yield "shifts", _csv("shifts", list(shifts(size)))
    yield "appointments", _csv("appointments", list(appointments(size)))


def shifts(size: Size) -> Iterator[tuple[str, ...]]:
    """A shift a day for each person, as many days as it takes."""
    for number in range(size.shifts):
        day, person = divmod(number, size.therapists)
        on = (MONDAY + timedelta(days=day)).isoformat()
        yield (f"Test Person {person:03}", "MAIN", on, "08:00", "18:00", "12:00", "12:30", "no", "no")


def appointments(size: Size) -> Iterator[tuple[str, ...]]:
    """Eight an hour apart for each person a day; every fourth is in a chair with a nurse."""
    for number in range(size.appointments):
        day, rest = divmod(number, size.therapists * 8)
        hour, person = divmod(rest, size.therapists)
        on, start = (MONDAY + timedelta(days=day)).isoformat(), f"{8 + hour:02}:00"
        name, patient = f"Test Person {person:03}", f"P-{number % size.patients:05}"
        visit = hour % 4 == 0
        who = ("", name, f"Chair {person}", "") if visit else (name, "", "", f"Room {person}")
        kind = "visit" if visit else "session"
        yield (f"ref-{number}", patient, kind, "MAIN", on, start, f"{8 + hour:02}:50", "", "booked", "in-person", *who)


def _csv(kind: str, rows: list[tuple[str, ...]]) -> bytes:
    return csv_bytes(KINDS[kind].headers, rows)
