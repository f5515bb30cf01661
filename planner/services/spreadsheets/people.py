"""Staff from and to a file. A file adds to what people are and where they work, and takes nothing away."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import func, insert, select, update

from planner.domain.access import Role
from planner.services.rostering import initials_of
from planner.services.spreadsheets.ground import PersonInfo, SiteInfo
from planner.services.spreadsheets.importing import Importer, Tell, insert_all, new_holdables
from planner.services.spreadsheets.kinds import PEOPLE
from planner.services.spreadsheets.lines import LineReader
from planner.services.spreadsheets.places import MOST_TURNOVER
from planner.services.spreadsheets.values import name_key, read_list, tell_yes
from planner.store.records import Holdable, HoldableKind, NurseLane, Person, PersonRole, PersonSite

_ROLES = {role.value: role for role in (Role.NURSE, Role.PRESCRIBER, Role.THERAPIST)}
MOST_LANES = 12
MOST_SESSIONS = 48


@dataclass(frozen=True, slots=True)
class _Wanted:
    name: str
    initials: str
    roles: frozenset[Role]
    site_ids: frozenset[int]
    lanes: int
    turnover: int
    most: int | None
    active: bool


@dataclass(slots=True)
class _Change:
    """What is added to somebody who is here."""

    person: PersonInfo
    roles: list[Role] = field(default_factory=list)
    site_ids: list[int] = field(default_factory=list)
    lanes: int = 0
    turnover: int | None = None
    most: tuple[int | None] | None = None

    def __bool__(self) -> bool:
        return bool(self.roles or self.site_ids or self.lanes or self.turnover is not None or self.most)


class PeopleImporter(Importer):
    """Staff of the person's own sites."""

    kind = PEOPLE

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._seen: dict[object, int] = {}
        self._inserts: list[_Wanted] = []
        self._changes: list[_Change] = []
        self._by_name: dict[str, list[PersonInfo]] = {}
        for person in self.ground.people.values():
            self._by_name.setdefault(name_key(person.name), []).append(person)

    def take(self, line: LineReader) -> None:
        name, initials = line.text("name", 120, needed=True), line.text("initials", 6)
        roles, sites = self._roles(line), self._sites(line)
        lanes = line.number_in("lanes", 1, MOST_LANES)
        turnover = line.number_in("turnover", 0, MOST_TURNOVER)
        most, active = line.number_in("most", 1, MOST_SESSIONS), line.yes("active", otherwise=True)
        if lanes is not None and roles and Role.NURSE not in roles:
            line.refuse("lanes", "Only a nurse watches patients. Leave this empty, or add the role nurse.")
        if line.is_refused or name is None or initials is None:
            return
        found = self._found(name, initials)
        if len(found) > 1:
            line.refuse("initials", f"{len(found)} members of staff are called “{name}”. Say which by the initials.")
            return
        key = found[0].id if found else (name_key(name), name_key(initials or initials_of(name)))
        if key in self._seen:
            line.refuse("name", f"Line {self._seen[key]} is about the same person.")
            return
        self._seen[key] = line.number
        wanted = _Wanted(
            name, initials or initials_of(name), roles, frozenset(site.id for site in sites),
            (lanes or 1) if Role.NURSE in roles else 0, turnover or 0, most, active,
        )  # fmt: skip
        if found:
            self._compare(line, found[0], wanted)
        else:
            self._add(line, wanted)

    def _found(self, name: str, initials: str) -> list[PersonInfo]:
        called = self._by_name.get(name_key(name), [])
        if not initials:
            return called
        alike = [person for person in called if name_key(person.initials) == name_key(initials)]
        exact = [person for person in alike if (person.name, person.initials) == (name, initials)]
        return exact or alike

    def _roles(self, line: LineReader) -> frozenset[Role]:
        words = [word.casefold() for word in read_list(line.text("roles", 120, needed=True) or "")]
        unknown = [word for word in words if word not in _ROLES]
        if unknown:
            line.refuse("roles", f"“{unknown[0]}” is no role here. Write nurse, prescriber or therapist.")
        return frozenset(_ROLES[word] for word in words if word in _ROLES)

    def _sites(self, line: LineReader) -> list[SiteInfo]:
        cell = line.text("sites", 2_000, needed=True) or ""
        names = [cell] if self.ground.any_site(cell) else read_list(cell)
        found = [(name, self.ground.any_site(name)) for name in names]
        for name, site in found:
            if site is None:
                line.refuse("sites", f"There is no site called “{name}”.")
        return [site for _, site in found if site is not None]

    def _add(self, line: LineReader, wanted: _Wanted) -> None:
        if self._only_own(line, wanted.site_ids):
            self.new += 1
            self._inserts.append(wanted)

    def _only_own(self, line: LineReader, site_ids: frozenset[int]) -> bool:
        foreign = sorted(site_ids - self.ground.own_sites.keys())
        if foreign:
            line.refuse("sites", f"{self.ground.sites[foreign[0]].code} is not one of your sites.")
        return not foreign

    def _compare(self, line: LineReader, person: PersonInfo, wanted: _Wanted) -> None:
        if not person.site_ids & self.ground.own_sites.keys():
            line.refuse(
                "name", f"{person.name} works at other sites only. Ask whoever manages the clinic to add yours."
            )
            return
        for key, gone in (("roles", person.roles - wanted.roles), ("sites", person.site_ids - wanted.site_ids)):
            if gone:
                line.refuse(key, f"{person.name} has more {key} than this line. They are taken away on the staff page.")
        if line.cell("lanes") and wanted.lanes < len(person.lanes):
            line.refuse("lanes", f"{person.name} watches {len(person.lanes)} patients. Fewer is set on the staff page.")
        if line.cell("active") and wanted.active != person.active:
            line.refuse("active", "Whether somebody works here is changed on the staff page.")
        if line.is_refused or not self._only_own(line, wanted.site_ids - person.site_ids):
            return
        change = _Change(
            person,
            roles=sorted(wanted.roles - person.roles),
            site_ids=sorted(wanted.site_ids - person.site_ids),
            lanes=max(0, wanted.lanes - len(person.lanes)),
            turnover=wanted.turnover if line.has("turnover") and wanted.turnover != person.turnover else None,
            most=(wanted.most,) if line.has("most") and wanted.most != person.most_sessions else None,
        )
        if change:
            self.changed += 1
            self._changes.append(change)
        else:
            self.same += 1

    def finish(self) -> None:
        """Every line was compared when it was taken."""

    # Writing

    def write(self, tell: Tell) -> None:
        self._write_new(tell)
        for change in self._changes:
            self._write_change(change)
        tell(len(self._inserts) + len(self._changes))

    def _write_new(self, tell: Tell) -> None:
        db, wanted = self.ground.db, self._inserts
        before = db.scalar(select(func.max(Person.id))) or 0
        holdables = new_holdables(db, HoldableKind.PERSON, [person.turnover for person in wanted])
        rows = [
            {
                "holdable_id": holdable_id,
                "name": person.name,
                "initials": person.initials,
                "most_sessions_a_day": person.most,
                "active": person.active,
            }
            for person, holdable_id in zip(wanted, holdables, strict=True)
        ]
        insert_all(db, Person, rows, tell)
        found = db.execute(select(Person.holdable_id, Person.id).where(Person.id > before))
        by_holdable = {holdable_id: id for holdable_id, id in found}
        ids = [by_holdable[holdable_id] for holdable_id in holdables]
        pairs = list(zip(wanted, ids, strict=True))
        self._insert(
            PersonRole, [{"person_id": id, "role": role} for person, id in pairs for role in sorted(person.roles)]
        )
        self._insert(
            PersonSite, [{"person_id": id, "site_id": site} for person, id in pairs for site in sorted(person.site_ids)]
        )
        self._add_lanes([(id, number) for person, id in pairs for number in range(1, person.lanes + 1)])

    def _write_change(self, change: _Change) -> None:
        db, person = self.ground.db, change.person
        self._insert(PersonRole, [{"person_id": person.id, "role": role} for role in change.roles])
        self._insert(PersonSite, [{"person_id": person.id, "site_id": site_id} for site_id in change.site_ids])
        first = len(person.lanes) + 1
        self._add_lanes([(person.id, number) for number in range(first, first + change.lanes)])
        if change.turnover is not None:
            db.execute(
                update(Holdable).where(Holdable.id == person.holdable_id).values(turnover_minutes=change.turnover)
            )
        values: dict[str, Any] = {"version": Person.version + 1}
        if change.most is not None:
            values["most_sessions_a_day"] = change.most[0]
        db.execute(update(Person).where(Person.id == person.id).values(**values))

    def _add_lanes(self, lanes: Sequence[tuple[int, int]]) -> None:
        holdables = new_holdables(self.ground.db, HoldableKind.LANE, [0] * len(lanes))
        self._insert(
            NurseLane,
            [
                {"person_id": person_id, "number": number, "holdable_id": holdable_id}
                for (person_id, number), holdable_id in zip(lanes, holdables, strict=True)
            ],
        )

    def _insert(self, record: type[Any], rows: list[dict[str, Any]]) -> None:
        if rows:
            self.ground.db.execute(insert(record), rows)

    def rows(self) -> Iterator[Sequence[str]]:
        own = self.ground.own_sites.keys()
        rows = [self._cells(person) for person in self.ground.people.values() if person.site_ids & own]
        yield from sorted(rows)

    def _cells(self, person: PersonInfo) -> tuple[str, ...]:
        return (
            person.name,
            person.initials,
            "; ".join(sorted(person.roles)),
            "; ".join(sorted(self.ground.sites[site_id].code for site_id in person.site_ids)),
            str(len(person.lanes)) if Role.NURSE in person.roles else "",
            str(person.turnover),
            "" if person.most_sessions is None else str(person.most_sessions),
            tell_yes(person.active),
        )
