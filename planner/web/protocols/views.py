"""Looking at protocols: the list, one in full, and two versions side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from planner.domain.access import Permission, may
from planner.domain.errors import NotFound
from planner.domain.protocol_numbers import Number, numbers_of
from planner.domain.protocol_parsing import parse_protocol
from planner.domain.protocols import Protocol
from planner.services.protocols import switch_protocol
from planner.store.queries.accounts import the_clinic
from planner.store.queries.protocols import (
    Standing,
    Touched,
    document_of,
    standing,
    standings,
    touched,
    versions,
)
from planner.web.access import SEE_OTHER, once, principal, requires
from planner.web.clock import now
from planner.web.db import db
from planner.web.fields import number_in
from planner.web.protocols import blueprint
from planner.web.protocols.structure_words import compared
from planner.web.protocols.words import evidence_words, modality_words, mode_words, signed_words

NOBODY = Touched({}, 0)
_IN_TABLES = ("visit.blocks.", "integration.window.knots.")
HOLDS = {"chair": "chair", "nurse": "nurse", "prescriber": "prescriber", "therapist": "therapist", "room": "room"}


@dataclass(frozen=True, slots=True)
class Listed:
    """One protocol of the list."""

    stands: Standing
    modality: str
    signed: str
    evidence: str
    courses: int


@blueprint.get("/admin/protocols")
@requires(Permission.PROTOCOLS_READ)
def protocols() -> str:
    """Every protocol: whose it is, whether new courses may use it, and who goes by it."""
    zone, going_by = clinic_zone(), touched(db())
    listed = [
        Listed(
            stands,
            modality_words(stands.document["modality"]),
            signed_words(stands, zone),
            stands.document["evidence_note"],
            going_by.get(stands.id, NOBODY).booked,
        )
        for stands in standings(db())
    ]
    return render_template("protocols/protocols.html", listed=listed, **rights())


@blueprint.get("/admin/protocols/<id:protocol_id>")
@requires(Permission.PROTOCOLS_READ)
def protocol(protocol_id: int) -> str:
    """One protocol in full, as its newest version says it."""
    stands, zone = standing(db(), protocol_id), clinic_zone()
    said = parse_protocol(stands.document)
    return render_template(
        "protocols/protocol.html",
        stands=stands,
        protocol=said,
        modality=modality_words(said.modality),
        signed=signed_words(stands, zone),
        evidence=evidence_words(said, stands, zone),
        mode=mode_words(said),
        blocks=blocks_of(said),
        groups=groups_of([n for n in numbers_of(stands.document) if not n.path.startswith(_IN_TABLES)]),
        ranking=[n for n in numbers_of(stands.document) if n.path.endswith(".preference")],
        versions=[(row, signed_words(row, zone)) for row in versions(db(), protocol_id)],
        going_by=touched(db(), protocol_id).get(protocol_id, NOBODY),
        **rights(),
    )


@blueprint.get("/admin/protocols/<id:protocol_id>/compare")
@requires(Permission.PROTOCOLS_READ)
def compare(protocol_id: int) -> str:
    """Two versions, line by line."""
    stands = standing(db(), protocol_id)
    newer = _asked("to", stands.number)
    older = _asked("from", max(newer - 1, 1))
    before, after = document_of(db(), protocol_id, older), document_of(db(), protocol_id, newer)
    return render_template(
        "protocols/compare.html",
        stands=stands,
        older=older,
        newer=newer,
        numbers=[row.number for row in versions(db(), protocol_id)],
        **compared(before, after),
    )


@blueprint.post("/admin/protocols/<id:protocol_id>/offer")
@requires(Permission.PROTOCOLS_SIGN)
@once
def offer(protocol_id: int) -> Response:
    """Offer a protocol for new courses, or no longer."""
    enabled = request.form.get("offered") == "yes"
    name = switch_protocol(db(), principal(), protocol_id, enabled=enabled, now=now())
    said = "is offered for new courses" if enabled else "is no longer offered for new courses. Courses on it go on"
    flash(f"{name} {said}.", "ok")
    return redirect(url_for("protocols.protocol", protocol_id=protocol_id), SEE_OTHER)


# -- shared ------------------------------------------------------------------------------------------------------------


def rights() -> dict[str, bool]:
    """What the reader may do here, for templates."""
    held = principal()
    return {"may_write": may(held, Permission.PROTOCOLS_WRITE), "may_sign": may(held, Permission.PROTOCOLS_SIGN)}


def clinic_zone() -> str:
    """The clinic's own time zone, in which signatures are dated."""
    clinic = the_clinic(db())
    if clinic is None:
        raise NotFound
    return clinic.zone


def groups_of(numbers: Sequence[Number]) -> list[tuple[str, list[Number]]]:
    """Numbers under what they belong to, in order of its first."""
    groups: dict[str, list[Number]] = {}
    for number in numbers:
        groups.setdefault(number.group, []).append(number)
    return list(groups.items())


def blocks_of(said: Protocol) -> list[dict[str, Any]]:
    """The visit as rows: when each part starts and ends, what it holds, and where its length comes from."""
    return [
        {
            "name": block.name,
            "starts": block.starts_min,
            "ends": block.ends_min,
            "length": block.length_min,
            "holds": ", ".join(sorted(HOLDS[holding.value] for holding in block.holds)) or "–",
            "on_site": ", ".join(sorted(HOLDS[holding.value] for holding in block.on_site)) or "–",
            "origin": said.provenance[f"visit.blocks.{index}.length_min"],
        }
        for index, block in enumerate(said.visit.blocks)
    ]


def _asked(name: str, otherwise: int) -> int:
    word = request.args.get(name, "")
    found = number_in(word) if word else otherwise
    if not found:
        raise NotFound("There is no such version.")
    return found
