"""A clinic as a planning instance: ids in place of names, nobody named, everything that planning keeps to.

A clinic that came from an instance goes out under the file's own names and equals it as long as nothing was changed.
Any other gets neutral ids.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from math import lcm
from typing import Literal

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from planner.domain.access import Permission, Principal, Role, require
from planner.domain.errors import FieldError, NotFound
from planner.domain.intervals import instant_of
from planner.domain.statuses import HOLDING
from planner.domain.walltime import local_day
from planner.services.instances.bringing import minute, modes_of, span_of
from planner.services.instances.keeping import ALL_SITES, Ask, Kept, kept_of
from planner.services.instances.naming import Frame, Names
from planner.services.instances.parsing import read_protocol
from planner.services.instances.policies import spec_of
from planner.services.instances.shapes import (
    Buffers,
    Continuity,
    Instance,
    InstanceBooking,
    InstancePatient,
    InstanceProtocol,
    InstanceShift,
    InstanceSite,
    InstanceStaff,
    InstanceThing,
    MeetingMode,
    MinuteSpan,
    StaffRole,
    WallSpan,
    Week,
    Weights,
)
from planner.services.instances.subjects import asks_of
from planner.store.records import (
    Absence,
    Appointment,
    Chair,
    Closure,
    Holdable,
    NurseLane,
    OpeningHours,
    Patient,
    PatientAbsence,
    PatientAvailability,
    Person,
    PersonRole,
    PersonSite,
    Room,
    Shift,
    Site,
)
from planner.store.sheets import protocol_of_version

#: How many days an instance looks ahead in a clinic that came from none.
DAYS_AHEAD = 42
LAST_MINUTE = 1439
NO_SITES = "You work for no site yet, so there is no clinic to write down."
ONE_ZONE = "An instance has one time zone, and your sites lie in several."

#: A clinic states no costs; only somebody left unplanned counts at all.
NO_WEIGHTS = Weights(unplanned=1, continuity=0, day=0, pref=0, mode=0)
_ROLES: Mapping[Role, StaffRole] = {
    Role.THERAPIST: "therapist",
    Role.NURSE: "nurse",
    Role.PRESCRIBER: "prescriber",
}


def written_sites(db: Session, principal: Principal) -> dict[int, str]:
    """The sites that can each be written down alone, by id: nothing where an instance is the clinic as a whole."""
    if kept_of(db) is not None:
        return {}
    query = select(Site.id, Site.name).where(Site.id.in_(principal.site_ids), Site.active).order_by(Site.name)
    return {id_: name for id_, name in db.execute(query)}


def take_out(db: Session, principal: Principal, *, now: datetime, site_id: int | None = None) -> Instance:
    """The clinic, as far as the principal's sites go, as an instance; `now` is aware.

    `site_id` leaves it at that one site, in a clinic that came from no instance. Raises NotPermitted, NotFound, and
    FieldError (`instance`) when the principal's sites make no instance.
    """
    require(principal, Permission.SPREADSHEETS)
    kept = kept_of(db)
    if site_id is not None and site_id not in written_sites(db, principal):
        raise NotFound
    frame = _frame(db, principal, kept, now, principal.site_ids if site_id is None else frozenset({site_id}))
    asks = asks_of(db, principal, kept, frame.site_ids, frame.zone, frame.opens)
    roles = _roles(frame)
    staff = _staff(frame, roles)
    return Instance(
        id=kept.instance_id if kept else "clinic",
        seed=kept.seed if kept else 0,
        zone=frame.zone,
        first_day=frame.first_day,
        last_day=frame.last_day,
        grid_min=lcm(*(grid for s in frame.sites for grid in (s.visit_grid_minutes, s.therapy_grid_minutes))),
        buffers=_buffers(frame, asks, roles),
        weights=Weights(**kept.weights) if kept else NO_WEIGHTS,
        holidays=tuple(sorted(_closed_everywhere(frame))),
        sites=tuple(InstanceSite(frame.names.of("site", site.id), _hours(frame, site)) for site in frame.sites),
        chairs=_things(frame, Chair, "chair"),
        rooms=_things(frame, Room, "room"),
        staff=staff,
        bookings=_bookings(frame, {ask.patient_id for ask in asks}, {person.id: person.role for person in staff}),
        protocols=_protocols(frame, asks),
        patients=_patients(frame, asks),
    )


def _frame(db: Session, principal: Principal, kept: Kept | None, now: datetime, site_ids: frozenset[int]) -> Frame:
    query = select(Site).where(Site.id.in_(site_ids), Site.active).order_by(Site.id)
    sites = db.scalars(query).all()
    if not sites:
        raise FieldError("instance", NO_SITES)
    if kept is not None and not kept.names["site"].keys() <= principal.site_ids:
        raise FieldError("instance", ALL_SITES)
    zones = {site.zone for site in sites}
    if len(zones) > 1:
        raise FieldError("instance", ONE_ZONE)
    zone = zones.pop()
    first = kept.first_day if kept else local_day(now, zone)
    last = kept.last_day if kept else first + timedelta(days=DAYS_AHEAD - 1)
    return Frame(db, kept, sites, zone, first, last, Names(kept.names if kept else {}))


# -- places ------------------------------------------------------------------------------------------------------------


def _hours(frame: Frame, site: Site) -> Week:
    rows = frame.db.scalars(select(OpeningHours).where(OpeningHours.site_id == site.id))
    return _week((row.weekday, row.opens_minute, row.closes_minute) for row in rows)


def _week(rows: Iterable[tuple[int, int, int]]) -> Week:
    """Times of day end at 23:59 at the latest in the format: midnight is the next day's."""
    days: list[list[MinuteSpan]] = [[] for _ in range(7)]
    for weekday, start, end in rows:
        days[weekday].append((start, min(end, LAST_MINUTE)))
    return tuple(tuple(sorted(spans)) for spans in days)


