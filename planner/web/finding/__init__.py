"""Finding a patient, a course or a member of staff; what was opened lately; filters one keeps."""

from __future__ import annotations

from flask import Blueprint

blueprint = Blueprint("finding", __name__)
