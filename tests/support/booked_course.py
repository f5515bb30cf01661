"""The standing cast at work, with a course of six infusions that was planned and booked for real."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import event, select
from sqlalchemy.orm import Session

from planner.domain.statuses import AppointmentKind
from planner.domain.walltime import local_day
from planner.services.booking import book_course
from planner.services.planning import plan_for, propose
from planner.store.records import Appointment, Course
from planner.store.sheets import Wishes
from tests.support.cast import NOW, Cast
from tests.support.planning_clinic import AtWork, put_to_work


@dataclass
class BookedCourse:
    """A course and its appointments, read anew each time."""

    db: Session
    cast: Cast
    at_work: AtWork
    course: Course

    def rows(self) -> list[Appointment]:
        """Every appointment of the course as it is now, in order of time."""
        query = (
            select(Appointment)
            .where(Appointment.course_id == self.course.id)
            .order_by(Appointment.starts_at, Appointment.id)
            .execution_options(populate_existing=True)
        )
        return list(self.db.scalars(query))

    def infusion(self, number: int) -> Appointment:
        """The infusion of that number."""
        return next(row for row in self.rows() if row.kind is AppointmentKind.INFUSION and row.number == number)

    def session(self, number: int) -> Appointment:
        """The integration session after that infusion."""
        dose = self.infusion(number).id
        return next(row for row in self.rows() if row.serves_id == dose)

    def facts(self) -> list[tuple[object, ...]]:
        """What must be the same again after an undo."""
        return [
            (row.id, row.uid, row.kind, row.number, row.serves_id, row.starts_at, row.ends_at, row.status,
             row.chair_id, row.therapist_id, row.room_id, row.mode)
            for row in self.rows()
        ]  # fmt: skip


def book_course_for(
    db: Session, cast: Cast, patient: str = "alder", *, at_work: AtWork | None = None, now: datetime = NOW
) -> BookedCourse:
    """Book the best course there is for a patient of North, beginning next week. `at_work`: the clinic is open."""
    at_work = at_work or put_to_work(db, cast, chairs=3, rooms=3)
    somebody, coordinator = cast.patients[patient], cast.principals["coordinator"]
    first = local_day(now, cast.north.zone) + timedelta(days=5)
    wishes = Wishes(first, first + timedelta(days=10))
    version_id = at_work.twice_weekly.id
    plan = plan_for(
        db, coordinator, patient_id=somebody.id, protocol_version_id=version_id, site_id=cast.north.id,
        wishes=wishes, now=now,
    )  # fmt: skip
    best = propose(plan, most=1).proposals[0]
    course = book_course(
        db, coordinator, patient_id=somebody.id, protocol_version_id=version_id, site_id=cast.north.id,
        wishes=wishes.to_json(), proposal=best, now=now - timedelta(days=1),
    )  # fmt: skip
    db.commit()
    return BookedCourse(db, cast, at_work, course)


@contextmanager
def counted_queries(db: Session) -> Iterator[list[str]]:
    """The statements sent on the test's own connection while the block runs, savepoints left out."""
    sent: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if not statement.upper().startswith(("SAVEPOINT", "RELEASE", "ROLLBACK")):
            sent.append(statement)

    connection = db.connection()
    event.listen(connection, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(connection, "before_cursor_execute", note)
