"""The first run: making the first account, and a made-up clinic to try."""

from __future__ import annotations

from flask import Blueprint

blueprint = Blueprint("setup", __name__)
