"""An existing course as a sheet: its appointments, what each holds, and the supply around them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Select, Text, cast, or_, select, union_all
from sqlalchemy.orm import Session

from planner.domain.errors import NotFound
from planner.domain.intervals import instant_of
from planner.domain.protocols import Protocol
from planner.domain.statuses import HOLDING, CourseStatus
from planner.domain.walltime import day_span, local_day
from planner.scheduling.sheets import BookedSheet, ClinicSheet, CourseSheet
from planner.scheduling.withdrawals import Uses, resupplied, uses_of
from planner.store.records import (
    Appointment,
    Chair,
    Course,
    Encounter,
    NurseLane,
    Occupancy,
    Patient,
    Person,
    ProtocolVersion,
    Room,
    Site,
)
from planner.store.sheets.clinic import load_clinic
from planner.store.sheets.minutes import MinuteDown, MinuteUp
from planner.store.sheets.requests import Wishes, load_patient, protocol_of_text, request_of

#: How far behind the last appointment a change may look for room: the longest gap, window and consolidation together.
SLACK = timedelta(days=42)

Booked = dict[int, tuple[BookedSheet, ...]]


@dataclass(frozen=True, slots=True)
class _CourseRow:
    """One course as read, with the words of its protocol."""

    id: int
    patient_id: int
    site_id: int
    zone: str
    primary_therapist_id: int | None
    wishes: dict[str, Any]
    created_at: datetime
    document: str

    @property
    def protocol(self) -> Protocol:
        """The protocol as parsed once for this process."""
        return protocol_of_text(self.document)


def load_course(db: Session, course_id: int, now: datetime, *, last_day: date | None = None) -> CourseSheet:
    """A course with the supply from today to six weeks behind its last appointment, or to `last_day`.

    Nineteen queries, whatever the number of appointments. Its own bookings count as free. Names are kept by
    holdable id. Raises NotFound.
    """
    rows = _course_rows(db, Course.id == course_id)
    if not rows:
        raise NotFound
    row = rows[0]
    booked = _booked(db, [course_id]).get(course_id, ())
    first, last = _days(booked, row.zone, now)
    clinic = load_clinic(db, row.site_id, first, max(first, last_day or last), now, without_course_id=course_id)
    return _sheet(db, row, booked, clinic, _names(db, rows))


def load_courses_touching(
    db: Session,
    first_day: date,
    last_day: date,
    now: datetime,
    *,
    site_id: int | None = None,
    person_id: int | None = None,
) -> tuple[CourseSheet, ...]:
    """Running courses with a booked appointment in these days, at one site or with one person, in order of id.

    A day is local to the appointment's site. Queries grow with sites and courses, never with appointments.
    """
    touched = (
        select(Appointment.course_id, Appointment.starts_at, Appointment.zone)
        .where(Appointment.status.in_(HOLDING), Appointment.course_id.is_not(None))
        # A day somewhere on earth lies within these instants; which day it is there is decided below.
        .where(
            Appointment.starts_at >= day_span(first_day, "UTC")[0] - timedelta(hours=15),
            Appointment.starts_at < day_span(last_day, "UTC")[1] + timedelta(hours=15),
        )
    )
    if site_id is not None:
        touched = touched.where(Appointment.site_id == site_id)
    if person_id is not None:
        touched = touched.where(or_(Appointment.therapist_id == person_id, Appointment.nurse_id == person_id))
    ids = sorted(
        {
            course_id
            for course_id, starts_at, zone in db.execute(touched)
            if course_id is not None and first_day <= local_day(starts_at, zone) <= last_day
        }
    )
    if not ids:
        return ()
    rows = _course_rows(db, Course.id.in_(ids), Course.status == CourseStatus.ACTIVE)
    booked, names = _booked(db, ids), _names(db, rows)
    clinics = _clinics(db, rows, booked, now)
    sheets = []
    for row in rows:
        own = booked.get(row.id, ())
        supply = resupplied(clinics[row.site_id], uses_of(own), Uses())
        sheets.append(_sheet(db, row, own, supply, names))
    return tuple(sheets)


def _clinics(db: Session, rows: Iterable[_CourseRow], booked: Booked, now: datetime) -> dict[int, ClinicSheet]:
    """One sheet per site, long enough for every course there."""
    horizons: dict[int, tuple[date, date]] = {}
    for row in rows:
        first, last = _days(booked.get(row.id, ()), row.zone, now)
        known = horizons.get(row.site_id, (first, last))
        horizons[row.site_id] = (min(first, known[0]), max(last, known[1]))
    return {site_id: load_clinic(db, site_id, *days, now) for site_id, days in horizons.items()}


def _course_rows(db: Session, *conditions: Any) -> list[_CourseRow]:
    query = (
        select(
            Course.id,
            Course.patient_id,
            Course.site_id,
            Site.zone,
            Course.primary_therapist_id,
            Course.wishes,
            Course.created_at,
            cast(ProtocolVersion.document, Text),
        )
        .join(Site, Site.id == Course.site_id)
        .join(ProtocolVersion, ProtocolVersion.id == Course.protocol_version_id)
        .where(*conditions)
        .order_by(Course.id)
    )
    return [_CourseRow(*columns) for columns in _plain(db, query)]


def _plain(db: Session, query: Select[*tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in db.execute(query)]


def _booked(db: Session, course_ids: list[int]) -> Booked:
    """Every appointment of these courses with what it holds, in order of time. Two queries."""
    holds: dict[int, list[tuple[int, int, int]]] = defaultdict(list)
    held = (
        select(
            Occupancy.appointment_id,
            Occupancy.holdable_id,
            MinuteDown(Occupancy.starts_at),
            MinuteUp(Occupancy.ends_at),
        )
        .join(Appointment, Appointment.id == Occupancy.appointment_id)
        .where(Appointment.course_id.in_(course_ids))
        .order_by(Occupancy.id)
    )
    for appointment_id, holdable_id, start, end in _plain(db, held):
        holds[appointment_id].append((holdable_id, start, end))
    booked: dict[int, list[BookedSheet]] = defaultdict(list)
    query = (
        select(
            Appointment.course_id,
            Appointment.id,
            Appointment.kind,
            Appointment.phase,
            Appointment.number,
            MinuteDown(Appointment.starts_at),
            MinuteUp(Appointment.ends_at),
            Appointment.status,
            Appointment.mode,
            Appointment.serves_id,
            Appointment.therapist_id,
            Appointment.chair_id,
            Appointment.nurse_id,
            Appointment.room_id,
            Appointment.pinned,
            MinuteUp(Encounter.dose_ended_at),
            Appointment.version,
        )
        .outerjoin(Encounter, Encounter.appointment_id == Appointment.id)
        .where(Appointment.course_id.in_(course_ids))
        .order_by(Appointment.starts_at, Appointment.id)
    )
    for course_id, *columns in _plain(db, query):
        booked[course_id].append(replace(BookedSheet(*columns), holds=tuple(holds.get(columns[0], ()))))
    return {course_id: tuple(sheets) for course_id, sheets in booked.items()}


def _days(booked: tuple[BookedSheet, ...], zone: str, now: datetime) -> tuple[date, date]:
    """Today, and six weeks behind the last appointment, as local days."""
    today = local_day(now, zone)
    last = max((local_day(instant_of(sheet.end), zone) for sheet in booked), default=today)
    return today, max(today, last) + SLACK


def _sheet(
    db: Session, row: _CourseRow, booked: tuple[BookedSheet, ...], clinic: ClinicSheet, names: dict[int, str]
) -> CourseSheet:
    patient = load_patient(
        db,
        row.patient_id,
        clinic,
        primary_therapist_id=row.primary_therapist_id,
        without_course_id=row.id,
    )
    wishes = Wishes.from_json(row.wishes, local_day(row.created_at, row.zone))
    request = request_of(db, row.protocol, patient, wishes, row.zone)
    if booked and not wishes.pattern:
        wishes = replace(wishes, pattern=_pattern_of(booked, row.zone))
    return CourseSheet(row.id, request, clinic, booked, wishes.pattern, names)


def _pattern_of(booked: tuple[BookedSheet, ...], zone: str) -> frozenset[int]:
    """The weekdays on which the course's infusions lie, for a course that keeps no wish about them."""
    return frozenset(
        local_day(instant_of(sheet.start), zone).weekday()
        for sheet in booked
        if sheet.kind == "infusion" and sheet.status in HOLDING
    )


def _names(db: Session, rows: list[_CourseRow]) -> dict[int, str]:
    """What to call all staff and things, and these courses' patients (by code), by holdable id. One query."""
    query = union_all(
        select(Person.holdable_id, Person.name),
        select(NurseLane.holdable_id, Person.name).join(Person, Person.id == NurseLane.person_id),
        select(Chair.holdable_id, Chair.name),
        select(Room.holdable_id, Room.name),
        select(Patient.holdable_id, Patient.code).where(Patient.id.in_([row.patient_id for row in rows])),
    )
    return {row[0]: row[1] for row in db.execute(query)}
