"""A whole file checked against the clinic as it is: every bad line told, nothing written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from sqlalchemy.orm import Session

from planner.domain.access import Permission, Principal, require
from planner.feeds.reading import looks_like_calendar
from planner.services.spreadsheets.absences import AbsenceImporter
from planner.services.spreadsheets.appointments import AppointmentImporter
from planner.services.spreadsheets.calendar_file import sheet_of_calendar
from planner.services.spreadsheets.closures import ClosureImporter
from planner.services.spreadsheets.columns import Kind, cells_by_key, places_of
from planner.services.spreadsheets.ground import Ground
from planner.services.spreadsheets.importing import Importer, Tell
from planner.services.spreadsheets.kinds import APPOINTMENTS
from planner.services.spreadsheets.lines import Fault, Faults, LineReader
from planner.services.spreadsheets.patients import PatientImporter
from planner.services.spreadsheets.people import PeopleImporter
from planner.services.spreadsheets.places import PlaceImporter
from planner.services.spreadsheets.reading import Sheet, Unreadable, read_sheet
from planner.services.spreadsheets.shifts import ShiftImporter
from planner.services.spreadsheets.values import DateOrder, possible_orders

IMPORTERS: Final[Mapping[str, type[Importer]]] = {
    importer.kind.slug: importer
    for importer in (
        PlaceImporter,
        PeopleImporter,
        PatientImporter,
        ShiftImporter,
        AbsenceImporter,
        ClosureImporter,
        AppointmentImporter,
    )
}
ORDER_WORDS: Final[dict[DateOrder, str]] = {
    DateOrder.DAY_FIRST: "day first: 03/04/27 is 3 April",
    DateOrder.MONTH_FIRST: "month first: 03/04/27 is 4 March",
}
_EVERY: Final = 500
MORE_CELLS: Final = "This line has more cells than the header names. A cell with a comma needs quotation marks."


class Pace:
    """Hears how many of how many lines are done; this one does nothing with it."""

    total = 0

    def tell(self, done: int) -> None:
        """So many are done."""


QUIET: Final = Pace()


@dataclass(slots=True)
class Checked:
    """What a check found. `importer` can write it when there are no faults and nothing is asked.

    `asks_order` is set when dates can be read in two ways and somebody has to say which.
    """

    importer: Importer
    total: int
    faults: list[Fault]
    bad_lines: int
    notes: list[str] = field(default_factory=list)
    asks_order: bool = False

    @property
    def may_write(self) -> bool:
        return not self.faults and not self.asks_order


def read_content(kind: Kind, content: bytes, choices: Mapping[str, Any], tell: Tell = lambda _: None) -> Sheet:
    """The file as a header and lines. Raises Unreadable."""
    sheet = read_sheet(content, encoding=str(choices.get("encoding", "")), known_headers=kind.knows, tell=tell)
    if not sheet.lines:
        places_of(kind, sheet)  # a wrong header is the greater fault
        raise Unreadable(f"This file has its header only, and no {kind.one} below it.")
    return sheet


def check_content(
    db: Session,
    principal: Principal,
    kind: Kind,
    content: bytes,
    choices: Mapping[str, Any],
    *,
    now: datetime,
    pace: Pace = QUIET,
) -> Checked:
    """Every line compared with the others and with the database, which is only read.

    Raises Unreadable, NotPermitted, and what `pace` raises.
    """
    require(principal, Permission.SPREADSHEETS)
    ground, faults = Ground(db, principal, now), Faults()
    if kind is APPOINTMENTS and looks_like_calendar(content):
        sheet = sheet_of_calendar(ground, content, choices, faults)
    else:
        sheet = read_content(kind, content, choices, pace.tell)
    pace.total = len(sheet.lines)
    places = places_of(kind, sheet)
    importer = IMPORTERS[kind.slug](ground, choices)
    order, asks, note = _order_of(kind, sheet, places, str(choices.get("order", "")))
    notes = [*sheet.notes, *([note] if note else [])]
    if asks:
        return Checked(importer, len(sheet.lines), [], 0, notes, asks_order=True)
    headers = {column.key: column.header for column in kind.columns}
    width = len(sheet.header)
    for count, raw in enumerate(sheet.lines, 1):
        line = LineReader(raw.number, cells_by_key(places, raw.cells), headers, faults, order)
        if any(cell.strip() for cell in raw.cells[width:]):
            line.refuse("", MORE_CELLS)
        importer.take(line)
        if count % _EVERY == 0:
            pace.tell(count)
    importer.finish()
    pace.tell(len(sheet.lines))
    total = len(sheet.lines) + len(faults.lines.difference(line.number for line in sheet.lines))
    return Checked(importer, total, faults.in_order(), len(faults.lines), notes + importer.notes)


def _order_of(kind: Kind, sheet: Sheet, places: Mapping[str, int], chosen: str) -> tuple[DateOrder | None, bool, str]:
    """The order of day and month, whether it has to be asked for, and what to say about it."""
    indices = [places[column.key] for column in kind.columns if column.is_date and column.key in places]
    cells = (line.cells[index].strip() for line in sheet.lines for index in indices if index < len(line.cells))
    orders, matters = possible_orders(cells)
    if chosen in set(DateOrder):
        return DateOrder(chosen), False, f"Dates are read {ORDER_WORDS[DateOrder(chosen)].split(':')[0]}, as you said."
    if not matters:
        return next(iter(orders), None), False, ""
    if len(orders) == 1:
        (order,) = orders
        return order, False, f"Dates are read {ORDER_WORDS[order].split(':')[0]}; no other way fits all of them."
    return None, bool(orders), ""
