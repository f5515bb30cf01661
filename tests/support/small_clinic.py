"""A small made-up clinic in the database, and placements in it, for tests of booking and for races."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from planner.domain.access import Principal, Role
from planner.domain.intervals import minute_of
from planner.domain.statuses import AppointmentKind, Mode
from planner.scheduling.placements import CourseProposal, Coverage, Placement, ProposedDay
from planner.scheduling.sheets import BookedSheet
from planner.services.shipped import shipped_document
from planner.store.occupying import held_by
from planner.store.records import (
    Account,
    Appointment,
    Chair,
    Clinic,
    Encounter,
    Holdable,
    HoldableKind,
    NurseLane,
    OpeningHours,
    Patient,
    Person,
    ProtocolRecord,
    ProtocolVersion,
    Room,
    Site,
)

ZONE = "America/Chicago"
NOW = datetime(2027, 1, 4, 15, 0, tzinfo=UTC)
VISIT_MINUTES = 150
SESSION_MINUTES = 60


@dataclass(frozen=True)
class Held:
    """An id and the holdable that goes with it."""

    id: int
    holdable_id: int


@dataclass(frozen=True)
class SmallClinic:
    """Ids of what was made; plain numbers, so that it can be sent to another process."""

    site_id: int
    version_id: int
    account_id: int
    chairs: tuple[Held, ...]
    rooms: tuple[Held, ...]
    lanes: tuple[Held, ...]
    nurse_id: int
    therapists: tuple[Held, ...]
    patients: tuple[Held, ...]

    @property
    def coordinator(self) -> Principal:
        return Principal(self.account_id, frozenset({Role.COORDINATOR}), site_ids=frozenset({self.site_id}))

    def infusion(self, patient: int, start: datetime, *, number: int = 1, chair: int = 0) -> Placement:
        """A visit that holds the patient, a chair with its turnover, and the nurse's lane of the same number."""
        at = minute_of(start)
        end = at + VISIT_MINUTES
        holds = (
            (self.patients[patient].holdable_id, at, end),
            (self.chairs[chair].holdable_id, at, end + 30),
            (self.lanes[chair % len(self.lanes)].holdable_id, at, end),
        )
        return Placement(
            AppointmentKind.INFUSION, "induction", number, at, end, self.site_id, chair_id=self.chairs[chair].id,
            nurse_id=self.nurse_id, holds=holds,
        )  # fmt: skip

    def session(
        self, patient: int, start: datetime, *, number: int = 1, serves: int | None = 1, therapist: int = 0,
        room: int | None = None, kind: AppointmentKind = AppointmentKind.INTEGRATION,
    ) -> Placement:  # fmt: skip
        """A therapy session: by telehealth, or in a room."""
        at = minute_of(start)
        end = at + SESSION_MINUTES
        holds: tuple[tuple[int, int, int], ...] = (
            (self.patients[patient].holdable_id, at, end),
            (self.therapists[therapist].holdable_id, at, end),
        )
        if room is not None:
            holds += ((self.rooms[room].holdable_id, at, end),)
        return Placement(
            kind, "induction", number, at, end, self.site_id,
            mode=Mode.TELEHEALTH if room is None else Mode.IN_PERSON, therapist_id=self.therapists[therapist].id,
            room_id=None if room is None else self.rooms[room].id, serves=serves, holds=holds,
        )  # fmt: skip


def proposal(placements: Sequence[Placement], boosters: Sequence[ProposedDay] = ()) -> CourseProposal:
    """A course proposal of these placements; its figures do not matter to booking."""
    return CourseProposal(
        pattern=frozenset({0}), placements=tuple(placements), boosters=tuple(boosters), gaps=(), span_days=0,
        coverage=Coverage(0, 0, 0, 0, 0),
    )  # fmt: skip