def _things(frame: Frame, kind: type[Chair] | type[Room], word: Literal["chair", "room"]) -> tuple[InstanceThing, ...]:
    rows = frame.db.execute(
        select(kind.id, kind.site_id).where(kind.site_id.in_(frame.site_ids), kind.active).order_by(kind.id)
    )
    return tuple(InstanceThing(frame.names.of(word, id_), frame.names.of("site", site)) for id_, site in rows)


def _closed_everywhere(frame: Frame) -> set[date]:
    """Days on which every site is closed: the format closes the whole clinic or nothing."""
    closed = _closures(frame)
    days = set.intersection(*(closed[site_id] for site_id in frame.site_ids))
    return days if frame.kept else {day for day in days if frame.first_day <= day <= frame.last_day}


def _closures(frame: Frame) -> Mapping[int, set[date]]:
    closed: dict[int, set[date]] = defaultdict(set)
    for site_id, day in frame.db.execute(
        select(Closure.site_id, Closure.day).where(Closure.site_id.in_(frame.site_ids))
    ):
        closed[site_id].add(day)
    return closed


def _buffers(frame: Frame, asks: Sequence[Ask], roles: Mapping[int, StaffRole]) -> Buffers:
    """The longest time after an appointment of each kind: the format has one number for all of a kind."""
    db, sites = frame.db, frame.site_ids
    therapists = [person_id for person_id, role in roles.items() if role == "therapist"]
    held = {
        "therapist": select(Person.holdable_id).where(Person.id.in_(therapists)),
        "chair": select(Chair.holdable_id).where(Chair.site_id.in_(sites)),
        "room": select(Room.holdable_id).where(Room.site_id.in_(sites)),
        "patient": select(Patient.holdable_id).where(Patient.id.in_([ask.patient_id for ask in asks])),
    }
    otherwise = frame.kept.buffers if frame.kept else {}
    longest = {
        kind: max(
            db.scalars(select(Holdable.turnover_minutes).where(Holdable.id.in_(ids))), default=otherwise.get(kind, 0)
        )
        for kind, ids in held.items()
    }
    visits = [protocol_of_version(db, ask.protocol_version_id).visit for ask in asks]
    longest["chair"] += max((visit.total_min - visit.discharge_min for visit in visits), default=0)
    return Buffers(**longest)


# -- staff -------------------------------------------------------------------------------------------------------------


def _staff(frame: Frame, roles: Mapping[int, StaffRole]) -> tuple[InstanceStaff, ...]:
    lanes = Counter(frame.db.scalars(select(NurseLane.person_id).where(NurseLane.person_id.in_(roles))))
    shifts, time_off = _shifts(frame, roles), _time_off(frame, roles)
    return tuple(
        InstanceStaff(
            id=frame.names.of("staff", person_id),
            role=role,
            max_patients=max(lanes[person_id], 1) if role == "nurse" else None,
            shifts=tuple(sorted(shifts.get(person_id, ()), key=lambda s: (s.start, s.end, s.site or ""))),
            time_off=tuple(sorted(time_off.get(person_id, ()))),
        )
        for person_id, role in roles.items()
    )


