"""Import runs: a file taken in, read and checked in the background, written when a person says so, or stopped."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import CursorResult, Select, func, select, update
from sqlalchemy.orm import Session

from planner.domain.access import Permission, Principal, require
from planner.domain.errors import FieldError, NotFound, StaleVersion
from planner.services import auditing
from planner.services.spreadsheets.checking import Checked
from planner.services.spreadsheets.kinds import KINDS
from planner.services.spreadsheets.reading import MOST_BYTES
from planner.store.records import ImportRun, ImportState

UNFINISHED: Final = (ImportState.WAITING, ImportState.CHECKING, ImportState.WRITING)
#: Without a sign of life for so long, whoever worked on a run is gone.
STALE: Final = timedelta(seconds=30)
#: A file that nobody went on with may hold names; it is not kept.
KEPT: Final = timedelta(hours=24)
SHOWN_FAULTS: Final = 200
LONG_WORK: Final = "10min"
GONE: Final = "The reading was cut short. Nothing was written. Start it again."


@dataclass(frozen=True, slots=True)
class Run:
    """One import as pages show it; neither its content nor its faults."""

    id: int
    kind: str
    state: ImportState
    choices: Mapping[str, Any]
    total: int
    done: int
    problem_count: int
    summary: Mapping[str, Any]
    created_at: datetime
    seen_at: datetime
    finished_at: datetime | None
    version: int
    has_content: bool

    @property
    def is_unfinished(self) -> bool:
        """Whether somebody works on it, or should."""
        return self.state in UNFINISHED


_COLUMNS: Final = (
    ImportRun.id, ImportRun.kind, ImportRun.state, ImportRun.choices, ImportRun.total, ImportRun.done,
    ImportRun.problem_count, ImportRun.summary, ImportRun.created_at, ImportRun.seen_at, ImportRun.finished_at,
    ImportRun.version, ImportRun.content.is_not(None),
)  # fmt: skip


def take_in(
    db: Session, principal: Principal, *, kind: str, content: bytes, choices: Mapping[str, Any], now: datetime
) -> int:
    """Keep a file to be read in the background; the id of its run.

    Raises FieldError at `file`, NotFound for an unknown kind, NotPermitted.
    """
    require(principal, Permission.SPREADSHEETS)
    if kind not in KINDS:
        raise NotFound
    if not content:
        raise FieldError("file", "Choose a file; this one is empty.")
    if len(content) > MOST_BYTES:
        raise FieldError(
            "file", f"This file is larger than {MOST_BYTES // 1_000_000} MB. Split it, and bring the parts."
        )
    forget_old(db, now)
    _refuse_second(db, principal, now)
    run = ImportRun(
        account_id=principal.account_id,
        kind=kind,
        state=ImportState.WAITING,
        content=content,
        content_hash=hashlib.sha256(content).hexdigest(),
        choices=dict(choices),
        created_at=now,
        seen_at=now,
    )
    db.add(run)
    db.flush()
    return run.id


def _refuse_second(db: Session, principal: Principal, now: datetime) -> None:
    running = select(ImportRun.id).where(
        ImportRun.account_id == principal.account_id,
        ImportRun.kind.in_(KINDS),
        ImportRun.state.in_(UNFINISHED),
        ImportRun.seen_at > now - STALE,
    )
    if db.scalar(running.limit(1)) is not None:
        raise FieldError("file", "Another file of yours is being read. Wait for it, or stop it first.")


def forget_old(db: Session, now: datetime) -> None:
    """Drop the content of files that nobody went on with."""
    db.execute(
        update(ImportRun)
        .where(ImportRun.created_at < now - KEPT, ImportRun.content.is_not(None), ImportRun.kind.in_(KINDS))
        .values(content=None, state=ImportState.STOPPED, finished_at=now)
    )


# Looking


def own_run(db: Session, principal: Principal, run_id: int) -> Run:
    """One import of this person. Raises NotFound."""
    row = db.execute(_own(principal).where(ImportRun.id == run_id)).one_or_none()
    if row is None:
        raise NotFound
    return Run(*row)


def own_runs(db: Session, principal: Principal, most: int = 10) -> list[Run]:
    """The latest imports of this person. One query."""
    return [Run(*row) for row in db.execute(_own(principal).order_by(ImportRun.id.desc()).limit(most))]


def faults_of(db: Session, principal: Principal, run_id: int) -> Sequence[tuple[int, str, str]]:
    """Every fault of one import: line, column, reason. Raises NotFound."""
    own_run(db, principal, run_id)
    found = db.scalar(select(ImportRun.problems).where(ImportRun.id == run_id)) or []
    return [(int(line), str(column), str(reason)) for line, column, reason in found]


def _own(principal: Principal) -> Select[Any]:
    # Other files than spreadsheets have runs and pages of their own.
    return select(*_COLUMNS).where(ImportRun.account_id == principal.account_id, ImportRun.kind.in_(KINDS))


# What a person does


def ask_to_write(db: Session, principal: Principal, run_id: int, *, seen_version: int, now: datetime) -> Run:
    """Let a checked file without faults be written. Raises NotFound, StaleVersion, FieldError."""
    require(principal, Permission.SPREADSHEETS)
    run = own_run(db, principal, run_id)
    _check_version(run, seen_version)
    if run.state is not ImportState.CHECKED or run.problem_count or run.summary.get("asks_order"):
        raise FieldError(
            "file", "This file cannot be brought in as it is. Put right what is listed, and bring it again."
        )
    _move(db, run, ImportState.WRITING, now, done=0)
    return own_run(db, principal, run_id)


def read_again(
    db: Session, principal: Principal, run_id: int, *, choices: Mapping[str, Any], seen_version: int, now: datetime
) -> Run:
    """Read the same file once more, as chosen or after whoever read it was cut short.

    Raises NotFound, StaleVersion, FieldError when the file is not kept any more.
    """
    require(principal, Permission.SPREADSHEETS)
    run = own_run(db, principal, run_id)
    _check_version(run, seen_version)
    may = run.state is ImportState.CHECKED or (run.is_unfinished and run.seen_at <= now - STALE)
    if not may or not run.has_content:
        raise FieldError("file", "This file is not kept any more, or is being read. Bring it again.")
    merged = {**run.choices, **choices}
    _move(db, run, ImportState.WAITING, now, choices=merged, total=0, done=0, problems=[], problem_count=0, summary={})
    return own_run(db, principal, run_id)


def stop(db: Session, principal: Principal, run_id: int, *, now: datetime) -> bool:
    """Give a file up that is not written yet; False when it is too late. Raises NotFound."""
    run = own_run(db, principal, run_id)
    if run.state in (ImportState.DONE, ImportState.FAILED, ImportState.STOPPED):
        return run.state is not ImportState.DONE
    result = db.execute(
        update(ImportRun)
        .where(ImportRun.id == run.id, ImportRun.state.in_((*UNFINISHED, ImportState.CHECKED)))
        .values(state=ImportState.STOPPED, content=None, problems=[], finished_at=now, version=ImportRun.version + 1)
    )
    return _touched(result)


def _check_version(run: Run, seen_version: int) -> None:
    if run.version != seen_version:
        raise StaleVersion(seen_version, run.version, "This file")


def _move(db: Session, run: Run, state: ImportState, now: datetime, **values: Any) -> None:
    result = db.execute(
        update(ImportRun)
        .where(ImportRun.id == run.id, ImportRun.version == run.version)
        .values(state=state, seen_at=now, version=run.version + 1, **values)
    )
    if not _touched(result):
        raise StaleVersion(run.version, run.version + 1, "This file")


def _touched(result: Any) -> bool:
    return isinstance(result, CursorResult) and result.rowcount == 1


# What the background work does. It names the version it began with: a run that moved on belongs to somebody else.


@dataclass(frozen=True, slots=True)
class Work:
    """A run somebody has begun to work on."""

    run_id: int
    version: int
    kind: str
    account_id: int
    writes: bool


def begin(db: Session, run_id: int, now: datetime) -> Work | None:
    """Begin to read a waiting run, or to write one that a person has agreed to; None when there is nothing to do."""
    row = db.execute(
        select(ImportRun.state, ImportRun.version, ImportRun.kind, ImportRun.account_id).where(ImportRun.id == run_id)
    ).one_or_none()
    if row is None or row.state not in (ImportState.WAITING, ImportState.WRITING):
        return None
    state = ImportState.CHECKING if row.state is ImportState.WAITING else ImportState.WRITING
    result = db.execute(
        update(ImportRun)
        .where(ImportRun.id == run_id, ImportRun.version == row.version)
        .values(state=state, seen_at=now, version=row.version + 1)
    )
    work = Work(run_id, row.version + 1, row.kind, row.account_id, writes=state is ImportState.WRITING)
    return work if _touched(result) else None


def allow_long_work(db: Session) -> None:
    """Lift, for this transaction, the limits that end a request's: PostgreSQL would end one that thinks too long."""
    if db.get_bind().dialect.name == "postgresql":
        for limit in ("statement_timeout", "idle_in_transaction_session_timeout"):
            db.execute(select(func.set_config(limit, LONG_WORK, True)))


