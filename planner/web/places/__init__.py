"""Places: the clinic, its sites, chairs and rooms."""

from __future__ import annotations

from flask import Blueprint

blueprint = Blueprint("places", __name__)
