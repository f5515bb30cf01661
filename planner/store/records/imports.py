"""Spreadsheets and calendars that people bring in, from the file to the rows."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, ForeignKey, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from planner.store.base import Base, UtcInstant, words


class ImportState(StrEnum):
    """How far an import is. Only DONE has changed anything beyond its own row."""

    WAITING = "waiting"
    CHECKING = "checking"
    CHECKED = "checked"
    WRITING = "writing"
    DONE = "done"
    FAILED = "failed"
    STOPPED = "stopped"


class ImportRun(Base):
    """One file that somebody brought in: what it is, how far its reading is, what is wrong with it.

    `content` is dropped once the import is over, because it may hold names. `problems` lists the first bad lines,
    `problem_count` counts all; `summary` counts what would be, or was, made and changed. `seen_at` is the last sign of
    life of whoever works on it.
    """

    __tablename__ = "import_run"

    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"), index=True)
    site_id: Mapped[int | None] = mapped_column(ForeignKey("site.id"))
    kind: Mapped[str] = mapped_column(String(20))
    state: Mapped[ImportState] = mapped_column(words(ImportState, "import_state"), default=ImportState.WAITING)
    content: Mapped[bytes | None] = mapped_column(LargeBinary)
    content_hash: Mapped[str] = mapped_column(String(64))
    choices: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    total: Mapped[int] = mapped_column(default=0)
    done: Mapped[int] = mapped_column(default=0)
    problems: Mapped[list[Any]] = mapped_column(JSON, default=list)
    problem_count: Mapped[int] = mapped_column(default=0)
    summary: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    created_at: Mapped[datetime] = mapped_column(UtcInstant)
    seen_at: Mapped[datetime] = mapped_column(UtcInstant)
    finished_at: Mapped[datetime | None] = mapped_column(UtcInstant)
    version: Mapped[int] = mapped_column(default=1)
