"""An instance brought in and taken out again is the same instance, whatever it says."""

import json
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from planner.services.instances.parsing import parse_instance
from planner.services.instances.planning import plan_everyone
from planner.services.instances.taking import take_out
from planner.services.instances.writing import instance_to_json, to_bytes
from tests.support.instances import EVERY, brought_in, content_of, document_of

Document = dict[str, Any]
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
FIRST = date(2027, 3, 22)  # the clocks of Berlin go forward on the 28th
LENGTH = 14


@pytest.mark.parametrize("name", EVERY)
def test_an_instance_comes_out_as_it_went_in(db: Session, name: str) -> None:
    planned = brought_in(db, content_of(name))
    out = take_out(db, planned.coordinator, now=planned.now)
    assert out == planned.instance
    assert json.loads(to_bytes(instance_to_json(out))).keys() == document_of(name).keys()


def test_it_still_does_when_its_patients_are_planned(db: Session) -> None:
    planned = brought_in(db, content_of("a14-greedy-trap"))
    assert len(plan_everyone(db, planned.coordinator, planned.now).planned) == 2
    assert take_out(db, planned.coordinator, now=planned.now + timedelta(days=3)) == planned.instance


# Any instance

clocks = st.integers(0, 94).map(lambda quarter: f"{quarter // 4:02}:{quarter % 4 * 15:02}")


@st.composite
def weeks(draw: st.DrawFn) -> Document:
    """Up to two spans a day."""
    week = {}
    for day in draw(st.sets(st.sampled_from(DAYS))):
        times = sorted(draw(st.sets(clocks, min_size=2, max_size=4)))
        week[day] = [times[i : i + 2] for i in range(0, len(times) - 1, 2)]
    return week


@st.composite
def walls(draw: st.DrawFn, *, most_days: int = 1) -> list[str]:
    """A span of wall times inside the horizon, clear of the hour that the clocks skip."""
    start = datetime.combine(FIRST, datetime.min.time()) + timedelta(
        days=draw(st.integers(0, LENGTH - 1 - most_days)), hours=draw(st.integers(4, 20))
    )
    end = start + timedelta(hours=draw(st.integers(1, 24 * most_days - 20 if most_days > 1 else 3)))
    return [start.isoformat(timespec="minutes"), end.isoformat(timespec="minutes")]


@st.composite
def instances(draw: st.DrawFn) -> Document:
    """Two sites, a few people, bookings that do not overlap, patients with all sorts of wishes."""
    document = document_of("a14-greedy-trap")
    document |= {
        "id": draw(st.sampled_from(["x", "Ünicode id", "a" * 40])),
        "seed": draw(st.integers(-5, 5)),
        "horizon": [FIRST.isoformat(), (FIRST + timedelta(days=LENGTH - 1)).isoformat()],
        "grid_min": draw(st.sampled_from([5, 15, 30])),
        "buffers": draw(
            st.fixed_dictionaries(dict.fromkeys(("therapist", "chair", "room", "patient"), st.integers(0, 60)))
        ),
        "holidays": sorted(
            {(FIRST + timedelta(days=day)).isoformat() for day in draw(st.lists(st.integers(-3, 20), max_size=3))}
        ),
        "sites": [{"id": "A", "hours": draw(weeks())}, {"id": "a site with a long id", "hours": draw(weeks())}],
        "rooms": [{"id": "A-r1", "site": "A"}, {"id": "B-r1", "site": "a site with a long id"}],
    }
    places = ["A", "a site with a long id", "remote"]
    document["staff"] = [
        {"id": "t1", "role": "therapist"},
        {"id": "a therapist with a long id", "role": "therapist"},
        {"id": "n1", "role": "nurse", "max_patients": draw(st.integers(1, 3))},
        {"id": "d1", "role": "prescriber"},
    ]
    for person in document["staff"]:
        person["shifts"] = [[*span, draw(st.sampled_from(places))] for span in draw(st.lists(walls(), max_size=4))]
        person["time_off"] = draw(st.lists(walls(most_days=3), max_size=2))
    document["bookings"] = [
        {
            "start": span[0],
            "end": span[1],
            **draw(st.sampled_from([{"room": "A-r1"}, {"nurse": "n1", "chair": "A-c1"}])),
        }
        for span in _apart(draw(st.lists(walls(), max_size=4)))
    ]
    document["patients"] = [draw(patients(number)) for number in range(draw(st.integers(0, 2)))]
    return document


def _apart(spans: list[list[str]]) -> list[list[str]]:
    kept: list[list[str]] = []
    for span in sorted(spans):
        if not kept or kept[-1][1] <= span[0]:
            kept.append(span)
    return kept


@st.composite
def patients(draw: st.DrawFn, number: int) -> Document:
    """One patient; they may never be able to come at all."""
    earliest = FIRST + timedelta(days=draw(st.integers(-2, 10)))
    therapists = draw(st.permutations(["t1", "a therapist with a long id"]))[: draw(st.integers(1, 2))]
    modes = draw(st.permutations(["room", "telehealth"]))[: draw(st.integers(1, 2))]
    bands = draw(st.lists(st.tuples(clocks, clocks).filter(lambda band: band[0] < band[1]), max_size=2))
    return {
        "id": f"a patient with a long id {number}" if draw(st.booleans()) else f"p{number}",
        "protocol": "P",
        "earliest": earliest.isoformat(),
        "latest_first": draw(st.sampled_from([None, (earliest + timedelta(days=9)).isoformat()])),
        "sites": draw(st.permutations(["A", "a site with a long id"]))[: draw(st.integers(1, 2))],
        "modes": modes,
        "primary": therapists[-1],
        "therapists": therapists,
        "continuity": draw(st.sampled_from(["required", "preferred"])),
        "therapist_present": draw(st.booleans()),
        "available": draw(weeks()),
        "unavailable": draw(st.lists(walls(most_days=3), max_size=2)),
        "prefer": {
            "bands": [list(band) for band in bands],
            "mode": draw(st.sampled_from([None, "room", "telehealth"])),
        },
    }


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(document=instances())
def test_any_instance_comes_out_as_it_went_in(db: Session, document: Document) -> None:
    content = json.dumps(document).encode()
    attempt = db.begin_nested()
    planned = brought_in(db, content)
    out = take_out(db, planned.coordinator, now=planned.now)
    attempt.rollback()
    assert out == planned.instance == parse_instance(to_bytes(instance_to_json(out)))
