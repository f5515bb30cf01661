"""Shifts from and to a file. They go into the published roster; nothing booked loses its cover."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import select, update

from planner.domain.walltime import to_wall
from planner.services.spreadsheets.ground import PersonInfo, SiteInfo, instant, told_time
from planner.services.spreadsheets.held import booked_in
from planner.services.spreadsheets.importing import Importer, Tell, chunks, insert_all
from planner.services.spreadsheets.kinds import SHIFTS
from planner.services.spreadsheets.lines import LineReader
from planner.services.spreadsheets.values import MOST_MINUTES, WallTime, tell_yes
from planner.store.records import Shift

DAYS_AROUND = timedelta(days=3)


@dataclass(slots=True)
class _Wanted:
    """One shift as the file has it. `is_new` and `id` are found out when the database has been asked."""

    line: LineReader
    person: PersonInfo
    site: SiteInfo
    day: date
    minutes: tuple[int, int]
    break_minutes: tuple[int, int] | None
    starts_at: datetime
    ends_at: datetime
    break_at: tuple[datetime, datetime] | None
    on_call: bool
    remote: bool

    def row(self) -> dict[str, Any]:
        first, last = self.break_minutes or (None, None)
        first_at, last_at = self.break_at or (None, None)
        return {
            "person_id": self.person.id,
            "site_id": None if self.remote else self.site.id,
            "roster_site_id": self.site.id,
            "day": self.day,
            "starts_minute": self.minutes[0],
            "ends_minute": self.minutes[1],
            "break_starts_minute": first,
            "break_ends_minute": last,
            "on_call": self.on_call,
            "zone": self.site.zone,
            "starts_at": self.starts_at,
            "ends_at": self.ends_at,
            "break_starts_at": first_at,
            "break_ends_at": last_at,
        }


@dataclass(frozen=True, slots=True)
class _Stored:
    """One shift as it is."""

    id: int
    person_id: int
    roster_site_id: int
    site_id: int | None
    starts_at: datetime
    ends_at: datetime
    break_starts_at: datetime | None
    break_ends_at: datetime | None
    on_call: bool

    def is_as(self, wanted: _Wanted) -> bool:
        first, last = wanted.break_at or (None, None)
        there = None if wanted.remote else wanted.site.id
        return (self.ends_at, self.break_starts_at, self.break_ends_at, self.on_call, self.site_id) == (
            wanted.ends_at, first, last, wanted.on_call, there,
        )  # fmt: skip


_COLUMNS = (
    Shift.id, Shift.person_id, Shift.roster_site_id, Shift.site_id, Shift.starts_at, Shift.ends_at,
    Shift.break_starts_at, Shift.break_ends_at, Shift.on_call,
)  # fmt: skip


class ShiftImporter(Importer):
    """Shifts of the person's own sites."""

    kind = SHIFTS

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._wanted: list[_Wanted] = []
        self._inserts: list[_Wanted] = []
        self._updates: list[tuple[_Stored, _Wanted]] = []

    def take(self, line: LineReader) -> None:
        person, site = self.ground.person(line, "person", needed=True), self.ground.site(line)
        day = line.day("day")
        start, end = line.time("start", most=MOST_MINUTES), line.time("end", most=MOST_MINUTES)
        pause = self._pause(line, start, end)
        on_call, remote = line.yes("on_call", otherwise=False), line.yes("remote", otherwise=False)
        if day is not None:
            self.ground.planned(line, "day", day)
        if start is not None and end is not None and end.minute <= start.minute:
            line.refuse("end", "The end has to be after the start. For an end on the next day write 26:00 for 02:00.")
        if not (line.ok and person and site and day and start and end):
            return
        span = self._instants(line, ("start", "end"), day, (start, end), site)
        break_at = self._instants(line, ("break_start", "break_end"), day, pause, site) if pause else None
        if span is None or line.is_refused:
            return
        walls = (start.minute, end.minute)
        break_walls = (pause[0].minute, pause[1].minute) if pause else None
        self._wanted.append(_Wanted(line, person, site, day, walls, break_walls, *span, break_at, on_call, remote))

    @staticmethod
    def _instants(
        line: LineReader, keys: tuple[str, str], day: date, walls: tuple[WallTime, WallTime], site: SiteInfo
    ) -> tuple[datetime, datetime] | None:
        start, end = (instant(line, key, day, wall, site.zone) for key, wall in zip(keys, walls, strict=True))
        if start is None or end is None:
            return None
        if end <= start:
            line.refuse(keys[1], "The clocks change that night: this would end before it starts.")
            return None
        return start, end

    def _pause(
        self, line: LineReader, start: WallTime | None, end: WallTime | None
    ) -> tuple[WallTime, WallTime] | None:
        first = line.time("break_start", needed=False, most=MOST_MINUTES)
        last = line.time("break_end", needed=False, most=MOST_MINUTES)
        if not line.cell("break_start") and not line.cell("break_end"):
            return None
        if not line.cell("break_start") or not line.cell("break_end"):
            line.refuse(
                "break_end" if line.cell("break_start") else "break_start", "A break needs its start and its end."
            )
        elif first and last and start and end and not start.minute < first.minute < last.minute < end.minute:
            line.refuse("break_start", "The break has to lie inside the shift, and to end after it starts.")
        return (first, last) if first and last else None

    # Together

    def finish(self) -> None:
        stored = self._stored()
        by_start = {(shift.person_id, shift.starts_at): shift for shift in stored}
        seen: dict[tuple[int, datetime], _Wanted] = {}
        for wanted in self._wanted:
            key = (wanted.person.id, wanted.starts_at)
            if key in seen:
                wanted.line.refuse(
                    "start", f"Line {seen[key].line.number} has a shift of {wanted.person.name} from then on too."
                )
                continue
            seen[key] = wanted
            self._compare(wanted, by_start.get(key))
        self._refuse_overlaps(stored, seen)
        self._refuse_lost_cover()

    def _stored(self) -> list[_Stored]:
        if not self._wanted:
            return []
        days = [wanted.day for wanted in self._wanted]
        rows = self.ground.db.execute(
            select(*_COLUMNS).where(
                Shift.roster_site_id.in_(self.ground.own_sites),
                Shift.day >= min(days) - DAYS_AROUND,
                Shift.day <= max(days) + DAYS_AROUND,
            )
        )
        return [_Stored(*row) for row in rows]

    def _compare(self, wanted: _Wanted, stored: _Stored | None) -> None:
        if stored is None:
            if wanted.person.active:
                self.new += 1
                self._inserts.append(wanted)
            else:
                wanted.line.refuse("person", f"{wanted.person.name} does not work here any more.")
        elif stored.roster_site_id != wanted.site.id:
            other = self.ground.sites[stored.roster_site_id].code
            wanted.line.refuse("site", f"{wanted.person.name} already has a shift then on the roster of {other}.")
        elif stored.is_as(wanted):
            self.same += 1
        else:
            self.changed += 1
            self._updates.append((stored, wanted))

    def _refuse_overlaps(self, stored: Sequence[_Stored], seen: dict[tuple[int, datetime], _Wanted]) -> None:
        spans: defaultdict[tuple[int, int], list[tuple[datetime, datetime, _Wanted | None]]] = defaultdict(list)
        for shift in stored:
            if (shift.person_id, shift.starts_at) not in seen:
                spans[shift.person_id, shift.roster_site_id].append((shift.starts_at, shift.ends_at, None))
        for wanted in seen.values():
            spans[wanted.person.id, wanted.site.id].append((wanted.starts_at, wanted.ends_at, wanted))
        for group in spans.values():
            group.sort(key=lambda span: span[0])
            before = group[0]
            for span in group[1:]:
                if span[0] < before[1]:
                    self._refuse_overlap(before, span)
                before = max(before, span, key=lambda one: one[1])

    def _refuse_overlap(
        self, one: tuple[datetime, datetime, _Wanted | None], other: tuple[datetime, datetime, _Wanted | None]
    ) -> None:
        late, early = (other, one) if other[2] is not None else (one, other)
        wanted = late[2]
        if wanted is None:
            return  # both were there before this file
        zone = wanted.site.zone
        span = f"{to_wall(early[0], zone):%H:%M} to {to_wall(early[1], zone):%H:%M}"
        where = f"line {early[2].line.number}" if early[2] is not None else "the roster"
        wanted.line.refuse("start", f"{wanted.person.name} already works then: {span}, in {where}.")

    def _refuse_lost_cover(self) -> None:
        """Whoever has something booked in a shift that gets shorter keeps it until somebody moves it."""
        spans = [(shift.starts_at, shift.ends_at, wanted.person) for shift, wanted in self._updates]
        for (shift, wanted), booked in zip(
            self._updates, booked_in(self.ground.db, spans, self.ground.now), strict=True
        ):
            lost = [
                span for span in booked if not _covered(span, wanted, moved=shift.site_id != wanted.row()["site_id"])
            ]
            if lost:
                start = to_wall(lost[0][0], wanted.site.zone)
                wanted.line.refuse(
                    "end", f"{wanted.person.name} has something booked at {start:%H:%M} that this would take the cover "
                    "from. Move it first, or change the shift on the Rosters page.",
                )  # fmt: skip

    # Writing

    def write(self, tell: Tell) -> None:
        # Shifts that get shorter first: what is new may lie where they ended so far.
        done = 0
        for part in chunks(self._updates):
            self.ground.db.execute(update(Shift), [{"id": stored.id, **wanted.row()} for stored, wanted in part])
            done += len(part)
            tell(done)
        insert_all(self.ground.db, Shift, [wanted.row() for wanted in self._inserts], tell, done)

    def rows(self) -> Iterator[Sequence[str]]:
        columns = (*_COLUMNS,)
        found = self.ground.db.execute(
            select(*columns).where(Shift.roster_site_id.in_(self.ground.own_sites)).order_by(Shift.starts_at, Shift.id)
        )
        labels = self.ground.person_labels
        cells = [self._cells(_Stored(*row), labels) for row in found]
        yield from sorted(cells, key=lambda row: (row[1], row[2], row[3], row[0], row[4:]))

    def _cells(self, shift: _Stored, labels: Any) -> tuple[str, ...]:
        site = self.ground.sites[shift.roster_site_id]
        day = to_wall(shift.starts_at, site.zone).date()
        times = (shift.starts_at, shift.ends_at, shift.break_starts_at, shift.break_ends_at)
        return (
            labels[shift.person_id],
            site.code,
            day.isoformat(),
            *("" if moment is None else told_time(moment, site.zone, day) for moment in times),
            tell_yes(shift.on_call),
            tell_yes(shift.site_id is None),
        )


def _covered(span: tuple[datetime, datetime], wanted: _Wanted, *, moved: bool) -> bool:
    inside = wanted.starts_at <= span[0] and span[1] <= wanted.ends_at
    paused = wanted.break_at is not None and span[0] < wanted.break_at[1] and wanted.break_at[0] < span[1]
    return inside and not paused and not moved and not wanted.on_call
