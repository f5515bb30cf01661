"""One box for everything somebody may see. What is typed stays out of addresses, titles and logs."""

from __future__ import annotations

from flask import redirect, render_template, request, session, url_for
from werkzeug.wrappers import Response

from planner.domain.access import Permission
from planner.store.queries.finding import recent
from planner.web.access import SEE_OTHER, principal, repeatable, requires, signed_in
from planner.web.db import db, own_reading
from planner.web.fields import refuse
from planner.web.finding import blueprint
from planner.web.finding.forms import FindForm
from planner.web.finding.pages import found_page, recent_hits, the_one_patient
from planner.web.reads import SEARCH, list_is_read

#: What was looked for last stands in the browser's row of sessions until it signs out, so that “Back” works.
LAST = "find"


@blueprint.get("/find")
@requires(Permission.TODAY_READ, reads=SEARCH)
def results() -> str:
    """What fits the last search, and what was opened lately."""
    form = FindForm(data={"words": session.get(LAST, "")})
    return render_template("finding/find.html", **_page(form, session.get(LAST, "")))


def _page(form: FindForm, typed: str) -> dict[str, object]:
    person = signed_in()
    names = [name for _, name in person.sites] if person else []
    found = found_page(db(), principal(), typed, names)
    list_is_read(principal(), SEARCH, found.patients)
    return {
        "form": form,
        "found": found,
        "recent": recent_hits(recent(db(), principal())),
    }


@blueprint.post("/find")
@requires(Permission.TODAY_READ, reads="it leads to what was found, which is written down there")
@repeatable("looking for the same thing finds it again")
def find() -> Response:
    """Keep what to look for and show it; the very code of a patient leads straight there."""
    form = FindForm()
    if not form.validate():
        return refuse("finding/find.html", _page(form, ""))
    typed = "" if "forget" in request.form else form.words.data or ""
    with own_reading() as reading:
        patient_id = the_one_patient(reading, principal(), typed) if typed else None
    if patient_id is not None:
        return redirect(url_for("patients.patient", patient_id=patient_id), SEE_OTHER)
    if typed:
        session[LAST] = typed
    else:
        session.pop(LAST, None)
    return redirect(url_for("finding.results"), SEE_OTHER)
