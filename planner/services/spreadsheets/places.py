"""Chairs and rooms from and to a file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import update

from planner.services.spreadsheets.ground import PlaceInfo, SiteInfo
from planner.services.spreadsheets.importing import Importer, Tell, insert_all, new_holdables
from planner.services.spreadsheets.kinds import PLACES
from planner.services.spreadsheets.lines import LineReader
from planner.services.spreadsheets.values import name_key, tell_yes
from planner.store.records import Chair, Holdable, HoldableKind, Room

MOST_TURNOVER = 240
_RECORDS: dict[HoldableKind, type[Chair] | type[Room]] = {HoldableKind.CHAIR: Chair, HoldableKind.ROOM: Room}
_WORDS = {"chair": HoldableKind.CHAIR, "room": HoldableKind.ROOM}


@dataclass(frozen=True, slots=True)
class _Wanted:
    kind: HoldableKind
    site: SiteInfo
    name: str
    turnover: int
    active: bool


class PlaceImporter(Importer):
    """Chairs and rooms of the person's own sites."""

    kind = PLACES

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._seen: dict[tuple[HoldableKind, int, int | str], int] = {}
        self._inserts: list[_Wanted] = []
        self._updates: list[tuple[PlaceInfo, int]] = []

    def take(self, line: LineReader) -> None:
        kind, site = line.word("kind", _WORDS, needed=True), self.ground.site(line)
        name = line.text("name", 60, needed=True)
        turnover = line.number_in("turnover", 0, MOST_TURNOVER)
        active = line.yes("active", otherwise=True)
        if kind is HoldableKind.CHAIR and turnover:
            line.refuse("turnover", "A chair has no minutes between: the protocol says how long a visit keeps it.")
        if line.is_refused or kind is None or site is None or name is None:
            return
        index = self.ground.chair_index if kind is HoldableKind.CHAIR else self.ground.room_index
        found = index.find(name, site.id)
        key = (kind, site.id, found[0].id if found else name_key(name))
        if key in self._seen:
            line.refuse("name", f"Line {self._seen[key]} is about the same {kind.value}.")
            return
        self._seen[key] = line.number
        if found:
            self._compare(line, found[0], turnover)
        else:
            self.new += 1
            self._inserts.append(_Wanted(kind, site, name, turnover or 0, active))

    def _compare(self, line: LineReader, place: PlaceInfo, turnover: int | None) -> None:
        if line.cell("active") and line.yes("active", otherwise=True) != place.active:
            line.refuse("active", "Whether it is in use is changed on the page of its site.")
        elif line.has("turnover") and (turnover or 0) != place.turnover:
            self.changed += 1
            self._updates.append((place, turnover or 0))
        else:
            self.same += 1

    def finish(self) -> None:
        """Every line was compared when it was taken."""

    def write(self, tell: Tell) -> None:
        db, done = self.ground.db, 0
        for kind, record in _RECORDS.items():
            wanted = [place for place in self._inserts if place.kind is kind]
            ids = new_holdables(db, kind, [place.turnover for place in wanted])
            rows = [
                {"site_id": place.site.id, "holdable_id": id, "name": place.name, "active": place.active}
                for place, id in zip(wanted, ids, strict=True)
            ]
            insert_all(db, record, rows, tell, done)
            done += len(rows)
        for place, minutes in self._updates:
            db.execute(update(Holdable).where(Holdable.id == place.holdable_id).values(turnover_minutes=minutes))
            db.execute(update(Room).where(Room.id == place.id).values(version=Room.version + 1))

    def rows(self) -> Iterator[Sequence[str]]:
        ground = self.ground
        rows = [
            (word, ground.sites[place.site_id].code, place.name, told, tell_yes(place.active))
            for word, places in (("chair", ground.chairs), ("room", ground.rooms))
            for place in places.values()
            for told in ("" if word == "chair" else str(place.turnover),)
        ]
        yield from sorted(rows, key=lambda row: (row[1], row[0], row[2]))
