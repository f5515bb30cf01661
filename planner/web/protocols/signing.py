"""What a draft would change, and signing it as the next version."""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from planner.domain.access import Permission
from planner.domain.errors import FieldError, StaleVersion
from planner.domain.protocol_parsing import parse_protocol
from planner.services.protocol_drafts import discard_changes, sign_version
from planner.services.protocol_reach import reach_of
from planner.store.queries.protocols import Standing, standing, touched
from planner.web.access import SEE_OTHER, once, principal, requires
from planner.web.clock import now
from planner.web.db import db
from planner.web.fields import put_beside, refuse, seen_version
from planner.web.protocols import blueprint
from planner.web.protocols.forms import SignForm
from planner.web.protocols.structure_words import compared
from planner.web.protocols.views import NOBODY, clinic_zone, rights
from planner.web.protocols.windows import CONFLICT, base_number
from planner.web.protocols.words import COUNTED, coverage_lines, evidence_words, signed_words

SIGN = "protocols/sign.html"
DISCARD = "protocols/discard.html"


@blueprint.get("/admin/protocols/<id:protocol_id>/changes")
@requires(Permission.PROTOCOLS_WRITE)
def changes(protocol_id: int) -> str:
    """What the draft changes: line by line, with the rosters there are, and for whom."""
    stands = standing(db(), protocol_id)
    both = [parse_protocol(document) for document in (stands.document, stands.working)]
    reaches = reach_of(db(), principal(), both, now()) if stands.has_draft else ()
    return render_template(
        "protocols/changes.html",
        stands=stands,
        **compared(stands.document, stands.working),
        coverage=[(reach.site.name, coverage_lines(reach)) for reach in reaches],
        counted=COUNTED,
        going_by=touched(db(), protocol_id).get(protocol_id, NOBODY),
        zone=clinic_zone(),
        **rights(),
    )


@blueprint.route("/admin/protocols/<id:protocol_id>/sign", methods=["GET", "POST"])
@requires(Permission.PROTOCOLS_SIGN)
@once
def sign(protocol_id: int) -> Response | str:
    """The page that says what signing does, and signing."""
    stands, form = standing(db(), protocol_id), SignForm()
    if form.is_submitted() and form.validate():
        try:
            version = sign_version(
                db(),
                principal(),
                protocol_id,
                note=" ".join((form.note.data or "").split()),
                seen_version=seen_version(),
                base=base_number(),
                now=now(),
            )
        except FieldError as error:
            put_beside(form, error)
        except StaleVersion as stale:
            return refuse(SIGN, _page(stands, form), CONFLICT, faults=[(None, stale.sentence)])
        else:
            flash(f"Version {version.number} is signed. New plans use it; booked courses keep theirs.", "ok")
            return redirect(url_for("protocols.protocol", protocol_id=protocol_id), SEE_OTHER)
    if form.errors or form.form_errors:
        return refuse(SIGN, _page(stands, form))
    return render_template(SIGN, **_page(stands, form))


@blueprint.route("/admin/protocols/<id:protocol_id>/discard", methods=["GET", "POST"])
@requires(Permission.PROTOCOLS_WRITE)
@once
def discard(protocol_id: int) -> Response | str:
    """Throw the draft away, after one look at it."""
    stands = standing(db(), protocol_id)
    page = {"stands": stands, **compared(stands.document, stands.working)}
    if request.method == "GET":
        return render_template(DISCARD, **page)
    try:
        discard_changes(db(), principal(), protocol_id, seen_version=seen_version(), base=base_number(), now=now())
    except StaleVersion as stale:
        return refuse(DISCARD, page, CONFLICT, faults=[(None, stale.sentence)])
    flash(f"The draft is discarded. Version {stands.number} is as it was.", "ok")
    return redirect(url_for("protocols.protocol", protocol_id=protocol_id), SEE_OTHER)


def _page(stands: Standing, form: SignForm) -> dict[str, Any]:
    zone, said = clinic_zone(), parse_protocol(stands.working)
    return {
        "stands": stands,
        "form": form,
        **compared(stands.document, stands.working),
        "signed": signed_words(stands, zone),
        "evidence": evidence_words(said, stands, zone),
        "evidence_note": said.evidence_note,
        "going_by": touched(db(), stands.id).get(stands.id, NOBODY),
    }
