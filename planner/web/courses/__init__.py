"""Courses: the list, one course with its dates, windows and history, and undoing."""

from __future__ import annotations

from flask import Blueprint

blueprint = Blueprint("courses", __name__)

from planner.web.courses import ending, views  # noqa: E402, F401  they put their views into the blueprint
