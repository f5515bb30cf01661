"""Absences of staff from and to a file. One over booked appointments is left to the Rosters page, which moves them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from sqlalchemy import select, update

from planner.domain.intervals import minute_of
from planner.domain.walltime import day_span, to_wall
from planner.services.spreadsheets.ground import PersonInfo, instant, told_time
from planner.services.spreadsheets.held import booked_in
from planner.services.spreadsheets.importing import Importer, Tell, insert_all
from planner.services.spreadsheets.kinds import ABSENCES
from planner.services.spreadsheets.lines import LineReader
from planner.services.spreadsheets.values import WallTime
from planner.store.calendar_versions import bump
from planner.store.records import Absence, FeedScope


@dataclass(frozen=True, slots=True)
class _Wanted:
    line: LineReader
    person: PersonInfo
    starts_at: datetime
    ends_at: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class _Stored:
    id: int
    person_id: int
    starts_at: datetime
    ends_at: datetime
    reason: str


class AbsenceImporter(Importer):
    """Absences of staff of the person's own sites."""

    kind = ABSENCES

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._seen: dict[tuple[int, int], int] = {}
        self._wanted: list[_Wanted] = []
        self._inserts: list[_Wanted] = []
        self._updates: list[tuple[_Stored, _Wanted]] = []

    def take(self, line: LineReader) -> None:
        person = self.ground.person(line, "person", needed=True)
        zone = self.ground.zone_of_person(person) if person else None
        first_day, last_day = line.day("first_day"), line.day("last_day", needed=False)
        first, last = line.time("first_time", needed=False), line.time("last_time", needed=False)
        reason = line.text("reason", 120)
        if person is not None and zone is None:
            line.refuse("person", f"{person.name} works at none of your sites.")
        if line.is_refused or person is None or zone is None or first_day is None or reason is None:
            return
        last_day = last_day or first_day
        starts_at = self._instant(line, "first_time", first_day, first, zone, at_end=False)
        ends_at = self._instant(line, "last_time", last_day, last, zone, at_end=True)
        if starts_at is None or ends_at is None or not self.ground.planned(line, "last_day", last_day):
            return
        if ends_at <= starts_at:
            line.refuse("last_day", "The absence has to end after it starts.")
            return
        key = (person.id, minute_of(starts_at))
        if key in self._seen:
            line.refuse("first_day", f"Line {self._seen[key]} has an absence of {person.name} from then on too.")
            return
        self._seen[key] = line.number
        self._wanted.append(_Wanted(line, person, starts_at, ends_at, reason))

    @staticmethod
    def _instant(
        line: LineReader, key: str, day: date, wall: WallTime | None, zone: str, *, at_end: bool
    ) -> datetime | None:
        if wall is None:
            return day_span(day, zone)[1 if at_end else 0]
        return instant(line, key, day, wall, zone)

    def finish(self) -> None:
        stored = {(absence.person_id, minute_of(absence.starts_at)): absence for absence in self._stored()}
        added: list[tuple[_Wanted, datetime]] = []
        for wanted in self._wanted:
            found = stored.get((wanted.person.id, minute_of(wanted.starts_at)))
            if found is None:
                self.new += 1
                self._inserts.append(wanted)
                added.append((wanted, wanted.starts_at))
            elif minute_of(found.ends_at) == minute_of(wanted.ends_at) and found.reason == wanted.reason:
                self.same += 1
            else:
                self.changed += 1
                self._updates.append((found, wanted))
                if wanted.ends_at > found.ends_at:
                    added.append((wanted, found.ends_at))
        self._refuse_booked(added)

    def _refuse_booked(self, added: Sequence[tuple[_Wanted, datetime]]) -> None:
        spans = [(start, wanted.ends_at, wanted.person) for wanted, start in added]
        for (wanted, _), booked in zip(added, booked_in(self.ground.db, spans, self.ground.now), strict=True):
            if booked:
                what = "an appointment" if len(booked) == 1 else f"{len(booked)} appointments"
                wanted.line.refuse(
                    "first_day", f"{wanted.person.name} has {what} in that time. Put this absence in on the Rosters "
                    "page, which moves them.",
                )  # fmt: skip

    def _stored(self) -> list[_Stored]:
        people = [p.id for p in self.ground.people.values() if p.site_ids & self.ground.own_sites.keys()]
        rows = self.ground.db.execute(
            select(Absence.id, Absence.person_id, Absence.starts_at, Absence.ends_at, Absence.reason)
            .where(Absence.person_id.in_(people))
            .order_by(Absence.id)
        )
        return [_Stored(*row) for row in rows]

    def write(self, tell: Tell) -> None:
        db = self.ground.db
        rows = [
            {
                "person_id": wanted.person.id,
                "starts_at": wanted.starts_at,
                "ends_at": wanted.ends_at,
                "reason": wanted.reason,
            }
            for wanted in self._inserts
        ]
        insert_all(db, Absence, rows, tell)
        changes = [
            {"id": stored.id, "ends_at": wanted.ends_at, "reason": wanted.reason} for stored, wanted in self._updates
        ]
        if changes:
            db.execute(update(Absence), changes)
        people = {wanted.person.id for wanted in (*self._inserts, *(wanted for _, wanted in self._updates))}
        bump(db, [(FeedScope.THERAPIST, person_id) for person_id in people], self.ground.now)

    def rows(self) -> Iterator[Sequence[str]]:
        labels = self.ground.person_labels
        rows = [
            (labels[absence.person_id], *_told(absence, zone), absence.reason)
            for absence in self._stored()
            for zone in (self.ground.zone_of_person(self.ground.people[absence.person_id]),)
            if zone is not None
        ]
        yield from sorted(rows, key=lambda row: (row[1], row[2], row[0], row[3:]))


def _told(absence: _Stored, zone: str) -> tuple[str, str, str, str]:
    """First day and time, last day and time; no time where the day is whole."""
    first = to_wall(absence.starts_at, zone).date()
    start = "" if day_span(first, zone)[0] == absence.starts_at else told_time(absence.starts_at, zone, first)
    wall = to_wall(absence.ends_at, zone)
    last = wall.date()
    before = last - timedelta(days=1)
    if wall.time() == time() and before >= first and day_span(before, zone)[1] == absence.ends_at:
        return (first.isoformat(), start, before.isoformat(), "")
    return (first.isoformat(), start, last.isoformat(), told_time(absence.ends_at, zone, last))
