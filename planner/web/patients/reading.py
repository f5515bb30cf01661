"""In words for staff: how long a discharged patient may still read."""

from __future__ import annotations

from planner.domain.walltime import day_and_year
from planner.services.discharging import has_sign_in
from planner.services.signing_in import end_of_reading
from planner.web.clock import now
from planner.web.db import db


def reading_words(patient_id: int) -> str:
    """Until when they sign in; empty for one in care and for one who has no sign-in. Two queries."""
    last_day, ends_at = end_of_reading(db(), patient_id)
    if ends_at is None or not has_sign_in(db(), patient_id):
        return ""
    if now() >= ends_at or last_day is None:
        return "The time to read is over, so they can no longer sign in."
    return f"Until {day_and_year(last_day)} they can sign in and read their past dates."
