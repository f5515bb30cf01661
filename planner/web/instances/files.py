"""The instance and the plan as files. They hold no names, but what a clinic does: nobody keeps a copy on the way."""

from __future__ import annotations

from flask import Response, request

from planner.domain.access import Permission
from planner.services.instances.plans import plan_to_json
from planner.services.instances.taking import take_out
from planner.services.instances.writing import instance_to_json, to_bytes
from planner.web.access import principal, requires
from planner.web.clock import now
from planner.web.db import db
from planner.web.fields import number_in
from planner.web.instances import blueprint


@blueprint.get("/admin/instances/instance.json")
@requires(Permission.SPREADSHEETS)
def instance() -> Response:
    """The clinic, or one site of it, as an instance."""
    word = request.args.get("site", "")
    site_id = None if not word else number_in(word, 9) or 0
    found = take_out(db(), principal(), now=now(), site_id=site_id)
    return _file(to_bytes(instance_to_json(found)), "instance.json")


@blueprint.get("/admin/instances/plan.json")
@requires(Permission.SPREADSHEETS)
def plan() -> Response:
    """Every course of the instance's patients, and who has none."""
    return _file(to_bytes(plan_to_json(db(), principal(), now())), "plan.json")


def _file(content: bytes, name: str) -> Response:
    return Response(
        content,
        mimetype="application/json",
        headers={"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"},
    )
