"""Places: the clinic, its sites, chairs and rooms."""

from __future__ import annotations

from flask import Blueprint

blueprint = Blueprint("places", __name__)

from planner.web.places import clinic, hours, sites, things, travel  # noqa: E402, F401  they put their views into it
