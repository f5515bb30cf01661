"""One appointment between a file and the database: its words, its cells, its row, its name in calendars."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from planner.domain.intervals import instant_of, minute_of
from planner.domain.statuses import AppointmentKind, AppointmentStatus, Mode
from planner.domain.walltime import to_wall
from planner.services.booking import UID_HOST
from planner.services.spreadsheets.ground import Ground, PatientInfo, PersonInfo, PlaceInfo, SiteInfo, told_time
from planner.services.spreadsheets.lines import LineReader
from planner.store.records import Appointment, FeedScope

_OURS: Final = re.compile(rf"[0-9a-f]{{32}}@{re.escape(UID_HOST)}")
#: The words of files; those of staff screens are understood too.
KIND_WORDS: Final[dict[str, AppointmentKind]] = {
    "first talk": AppointmentKind.PREPARATION,
    "visit": AppointmentKind.INFUSION,
    "session": AppointmentKind.INTEGRATION,
    "follow-up": AppointmentKind.CONSOLIDATION,
    "assessment": AppointmentKind.ASSESSMENT,
}
UNDERSTOOD: Final = {**KIND_WORDS, **{kind.value: kind for kind in AppointmentKind}}
_TOLD: Final = {kind: word for word, kind in KIND_WORDS.items()}
MODES: Final = {mode.value: mode for mode in Mode}
STATUSES: Final = {
    status.value: status
    for status in (
        AppointmentStatus.BOOKED,
        AppointmentStatus.ARRIVED,
        AppointmentStatus.FULFILLED,
        AppointmentStatus.CANCELLED,
        AppointmentStatus.NOSHOW,
    )
}


@dataclass(slots=True)
class Wanted:
    """One appointment as the file has it, in UTC minutes since 1970."""

    line: LineReader
    reference: str
    patient: PatientInfo
    kind: AppointmentKind
    site: SiteInfo
    start: int
    end: int
    status: AppointmentStatus
    mode: Mode
    therapist: PersonInfo | None
    nurse: PersonInfo | None
    chair: PlaceInfo | None
    room: PlaceInfo | None
    claims: list[tuple[int, int, int]] = field(default_factory=list)

    @property
    def with_whom(self) -> tuple[object, ...]:
        """Everything an appointment that is here has to have alike."""
        ids = (thing.id if thing else None for thing in (self.therapist, self.nurse, self.chair, self.room))
        return (self.patient.id, self.kind, self.site.id, self.start, self.end, self.mode, *ids)


@dataclass(frozen=True, slots=True)
class Stored:
    """One appointment as it is."""

    id: int
    uid: str
    patient_id: int
    kind: AppointmentKind
    site_id: int
    starts_at: datetime
    ends_at: datetime
    status: AppointmentStatus
    mode: Mode
    therapist_id: int | None
    nurse_id: int | None
    chair_id: int | None
    room_id: int | None

    @property
    def with_whom(self) -> tuple[object, ...]:
        """The same of an appointment that is here."""
        span = (minute_of(self.starts_at), minute_of(self.ends_at))
        ids = (self.therapist_id, self.nurse_id, self.chair_id, self.room_id)
        return (self.patient_id, self.kind, self.site_id, *span, self.mode, *ids)


COLUMNS: Final = (
    Appointment.id, Appointment.uid, Appointment.patient_id, Appointment.kind, Appointment.site_id,
    Appointment.starts_at, Appointment.ends_at, Appointment.status, Appointment.mode, Appointment.therapist_id,
    Appointment.nurse_id, Appointment.chair_id, Appointment.room_id,
)  # fmt: skip


def stored_from(row: Any) -> Stored:
    """A row of COLUMNS."""
    return Stored(*row)


def cells_of(ground: Ground, stored: Stored) -> tuple[str, ...]:
    """The cells of one appointment, in the order of the kind's columns."""
    site = ground.sites[stored.site_id]
    day = to_wall(stored.starts_at, site.zone).date()
    people = (stored.therapist_id, stored.nurse_id)
    return (
        stored.uid,
        ground.patients[stored.patient_id].code,
        _TOLD[stored.kind],
        site.code,
        day.isoformat(),
        told_time(stored.starts_at, site.zone, day),
        told_time(stored.ends_at, site.zone, day),
        "",
        stored.status.value,
        stored.mode.value,
        *("" if person_id is None else ground.person_labels[person_id] for person_id in people),
        "" if stored.chair_id is None else ground.chairs[stored.chair_id].name,
        "" if stored.room_id is None else ground.rooms[stored.room_id].name,
    )


def uid_of(reference: str) -> str:
    """The calendar UID of a reference: our own as it is, of others a digest, which says nothing of them anywhere."""
    if _OURS.fullmatch(reference):
        return reference
    return f"{hashlib.sha256(f'reference:{reference}'.encode()).hexdigest()[:32]}@{UID_HOST}"


def all_holdables(wanted: Wanted) -> Iterator[int]:
    """Everybody and everything a line could hold."""
    yield wanted.patient.holdable_id
    for thing in (wanted.therapist, wanted.chair, wanted.room):
        if thing is not None:
            yield thing.holdable_id
    if wanted.nurse is not None:
        yield from wanted.nurse.lanes


def name_of(wanted: Wanted, key: str) -> str:
    """What the person or thing in a column is called."""
    named = {"therapist": wanted.therapist, "nurse": wanted.nurse, "chair": wanted.chair, "room": wanted.room}
    thing = named.get(key)
    return wanted.patient.code if thing is None else thing.name


def row_of(wanted: Wanted, uid: str, zone_data: str, now: datetime) -> dict[str, Any]:
    """The row of a new appointment."""
    start = instant_of(wanted.start)
    return {
        "uid": uid,
        "patient_id": wanted.patient.id,
        "kind": wanted.kind,
        "site_id": wanted.site.id,
        "mode": wanted.mode,
        "therapist_id": wanted.therapist.id if wanted.therapist else None,
        "nurse_id": wanted.nurse.id if wanted.nurse else None,
        "chair_id": wanted.chair.id if wanted.chair else None,
        "room_id": wanted.room.id if wanted.room else None,
        "starts_at": start,
        "ends_at": instant_of(wanted.end),
        "starts_wall": to_wall(start, wanted.site.zone).isoformat(timespec="minutes"),
        "zone": wanted.site.zone,
        "tzdata_version": zone_data,
        "status": wanted.status,
        "changed_at": now,
        "created_at": now,
    }


def subjects_of_line(wanted: Wanted) -> Iterator[tuple[FeedScope, int]]:
    """Whose calendars show it."""
    yield FeedScope.PATIENT, wanted.patient.id
    yield FeedScope.SITE, wanted.site.id
    for person in (wanted.therapist, wanted.nurse):
        if person is not None:
            yield FeedScope.THERAPIST, person.id
    if wanted.chair is not None:
        yield FeedScope.CHAIR, wanted.chair.id
    if wanted.room is not None:
        yield FeedScope.ROOM, wanted.room.id
