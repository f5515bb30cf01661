"""The history as a spreadsheet: what the page shows, written down as taken out, and safe to open."""

from __future__ import annotations

import csv
import io
import unicodedata
from datetime import datetime
from typing import Final

from sqlalchemy.orm import Session

from planner.domain.access import Principal
from planner.services.audit_words import action_words, detail_words, object_words, outcome_words, who_words
from planner.services.auditing import record
from planner.store.queries.audit import AuditFilter, AuditRow, audit_lines

#: A download is for looking at, not for keeping; the database's backup keeps everything.
MOST_LINES: Final = 20_000
COLUMNS: Final = ("When (UTC)", "Who", "Roles", "What", "To what", "Outcome", "Network address", "Details", "Action")
#: A cell that begins like this is taken for a formula by spreadsheets (security.md abuse case 8).
_BEGINS_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


def audit_csv(db: Session, principal: Principal, wanted: AuditFilter, now: datetime) -> str:
    """The newest lines that are wanted as CSV, and one more line in the history that says so. Raises NotPermitted."""
    sheet = io.StringIO()
    writer = csv.writer(sheet, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    count = 0
    for row in audit_lines(db, principal, wanted, MOST_LINES):
        writer.writerow([safe_cell(cell) for cell in _cells(row)])
        count += 1
    record(
        db, principal, action="audit.downloaded", object_type="audit", object_id=None, now=now, detail={"rows": count}
    )
    return sheet.getvalue()


def _cells(row: AuditRow) -> list[str]:
    return [
        row.at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        who_words(row),
        row.roles,
        action_words(row.action),
        object_words(row),
        outcome_words(row.outcome),
        row.address,
        detail_words(row.detail),
        row.action,
    ]


def safe_cell(words: str) -> str:
    """The words on one line, and never the beginning of a formula, in full-width signs neither."""
    line = " ".join(words.splitlines()) if words.splitlines()[1:] else words
    begins = unicodedata.normalize("NFKC", line.lstrip(" ")[:1])
    return f"'{line}" if begins in _BEGINS_FORMULA and begins else line
