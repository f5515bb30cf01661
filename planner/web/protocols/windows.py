"""The integration window: the clinic's policy in its own words, a picture, what rosters make of it, and changing it."""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from planner.domain.access import Permission
from planner.domain.errors import StaleVersion
from planner.domain.protocol_editing import HOURS, TypedIntegration
from planner.domain.protocol_numbers import differences, number_words
from planner.domain.protocol_parsing import parse_protocol
from planner.domain.protocols import IntegrationMode
from planner.services.protocol_drafts import keep_draft
from planner.services.protocol_editing import edited_integration, integration_to_begin_from
from planner.services.protocol_reach import reach_of, sample_window
from planner.services.protocols import ProtocolInvalid
from planner.store.queries.protocols import Standing, standing, touched
from planner.web.access import SEE_OTHER, once, principal, requires
from planner.web.clock import now
from planner.web.db import db
from planner.web.fields import number_in, refuse, seen_version
from planner.web.filters import staff_date
from planner.web.protocols import blueprint
from planner.web.protocols.forms import WindowForm
from planner.web.protocols.views import NOBODY, clinic_zone, rights
from planner.web.protocols.words import (
    COUNTED,
    coverage_lines,
    evidence_words,
    mode_words,
    sample_strip,
    sample_words,
)

CONFLICT = 409
TEMPLATE = "protocols/windows.html"
BESIDES = ("minutes", "every", "closes_days")
TYPED = (*HOURS, *BESIDES, "after_doses")
KEPT = "Draft saved. Nothing changes for anybody until a prescriber signs it."
NO_CHANGE = "Saved. This is what the newest version says, so there is nothing to sign."


@blueprint.get("/admin/protocols/<id:protocol_id>/windows")
@requires(Permission.PROTOCOLS_READ)
def windows(protocol_id: int) -> str:
    """The window, and what it means with the rosters there are."""
    stands = standing(db(), protocol_id)
    return render_template(TEMPLATE, **{**_page(stands, _form_of(stands)), **_meaning(stands)})


@blueprint.post("/admin/protocols/<id:protocol_id>/windows")
@requires(Permission.PROTOCOLS_WRITE)
@once
def change_window(protocol_id: int) -> Response:
    """Keep a changed window as a draft."""
    stands, form = standing(db(), protocol_id), WindowForm()
    form.validate()
    if form.errors:
        return refuse(TEMPLATE, _page(stands, form))
    try:
        document = edited_integration(stands, _typed(form), form.source.data or clinic_policy())
        keep_draft(db(), principal(), protocol_id, document, seen_version=seen_version(), base=base_number(), now=now())
    except ProtocolInvalid as invalid:
        _put_beside(form, invalid)
        return refuse(TEMPLATE, _page(stands, form))
    except StaleVersion as stale:
        page = _page(stands, form) | newer_state(stands)
        return refuse(TEMPLATE, page, CONFLICT, faults=[(None, stale.sentence)])
    return onward(protocol_id, "protocols.windows")


# -- shared with the page of all numbers -------------------------------------------------------------------------------


def onward(protocol_id: int, back_to: str) -> Response:
    """Where to go once a draft is saved: what changes, or the same page."""
    stands = standing(db(), protocol_id)
    flash(KEPT if stands.has_draft else NO_CHANGE, "ok")
    to = "protocols.changes" if request.form.get("then") == "changes" else back_to
    return redirect(url_for(to, protocol_id=protocol_id), SEE_OTHER)


def newer_state(stands: Standing) -> dict[str, Any]:
    """What others have saved or signed meanwhile, for a page whose own changes came too late."""
    return {"meanwhile": differences(stands.document, stands.working), "is_late": True}


def base_number() -> int:
    """The number of the version that the posted changes began from."""
    return number_in(request.form.get("base", ""), 9) or 0


def clinic_policy() -> str:
    """The source of a number that the clinic has just decided on."""
    return f"Clinic policy, {staff_date(now(), clinic_zone())}"


def _form_of(stands: Standing) -> WindowForm:
    """The policy as it stands, with hours to begin from where it has none."""
    plan, pattern = stands.working["integration"], integration_to_begin_from(stands.document)
    window = plan.get("window") or pattern["window"]
    numbers = {name: (plan.get(name) or pattern.get(name) or {}).get("value", "") for name in BESIDES}
    numbers |= {name: window[name]["value"] for name in HOURS}
    return WindowForm(
        formdata=None,
        mode=plan["mode"],
        settings=plan.get("settings") or pattern["settings"],
        anchor=window["anchor"],
        containment=window["containment"],
        after_doses=number_words(plan["after_doses"]["value"], "") if "after_doses" in plan else "",
        source=clinic_policy(),
        rests_on=window["source"],
        strength=window["strength"],
        **{name: f"{value:g}" if value != "" else "" for name, value in numbers.items()},
    )


def _typed(form: WindowForm) -> TypedIntegration:
    return TypedIntegration(
        mode=form.mode.data,
        settings=tuple(form.settings.data or ()),
        anchor=form.anchor.data,
        containment=form.containment.data,
        rests_on=form.rests_on.data or "",
        strength=form.strength.data or "",
        numbers={name: form[name].data or "" for name in TYPED},
    )


def _put_beside(form: WindowForm, invalid: ProtocolInvalid) -> None:
    """Each fault at its box; what has none goes on top."""
    for path, sentence in invalid.problems:
        steps = [step for step in path.split(".") if step != "value"]
        name = "tail_end_h" if "knots" in steps else "rests_on" if steps[-1] == "source" else steps[-1]
        if name in form and path.startswith("integration."):
            form[name].errors = [*form[name].errors, sentence]
        else:
            form.form_errors.append(sentence)


def _page(stands: Standing, form: WindowForm) -> dict[str, Any]:
    zone, said = clinic_zone(), parse_protocol(stands.working)
    return {
        "stands": stands,
        "form": form,
        "protocol": said,
        "evidence": evidence_words(parse_protocol(stands.document), stands, zone),
        "mode": mode_words(said),
        "windowed": said.integration.mode is IntegrationMode.WINDOWED,
        "weekly": said.integration.mode is IntegrationMode.WEEKLY,
        "strip": sample_strip(sample_window(said, zone, now()), zone),
        "zone": zone,
        "going_by": touched(db(), stands.id).get(stands.id, NOBODY),
        "coverage": (),
        "samples": (),
        "counted": "",
        "meanwhile": (),
        "is_late": False,
        **rights(),
    }


def _meaning(stands: Standing) -> dict[str, Any]:
    """What the window means with the rosters of the weeks ahead."""
    reaches = reach_of(db(), principal(), [parse_protocol(stands.working)], now())
    return {
        "coverage": [(reach.site.name, coverage_lines(reach)) for reach in reaches],
        "samples": sample_words(reaches),
        "counted": COUNTED,
    }
