"""What lines refer to, loaded once for a whole file: sites, staff, patients, chairs and rooms, by what people write."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from typing import Generic, TypeVar

from sqlalchemy import select
from sqlalchemy.orm import Session

from planner.domain.access import Principal, Role
from planner.domain.walltime import AmbiguousWallTime, NonexistentWallTime, day_and_year, resolve_wall, to_wall
from planner.services.planning_horizon import last_planned_day
from planner.services.spreadsheets.lines import LineReader
from planner.services.spreadsheets.values import WallTime, name_key, tell_minute, tell_offset
from planner.store.records import (
    Chair,
    Holdable,
    NurseLane,
    Patient,
    Person,
    PersonRole,
    PersonSite,
    Room,
    Site,
)

Thing = TypeVar("Thing")


@dataclass(frozen=True, slots=True)
class SiteInfo:
    id: int
    name: str
    code: str
    zone: str


@dataclass(frozen=True, slots=True)
class PersonInfo:
    """A member of staff; `lanes` are the holdables of the patients a nurse may watch at once."""

    id: int
    holdable_id: int
    turnover: int
    name: str
    initials: str
    most_sessions: int | None
    active: bool
    roles: frozenset[Role]
    site_ids: frozenset[int]
    lanes: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class PlaceInfo:
    id: int
    site_id: int
    holdable_id: int
    turnover: int
    name: str
    active: bool


@dataclass(frozen=True, slots=True)
class PatientInfo:
    id: int
    holdable_id: int
    turnover: int
    code: str
    site_id: int
    active: bool


@dataclass(slots=True)
class Index(Generic[Thing]):
    """Things by what people call them: exactly as written first, then whatever the case and the spaces."""

    _exact: defaultdict[Hashable, list[Thing]] = field(default_factory=lambda: defaultdict(list))
    _loose: defaultdict[Hashable, list[Thing]] = field(default_factory=lambda: defaultdict(list))

    def add(self, name: str, thing: Thing, scope: Hashable = None) -> None:
        self._exact[scope, name].append(thing)
        self._loose[scope, name_key(name)].append(thing)

    def find(self, name: str, scope: Hashable = None) -> list[Thing]:
        """Everything called so: one, none, or several."""
        return self._exact.get((scope, name)) or self._loose.get((scope, name_key(name)), [])


class Ground:
    """The clinic as one import or export of one person sees it. Everything is loaded on first use, once."""

    def __init__(self, db: Session, principal: Principal, now: datetime) -> None:
        self.db, self.principal, self.now = db, principal, now

    # Sites

    @cached_property
    def sites(self) -> Mapping[int, SiteInfo]:
        """Every site of the clinic, by id."""
        rows = self.db.execute(select(Site.id, Site.name, Site.code, Site.zone).order_by(Site.id))
        return {row[0]: SiteInfo(*row) for row in rows}

    @cached_property
    def own_sites(self) -> Mapping[int, SiteInfo]:
        """The sites the person acts for, active ones only."""
        active = set(self.db.scalars(select(Site.id).where(Site.active)))
        return {id: site for id, site in self.sites.items() if id in self.principal.site_ids and id in active}

    @cached_property
    def _site_index(self) -> tuple[Index[SiteInfo], Index[SiteInfo]]:
        codes: Index[SiteInfo] = Index()
        names: Index[SiteInfo] = Index()
        for site in self.sites.values():
            codes.add(site.code, site)
            names.add(site.name, site)
        return codes, names

    def any_site(self, name: str) -> SiteInfo | None:
        """The site with this code or name, whoever acts for it."""
        found = next((hits for index in self._site_index if (hits := index.find(name))), [])
        return found[0] if len(found) == 1 else None

    def site(self, line: LineReader, key: str = "site") -> SiteInfo | None:
        """One of the person's own sites, by code or name."""
        name = line.text(key, 120, needed=True)
        if name is None:
            return None
        site = self.any_site(name)
        if site is None or site.id not in self.own_sites:
            known = ", ".join(own.code for own in self.own_sites.values())
            line.refuse(key, f"None of your sites is called “{name}”. Yours are: {known or 'none'}.")
            return None
        return site

    # Staff

    @cached_property
    def people(self) -> Mapping[int, PersonInfo]:
        """Every member of staff, by id."""
        roles: defaultdict[int, set[Role]] = defaultdict(set)
        for person_id, role in self.db.execute(select(PersonRole.person_id, PersonRole.role)):
            roles[person_id].add(role)
        site_ids: defaultdict[int, set[int]] = defaultdict(set)
        for person_id, site_id in self.db.execute(select(PersonSite.person_id, PersonSite.site_id)):
            site_ids[person_id].add(site_id)
        lanes: defaultdict[int, list[int]] = defaultdict(list)
        lane_rows = select(NurseLane.person_id, NurseLane.holdable_id).order_by(NurseLane.person_id, NurseLane.number)
        for person_id, holdable_id in self.db.execute(lane_rows):
            lanes[person_id].append(holdable_id)
        rows = self.db.execute(
            select(Person.id, Person.holdable_id, Holdable.turnover_minutes, Person.name, Person.initials,
                   Person.most_sessions_a_day, Person.active)
            .join(Holdable, Holdable.id == Person.holdable_id)
            .order_by(Person.id)
        )  # fmt: skip
        return {
            row[0]: PersonInfo(*row, frozenset(roles[row[0]]), frozenset(site_ids[row[0]]), tuple(lanes[row[0]]))
            for row in rows
        }

    @cached_property
    def by_holdable(self) -> Mapping[int, PersonInfo]:
        """Every member of staff, by what is held of them besides a nurse's places."""
        return {person.holdable_id: person for person in self.people.values()}

    @cached_property
    def _person_index(self) -> tuple[Index[PersonInfo], Index[PersonInfo]]:
        names: Index[PersonInfo] = Index()
        told_apart: Index[PersonInfo] = Index()
        for person in self.people.values():
            names.add(person.name, person)
            told_apart.add(full_label(person), person)
        return names, told_apart

    def people_called(self, label: str) -> list[PersonInfo]:
        """Staff by name, or by “name (initials)” where a name is not enough."""
        names, told_apart = self._person_index
        found = names.find(label)
        return found if len(found) == 1 else told_apart.find(label) or found

    def person(self, line: LineReader, key: str, *, needed: bool) -> PersonInfo | None:
        """The member of staff a cell names."""
        label = line.text(key, 140, needed=needed)
        if not label:
            return None
        found = self.people_called(label)
        if len(found) == 1:
            return found[0]
        if found:
            line.refuse(
                key, f"{len(found)} members of staff are called “{label}”. Write “{full_label(found[0])}” or another."
            )
        else:
            line.refuse(key, f"Nobody on the staff is called “{label}”. Bring the staff in first, or correct the name.")
        return None

    @cached_property
    def person_labels(self) -> Mapping[int, str]:
        """What each member of staff is called in a file: the name; with initials where that names two."""
        return {
            id: person.name if self.people_called(person.name) == [person] else full_label(person)
            for id, person in self.people.items()
        }

    def zone_of_person(self, person: PersonInfo) -> str | None:
        """The zone their absences are told in: of the first of the person's own sites where they work."""
        own = sorted(person.site_ids & self.own_sites.keys())
        return self.sites[own[0]].zone if own else None

    # Patients and places

    @cached_property
    def patients(self) -> Mapping[int, PatientInfo]:
        """Patients of the person's sites, by id."""
        rows = self.db.execute(
            select(Patient.id, Patient.holdable_id, Holdable.turnover_minutes, Patient.code, Patient.site_id,
                   Patient.active)
            .join(Holdable, Holdable.id == Patient.holdable_id)
            .where(Patient.site_id.in_(self.own_sites))
            .order_by(Patient.id)
        )  # fmt: skip
        return {row[0]: PatientInfo(*row) for row in rows}

    @cached_property
    def patient_index(self) -> Index[PatientInfo]:
        codes: Index[PatientInfo] = Index()
        for patient in self.patients.values():
            codes.add(patient.code, patient)
        return codes

    @cached_property
    def chairs(self) -> Mapping[int, PlaceInfo]:
        """Chairs of the person's sites, by id."""
        return self._places(Chair)

    @cached_property
    def rooms(self) -> Mapping[int, PlaceInfo]:
        """Rooms of the person's sites, by id."""
        return self._places(Room)

    def _places(self, record: type[Chair] | type[Room]) -> Mapping[int, PlaceInfo]:
        rows = self.db.execute(
            select(record.id, record.site_id, record.holdable_id, Holdable.turnover_minutes, record.name, record.active)
            .join(Holdable, Holdable.id == record.holdable_id)
            .where(record.site_id.in_(self.own_sites))
            .order_by(record.id)
        )
        return {row[0]: PlaceInfo(*row) for row in rows}

    @cached_property
    def chair_index(self) -> Index[PlaceInfo]:
        return place_index(self.chairs.values())

    @cached_property
    def room_index(self) -> Index[PlaceInfo]:
        return place_index(self.rooms.values())

    # Time

    @cached_property
    def last_day(self) -> date:
        """The last day rosters and appointments may name."""
        return last_planned_day(self.db, self.now.date())

    def planned(self, line: LineReader, key: str, day: date) -> bool:
        """Whether the clinic plans as far ahead; notes it when not."""
        if day <= self.last_day:
            return True
        line.refuse(
            key, f"That is further ahead than this clinic plans. The last day is {day_and_year(self.last_day)}."
        )
        return False


