"""Ending a course: what will be given back is listed first, and it can be undone for a while."""

from __future__ import annotations

from typing import Any

from flask import redirect, render_template, request, url_for
from werkzeug.wrappers import Response
from wtforms import RadioField

from planner.domain.access import Permission
from planner.domain.errors import FieldError, Refused, StaleVersion
from planner.domain.statuses import AppointmentStatus, CourseStatus
from planner.services.ending import LONGEST_REASON, end_course
from planner.services.reading.windows import policy_of, windows_of
from planner.store.queries import courses as find
from planner.store.queries.appointments import of_course
from planner.web.access import SEE_OTHER, once, principal, requires
from planner.web.clock import now
from planner.web.courses import blueprint
from planner.web.courses.pages import date_lines, heading_of
from planner.web.db import db
from planner.web.fields import Line, PlannerForm, put_beside, refuse, seen_version
from planner.web.reads import THE_COURSE

OPEN = (AppointmentStatus.BOOKED, AppointmentStatus.ARRIVED, AppointmentStatus.PROPOSED)
HOW = {
    CourseStatus.COMPLETED.value: "Completed: it went as far as it should",
    CourseStatus.REVOKED.value: "Stopped: it ends before that",
}


class EndForm(PlannerForm):
    """How a course ends, and why."""

    status = RadioField("How does it end?", choices=HOW)
    reason = Line("Reason", longest=LONGEST_REASON)


@blueprint.route("/courses/<id:course_id>/end", methods=["GET", "POST"])
@requires(Permission.COURSES_PLAN, reads=THE_COURSE)
@once
def end(course_id: int) -> Response | str:
    """Complete or stop a course."""
    its = find.course(db(), principal(), course_id, now())
    form = EndForm()
    status = 422
    if request.method == "POST" and form.validate():
        try:
            end_course(
                db(),
                principal(),
                course_id,
                status=CourseStatus(form.status.data),
                seen_version=seen_version(),
                now=now(),
                reason=form.reason.data or "",
            )
        except StaleVersion as error:
            status = 409
            put_beside(form, error)
        except (FieldError, Refused) as error:
            put_beside(form, error)
        else:
            return redirect(url_for("courses.course", course_id=course_id), SEE_OTHER)
    shown: dict[str, Any] = {
        "form": form,
        "course": its,
        "heading": heading_of(principal(), its),
        "dates": _to_come(course_id, its),
    }
    if form.errors or form.form_errors:
        return refuse("courses/end.html", shown, status=status)
    return render_template("courses/end.html", **shown)


def _to_come(course_id: int, its: find.CourseRow) -> list[object]:
    """The dates that ending the course would give back."""
    rows = of_course(db(), principal(), course_id)
    readings = windows_of(policy_of(db(), its.protocol_version_id).protocol, rows)
    lines = date_lines(rows, readings, now())
    return [line for line in lines.values() if line.status in OPEN and line.starts_at > now()]
