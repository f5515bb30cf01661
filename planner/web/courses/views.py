"""Courses: list, one course, all its dates, its history, and undoing a change."""

from __future__ import annotations

from flask import flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from planner.domain.access import Permission, may
from planner.domain.errors import NotPermitted, Refused
from planner.domain.statuses import CourseStatus
from planner.services.reading.changes import course_of_change, open_change
from planner.services.reading.windows import policy_of, windows_of
from planner.services.undoing_groups import undo_change as undo_as_one
from planner.store.queries import courses as find
from planner.store.queries.appointments import of_course
from planner.store.queries.day import to_do
from planner.store.queries.history import course_history
from planner.web.access import SEE_OTHER, once, principal, requires
from planner.web.clock import now
from planner.web.courses import blueprint
from planner.web.courses.changes import history_lines
from planner.web.courses.forms import STATUS_FILTER, STATUSES_SHOWN
from planner.web.courses.pages import course_page, course_tabs, date_lines, heading_of, undo_notice
from planner.web.db import db
from planner.web.fields import UNPROCESSABLE, refuse
from planner.web.filters import staff_date, staff_time
from planner.web.lists import COURSES, USUAL_STATUS, filtering
from planner.web.navigation import new_key
from planner.web.reads import COURSES_LIST, THE_CHANGE, THE_COURSE, list_is_read

ANYONE_WHO_CHANGES = (
    Permission.COURSES_PLAN,
    Permission.INFUSIONS_CHANGE,
    Permission.INFUSIONS_STATUS,
    Permission.INTEGRATION_CHANGE,
    Permission.INTEGRATION_STATUS,
)


@blueprint.get("/courses")
@requires(Permission.COURSES_READ, reads=COURSES_LIST)
def courses() -> str:
    """The courses this person may see."""
    by = filtering(db(), principal(), COURSES, request.args)
    status = by.chosen.get("show", USUAL_STATUS)
    found = find.courses(
        db(),
        principal(),
        now(),
        statuses=STATUSES_SHOWN[status],
        site_id=by.id_of("site"),
        therapist_id=by.id_of("therapist"),
    )
    if "attention" in by.chosen:
        waiting = {item.appointment.course_id for item in to_do(db(), principal(), now())}
        found = [course for course in found if course.id in waiting]
    list_is_read(principal(), COURSES_LIST, len(found))
    return render_template(
        "courses/courses.html",
        filtering=by,
        courses=found,
        status_words=STATUS_FILTER[status],
        may_plan=may(principal(), Permission.COURSES_PLAN),
        shows_names=may(principal(), Permission.PATIENTS_READ),
    )


@blueprint.get("/courses/<id:course_id>")
@requires(Permission.COURSES_READ, reads=THE_COURSE)
def course(course_id: int) -> str:
    """One course."""
    return _course(course_id)


def _course(course_id: int) -> str:
    its = find.course(db(), principal(), course_id, now())
    dates = of_course(db(), principal(), course_id)
    page = course_page(principal(), its, dates, policy_of(db(), its.protocol_version_id), now())
    change = open_change(db(), principal(), course_id, now())
    return render_template(
        "courses/course.html",
        page=page,
        course_tabs=course_tabs(course_id, "course"),
        notices=undo_notice(change, its.zone, new_key()),
    )


@blueprint.get("/courses/<id:course_id>/dates")
@requires(Permission.COURSES_READ, reads=THE_COURSE)
def dates(course_id: int) -> str:
    """All dates, made to be printed."""
    its = find.course(db(), principal(), course_id, now())
    rows = of_course(db(), principal(), course_id)
    readings = windows_of(policy_of(db(), its.protocol_version_id).protocol, rows)
    shown = [line for line in date_lines(rows, readings, now()).values() if line.status != "cancelled"]
    return render_template(
        "courses/dates.html",
        course=its,
        heading=heading_of(principal(), its),
        dates=shown,
        printed_at=f"{staff_date(now(), its.zone)} {staff_time(now(), its.zone)}",
    )


@blueprint.get("/courses/<id:course_id>/changes")
@requires(Permission.COURSES_READ, reads=THE_COURSE)
def changes(course_id: int) -> str:
    """Who changed what when."""
    its = find.course(db(), principal(), course_id, now())
    rows = course_history(db(), principal(), course_id)
    change = open_change(db(), principal(), course_id, now())
    return render_template(
        "courses/changes.html",
        course=its,
        heading=heading_of(principal(), its),
        entries=history_lines(rows, its.zone),
        course_tabs=course_tabs(course_id, "changes"),
        notices=undo_notice(change, its.zone, new_key()),
    )


@blueprint.post("/changes/<id:change_set_id>/undo")
@requires(*ANYONE_WHO_CHANGES, reads=THE_CHANGE)
@once
def undo_change(change_set_id: int) -> Response:
    """Take one change back as a whole."""
    course_id = course_of_change(db(), principal(), change_set_id)
    its = find.course(db(), principal(), course_id, now())
    try:
        undo_as_one(db(), principal(), change_set_id, now())
    except (Refused, NotPermitted) as error:
        return refuse(
            "courses/not_undone.html",
            status=UNPROCESSABLE if isinstance(error, Refused) else 403,
            course=its,
            heading=heading_of(principal(), its),
            faults=[(None, error.sentence)],
        )
    flash("Undone. Everything is as it was before.", "ok")
    if find.course(db(), principal(), course_id, now()).status is CourseStatus.REVOKED:
        return redirect(url_for("courses.courses"), SEE_OTHER)
    return redirect(url_for("courses.course", course_id=course_id), SEE_OTHER)
