"""Therapy sessions: integration, preparation and consolidation; moving, cancelling, marking them."""

from flask import Blueprint

blueprint = Blueprint("integration", __name__)

from planner.web.integration import views  # noqa: E402, F401
