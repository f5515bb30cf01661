"""What every importer has in common: lines are taken one by one, looked at together, and written at once."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, ClassVar, TypeVar

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from planner.services.spreadsheets.columns import Kind
from planner.services.spreadsheets.ground import Ground
from planner.services.spreadsheets.lines import LineReader
from planner.store.records import Holdable, HoldableKind

Tell = Callable[[int], None]
Item = TypeVar("Item")
#: Rows in one statement's worth of work, after which progress is told.
CHUNK = 2_000
#: How many values one condition may list; databases limit it.
MOST_LISTED = 500


class Importer(ABC):
    """Takes the lines of one file. Nothing is written before `write`, and only if no line was refused."""

    kind: ClassVar[Kind]

    def __init__(self, ground: Ground, choices: Mapping[str, Any]) -> None:
        self.ground, self.choices = ground, choices
        self.new = self.changed = self.same = 0
        #: Sentences for whoever decides about the file, beside the counts.
        self.notes: list[str] = []

    @abstractmethod
    def take(self, line: LineReader) -> None:
        """Read one line; refuse it or remember it."""

    @abstractmethod
    def finish(self) -> None:
        """Compare all remembered lines with each other and with the database. Reads only."""

    @abstractmethod
    def write(self, tell: Tell) -> None:
        """Write what is new and changed, in the caller's transaction. `tell` hears how many rows are written."""

    @abstractmethod
    def rows(self) -> Iterator[Sequence[str]]:
        """Every record of the kind at the person's sites, as cells in the kind's order of columns; always the same."""


def chunks(items: Sequence[Item], size: int = CHUNK) -> Iterator[Sequence[Item]]:
    """The items in parts of at most `size`."""
    return (items[start : start + size] for start in range(0, len(items), size))


def insert_all(db: Session, record: type[Any], rows: Sequence[Mapping[str, Any]], tell: Tell, before: int = 0) -> None:
    """Insert many rows of one record. `before` is how many others were written before them."""
    for part in chunks(rows):
        db.execute(insert(record), part)
        before += len(part)
        tell(before)


def new_holdables(db: Session, kind: HoldableKind, turnovers: Sequence[int]) -> list[int]:
    """New holdables with these minutes between, in this order; their ids."""
    ids: list[int] = []
    for part in chunks(turnovers):
        rows = [{"kind": kind, "turnover_minutes": minutes} for minutes in part]
        statement = insert(Holdable).returning(Holdable.id, sort_by_parameter_order=True)
        ids += db.scalars(statement, rows)
    return ids


def ids_after(db: Session, record: type[Any], before: int) -> list[int]:
    """The ids of rows that came after the row `before`, in order. Only for rows this transaction made."""
    return list(db.scalars(select(record.id).where(record.id > before).order_by(record.id)))
