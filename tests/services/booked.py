"""A booked course to change: what the tests of applying, undoing, overriding and status changes start from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from planner.domain.statuses import AppointmentKind
from planner.scheduling.decisions import Decision, Line, LineKind
from planner.scheduling.placements import Placement
from planner.services.applying import apply_decision
from planner.services.booking import book_course
from planner.store.records import Appointment, ChangeSet, Course
from tests.support.small_clinic import NOW, SmallClinic, make_small_clinic, placement_of, proposal, sheet_of, shifted

DAY = timedelta(days=1)
DAY_MINUTES = 24 * 60
MORNING = datetime(2027, 1, 11, 15, 0, tzinfo=UTC)
LATER = NOW + timedelta(minutes=1)


@dataclass(frozen=True)
class Booked:
    """A clinic, and a course of three weekly doses on Mondays 09:00, each with a session the day after."""

    db: Session
    clinic: SmallClinic
    course: Course

    def all(self) -> list[Appointment]:
        return list(
            self.db.scalars(select(Appointment).where(Appointment.course_id == self.course.id).order_by(Appointment.id))
        )

    def dose(self, number: int) -> Appointment:
        return self._one(AppointmentKind.INFUSION, number)

    def session(self, number: int) -> Appointment:
        return self._one(AppointmentKind.INTEGRATION, number)

    def _one(self, kind: AppointmentKind, number: int) -> Appointment:
        return next(row for row in self.all() if row.kind is kind and row.number == number)

    def place(self, row: Appointment, minutes: int = 0) -> Placement:
        """Where an appointment is, or would be so many minutes later."""
        return shifted(placement_of(self.db, row), minutes)

    def line(self, kind: LineKind, row: Appointment, after: Placement | None = None, **more: object) -> Line:
        return Line(kind, f"{kind}.", before=sheet_of(self.db, row), after=after, **more)  # type: ignore[arg-type]

    def move(self, row: Appointment, minutes: int) -> Line:
        return self.line(LineKind.MOVED, row, self.place(row, minutes))

    def apply(self, lines: Sequence[Line], **more: object) -> ChangeSet:
        return self.decide(Decision("move", tuple(lines)), **more)

    def decide(self, decision: Decision, **more: object) -> ChangeSet:
        given: dict[str, object] = {
            "course_id": self.course.id, "decision": decision, "now": LATER, "undo_minutes": 3,
            "seen_versions": {line.before.id: line.before.version for line in decision.lines if line.before},
        } | more  # fmt: skip
        return apply_decision(self.db, more.pop("principal", self.clinic.coordinator), **_without(given))  # type: ignore[arg-type]


def _without(given: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in given.items() if name != "principal"}


def booked_course(db: Session, *, patient: int = 0, clinic: SmallClinic | None = None, chair: int = 0) -> Booked:
    """Book the course for one patient of a (new) small clinic."""
    clinic = clinic or make_small_clinic(db)
    placements = []
    for number in (1, 2, 3):
        start = MORNING + 7 * DAY * (number - 1)
        placements.append(clinic.infusion(patient, start, number=number, chair=chair))
        placements.append(
            clinic.session(patient, start + DAY, number=number, serves=number, room=chair, therapist=chair)
        )
    course = book_course(
        db, clinic.coordinator, patient_id=clinic.patients[patient].id, protocol_version_id=clinic.version_id,
        site_id=clinic.site_id, wishes={}, proposal=proposal(placements), now=NOW,
    )  # fmt: skip
    return Booked(db, clinic, course)
