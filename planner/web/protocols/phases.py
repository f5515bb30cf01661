"""The phases of a protocol: runs of doses, sessions around them and boosters, changed in the draft."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import abort, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from planner.domain.access import Permission
from planner.domain.errors import NotFound, StaleVersion
from planner.domain.protocol_errors import ProtocolInvalid
from planner.domain.protocol_phases import (
    BOOSTERS,
    DOSES,
    LEAD,
    SECTIONS,
    SESSIONS,
    SPACING,
    SPAN,
    TypedDoses,
    TypedSection,
    matched,
    removed,
)
from planner.services.protocol_structure import (
    Edit,
    Seen,
    acting_on_phase,
    adding_doses,
    change_structure,
    changing_doses,
    setting_section,
)
from planner.store.queries.protocols import Standing, standing
from planner.web.access import SEE_OTHER, once, principal, requires
from planner.web.clock import now
from planner.web.db import db
from planner.web.fields import UNPROCESSABLE, refuse, seen_version
from planner.web.protocols import blueprint
from planner.web.protocols.phase_forms import KIND_WORDS, SECTION_WORDS, BoostersForm, DosesForm, SessionsForm
from planner.web.protocols.structure_words import doses_words, follows_words, section_words
from planner.web.protocols.visits import Faults
from planner.web.protocols.windows import CONFLICT, base_number, clinic_policy, newer_state

PHASES, PHASE, SECTION = "protocols/phases.html", "protocols/phase.html", "protocols/section.html"
KEPT = "Kept in the draft. Nothing changes for anybody until a prescriber signs it."

Page = dict[str, Any]


@blueprint.get("/admin/protocols/<id:protocol_id>/phases")
@requires(Permission.PROTOCOLS_WRITE)
def phases(protocol_id: int) -> str:
    """Every phase, with what can be done to it."""
    return render_template(PHASES, **_page(standing(db(), protocol_id)))


@blueprint.post("/admin/protocols/<id:protocol_id>/phases")
@requires(Permission.PROTOCOLS_WRITE)
@once
def change_phases(protocol_id: int) -> Response:
    """One button at one phase: earlier, later, remove, put back."""
    edit = acting_on_phase(request.form.get("act", ""), request.form.get("what", ""))
    if edit is None:
        abort(400, "This form is incomplete. Load the page again and send it once more.")
    try:
        _keep(protocol_id, edit)
    except StaleVersion as stale:
        return refused_phases(protocol_id, [(None, stale.sentence)], CONFLICT)
    except ProtocolInvalid as invalid:
        return refused_phases(protocol_id, [(None, sentence) for _, sentence in invalid.problems])
    flash(KEPT, "ok")
    return redirect(url_for("protocols.phases", protocol_id=protocol_id), SEE_OTHER)


@blueprint.route("/admin/protocols/<id:protocol_id>/phases/add", methods=["GET", "POST"])
@requires(Permission.PROTOCOLS_WRITE)
@once
def add_phase(protocol_id: int) -> Response | str:
    """One run of doses more."""
    stands = standing(db(), protocol_id)
    if request.method == "GET":
        form = DosesForm(formdata=None, source=clinic_policy(), **_span_of(stands))
        return render_template(PHASE, **_form_page(stands, form, place=None))
    form = DosesForm()
    page = _form_page(stands, form, place=None)
    return _answer(stands, PHASE, page, adding_doses(_typed_doses(form)))


@blueprint.route("/admin/protocols/<id:protocol_id>/phases/<id:place>", methods=["GET", "POST"])
@requires(Permission.PROTOCOLS_WRITE)
@once
def change_phase(protocol_id: int, place: int) -> Response | str:
    """One run of doses: its name, its numbers, and whether it is firm. `place` counts from 1."""
    stands = standing(db(), protocol_id)
    if request.method == "GET":
        form = DosesForm(formdata=None, source=clinic_policy(), **_doses_of(stands, place), **_span_of(stands))
        del form.kind
        return render_template(PHASE, **_form_page(stands, form, place=place))
    form = DosesForm()
    del form.kind
    page = _form_page(stands, form, place=place)
    return _answer(stands, PHASE, page, changing_doses(place - 1, _typed_doses(form)))


@blueprint.route(
    "/admin/protocols/<id:protocol_id>/phases/<any(preparation,consolidation,boosters):name>", methods=["GET", "POST"]
)
@requires(Permission.PROTOCOLS_WRITE)
@once
def change_section(protocol_id: int, name: str) -> Response | str:
    """Preparation, consolidation sessions or boosters: added, or changed."""
    stands = standing(db(), protocol_id)
    kind = BoostersForm if name == "boosters" else SessionsForm
    if request.method == "GET":
        form = kind(formdata=None, source=clinic_policy(), **_section_of(stands, name))
        return render_template(SECTION, **_form_page(stands, form, name=name))
    form = kind()
    page = _form_page(stands, form, name=name)
    return _answer(stands, SECTION, page, setting_section(name, _typed_section(form, name)))


def refused_phases(protocol_id: int, faults: Faults, status: int = UNPROCESSABLE) -> Response:
    """The page of the phases as they are now, with why a change was not made."""
    return refuse(PHASES, _page(standing(db(), protocol_id)), status, faults=faults)


def _keep(protocol_id: int, edit: Edit) -> None:
    change_structure(db(), principal(), protocol_id, edit, seen=Seen(seen_version(), base_number()), now=now())


def _answer(stands: Standing, template: str, page: Page, edit: Edit) -> Response:
    """Keep a phase as typed, or the form again with its faults."""
    if not page["form"].validate():
        return refuse(template, page)
    try:
        _keep(stands.id, edit)
    except StaleVersion as stale:
        return refuse(template, page | newer_state(stands), CONFLICT, faults=[(None, stale.sentence)])
    except ProtocolInvalid as invalid:
        _put_beside(page, stands, invalid)
        return refuse(template, page)
    flash(KEPT, "ok")
    return redirect(url_for("protocols.phases", protocol_id=stands.id), SEE_OTHER)


def _put_beside(page: Page, stands: Standing, invalid: ProtocolInvalid) -> None:
    """Each fault at its box if it is about this phase or the whole course, else on top with what it is about."""
    form = page["form"]
    for path, sentence in invalid.problems:
        steps = path.split(".")
        own = len(steps) == 1 or steps[0] == page["name"] or _is_own_phase(page["place"], steps)
        name = f"span_{steps[-1]}" if steps[0] == "span" else steps[-1]
        if (own or steps[0] == "span") and name in form:
            form[name].errors = [*form[name].errors, sentence]
        else:
            form.form_errors.append(sentence)


def _is_own_phase(place: int | None, steps: list[str]) -> bool:
    """A new phase has no place yet: what is wrong with any phase is its doing."""
    return steps[0] == "dose_phases" and (place is None or steps[1:2] == [str(place - 1)])


def _typed_doses(form: DosesForm) -> TypedDoses:
    return TypedDoses(
        kind=(form.kind.data or "") if "kind" in form else "",
        name=form.name.data or "",
        booking=form.booking.data or "",
        numbers={name: form[name].data or "" for name in DOSES},
        span={name: form[f"span_{name}"].data or "" for name in SPAN},
        source=form.source.data or "",
        mark=form.mark.data or "",
    )


def _typed_section(form: BoostersForm | SessionsForm, name: str) -> TypedSection:
    names = BOOSTERS if name == "boosters" else (*SESSIONS, LEAD)
    return TypedSection(
        numbers={each: form[each].data or "" for each in names},
        required=bool(form.required.data) if "required" in form else False,
        source=form.source.data or "",
        mark=form.mark.data or "",
    )


def _span_of(stands: Standing) -> dict[str, str]:
    return {f"span_{name}": f"{stands.working['span'][name]['value']:g}" for name in SPAN}


def _doses_of(stands: Standing, place: int) -> dict[str, str]:
    found = stands.working["dose_phases"]
    if not 1 <= place <= len(found):
        raise NotFound("There is no such phase in this protocol.")
    phase = found[place - 1]
    numbers = {name: (phase["spacing"] if name in SPACING else phase)[name]["value"] for name in DOSES}
    return {name: f"{value:g}" for name, value in numbers.items()} | {
        "name": phase["name"],
        "booking": phase["booking"],
    }


def _section_of(stands: Standing, name: str) -> Mapping[str, Any]:
    section = stands.working[name] or {}
    numbers = {key: f"{part['value']:g}" for key, part in section.items() if isinstance(part, Mapping)}
    return {**numbers, "required": section.get("required", False)} if name != "boosters" else numbers


def _page(stands: Standing) -> Page:
    working, signed = stands.working, stands.document
    listed = working["dose_phases"]
    old = {now for _, now in matched(signed["dose_phases"], listed)}
    rows = [
        {
            "place": index,
            "name": phase["name"],
            "kind": KIND_WORDS[phase["key"]],
            "said": doses_words(phase),
            "booking": "Firm" if phase["booking"] == "firm" else "Proposed",
            "new": index not in old,
            "earlier": index > 0 and listed[index - 1]["key"] == phase["key"],
            "later": index + 1 < len(listed) and listed[index + 1]["key"] == phase["key"],
        }
        for index, phase in enumerate(listed)
    ]
    back = [
        (str(i), signed["dose_phases"][i]["name"], doses_words(signed["dose_phases"][i]))
        for i in removed(signed, working)
    ]
    back += [
        (name, SECTION_WORDS[name], section_words(name, signed[name]))
        for name in SECTIONS
        if working[name] is None and signed[name] is not None
    ]
    return {
        "stands": stands,
        "rows": rows,
        "sections": [
            (
                name,
                SECTION_WORDS[name],
                section_words(name, working[name]) if working[name] else "",
                signed[name] is None,
            )
            for name in SECTIONS
        ],
        "removed": back,
        "follows": follows_words(working),
        "span": f"Whole course: {working['span']['target_days']['value']:g} days aimed at, "
        f"reviewed by a prescriber above {working['span']['review_days']['value']:g}.",
    }


def _form_page(stands: Standing, form: Any, *, place: int | None = None, name: str = "") -> Page:
    return {
        "stands": stands,
        "form": form,
        "place": place,
        "name": name,
        "section": SECTION_WORDS.get(name, ""),
        "is_there": bool(name) and stands.working[name] is not None,
        "meanwhile": (),
        "is_late": False,
    }
