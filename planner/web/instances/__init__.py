"""Planning instances: a whole clinic as a neutral file, brought in and taken out, and the plan made of it."""

from __future__ import annotations

from flask import Blueprint

blueprint = Blueprint("instances", __name__)

from planner.web.instances import files, views  # noqa: E402, F401
