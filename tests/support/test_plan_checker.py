"""The tests' own checker of plans: it tells each rule that a sound plan is made to break."""

import copy
from typing import Any

import pytest

from tests.support.instances import document_of
from tests.support.plan_checker import broken_rules

Document = dict[str, Any]


def infusion(**changes: Any) -> Document:
    return {
        "patient": "p1", "kind": "infusion", "index": 1, "start": "2027-02-02T10:00+01:00", "site": "A",
        "chair": "A-c1", "nurse": "n1",
    } | changes  # fmt: skip


def session(kind: str, start: str, index: int = 0, **changes: Any) -> Document:
    return {
        "patient": "p1", "kind": kind, "index": index, "start": f"{start}+01:00", "mode": "room", "site": "A",
        "room": "A-r1", "therapist": "t1",
    } | changes  # fmt: skip


def sound() -> Document:
    return {
        "format": "kap-plan/1",
        "instance": "a14-greedy-trap",
        "appointments": [
            session("prep", "2027-02-01T09:00"), infusion(), session("integration", "2027-02-03T12:00", 1)
        ],
        "unplanned": [{"patient": "p2", "reasons": ["No chair is free."]}],
    }  # fmt: skip


def test_a_sound_plan_breaks_nothing() -> None:
    assert broken_rules(document_of("a14-greedy-trap"), sound()) == []


@pytest.mark.parametrize(
    ("place", "change", "rule"),
    [
        (1, {"start": "2027-02-02T10:07+01:00"}, "off the grid"),
        (1, {"start": "2027-02-04T10:00+01:00"}, "nurse is not on shift"),
        (1, {"start": "2027-02-09T10:00+01:00"}, "outside the horizon"),
        (1, {"chair": "A-r1x"}, "chair is elsewhere"),
        (1, {"nurse": "t1"}, "nurse is not on shift"),
        (0, {"start": "2027-02-01T13:00+01:00"}, "therapist is not on shift"),
        (0, {"mode": "telehealth"}, "mode the patient does not accept"),
        (0, {"therapist": None}, "nobody holds it"),
        (2, {"start": "2027-02-03T07:45+01:00"}, "too early"),
        (2, {"room": "A-c1x"}, "room is elsewhere"),
    ],
)
def test_one_appointment_out_of_place_is_told(place: int, change: Document, rule: str) -> None:
    plan = sound()
    plan["appointments"][place] |= change
    assert any(rule in told for told in broken_rules(document_of("a14-greedy-trap"), plan))


@pytest.mark.parametrize(
    ("path", "value", "rule"),
    [
        ("holidays", ["2027-02-02"], "holiday"),
        ("bookings", [{"start": "2027-02-02T12:00", "end": "2027-02-02T13:00", "chair": "A-c1"}], "too close"),
        ("bookings", [{"start": "2027-02-02T11:59", "end": "2027-02-02T13:00", "nurse": "n1"}] * 2, "too many"),
        ("patients.earliest", "2027-02-02", "before the earliest day"),
        ("patients.latest_first", "2027-02-01", "too late"),
        ("patients.sites", ["B"], "does not come to"),
        ("patients.unavailable", [["2027-02-02T11:00", "2027-02-02T11:15"]], "is away"),
        ("patients.available", {"tue": [["10:15", "20:00"]]}, "cannot come"),
        ("patients.therapists", ["t2"], "not one of"),
        ("patients.therapist_present", True, "no therapist is there"),
        ("sites.hours", {"mon": [["08:00", "18:00"]]}, "site is closed"),
        ("protocols.infusions", 2, "not whole"),
        ("protocols.window_h", [20, 24.75], "ends too late"),
        ("prep.lead_h", [24.25, 336], "h before"),
    ],
)
def test_a_stricter_instance_is_broken(path: str, value: Any, rule: str) -> None:
    instance = copy.deepcopy(document_of("a14-greedy-trap"))
    group, _, key = path.rpartition(".")
    homes = {
        "": instance,
        "patients": instance["patients"][0],
        "sites": instance["sites"][0],
        "protocols": instance["protocols"]["P"],
        "prep": instance["protocols"]["P"]["prep"],
    }
    homes[group][key] = value
    assert any(rule in told for told in broken_rules(instance, sound()))
