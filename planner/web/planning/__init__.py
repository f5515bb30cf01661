"""Planning a course in five steps: a draft that is kept at each of them, then booked in one go."""

from __future__ import annotations

from flask import Blueprint

blueprint = Blueprint("planning", __name__)

from planner.web.planning import booking, steps, times  # noqa: E402, F401  they put their views into the blueprint
