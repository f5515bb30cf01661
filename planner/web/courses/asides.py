"""Doing it all the same: what a refused move would set aside, who may, and the reason they give for it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from flask import request
from sqlalchemy.orm import Session

from planner.domain.access import Permission, may
from planner.domain.conflicts import ASKED_ASIDE, Rule
from planner.domain.errors import FieldError, Refused
from planner.services.overriding import checked_reason
from planner.services.rescheduling import Move, to_set_aside
from planner.web.access import principal
from planner.web.clock import now
from planner.web.courses.acting import ASIDE_REASON, Asked, typed_reason
from planner.web.fields import HIGHEST_ID, number_in

SET_ASIDE, BESIDE = "set_aside", "beside"
_ASIDE_FIELDS = frozenset({SET_ASIDE, BESIDE, ASIDE_REASON})

#: More appointments than one visit could ever overlap; a form that names more is not ours.
MOST_BESIDE = 50


def asked_aside() -> tuple[frozenset[Rule], frozenset[int]]:
    """The rules that the form sets aside, and the appointments (ids) that it names for an overlap."""
    rules = frozenset(Rule(word) for word in request.form.getlist(SET_ASIDE) if word in ASKED_ASIDE)
    ids = (number_in(word, digits=10) for word in request.form.getlist(BESIDE)[:MOST_BESIDE])
    return rules, frozenset(number for number in ids if number is not None and number <= HIGHEST_ID)


def fields_of(rules: Iterable[Rule], beside: Iterable[int], *, with_reason: bool) -> list[tuple[str, str]]:
    """What a form repeats so that the same is set aside again; with the reason typed so far, if there is a box."""
    fields = [(SET_ASIDE, rule.value) for rule in sorted(rules)]
    fields += [(BESIDE, str(number)) for number in sorted(beside)]
    if with_reason and fields and ASIDE_REASON in request.form:
        fields.append((ASIDE_REASON, typed_reason(ASIDE_REASON)))
    return fields


def sets_aside(asked: Asked) -> bool:
    """Whether the person asked for this although rules refuse it."""
    return isinstance(asked.act, Move) and bool(asked.act.overrides)


def check_reason(asked: Asked) -> None:
    """Ask for the reason where the time was refused. Raises FieldError (`aside_reason`)."""
    if sets_aside(asked) and ASIDE_REASON in request.form:
        try:
            checked_reason(typed_reason(ASIDE_REASON))
        except FieldError as error:
            raise FieldError(ASIDE_REASON, error.sentence) from error


def as_by_the_rules(asked: Asked) -> Asked:
    """The same, with nothing set aside."""
    act = asked.act
    if isinstance(act, Move):
        act = replace(act, overrides=frozenset(), beside=frozenset())
    fields = tuple((name, value) for name, value in asked.fields if name not in _ASIDE_FIELDS)
    return replace(asked, act=act, fields=fields)


def set_aside_words(session: Session, asked: Asked) -> dict[str, Any]:
    """What would have to be set aside, or why nobody may, as the refused page tells it."""
    words: dict[str, Any] = {"aside": [], "aside_fields": [], "ask_somebody": False, "never": []}
    plain = as_by_the_rules(asked)
    if not isinstance(plain.act, Move):
        return words
    try:
        conflicts = to_set_aside(session, principal(), plain.act, now=now())
    except Refused as refused:
        words["never"] = list(dict.fromkeys(conflict.sentence for conflict in refused.conflicts))
        return words
    if not conflicts:
        return words
    if not may(principal(), Permission.OVERRIDE_RULE):
        words["ask_somebody"] = True
        return words
    rules = {conflict.rule for conflict in conflicts}
    beside = {c.appointment_id for c in conflicts if c.rule is Rule.OVERLAP and c.appointment_id is not None}
    words["aside"] = list(dict.fromkeys(conflict.sentence for conflict in conflicts))
    words["aside_fields"] = [*plain.fields, *fields_of(rules, beside, with_reason=False)]
    return words
