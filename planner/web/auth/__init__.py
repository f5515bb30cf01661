"""Signing in and out, and one's own account."""

from __future__ import annotations

from flask import Blueprint

blueprint = Blueprint("auth", __name__)

from planner.web.auth import (  # noqa: E402  they put their views into the blueprint
    account,  # noqa: F401
    again,  # noqa: F401
    codes,  # noqa: F401
    factor,  # noqa: F401
    views,  # noqa: F401
)
