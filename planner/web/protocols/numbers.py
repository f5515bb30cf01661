"""Every number of a protocol in one form, made from the document itself: value, source and mark."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from flask import render_template, request
from werkzeug.wrappers import Response

from planner.domain.access import Permission
from planner.domain.errors import StaleVersion
from planner.domain.protocol_editing import TypedNumber
from planner.domain.protocol_numbers import Number, unit_words
from planner.services.protocol_drafts import keep_draft
from planner.services.protocol_editing import edited_numbers, numbers_to_edit
from planner.services.protocols import ProtocolInvalid
from planner.store.queries.protocols import Standing, standing
from planner.web.access import once, principal, requires
from planner.web.clock import now
from planner.web.db import db
from planner.web.fields import check_text, refuse, seen_version
from planner.web.protocols import blueprint
from planner.web.protocols.windows import CONFLICT, base_number, clinic_policy, newer_state, onward

TEMPLATE = "protocols/numbers.html"
LONGEST_SOURCE, LONGEST_NUMBER = 2_000, 20


@dataclass(frozen=True, slots=True)
class Row:
    """One number of the form with what was typed into it."""

    number: Number
    unit: str
    value: str
    source: str
    mark: str
    fault: str


@blueprint.get("/admin/protocols/<id:protocol_id>/numbers")
@requires(Permission.PROTOCOLS_WRITE)
def numbers(protocol_id: int) -> str:
    """All numbers, to change any of them."""
    stands = standing(db(), protocol_id)
    return render_template(TEMPLATE, **_page(stands, {}, ()))


@blueprint.post("/admin/protocols/<id:protocol_id>/numbers")
@requires(Permission.PROTOCOLS_WRITE)
@once
def change_numbers(protocol_id: int) -> Response:
    """Keep changed numbers as a draft."""
    stands = standing(db(), protocol_id)
    typed = _typed(stands)
    try:
        _check_texts(typed)
        document = edited_numbers(stands, typed, clinic_policy())
        keep_draft(db(), principal(), protocol_id, document, seen_version=seen_version(), base=base_number(), now=now())
    except ProtocolInvalid as invalid:
        return refuse(TEMPLATE, _page(stands, typed, invalid.problems))
    except StaleVersion as stale:
        page = _page(stands, typed, [("", stale.sentence)]) | newer_state(stands)
        return refuse(TEMPLATE, page, CONFLICT)
    return onward(protocol_id, "protocols.numbers")


def box(path: str, part: str) -> str:
    """The name and id of one box: `value`, `source` or `mark` of the number at a path."""
    return f"{part}:{path}"


def _typed(stands: Standing) -> dict[str, TypedNumber]:
    """What was sent for each number; a box that is not there counts as left alone."""
    typed = {}
    for number in numbers_to_edit(stands.working):
        before = {"value": f"{number.value:g}", "source": number.source, "mark": number.mark}
        sent = {part: request.form.get(box(number.path, part), known) for part, known in before.items()}
        typed[number.path] = TypedNumber(**{part: word.strip() for part, word in sent.items()})
    return typed


def _check_texts(typed: Mapping[str, TypedNumber]) -> None:
    """Raises ProtocolInvalid for sources that hold what nobody can read, or too much."""
    problems = []
    for path, entry in typed.items():
        try:
            check_text(entry.source, LONGEST_SOURCE)
            check_text(entry.value, LONGEST_NUMBER)
        except ValueError as error:
            problems.append((path, str(error)))
    if problems:
        raise ProtocolInvalid(problems)


def _page(stands: Standing, typed: Mapping[str, TypedNumber], problems: Iterable[tuple[str, str]]) -> dict[str, Any]:
    listed = numbers_to_edit(stands.working)
    at_fault = {_number_at(path, listed): sentence for path, sentence in reversed(list(problems))}
    rows = [_row(number, typed.get(number.path), at_fault.get(number.path, "")) for number in listed]
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(row.number.group, []).append(row)
    faults = [(box(path, "value") if path else None, sentence) for path, sentence in reversed(at_fault.items())]
    return {
        "stands": stands,
        "groups": list(groups.items()),
        "faults": faults,
        "source": clinic_policy(),
        "meanwhile": (),
        "is_late": False,
    }


def _number_at(path: str, listed: Iterable[Number]) -> str:
    """The number a fault belongs to; empty for one that belongs to none of them."""
    known = {number.path for number in listed}
    while path and path not in known:
        path = path.rpartition(".")[0]
    return path


def _row(number: Number, typed: TypedNumber | None, fault: str) -> Row:
    shown = typed or TypedNumber(f"{number.value:g}", number.source, number.mark)
    return Row(number, unit_words(number.unit), shown.value, shown.source, shown.mark, fault)
