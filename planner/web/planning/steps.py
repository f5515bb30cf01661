"""Steps 1 to 3: who and by which protocol, which days, which team. Each keeps its answers before the next opens."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response
from wtforms.fields.choices import SelectChoice

from planner.domain.access import Permission
from planner.domain.errors import FieldError, StaleVersion
from planner.domain.statuses import Mode
from planner.domain.walltime import local_day
from planner.services.drafts import (
    AlreadyInCourse,
    begin_draft,
    change_subject,
    discard_draft,
    let_times_go,
    save_answers,
)
from planner.services.plan_answers import Answers, with_days, with_team
from planner.store.queries.clinic import sites
from planner.store.queries.drafts import open_drafts
from planner.store.queries.people import patients
from planner.web.access import SEE_OTHER, once, principal, requires, signed_in
from planner.web.clock import now
from planner.web.db import db
from planner.web.fields import put_beside, refuse, seen_version
from planner.web.planning import blueprint
from planner.web.planning.drafts import LATER, TODAY, Opened, course_url, elsewhere, opened, wants_later
from planner.web.planning.forms import DaysForm, SubjectForm, TeamForm
from planner.web.planning.pages import (
    MODE_WORDS,
    Subject,
    frame,
    minutes_of,
    offered_protocols,
    step_url,
    subject_of,
    therapists,
    time_of,
    weekdays,
)
from planner.web.reads import PATIENTS_LIST, THE_PLAN, list_is_read

CONFLICT = 409
#: So that preparation, if the protocol asks for it, can be tomorrow.
USUALLY_FROM_DAYS = 2
DAY_MINUTES = 1440
CHOOSE_PATIENT = "Choose a patient."
CHOOSE_PROTOCOL = "Choose a protocol."


# -- 1: patient and protocol -------------------------------------------------------------------------------------------


@blueprint.route("/courses/new", methods=["GET", "POST"])
@requires(Permission.COURSES_PLAN, reads=PATIENTS_LIST)
@once
def begin() -> Response | str:
    """The first page, before there is a draft: answering it begins one."""
    form = SubjectForm()
    if request.method == "GET":
        return _subject_page(form, None)
    if not _complete(form):
        return _subject_page(form, None, 422)
    next_step = 1 if wants_later() else 2
    try:
        draft = begin_draft(
            db(),
            principal(),
            patient_id=form.patient_id.data,
            protocol_version_id=form.protocol_version_id.data,
            step=next_step,
            now=now(),
        )
    except FieldError as error:
        return _subject_refused(form, None, error)
    return _onward(draft.id, next_step)


@blueprint.route("/courses/new/<id:draft_id>", methods=["GET"])
@requires(Permission.COURSES_PLAN, reads=THE_PLAN)
def resume(draft_id: int) -> Response:
    """On to where its maker stopped."""
    found = opened(db(), draft_id)
    return elsewhere(found, 0) or redirect(step_url(draft_id, found.draft.step), SEE_OTHER)


@blueprint.route("/courses/new/<id:draft_id>/1", methods=["GET", "POST"])
@requires(Permission.COURSES_PLAN, reads=THE_PLAN)
@once
def step_1(draft_id: int) -> Response | str:
    """Another patient or protocol for a plan that has begun."""
    found = opened(db(), draft_id)
    if away := elsewhere(found, 1):
        return away
    answers = found.answers
    form = SubjectForm(patient_id=answers.patient_id, protocol_version_id=answers.protocol_version_id)
    if request.method == "GET":
        return _subject_page(form, found)
    if not _complete(form):
        return _subject_page(form, found, 422)
    try:
        change_subject(
            db(),
            principal(),
            draft_id,
            patient_id=form.patient_id.data,
            protocol_version_id=form.protocol_version_id.data,
            seen_version=seen_version(),
            step=1 if wants_later() else 2,
            now=now(),
        )
    except FieldError as error:
        return _subject_refused(form, found, error)
    except StaleVersion as stale:
        fresh = SubjectForm(
            formdata=None, patient_id=answers.patient_id, protocol_version_id=answers.protocol_version_id
        )
        return _subject_page(fresh, opened(db(), draft_id), CONFLICT, faults=[(None, stale.sentence)])
    return _onward(draft_id, 2)


def _complete(form: SubjectForm) -> bool:
    form.validate()
    # A missing or odd choice has one sentence of ours, whatever was wrong with it.
    for field, sentence in ((form.patient_id, CHOOSE_PATIENT), (form.protocol_version_id, CHOOSE_PROTOCOL)):
        field.errors = [] if isinstance(field.data, int) and field.data > 0 else [sentence]
    return not form.patient_id.errors and not form.protocol_version_id.errors


def _subject_refused(form: SubjectForm, found: Opened | None, error: FieldError) -> Response:
    put_beside(form, error)
    in_course = course_url(error.course_id) if isinstance(error, AlreadyInCourse) else None
    answer = _subject_page(form, found, 422, in_course_url=in_course)
    assert not isinstance(answer, str)  # noqa: S101  a refusal is always a response
    return answer


def _subject_page(form: SubjectForm, found: Opened | None, status: int = 200, **more: Any) -> Response | str:
    # Who can be planned now comes first; the others stay in the list, so that nobody looks for them in vain.
    rows = sorted(patients(db(), principal()), key=lambda row: row.open_course_id is not None)
    list_is_read(principal(), PATIENTS_LIST, len(rows))
    form.patient_id.choices = [SelectChoice("0", "Choose a patient")] + [
        SelectChoice(str(row.id), f"{row.code} · {row.name}{' (in a course)' if row.open_course_id else ''}")
        for row in rows
    ]
    if request.method == "GET" and found is None and not form.patient_id.data:
        wanted = request.args.get("patient", "")
        form.patient_id.data = next((row.id for row in rows if str(row.id) == wanted), None)
    person = signed_in()
    zone = next(iter(sites(db(), [site_id for site_id, _ in person.sites] if person else [])), None)
    offered = offered_protocols(db(), zone.zone if zone else "UTC")
    if form.protocol_version_id.data is None and len(offered) > 0 and request.method == "GET":
        form.protocol_version_id.data = offered[0].version_id
    context = {
        **frame(found.draft if found else None, found.answers if found else None, 1),
        "form": form,
        "patients": rows,
        "protocols": offered,
        "drafts": open_drafts(db(), principal()) if found is None else [],
        "action": url_for("planning.begin") if found is None else step_url(found.id, 1),
        "in_course_url": None,
        **more,
    }
    return _shown("planning/subject.html", context, status)


# -- 2: days that suit -------------------------------------------------------------------------------------------------


@blueprint.route("/courses/new/<id:draft_id>/2", methods=["GET", "POST"])
@requires(Permission.COURSES_PLAN, reads=THE_PLAN)
@once
def step_2(draft_id: int) -> Response | str:
    """When the first infusion may be, on which weekdays, at what hours."""
    found = opened(db(), draft_id)
    if away := elsewhere(found, 2):
        return away
    subject = subject_of(db(), principal(), found.answers)
    days = weekdays(db(), found.answers.site_id)
    today = local_day(now(), subject.site.zone)
    form = _days_form(found.answers, days, now(), subject)
    if request.method == "GET":
        return _days_page(form, found, subject)
    if not form.validate():
        return _days_page(form, found, subject, 422)

    def changed(answers: Answers) -> Answers:
        return with_days(
            answers,
            earliest_day=form.earliest_day.data,
            latest_first_day=form.latest_first_day.data,
            weekdays=_all_when_complete(form.weekdays.data, days),
            preferred=(
                minutes_of(form.preferred_from.data, 0),
                minutes_of(form.preferred_to.data, DAY_MINUTES),
            ),
            today=today,
            zone=subject.site.zone,
        )

    try:
        _save(draft_id, changed, 2)
    except FieldError as error:
        put_beside(form, error)
        return _days_page(form, found, subject, 422)
    except StaleVersion as stale:
        fresh = opened(db(), draft_id)
        form = _days_form(fresh.answers, days, now(), subject, formdata=None)
        return _days_page(form, fresh, subject, CONFLICT, faults=[(None, stale.sentence)])
    return _onward(draft_id, 3)


def _all_when_complete(chosen: list[int] | None, days: dict[int, str]) -> frozenset[int]:
    """Every day a clinic is open means every day: it may open on others later."""
    picked = frozenset(chosen or ())
    return frozenset(range(7)) if picked == frozenset(days) else picked


def _days_form(answers: Answers, days: dict[int, str], at: datetime, subject: Subject, **options: Any) -> DaysForm:
    form = DaysForm(
        **options,
        earliest_day=answers.earliest_day or local_day(at, subject.site.zone) + timedelta(days=USUALLY_FROM_DAYS),
        latest_first_day=answers.latest_first_day,
        weekdays=sorted(answers.weekdays & frozenset(days)),
        preferred_from=time_of(answers.preferred[0]),
        preferred_to=time_of(answers.preferred[1]),
    )
    form.weekdays.choices = [SelectChoice(str(day), name) for day, name in days.items()]
    return form


def _days_page(form: DaysForm, found: Opened, subject: Subject, status: int = 200, **more: Any) -> Response | str:
    context = {**frame(found.draft, found.answers, 2, subject), "form": form, **more}
    return _shown("planning/days.html", context, status)


# -- 3: team and escort ------------------------------------------------------------------------------------------------


@blueprint.route("/courses/new/<id:draft_id>/3", methods=["GET", "POST"])
@requires(Permission.COURSES_PLAN, reads=THE_PLAN)
@once
def step_3(draft_id: int) -> Response | str:
    """Who is the primary therapist, who else may hold sessions, how, and who takes the patient home."""
    found = opened(db(), draft_id)
    if away := elsewhere(found, 3):
        return away
    subject = subject_of(db(), principal(), found.answers)
    people = {row.id: row.name for row in therapists(db(), found.answers.site_id)}
    form = _team_form(found.answers, people)
    if request.method == "GET":
        return _team_page(form, found, subject)
    if not form.validate():
        return _team_page(form, found, subject, 422)

    def changed(answers: Answers) -> Answers:
        chosen = frozenset(form.therapist_ids.data or ())
        return with_team(
            answers,
            therapist_id=form.therapist_id.data or None,
            # Who was limited to some stays so: “anyone” would take in whoever joins later, or works elsewhere.
            therapist_ids=None if chosen == frozenset(people) and answers.therapist_ids is None else chosen,
            modes=_liked_first([Mode(word) for word in form.modes.data or ()], answers.modes),
            escort=form.escort.data or "",
            zone=subject.site.zone,
        )

    try:
        _save(draft_id, changed, 3)
    except FieldError as error:
        put_beside(form, error)
        return _team_page(form, found, subject, 422)
    except StaleVersion as stale:
        fresh = opened(db(), draft_id)
        form = _team_form(fresh.answers, people, formdata=None)
        return _team_page(form, fresh, subject, CONFLICT, faults=[(None, stale.sentence)])
    return _onward(draft_id, 4)


def _liked_first(chosen: list[Mode], before: tuple[Mode, ...]) -> tuple[Mode, ...]:
    """The chosen modes in the order of before: the one a patient likes best comes first, and boxes have no order."""
    return tuple(sorted(chosen, key=lambda mode: before.index(mode) if mode in before else len(before)))


def _team_form(answers: Answers, people: dict[int, str], **options: Any) -> TeamForm:
    everyone = sorted(people)
    form = TeamForm(
        **options,
        therapist_id=answers.therapist_id or 0,
        therapist_ids=everyone if answers.therapist_ids is None else sorted(answers.therapist_ids),
        modes=[mode.value for mode in answers.modes],
        escort=answers.escort,
    )
    form.therapist_id.choices = [SelectChoice("0", "Nobody in particular")] + [
        SelectChoice(str(person), name) for person, name in people.items()
    ]
    form.therapist_ids.choices = [SelectChoice(str(person), name) for person, name in people.items()]
    form.modes.choices = [SelectChoice(value, words) for value, words in MODE_WORDS.items()]
    return form


def _team_page(form: TeamForm, found: Opened, subject: Subject, status: int = 200, **more: Any) -> Response | str:
    context = {**frame(found.draft, found.answers, 3, subject), "form": form, **more}
    return _shown("planning/team.html", context, status)


# -- leaving -----------------------------------------------------------------------------------------------------------


@blueprint.route("/courses/new/<id:draft_id>/discard", methods=["GET", "POST"])
@requires(Permission.COURSES_PLAN, reads=THE_PLAN)
@once
def discard(draft_id: int) -> Response | str:
    """Throw the plan away: it cannot be taken back, so it is asked once."""
    found = opened(db(), draft_id)
    if away := elsewhere(found, 0):
        return away
    subject = subject_of(db(), principal(), found.answers)
    context = {"draft": found.draft, "subject": subject, "back_url": step_url(draft_id, found.draft.step)}
    if request.method == "GET":
        return render_template("planning/discard.html", **context)
    try:
        discard_draft(db(), principal(), draft_id, seen_version=seen_version(), now=now())
    except StaleVersion as stale:
        context["draft"] = opened(db(), draft_id).draft
        return refuse("planning/discard.html", context, CONFLICT, faults=[(None, stale.sentence)])
    flash("The plan is discarded. Nothing was booked.", "ok")
    return redirect(url_for("planning.begin"), SEE_OTHER)


def _save(draft_id: int, changed: Any, step: int) -> None:
    save_answers(
        db(),
        principal(),
        draft_id,
        changed,
        seen_version=seen_version(),
        step=step if wants_later() else step + 1,
        now=now(),
    )


def _onward(draft_id: int, step: int) -> Response:
    """On to the next step, or away for now; nobody waits for times that nobody is reading."""
    if not wants_later():
        return redirect(step_url(draft_id, step), SEE_OTHER)
    return leave_for_now(db(), draft_id)


def leave_for_now(session: Session, draft_id: int) -> Response:
    """Give back held times and go to Today, where the draft is listed."""
    let_times_go(session, principal(), draft_id, now())
    flash(LATER, "ok")
    return redirect(TODAY, SEE_OTHER)


def _shown(template: str, context: dict[str, Any], status: int) -> Response | str:
    return render_template(template, **context) if status == 200 else refuse(template, context, status)
