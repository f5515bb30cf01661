"""Courses: the list, one course with its dates, windows and history, and undoing."""

from __future__ import annotations

from flask import Blueprint

blueprint = Blueprint("courses", __name__)

from planner.web.courses import views  # noqa: E402, F401  it puts its views into the blueprint
