"""What time it is, for the doors: everything below them is told."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from flask import current_app

Clock = Callable[[], datetime]


def system_clock() -> datetime:
    """The machine's clock, aware, in UTC."""
    return datetime.now(UTC)


def now() -> datetime:
    """The present moment for this request (aware, UTC), from the clock the app was made with."""
    clock: Clock = current_app.extensions["planner_clock"]
    return clock()
