"""How far ahead a clinic plans. A day beyond it is a slip of the keyboard, not a plan."""

from __future__ import annotations

from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from planner.domain.errors import FieldError
from planner.domain.walltime import day_and_year
from planner.store.records import Clinic

MONTHS_WITHOUT_CLINIC = 36
LAST_DAY_IN_EVERY_MONTH = 28


def last_planned_day(db: Session, today: date) -> date:
    """The last calendar day that rosters, closed days and absences may name: the clinic's months after `today`."""
    months = db.scalar(select(Clinic.plan_ahead_months)) or MONTHS_WITHOUT_CLINIC
    years, month = divmod(today.month - 1 + months, 12)
    return date(today.year + years, month + 1, min(today.day, LAST_DAY_IN_EVERY_MONTH))


def check_planned_day(db: Session, day: date, today: date, *, field: str) -> None:
    """Raise FieldError at `field` for a day that is further ahead than the clinic plans."""
    last = last_planned_day(db, today)
    if day > last:
        sentence = f"That is further ahead than this clinic plans. Enter a day up to {day_and_year(last)}."
        raise FieldError(field, sentence)
