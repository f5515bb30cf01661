"""The standing cast with a course to live through: Test Patient Alder, six doses twice a week, all planned for real."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from planner.domain.statuses import AppointmentKind, AppointmentStatus
from planner.domain.walltime import local_day
from planner.services.booking import book_course
from planner.services.places import add_chair, add_room, new_holdable
from planner.services.planning import plan_for, propose
from planner.services.protocols import install_shipped_protocols, newest_version
from planner.services.rescheduling import Move, apply, offers, preview
from planner.services.rostering import add_weekly_shifts
from planner.store.records import Appointment, ChangeSet, Course, HoldableKind, NurseLane, OpeningHours
from planner.store.sheets import Wishes
from tests.support.cast import NOW, Cast

PROTOCOL = "iv-racemic-twice-weekly"
FULL_DAY = ("08:00", "18:00")


@dataclass
class Stage:
    """A cast, the patient's course, and what happens to it."""

    db: Session
    cast: Cast
    course: Course

    def dates(self, kind: AppointmentKind | None = None) -> list[Appointment]:
        """The patient's booked dates in order of time."""
        found = self.db.scalars(
            select(Appointment)
            .where(Appointment.course_id == self.course.id, Appointment.status == AppointmentStatus.BOOKED)
            .order_by(Appointment.starts_at)
            .execution_options(populate_existing=True)
        )
        return [row for row in found if kind is None or row.kind is kind]

    def dose(self, number: int) -> Appointment:
        """The infusion of that number."""
        return next(row for row in self.dates(AppointmentKind.INFUSION) if row.number == number)

    def session_of(self, dose: Appointment) -> Appointment:
        """The session that serves a dose."""
        return next(row for row in self.dates(AppointmentKind.INTEGRATION) if row.serves_id == dose.id)

    def move(self, row: Appointment, *, choose: int = 0, now: datetime = NOW) -> ChangeSet:
        """The coordinator moves a date to one of the times offered for it."""
        coordinator = self.cast.principals["coordinator"]
        start = offers(self.db, coordinator, row.id, now=now)[choose].start
        act = Move(row.id, datetime.fromtimestamp(start * 60, tz=now.tzinfo))
        return apply(self.db, coordinator, act, key=preview(self.db, coordinator, act, now=now).key, now=now)


def make_stage(db: Session, cast: Cast, now: datetime = NOW) -> Stage:
    """Open North, put people on the roster for ten weeks, and book the best course there is from next Monday on."""
    north, people = cast.north, cast.people
    north.alias, north.address = "North", "1 Example Street"
    cast.clinic.help_text = "In an emergency call 000. By day call us on 000 000."
    for weekday in range(5):
        db.add(OpeningHours(site_id=north.id, weekday=weekday, opens_minute=480, closes_minute=1080))
    for number in (1, 2):
        add_chair(db, north, f"Chair {number}")
        add_room(db, north, f"Room {number}", turnover_minutes=10)
        db.add(NurseLane(person_id=people["nurse"].id, number=number, holdable_id=new_holdable(db, HoldableKind.LANE)))
    db.flush()
    first = local_day(now, north.zone)
    days = (first, first + timedelta(weeks=10))
    for who in ("therapist", "therapist-two", "nurse", "prescriber"):
        add_weekly_shifts(db, people[who], north, range(5), days, FULL_DAY)
    install_shipped_protocols(db, now)
    version = newest_version(db, PROTOCOL)
    patient, coordinator = cast.patients["alder"], cast.principals["coordinator"]
    wishes = Wishes(first + timedelta(days=5), first + timedelta(days=12))
    plan = plan_for(
        db, coordinator, patient_id=patient.id, protocol_version_id=version.id, site_id=north.id, wishes=wishes, now=now
    )
    best = propose(plan, most=1).proposals[0]
    course = book_course(
        db, coordinator, patient_id=patient.id, protocol_version_id=version.id, site_id=north.id,
        wishes=wishes.to_json(), proposal=best, now=now,
    )  # fmt: skip
    db.flush()
    return Stage(db, cast, course)
