"""Existing appointments from and to a file, as they stand in the book a clinic brings along.

They belong to no course. Each holds whom and what it names for the whole of its time, so that nobody is booked twice;
one that is here already stays as it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import insert, select

from planner.domain.access import Role
from planner.domain.intervals import MINUTE, instant_of, minute_of
from planner.domain.statuses import HOLDING, AppointmentKind, AppointmentStatus, Mode
from planner.domain.walltime import day_and_year, to_wall
from planner.domain.zonedata import zone_data_version
from planner.services.booking import UID_HOST, new_uid
from planner.services.spreadsheets.appointment_rows import (
    COLUMNS,
    MODES,
    STATUSES,
    UNDERSTOOD,
    Stored,
    Wanted,
    all_holdables,
    cells_of,
    name_of,
    row_of,
    stored_from,
    subjects_of_line,
    uid_of,
)
from planner.services.spreadsheets.busy import Busy, Held
from planner.services.spreadsheets.ground import Index, PatientInfo, PersonInfo, PlaceInfo, SiteInfo, instant
from planner.services.spreadsheets.importing import Importer, Tell, chunks
from planner.services.spreadsheets.kinds import APPOINTMENTS
from planner.services.spreadsheets.lines import LineReader
from planner.services.spreadsheets.values import MOST_MINUTES
from planner.store.calendar_versions import bump
from planner.store.occupying import lock_holdables, release_expired
from planner.store.records import Appointment, Occupancy, Patient

SHORTEST: Final = 5
LONGEST: Final = 1_200
LONGEST_REFERENCE: Final = 200
_MOST_LISTED: Final = 5_000


class AppointmentImporter(Importer):
    """Appointments at the person's own sites, of patients of these sites."""

    kind = APPOINTMENTS

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._wanted: list[Wanted] = []
        self._inserts: list[Wanted] = []
        self._references: dict[str, int] = {}

    # One line

    def take(self, line: LineReader) -> None:
        reference = line.text("reference", LONGEST_REFERENCE)
        patient, site = self._patient(line), self.ground.site(line)
        kind = line.word("kind", UNDERSTOOD, needed=True)
        status = line.word("status", STATUSES) or AppointmentStatus.BOOKED
        mode = line.word("mode", MODES) or Mode.IN_PERSON
        therapist = self._member(line, "therapist", Role.THERAPIST)
        nurse = self._member(line, "nurse", Role.NURSE)
        span = self._span(line, site)
        chair = self._place(line, "chair", site, self.ground.chair_index)
        room = self._place(line, "room", site, self.ground.room_index)
        if mode is Mode.TELEHEALTH and (chair or room):
            line.refuse("mode", "A telehealth appointment has no chair and no room.")
        if reference and not self._refuse_doubled(line, reference):
            return
        if line.is_refused or not (patient and site and kind and span) or reference is None:
            return
        self._wanted.append(
            Wanted(line, reference, patient, kind, site, *span, status, mode, therapist, nurse, chair, room)
        )

    def _patient(self, line: LineReader) -> PatientInfo | None:
        code = line.text("patient", 12, needed=True)
        if not code:
            return None
        found = self.ground.patient_index.find(code)
        if not found:
            line.refuse("patient", f"None of your sites has a patient with the code “{code}”.")
        return found[0] if found else None

    def _member(self, line: LineReader, key: str, role: Role) -> PersonInfo | None:
        person = self.ground.person(line, key, needed=False)
        if person is not None and role not in person.roles:
            line.refuse(key, f"{person.name} is no {role.value}.")
            return None
        return person

    def _place(self, line: LineReader, key: str, site: SiteInfo | None, index: Index[PlaceInfo]) -> PlaceInfo | None:
        name = line.text(key, 60)
        if not name or site is None:
            return None
        found = index.find(name, site.id)
        if not found:
            line.refuse(key, f"{site.name} has no {key} called “{name}”.")
        return found[0] if found else None

    def _span(self, line: LineReader, site: SiteInfo | None) -> tuple[int, int] | None:
        day, start = line.day("day"), line.time("start")
        end, minutes = line.time("end", needed=False, most=MOST_MINUTES), line.number_in("minutes", SHORTEST, LONGEST)
        if line.cell("end") and line.cell("minutes"):
            line.refuse("minutes", "Write the end or the minutes, not both.")
        elif not line.cell("end") and not line.cell("minutes"):
            line.refuse("end", "Write when it ends, or how many minutes it takes.")
        if day is None or start is None or site is None or (end is None and minutes is None):
            return None
        starts_at = instant(line, "start", day, start, site.zone)
        ends_at = (
            instant(line, "end", day, end, site.zone) if end else starts_at and starts_at + (minutes or 0) * MINUTE
        )
        if starts_at is None or ends_at is None or not self.ground.planned(line, "day", day):
            return None
        span = (minute_of(starts_at), minute_of(ends_at))
        if not SHORTEST <= span[1] - span[0] <= LONGEST:
            line.refuse(
                "end", f"An appointment takes {SHORTEST} to {LONGEST} minutes; this would be {span[1] - span[0]}."
            )
            return None
        return span

    def _refuse_doubled(self, line: LineReader, reference: str) -> bool:
        if reference in self._references:
            line.refuse("reference", f"Line {self._references[reference]} has the same reference.")
            return False
        self._references[reference] = line.number
        return True

    # Together

    def finish(self) -> None:
        if not self._wanted:
            return
        by_uid = self._by_uid()
        by_start = self._by_start()
        busy = self._busy()
        named: list[tuple[Wanted, str, Held]] = []
        new_keys: dict[tuple[int, AppointmentKind, int], int] = {}
        for wanted in self._wanted:
            key = (wanted.patient.id, wanted.kind, wanted.start)
            stored = by_uid.get(uid_of(wanted.reference)) if wanted.reference else by_start.get(key)
            if stored is not None:
                self._compare(wanted, stored)
            elif not wanted.reference and key in new_keys:
                wanted.line.refuse("start", f"Line {new_keys[key]} is the same appointment.")
            else:
                new_keys[key] = wanted.line.number
                self._add(wanted, busy, named)
        self._tell_in_the_way(named)

    def _by_uid(self) -> Mapping[str, Stored]:
        uids = [uid_of(wanted.reference) for wanted in self._wanted if wanted.reference]
        found: dict[str, Stored] = {}
        for part in chunks(uids, _MOST_LISTED):
            rows = self.ground.db.execute(select(*COLUMNS).where(Appointment.uid.in_(part)))
            found.update((row.uid, stored_from(row)) for row in rows)
        return found

    def _by_start(self) -> Mapping[tuple[int, AppointmentKind, int], Stored]:
        if all(wanted.reference for wanted in self._wanted):
            return {}
        span = self._whole_span()
        rows = self.ground.db.execute(
            select(*COLUMNS).where(
                Appointment.site_id.in_(self.ground.own_sites),
                Appointment.status != AppointmentStatus.ENTERED_IN_ERROR,
                Appointment.starts_at.between(instant_of(span[0]), instant_of(span[1])),
            )
        )
        stored = [stored_from(row) for row in rows]
        return {(one.patient_id, one.kind, minute_of(one.starts_at)): one for one in stored}

    def _whole_span(self) -> tuple[int, int]:
        return min(wanted.start for wanted in self._wanted), max(wanted.end for wanted in self._wanted)

    def _busy(self) -> Busy:
        busy = Busy()
        holdables: set[int] = set()
        for wanted in self._wanted:
            holdables.update(all_holdables(wanted))
        first, last = self._whole_span()
        busy.load(self.ground.db, holdables, (first, last + LONGEST), self.ground.now)
        return busy

    def _compare(self, wanted: Wanted, stored: Stored) -> None:
        if stored.site_id not in self.ground.own_sites:
            wanted.line.refuse("reference", "This reference is used at another site.")
        elif stored.with_whom != wanted.with_whom:
            site = self.ground.sites[stored.site_id]
            wall = to_wall(stored.starts_at, site.zone)
            wanted.line.refuse(
                "", f"This appointment is here already, at {site.code} on {day_and_year(wall)} at {wall:%H:%M}, and "
                "not as this line has it. Take the line out, or cancel the appointment on its page.",
            )  # fmt: skip
        elif wanted.status not in (stored.status, AppointmentStatus.BOOKED):
            wanted.line.refuse(
                "status", f"This appointment is here already and is “{stored.status.value}”. Change that on its page."
            )
        else:
            self.same += 1

    def _add(self, wanted: Wanted, busy: Busy, named: list[tuple[Wanted, str, Held]]) -> None:
        if instant_of(wanted.end) > self.ground.now:
            self._refuse_gone(wanted)
        if wanted.status in HOLDING:
            self._claim(wanted, busy, named)
        if wanted.line.ok:
            self.new += 1
            self._inserts.append(wanted)

    @staticmethod
    def _refuse_gone(wanted: Wanted) -> None:
        """What lies behind may have been with anybody; what is to come may not."""
        who = (("therapist", wanted.therapist), ("nurse", wanted.nurse), ("chair", wanted.chair), ("room", wanted.room))
        for key, thing in who:
            if thing is not None and not thing.active:
                wanted.line.refuse(key, f"{thing.name} is not in use any more." if key in ("chair", "room") else
                                   f"{thing.name} does not work here any more.")  # fmt: skip
        if not wanted.patient.active:
            wanted.line.refuse("patient", f"{wanted.patient.code} is not in treatment any more.")

    def _claim(self, wanted: Wanted, busy: Busy, named: list[tuple[Wanted, str, Held]]) -> None:
        """Hold the patient, the therapist, the chair, the room, and one of the nurse's places, or refuse the line."""
        start, end = wanted.start, wanted.end
        for key, thing in (
            ("patient", wanted.patient),
            ("therapist", wanted.therapist),
            ("chair", wanted.chair),
            ("room", wanted.room),
        ):
            if thing is not None:
                self._want(wanted, key, thing.holdable_id, end + thing.turnover, busy, named)
        if wanted.nurse is not None:
            lane = busy.free_one(wanted.nurse.lanes, start, end)
            if lane is not None:
                wanted.claims.append((lane, start, end))
            elif wanted.nurse.lanes:
                self._want(wanted, "nurse", wanted.nurse.lanes[0], end, busy, named)
            else:
                wanted.line.refuse("nurse", f"{wanted.nurse.name} watches no patients.")
        if wanted.line.ok:
            for holdable_id, first, last in wanted.claims:
                busy.take(holdable_id, Held(first, last, line=wanted.line.number))

    @staticmethod
    def _want(
        wanted: Wanted, key: str, holdable_id: int, end: int, busy: Busy, named: list[tuple[Wanted, str, Held]]
    ) -> None:
        other = busy.in_the_way(holdable_id, wanted.start, end)
        if other is None:
            wanted.claims.append((holdable_id, wanted.start, end))
            return
        wanted.line.ok = False
        named.append((wanted, key, other))

    def _tell_in_the_way(self, named: Sequence[tuple[Wanted, str, Held]]) -> None:
        """Name what is in the way: the line, or the patient of the appointment as far as the person may see them."""
        ids = sorted({other.appointment_id for _, _, other in named if other.appointment_id})
        codes: dict[int, str] = {}
        for part in chunks(ids, _MOST_LISTED):
            rows = self.ground.db.execute(
                select(Appointment.id, Patient.code, Patient.site_id)
                .join(Patient, Patient.id == Appointment.patient_id)
                .where(Appointment.id.in_(part))
            )
            codes.update((id, code) for id, code, site_id in rows if site_id in self.ground.own_sites)
        for wanted, key, other in named:
            zone = wanted.site.zone
            span = f"{to_wall(instant_of(other.start), zone):%H:%M} to {to_wall(instant_of(other.end), zone):%H:%M}"
            if other.line:
                by = f"by line {other.line}"
            elif other.appointment_id in codes:
                by = f"by an appointment of {codes[other.appointment_id]}"
            else:
                by = "by another appointment" if other.appointment_id else "while somebody plans"
            wanted.line.refuse(key, f"{name_of(wanted, key)} is already held from {span}, {by}.")

    # Writing

    def write(self, tell: Tell) -> None:
        db, now = self.ground.db, self.ground.now
        holdables = {holdable_id for wanted in self._inserts for holdable_id, _, _ in wanted.claims}
        for part in chunks(sorted(holdables), _MOST_LISTED):
            lock_holdables(db, part)
            release_expired(db, part, now)
        zone_data, done = zone_data_version(), 0
        for group in chunks(self._inserts):
            uids = [uid_of(wanted.reference) if wanted.reference else new_uid(UID_HOST) for wanted in group]
            rows = [row_of(wanted, uid, zone_data, now) for wanted, uid in zip(group, uids, strict=True)]
            ids = {
                uid: id for id, uid in db.execute(insert(Appointment).returning(Appointment.id, Appointment.uid), rows)
            }
            claims = [
                {
                    "holdable_id": holdable_id,
                    "appointment_id": ids[uid],
                    "starts_at": instant_of(first),
                    "ends_at": instant_of(last),
                }
                for wanted, uid in zip(group, uids, strict=True)
                for holdable_id, first, last in wanted.claims
            ]
            if claims:
                db.execute(insert(Occupancy), claims)
            done += len(group)
            tell(done)
        bump(db, {subject for wanted in self._inserts for subject in subjects_of_line(wanted)}, now)

    def rows(self) -> Iterator[Sequence[str]]:
        ground = self.ground
        found = ground.db.execute(
            select(*COLUMNS)
            .where(
                Appointment.site_id.in_(ground.own_sites),
                Appointment.patient_id.in_(select(Patient.id).where(Patient.site_id.in_(ground.own_sites))),
                Appointment.status.in_(list(STATUSES.values())),
            )
            .order_by(Appointment.starts_at, Appointment.uid)
        )
        for row in found:
            yield cells_of(self.ground, stored_from(row))