def _roles(frame: Frame) -> dict[int, StaffRole]:
    """Each person's role, by id: the format has one for each, and a therapist's is the scarcest."""
    at_sites = select(PersonSite.person_id).where(PersonSite.site_id.in_(frame.site_ids))
    named = list(frame.kept.names["staff"]) if frame.kept else []
    query = (
        select(Person.id, PersonRole.role)
        .join(PersonRole, PersonRole.person_id == Person.id)
        .where(Person.active, or_(Person.id.in_(at_sites), Person.id.in_(named)), PersonRole.role.in_(_ROLES))
        .order_by(Person.id)
    )
    found: dict[int, list[Role]] = defaultdict(list)
    for person_id, role in frame.db.execute(query):
        found[person_id].append(role)
    return {person_id: next(word for role, word in _ROLES.items() if role in held) for person_id, held in found.items()}


def _shifts(frame: Frame, roles: Iterable[int]) -> Mapping[int, list[InstanceShift]]:
    """Shifts inside the horizon, without breaks, without those on call, and without a site's own closed days."""
    query = select(Shift).where(
        Shift.person_id.in_(list(roles)),
        Shift.starts_at < frame.ends,
        Shift.ends_at > frame.opens,
        ~Shift.on_call,
        or_(Shift.site_id.is_(None), Shift.site_id.in_(frame.site_ids)),
    )
    everywhere, closed = _closed_everywhere(frame), _closures(frame)
    found: dict[int, list[InstanceShift]] = defaultdict(list)
    for shift in frame.db.scalars(query):
        if shift.site_id is not None and shift.day in closed[shift.site_id] - everywhere:
            continue
        site = None if shift.site_id is None else frame.names.of("site", shift.site_id)
        for start, end in _without_break(shift):
            first, last = max(start, frame.opens), min(end, frame.ends)
            if first < last:
                found[shift.person_id].append(InstanceShift(frame.wall(first), frame.wall(last), site))
    return found


def _without_break(shift: Shift) -> list[tuple[datetime, datetime]]:
    if shift.break_starts_at is None or shift.break_ends_at is None:
        return [(shift.starts_at, shift.ends_at)]
    return [(shift.starts_at, shift.break_starts_at), (shift.break_ends_at, shift.ends_at)]


def _time_off(frame: Frame, roles: Iterable[int]) -> Mapping[int, list[WallSpan]]:
    query = select(Absence).where(Absence.person_id.in_(list(roles)))
    if frame.kept is None:
        query = query.where(Absence.starts_at < frame.ends, Absence.ends_at > frame.opens)
    stand_for_holidays = Counter(frame.kept.absences if frame.kept else ())
    found: dict[int, list[WallSpan]] = defaultdict(list)
    for row in frame.db.scalars(query.order_by(Absence.id.desc())):
        key = (row.person_id, minute(row.starts_at), minute(row.ends_at))
        if stand_for_holidays[key] > 0:
            stand_for_holidays[key] -= 1
        else:
            found[row.person_id].append((frame.wall(row.starts_at), frame.wall(row.ends_at)))
    return found


# -- bookings ----------------------------------------------------------------------------------------------------------


def _bookings(frame: Frame, planned: set[int], roles: Mapping[str, StaffRole]) -> tuple[InstanceBooking, ...]:
    """What is booked for anybody who is not asked for, inside the horizon."""
    query = select(Appointment).where(
        Appointment.status.in_(HOLDING),
        Appointment.starts_at < frame.ends,
        Appointment.ends_at > frame.opens,
        Appointment.site_id.in_(frame.site_ids),
        Appointment.patient_id.not_in(planned),
    )
    found = []
    for row in frame.db.scalars(query):
        people = {
            role: frame.names.of("staff", person)
            for role, person in (("nurse", row.nurse_id), ("therapist", row.therapist_id))
            if person is not None and roles.get(frame.names.of("staff", person)) == role
        }
        booking = InstanceBooking(
            start=frame.wall(max(row.starts_at, frame.opens)),
            end=frame.wall(min(row.ends_at, frame.ends)),
            chair=frame.names.of("chair", row.chair_id) if row.chair_id else None,
            room=frame.names.of("room", row.room_id) if row.room_id else None,
            nurse=people.get("nurse"),
            therapist=people.get("therapist"),
        )
        if booking.chair or booking.room or booking.nurse or booking.therapist:
            found.append(booking)
    return tuple(
        sorted(found, key=lambda b: (b.start, b.end, b.chair or "", b.room or "", b.nurse or "", b.therapist or ""))
    )


