"""One act on a course in two steps: what would change is shown first, and then exactly that is done.

A preview writes nothing. Applying posts the preview's key: when the course has changed since, the newer preview is
shown (409) and nothing is saved.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from flask import redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from planner.domain.conflicts import Rule
from planner.domain.errors import FieldError, NotPermitted, StaleVersion
from planner.services import rebooking, rescheduling
from planner.services.reading.previews import PreviewFacts, facts_of
from planner.services.rebooking import Rebook
from planner.store.queries.appointments import AppointmentRow
from planner.web.access import SEE_OTHER, principal
from planner.web.clock import now
from planner.web.db import db
from planner.web.fields import UNPROCESSABLE, number_in, refuse
from planner.web.filters import staff_span
from planner.web.preview_words import line_words

TEMPLATE = "courses/preview.html"
CONFLICT = 409
LEAVE = "leave"
_CHOICE = re.compile(r"choice-([0-9]{1,3})")
_REASON = "reason-"
#: The reason as given on the page that refused a time, before the preview.
ASIDE_REASON = "aside_reason"

Fault = tuple[str | None, str]


@dataclass(frozen=True, slots=True)
class Asked:
    """What a person asked for, and where its pages are. `fields` are repeated when it is sent again."""

    act: rescheduling.Act | Rebook
    row: AppointmentRow
    heading: str
    verb: str
    preview_url: str
    apply_url: str
    back_url: str
    fields: tuple[tuple[str, str], ...] = ()

    @property
    def done_url(self) -> str:
        """The course, which says what was done and offers to undo it."""
        return url_for("courses.course", course_id=self.row.course_id)


def show_preview(session: Session, asked: Asked) -> str:
    """What the act would change. Raises Refused and FieldError, which belong on the page before this one."""
    return render_template(TEMPLATE, **context_of(asked, preview_facts(session, asked)))


def apply_asked(asked: Asked) -> Response:
    """Do what was previewed. Raises Refused for what has become impossible since."""
    try:
        _apply(db(), asked)
    except StaleVersion as stale:
        facts = preview_facts(db(), asked)
        sentence = f"{stale.sentence.split('. ')[0]}. Nothing was saved; this is what it would change now."
        return refuse(TEMPLATE, status=CONFLICT, **context_of(asked, facts, faults=[(None, sentence)]))
    except (FieldError, NotPermitted) as error:
        facts = preview_facts(db(), asked)
        return refuse(TEMPLATE, status=UNPROCESSABLE, **context_of(asked, facts, faults=_beside(facts, error)))
    return redirect(asked.done_url, SEE_OTHER)


def preview_facts(session: Session, asked: Asked) -> PreviewFacts:
    """The act decided with the ways out that are chosen on the page, and without them."""
    plain = _preview(session, asked, {})
    chosen = _choices()
    return facts_of(principal(), plain, _preview(session, asked, chosen) if chosen else plain)


def _preview(session: Session, asked: Asked, choices: Mapping[int, int]) -> rescheduling.Preview:
    if isinstance(asked.act, Rebook):
        return rebooking.preview_rebooking(session, principal(), asked.act, now=now(), choices=choices)
    return rescheduling.preview(session, principal(), asked.act, now=now(), choices=choices)


def _apply(session: Session, asked: Asked) -> None:
    more: dict[str, Any] = {
        "key": request.form.get("key", ""),
        "now": now(),
        "choices": _choices(),
        "override_reasons": _reasons(),
    }
    if isinstance(asked.act, Rebook):
        rebooking.apply_rebooking(session, principal(), asked.act, **more)
    else:
        rescheduling.apply(session, principal(), asked.act, **more)


def _choices() -> dict[int, int]:
    """The chosen ways out by dose number."""
    found = {}
    for name, value in request.form.items():
        match = _CHOICE.fullmatch(name)
        way = number_in(value)
        if match and way is not None:
            found[int(match[1])] = way
    return found


def _reasons() -> dict[Rule, str]:
    """What is typed in each rule's box; at first the reason that was given where the time was refused."""
    given = typed_reason(ASIDE_REASON)
    return {rule: typed_reason(_REASON + rule.value, given) for rule in Rule}


def typed_reason(name: str, without: str = "") -> str:
    """The text of a reason's box as it is judged and kept; `without`: where the form has no such box."""
    return request.form.get(name, without).replace("\r\n", "\n").strip()


def _beside(facts: PreviewFacts, error: FieldError | NotPermitted) -> list[Fault]:
    """A refused reason at every box whose text is at fault; anything else on top."""
    if not isinstance(error, FieldError) or error.field != "reason" or not facts.overrides:
        return [(None, error.sentence)]
    reasons = _reasons()
    at = next((s for s in facts.overrides if not 3 <= len(reasons[s.rule]) <= 300), facts.overrides[0])
    return [(_REASON + at.rule.value, error.sentence)]


# Words


def context_of(asked: Asked, facts: PreviewFacts, faults: Iterable[Fault] = ()) -> dict[str, Any]:
    """Everything the preview page shows."""
    faults = list(faults)
    reasons = _reasons()
    at_fault = dict(faults)
    # The reason first given is in the boxes by now, where it may have been changed.
    repeated = tuple((name, value) for name, value in asked.fields if name != ASIDE_REASON)
    choices = tuple((name, value) for name, value in request.form.items() if _CHOICE.fullmatch(name))
    return {
        "asked": asked,
        "facts": facts,
        "faults": faults,
        "lines": [line_words(line, facts.zone) for line in facts.lines],
        "questions": [_question(question) for question in facts.questions],
        "reasons": [
            {
                "id": _REASON + aside.rule.value,
                "name": aside.name,
                "sentences": aside.sentences,
                "typed": reasons[aside.rule],
                "error": at_fault.get(_REASON + aside.rule.value),
            }
            for aside in facts.overrides
        ],
        "fields": asked.fields,
        "kept": (*repeated, *choices, ("key", facts.key)),
        "button": button_words(asked.verb, facts.count) + (" all the same" if facts.overrides else ""),
        "zone": facts.zone,
        "row": asked.row,
    }


def button_words(verb: str, count: int) -> str:
    """“Move 3 appointments”, “Cancel and change 2 appointments”."""
    return f"{verb} {count} appointment{'' if count == 1 else 's'}"


def _question(question: Any) -> dict[str, Any]:
    ways = [{"value": str(place), "words": words} for place, words in enumerate(question.ways_out)]
    hint = "It appears on Today, under “to do”."
    leave = {"value": LEAVE, "words": "Leave it without a session for now", "hint": hint}
    return {
        "name": f"choice-{question.number}",
        "legend": question.sentence,
        "options": [*ways, leave],
        "chosen": LEAVE if question.chosen is None else str(question.chosen),
    }


def now_words(row: AppointmentRow) -> str:
    """Where an appointment is now: “Tue 24 Nov 10:00 to 12:30, Chair 2”."""
    where = row.chair_name or row.therapist_name
    return ", ".join(part for part in (staff_span(row.starts_at, row.ends_at, row.zone), where) if part)
