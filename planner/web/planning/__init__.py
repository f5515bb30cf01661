"""Planning a course in five steps: a draft that is kept at each of them, then booked in one go."""

from __future__ import annotations

from flask import Blueprint

blueprint = Blueprint("planning", __name__)

import planner.web.planning.booking  # noqa: E402  these put their views into the blueprint
import planner.web.planning.steps  # noqa: E402
import planner.web.planning.times  # noqa: E402, F401
