"""Existing bookings of an instance as appointments that hold what the file says, and the time after it.

A nurse's places are given out so that each booking follows closest on the one before, which leaves the others free for
as long as can be. The time after a booking ends where the next one of the same thing begins: the file may have them
closer than the buffers ask of what is planned.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from planner.domain.intervals import instant_of
from planner.domain.statuses import AppointmentKind, AppointmentStatus, Mode
from planner.domain.walltime import to_wall
from planner.domain.zonedata import zone_data_version
from planner.services.booking import UID_HOST, new_uid
from planner.services.instances.agreeing import bounds
from planner.services.instances.shapes import InstanceBooking
from planner.services.rostering import add_patient
from planner.store.records import Appointment, NurseLane, Occupancy, Patient, Site

if TYPE_CHECKING:
    from planner.services.instances.bringing import Brought

#: Code of the patient who stands in for whoever the existing bookings of a site belong to.
STAND_IN = "X-{:04}"
Bounds = tuple[int, int]


def add_bookings(db: Session, brought: Brought, now: datetime) -> int:
    """Make every booking of the instance; how many there are. The caller has made sure that none overlaps another."""
    instance = brought.instance
    if not instance.bookings:
        return 0
    spans = [bounds(instance, booking) for booking in instance.bookings]
    sites = [_site_of(brought, booking) for booking in instance.bookings]
    stand_ins = {site.id: _stand_in(db, site, number, now) for number, site in enumerate(_distinct(sites), 1)}
    version = zone_data_version()
    rows = [
        _appointment(brought, booking, span, site, stand_ins[site.id], version, now)
        for booking, span, site in zip(instance.bookings, spans, sites, strict=True)
    ]
    made = db.scalars(insert(Appointment).returning(Appointment.id, sort_by_parameter_order=True), rows).all()
    held = _holds(db, brought, spans)
    claims = [
        {"holdable_id": holdable, "appointment_id": made[index], "starts_at": instant_of(a), "ends_at": instant_of(b)}
        for index, holdable, a, b in held
    ]
    db.execute(insert(Occupancy), sorted(claims, key=lambda row: (row["holdable_id"], row["starts_at"])))
    db.flush()
    return len(made)


def _distinct(sites: Iterable[Site]) -> list[Site]:
    return sorted({site.id: site for site in sites}.values(), key=lambda site: site.id)


def _stand_in(db: Session, site: Site, number: int, now: datetime) -> Patient:
    """Nobody: not in treatment, so that no course is planned for them."""
    code = STAND_IN.format(number)
    return add_patient(db, code, f"Existing bookings, {site.name}"[:120], site, now=now, active=False)


def _site_of(brought: Brought, booking: InstanceBooking) -> Site:
    """Where the booking takes place: its chair's or room's site, else that of the shift it falls into."""
    instance = brought.instance
    for name, things in ((booking.chair, instance.chairs), (booking.room, instance.rooms)):
        for thing in things:
            if thing.id == name:
                return brought.sites[thing.site]
    for person in instance.staff:
        if person.id not in (booking.nurse, booking.therapist):
            continue
        at = [shift for shift in person.shifts if shift.site is not None]
        here = next((shift for shift in at if shift.start <= booking.start < shift.end), next(iter(at), None))
        if here is not None and here.site is not None:
            return brought.sites[here.site]
    return next(iter(brought.sites.values()))


def _appointment(
    brought: Brought,
    booking: InstanceBooking,
    span: Bounds,
    site: Site,
    patient: Patient,
    tzdata_version: str,
    now: datetime,
) -> dict[str, object]:
    start, end = (instant_of(minute) for minute in span)
    in_chair = booking.chair is not None or booking.nurse is not None
    here = in_chair or booking.room is not None
    return {
        "uid": new_uid(UID_HOST),
        "course_id": None,
        "patient_id": patient.id,
        "kind": AppointmentKind.INFUSION if in_chair else AppointmentKind.INTEGRATION,
        "phase": "",
        "number": 1,
        "site_id": site.id,
        "mode": Mode.IN_PERSON if here else Mode.TELEHEALTH,
        "therapist_id": brought.people[booking.therapist].id if booking.therapist else None,
        "nurse_id": brought.people[booking.nurse].id if booking.nurse else None,
        "chair_id": brought.chairs[booking.chair][0] if booking.chair else None,
        "room_id": brought.rooms[booking.room][0] if booking.room else None,
        "starts_at": start,
        "ends_at": end,
        "starts_wall": to_wall(start, site.zone).isoformat(timespec="minutes"),
        "zone": site.zone,
        "tzdata_version": tzdata_version,
        "status": AppointmentStatus.BOOKED,
        "pinned": True,
        "version": 1,
        "sequence": 0,
        "changed_at": now,
        "created_at": now,
    }


def _holds(db: Session, brought: Brought, spans: list[Bounds]) -> list[tuple[int, int, int, int]]:
    """(booking's place, holdable, from, to) for everything that each booking holds."""
    instance, buffers = brought.instance, brought.instance.buffers
    use: dict[tuple[int, int], list[tuple[int, int, int]]] = defaultdict(list)
    watched: dict[str, list[tuple[int, int, int]]] = defaultdict(list)
    for index, (booking, (start, end)) in enumerate(zip(instance.bookings, spans, strict=True)):
        if booking.chair:
            use[brought.chairs[booking.chair][1], buffers.chair].append((start, end, index))
        if booking.room:
            use[brought.rooms[booking.room][1], buffers.room].append((start, end, index))
        if booking.therapist:
            use[brought.people[booking.therapist].holdable_id, buffers.therapist].append((start, end, index))
        if booking.nurse:
            watched[booking.nurse].append((start, end, index))
    held = [row for (holdable, buffer), times in use.items() for row in _with_time_after(holdable, buffer, times)]
    lanes = _lanes(db, [brought.people[name].id for name in watched])
    for name, times in watched.items():
        held += _in_lanes(lanes[brought.people[name].id], times)
    return held


def _with_time_after(
    holdable: int, buffer: int, times: list[tuple[int, int, int]]
) -> Iterable[tuple[int, int, int, int]]:
    times = sorted(times)
    for place, (start, end, index) in enumerate(times):
        following = times[place + 1][0] if place + 1 < len(times) else end + buffer
        yield index, holdable, start, min(end + buffer, max(following, end))


def _lanes(db: Session, person_ids: list[int]) -> dict[int, list[int]]:
    query = (
        select(NurseLane.person_id, NurseLane.holdable_id)
        .where(NurseLane.person_id.in_(person_ids))
        .order_by(NurseLane.person_id, NurseLane.number)
    )
    found: dict[int, list[int]] = defaultdict(list)
    for person_id, holdable_id in db.execute(query):
        found[person_id].append(holdable_id)
    return found


def _in_lanes(lanes: list[int], times: list[tuple[int, int, int]]) -> Iterable[tuple[int, int, int, int]]:
    free_from = [(0, lane) for lane in lanes]
    for start, end, index in sorted(times):
        place = bisect_right(free_from, (start, max(lanes))) - 1
        _, lane = free_from.pop(place)
        free_from.append((end, lane))
        free_from.sort()
        yield index, lane, start, end
