"""A closed day or an absence in two steps: what would change in every course is shown first, then exactly that is done.

A preview writes nothing. Applying posts the preview's key: when anything has changed since, the newer preview is shown
(409) and nothing is saved.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from flask import redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from planner.domain.conflicts import Rule
from planner.domain.errors import FieldError, NotPermitted, StaleVersion
from planner.domain.statuses import AppointmentKind
from planner.services.disruption_acts import Disruption
from planner.services.disruptions import apply_disruption
from planner.services.reading.disruptions import CourseFacts, DisruptionFacts, disruption_facts
from planner.services.reading.previews import LineFacts
from planner.web.access import SEE_OTHER, principal
from planner.web.clock import now
from planner.web.courses.acting import CONFLICT, LEAVE
from planner.web.db import db
from planner.web.fields import UNPROCESSABLE, number_in, refuse
from planner.web.filters import staff_span
from planner.web.preview_words import line_words

TEMPLATE = "rosters/preview.html"
LONGEST_OVERRIDE, SHORTEST_OVERRIDE = 300, 3
_CHOICE = re.compile(r"choice-([0-9]{1,15})-([0-9]{1,3})")
_REASON = "reason-"

Fault = tuple[str | None, str]


@dataclass(frozen=True, slots=True)
class AskedWords:
    """What a person asked for, in words. `fields` are repeated when it is sent again.

    `verb` begins the button: “Close the day”.
    """

    heading: str
    verb: str
    preview_url: str
    apply_url: str
    back_url: str
    done_url: str
    fields: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Asked(AskedWords):
    """The same with the act itself."""

    act: Disruption


def show_preview(session: Session, asked: Asked) -> str:
    """What it would change. Raises FieldError and Refused, which belong on the page before this one."""
    return render_template(TEMPLATE, **preview_context(asked, _facts(session, asked)))


def apply_asked(asked: Asked) -> Response:
    """Do what was previewed. Raises FieldError and Refused for what has become impossible since."""
    try:
        apply_disruption(
            db(),
            principal(),
            asked.act,
            key=request.form.get("key", ""),
            now=now(),
            choices=posted_choices(),
            override_reasons=posted_reasons(),
        )
    except StaleVersion:
        sentence = "Something changed in the meantime. Nothing was saved; this is what it would change now."
        return refuse(TEMPLATE, preview_context(asked, _facts(db(), asked), [(None, sentence)]), CONFLICT)
    except NotPermitted as error:
        return refuse(TEMPLATE, preview_context(asked, _facts(db(), asked), [(None, error.sentence)]), UNPROCESSABLE)
    except FieldError as error:
        if error.field != "reason":
            raise
        facts = _facts(db(), asked)
        return refuse(TEMPLATE, preview_context(asked, facts, beside_reason(facts, error)), UNPROCESSABLE)
    return redirect(asked.done_url, SEE_OTHER)


def _facts(session: Session, asked: Asked) -> DisruptionFacts:
    return disruption_facts(session, principal(), asked.act, now=now(), choices=posted_choices())


def posted_choices() -> dict[int, dict[int, int]]:
    """The chosen ways out by course and dose number."""
    found: dict[int, dict[int, int]] = defaultdict(dict)
    for name, value in request.form.items():
        match = _CHOICE.fullmatch(name)
        way = number_in(value)
        if match and way is not None:
            found[int(match[1])][int(match[2])] = way
    return dict(found)


def posted_reasons() -> dict[Rule, str]:
    """The reason typed for each rule that would be set aside; mostly empty."""
    return {rule: request.form.get(_REASON + rule.value, "").replace("\r\n", "\n").strip() for rule in Rule}


def beside_reason(facts: DisruptionFacts, error: FieldError) -> list[Fault]:
    """A refused reason at the first box whose text is at fault."""
    typed = posted_reasons()
    for aside in facts.overrides:
        if not SHORTEST_OVERRIDE <= len(typed[aside.rule]) <= LONGEST_OVERRIDE:
            return [(_REASON + aside.rule.value, error.sentence)]
    return [(None, error.sentence)]


# Words


def preview_context(asked: AskedWords, facts: DisruptionFacts, faults: Iterable[Fault] = ()) -> dict[str, Any]:
    """Everything the page of a preview shows."""
    faults = list(faults)
    typed, at_fault = posted_reasons(), dict(faults)
    choices = tuple((name, value) for name, value in request.form.items() if _CHOICE.fullmatch(name))
    return {
        "asked": asked,
        "facts": facts,
        "faults": faults,
        "courses": [_course(course) for course in facts.courses],
        "unsaved": [
            _unsaved(course, line) for course in facts.courses for line in course.facts.lines if line.is_unsaved
        ],
        "has_questions": any(course.facts.questions for course in facts.courses),
        "reasons": [
            {
                "id": _REASON + aside.rule.value,
                "name": aside.name,
                "sentences": aside.sentences,
                "typed": typed[aside.rule],
                "error": at_fault.get(_REASON + aside.rule.value),
            }
            for aside in facts.overrides
        ],
        "kept": (*asked.fields, *choices, ("key", facts.key)),
        "summary": _summary(facts),
        "button": _button(asked, facts),
    }


def _unsaved(course: CourseFacts, line: LineFacts) -> dict[str, str]:
    """What could not be saved, when it would have been, and what can be done about it."""
    was = "" if line.before is None else staff_span(line.before.starts_at, line.before.ends_at, course.facts.zone)
    if course.facts.questions:
        way_out = "Choose a way out below."
    elif line.kind is AppointmentKind.INTEGRATION:
        way_out = "Afterwards it waits on Today, under “to do”, until somebody finds it a time."
    else:
        way_out = "Afterwards, book it anew from its course."
    return {
        "code": course.code,
        "url": url_for("courses.course", course_id=course.course_id),
        "what": line.what,
        "was": was,
        "why": line.note,
        "way_out": way_out,
    }


def _course(course: CourseFacts) -> dict[str, Any]:
    return {
        "id": course.course_id,
        "code": course.code,
        "lines": [line_words(line, course.facts.zone) for line in course.facts.lines],
        "remarks": course.facts.remarks,
        "questions": [
            {
                "name": f"choice-{course.course_id}-{question.number}",
                "legend": question.sentence,
                "options": [
                    *(
                        {"value": str(choice.index), "words": choice.sentence}
                        for choice in course.choices[question.number]
                    ),
                    {
                        "value": LEAVE,
                        "words": "Leave it without a session for now",
                        "hint": "It appears on Today, under “to do”.",
                    },
                ],
                "chosen": LEAVE if question.chosen is None else str(question.chosen),
            }
            for question in course.facts.questions
        ],
    }


def _summary(facts: DisruptionFacts) -> str:
    if not facts.courses:
        return "Nothing that is booked has to change."
    codes = [course.code for course in facts.courses]
    told = f"This touches {len(codes)} courses." if len(codes) > 1 else f"This touches the course of {codes[0]}."
    if facts.unsaved:
        needs = "needs" if facts.unsaved == 1 else "need"
        told += f" {_counted(facts.unsaved, 'appointment')} could not be saved and {needs} a person to decide."
    return told


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _button(asked: AskedWords, facts: DisruptionFacts) -> str:
    """“Close the day and move 3 appointments”; “change” where some are more or less than moved."""
    if not facts.count:
        return asked.verb
    return f"{asked.verb} and {'move' if facts.only_moves else 'change'} {_counted(facts.count, 'appointment')}"