def content_of(db: Session, work: Work) -> tuple[bytes, Mapping[str, Any]] | None:
    """The file and what was chosen for it; None when the run is not this work's any more."""
    row = db.execute(
        select(ImportRun.content, ImportRun.choices).where(
            ImportRun.id == work.run_id, ImportRun.version == work.version
        )
    ).one_or_none()
    return None if row is None or row.content is None else (row.content, row.choices)


def is_alive(db: Session, work: Work, done: int, total: int, now: datetime) -> bool:
    """Note a sign of life; False when the run was stopped or taken over."""
    result = db.execute(
        update(ImportRun)
        .where(ImportRun.id == work.run_id, ImportRun.version == work.version)
        .values(done=done, total=total, seen_at=now)
    )
    return _touched(result)


def note_checked(db: Session, work: Work, checked: Checked, now: datetime) -> bool:
    """Keep what the check found."""
    importer = checked.importer
    return _finish_step(
        db,
        work,
        state=ImportState.CHECKED,
        seen_at=now,
        total=checked.total,
        done=checked.total,
        problems=[[fault.line, fault.column, fault.reason] for fault in checked.faults],
        problem_count=checked.bad_lines,
        summary={
            "new": importer.new,
            "changed": importer.changed,
            "same": importer.same,
            "notes": checked.notes,
            "asks_order": checked.asks_order,
        },
    )


