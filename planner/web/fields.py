"""Forms that answer in sentences: the fields our pages share, and the way a refusal gets beside its field."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime, time
from typing import Any

from flask import abort, make_response, render_template, request
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response
from wtforms import SelectMultipleField, StringField, TextAreaField
from wtforms.validators import ValidationError
from wtforms.widgets import CheckboxInput, ListWidget

from planner.domain.errors import FieldError, PlannerError
from planner.domain.plain_text import can_be_seen, hides
from planner.domain.walltime import AmbiguousWallTime, NonexistentWallTime, UnknownZone, resolve_wall

UNPROCESSABLE = 422
LONGEST_LINE = 120
LONGEST_TEXT = 2_000
_ID = re.compile(r"[0-9]{1,15}")

#: What an id column holds on PostgreSQL.
HIGHEST_ID = 2**31 - 1


#: What the form library says by itself, in our words; a number of choices said in one or many is the same to us.
NOT_OFFERED = "Choose from this list; it may have changed since the page was loaded."
_LIBRARY_WORDS = {
    "Not a valid choice.": NOT_OFFERED,
    "Invalid Choice: could not coerce.": NOT_OFFERED,
    "Invalid choice(s): one or more data inputs could not be coerced.": NOT_OFFERED,
    "'%(value)s' is not a valid choice for this field.": NOT_OFFERED,
}


class _OurWords:
    """Takes the place of the form library's translations."""

    def gettext(self, words: str) -> str:
        return _LIBRARY_WORDS.get(words, words)

    def ngettext(self, one: str, many: str, number: int) -> str:
        return _LIBRARY_WORDS.get(one, one if number == 1 else many)


class Ticks(SelectMultipleField):
    """Several choices as checkboxes."""

    widget = ListWidget(prefix_label=False)
    option_widget = CheckboxInput()


class PlannerForm(FlaskForm):
    """Parent of all forms. The token against foreign requests is checked for every request, not per form."""

    class Meta(FlaskForm.Meta):
        csrf = False

        def get_translations(self, form: Any) -> _OurWords:
            """Sentences of ours instead of the library's."""
            return _OurWords()


class Line(StringField):
    """One line of text: outer spaces gone, no control characters or line breaks, at most `longest` characters."""

    def __init__(self, label: str, validators: Any = None, *, longest: int = LONGEST_LINE, **options: Any) -> None:
        super().__init__(label, validators, **options)
        self.longest = longest

    def process_formdata(self, valuelist: list[Any]) -> None:
        self.data: str | None = str(valuelist[0]).strip() if valuelist else ""

    def pre_validate(self, form: Any) -> None:
        check_text(self.data or "", self.longest)


class Text(TextAreaField):
    """Several lines of text: no control characters but line breaks, at most `longest` characters."""

    def __init__(self, label: str, validators: Any = None, *, longest: int = LONGEST_TEXT, **options: Any) -> None:
        super().__init__(label, validators, **options)
        self.longest = longest

    def process_formdata(self, valuelist: list[Any]) -> None:
        self.data: str | None = str(valuelist[0]).replace("\r\n", "\n").strip() if valuelist else ""

    def pre_validate(self, form: Any) -> None:
        check_text(self.data or "", self.longest, line_breaks=True)


def check_text(words: str, longest: int, *, line_breaks: bool = False) -> None:
    """Raise ValidationError for text that is too long or holds characters nobody can see the meaning of."""
    if len(words) > longest:
        raise ValidationError(f"Enter at most {longest} characters; these are {len(words)}.")
    allowed = "\n\t" if line_breaks else ""
    for letter in words:
        if letter not in allowed and hides(letter):
            raise ValidationError("Take out line breaks and control characters.")
    if words and not can_be_seen(words):
        raise ValidationError("Enter something that can be seen.")


def id_of(word: Any) -> int:
    """A record's id from a form, for `coerce=`. Raises ValueError for anything else."""
    if isinstance(word, int):
        return word
    if not _ID.fullmatch(str(word)):
        raise ValueError("not an id")
    if int(word) > HIGHEST_ID:
        raise ValueError("not an id")
    return int(word)


def number_in(word: str, digits: int = 3) -> int | None:
    """A whole number of at most so many plain digits, from a posted word; None for anything else, “²” included."""
    return int(word) if word.isascii() and word.isdigit() and len(word) <= digits else None


def seen_version() -> int:
    """The version the person saw, from the form's hidden field; 400 when it is missing or no number."""
    word = request.form.get("seen_version", "")
    if not _ID.fullmatch(word):
        abort(400, "This form is incomplete. Load the page again and send it once more.")
    return int(word)


def instant_of(day: date, at: time, zone: str, fold: int | None = None, *, field: str = "time") -> datetime:
    """The instant (UTC) of a wall time at a place, from a form.

    Raises FieldError at `field` for a time that does not exist there that day, or exists twice and `fold` does not
    say which (0 the first, 1 the second).
    """
    try:
        return resolve_wall(datetime.combine(day, at.replace(tzinfo=None)), zone, fold)
    except (NonexistentWallTime, AmbiguousWallTime, UnknownZone) as error:
        raise FieldError(field, str(error)) from error


def put_beside(form: Any, error: PlannerError) -> None:
    """Show a refusal of a service beside the field it is about, or on top of the form."""
    name = getattr(error, "field", None)
    if name is not None and name in form:
        form[name].errors = [*form[name].errors, error.sentence]
    else:
        form.form_errors.append(error.sentence)


def refuse(
    template: str, context: Mapping[str, Any] | None = None, status: int = UNPROCESSABLE, **more: Any
) -> Response:
    """The same page again with its faults and the typed text kept; nothing the view did is saved."""
    return make_response(render_template(template, **{**(context or {}), **more}), status)
