"""Finding a draft for a page, and sending people to where they can go on."""

from __future__ import annotations

from dataclasses import dataclass

from flask import redirect, request
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from planner.services.plan_answers import Answers
from planner.store.queries.drafts import Draft, draft
from planner.web.access import SEE_OTHER, principal
from planner.web.planning.pages import step_url

TODAY = "/today"
LATER = "Kept. You find this plan on Today and go on where you stopped."


@dataclass(frozen=True, slots=True)
class Opened:
    """A draft with its answers read."""

    draft: Draft
    answers: Answers

    @property
    def id(self) -> int:
        """The draft's id."""
        return self.draft.id


def opened(db: Session, draft_id: int) -> Opened:
    """The signed-in person's own draft. Raises NotFound, FieldError for answers that cannot be read."""
    found = draft(db, principal(), draft_id)
    return Opened(found, Answers.from_json(found.answers))


def elsewhere(found: Opened, step: int) -> Response | None:
    """Where to go instead: the course a booked plan became, or the first step not answered yet."""
    if found.draft.course_id is not None:
        return redirect(course_url(found.draft.course_id), SEE_OTHER)
    if step > found.answers.reached:
        return redirect(step_url(found.id, found.answers.reached), SEE_OTHER)
    return None


def course_url(course_id: int) -> str:
    """The page of a course."""
    return f"/courses/{course_id}"


def wants_later() -> bool:
    """Whether “Save and finish later” was pressed."""
    return bool(request.form.get("later"))
