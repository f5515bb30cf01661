"""Step 5: everything read once more while its times are kept, then booked in one go."""

from __future__ import annotations

from typing import Any

from flask import redirect, render_template, request
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from planner.domain.access import Permission
from planner.domain.errors import FieldError, Refused, StaleVersion
from planner.services.comparing import pattern_of
from planner.services.drafts import AlreadyInCourse, book_draft, keep_times
from planner.services.plan_dates import dates_of, planned_dates
from planner.services.plan_loading import load_plan
from planner.web.access import (
    SEE_OTHER,
    answered_before,
    claim_request,
    keep_answer,
    principal,
    repeatable,
    requires,
)
from planner.web.clock import now
from planner.web.db import db, end_transaction, own_reading
from planner.web.fields import refuse, seen_version
from planner.web.planning import blueprint
from planner.web.planning.drafts import Opened, course_url, elsewhere, opened, wants_later
from planner.web.planning.forms import AgreeForm
from planner.web.planning.pages import frame, kept_until, step_url, subject_of, summary_rows
from planner.web.planning.steps import CONFLICT, leave_for_now
from planner.web.planning.times import compared_again
from planner.web.reads import THE_PLAN

CHECK = "planning/check.html"
AGREE = "Tick that you have read the remarks, or change the plan."
MOVED = "A new version of this protocol was signed meanwhile. Nothing was booked. Choose dates by it."
NOTHING_BOOKED = "Somebody has taken a time of this plan meanwhile. Nothing was booked. Here is what is free now."

KEEPS_ITS_KEY = "it keeps its key by itself, because the plan is read once more before the transaction"

Faults = list[tuple[str | None, str]]


@blueprint.route("/courses/new/<id:draft_id>/5", methods=["GET", "POST"])
@requires(Permission.COURSES_PLAN, reads=THE_PLAN)
@repeatable(KEEPS_ITS_KEY)
def step_5(draft_id: int) -> Response | str:
    """All answers and dates; booking them."""
    if request.method == "GET":
        page = _page(db(), opened(db(), draft_id))
        return page if isinstance(page, Response) else render_template(CHECK, **page)
    if earlier := answered_before():
        return earlier
    if not wants_later() and (refused := _refused_before(draft_id)):
        return refused
    if earlier := claim_request():
        return earlier
    return keep_answer(leave_for_now(db(), draft_id) if wants_later() else _book(draft_id))


def _refused_before(draft_id: int) -> Response | None:
    """What can be said before anything is written: times taken meanwhile, remarks not read."""
    with own_reading() as reading:
        found = opened(reading, draft_id)
        page = _page(reading, found)
    if isinstance(page, Response):
        is_compare = page.location == step_url(draft_id, 4)
        why = MOVED if found.answers.moved_to else NOTHING_BOOKED
        return compared_again(draft_id, [(None, why)], CONFLICT) if is_compare else page
    if page["dates"].remarks and not AgreeForm().agree.data:
        return _checked_again(draft_id, [("agree", AGREE)], 422)
    return None


def _book(draft_id: int) -> Response:
    try:
        course = book_draft(db(), principal(), draft_id, seen_version=seen_version(), now=now())
    except AlreadyInCourse as error:
        return _checked_again(draft_id, [(None, error.sentence)], 422, in_course_url=course_url(error.course_id))
    except FieldError as error:
        return _checked_again(draft_id, [(None, error.sentence)], 422)
    except StaleVersion as stale:
        return _checked_again(draft_id, [(None, stale.sentence)], CONFLICT)
    except Refused as refusal:
        told: Faults = [(None, conflict.sentence) for conflict in refusal.conflicts]
        return compared_again(draft_id, [(None, NOTHING_BOOKED), *dict.fromkeys(told)], CONFLICT)
    return redirect(course_url(course.id), SEE_OTHER)


@blueprint.post("/courses/new/<id:draft_id>/5/keep")
@requires(Permission.COURSES_PLAN, reads=THE_PLAN)
@repeatable("keeping the same times again only keeps them longer")
def keep_again(draft_id: int) -> Response:
    """Keep the times for another while."""
    try:
        keep_times(db(), principal(), draft_id, seen_version=seen_version(), now=now())
    except Refused as refusal:
        told: Faults = [(None, conflict.sentence) for conflict in refusal.conflicts]
        return compared_again(draft_id, [(None, NOTHING_BOOKED), *dict.fromkeys(told)], CONFLICT)
    except (StaleVersion, FieldError) as error:
        return _checked_again(draft_id, [(None, error.sentence)], CONFLICT)
    return redirect(step_url(draft_id, 5), SEE_OTHER)


def _checked_again(draft_id: int, faults: Faults, status: int, **more: Any) -> Response:
    """The same page as it is now, with what went wrong; nothing is kept of the request."""
    end_transaction(status)
    with own_reading() as reading:
        page = _page(reading, opened(reading, draft_id))
        return page if isinstance(page, Response) else refuse(CHECK, {**page, **more}, status, faults=faults)


def _page(session: Session, found: Opened) -> dict[str, Any] | Response:
    if away := elsewhere(found, 5):
        return away
    proposal = found.answers.proposal
    compare = redirect(step_url(found.id, 4), SEE_OTHER)
    if proposal is None:
        return compare
    try:
        loaded = load_plan(session, principal(), found.answers, now(), found.draft.hold_id)
    except FieldError:
        return compare
    if loaded.taken(proposal):
        return compare
    subject = subject_of(session, principal(), found.answers)
    shown = dates_of(loaded, proposal, options=False)
    days = pattern_of(loaded, proposal) + (", changed by hand" if found.answers.by_hand else "")
    return {
        **frame(found.draft, found.answers, 5, subject),
        "form": None,
        "agree": AgreeForm(formdata=None),
        "dates": shown,
        "appointments": planned_dates(loaded, proposal),
        "zone": shown.zone,
        "rows": summary_rows(found.draft, found.answers, subject, loaded.names.people, days),
        "kept": kept_until(found.draft, now()),
        "in_course_url": None,
    }
