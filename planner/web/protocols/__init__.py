"""Protocols: what a clinic has decided, the picture of its window, and signing a new version."""

from __future__ import annotations

from flask import Blueprint

blueprint = Blueprint("protocols", __name__)

from planner.web.protocols import (  # noqa: E402, F401  they put their views into the blueprint
    copying,
    numbers,
    phases,
    signing,
    texts,
    undoing,
    views,
    visits,
    windows,
)
