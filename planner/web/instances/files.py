"""The instance and the plan as files. They hold no names, but what a clinic does."""

from __future__ import annotations

from flask import request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from planner.domain.access import Permission
from planner.services.exports import Made
from planner.services.instances.plans import plan_to_json
from planner.services.instances.taking import take_out as instance_of
from planner.services.instances.writing import entries_in, instance_to_json, to_bytes
from planner.web.access import principal, repeatable, requires
from planner.web.clock import now
from planner.web.fields import number_in
from planner.web.instances import blueprint
from planner.web.taking_out import take_out

COPIES = "it takes a copy out, and each copy is written down"


@blueprint.post("/admin/instances/instance.json")
@requires(Permission.SPREADSHEETS)
@repeatable(COPIES)
def instance() -> Response:
    """The clinic, or one site of it, as an instance."""
    word = request.args.get("site", "")
    site_id = None if not word else number_in(word, 9) or 0

    def made(reading: Session) -> Made:
        document = instance_to_json(instance_of(reading, principal(), now=now(), site_id=site_id))
        return Made(to_bytes(document), entries_in(document))

    return take_out("instance", "json", made, back=url_for("instances.index"))


@blueprint.post("/admin/instances/plan.json")
@requires(Permission.SPREADSHEETS)
@repeatable(COPIES)
def plan() -> Response:
    """Every course of the instance's patients, and who has none."""

    def made(reading: Session) -> Made:
        document = plan_to_json(reading, principal(), now())
        return Made(to_bytes(document), entries_in(document))

    return take_out("plan", "json", made, back=url_for("instances.index"))