def note_done(db: Session, principal: Principal, work: Work, checked: Checked, now: datetime) -> bool:
    """Keep that all of it is written, in the transaction that wrote it, and what was done in the history."""
    importer = checked.importer
    counts = {"new": importer.new, "changed": importer.changed, "same": importer.same}
    auditing.record(
        db, principal, action="import.write", object_type="import_run", object_id=work.run_id, now=now,
        detail={"kind": work.kind, **counts},
    )  # fmt: skip
    return _finish_step(
        db, work, state=ImportState.DONE, seen_at=now, finished_at=now, content=None,
        done=checked.total, total=checked.total, problems=[], problem_count=0,
        summary={**counts, "notes": checked.notes},
    )  # fmt: skip


def note_failed(db: Session, work: Work, sentence: str, now: datetime) -> bool:
    """Keep in one sentence why nothing was written."""
    return _finish_step(
        db, work, state=ImportState.FAILED, seen_at=now, finished_at=now, content=None, problems=[],
        summary={"sentence": sentence},
    )  # fmt: skip


def _finish_step(db: Session, work: Work, **values: Any) -> bool:
    result = db.execute(
        update(ImportRun)
        .where(ImportRun.id == work.run_id, ImportRun.version == work.version)
        .values(version=work.version + 1, **values)
    )
    return _touched(result)
