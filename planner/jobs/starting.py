"""Starts background work from the server: one process per import, watched by nobody but its own sign of life."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from functools import cached_property
from pathlib import Path

from config import Settings, folder_of
from planner.jobs.importing import FOLDER
from planner.services.spreadsheets.progress import Progress

ROOT = Path(__file__).resolve().parents[2]


class ImportProcesses:
    """Works on imports in processes of their own."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    @cached_property
    def progress(self) -> Progress:
        """Beside the database."""
        return Progress(folder_of(self._settings.database_url) / FOLDER)

    def start(self, run_id: int) -> None:
        """Begin to work on a run; returns at once."""
        process = subprocess.Popen(  # noqa: S603  our own program and a number
            [sys.executable, "-m", "planner.jobs.importing", str(int(run_id))],
            cwd=ROOT,
            env={**os.environ, "DATABASE_URL": self._settings.database_url, "SECRET_KEY": self._settings.secret_key},
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        # Without somebody to wait for it, a process that has ended stays in the list for ever.
        threading.Thread(target=process.wait, daemon=True).start()
