"""Protocols: what a clinic has decided, the picture of its window, and signing a new version."""

from __future__ import annotations

from flask import Blueprint

blueprint = Blueprint("protocols", __name__)
