"""The parts of the dosing visit: added, changed, removed and put in another order in the draft."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import abort, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response
from wtforms.fields.choices import SelectChoice

from planner.domain.access import Permission
from planner.domain.errors import NotFound, StaleVersion
from planner.domain.protocol_errors import ProtocolInvalid
from planner.domain.protocol_visits import AFTER, WITH, TypedPart, parts_of
from planner.services.protocol_structure import (
    Edit,
    Seen,
    acting_on_part,
    adding_part,
    change_structure,
    changing_part,
)
from planner.store.queries.protocols import Standing, standing
from planner.web.access import SEE_OTHER, once, principal, requires
from planner.web.clock import now
from planner.web.db import db
from planner.web.fields import UNPROCESSABLE, refuse, seen_version
from planner.web.protocols import blueprint
from planner.web.protocols.forms import HOLDS_WORDS, ON_SITE_WORDS, PartForm
from planner.web.protocols.structure_words import held_lines, held_words
from planner.web.protocols.windows import CONFLICT, base_number, clinic_policy, newer_state

VISIT, PART = "protocols/visit.html", "protocols/part.html"
GONE = "@gone"
"""Where a part comes that begins once the patient has left. No key of a part has such a sign."""

Faults = Sequence[tuple[str | None, str]]
_FIELDS = {"length_min": "length", "name": "name", "holds": "holds", "on_site": "on_site"}


@blueprint.get("/admin/protocols/<id:protocol_id>/visit")
@requires(Permission.PROTOCOLS_WRITE)
def visit(protocol_id: int) -> str:
    """Every part of the visit, with what can be done to it."""
    return render_template(VISIT, **_page(standing(db(), protocol_id)))


@blueprint.post("/admin/protocols/<id:protocol_id>/visit")
@requires(Permission.PROTOCOLS_WRITE)
@once
def change_visit(protocol_id: int) -> Response:
    """One button at one part: earlier, later, remove, carry the dose, put back."""
    edit = acting_on_part(request.form.get("act", ""), request.form.get("what", ""))
    if edit is None:
        abort(400, "This form is incomplete. Load the page again and send it once more.")
    try:
        said = _kept(protocol_id, edit)
    except StaleVersion as stale:
        return refused_visit(protocol_id, [(None, stale.sentence)], CONFLICT)
    except ProtocolInvalid as invalid:
        return refused_visit(protocol_id, [(None, sentence) for _, sentence in invalid.problems])
    flash(said, "ok")
    return redirect(url_for("protocols.visit", protocol_id=protocol_id), SEE_OTHER)


@blueprint.route("/admin/protocols/<id:protocol_id>/visit/add", methods=["GET", "POST"])
@requires(Permission.PROTOCOLS_WRITE)
@once
def add_part(protocol_id: int) -> Response | str:
    """One part more."""
    stands = standing(db(), protocol_id)
    form = PartForm() if request.method == "POST" else PartForm(formdata=None, **_fresh(stands))
    form.place.choices = _places(stands)
    if not form.is_submitted():
        return render_template(PART, **_part_page(stands, form, None))
    return _answer(stands, form, None, adding_part(_typed(form)))


@blueprint.route("/admin/protocols/<id:protocol_id>/visit/parts/<key>", methods=["GET", "POST"])
@requires(Permission.PROTOCOLS_WRITE)
@once
def change_part(protocol_id: int, key: str) -> Response | str:
    """One part: its name, length, beginning and what it needs."""
    stands = standing(db(), protocol_id)
    form = PartForm() if request.method == "POST" else PartForm(formdata=None, **_as_it_is(stands, key))
    del form.place
    if not form.is_submitted():
        return render_template(PART, **_part_page(stands, form, key))
    return _answer(stands, form, key, changing_part(key, _typed(form), clinic_policy()))


def refused_visit(protocol_id: int, faults: Faults, status: int = UNPROCESSABLE) -> Response:
    """The page of the visit as it is now, with why a change was not made."""
    return refuse(VISIT, _page(standing(db(), protocol_id)), status, faults=faults)


def _kept(protocol_id: int, edit: Edit) -> str:
    """Keep a change; what it does to how long things are held."""
    before = standing(db(), protocol_id)
    change_structure(db(), principal(), protocol_id, edit, seen=Seen(seen_version(), base_number()), now=now())
    return f"Kept in the draft. {held_words(before.working, standing(db(), protocol_id).working)}"


def _answer(stands: Standing, form: PartForm, key: str | None, edit: Edit) -> Response:
    """Keep a part as typed, or the form again with its faults."""
    if not form.validate():
        return refuse(PART, _part_page(stands, form, key))
    try:
        said = _kept(stands.id, edit)
    except StaleVersion as stale:
        page = _part_page(stands, form, key) | newer_state(stands)
        return refuse(PART, page, CONFLICT, faults=[(None, stale.sentence)])
    except ProtocolInvalid as invalid:
        _put_beside(form, invalid)
        return refuse(PART, _part_page(stands, form, key))
    flash(said, "ok")
    return redirect(url_for("protocols.visit", protocol_id=stands.id), SEE_OTHER)


def _put_beside(form: PartForm, invalid: ProtocolInvalid) -> None:
    """Each fault at its box; what has none, or is another part's, on top."""
    for path, sentence in invalid.problems:
        name = _FIELDS.get(path.rpartition(".")[2], path)
        if name in form:
            form[name].errors = [*form[name].errors, sentence]
        else:
            form.form_errors.append(sentence)


