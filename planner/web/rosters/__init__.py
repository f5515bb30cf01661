"""Rosters: a site's week, closing a day and putting somebody away with everything that follows."""

from __future__ import annotations

from flask import Blueprint

blueprint = Blueprint("rosters", __name__)

from planner.web.rosters import absences, closures, views  # noqa: E402, F401  they put their views into the blueprint
