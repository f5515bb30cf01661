"""The history as a spreadsheet: what the page shows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sqlalchemy.orm import Session

from planner.domain.access import Principal
from planner.services.audit_words import action_words, detail_words, object_words, outcome_words, who_words
from planner.services.exports import Made
from planner.services.spreadsheets.cells import csv_bytes
from planner.store.queries.audit import AuditFilter, AuditRow, audit_lines
from planner.store.queries.read_reviews import ReadReview

#: A download is for looking at, not for keeping; the database's backup keeps everything.
MOST_LINES: Final = 20_000
COLUMNS: Final = ("When (UTC)", "Who", "Roles", "What", "To what", "Outcome", "Network address", "Details", "Action")
REVIEW_COLUMNS: Final = (
    "Week", "Who", "Records opened", "No appointment or course of theirs", "Of those, not at a site of theirs",
    "Refused", "Most in one hour",
)  # fmt: skip


def audit_csv(db: Session, principal: Principal, wanted: AuditFilter) -> Made:
    """The newest lines that are wanted as CSV; reads only. Raises NotPermitted."""
    rows = [_cells(row) for row in audit_lines(db, principal, wanted, MOST_LINES)]
    return Made(csv_bytes(COLUMNS, rows), len(rows))


def reviews_csv(week: str, lines: Sequence[ReadReview]) -> Made:
    """Reads to look at as CSV. `week` is “2026-W10”."""
    counts = ("charts", "not_in_care", "unrelated", "refused", "most_in_an_hour")
    rows = [[week, line.name, *(str(getattr(line, count)) for count in counts)] for line in lines]
    return Made(csv_bytes(REVIEW_COLUMNS, rows), len(rows))


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
