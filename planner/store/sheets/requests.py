"""A patient and their wishes as sheets: when they can come, what holds them, and what a course for them must obey."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any

from sqlalchemy import Text, cast, select
from sqlalchemy.orm import Session

from planner.domain.errors import NotFound
from planner.domain.intervals import instant_of, minute_of
from planner.domain.protocol_parsing import parse_protocol
from planner.domain.protocols import Protocol
from planner.domain.statuses import HOLDING, AppointmentKind, Mode
from planner.domain.walltime import day_span, local_day
from planner.scheduling.sheets import ClinicSheet, CourseRequest, PatientSheet, Span
from planner.store.records import (
    Appointment,
    Holdable,
    Patient,
    PatientAbsence,
    PatientAvailability,
    ProtocolVersion,
)
from planner.store.sheets.busy import load_busy
from planner.store.sheets.minutes import MinuteDown, MinuteUp, cut, days_between, merged, wall_span


@dataclass(frozen=True, slots=True)
class Wishes:
    """What was asked for when a course was planned; kept with the course as `wishes`.

    `weekdays` are the days on which doses may lie (0 = Monday), `pattern` the ones chosen in the end, and
    `therapist_ids` who may hold sessions (None: anyone).
    """

    earliest_day: date
    latest_first_day: date | None = None
    weekdays: frozenset[int] = frozenset(range(7))
    therapist_ids: frozenset[int] | None = None
    pattern: frozenset[int] = frozenset()

    def to_json(self) -> dict[str, Any]:
        """As plain words, numbers and lists, for `Course.wishes`."""
        return {
            "earliest_day": self.earliest_day.isoformat(),
            "latest_first_day": self.latest_first_day.isoformat() if self.latest_first_day else None,
            "weekdays": sorted(self.weekdays),
            "therapist_ids": sorted(self.therapist_ids) if self.therapist_ids is not None else None,
            "pattern": sorted(self.pattern),
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any], otherwise: date) -> Wishes:
        """Read back what `to_json` wrote; a wish that is not there is none, and the earliest day `otherwise`."""
        latest, therapists = stored.get("latest_first_day"), stored.get("therapist_ids")
        return cls(
            earliest_day=date.fromisoformat(stored["earliest_day"]) if stored.get("earliest_day") else otherwise,
            latest_first_day=date.fromisoformat(latest) if latest else None,
            weekdays=frozenset(stored.get("weekdays") or range(7)),
            therapist_ids=frozenset(therapists) if therapists is not None else None,
            pattern=frozenset(stored.get("pattern") or ()),
        )


@lru_cache(maxsize=64)
def protocol_of_text(document: str) -> Protocol:
    """The protocol of a stored document. Kept by its text, so that two databases cannot mix theirs up."""
    return parse_protocol(json.loads(document))


def protocol_of_version(db: Session, version_id: int) -> Protocol:
    """The protocol of one stored version. One query. Raises NotFound."""
    text = db.scalar(select(cast(ProtocolVersion.document, Text)).where(ProtocolVersion.id == version_id))
    if text is None:
        raise NotFound("There is no such version of a protocol.")
    return protocol_of_text(text)


def load_patient(
    db: Session,
    patient_id: int,
    clinic: ClinicSheet,
    *,
    primary_therapist_id: int | None = None,
    without_course_id: int | None = None,
    without_hold_id: int | None = None,
) -> PatientSheet:
    """A patient over the clinic sheet's days, their weekly times read in the site's zone. Four queries.

    `primary_therapist_id` takes the place of the patient's own. Raises NotFound.
    """
    row = db.execute(
        select(
            Patient.holdable_id,
            Patient.modes,
            Patient.primary_therapist_id,
            Patient.preferred_from_minute,
            Patient.preferred_to_minute,
            Holdable.turnover_minutes,
        )
        .join(Holdable, Holdable.id == Patient.holdable_id)
        .where(Patient.id == patient_id)
    ).one_or_none()
    if row is None:
        raise NotFound("There is no such patient.")
    span = _horizon(clinic)
    available = _available(db, patient_id, clinic, span)
    busy = load_busy(
        db,
        [row.holdable_id],
        span,
        instant_of(clinic.now),
        without_course_id=without_course_id,
        without_hold_id=without_hold_id,
    )
    return PatientSheet(
        id=patient_id,
        holdable_id=row.holdable_id,
        busy=tuple(busy.get(row.holdable_id, ())),
        available=available,
        turnover=row.turnover_minutes,
        modes=tuple(Mode(mode) for mode in row.modes),
        primary_therapist_id=primary_therapist_id or row.primary_therapist_id,
        preferred_from=row.preferred_from_minute,
        preferred_to=row.preferred_to_minute,
    )


def _horizon(clinic: ClinicSheet) -> Span:
    zone = clinic.site.zone
    return minute_of(day_span(clinic.first_day, zone)[0]), minute_of(day_span(clinic.last_day, zone)[1])


def _available(db: Session, patient_id: int, clinic: ClinicSheet, span: Span) -> tuple[Span, ...] | None:
    """When the patient can come: their weekly times without their absences; None when neither says anything."""
    by_weekday: dict[int, list[Span]] = defaultdict(list)
    weekly = select(PatientAvailability.weekday, PatientAvailability.from_minute, PatientAvailability.to_minute).where(
        PatientAvailability.patient_id == patient_id
    )
    for weekday, first, last in db.execute(weekly):
        by_weekday[weekday].append((first, last))
    away: list[Span] = [
        (start, end)
        for start, end in db.execute(
            select(MinuteDown(PatientAbsence.starts_at), MinuteUp(PatientAbsence.ends_at)).where(
                PatientAbsence.patient_id == patient_id,
                PatientAbsence.starts_at < instant_of(span[1]),
                PatientAbsence.ends_at > instant_of(span[0]),
            )
        )
    ]
    if not by_weekday:
        return cut([span], away) if away else None
    zone = clinic.site.zone
    spans = (
        wall_span(day, first, last, zone)
        for day in days_between(clinic.first_day, clinic.last_day)
        for first, last in by_weekday[day.weekday()]
    )
    return cut(merged(found for found in spans if found is not None), away)


def load_request(
    db: Session,
    patient_id: int,
    protocol_version_id: int,
    wishes: Wishes,
    clinic: ClinicSheet,
    *,
    primary_therapist_id: int | None = None,
    without_course_id: int | None = None,
    without_hold_id: int | None = None,
) -> CourseRequest:
    """A course to be planned for a patient at the clinic sheet's site. Six queries. Raises NotFound."""
    return request_of(
        db,
        protocol_of_version(db, protocol_version_id),
        load_patient(
            db,
            patient_id,
            clinic,
            primary_therapist_id=primary_therapist_id,
            without_course_id=without_course_id,
            without_hold_id=without_hold_id,
        ),
        wishes,
        clinic.site.zone,
    )


def request_of(db: Session, protocol: Protocol, patient: PatientSheet, wishes: Wishes, zone: str) -> CourseRequest:
    """The request made of a protocol, a patient and wishes, with the preparation they already have. One query."""
    prepared = db.scalars(
        select(Appointment.starts_at).where(
            Appointment.patient_id == patient.id,
            Appointment.kind == AppointmentKind.PREPARATION,
            Appointment.status.in_(HOLDING),
        )
    )
    return CourseRequest(
        protocol=protocol,
        patient=patient,
        earliest_day=wishes.earliest_day,
        latest_first_day=wishes.latest_first_day,
        weekdays=wishes.weekdays,
        therapist_ids=wishes.therapist_ids,
        preparation_days=tuple(sorted(local_day(instant, zone) for instant in prepared)),
    )
