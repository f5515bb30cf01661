"""Staff: who works here, what they may do and where, their credentials, and leaving."""

from __future__ import annotations

from flask import Blueprint

blueprint = Blueprint("staff", __name__)

from planner.web.staff import credentials, leaving, views  # noqa: E402, F401  they put their views into the blueprint
