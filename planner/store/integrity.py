"""Which named rule of the database refused a write, told the same on both engines."""

from __future__ import annotations

import re

from sqlalchemy.exc import IntegrityError

_UNIQUE = re.compile(r"UNIQUE constraint failed: (.+)")
_CHECK = re.compile(r"CHECK constraint failed: (\S+)")

#: SQLite names the columns, not the constraint, of a unique index; these say which rule it was.
_SQLITE_UNIQUE = {
    "course.patient_id": "uq_course_open_patient",
    "idempotency_key.account_id, idempotency_key.key": "pk_idempotency_key",
    "account.email_key": "uq_account_email_key",
    "patient.code": "uq_patient_code",
    "change_set.undoes_id": "uq_change_set_undoes_id",
}

OVERLAP = "occupancy_no_overlap"
SHIFT_OVERLAP = "shift_no_overlap"


def violated(error: IntegrityError) -> str:
    """The name of the violated constraint or trigger; empty when the engine does not say."""
    diagnosis = getattr(error.orig, "diag", None)
    if diagnosis is not None:
        return str(diagnosis.constraint_name or "")
    message = str(error.orig)
    if found := _UNIQUE.search(message):
        return _SQLITE_UNIQUE.get(found.group(1), found.group(1))
    if found := _CHECK.search(message):
        return found.group(1)
    return message


def is_overlap(error: IntegrityError) -> bool:
    """Whether somebody or something would have been held twice."""
    return violated(error) == OVERLAP


def is_shift_overlap(error: IntegrityError) -> bool:
    """Whether somebody would have had two shifts at once on one roster."""
    return violated(error) == SHIFT_OVERLAP
