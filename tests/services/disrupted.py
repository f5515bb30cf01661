"""The scenario clinic with booked courses, for acts on days and on people's time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from planner.domain.access import Principal, Role
from planner.domain.statuses import AppointmentKind, AppointmentStatus
from planner.services.booking import book_course
from planner.services.disruption_acts import CloseDay, Disruption
from planner.services.disruptions import DisruptionPreview, apply_disruption, preview_disruption
from planner.services.planning import plan_for, propose
from planner.services.rostering import add_weekly_shifts
from planner.store.records import Appointment, ChangeSet, Course, Occupancy, Patient, Person
from planner.store.sheets import Wishes
from tests.builders import DOSING_HOURS, PERIODS, WEEKDAYS, ScenarioClinic, appointment, at, chair, patient, person

MON_THU = frozenset({0, 3})
BOOKED_AT = at("2027-01-20 12:00")
NOW = at("2027-01-29 12:00")
THURSDAY = date(2027, 2, 4)
LATE = at("2027-01-29 12:04")
"""After the three minutes in which a change can be undone."""


@dataclass(frozen=True)
class Stage:
    """The scenario clinic with one booked course: infusions Mondays and Thursdays 09:30 from 25 January."""

    db: Session
    clinic: ScenarioClinic
    course: Course | None = None

    @property
    def booked_course(self) -> Course:
        """The course that is booked here."""
        assert self.course is not None
        return self.course

    @property
    def us(self) -> Principal:
        return self.clinic.coordinator

    def close(self, day: date = THURSDAY, reason: str = "burst pipe") -> CloseDay:
        return CloseDay(self.clinic.site.id, day, reason)

    def preview(self, act: Disruption, now: datetime = NOW, who: Principal | None = None) -> DisruptionPreview:
        return preview_disruption(self.db, who or self.us, act, now=now)

    def apply(self, act: Disruption, now: datetime = NOW, **more: object) -> ChangeSet:
        found = self.preview(act, now)
        return apply_disruption(self.db, self.us, act, key=found.key, now=now, **more)  # type: ignore[arg-type]

    def dose(self, number: int, course: Course | None = None) -> Appointment:
        return self.one(AppointmentKind.INFUSION, number, course)

    def session(self, number: int) -> Appointment:
        return self.one(AppointmentKind.INTEGRATION, number)

    def one(self, kind: AppointmentKind, number: int, course: Course | None = None) -> Appointment:
        query = select(Appointment).where(
            Appointment.course_id == (course or self.booked_course).id,
            Appointment.kind == kind,
            Appointment.number == number,
            Appointment.status == AppointmentStatus.BOOKED,
        )
        return self.db.scalars(query.execution_options(populate_existing=True)).one()


def booked(db: Session, clinic: ScenarioClinic, somebody: Patient) -> Course:
    plan = plan_for(
        db,
        clinic.coordinator,
        patient_id=somebody.id,
        protocol_version_id=clinic.version.id,
        site_id=clinic.site.id,
        wishes=Wishes(date(2027, 1, 25)),
        now=BOOKED_AT,
    )
    return book_course(
        db,
        clinic.coordinator,
        patient_id=somebody.id,
        protocol_version_id=clinic.version.id,
        site_id=clinic.site.id,
        wishes=Wishes(date(2027, 1, 25), pattern=MON_THU).to_json(),
        proposal=next(p for p in propose(plan).proposals if p.pattern == MON_THU),
        now=BOOKED_AT,
    )


def second_nurse(stage: Stage) -> Person:
    nurse = person(stage.db, stage.clinic.site, Role.NURSE, name="Test Nurse Heather")
    for days in PERIODS:
        add_weekly_shifts(stage.db, nurse, stage.clinic.site, WEEKDAYS, days, DOSING_HOURS)
    return nurse


def second_course(stage: Stage) -> Course:
    """A second chair, nurse and patient, booked for the same mornings."""
    db, clinic = stage.db, stage.clinic
    chair(db, clinic.site)
    second_nurse(stage)
    somebody = patient(db, clinic.site, clinic.k)
    appointment(
        db,
        somebody,
        at("2027-01-20 13:00"),
        kind=AppointmentKind.PREPARATION,
        therapist=clinic.k,
        status=AppointmentStatus.FULFILLED,
    )
    return booked(db, clinic, somebody)


def everything(db: Session) -> tuple[object, ...]:
    """All appointments and all that is held, without the counters that only go up."""
    db.expire_all()
    rows = db.scalars(select(Appointment).order_by(Appointment.id))
    held = db.execute(
        select(Occupancy.appointment_id, Occupancy.holdable_id, Occupancy.starts_at, Occupancy.ends_at)
    ).all()
    return (
        [
            (r.id, r.status, r.starts_at, r.ends_at, r.chair_id, r.nurse_id, r.therapist_id, r.number, r.serves_id)
            for r in rows
        ],
        sorted(map(tuple, held), key=str),
    )
