"""New appointments against each other and against what is booked: whom and what each can hold, or what is in the way.

The database's guards judge again when it is written; this finds every clash of thousands of lines, and names it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Final

from sqlalchemy import select

from planner.domain.intervals import instant_of
from planner.domain.walltime import to_wall
from planner.services.spreadsheets.appointment_rows import Wanted, all_holdables, name_of, uid_of
from planner.services.spreadsheets.busy import LONGEST, Busy, Held
from planner.services.spreadsheets.ground import Ground
from planner.services.spreadsheets.importing import chunks
from planner.services.spreadsheets.kinds import HELD
from planner.store.records import Appointment, Patient

#: A holdable from when to when, in UTC minutes since 1970.
Claimed = tuple[int, int, int]
#: A line, and another line or (with 0 for the line) the id of an appointment that is here.
Pair = tuple[int, int, int]
_MOST_LISTED: Final = 5_000
#: What there is one of, in the order in which clashes are told; a nurse has places.
_SINGLE: Final = ("patient", *(key for key in HELD if key != "nurse"))


class Claiming:
    """Claims line by line, in the order of the file. `known` are appointments that are here, id by UID."""

    def __init__(self, ground: Ground, new: Sequence[Wanted], known: Mapping[str, int]) -> None:
        self._ground, self._busy = ground, Busy()
        self._in_the_way: list[tuple[Wanted, str, Held]] = []
        # Whose overrides let a line (first) overlap another line or an appointment that is here.
        self._owners: defaultdict[Pair, set[int]] = defaultdict(set)
        self._excuse(new, known)
        #: What is booked over what: the line whose override it is, the other line, else the other appointment.
        self.pairs: set[Pair] = set()
        #: One such pair for each claim of a line that overlaps under an override.
        self.marks: dict[tuple[int, Claimed], Pair] = {}
        if new:
            span = (min(wanted.start for wanted in new), max(wanted.end for wanted in new) + LONGEST)
            holdable_ids = {holdable_id for wanted in new for holdable_id in all_holdables(wanted)}
            self._busy.load(ground.db, holdable_ids, span, ground.now)

    def _excuse(self, new: Sequence[Wanted], known: Mapping[str, int]) -> None:
        lines = {uid_of(wanted.reference): wanted.line.number for wanted in new if wanted.reference}
        for wanted in new:
            own = wanted.line.number
            for uid in wanted.over:
                if uid in lines:
                    self._owners[own, lines[uid], 0].add(own)
                    self._owners[lines[uid], own, 0].add(own)
                elif uid in known:
                    self._owners[own, 0, known[uid]].add(own)
                else:
                    wanted.line.refuse("over", "No appointment here or in this file has one of these references.")
                    break

    def claim(self, wanted: Wanted) -> None:
        """Hold everybody and everything the line names, or refuse it."""
        for key in _SINGLE:
            thing = wanted.named(key)
            if thing is not None:
                for first, last in wanted.spans(key):
                    self._want(wanted, key, thing.holdable_id, first, last)
        if wanted.nurse is not None and wanted.spans("nurse"):
            self._claim_place(wanted, wanted.nurse.lanes)
        if wanted.line.ok:
            for holdable_id, start, end in wanted.claims:
                self._busy.take(holdable_id, Held(start, end, line=wanted.line.number))

    def _claim_place(self, wanted: Wanted, lanes: Sequence[int]) -> None:
        """One of the nurse's places for all of it: the one that is named if it can be, else the first that is free."""
        if not lanes:
            wanted.line.refuse("nurse", f"{name_of(wanted, 'nurse')} watches no patients.")
            return
        asked = [lanes[wanted.place - 1]] if wanted.place else []
        chosen = (
            next((lane for lane in asked if self._is_free(wanted, lane, shared=True)), None)
            or next((lane for lane in lanes if self._is_free(wanted, lane, shared=False)), None)
            or next((lane for lane in lanes if self._is_free(wanted, lane, shared=True)), None)
            or (asked or lanes)[0]
        )
        for first, last in wanted.spans("nurse"):
            self._want(wanted, "nurse", chosen, first, last)

    def _is_free(self, wanted: Wanted, lane: int, *, shared: bool) -> bool:
        """Whether the line can hold the place; a `shared` one also beside what it may overlap."""
        return all(
            self._busy.in_the_way(
                lane, wanted.start + first, wanted.start + last, lambda held: shared and self._may(wanted, held)
            )
            is None
            for first, last in wanted.spans("nurse")
        )

    def _may(self, wanted: Wanted, held: Held) -> bool:
        return (wanted.line.number, held.line, held.appointment_id) in self._owners

    def _want(self, wanted: Wanted, key: str, holdable_id: int, first: int, last: int) -> None:
        claimed = (holdable_id, wanted.start + first, wanted.start + last)
        met: list[Held] = []

        def excused(held: Held) -> bool:
            if self._may(wanted, held):
                met.append(held)
                return True
            return False

        other = self._busy.in_the_way(*claimed, excused)
        if other is not None:
            wanted.line.ok = False
            self._in_the_way.append((wanted, key, other))
            return
        wanted.claims.append(claimed)
        for held in met:
            self._mark(wanted, claimed, held)

    def _mark(self, wanted: Wanted, claimed: Claimed, held: Held) -> None:
        own = wanted.line.number
        for owner in self._owners[own, held.line, held.appointment_id]:
            if owner == own:
                pair, mine = (own, held.line, held.appointment_id), claimed
            else:
                pair, mine = (owner, own, 0), (claimed[0], held.start, held.end)
            self.pairs.add(pair)
            self.marks[owner, mine] = pair

    def tell_in_the_way(self) -> None:
        """Refuse the lines with what is in the way: the line, or the patient of the appointment as far as the person
        may see them.
        """
        ids = sorted({other.appointment_id for _, _, other in self._in_the_way if other.appointment_id})
        codes: dict[int, str] = {}
        for part in chunks(ids, _MOST_LISTED):
            rows = self._ground.db.execute(
                select(Appointment.id, Patient.code, Patient.site_id)
                .join(Patient, Patient.id == Appointment.patient_id)
                .where(Appointment.id.in_(part))
            )
            codes.update((id, code) for id, code, site_id in rows if site_id in self._ground.own_sites)
        for wanted, key, other in self._in_the_way:
            zone = wanted.site.zone
            span = f"{to_wall(instant_of(other.start), zone):%H:%M} to {to_wall(instant_of(other.end), zone):%H:%M}"
            if other.line:
                by = f"by line {other.line}"
            elif other.appointment_id in codes:
                by = f"by an appointment of {codes[other.appointment_id]}"
            else:
                by = "by another appointment" if other.appointment_id else "while somebody plans"
            wanted.line.refuse(key, f"{name_of(wanted, key)} is already held from {span}, {by}.")
