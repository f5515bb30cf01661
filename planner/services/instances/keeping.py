"""What a clinic keeps of the instance it came from: the file's own names, and what has no place of its own here.

It is one JSON value with the import's row. Names lead from this clinic's ids to the file's, so that the instance and
the plan go out again under the names they came in with.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from planner.store.records import ImportRun, ImportState

KIND = "planning-instance"
ALL_SITES = "This instance spans more sites than you work for. Ask somebody who coordinates all of them."


@dataclass(frozen=True, slots=True)
class Ask:
    """What the file asks for one patient beyond what their record holds.

    `protocol_version_id` is the version with or without the therapist, as asked. `barred` are the absences (as UTC
    minutes) that stand for the earliest day, or for times that are never possible, and not for the patient's own.
    """

    patient_id: int
    protocol: str
    protocol_version_id: int
    earliest: date
    latest_first: date | None
    site_ids: tuple[int, ...]
    therapist_ids: tuple[int, ...]
    primary_id: int
    continuity: str
    therapist_present: bool
    modes: tuple[str, ...]
    bands: tuple[tuple[int, int], ...]
    mode: str | None
    barred: tuple[tuple[int, int], ...] = ()

    @property
    def may_hold(self) -> frozenset[int]:
        """Who may hold the sessions: the primary therapist alone where continuity is required."""
        return frozenset({self.primary_id} if self.continuity == "required" else self.therapist_ids)

    def to_json(self) -> dict[str, Any]:
        """As plain values; `from_json` reads back an equal value."""
        return {
            "patient_id": self.patient_id,
            "protocol": self.protocol,
            "protocol_version_id": self.protocol_version_id,
            "earliest": self.earliest.isoformat(),
            "latest_first": self.latest_first.isoformat() if self.latest_first else None,
            "site_ids": list(self.site_ids),
            "therapist_ids": list(self.therapist_ids),
            "primary_id": self.primary_id,
            "continuity": self.continuity,
            "therapist_present": self.therapist_present,
            "modes": list(self.modes),
            "bands": [list(band) for band in self.bands],
            "mode": self.mode,
            "barred": [list(span) for span in self.barred],
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Ask:
        """Read back what `to_json` wrote."""
        latest = stored["latest_first"]
        return cls(
            patient_id=stored["patient_id"],
            protocol=stored["protocol"],
            protocol_version_id=stored["protocol_version_id"],
            earliest=date.fromisoformat(stored["earliest"]),
            latest_first=date.fromisoformat(latest) if latest else None,
            site_ids=tuple(stored["site_ids"]),
            therapist_ids=tuple(stored["therapist_ids"]),
            primary_id=stored["primary_id"],
            continuity=stored["continuity"],
            therapist_present=stored["therapist_present"],
            modes=tuple(stored["modes"]),
            bands=tuple((first, last) for first, last in stored["bands"]),
            mode=stored["mode"],
            barred=tuple((start, end) for start, end in stored["barred"]),
        )


@dataclass(frozen=True, slots=True)
class Kept:
    """An instance's frame and names. `names` are the file's, by kind and this clinic's id.

    `protocols` are the file's protocols as they were written there, `versions` the file's protocol of each version
    made of one. `absences` are staff absences (as person id and UTC minutes) that stand for the file's holidays.
    """

    instance_id: str
    seed: int
    first_day: date
    last_day: date
    weights: dict[str, int]
    buffers: dict[str, int]
    grid_min: int
    holidays: tuple[date, ...]
    names: dict[str, dict[int, str]]
    protocols: dict[str, Any]
    versions: dict[int, str]
    asks: tuple[Ask, ...]
    absences: tuple[tuple[int, int, int], ...] = field(default=())

    def to_json(self) -> dict[str, Any]:
        """As plain values; `from_json` reads back an equal value."""
        return {
            "instance_id": self.instance_id,
            "seed": self.seed,
            "horizon": [self.first_day.isoformat(), self.last_day.isoformat()],
            "weights": self.weights,
            "buffers": self.buffers,
            "grid_min": self.grid_min,
            "holidays": [day.isoformat() for day in self.holidays],
            "names": {kind: {str(id_): name for id_, name in ids.items()} for kind, ids in self.names.items()},
            "protocols": self.protocols,
            "versions": {str(id_): name for id_, name in self.versions.items()},
            "asks": [ask.to_json() for ask in self.asks],
            "absences": [list(absence) for absence in self.absences],
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Kept:
        """Read back what `to_json` wrote."""
        first, last = (date.fromisoformat(day) for day in stored["horizon"])
        return cls(
            instance_id=stored["instance_id"],
            seed=stored["seed"],
            first_day=first,
            last_day=last,
            weights=stored["weights"],
            buffers=stored["buffers"],
            grid_min=stored["grid_min"],
            holidays=tuple(date.fromisoformat(day) for day in stored["holidays"]),
            names={kind: {int(id_): name for id_, name in ids.items()} for kind, ids in stored["names"].items()},
            protocols=stored["protocols"],
            versions={int(id_): name for id_, name in stored["versions"].items()},
            asks=tuple(Ask.from_json(ask) for ask in stored["asks"]),
            absences=tuple((person, start, end) for person, start, end in stored["absences"]),
        )


def kept_of(db: Session) -> Kept | None:
    """What this clinic keeps of the instance it came from; None when it came from none. One query."""
    run = db.scalar(
        select(ImportRun)
        .where(ImportRun.kind == KIND, ImportRun.state == ImportState.DONE)
        .order_by(ImportRun.id.desc())
        .limit(1)
    )
    return None if run is None else Kept.from_json(run.choices)
