"""A file that was sent: looked through, shown, then brought in or given up. Only its sender sees it meanwhile."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from planner.domain.access import Permission, Principal, require
from planner.domain.errors import FieldError, NotFound, StaleVersion
from planner.services.instances.bringing import NOT_EMPTY, bring_in, may_bring_in, new_run, summary_of
from planner.services.instances.keeping import KIND
from planner.services.instances.parsing import parse_instance
from planner.store.records import ImportRun, ImportState

OVER = "This file was brought in or given up already. Send it again."


def take_in(db: Session, principal: Principal, content: bytes, now: datetime) -> ImportRun:
    """Look through a file and keep it until its sender decides; `now` is aware.

    Raises NotPermitted, FieldError (`file`) for a clinic that is in use, InstanceInvalid with every fault.
    """
    require(principal, Permission.CLINIC_WRITE)
    if not may_bring_in(db):
        raise FieldError("file", NOT_EMPTY)
    instance = parse_instance(content)
    run = new_run(db, principal, content, now)
    run.content, run.summary = content, summary_of(instance)
    db.flush()
    return run


def looked_at(db: Session, principal: Principal, run_id: int) -> ImportRun:
    """One's own file that waits for a decision. Raises NotFound."""
    require(principal, Permission.CLINIC_WRITE)
    run = db.scalar(
        select(ImportRun).where(
            ImportRun.id == run_id,
            ImportRun.kind == KIND,
            ImportRun.account_id == principal.account_id,
            ImportRun.state == ImportState.CHECKED,
        )
    )
    if run is None:
        raise NotFound(OVER)
    return run


def bring_in_run(db: Session, principal: Principal, run_id: int, *, seen_version: int, now: datetime) -> ImportRun:
    """Bring the file in. Raises NotFound, StaleVersion, and what `bring_in` raises."""
    run = _waiting(db, principal, run_id, seen_version)
    content = run.content or b""
    return bring_in(db, principal, parse_instance(content), content=content, now=now, run=run)


def give_up(db: Session, principal: Principal, run_id: int, *, seen_version: int, now: datetime) -> None:
    """Throw the file away; nothing was written. Raises NotFound, StaleVersion."""
    run = _waiting(db, principal, run_id, seen_version)
    run.state, run.content = ImportState.STOPPED, None
    run.seen_at = run.finished_at = now
    run.version += 1
    db.flush()


def _waiting(db: Session, principal: Principal, run_id: int, seen_version: int) -> ImportRun:
    run = looked_at(db, principal, run_id)
    db.refresh(run, with_for_update={"key_share": True})
    if run.version != seen_version or run.state is not ImportState.CHECKED:
        raise StaleVersion(seen_version, run.version, "This file")
    return run
