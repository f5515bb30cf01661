"""Booking a whole course in one transaction: all of it or nothing."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, time
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from planner.domain.access import Principal
from planner.domain.conflicts import Conflict, Rule
from planner.domain.errors import FieldError, NotFound, Refused
from planner.domain.intervals import Interval, instant_of
from planner.domain.statuses import AppointmentKind, AppointmentStatus, CourseStatus
from planner.domain.walltime import resolve_wall_leniently, to_wall
from planner.domain.zonedata import zone_data_version
from planner.scheduling.placements import CourseProposal, Placement, ProposedDay
from planner.services.change_sets import Act, grace_minutes
from planner.services.holding import use_hold
from planner.store.day_places import day_places
from planner.store.integrity import violated
from planner.store.occupying import claims_of, hold_all, lock_holdables, release_expired
from planner.store.records import Appointment, Course, Patient, ProtocolVersion, Site

#: The host in calendar UIDs where a clinic has not set its own: reserved, and says nothing about anybody.
UID_HOST = "calendar.invalid"


def book_course(
    db: Session,
    principal: Principal,
    *,
    patient_id: int,
    protocol_version_id: int,
    site_id: int,
    wishes: Mapping[str, Any],
    proposal: CourseProposal,
    now: datetime,
    hold_id: int | None = None,
    undo_minutes: int | None = None,
    uid_host: str = UID_HOST,
) -> Course:
    """Book every placement of a proposal and note its boosters as proposed; `now` is aware.

    Whether the proposal is clinically sound was judged when it was made; here the database decides whether everybody
    and everything is still free. The hold `hold_id` of the same account is used up. Nothing is kept on any refusal.
    Raises Refused (what is in the way), FieldError (`patient`, `proposal`), NotFound.
    """
    with db.begin_nested():
        _check(proposal, now)
        patient = _active_patient(db, patient_id)
        zones = _zones(db, {site_id, *(placement.site_id for placement in proposal.placements)})
        if db.get(ProtocolVersion, protocol_version_id) is None:
            raise NotFound
        course = _open_course(db, principal, patient, protocol_version_id, site_id, wishes, now)
        made = make_appointments(db, course, proposal.placements, {}, zones, now, uid_host)
        # Only now, so that others wait as briefly as can be for who and what is wanted here.
        _lock(db, proposal.placements, now)
        places = day_places(db, proposal.placements, zones, now, without_course_id=course.id)
        if hold_id is not None:
            use_hold(db, principal, hold_id)
        hold_all(
            db,
            {row.id: claims_of(placement.holds) for row, placement in zip(made, proposal.placements, strict=True)},
            zones[site_id],
        )
        places.check(db)
        boosters = [booster(course, day, _last_dose(made), now, uid_host) for day in proposal.boosters]
        db.add_all(boosters)
        db.flush()
        act = Act(db, principal, now)
        act.made([course, *made, *boosters])
        act.finish(
            "course.book",
            course=course,
            patient_id=patient_id,
            undo_minutes=grace_minutes(db, undo_minutes),
            detail={"appointments": len(made), "boosters": len(boosters)},
        )
    return course


def make_appointments(
    db: Session,
    course: Course,
    placements: Sequence[Placement],
    infusions: Mapping[int, int],
    zones: Mapping[int, str],
    now: datetime,
    uid_host: str = UID_HOST,
) -> list[Appointment]:
    """One booked appointment per placement, in their order, flushed. They hold nothing yet.

    `infusions` maps the numbers of doses that exist already to appointment ids.
    """
    made = [appointment_from(course, placement, zones[placement.site_id], now, uid_host) for placement in placements]
    by_number = dict(infusions)
    doses = [row for row in made if row.kind is AppointmentKind.INFUSION]
    db.add_all(doses)
    db.flush()
    by_number.update((row.number, row.id) for row in doses)
    for row, placement in zip(made, placements, strict=True):
        row.serves_id = None if placement.serves is None else by_number[placement.serves]
    db.add_all(made)
    db.flush()
    return made


def appointment_from(course: Course, placement: Placement, zone: str, now: datetime, uid_host: str) -> Appointment:
    """A booked appointment with a UID of its own; `zone` is its site's."""
    start = instant_of(placement.start)
    return Appointment(
        uid=new_uid(uid_host),
        course_id=course.id,
        patient_id=course.patient_id,
        kind=placement.kind,
        phase=placement.phase,
        number=placement.number,
        site_id=placement.site_id,
        mode=placement.mode,
        therapist_id=placement.therapist_id,
        nurse_id=placement.nurse_id,
        chair_id=placement.chair_id,
        room_id=placement.room_id,
        starts_at=start,
        ends_at=instant_of(placement.end),
        starts_wall=to_wall(start, zone).isoformat(timespec="minutes"),
        zone=zone,
        tzdata_version=zone_data_version(),
        status=AppointmentStatus.BOOKED,
        version=1,
        sequence=0,
        changed_at=now,
        created_at=now,
    )


