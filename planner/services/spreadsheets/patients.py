"""Patients from and to a file. Whether they agree to messages or are in treatment is not for a file to change."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import delete, insert, select, update

from planner.domain.access import Role
from planner.domain.statuses import Mode
from planner.services.spreadsheets.ground import Index, PersonInfo, SiteInfo
from planner.services.spreadsheets.importing import MOST_LISTED, Importer, Tell, chunks, insert_all, new_holdables
from planner.services.spreadsheets.kinds import PATIENTS
from planner.services.spreadsheets.lines import LineReader
from planner.services.spreadsheets.values import (
    DAY_MINUTES,
    CellFault,
    name_key,
    read_list,
    read_time,
    tell_minute,
    tell_yes,
)
from planner.store.records import HoldableKind, Patient, PatientAvailability

_DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_SPAN: Final = re.compile(r"([A-Za-z]{3,9})\s+(\S+?)\s*[-\u2013]\s*(\S+)")
_MODES: Final = {mode.value: mode for mode in Mode}
Weekly = tuple[tuple[int, int, int], ...]


@dataclass(frozen=True, slots=True)
class _Patient:
    """One patient as a file tells them, but for code and site."""

    name: str
    therapist_id: int | None
    escort: str
    modes: tuple[str, ...]
    preferred: tuple[int, int]
    weekly: Weekly

    def values(self) -> dict[str, Any]:
        """The columns of the record; the weekly spans have rows of their own."""
        return {
            "name": self.name,
            "primary_therapist_id": self.therapist_id,
            "escort": self.escort,
            "modes": list(self.modes),
            "preferred_from_minute": self.preferred[0],
            "preferred_to_minute": self.preferred[1],
        }


@dataclass(frozen=True, slots=True)
class _Stored:
    id: int
    code: str
    site_id: int
    active: bool
    patient: _Patient


class PatientImporter(Importer):
    """Patients of the person's own sites."""

    kind = PATIENTS

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._stored = _stored(self.ground.db)
        self._by_code: Index[_Stored] = Index()
        for patient in self._stored:
            self._by_code.add(patient.code, patient)
        self._seen: dict[object, int] = {}
        self._inserts: list[tuple[str, SiteInfo, _Patient, bool]] = []
        self._updates: list[tuple[_Stored, _Patient]] = []

    def take(self, line: LineReader) -> None:
        code, site = line.text("code", 12, needed=True), self.ground.site(line)
        name, escort = line.text("name", 120, needed=True), line.text("escort", 120)
        therapist = self.ground.person(line, "therapist", needed=False)
        modes, preferred = self._modes(line), self._preferred(line)
        weekly = line.read("weekly", read_weekly) or ()
        active = line.yes("active", otherwise=True)
        if line.is_refused or code is None or site is None or name is None or escort is None:
            return
        found = self._by_code.find(code)
        stored = found[0] if found else None
        key = stored.id if stored else name_key(code)
        if key in self._seen:
            line.refuse("code", f"Line {self._seen[key]} is about the same patient.")
            return
        self._seen[key] = line.number
        wanted = _Patient(name, therapist.id if therapist else None, escort, modes, preferred, weekly)
        if stored is None or stored.patient.therapist_id != wanted.therapist_id:
            self._check_therapist(line, therapist, site)
        if stored is not None:
            self._compare(line, stored, wanted, site)
        elif line.ok:
            self.new += 1
            self._inserts.append((code, site, wanted, active))

    def _modes(self, line: LineReader) -> tuple[str, ...]:
        words = [word.casefold() for word in read_list(line.text("modes", 60) or "")]
        unknown = [word for word in words if word not in _MODES]
        if unknown:
            line.refuse("modes", f"“{unknown[0]}” is no way of meeting here. Write in-person, telehealth or both.")
        return tuple(dict.fromkeys(words)) or tuple(_MODES)

    def _preferred(self, line: LineReader) -> tuple[int, int]:
        first, last = line.time("preferred_from", needed=False), line.time("preferred_to", needed=False)
        span = (first.minute if first else 0, last.minute if last else DAY_MINUTES)
        if span[0] >= span[1]:
            line.refuse("preferred_to", "The end has to be after the start.")
        return span

    def _check_therapist(self, line: LineReader, therapist: PersonInfo | None, site: SiteInfo) -> None:
        if therapist is None:
            return
        if Role.THERAPIST not in therapist.roles or site.id not in therapist.site_ids or not therapist.active:
            line.refuse("therapist", f"{therapist.name} is no therapist at {site.name}.")

    def _compare(self, line: LineReader, stored: _Stored, wanted: _Patient, site: SiteInfo) -> None:
        if stored.site_id not in self.ground.own_sites:
            line.refuse("code", f"The code {stored.code} is taken. Choose another.")
        elif stored.site_id != site.id:
            line.refuse("site", "This patient belongs to another site of yours, which a file does not change.")
        elif line.cell("active") and line.yes("active", otherwise=True) != stored.active:
            line.refuse("active", "Whether a patient is in treatment is changed on their page.")
        if line.is_refused:
            return
        wanted = _with_missing(line, wanted, stored.patient)
        if wanted == stored.patient:
            self.same += 1
        else:
            self.changed += 1
            self._updates.append((stored, wanted))

    def finish(self) -> None:
        """Every line was compared when it was taken."""

    # Writing

    def write(self, tell: Tell) -> None:
        db = self.ground.db
        holdables = new_holdables(db, HoldableKind.PATIENT, [0] * len(self._inserts))
        rows = [
            {
                "code": code,
                "site_id": site.id,
                "active": active,
                "holdable_id": holdable_id,
                "created_at": self.ground.now,
                **patient.values(),
            }
            for (code, site, patient, active), holdable_id in zip(self._inserts, holdables, strict=True)
        ]
        insert_all(db, Patient, rows, tell)
        ids = _ids_by_code(self, [code for code, *_ in self._inserts])
        weekly = [(ids[code], patient.weekly) for code, _, patient, _ in self._inserts]
        for stored, patient in self._updates:
            values = {**patient.values(), "version": Patient.version + 1}
            db.execute(update(Patient).where(Patient.id == stored.id).values(**values))
            if patient.weekly != stored.patient.weekly:
                db.execute(delete(PatientAvailability).where(PatientAvailability.patient_id == stored.id))
                weekly.append((stored.id, patient.weekly))
        spans = [
            {"patient_id": id, "weekday": day, "from_minute": first, "to_minute": last}
            for id, spans in weekly
            for day, first, last in spans
        ]
        if spans:
            db.execute(insert(PatientAvailability), spans)
        tell(len(self._inserts) + len(self._updates))

    def rows(self) -> Iterator[Sequence[str]]:
        own = [stored for stored in self._stored if stored.site_id in self.ground.own_sites]
        for stored in sorted(own, key=lambda stored: stored.code):
            patient, labels = stored.patient, self.ground.person_labels
            yield (
                stored.code,
                patient.name,
                self.ground.sites[stored.site_id].code,
                "" if patient.therapist_id is None else labels[patient.therapist_id],
                patient.escort,
                "; ".join(patient.modes),
                "" if patient.preferred[0] == 0 else tell_minute(patient.preferred[0]),
                "" if patient.preferred[1] == DAY_MINUTES else tell_minute(patient.preferred[1]),
                tell_weekly(patient.weekly),
                tell_yes(stored.active),
            )