def make_small_clinic(
    db: Session, *, chairs: int = 2, therapists: int = 2, rooms: int = 2, lanes: int = 2, patients: int = 3,
    name: str = "Test Site Alder",
) -> SmallClinic:  # fmt: skip
    """One site, open 07:00 to 20:00 every day, with everything that can be held. Several may share a database."""
    if db.get(Clinic, 1) is None:
        db.add(Clinic(id=1, name="Test Clinic", neutral_name="Test Place", zone=ZONE))
    site = Site(name=name, code=name[-8:], zone=ZONE)
    account = Account(
        email=f"{name}@example.test", email_key=f"{name}@example.test".casefold(), password_hash="!",
        name="Test Coordinator", created_at=NOW,
    )  # fmt: skip
    protocol = ProtocolRecord(slug=f"test-{name}", name="Test protocol", enabled=True)
    db.add_all([site, account, protocol])
    db.flush()
    version = ProtocolVersion(
        protocol_id=protocol.id, number=1, document=shipped_document("iv-racemic-twice-weekly"), created_at=NOW
    )
    db.add(version)
    db.add_all(OpeningHours(site_id=site.id, weekday=day, opens_minute=420, closes_minute=1200) for day in range(7))
    nurse = Person(holdable_id=_holdables(db, HoldableKind.PERSON, 1)[0], name="Test Nurse Rowan", initials="TR")
    db.add(nurse)
    db.flush()
    chair_rows = [
        Chair(site_id=site.id, holdable_id=holdable, name=f"Chair {n}")
        for n, holdable in enumerate(_holdables(db, HoldableKind.CHAIR, chairs), 1)
    ]
    room_rows = [
        Room(site_id=site.id, holdable_id=holdable, name=f"Room {n}")
        for n, holdable in enumerate(_holdables(db, HoldableKind.ROOM, rooms), 1)
    ]
    lane_rows = [
        NurseLane(person_id=nurse.id, number=n, holdable_id=holdable)
        for n, holdable in enumerate(_holdables(db, HoldableKind.LANE, lanes), 1)
    ]
    therapist_rows = [
        Person(holdable_id=holdable, name=f"Test Therapist {n}", initials=f"T{n}")
        for n, holdable in enumerate(_holdables(db, HoldableKind.PERSON, therapists), 1)
    ]
    db.add_all([*chair_rows, *room_rows, *lane_rows, *therapist_rows])
    db.flush()
    patient_rows = [
        Patient(
            holdable_id=holdable, code=f"{site.id}-{n}", name=f"Test Patient {n}", site_id=site.id,
            primary_therapist_id=therapist_rows[0].id, created_at=NOW,
        )
        for n, holdable in enumerate(_holdables(db, HoldableKind.PATIENT, patients), 1)
    ]  # fmt: skip
    db.add_all(patient_rows)
    db.flush()
    return SmallClinic(
        site.id, version.id, account.id, _held(chair_rows), _held(room_rows), _held(lane_rows), nurse.id,
        _held(therapist_rows), _held(patient_rows),
    )  # fmt: skip


def sheet_of(db: Session, appointment: Appointment) -> BookedSheet:
    """An appointment as a decision knows it."""
    encounter = db.scalar(select(Encounter).where(Encounter.appointment_id == appointment.id))
    dose_end = encounter.dose_ended_at if encounter else None
    return BookedSheet(
        id=appointment.id, kind=appointment.kind, phase=appointment.phase, number=appointment.number,
        start=minute_of(appointment.starts_at), end=minute_of(appointment.ends_at), status=appointment.status,
        mode=appointment.mode, serves_id=appointment.serves_id, therapist_id=appointment.therapist_id,
        chair_id=appointment.chair_id, nurse_id=appointment.nurse_id, room_id=appointment.room_id,
        dose_end=minute_of(dose_end) if dose_end else None, version=appointment.version,
        holds=tuple(
            (claim.holdable_id, minute_of(claim.span.start), minute_of(claim.span.end))
            for claim in held_by(db, [appointment.id]).get(appointment.id, ())
        ),
    )  # fmt: skip


def placement_of(db: Session, appointment: Appointment) -> Placement:
    """Where an appointment is now, as a placement; `serves` is the number of the dose it is tied to."""
    sheet = sheet_of(db, appointment)
    served = db.get(Appointment, appointment.serves_id) if appointment.serves_id else None
    return Placement(
        sheet.kind, sheet.phase, sheet.number, sheet.start, sheet.end, appointment.site_id, mode=sheet.mode,
        chair_id=sheet.chair_id, nurse_id=sheet.nurse_id, therapist_id=sheet.therapist_id, room_id=sheet.room_id,
        serves=served.number if served else None, holds=sheet.holds,
    )  # fmt: skip


def shifted(placement: Placement, minutes: int) -> Placement:
    """The same placement so many minutes later, and all it holds with it."""
    return replace(
        placement, start=placement.start + minutes, end=placement.end + minutes,
        holds=tuple((h, start + minutes, end + minutes) for h, start, end in placement.holds),
    )  # fmt: skip


def _holdables(db: Session, kind: HoldableKind, count: int) -> list[int]:
    rows = [Holdable(kind=kind) for _ in range(count)]
    db.add_all(rows)
    db.flush()
    return [row.id for row in rows]


def _held(rows: Sequence[Chair | Room | NurseLane | Person | Patient]) -> tuple[Held, ...]:
    return tuple(Held(row.id, row.holdable_id) for row in rows)
