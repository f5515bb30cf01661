"""Closed days from and to a file. One on which something is booked is left to the Rosters page, which moves it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy import select, update

from planner.domain.statuses import HOLDING, Mode
from planner.domain.walltime import day_span, local_day
from planner.services.spreadsheets.ground import SiteInfo
from planner.services.spreadsheets.importing import Importer, Tell, insert_all
from planner.services.spreadsheets.kinds import CLOSURES
from planner.services.spreadsheets.lines import LineReader
from planner.store.records import Appointment, Closure


@dataclass(frozen=True, slots=True)
class _Wanted:
    line: LineReader
    site: SiteInfo
    day: date
    reason: str


class ClosureImporter(Importer):
    """Closed days of the person's own sites."""

    kind = CLOSURES

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._stored = {(closure.site_id, closure.day): closure for closure in self._closures()}
        self._seen: dict[tuple[int, date], int] = {}
        self._inserts: list[_Wanted] = []
        self._updates: list[tuple[int, str]] = []

    def take(self, line: LineReader) -> None:
        site, day, reason = self.ground.site(line), line.day("day"), line.text("reason", 120)
        if day is not None:
            self.ground.planned(line, "day", day)
        if line.is_refused or site is None or day is None or reason is None:
            return
        key = (site.id, day)
        if key in self._seen:
            line.refuse("day", f"Line {self._seen[key]} closes the same day.")
            return
        self._seen[key] = line.number
        stored = self._stored.get(key)
        if stored is None:
            self.new += 1
            self._inserts.append(_Wanted(line, site, day, reason))
        elif not line.has("reason") or stored.reason == reason:
            self.same += 1
        else:
            self.changed += 1
            self._updates.append((stored.id, reason))

    def finish(self) -> None:
        booked = self._booked()
        for wanted in self._inserts:
            count = booked[wanted.site.id, wanted.day]
            if count:
                what = "1 appointment is" if count == 1 else f"{count} appointments are"
                wanted.line.refuse(
                    "day",
                    f"{what} booked at {wanted.site.name} that day. Close it on the Rosters page, which moves them.",
                )

    def _booked(self) -> Counter[tuple[int, date]]:
        """Appointments not over yet that take place at a site, by local day."""
        if not self._inserts:
            return Counter()
        days = [wanted.day for wanted in self._inserts]
        start, _ = day_span(min(days) - timedelta(days=1), "UTC")
        _, end = day_span(max(days) + timedelta(days=1), "UTC")
        rows = self.ground.db.execute(
            select(Appointment.site_id, Appointment.starts_at).where(
                Appointment.site_id.in_(self.ground.own_sites),
                Appointment.status.in_(HOLDING),
                Appointment.mode == Mode.IN_PERSON,
                Appointment.starts_at.between(start, end),
                Appointment.ends_at > self.ground.now,
            )
        )
        return Counter((site_id, local_day(at, self.ground.sites[site_id].zone)) for site_id, at in rows)

    def write(self, tell: Tell) -> None:
        rows = [{"site_id": want.site.id, "day": want.day, "reason": want.reason} for want in self._inserts]
        insert_all(self.ground.db, Closure, rows, tell)
        if self._updates:
            self.ground.db.execute(update(Closure), [{"id": id, "reason": reason} for id, reason in self._updates])

    def rows(self) -> Iterator[Sequence[str]]:
        rows = [(self.ground.sites[c.site_id].code, c.day.isoformat(), c.reason) for c in self._closures()]
        yield from sorted(rows)

    def _closures(self) -> Sequence[Any]:
        return self.ground.db.execute(
            select(Closure.id, Closure.site_id, Closure.day, Closure.reason).where(
                Closure.site_id.in_(self.ground.own_sites)
            )
        ).all()