def booster(course: Course, day: ProposedDay, like: Appointment, now: datetime, uid_host: str) -> Appointment:
    """A proposed dose on `day`, at the wall time and of the length of the dose `like`. It holds nothing."""
    span = booster_span(day, like)
    return Appointment(
        uid=new_uid(uid_host),
        course_id=course.id,
        patient_id=course.patient_id,
        kind=AppointmentKind.INFUSION,
        phase=day.phase,
        number=day.number,
        site_id=like.site_id,
        mode=like.mode,
        starts_at=span.start,
        ends_at=span.end,
        starts_wall=to_wall(span.start, like.zone).isoformat(timespec="minutes"),
        zone=like.zone,
        tzdata_version=zone_data_version(),
        status=AppointmentStatus.PROPOSED,
        version=1,
        sequence=0,
        changed_at=now,
        created_at=now,
    )


def booster_span(day: ProposedDay, like: Appointment) -> Interval:
    """When a proposed dose would be: on its day, at the wall time and of the length of the dose `like`."""
    wall = to_wall(like.starts_at, like.zone)
    start = resolve_wall_leniently(datetime.combine(day.day, time(wall.hour, wall.minute)), like.zone)
    return Interval.lasting(start, like.span.minutes)


def new_uid(host: str) -> str:
    """A calendar UID for life: opaque, at a neutral host (feeds.md rule 2)."""
    return f"{uuid.uuid4().hex}@{host}"


def _check(proposal: CourseProposal, now: datetime) -> None:
    doses = [placement.number for placement in proposal.placements if placement.kind is AppointmentKind.INFUSION]
    served = {placement.serves for placement in proposal.placements if placement.serves is not None}
    if not doses or len(set(doses)) < len(doses) or not served <= set(doses):
        raise FieldError("proposal", "This plan does not fit together any more. Choose the dates again.")
    if any(not placement.holds for placement in proposal.placements):
        raise FieldError("proposal", "This plan does not say who and what it needs. Choose the dates again.")
    if any(instant_of(placement.start) < now for placement in proposal.placements):
        raise Refused([Conflict(Rule.PAST, "Part of this plan lies in the past by now. Choose the dates again.")])


def _active_patient(db: Session, patient_id: int) -> Patient:
    # Locked, so that nobody discharges the patient between this look and the course.
    patient = db.get(Patient, patient_id, with_for_update={"key_share": True}, populate_existing=True)
    if patient is None:
        raise NotFound
    if not patient.active:
        raise FieldError("patient", "This patient is not in treatment any more.")
    return patient


def _zones(db: Session, site_ids: Iterable[int]) -> dict[int, str]:
    wanted = set(site_ids)
    zones = {site.id: site.zone for site in db.scalars(select(Site).where(Site.id.in_(wanted)))}
    if zones.keys() != wanted:
        raise NotFound
    return zones


def _open_course(
    db: Session,
    principal: Principal,
    patient: Patient,
    protocol_version_id: int,
    site_id: int,
    wishes: Mapping[str, Any],
    now: datetime,
) -> Course:
    course = Course(
        patient_id=patient.id,
        protocol_version_id=protocol_version_id,
        site_id=site_id,
        primary_therapist_id=patient.primary_therapist_id,
        status=CourseStatus.ACTIVE,
        wishes=dict(wishes),
        created_at=now,
        created_by_id=principal.account_id,
    )
    try:
        with db.begin_nested():
            db.add(course)
            db.flush()
    except IntegrityError as error:
        if violated(error) != "uq_course_open_patient":
            raise
        raise FieldError(
            "patient", "This patient already has an open course. Complete or revoke it before booking another."
        ) from error
    return course


def _lock(db: Session, placements: Iterable[Placement], now: datetime) -> None:
    wanted = {holdable_id for placement in placements for holdable_id, _, _ in placement.holds}
    lock_holdables(db, wanted)
    release_expired(db, wanted, now)


def _last_dose(made: Iterable[Appointment]) -> Appointment:
    return max((row for row in made if row.kind is AppointmentKind.INFUSION), key=lambda row: row.starts_at)
