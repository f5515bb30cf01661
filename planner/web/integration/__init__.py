"""Therapy sessions: integration, preparation and consolidation; moving, cancelling, marking them."""

from __future__ import annotations

from flask import Blueprint

blueprint = Blueprint("integration", __name__)

from planner.web.integration import views  # noqa: E402, F401  it puts its views into the blueprint
