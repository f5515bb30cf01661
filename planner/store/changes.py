"""What a change replaced: rows as plain values before and after, kept so that it can be undone as one.

An appointment's values contain what it holds, because giving the time back is part of undoing it.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime
from enum import Enum
from typing import Any

from sqlalchemy import Enum as Enumeration
from sqlalchemy import inspect, select
from sqlalchemy.orm import Session

from planner.domain.intervals import Interval
from planner.store.base import Base, UtcInstant
from planner.store.occupying import Claim, held_by
from planner.store.records import Appointment, ChangeLine, ChangeSet, Course, Encounter

Values = dict[str, Any]

#: The records a change may replace, by the word that names them in a change line.
RECORDS: dict[str, type[Base]] = {"course": Course, "appointment": Appointment, "encounter": Encounter}

#: These only ever grow; undoing does not take them back, because a calendar program may have seen them.
COUNTERS = frozenset({"version", "sequence", "changed_at"})

HOLDS = "holds"


class ChangeLog:
    """Collects rows before they change and writes the lines of a change set once they have.

    Call `watch` for rows before touching them and `made` for new ones; `write` once everything is flushed.
    """

    def __init__(self, db: Session) -> None:
        self._db = db
        self._rows: dict[tuple[str, int], Base] = {}
        self._before: dict[tuple[str, int], Values | None] = {}

    def watch(self, records: Iterable[Base]) -> None:
        """Remember rows as they are now."""
        fresh = [record for record in records if _key(record) not in self._rows]
        held = held_by(self._db, [record.id for record in fresh if isinstance(record, Appointment)])
        for record in fresh:
            self._rows[_key(record)] = record
            self._before[_key(record)] = values_of(record, held)

    def made(self, records: Iterable[Base]) -> None:
        """Remember rows that this change makes; they have their ids."""
        for record in records:
            self._rows[_key(record)] = record
            self._before[_key(record)] = None

    @property
    def appointments(self) -> list[Appointment]:
        """The appointments this change is about."""
        return [record for record in self._rows.values() if isinstance(record, Appointment)]

    def write(self, change_set: ChangeSet, removed: Iterable[Base] = ()) -> None:
        """Add one line per row that differs; `removed` rows have no values afterwards."""
        self._db.flush()
        gone = {_key(record) for record in removed}
        held = held_by(self._db, [row.id for row in self._rows.values() if isinstance(row, Appointment)])
        for position, (key, record) in enumerate(self._rows.items()):
            after = None if key in gone else values_of(record, held)
            if after != self._before[key]:
                self._db.add(
                    ChangeLine(
                        change_set_id=change_set.id, position=position, record=key[0], record_id=key[1],
                        before=self._before[key], after=after,
                    )
                )  # fmt: skip
        self._db.flush()


def _key(record: Base) -> tuple[str, int]:
    word = next(word for word, kind in RECORDS.items() if isinstance(record, kind))
    return word, int(record.id)  # type: ignore[attr-defined]


def values_of(record: Base, held: dict[int, tuple[Claim, ...]]) -> Values:
    """A row as values JSON can keep: instants as ISO text in UTC, words as text."""
    values = {column.key: _plain(getattr(record, column.key)) for column in inspect(type(record)).column_attrs}
    if isinstance(record, Appointment):
        values[HOLDS] = [
            [c.holdable_id, c.span.start.isoformat(), c.span.end.isoformat(), c.override_id]
            for c in held.get(record.id, ())
        ]
    return values


def claims_in(values: Values) -> tuple[Claim, ...]:
    """What an appointment held, from its kept values."""
    return tuple(
        Claim(holdable_id, Interval(datetime.fromisoformat(start), datetime.fromisoformat(end)), override_id)
        for holdable_id, start, end, override_id in values.get(HOLDS, ())
    )


def put_back(record: Base, values: Values) -> None:
    """Give a row its kept values again, its counters excepted."""
    for column in inspect(type(record)).column_attrs:
        if column.key in values and column.key not in COUNTERS:
            setattr(record, column.key, _typed(column.columns[0].type, values[column.key]))


def lines_of(db: Session, change_set_id: int) -> list[ChangeLine]:
    """The lines of a change set in their order."""
    return list(
        db.scalars(select(ChangeLine).where(ChangeLine.change_set_id == change_set_id).order_by(ChangeLine.position))
    )


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        # To the second, as the database keeps it.
        return value.astimezone(UTC).replace(microsecond=0).isoformat()
    if isinstance(value, date):
        return value.isoformat()
    return value.value if isinstance(value, Enum) else value


def _typed(column_type: Any, value: Any) -> Any:
    if value is None:
        return None
    if isinstance(column_type, UtcInstant):
        return datetime.fromisoformat(value)
    if isinstance(column_type, Enumeration):
        return column_type.python_type(value)
    return value
