"""Imports worked on in the process of the test, at once, instead of in a process of their own."""

from math import inf
from pathlib import Path
from typing import Any

from flask import Flask

from planner.jobs.importing import work_on
from planner.services.spreadsheets.progress import Progress


class InlineImports:
    """Works on a run as soon as it is started, on whatever store the app has then. `held` keeps runs from starting.

    It tells no progress in between: in a test all sessions share one transaction, and a reading one is taken back.
    """

    def __init__(self, app: Flask, folder: Path) -> None:
        self._app, self.progress, self.held = app, Progress(folder), False
        self.started: list[int] = []

    def start(self, run_id: int) -> None:
        self.started.append(run_id)
        if not self.held:
            self.work(run_id)

    def work(self, run_id: int) -> None:
        """Do what a process would do now."""
        store: Any = self._app.extensions["planner"]
        work_on(store, run_id, progress=self.progress, clock=self._app.extensions["planner_clock"], every=inf)