def _typed(form: PartForm) -> TypedPart:
    place = form.place.data if "place" in form else ""
    return TypedPart(
        name=form.name.data or "",
        length=form.length.data or "",
        source=form.source.data or "",
        mark=form.mark.data or "",
        holds=tuple(form.holds.data or ()),
        on_site=tuple(form.on_site.data or ()),
        begins=form.begins.data or AFTER,
        minutes_in=form.minutes_in.data or "0",
        place="" if place == GONE else place or "",
        patient_gone=place == GONE,
    )


def _fresh(stands: Standing) -> dict[str, Any]:
    """A new part comes after the last one with the patient, and holds what that one holds."""
    last = [part for part in parts_of(stands.working).parts if not part.gone][-1]
    return {"place": last.key, "holds": last.block["holds"], "source": clinic_policy()}


def _as_it_is(stands: Standing, key: str) -> dict[str, Any]:
    part = parts_of(stands.working).part(key)
    if part is None:
        raise NotFound("There is no such part in this visit.")
    number = part.block["length_min"]
    said: dict[str, Any] = {name: part.block[name] for name in ("name", "holds", "on_site")}
    begins = {"begins": AFTER if part.inside is None else WITH, "minutes_in": str(part.inside or 0)}
    return said | begins | {"length": f"{number['value']:g}", "source": number["source"], "mark": number["mark"]}


def _places(stands: Standing) -> list[SelectChoice]:
    present = [part for part in parts_of(stands.working).parts if not part.gone]
    between = [SelectChoice(part.key, f"After: {part.block['name']}") for part in present]
    return [
        SelectChoice("", "At check-in, before everything"),
        *between,
        SelectChoice(GONE, "Once the patient has left"),
    ]


def _page(stands: Standing) -> dict[str, Any]:
    known, signed = parts_of(stands.working), parts_of(stands.document)
    here = {part.key for part in known.parts}
    return {
        "stands": stands,
        "rows": _rows(stands),
        "removed": [(part.key, part.block["name"], part.length) for part in signed.parts if part.key not in here],
        "held": held_lines(stands.document, stands.working),
        "said": held_words(stands.document, stands.working) if stands.has_draft else "",
    }


def _rows(stands: Standing) -> list[dict[str, Any]]:
    """The parts in order, each with what its buttons may do."""
    known = parts_of(stands.working)
    here = {part.key for part in parts_of(stands.document).parts}
    rows = []
    for index, part in enumerate(known.parts):
        carries = part.key in (known.dose.starts_in, known.dose.ends_in)
        neighbours = known.parts[max(index - 1, 0) : index + 2]
        starts = part.block["starts_min"]["value"]
        rows.append(
            {
                "key": part.key,
                "name": part.block["name"],
                "starts": starts,
                "ends": starts + part.length,
                "length": part.length,
                "needs": _needs(part.block),
                "carries": carries,
                "whole_dose": carries and known.dose.starts_in == known.dose.ends_in,
                "gone": part.gone,
                "new": part.key not in here,
                "earlier": index > 0 and neighbours[0].gone == part.gone,
                "later": index + 1 < len(known.parts) and neighbours[-1].gone == part.gone,
            }
        )
    return rows


def _needs(block: Any) -> str:
    said = [HOLDS_WORDS[kind] for kind in HOLDS_WORDS if kind in block["holds"]]
    said += [ON_SITE_WORDS[kind] for kind in ON_SITE_WORDS if kind in block["on_site"]]
    words = ", ".join(said)
    return words[:1] + words[1:].lower() if words else "Nothing"


def _part_page(stands: Standing, form: PartForm, key: str | None) -> dict[str, Any]:
    return {"stands": stands, "form": form, "key": key, "meanwhile": (), "is_late": False}
