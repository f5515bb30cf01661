"""Notes what somebody opened, so that the way back to it is short. Nothing waits for it and nothing fails by it."""

from __future__ import annotations

import logging

from flask import request
from werkzeug.wrappers import Response

from planner.services import finding
from planner.web.access import signed_in
from planner.web.clock import now
from planner.web.db import own_reading, own_transaction
from planner.web.finding import blueprint
from planner.web.signin import DATABASE_FAULTS

log = logging.getLogger("planner.web")

#: Pages of one thing: what they are about, and where its number stands in the address.
OPENED = {
    "patients.patient": ("patient", "patient_id"),
    "courses.course": ("course", "course_id"),
    "staff.person": ("person", "person_id"),
}


@blueprint.after_app_request
def note_what_was_opened(response: Response) -> Response:
    """Note a page that a person opened; at most once a minute each, and not for what pages ask by themselves."""
    about = OPENED.get(request.endpoint or "")
    person = signed_in() if about is not None and _was_opened(response) else None
    if about is None or person is None or not person.is_staff:
        return response
    kind, object_id = about[0], (request.view_args or {})[about[1]]
    try:
        with own_reading() as db:
            if finding.is_noted(db, person.account_id, kind, object_id, now()):
                return response
        with own_transaction() as db:
            finding.note_visit(db, person.account_id, kind, object_id, now())
    except DATABASE_FAULTS as fault:
        # A full disk or a busy writer must not keep anybody from reading.
        log.warning("a visit was not noted: %s", type(fault).__name__)
    return response


def _was_opened(response: Response) -> bool:
    by_itself = "X-Background" in request.headers or "prefetch" in request.headers.get("Sec-Purpose", "")
    return request.method == "GET" and response.status_code == 200 and not by_itself
