"""Appointments that are here, as a file tells them: the row, and whom and what it holds from when to when."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import aliased

from planner.domain.intervals import minute_of
from planner.domain.statuses import HOLDING, AppointmentKind, AppointmentStatus, Mode
from planner.services.spreadsheets.ground import Ground, PersonInfo, PlaceInfo
from planner.services.spreadsheets.held_spans import Spans, joined
from planner.services.spreadsheets.importing import MOST_LISTED, chunks
from planner.services.spreadsheets.kinds import HELD
from planner.store.records import Appointment, Occupancy, OverrideRule, Patient, RuleOverride


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
        """Everything a line about it has to have alike."""
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


@dataclass(frozen=True, slots=True)
class Holdings:
    """What one appointment holds beside its patient.

    `spans` are minutes from its start by key of `HELD`. `place` counts the nurse's places from 1, 0 for none. `over`
    are UIDs of those it was booked over and still overlaps.
    """

    spans: Mapping[str, Spans]
    prescriber: PersonInfo | None = None
    place: int = 0
    over: tuple[str, ...] = ()


def thing_of(ground: Ground, stored: Stored, holds: Holdings, key: str) -> PersonInfo | PlaceInfo | None:
    """Whom or what an appointment names in a column of `HELD`."""
    if key == "prescriber":
        return holds.prescriber
    id = getattr(stored, f"{key}_id")
    if id is None:
        return None
    return ground.people[id] if key in ("therapist", "nurse") else getattr(ground, f"{key}s")[id]


def holdings_of(ground: Ground, appointments: Sequence[Stored]) -> dict[int, Holdings]:
    """What each of these holds, by id. Two queries for every 500."""
    found: dict[int, Holdings] = {}
    for part in chunks(appointments, MOST_LISTED):
        ids = [stored.id for stored in part]
        over = _booked_over(ground, ids)
        rows: defaultdict[int, list[tuple[int, int, int]]] = defaultdict(list)
        for appointment_id, holdable_id, start, end in ground.db.execute(
            select(Occupancy.appointment_id, Occupancy.holdable_id, Occupancy.starts_at, Occupancy.ends_at)
            .where(Occupancy.appointment_id.in_(ids))
        ):  # fmt: skip
            rows[appointment_id or 0].append((holdable_id, minute_of(start), minute_of(end)))
        found.update(
            (stored.id, _holdings(ground, stored, rows[stored.id], tuple(sorted(over[stored.id])))) for stored in part
        )
    return found


def _holdings(ground: Ground, stored: Stored, rows: Sequence[tuple[int, int, int]], over: tuple[str, ...]) -> Holdings:
    start = minute_of(stored.starts_at)
    by_holdable: defaultdict[int, list[tuple[int, int]]] = defaultdict(list)
    for holdable_id, first, last in sorted(rows):
        by_holdable[holdable_id].append((first - start, last - start))
    nurse = ground.people[stored.nurse_id] if stored.nurse_id else None
    # A place that was taken from the nurse since is none of theirs; that happens only to what lies behind.
    lanes = [holdable_id for holdable_id in nurse.lanes if holdable_id in by_holdable] if nurse else []
    prescriber = _prescriber(ground, stored, by_holdable)
    own = Holdings({}, prescriber)
    spans = dict.fromkeys(HELD, ()) | {"nurse": joined(span for lane in lanes for span in by_holdable[lane])}
    for key in HELD:
        thing = None if key == "nurse" else thing_of(ground, stored, own, key)
        if thing is not None:
            spans[key] = joined(by_holdable[thing.holdable_id])
    return Holdings(spans, prescriber, nurse.lanes.index(lanes[0]) + 1 if nurse and lanes else 0, over)


def _prescriber(ground: Ground, stored: Stored, holdable_ids: Mapping[int, object]) -> PersonInfo | None:
    """The prescriber, whom an appointment has in what it holds alone."""
    people = (ground.by_holdable.get(id) for id in sorted(holdable_ids))
    return next((person for person in people if person is not None and person.id != stored.therapist_id), None)


def _booked_over(ground: Ground, appointment_ids: Sequence[int]) -> defaultdict[int, set[str]]:
    """The UIDs of what each was booked over under an override, where both are told and still overlap."""
    mine, theirs, other = aliased(Occupancy), aliased(Occupancy), aliased(Appointment)
    rows = ground.db.execute(
        select(RuleOverride.appointment_id, other.uid)
        .join(other, other.id == RuleOverride.other_appointment_id)
        .join(mine, mine.appointment_id == RuleOverride.appointment_id)
        .join(theirs, theirs.appointment_id == other.id)
        .where(
            RuleOverride.rule == OverrideRule.OVERLAP,
            RuleOverride.appointment_id.in_(appointment_ids),
            other.site_id.in_(ground.own_sites),
            other.patient_id.in_(select(Patient.id).where(Patient.site_id.in_(ground.own_sites))),
            other.status.in_(HOLDING),
            theirs.holdable_id == mine.holdable_id,
            theirs.starts_at < mine.ends_at,
            theirs.ends_at > mine.starts_at,
        )
        .distinct()
    )
    found: defaultdict[int, set[str]] = defaultdict(set)
    for appointment_id, uid in rows:
        found[appointment_id].add(uid)
    return found
