"""What a protocol is called, and what it says of itself: changed in the draft like its numbers."""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from planner.domain.access import Permission
from planner.domain.errors import FieldError, StaleVersion
from planner.domain.protocol_errors import ProtocolInvalid
from planner.services.protocol_structure import Seen, change_structure, saying
from planner.store.queries.protocols import Standing, standing
from planner.web.access import SEE_OTHER, once, principal, requires
from planner.web.clock import now
from planner.web.db import db
from planner.web.fields import put_beside, refuse, seen_version
from planner.web.protocols import blueprint
from planner.web.protocols.forms import TextsForm
from planner.web.protocols.windows import CONFLICT, base_number, newer_state

TEMPLATE = "protocols/texts.html"
FIELDS = ("name", "summary", "evidence_note")


@blueprint.route("/admin/protocols/<id:protocol_id>/texts", methods=["GET", "POST"])
@requires(Permission.PROTOCOLS_WRITE)
@once
def change_texts(protocol_id: int) -> Response | str:
    """Name, summary and evidence note."""
    stands = standing(db(), protocol_id)
    if request.method == "GET":
        form = TextsForm(formdata=None, **{name: stands.working[name] for name in FIELDS})
        return render_template(TEMPLATE, **_page(stands, form))
    form = TextsForm()
    if not form.validate():
        return refuse(TEMPLATE, _page(stands, form))
    edit = saying(db(), {name: form[name].data or "" for name in FIELDS})
    try:
        change_structure(db(), principal(), protocol_id, edit, seen=Seen(seen_version(), base_number()), now=now())
    except StaleVersion as stale:
        return refuse(TEMPLATE, _page(stands, form) | newer_state(stands), CONFLICT, faults=[(None, stale.sentence)])
    except FieldError as error:
        put_beside(form, error)
        return refuse(TEMPLATE, _page(stands, form))
    except ProtocolInvalid as invalid:
        for path, sentence in invalid.problems:
            put_beside(form, FieldError(path, sentence))
        return refuse(TEMPLATE, _page(stands, form))
    flash("Kept in the draft. Nothing changes for anybody until a prescriber signs it.", "ok")
    return redirect(url_for("protocols.phases", protocol_id=protocol_id), SEE_OTHER)


def _page(stands: Standing, form: TextsForm) -> dict[str, Any]:
    return {"stands": stands, "form": form, "meanwhile": (), "is_late": False}
