"""Patients: who they are, when they can come, their courses; adding one."""

from __future__ import annotations

from flask import Blueprint

blueprint = Blueprint("patients", __name__)

from planner.web.patients import views  # noqa: E402, F401  it puts its views into the blueprint
