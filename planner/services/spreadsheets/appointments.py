"""Existing appointments from and to a file, as they stand in the book a clinic brings along.

They belong to no course. Each holds whom and what it names, for the whole of its time where the file says nothing
else, so that nobody is booked twice; one that is here already stays as it is.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import insert, select

from planner.domain.access import Role
from planner.domain.intervals import MINUTE, instant_of, minute_of
from planner.domain.statuses import HOLDING, AppointmentKind, AppointmentStatus, Mode
from planner.domain.walltime import day_and_year, to_wall
from planner.domain.zonedata import zone_data_version
from planner.services.booking import UID_HOST, new_uid
from planner.services.overriding import override_rule
from planner.services.sites import said
from planner.services.spreadsheets.appointment_rows import (
    MODES,
    STATUSES,
    UNDERSTOOD,
    Wanted,
    cells_of,
    row_of,
    subjects_of_line,
    uid_of,
)
from planner.services.spreadsheets.claiming import Claimed, Claiming, Pair
from planner.services.spreadsheets.ground import Index, PatientInfo, PersonInfo, PlaceInfo, SiteInfo, instant
from planner.services.spreadsheets.held_spans import Spans, read_spans
from planner.services.spreadsheets.importing import Importer, Tell, chunks
from planner.services.spreadsheets.kinds import APPOINTMENTS, HELD
from planner.services.spreadsheets.lines import LineReader
from planner.services.spreadsheets.people import MOST_LANES
from planner.services.spreadsheets.stored_appointments import COLUMNS, Holdings, Stored, holdings_of, stored_from
from planner.services.spreadsheets.values import DAY_MINUTES, MOST_MINUTES, read_list
from planner.store.calendar_versions import bump
from planner.store.occupying import lock_holdables, release_expired
from planner.store.records import Appointment, Occupancy, OverrideRule, Patient

#: As short and as long as a protocol may make one.
SHORTEST: Final = 1
LONGEST: Final = DAY_MINUTES
LONGEST_REFERENCE: Final = 200
BROUGHT_IN: Final = "Brought in with a file, where it was booked so."
_MOST_LISTED: Final = 5_000


class AppointmentImporter(Importer):
    """Appointments at the person's own sites, of patients of these sites."""

    kind = APPOINTMENTS

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._wanted: list[Wanted] = []
        self._inserts: list[Wanted] = []
        self._references: dict[str, int] = {}
        self._pairs: Collection[Pair] = ()
        self._marks: Mapping[tuple[int, Claimed], Pair] = {}

    # One line

    def take(self, line: LineReader) -> None:
        reference = line.text("reference", LONGEST_REFERENCE)
        patient, site = self._patient(line), self.ground.site(line)
        kind = line.word("kind", UNDERSTOOD, needed=True)
        status = line.word("status", STATUSES) or AppointmentStatus.BOOKED
        mode = line.word("mode", MODES) or Mode.IN_PERSON
        therapist = self.ground.person(line, "therapist", needed=False)
        nurse = self.ground.person(line, "nurse", needed=False)
        prescriber = self.ground.person(line, "prescriber", needed=False)
        span = self._span(line, site)
        chair = self._place(line, "chair", site, self.ground.chair_index)
        room = self._place(line, "room", site, self.ground.room_index)
        if mode is Mode.TELEHEALTH and (chair or room):
            line.refuse("mode", "A telehealth appointment has no chair and no room.")
        if prescriber is not None and prescriber is therapist:
            line.refuse("prescriber", f"{prescriber.name} is the therapist of this line. Leave this empty.")
        held, place, over = self._held(line), self._nurse_place(line, nurse), self._over(line)
        if reference and not self._refuse_doubled(line, reference):
            return
        if line.is_refused or not (patient and site and kind and span) or reference is None:
            return
        self._wanted.append(
            Wanted(
                line, reference, patient, kind, site, *span, status, mode, therapist, nurse, chair, room, prescriber,
                place, held, over,
            )
        )  # fmt: skip

    @staticmethod
    def _held(line: LineReader) -> dict[str, Spans]:
        """What the line says is held for another time than the whole of it."""
        held: dict[str, Spans] = {}
        for key in HELD:
            spans = line.read(f"{key}_held", read_spans)
            if spans is None:
                continue
            if line.cell(key):
                held[key] = spans
            else:
                line.refuse(f"{key}_held", f"This line names no {key}. Name one, or leave this empty.")
        return held

    @staticmethod
    def _nurse_place(line: LineReader, nurse: PersonInfo | None) -> int:
        place = line.number_in("place", 1, MOST_LANES) or 0
        if place and not line.cell("nurse"):
            line.refuse("place", "This line names no nurse. Name one, or leave this empty.")
        elif nurse is not None and place > len(nurse.lanes):
            line.refuse("place", f"{nurse.name} watches {len(nurse.lanes)} at once. Leave this empty for a free place.")
        return place

    @staticmethod
    def _over(line: LineReader) -> tuple[str, ...]:
        return tuple(uid_of(reference) for reference in read_list(line.cell("over")))

    def _patient(self, line: LineReader) -> PatientInfo | None:
        code = line.text("patient", 12, needed=True)
        if not code:
            return None
        found = self.ground.patient_index.find(code)
        if not found:
            line.refuse("patient", f"None of your sites has a patient with the code “{code}”.")
        return found[0] if found else None

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
        new: list[Wanted] = []
        here: list[tuple[Wanted, Stored]] = []
        new_keys: dict[tuple[int, AppointmentKind, int], int] = {}
        for wanted in self._wanted:
            key = (wanted.patient.id, wanted.kind, wanted.start)
            stored = by_uid.get(uid_of(wanted.reference)) if wanted.reference else by_start.get(key)
            if stored is not None:
                here.append((wanted, stored))
            elif not wanted.reference and key in new_keys:
                wanted.line.refuse("start", f"Line {new_keys[key]} is the same appointment.")
            else:
                new_keys[key] = wanted.line.number
                new.append(wanted)
        self._compare_all(here)
        self._add_all(new, {uid: stored.id for uid, stored in by_uid.items()})

    def _by_uid(self) -> Mapping[str, Stored]:
        uids = sorted(
            {uid_of(wanted.reference) for wanted in self._wanted if wanted.reference}
            | {uid for wanted in self._wanted for uid in wanted.over}
        )
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

    def _compare_all(self, here: Sequence[tuple[Wanted, Stored]]) -> None:
        said = [stored for wanted, stored in here if wanted.held or wanted.prescriber]
        holds = holdings_of(self.ground, said)
        for wanted, stored in here:
            self._compare(wanted, stored, holds.get(stored.id))

    def _compare(self, wanted: Wanted, stored: Stored, holds: Holdings | None) -> None:
        if stored.site_id not in self.ground.own_sites:
            wanted.line.refuse("reference", "This reference is used at another site.")
        elif stored.with_whom != wanted.with_whom or not (holds is None or wanted.agrees_with(stored, holds)):
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

    def _add_all(self, new: Sequence[Wanted], known: Mapping[str, int]) -> None:
        claiming = Claiming(self.ground, new, known)
        for wanted in new:
            if wanted.status in HOLDING:
                if instant_of(wanted.end) > self.ground.now:
                    self._refuse_gone(wanted)
                claiming.claim(wanted)
            if wanted.line.ok:
                self.new += 1
                self._inserts.append(wanted)
        claiming.tell_in_the_way()
        self._pairs, self._marks = claiming.pairs, claiming.marks
        if count := len(self._pairs):
            self.notes.append(f"{said(count, 'pair is', 'pairs are')} booked over each other, as the file says.")

    @staticmethod
    def _refuse_gone(wanted: Wanted) -> None:
        """What lies behind may have been with anybody; what is to come may not."""
        for key in HELD:
            thing = wanted.named(key)
            if isinstance(thing, PlaceInfo) and not thing.active:
                wanted.line.refuse(key, f"{thing.name} is not in use any more.")
            elif isinstance(thing, PersonInfo) and Role(key) not in thing.roles:
                wanted.line.refuse(key, f"{thing.name} is no {key}.")
            elif isinstance(thing, PersonInfo) and not thing.active:
                wanted.line.refuse(key, f"{thing.name} does not work here any more.")
        if not wanted.patient.active:
            wanted.line.refuse("patient", f"{wanted.patient.code} is not in treatment any more.")

    # Writing

    def write(self, tell: Tell) -> None:
        db, now = self.ground.db, self.ground.now
        holdables = {holdable_id for wanted in self._inserts for holdable_id, _, _ in wanted.claims}
        for part in chunks(sorted(holdables), _MOST_LISTED):
            lock_holdables(db, part)
            release_expired(db, part, now)
        ids = self._write_appointments(tell)
        overrides = self._write_overrides(ids)
        claims = [
            {
                "holdable_id": claimed[0],
                "appointment_id": ids[wanted.line.number],
                "starts_at": instant_of(claimed[1]),
                "ends_at": instant_of(claimed[2]),
                "override_id": overrides.get(self._marks.get((wanted.line.number, claimed), (0, 0, 0))),
            }
            for wanted in self._inserts
            for claimed in wanted.claims
        ]
        for rows in chunks(claims):
            db.execute(insert(Occupancy), rows)
        bump(db, {subject for wanted in self._inserts for subject in subjects_of_line(wanted)}, now)

    def _write_appointments(self, tell: Tell) -> dict[int, int]:
        """Their ids, by the number of the line."""
        zone_data, ids = zone_data_version(), dict[int, int]()
        for group in chunks(self._inserts):
            uids = [uid_of(wanted.reference) if wanted.reference else new_uid(UID_HOST) for wanted in group]
            rows = [row_of(wanted, uid, zone_data, self.ground.now) for wanted, uid in zip(group, uids, strict=True)]
            found = dict[str, int]()
            for id, uid in self.ground.db.execute(insert(Appointment).returning(Appointment.id, Appointment.uid), rows):
                found[uid] = id
            ids.update((wanted.line.number, found[uid]) for wanted, uid in zip(group, uids, strict=True))
            tell(len(ids))
        return ids

    def _write_overrides(self, ids: Mapping[int, int]) -> dict[Pair, int]:
        """An override for each pair that the file books over each other, noted in the history as any other."""
        return {
            (line, other, other_id): override_rule(
                self.ground.db,
                self.ground.principal,
                rule=OverrideRule.OVERLAP,
                appointment_id=ids[line],
                other_appointment_id=ids[other] if other else other_id,
                reason=BROUGHT_IN,
                now=self.ground.now,
            ).id
            for line, other, other_id in sorted(self._pairs)
        }

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
        for part in chunks([stored_from(row) for row in found]):
            holds = holdings_of(ground, part)
            for stored in part:
                yield cells_of(ground, stored, holds[stored.id])
