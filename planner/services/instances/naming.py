"""What an instance is written down of, and under which names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from sqlalchemy.orm import Session

from planner.domain.walltime import day_span, to_wall
from planner.services.instances.keeping import Kept
from planner.store.records import Site

_PREFIX = {"site": "s", "chair": "c", "room": "r", "staff": "w", "patient": "p"}


@dataclass(slots=True)
class Names:
    """Ids of the instance by this clinic's: the file's own where there is one, else the next neutral one."""

    given: Mapping[str, Mapping[int, str]]
    made: dict[tuple[str, int], str] = field(default_factory=dict)
    taken: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.taken |= {name for ids in self.given.values() for name in ids.values()}

    def of(self, kind: str, id_: int) -> str:
        """The instance's id of one record."""
        own = self.given.get(kind, {}).get(id_) or self.made.get((kind, id_))
        number = 0
        while own is None:
            number += 1
            tried = f"{_PREFIX[kind]}{number:03}"
            own = tried if tried not in self.taken else None
        self.taken.add(own)
        self.made[kind, id_] = own
        return own


@dataclass(slots=True)
class Frame:
    """What is written down: whose sites, from when to when, in which zone, under which names."""

    db: Session
    kept: Kept | None
    sites: Sequence[Site]
    zone: str
    first_day: date
    last_day: date
    names: Names

    @property
    def site_ids(self) -> list[int]:
        """The ids of the sites."""
        return [site.id for site in self.sites]

    @property
    def opens(self) -> datetime:
        """The first instant of the horizon."""
        return day_span(self.first_day, self.zone)[0]

    @property
    def ends(self) -> datetime:
        """The instant at which the horizon is over."""
        return day_span(self.last_day, self.zone)[1]

    def wall(self, instant: datetime) -> datetime:
        """What clocks in the instance's zone show."""
        return to_wall(instant, self.zone)
