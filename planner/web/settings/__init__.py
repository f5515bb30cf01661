"""Settings: the way to everything a clinic decides about itself."""

from __future__ import annotations

from flask import Blueprint

blueprint = Blueprint("settings", __name__)

from planner.web.settings import views  # noqa: E402, F401  they put their views into the blueprint
