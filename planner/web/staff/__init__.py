"""Staff: members of staff, what they may do and where, and their leaving."""

from __future__ import annotations

from flask import Blueprint

blueprint = Blueprint("staff", __name__)
