"""Infusions: one visit, and moving, cancelling, recording it."""

from __future__ import annotations

from flask import Blueprint

blueprint = Blueprint("infusions", __name__)

from planner.web.infusions import views  # noqa: E402, F401  it puts its views into the blueprint
