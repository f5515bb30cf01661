"""The first run: making the first account, and a made-up clinic to try."""

from __future__ import annotations

from flask import Blueprint

blueprint = Blueprint("setup", __name__)

from planner.web.setup import made_up, views  # noqa: E402, F401  they put their views into the blueprint
