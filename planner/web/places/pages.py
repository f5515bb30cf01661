"""What the pages of places show, already decided."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from flask import url_for

from planner.domain.statuses import AppointmentKind
from planner.domain.walltime import local_day
from planner.store.queries.places import Booked, SiteRecord
from planner.web.places.forms import GRID_WORDS

#: More would only be scrolled past.
MOST_SHOWN = 30
KIND_WORDS = {
    AppointmentKind.INFUSION: "Infusion",
    AppointmentKind.INTEGRATION: "Integration session",
    AppointmentKind.CONSOLIDATION: "Consolidation session",
    AppointmentKind.PREPARATION: "Preparation session",
    AppointmentKind.ASSESSMENT: "Assessment",
}


@dataclass(frozen=True, slots=True)
class BookedLine:
    """An appointment in a list of those that do not fit."""

    title: str
    starts_at: datetime
    ends_at: datetime
    url: str


@dataclass(frozen=True, slots=True)
class Outside:
    """How many appointments do not fit; the first of them, or only how many on which of the first days."""

    count: int
    lines: tuple[BookedLine, ...] = ()
    days: tuple[tuple[date, int], ...] = ()

    @property
    def more(self) -> int:
        """How many are in neither list."""
        return self.count - len(self.lines) - sum(number for _, number in self.days)


def outside_page(booked: Sequence[Booked], zone: str, *, links: bool) -> Outside:
    """With the address of each for those who may open it; with numbers by day of the site for others."""
    if links:
        return Outside(len(booked), lines=tuple(_line(row) for row in booked[:MOST_SHOWN]))
    days = Counter(local_day(row.starts_at, zone) for row in booked)
    return Outside(len(booked), days=tuple(sorted(days.items())[:MOST_SHOWN]))


def _line(row: Booked) -> BookedLine:
    is_dose = row.kind is AppointmentKind.INFUSION
    endpoint = "infusions.infusion" if is_dose else "integration.session"
    return BookedLine(KIND_WORDS[row.kind], row.starts_at, row.ends_at, url_for(endpoint, appointment_id=row.id))


def site_facts(found: SiteRecord) -> list[tuple[str, str]]:
    """A site's facts with their words."""
    return [
        ("Code", found.code),
        ("Name in calendars", found.alias or "none: the clinic's own is shown"),
        ("Address", found.address or "none yet"),
        ("Time zone", found.zone),
        ("Infusions start", GRID_WORDS.get(str(found.visit_grid_minutes), f"Every {found.visit_grid_minutes} minutes")),
        (
            "Sessions start",
            GRID_WORDS.get(str(found.therapy_grid_minutes), f"Every {found.therapy_grid_minutes} minutes"),
        ),
    ]
