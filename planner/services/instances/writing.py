"""An instance and a plan as JSON documents in the neutral formats."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from planner.services.instances.shapes import (
    REMOTE,
    WEEKDAYS,
    Instance,
    InstanceBooking,
    InstancePatient,
    InstanceProtocol,
    InstanceStaff,
    MinuteSpan,
    WallSpan,
    Week,
)

Document = dict[str, Any]


def instance_to_json(instance: Instance) -> Document:
    """The instance as `kap-instance/1`; parsing the document gives an equal instance."""
    return {
        "format": "kap-instance/1",
        "id": instance.id,
        "seed": instance.seed,
        "timezone": instance.zone,
        "horizon": [instance.first_day.isoformat(), instance.last_day.isoformat()],
        "grid_min": instance.grid_min,
        "buffers": {name: getattr(instance.buffers, name) for name in ("therapist", "chair", "room", "patient")},
        "weights": {
            name: getattr(instance.weights, name) for name in ("unplanned", "continuity", "day", "pref", "mode")
        },
        "holidays": [day.isoformat() for day in instance.holidays],
        "sites": [{"id": site.id, "hours": _week(site.hours)} for site in instance.sites],
        "chairs": [{"id": chair.id, "site": chair.site} for chair in instance.chairs],
        "rooms": [{"id": room.id, "site": room.site} for room in instance.rooms],
        "staff": [_staff(person, instance) for person in instance.staff],
        "bookings": [_booking(booking) for booking in instance.bookings],
        "protocols": {name: protocol_to_json(protocol) for name, protocol in instance.protocols.items()},
        "patients": [_patient(patient) for patient in instance.patients],
    }


def entries_in(document: Document) -> int:
    """How many patients, staff, shifts, appointments and so on a document lists."""
    return sum(len(value) for value in document.values() if isinstance(value, list))


def to_bytes(document: Document) -> bytes:
    """A document as a UTF-8 file, one item of each list to a line."""
    lines = []
    for key, value in document.items():
        name = json.dumps(key, ensure_ascii=False)
        if isinstance(value, list) and value and isinstance(value[0], dict):
            items = ",\n  ".join(json.dumps(item, ensure_ascii=False) for item in value)
            lines.append(f"{name}: [\n  {items}\n]")
        else:
            lines.append(f"{name}: {json.dumps(value, ensure_ascii=False)}")
    return ("{\n" + ",\n".join(lines) + "\n}\n").encode()


def protocol_to_json(protocol: InstanceProtocol) -> Document:
    """One protocol of an instance."""
    return {
        "infusions": protocol.infusions,
        "infusion_min": protocol.infusion_min,
        "anchor_min": protocol.anchor_min,
        "gap_days": list(protocol.gap_days),
        "window_h": list(protocol.window_h),
        "curve": [list(point) for point in protocol.curve],
        "integrations": [{"after": after, "minutes": minutes} for after, minutes in protocol.integrations],
        "prep": {"minutes": protocol.prep_minutes, "lead_h": list(protocol.prep_lead_h)},
    }


def _staff(person: InstanceStaff, instance: Instance) -> Document:
    remote = REMOTE
    while any(site.id == remote for site in instance.sites):
        remote += "-"
    watches = {} if person.max_patients is None else {"max_patients": person.max_patients}
    return {
        "id": person.id,
        "role": person.role,
        **watches,
        "shifts": [[_wall(shift.start), _wall(shift.end), shift.site or remote] for shift in person.shifts],
        "time_off": _spans(person.time_off),
    }


def _booking(booking: InstanceBooking) -> Document:
    held = {name: getattr(booking, name) for name in ("chair", "room", "nurse", "therapist")}
    return {
        "start": _wall(booking.start),
        "end": _wall(booking.end),
        **{name: value for name, value in held.items() if value is not None},
    }


def _patient(patient: InstancePatient) -> Document:
    return {
        "id": patient.id,
        "protocol": patient.protocol,
        "earliest": patient.earliest.isoformat(),
        "latest_first": patient.latest_first.isoformat() if patient.latest_first else None,
        "sites": list(patient.sites),
        "modes": list(patient.modes),
        "primary": patient.primary,
        "therapists": list(patient.therapists),
        "continuity": patient.continuity,
        "therapist_present": patient.therapist_present,
        "available": _week(patient.available),
        "unavailable": _spans(patient.unavailable),
        "prefer": {"bands": [_clocks(band) for band in patient.bands], "mode": patient.mode},
    }


def _week(week: Week) -> Document:
    return {WEEKDAYS[day]: [_clocks(span) for span in spans] for day, spans in enumerate(week) if spans}


def _clocks(span: MinuteSpan) -> list[str]:
    return [f"{minute // 60:02}:{minute % 60:02}" for minute in span]


def _spans(spans: Sequence[WallSpan]) -> list[list[str]]:
    return [[_wall(start), _wall(end)] for start, end in spans]


def _wall(wall: datetime) -> str:
    return wall.isoformat(timespec="minutes")
