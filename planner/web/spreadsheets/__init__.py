"""Spreadsheets and files: bringing records in and taking them out."""

from __future__ import annotations

from flask import Blueprint

blueprint = Blueprint("spreadsheets", __name__)
