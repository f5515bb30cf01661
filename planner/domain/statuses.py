"""Status words and the legal moves between them.

The words are those of FHIR R4: Appointment.status and CarePlan.status.
"""

from __future__ import annotations

from enum import StrEnum


class AppointmentStatus(StrEnum):
    """FHIR R4 Appointment.status, the part a clinic uses."""

    PROPOSED = "proposed"
    BOOKED = "booked"
    ARRIVED = "arrived"
    FULFILLED = "fulfilled"
    CANCELLED = "cancelled"
    NOSHOW = "noshow"
    ENTERED_IN_ERROR = "entered-in-error"


class CourseStatus(StrEnum):
    """FHIR R4 CarePlan.status, the part a course uses."""

    DRAFT = "draft"
    ACTIVE = "active"
    ON_HOLD = "on-hold"
    COMPLETED = "completed"
    REVOKED = "revoked"


class AppointmentKind(StrEnum):
    """What an appointment is for. An assessment is a measure visit without a dose."""

    PREPARATION = "preparation"
    INFUSION = "infusion"
    INTEGRATION = "integration"
    CONSOLIDATION = "consolidation"
    ASSESSMENT = "assessment"


class Mode(StrEnum):
    """Where an appointment takes place."""

    IN_PERSON = "in-person"
    TELEHEALTH = "telehealth"


#: The one table of legal moves. A status not listed as a key is final; going back from a wrong mark is an undo,
#: which restores the row, and is not a move.
APPOINTMENT_MOVES: dict[AppointmentStatus, frozenset[AppointmentStatus]] = {
    AppointmentStatus.PROPOSED: frozenset({AppointmentStatus.BOOKED, AppointmentStatus.CANCELLED}),
    AppointmentStatus.BOOKED: frozenset(
        {
            AppointmentStatus.ARRIVED,
            AppointmentStatus.FULFILLED,
            AppointmentStatus.CANCELLED,
            AppointmentStatus.NOSHOW,
            AppointmentStatus.ENTERED_IN_ERROR,
        }
    ),
    AppointmentStatus.ARRIVED: frozenset(
        {AppointmentStatus.FULFILLED, AppointmentStatus.CANCELLED, AppointmentStatus.ENTERED_IN_ERROR}
    ),
}

COURSE_MOVES: dict[CourseStatus, frozenset[CourseStatus]] = {
    CourseStatus.DRAFT: frozenset({CourseStatus.ACTIVE, CourseStatus.REVOKED}),
    CourseStatus.ACTIVE: frozenset({CourseStatus.ON_HOLD, CourseStatus.COMPLETED, CourseStatus.REVOKED}),
    CourseStatus.ON_HOLD: frozenset({CourseStatus.ACTIVE, CourseStatus.REVOKED}),
}

#: Each status as the end of a sentence about an appointment: “This appointment …”.
SAID: dict[AppointmentStatus, str] = {
    AppointmentStatus.PROPOSED: "is only proposed",
    AppointmentStatus.BOOKED: "is booked",
    AppointmentStatus.ARRIVED: "has begun; the patient is here",
    AppointmentStatus.FULFILLED: "is done",
    AppointmentStatus.CANCELLED: "is cancelled",
    AppointmentStatus.NOSHOW: "is marked “did not come”",
    AppointmentStatus.ENTERED_IN_ERROR: "was entered in error",
}

#: An appointment in one of these holds people and things.
HOLDING = frozenset({AppointmentStatus.BOOKED, AppointmentStatus.ARRIVED, AppointmentStatus.FULFILLED})

#: An appointment in one of these may still be moved.
MOVABLE = frozenset({AppointmentStatus.BOOKED, AppointmentStatus.PROPOSED})

#: Kinds that count as one of a therapist's sessions of a day, while their status holds people (`HOLDING`).
SESSIONS = frozenset(AppointmentKind) - {AppointmentKind.INFUSION}

#: An infusion in one of these is, or will be, a dose that counts.
COUNTING = frozenset({AppointmentStatus.BOOKED, AppointmentStatus.ARRIVED, AppointmentStatus.FULFILLED})


def may_become(now: AppointmentStatus, then: AppointmentStatus) -> bool:
    """Whether an appointment may go from one status to the other."""
    return then in APPOINTMENT_MOVES.get(now, frozenset())


def course_may_become(now: CourseStatus, then: CourseStatus) -> bool:
    """Whether a course may go from one status to the other."""
    return then in COURSE_MOVES.get(now, frozenset())
