"""Today: the day as each role needs it."""

from __future__ import annotations

from flask import Blueprint

blueprint = Blueprint("today", __name__)

from planner.web.today import views  # noqa: E402, F401  it puts its views into the blueprint
