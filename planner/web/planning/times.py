"""Step 4: plans compared, then the dates of the chosen one, then other times for single appointments.

Plans are worked out while reading. A posted choice is worked out again in a short reading transaction of its own,
before anything is written, so that nobody else waits for it.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from planner.domain.access import Permission
from planner.domain.errors import FieldError, NotFound, Refused, StaleVersion
from planner.domain.statuses import AppointmentKind
from planner.services.comparing import chosen_plan, compare_plans, widened
from planner.services.drafts import keep_times, let_times_go, save_answers
from planner.services.other_times import moved_plan, other_times_for, why_not_at
from planner.services.plan_answers import Answers
from planner.services.plan_dates import dates_of, with_choices
from planner.services.plan_loading import LoadedPlan, load_plan
from planner.web.access import (
    SEE_OTHER,
    answered_before,
    claim_request,
    keep_answer,
    once,
    principal,
    repeatable,
    requires,
)
from planner.web.clock import now
from planner.web.db import db, end_transaction, own_reading
from planner.web.fields import instant_of, number_in, refuse, seen_version
from planner.web.planning import blueprint
from planner.web.planning.drafts import Opened, elsewhere, opened, wants_later
from planner.web.planning.forms import WhenForm
from planner.web.planning.pages import course_words, dose_cards, frame, slots_of, step_url, subject_of
from planner.web.planning.steps import CONFLICT, leave_for_now
from planner.web.reads import THE_PLAN

COMPARE = "planning/compare.html"
DATES = "planning/dates.html"
OTHER = "planning/other.html"
KEEPS_ITS_KEY = "it keeps its key by itself, because the plan is worked out before the transaction"
NOT_OFFERED = "That plan is not free any more. Here is what is free now."
CHOOSE = "Choose one of the plans."

Faults = list[tuple[str | None, str]]


# -- plans compared ----------------------------------------------------------------------------------------------------


@blueprint.route("/courses/new/<id:draft_id>/4", methods=["GET", "POST"])
@requires(Permission.COURSES_PLAN, reads=THE_PLAN)
@repeatable(KEEPS_ITS_KEY)
def step_4(draft_id: int) -> Response | str:
    """Whole plans by weekday pattern; one is chosen."""
    if request.method == "GET":
        found = opened(db(), draft_id)
        return elsewhere(found, 4) or render_template(COMPARE, **_compared(db(), found))
    if earlier := answered_before():
        return earlier
    key = request.form.get("plan", "")
    with own_reading() as reading:
        found = opened(reading, draft_id)
        if away := elsewhere(found, 4):
            return away
        chosen = chosen_plan(reading, principal(), found.answers, key, now(), found.draft.hold_id) if key else None
    if chosen is None and not wants_later():
        sentence = NOT_OFFERED if key else CHOOSE
        return compared_again(draft_id, [("plan-0", sentence)], CONFLICT if key else 422)

    def changed(answers: Answers) -> Answers:
        by_hand = answers.by_hand and chosen == answers.proposal
        return answers.with_plan(chosen, by_hand=by_hand) if chosen is not None else answers

    return _stored(draft_id, changed, url_for("planning.dates", draft_id=draft_id))


@blueprint.post("/courses/new/<id:draft_id>/4/widen")
@requires(Permission.COURSES_PLAN, reads=THE_PLAN)
@once
def widen(draft_id: int) -> Response:
    """Give up one wish, so that a plan appears."""
    key = request.form.get("way", "")
    try:
        save_answers(
            db(),
            principal(),
            draft_id,
            lambda answers: widened(answers, key),
            seen_version=seen_version(),
            step=4,
            now=now(),
        )
    except (FieldError, StaleVersion) as error:
        status = CONFLICT if isinstance(error, StaleVersion) else 422
        return compared_again(draft_id, [(None, error.sentence)], status)
    return redirect(step_url(draft_id, 4), SEE_OTHER)


def compared_again(draft_id: int, faults: Faults, status: int) -> Response:
    """The comparison with fresh plans and what went wrong; nothing is kept of the request."""
    end_transaction(status)
    with own_reading() as reading:
        found = opened(reading, draft_id)
        return elsewhere(found, 4) or refuse(COMPARE, _compared(reading, found), status, faults=faults)


def _compared(session: Session, found: Opened) -> dict[str, Any]:
    subject = subject_of(session, principal(), found.answers)
    comparison = compare_plans(session, principal(), found.answers, now(), found.draft.hold_id)
    rows = comparison.rows
    chosen = next((row.key for row in rows if row.chosen), rows[0].key if rows else "")
    return {
        **frame(found.draft, found.answers, 4, subject),
        "comparison": comparison,
        "chosen": chosen,
        "course_words": course_words(subject.protocol),
        "therapist": subject.patient.therapist_name,
        "dates_url": url_for("planning.dates", draft_id=found.id),
    }


# -- the dates of the chosen plan --------------------------------------------------------------------------------------


@blueprint.route("/courses/new/<id:draft_id>/4/dates", methods=["GET", "POST"])
@requires(Permission.COURSES_PLAN, reads=THE_PLAN)
@repeatable(KEEPS_ITS_KEY)
def dates(draft_id: int) -> Response | str:
    """Each infusion with its window and the sessions that fit; choosing others; on to the check."""
    if request.method == "GET":
        found = opened(db(), draft_id)
        loaded = _loaded(db(), found)
        if isinstance(loaded, Response):
            return loaded
        return render_template(DATES, **_dates(db(), found, loaded))
    if earlier := answered_before():
        return earlier
    with own_reading() as reading:
        found = opened(reading, draft_id)
        loaded = _loaded(reading, found)
        if isinstance(loaded, Response):
            return loaded
        try:
            proposal = with_choices(loaded, _proposal(found), _chosen_sessions())
        except FieldError as error:
            page = _dates(reading, found, loaded)
            return refuse(DATES, page, CONFLICT, faults=[(f"{error.field}-0", error.sentence)])
    by_hand = found.answers.by_hand or proposal != found.answers.proposal

    def changed(answers: Answers) -> Answers:
        return answers.with_plan(proposal, by_hand=by_hand)

    place = number_in(request.form.get("other", "")) or 0
    if 0 < place <= len(proposal.placements):
        return _stored(draft_id, changed, url_for("planning.other", draft_id=draft_id, place=place))
    return _stored(draft_id, changed, step_url(draft_id, 5), check=True)


def _chosen_sessions() -> dict[int, str]:
    """The posted session of each dose, by dose number."""
    chosen = {}
    for name, value in request.form.items():
        number = number_in(name.removeprefix("session-")) if name.startswith("session-") else None
        if number is not None:
            chosen[number] = value
    return chosen


def _proposal(found: Opened) -> Any:
    if found.answers.proposal is None:
        raise NotFound
    return found.answers.proposal


def _loaded(session: Session, found: Opened) -> LoadedPlan | Response:
    """The chosen plan with its supply; the comparison instead when there is none, or it is not free any more."""
    if away := elsewhere(found, 4):
        return away
    compare = redirect(step_url(found.id, 4), SEE_OTHER)
    if found.answers.proposal is None:
        return compare
    try:
        loaded = load_plan(session, principal(), found.answers, now(), found.draft.hold_id)
    except FieldError:
        return compare
    if not loaded.taken(found.answers.proposal):
        return loaded
    # The comparison says by itself which part is gone; whoever chose something is told that it was not kept.
    return compare if request.method == "GET" else compared_again(found.id, [(None, NOT_OFFERED)], CONFLICT)


def _dates(session: Session, found: Opened, loaded: LoadedPlan) -> dict[str, Any]:
    shown = dates_of(loaded, _proposal(found))
    return {
        **frame(found.draft, found.answers, 4, subject_of(session, principal(), found.answers)),
        "dates": shown,
        "cards": dose_cards(shown),
        "zone": shown.zone,
        "compare_url": step_url(found.id, 4),
    }


# -- other times for one appointment -----------------------------------------------------------------------------------


@blueprint.route("/courses/new/<id:draft_id>/4/<id:place>", methods=["GET", "POST"])
@requires(Permission.COURSES_PLAN, reads=THE_PLAN)
@repeatable(KEEPS_ITS_KEY)
def other(draft_id: int, place: int) -> Response | str:
    """Every other time for one appointment, what would follow, and why other times are not offered."""
    if request.method == "GET":
        found = opened(db(), draft_id)
        loaded = _loaded(db(), found)
        if isinstance(loaded, Response):
            return loaded
        return render_template(OTHER, **_other(db(), found, loaded, place))
    if earlier := answered_before():
        return earlier
    with own_reading() as reading:
        found = opened(reading, draft_id)
        loaded = _loaded(reading, found)
        if isinstance(loaded, Response):
            return loaded
        try:
            proposal, told = _taken_over(found, loaded, place, request.form.get("time", ""))
        except FieldError as error:
            return refuse(OTHER, _other(reading, found, loaded, place), 422, faults=[("time-0", error.sentence)])

    def changed(answers: Answers) -> Answers:
        return answers.with_plan(proposal, by_hand=True)

    answer = _stored(draft_id, changed, url_for("planning.dates", draft_id=draft_id))
    if answer.status_code == SEE_OTHER:
        flash(told, "ok")
    return answer


def _taken_over(found: Opened, loaded: LoadedPlan, place: int, value: str) -> tuple[Any, str]:
    """The plan with the chosen time in it, and a sentence about what changed."""
    proposal = _proposal(found)
    if not value:
        raise FieldError("time", "Choose one of the times.")
    if not 1 <= place <= len(proposal.placements):
        raise NotFound
    at = proposal.placements[place - 1]
    name = loaded.name_of(at)
    if at.kind is AppointmentKind.INTEGRATION and at.serves is not None:
        changed = with_choices(loaded, proposal, {at.serves: value})
        moved = next(p for p in changed.placements if p.serves == at.serves)
        return changed, f"{name} is now {loaded.say(moved.start)}."
    start = number_in(value, digits=12)
    if start is None:
        raise FieldError("time", "Choose one of the times.")
    changed, follows = moved_plan(loaded, proposal, place, start)
    more = {0: "", 1: " One other appointment moved with it."}.get(
        follows, f" {follows} other appointments moved with it."
    )
    return changed, f"{name} is now {loaded.say(start)}.{more}"


def _other(session: Session, found: Opened, loaded: LoadedPlan, place: int) -> dict[str, Any]:
    proposal = _proposal(found)
    times = other_times_for(loaded, proposal, place)
    when = WhenForm(request.args if request.args else None)
    asked, reasons = None, None
    if request.args and when.validate() and when.day.data and when.time.data:
        asked, reasons = _asked(when, loaded, proposal, place)
    return {
        **frame(found.draft, found.answers, 4, subject_of(session, principal(), found.answers)),
        "place": place,
        "times": times,
        "slots": slots_of(times),
        "zone": times.zone,
        "when": when,
        "asked": asked,
        "reasons": reasons,
        "back_url": url_for("planning.dates", draft_id=found.id),
    }


def _asked(when: WhenForm, loaded: LoadedPlan, proposal: Any, place: int) -> tuple[datetime | None, tuple[str, ...]]:
    try:
        start = instant_of(when.day.data, when.time.data, loaded.zone, 0)
    except FieldError as error:
        return None, (error.sentence,)
    return start, why_not_at(loaded, proposal, place, start)


# -- storing -----------------------------------------------------------------------------------------------------------


def _stored(draft_id: int, changed: Any, target: str, *, check: bool = False) -> Response:
    """Keep changed answers and go on; with `check`, hold every time of the plan while it is read."""
    if earlier := claim_request():
        return earlier
    later = wants_later()
    try:
        draft = save_answers(
            db(),
            principal(),
            draft_id,
            changed,
            seen_version=seen_version(),
            step=5 if check and not later else 4,
            now=now(),
        )
        if later:
            return keep_answer(leave_for_now(db(), draft_id))
        if check:
            keep_times(db(), principal(), draft_id, seen_version=draft.version, now=now())
        else:
            let_times_go(db(), principal(), draft_id, now())
    except Refused as refusal:
        faults: Faults = [(None, conflict.sentence) for conflict in refusal.conflicts]
        return compared_again(draft_id, [(None, NOT_OFFERED), *dict.fromkeys(faults)], CONFLICT)
    except StaleVersion as stale:
        return compared_again(draft_id, [(None, stale.sentence)], CONFLICT)
    return keep_answer(redirect(target, SEE_OTHER))
