"""Undoing the last change to a protocol's draft."""

from __future__ import annotations

from flask import flash, redirect, request, url_for
from werkzeug.wrappers import Response

from planner.domain.access import Permission
from planner.domain.errors import StaleVersion
from planner.domain.protocol_errors import ProtocolInvalid
from planner.services.protocol_drafts import undo_change
from planner.web.access import SEE_OTHER, once, principal, requires
from planner.web.clock import now
from planner.web.db import db
from planner.web.fields import seen_version
from planner.web.protocols import blueprint
from planner.web.protocols.phases import refused_phases
from planner.web.protocols.visits import refused_visit
from planner.web.protocols.windows import CONFLICT, base_number

PAGES = {"visit": refused_visit, "phases": refused_phases}


@blueprint.post("/admin/protocols/<id:protocol_id>/undo")
@requires(Permission.PROTOCOLS_WRITE)
@once
def undo(protocol_id: int) -> Response:
    """Put the draft back to what it said before its last change."""
    page = request.form.get("page", "")
    page = page if page in PAGES else "visit"
    try:
        undo_change(db(), principal(), protocol_id, seen_version=seen_version(), base=base_number(), now=now())
    except StaleVersion as stale:
        return PAGES[page](protocol_id, [(None, stale.sentence)], CONFLICT)
    except ProtocolInvalid as invalid:
        return PAGES[page](protocol_id, [(None, sentence) for _, sentence in invalid.problems])
    flash("Undone. The draft is as it was before that change.", "ok")
    return redirect(url_for(f"protocols.{page}", protocol_id=protocol_id), SEE_OTHER)