def _with_missing(line: LineReader, wanted: _Patient, stored: _Patient) -> _Patient:
    """What the file has no column for stays as it is."""
    return _Patient(
        wanted.name,
        wanted.therapist_id if line.has("therapist") else stored.therapist_id,
        wanted.escort if line.has("escort") else stored.escort,
        wanted.modes if line.has("modes") else stored.modes,
        (
            wanted.preferred[0] if line.has("preferred_from") else stored.preferred[0],
            wanted.preferred[1] if line.has("preferred_to") else stored.preferred[1],
        ),
        wanted.weekly if line.has("weekly") else stored.weekly,
    )


def _stored(db: Any) -> list[_Stored]:
    """Every patient of the clinic: a code is given once in all of it."""
    weekly: defaultdict[int, list[tuple[int, int, int]]] = defaultdict(list)
    spans = select(
        PatientAvailability.patient_id, PatientAvailability.weekday, PatientAvailability.from_minute,
        PatientAvailability.to_minute,
    )  # fmt: skip
    for patient_id, *span in db.execute(spans):
        weekly[patient_id].append((span[0], span[1], span[2]))
    rows = db.execute(
        select(Patient.id, Patient.code, Patient.site_id, Patient.active, Patient.name, Patient.primary_therapist_id,
               Patient.escort, Patient.modes, Patient.preferred_from_minute, Patient.preferred_to_minute)
    )  # fmt: skip
    return [
        _Stored(id, code, site_id, active,
                _Patient(name, therapist_id, escort, tuple(modes), (first, last), tuple(sorted(weekly[id]))))
        for id, code, site_id, active, name, therapist_id, escort, modes, first, last in rows
    ]  # fmt: skip


def _ids_by_code(importer: Importer, codes: Sequence[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for part in chunks(codes, MOST_LISTED):
        rows = importer.ground.db.execute(select(Patient.code, Patient.id).where(Patient.code.in_(part)))
        found.update({code: id for code, id in rows})
    return found


def read_weekly(cell: str) -> Weekly:
    """“Mon 09:00-12:00; Thu 13:00-17:00” as weekdays (0 = Monday) with wall minutes, in order. Raises CellFault."""
    spans = []
    for part in read_list(cell):
        found = _SPAN.fullmatch(part)
        day = found and next((n for n, name in enumerate(_DAYS) if found[1][:3].casefold() == name.casefold()), None)
        if not found or day is None:
            raise CellFault(f"“{part[:40]}” is no day with times. Write them as Mon 09:00-12:00; Thu 13:00-17:00.")
        first, last = read_time(found[2]).minute, read_time(found[3]).minute
        if last <= first:
            raise CellFault(f"In “{part[:40]}” the end has to be after the start.")
        spans.append((day, first, last))
    return tuple(sorted(spans))


def tell_weekly(weekly: Weekly) -> str:
    """The same, written."""
    return "; ".join(f"{_DAYS[day]} {tell_minute(first)}-{tell_minute(last)}" for day, first, last in weekly)
