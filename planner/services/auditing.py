"""The append-only history: one line per act, in the same transaction as the act."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from planner.domain.access import Principal
from planner.store.records import AuditEntry


def record(
    db: Session,
    principal: Principal | None,
    *,
    action: str,
    object_type: str,
    object_id: int | None,
    now: datetime,
    patient_id: int | None = None,
    outcome: str = "ok",
    detail: Mapping[str, Any] | None = None,
    change_set_id: int | None = None,
    address: str = "",
) -> AuditEntry:
    """Add a line to the history and flush it.

    `detail` holds ids, words of ours and times, never free text or health information. `principal` is None for
    acts of nobody signed in (a failed sign-in) and of the command line.
    """
    entry = AuditEntry(
        at=now,
        account_id=principal.account_id if principal else None,
        roles=" ".join(sorted(principal.roles)) if principal else "",
        action=action,
        object_type=object_type,
        object_id=object_id,
        patient_id=patient_id,
        change_set_id=change_set_id,
        address=principal.address if principal else address,
        outcome=outcome,
        detail=dict(detail or {}),
    )
    db.add(entry)
    db.flush()
    return entry