def full_label(person: PersonInfo) -> str:
    """Name and initials, which tell two people of one name apart."""
    return f"{person.name} ({person.initials})"


def place_index(places: Iterable[PlaceInfo]) -> Index[PlaceInfo]:
    """Chairs or rooms by site and name."""
    index: Index[PlaceInfo] = Index()
    for place in places:
        index.add(place.name, place, place.site_id)
    return index


def instant(line: LineReader, key: str, day: date, wall: WallTime, zone: str) -> datetime | None:
    """The instant of a wall time at a place; what clocks skip, or show twice without saying which, is a fault."""
    naive = datetime.combine(day, time()) + timedelta(minutes=wall.minute)
    try:
        return resolve_wall(naive, zone)
    except NonexistentWallTime as odd:
        line.refuse(key, str(odd))
        return None
    except AmbiguousWallTime as odd:
        offsets = [(naive - candidate.replace(tzinfo=None)) // timedelta(minutes=1) for candidate in odd.candidates]
        if wall.offset_minutes in offsets:
            return odd.candidates[offsets.index(wall.offset_minutes)]
        first, second = (f"{tell_minute(wall.minute % 1440)}{tell_offset(offset)}" for offset in offsets)
        line.refuse(
            key, f"{naive:%H:%M} happens twice on {day_and_year(naive)}: the clocks go back. "
            f"Write {first} for the first or {second} for the second.",
        )  # fmt: skip
        return None


def told_time(moment: datetime, zone: str, since: date) -> str:
    """An instant as the minutes since local midnight of `since`, with the offset only where clocks show it twice."""
    wall = to_wall(moment, zone)
    minute = int((wall - datetime.combine(since, time())) / timedelta(minutes=1))
    try:
        resolve_wall(wall, zone)
    except AmbiguousWallTime:
        offset = wall - moment.astimezone(UTC).replace(tzinfo=None)
        return f"{tell_minute(minute)}{tell_offset(offset // timedelta(minutes=1))}"
    return tell_minute(minute)
