"""Absences and closed days as a change left them, written down so that it can be taken back."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from planner.domain.conflicts import Conflict, Rule
from planner.domain.errors import Refused
from planner.store.calendar_versions import bump
from planner.store.changes import Values, values_of
from planner.store.records import Absence, ChangeLine, ChangeSet, Closure, FeedScope

Row = Absence | Closure
RECORDS: dict[str, type[Absence] | type[Closure]] = {"absence": Absence, "closure": Closure}


def as_values(row: Row) -> Values:
    """A row as values a change line can keep."""
    return values_of(row, {})


def write_lines(
    db: Session, change_set: ChangeSet, rows: Iterable[tuple[Row, Values | None, Values | None]], now: datetime
) -> None:
    """Note each row with its values before and after (None: it was not there); calendars of who is away follow."""
    for position, (row, before, after) in enumerate(rows):
        record = "absence" if isinstance(row, Absence) else "closure"
        db.add(
            ChangeLine(
                change_set_id=change_set.id, position=position, record=record, record_id=row.id,
                before=before, after=after,
            )
        )  # fmt: skip
        if isinstance(row, Absence):
            bump(db, [(FeedScope.THERAPIST, row.person_id)], now)
    db.flush()


def take_back(db: Session, lines: Iterable[ChangeLine], now: datetime) -> None:
    """Put absences and closed days back as they were before a change.

    Raises Refused when one was changed again since, or the day was closed again meanwhile.
    """
    for line in lines:
        kind = RECORDS[line.record]
        row: Any = db.get(kind, line.record_id, populate_existing=True)
        if (None if row is None else as_values(row)) != line.after:
            raise Refused([Conflict(Rule.STATUS, "This was changed again since. Undo that first.")])
        if row is not None and line.before is None:
            db.delete(row)
        elif row is not None and line.before is not None:
            _fill(row, line.before)
        elif line.before is not None:
            row = kind(id=line.record_id)
            _fill(row, line.before)
            db.add(row)
        try:
            with db.begin_nested():
                db.flush()
        except IntegrityError as error:
            raise Refused([Conflict(Rule.STATUS, "That day was closed again meanwhile.")]) from error
        if isinstance(row, Absence):
            bump(db, [(FeedScope.THERAPIST, row.person_id)], now)


def _fill(row: Row, values: Values) -> None:
    if isinstance(row, Absence):
        row.person_id, row.reason = values["person_id"], values["reason"]
        row.starts_at = datetime.fromisoformat(values["starts_at"])
        row.ends_at = datetime.fromisoformat(values["ends_at"])
    else:
        row.site_id, row.reason = values["site_id"], values["reason"]
        row.day = date.fromisoformat(values["day"])
