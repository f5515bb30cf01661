"""What the pages of places show, already decided."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from flask import url_for

from planner.domain.statuses import AppointmentKind
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
    """An appointment in a list of those that do not fit; no address for those who may not open it."""

    title: str
    starts_at: datetime
    ends_at: datetime
    url: str | None


@dataclass(frozen=True, slots=True)
class Outside:
    """How many appointments do not fit, and the first of them."""

    count: int
    lines: tuple[BookedLine, ...]

    @property
    def more(self) -> int:
        """How many are not in the list."""
        return self.count - len(self.lines)


def outside_page(booked: Sequence[Booked], *, links: bool) -> Outside:
    """The first of them; each with its address for those who may open it."""
    return Outside(len(booked), tuple(_line(row, links) for row in booked[:MOST_SHOWN]))


def _line(row: Booked, links: bool) -> BookedLine:
    is_dose = row.kind is AppointmentKind.INFUSION
    endpoint = "infusions.infusion" if is_dose else "integration.session"
    url = url_for(endpoint, appointment_id=row.id) if links else None
    return BookedLine(KIND_WORDS[row.kind] if links else "Appointment", row.starts_at, row.ends_at, url)


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