# -- protocols and patients --------------------------------------------------------------------------------------------


def _protocols(frame: Frame, asks: Sequence[Ask]) -> dict[str, InstanceProtocol]:
    kept = frame.kept.protocols if frame.kept else {}
    found = {name: read_protocol(document) for name, document in kept.items()}
    for ask in asks:
        if ask.protocol not in found:
            spec = spec_of(protocol_of_version(frame.db, ask.protocol_version_id))
            assert spec is not None  # noqa: S101  only such are asked for
            found[ask.protocol] = spec
    return found


def _patients(frame: Frame, asks: Sequence[Ask]) -> tuple[InstancePatient, ...]:
    ids = [ask.patient_id for ask in asks]
    records = {row.id: row for row in frame.db.scalars(select(Patient).where(Patient.id.in_(ids)))}
    weekly: dict[int, list[tuple[int, int, int]]] = defaultdict(list)
    for row in frame.db.scalars(select(PatientAvailability).where(PatientAvailability.patient_id.in_(ids))):
        weekly[row.patient_id].append((row.weekday, row.from_minute, row.to_minute))
    away: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for absence in frame.db.scalars(select(PatientAbsence).where(PatientAbsence.patient_id.in_(ids))):
        away[absence.patient_id].append((minute(absence.starts_at), minute(absence.ends_at)))
    return tuple(
        _patient(frame, ask, records[ask.patient_id], weekly[ask.patient_id], away[ask.patient_id]) for ask in asks
    )


def _patient(
    frame: Frame, ask: Ask, record: Patient, weekly: list[tuple[int, int, int]], away: list[tuple[int, int]]
) -> InstancePatient:
    for barred in ask.barred:
        if barred in away:
            away.remove(barred)
    never = (minute(frame.opens), minute(frame.ends)) in ask.barred
    continuity: Continuity = "required" if ask.continuity == "required" else "preferred"
    modes, liked = _modes(ask, record)
    return InstancePatient(
        id=frame.names.of("patient", record.id),
        protocol=ask.protocol,
        earliest=max(ask.earliest, frame.first_day) if frame.kept is None else ask.earliest,
        latest_first=ask.latest_first,
        sites=tuple(frame.names.of("site", site_id) for site_id in ask.site_ids),
        modes=modes,
        primary=frame.names.of("staff", ask.primary_id),
        therapists=tuple(frame.names.of("staff", person) for person in ask.therapist_ids),
        continuity=continuity,
        therapist_present=ask.therapist_present,
        available=_week(weekly) if weekly or never else ((((0, LAST_MINUTE),),) * 7),
        unavailable=tuple(sorted((frame.wall(instant_of(a)), frame.wall(instant_of(b))) for a, b in away)),
        bands=_bands(ask, record),
        mode=liked,
    )


def _modes(ask: Ask, record: Patient) -> tuple[tuple[MeetingMode, ...], MeetingMode | None]:
    """As the file had them, unless the record says otherwise by now."""
    if ask.modes and record.modes == [mode.value for mode in modes_of(ask.modes, ask.mode)]:
        return tuple(_meeting(mode) for mode in ask.modes), _meeting(ask.mode) if ask.mode else None
    accepted = tuple(_meeting("room" if mode == "in-person" else "telehealth") for mode in record.modes)
    return accepted, accepted[0] if len(accepted) > 1 else None


def _meeting(word: str) -> MeetingMode:
    return "room" if word == "room" else "telehealth"


def _bands(ask: Ask, record: Patient) -> tuple[MinuteSpan, ...]:
    said = (record.preferred_from_minute, record.preferred_to_minute)
    if ask.modes and said == span_of(ask.bands):
        return ask.bands
    return () if said == span_of(()) else ((said[0], min(said[1], LAST_MINUTE)),)
