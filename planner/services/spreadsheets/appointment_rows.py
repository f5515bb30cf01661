"""One appointment between a file and the database: its words, its cells, its row, its name in calendars."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from planner.domain.intervals import instant_of, minute_of
from planner.domain.statuses import HOLDING, AppointmentKind, AppointmentStatus, Mode
from planner.domain.walltime import to_wall
from planner.services.booking import UID_HOST
from planner.services.spreadsheets.ground import Ground, PatientInfo, PersonInfo, PlaceInfo, SiteInfo, told_time
from planner.services.spreadsheets.held_spans import Spans, tell_spans, whole
from planner.services.spreadsheets.kinds import HELD
from planner.services.spreadsheets.lines import LineReader
from planner.services.spreadsheets.stored_appointments import Holdings, Stored, thing_of
from planner.store.records import FeedScope

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
    """One appointment as the file has it, in UTC minutes since 1970.

    `held` is what the file says is held for another time than the whole, by key of `HELD`; `place` is the nurse's,
    0 for any; `over` are UIDs of appointments it may overlap. `claims` are filled in when it is looked at with the
    others: whom and what it holds from when to when.
    """

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
    prescriber: PersonInfo | None = None
    place: int = 0
    held: Mapping[str, Spans] = field(default_factory=dict)
    over: tuple[str, ...] = ()
    claims: list[tuple[int, int, int]] = field(default_factory=list)

    def named(self, key: str) -> PatientInfo | PersonInfo | PlaceInfo | None:
        """Whom or what the line names there."""
        found: PatientInfo | PersonInfo | PlaceInfo | None = getattr(self, key)
        return found

    def spans(self, key: str) -> Spans:
        """For which minutes from its start it holds what it names there."""
        thing = self.named(key)
        if thing is None:
            return ()
        # A nurse's places have no minutes between; those of the nurse are about sessions.
        turnover = 0 if key == "nurse" else thing.turnover
        return self.held.get(key, whole(self.end - self.start, turnover))

    @property
    def with_whom(self) -> tuple[object, ...]:
        """Everything an appointment that is here has to have alike."""
        ids = (thing.id if thing else None for thing in (self.therapist, self.nurse, self.chair, self.room))
        return (self.patient.id, self.kind, self.site.id, self.start, self.end, self.mode, *ids)

    def agrees_with(self, stored: Stored, holds: Holdings) -> bool:
        """Whether an appointment that is here holds what the line says in so many words, if it holds anything."""
        if stored.status not in HOLDING or self.status not in HOLDING:
            return True
        same_prescriber = self.prescriber is None or self.prescriber is holds.prescriber
        return same_prescriber and all(holds.spans[key] == spans for key, spans in self.held.items())


def cells_of(ground: Ground, stored: Stored, holds: Holdings) -> tuple[str, ...]:
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
        "" if holds.prescriber is None else ground.person_labels[holds.prescriber.id],
        # Named wherever there are several: whoever comes in again is with the nurse as they were.
        str(holds.place) if holds.place and len(ground.people[stored.nurse_id or 0].lanes) > 1 else "",
        *(_held_cell(ground, stored, holds, key) for key in HELD),
        "; ".join(holds.over),
    )


def _held_cell(ground: Ground, stored: Stored, holds: Holdings, key: str) -> str:
    """For how long something is held, where that is not what an empty cell means."""
    thing = thing_of(ground, stored, holds, key)
    if thing is None or stored.status not in HOLDING:
        return ""
    minutes = minute_of(stored.ends_at) - minute_of(stored.starts_at)
    usual = whole(minutes, 0 if key == "nurse" else thing.turnover)
    return "" if holds.spans[key] == usual else tell_spans(holds.spans[key])


def uid_of(reference: str) -> str:
    """The calendar UID of a reference: our own as it is, of others a digest, which says nothing of them anywhere."""
    if _OURS.fullmatch(reference):
        return reference
    return f"{hashlib.sha256(f'reference:{reference}'.encode()).hexdigest()[:32]}@{UID_HOST}"


def all_holdables(wanted: Wanted) -> Iterator[int]:
    """Everybody and everything a line could hold."""
    yield wanted.patient.holdable_id
    for thing in (wanted.therapist, wanted.prescriber, wanted.chair, wanted.room):
        if thing is not None:
            yield thing.holdable_id
    if wanted.nurse is not None:
        yield from wanted.nurse.lanes


def name_of(wanted: Wanted, key: str) -> str:
    """What the person or thing in a column is called."""
    thing = wanted.named(key)
    return wanted.patient.code if thing is None or isinstance(thing, PatientInfo) else thing.name


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
