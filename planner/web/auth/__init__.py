"""Signing in and out, and one's own account."""

from __future__ import annotations

from flask import Blueprint

blueprint = Blueprint("auth", __name__)

from planner.web.auth import account, codes, factor, views  # noqa: E402, F401  they put their views into the blueprint
