"""How far an import is, told beside the database.

While the one writing transaction of an import is open, SQLite takes no other writer, so its progress cannot stand in
the same database. It stands in a small file beside it, which holds counts only, and a second one asks for a stop.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Told:
    """How many lines or rows of how many are done, and when that was told (aware)."""

    done: int
    total: int
    at: datetime


class Progress:
    """The files of all imports of one database, in `folder`, which is made when first needed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def tell(self, run_id: int, done: int, total: int, now: datetime) -> None:
        """Say how far the import is."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = self._path(run_id, "new")
        draft.write_text(json.dumps([done, total, now.astimezone(UTC).isoformat()]), encoding="ascii")
        os.replace(draft, self._path(run_id, "progress"))

    def read(self, run_id: int) -> Told | None:
        """What was told last; None when nothing was."""
        try:
            done, total, at = json.loads(self._path(run_id, "progress").read_text(encoding="ascii"))
            return Told(int(done), int(total), datetime.fromisoformat(at))
        except (OSError, ValueError, TypeError):
            return None

    def ask_to_stop(self, run_id: int) -> None:
        """Ask whoever works on the import to stop."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._path(run_id, "stop").touch(mode=0o600)

    def is_to_stop(self, run_id: int) -> bool:
        return self._path(run_id, "stop").exists()

    def clear(self, run_id: int) -> None:
        """Remove the files of one import."""
        for ending in ("new", "progress", "stop"):
            self._path(run_id, ending).unlink(missing_ok=True)

    def _path(self, run_id: int, ending: str) -> Path:
        return self._folder / f"import-{int(run_id)}.{ending}"


class Imports(Protocol):
    """Who works on imports, and where their progress is told."""

    @property
    def progress(self) -> Progress:
        """Where it is told how far an import is."""

    def start(self, run_id: int) -> None:
        """Begin to work on a run that is waiting or to be written; returns at once."""
