"""Records as a file, safe against formulas, in an order that does not change; and the empty file to fill in."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from planner.domain.access import Permission, Principal, require
from planner.domain.errors import NotFound
from planner.services.exports import Made
from planner.services.spreadsheets.cells import csv_bytes
from planner.services.spreadsheets.checking import IMPORTERS
from planner.services.spreadsheets.ground import Ground
from planner.services.spreadsheets.kinds import KINDS


def export(db: Session, principal: Principal, kind: str, *, now: datetime) -> Made:
    """Every record of a kind at the principal's sites; reads only. Raises NotFound, NotPermitted."""
    require(principal, Permission.SPREADSHEETS)
    if kind not in IMPORTERS:
        raise NotFound
    rows = list(IMPORTERS[kind](Ground(db, principal, now), {}).rows())
    return Made(csv_bytes(KINDS[kind].headers, rows), len(rows))


def export_bytes(db: Session, principal: Principal, kind: str, *, now: datetime) -> bytes:
    """The file itself."""
    return export(db, principal, kind, now=now).content


def template(kind: str) -> bytes:
    """A file with the header line only. Raises NotFound."""
    return csv_bytes(_kind(kind), ())


def example(kind: str) -> bytes:
    """A file with the header and one made-up line. Raises NotFound."""
    return csv_bytes(_kind(kind), [tuple(column.example for column in KINDS[kind].columns)])


def _kind(kind: str) -> tuple[str, ...]:
    if kind not in KINDS:
        raise NotFound
    return KINDS[kind].headers
