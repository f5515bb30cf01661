"""The files of `plan-course` as other programs read them."""

import json
from datetime import datetime, timedelta
from pathlib import Path

import icalendar
import recurring_ical_events

from planner.domain.intervals import instant_of
from planner.services.proposal_text import proposal_from_json, proposal_to_json
from tests.cli.conftest import NOW, Run

PLAN = ("plan-course", "--patient", "P-111", "--protocol", "iv-racemic-twice-weekly", "--from", "2027-01-21")


def planned(demo: Run, folder: Path) -> tuple[bytes, dict]:
    calendar, content = folder / "plan.ics", folder / "plan.json"
    done = demo(*PLAN, "--ics", str(calendar), "--json", str(content))
    assert (done.exit_code, done.stderr) == (0, "")
    return calendar.read_bytes(), json.loads(content.read_text(encoding="utf-8"))


def test_both_readers_find_every_date_of_the_best_proposal_once(demo: Run, tmp_path: Path) -> None:
    body, content = planned(demo, tmp_path)
    dates = {
        (datetime.fromisoformat(one["start"]), datetime.fromisoformat(one["end"]))
        for one in content["proposals"][0]["placements"]
    }
    assert len(dates) == len(content["proposals"][0]["placements"]) >= 13
    calendar = icalendar.Calendar.from_ical(body)
    assert [part.name for part in calendar.walk()] == ["VCALENDAR", *["VEVENT"] * len(dates)]
    assert {(event["DTSTART"].dt, event["DTEND"].dt) for event in calendar.walk("VEVENT")} == dates
    found = recurring_ical_events.of(calendar).between(NOW, NOW + timedelta(days=365))
    assert {(event["DTSTART"].dt, event["DTEND"].dt) for event in found} == dates
    assert len(found) == len(dates)
    assert recurring_ical_events.of(calendar).between(NOW - timedelta(days=365), NOW) == []
    assert all(event["DTSTAMP"].dt == NOW == event["LAST-MODIFIED"].dt for event in found)
    assert max(len(line) for line in body.split(b"\r\n")) <= 75


def test_the_json_is_what_the_planner_itself_reads(demo: Run, tmp_path: Path) -> None:
    _, content = planned(demo, tmp_path)
    assert set(content) == {"patient", "protocol", "zone", "course", "proposals"}
    assert (content["protocol"], content["course"]) == ("iv-racemic-twice-weekly", None)
    assert content["proposals"]
    for proposal in content["proposals"]:
        read = proposal_from_json(proposal)
        assert proposal_to_json(read) == proposal
        assert all(instant_of(placement.start) >= NOW for placement in read.placements)
        doses = {placement.number for placement in read.placements if placement.serves is None}
        assert {placement.serves for placement in read.placements} - {None} <= doses
