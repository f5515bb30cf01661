"""What somebody else saved while a form was being filled in, to be shown beside what was typed (409)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, time
from typing import Any

from planner.web.filters import short_day_words

CONFLICT = 409
NOTHING = "empty"


def newer_values(form: Any, current: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Label and stored value of every box in which something else was typed. `current` is by the box's name."""
    return [
        (str(entry.label.text), _words(entry, current[entry.name]))
        for entry in form
        if entry.name in current and _plain(entry.data) != _plain(current[entry.name])
    ]


def _plain(value: Any) -> Any:
    if isinstance(value, list | tuple | set | frozenset):
        return sorted(str(each) for each in value)
    return "" if value is None else str(value)


def _words(entry: Any, value: Any) -> str:
    names = {str(choice): str(label) for choice, label in _choices(entry)}
    if isinstance(value, bool):
        return "ticked" if value else "not ticked"
    if isinstance(value, list | tuple | set | frozenset):
        return ", ".join(names.get(str(each), str(each)) for each in value) or NOTHING
    if isinstance(value, time):
        return f"{value:%H:%M}"
    if isinstance(value, date):
        return f"{short_day_words(value)} {value.year}"
    return names.get(str(value), str(value)) if value not in (None, "") else NOTHING


def _choices(entry: Any) -> list[tuple[Any, Any]]:
    if not hasattr(entry, "iter_choices"):
        return []
    return [(choice[0], choice[1]) for choice in entry.iter_choices()]
