"""Zones are chosen from a list by part of the world and city; what is not on it is kept or told, never changed."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from werkzeug.datastructures import MultiDict

from planner.web import zones
from planner.web.fields import PlannerForm
from planner.web.zones import ZoneField, server_zone, zone_choices


class Form(PlannerForm):
    zone = ZoneField("Time zone", "Choose a time zone.")


@pytest.fixture(autouse=True)
def request_context() -> Iterator[None]:
    app = Flask(__name__)
    app.secret_key = "for tests only"
    with app.test_request_context():
        yield


def sent(zone: str) -> Form:
    return Form(MultiDict({"zone": zone}))


def test_cities_stand_under_their_part_of_the_world() -> None:
    found = {choice.value: (choice.optgroup, choice.label) for choice in zone_choices()}
    assert found["America/Chicago"] == ("America", "Chicago")
    assert found["America/Indiana/Knox"] == ("America", "Indiana: Knox")
    assert next(iter(found)) == "", "nothing is chosen yet"
    assert '<optgroup label="Europe">' in Form().zone()


@pytest.mark.parametrize("kept", ["UTC", "US/Central"])
def test_a_zone_that_is_kept_and_not_listed_stays_chosen(kept: str) -> None:
    form = Form(data={"zone": kept})
    assert f'<option selected value="{kept}">' in form.zone()
    assert sent(kept).validate()


@pytest.mark.parametrize(
    ("zone", "sentence"),
    [
        ("", "Choose a time zone."),
        ("Mars/Crater", "There is no time zone called “Mars/Crater”. Use an IANA name such as America/Chicago."),
        ("../etc/passwd", "There is no time zone called “../etc/passwd”. Use an IANA name such as America/Chicago."),
        ("x" * 65, "Enter at most 64 characters; these are 65."),
        ("America/Chicago\x00", "Take out line breaks and control characters."),
    ],
)
def test_what_was_sent_by_hand_is_checked_and_shown_again(zone: str, sentence: str) -> None:
    form = sent(zone)
    assert not form.validate()
    assert form.errors == {"zone": [sentence]}
    assert form.zone.data == zone
    assert not zone or "<option selected" in form.zone()


@pytest.mark.parametrize(
    ("variable", "link", "zone"),
    [
        ("Europe/Vienna", "America/Chicago", "Europe/Vienna"),
        (":America/Denver", "America/Chicago", "America/Denver"),
        ("", "America/Chicago", "America/Chicago"),
        ("", "Etc/UTC", ""),
        ("CST6CDT", "America/Chicago", ""),
    ],
)
def test_the_machines_zone_is_offered_where_people_live_in_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, variable: str, link: str, zone: str
) -> None:
    file = tmp_path / "zoneinfo" / link
    file.parent.mkdir(parents=True)
    file.touch()
    localtime = tmp_path / "localtime"
    localtime.symlink_to(file)
    monkeypatch.setattr(zones, "LOCALTIME", localtime)
    monkeypatch.setenv("TZ", variable)
    assert server_zone() == zone


def test_a_machine_without_a_zone_offers_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(zones, "LOCALTIME", tmp_path / "missing")
    monkeypatch.delenv("TZ", raising=False)
    assert server_zone() == ""
