"""Absences and closed days as a change left them, written down so that it can be taken back."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from planner.domain.conflicts import Conflict, Rule
from planner.domain.errors import Refused
from planner.domain.statuses import AppointmentStatus
from planner.domain.walltime import day_span
from planner.store.calendar_versions import bump
from planner.store.changes import Values, values_of
from planner.store.records import Absence, Appointment, ChangeLine, ChangeSet, Closure, FeedScope, Site

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
        if row is not None and line.before is not None:
            _check_unused(db, row, line.after)


def _check_unused(db: Session, row: Row, since: Values | None) -> None:
    """Raise Refused when somebody was booked into time that a change gave back and its undoing would take again."""
    booked = select(Appointment.id).where(Appointment.status == AppointmentStatus.BOOKED)
    if isinstance(row, Absence):
        whose = or_(Appointment.therapist_id == row.person_id, Appointment.nurse_id == row.person_id)
        booked = booked.where(whose, Appointment.starts_at < row.ends_at, Appointment.ends_at > row.starts_at)
        if since is not None:
            known = datetime.fromisoformat(since["starts_at"]), datetime.fromisoformat(since["ends_at"])
            booked = booked.where(or_(Appointment.starts_at < known[0], Appointment.ends_at > known[1]))
    else:
        site = db.get_one(Site, row.site_id)
        start, end = day_span(row.day, site.zone)
        here = or_(Appointment.chair_id.is_not(None), Appointment.room_id.is_not(None))
        booked = booked.where(
            Appointment.site_id == row.site_id, here, Appointment.starts_at >= start, Appointment.starts_at < end
        )
    if db.scalar(booked.limit(1)) is not None:
        sentence = "Somebody was booked into that time meanwhile. Make the change anew: you see first what it moves."
        raise Refused([Conflict(Rule.STATUS, sentence)])


def _fill(row: Row, values: Values) -> None:
    if isinstance(row, Absence):
        row.person_id, row.reason = values["person_id"], values["reason"]
        row.starts_at = datetime.fromisoformat(values["starts_at"])
        row.ends_at = datetime.fromisoformat(values["ends_at"])
    else:
        row.site_id, row.reason = values["site_id"], values["reason"]
        row.day = date.fromisoformat(values["day"])
