"""Patients: who they are, when they can come, their courses; adding one."""

from __future__ import annotations

from flask import Blueprint

blueprint = Blueprint("patients", __name__)

from planner.web.patients import editing, views  # noqa: E402, F401  they put their views into the blueprint
