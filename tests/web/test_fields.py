"""Form fields refuse what cannot be used, in a sentence, and keep what was typed."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time

import pytest
from flask import Flask
from werkzeug.datastructures import MultiDict
from wtforms import SelectField

from planner.domain.errors import FieldError, PlannerError
from planner.web.fields import Line, PlannerForm, Text, id_of, instant_of, put_beside, seen_version


class Form(PlannerForm):
    name = Line("Name", longest=10)
    note = Text("Note", longest=20)
    chair = SelectField("Chair", coerce=id_of, choices={"1": "One", "2": "Two"})


@pytest.fixture(autouse=True)
def request_context() -> Iterator[None]:
    app = Flask(__name__)
    app.secret_key = "for tests only"
    with app.test_request_context(method="POST", data={"seen_version": "7"}):
        yield


def fill(**typed: str) -> Form:
    return Form(MultiDict({"name": "Alder", "note": "", "chair": "1", **typed}))


@pytest.mark.parametrize("name", ["Alder", "  Alder ", "Ægir 🌲", "ألدر", "O'Neil; x, y"[:10], ""])
def test_a_line_takes_what_people_are_called(name: str) -> None:
    form = fill(name=name)
    assert form.validate(), form.errors
    assert form.name.data == name.strip()


@pytest.mark.parametrize("name", ["x" * 11, "a\nb", "a\rb", "a\x00b", "a\u2028b", "a\ud800b", "a\x1bb"])
def test_a_line_refuses_what_breaks_lines_or_hides(name: str) -> None:
    form = fill(name=name)
    assert not form.validate()
    assert form.name.errors[0].endswith(".")
    assert form.name.data == name


def test_ten_thousand_letters_get_one_sentence() -> None:
    form = fill(name="x" * 10_000)
    assert not form.validate()
    assert form.name.errors == ["Enter at most 10 characters; these are 10000."]


def test_a_text_keeps_its_lines() -> None:
    form = fill(note="one\r\ntwo\n")
    assert form.validate(), form.errors
    assert form.note.data == "one\ntwo"


@pytest.mark.parametrize("chair", ["3", "x", "-1", "", "9" * 16, "٢"])
def test_a_choice_nobody_offered_is_refused(chair: str) -> None:
    assert not fill(chair=chair).validate()


def test_the_seen_version_is_a_number() -> None:
    assert seen_version() == 7


@pytest.mark.parametrize(("wall", "fold", "hour"), [(time(9), None, 15), (time(1, 30), 0, 6), (time(1, 30), 1, 7)])
def test_a_wall_time_becomes_an_instant(wall: time, fold: int | None, hour: int) -> None:
    instant = instant_of(date(2026, 11, 1), wall, "America/Chicago", fold)
    assert instant == datetime(2026, 11, 1, hour, wall.minute, tzinfo=UTC)


@pytest.mark.parametrize(
    ("day", "wall", "said"),
    [
        (date(2026, 3, 8), time(2, 30), "does not exist"),
        (date(2026, 11, 1), time(1, 30), "happens twice"),
    ],
)
def test_a_time_the_clocks_skip_or_repeat_is_said_at_the_field(day: date, wall: time, said: str) -> None:
    with pytest.raises(FieldError, match=said) as refused:
        instant_of(day, wall, "America/Chicago", field="time")
    assert refused.value.field == "time"


def test_a_refusal_stands_beside_its_field_or_on_top() -> None:
    form = fill()
    put_beside(form, FieldError("name", "Enter another name."))
    put_beside(form, FieldError("nothing here", "Somewhere else."))
    put_beside(form, PlannerError("Not now."))
    assert form.name.errors == ["Enter another name."]
    assert form.form_errors == ["Somewhere else.", "Not now."]
