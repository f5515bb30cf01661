"""Reading instances from strangers: what is sound is read, and every fault has one sentence at its path."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from planner.services.instances.fields import MOST_FAULTS, InstanceInvalid
from planner.services.instances.parsing import MOST_BYTES, parse_instance
from planner.services.instances.writing import instance_to_json, to_bytes
from tests.support.instances import EVERY, content_of, document_of

Document = dict[str, Any]
SPAN = ["2027-02-01T09:00", "2027-02-01T12:00"]


@pytest.fixture
def document() -> Document:
    return document_of("a14-greedy-trap")


def faults_of(document: Any) -> dict[str, str]:
    """By path; each a sentence."""
    with pytest.raises(InstanceInvalid) as refusal:
        parse_instance(document if isinstance(document, bytes) else json.dumps(document).encode())
    told = refusal.value.faults
    assert all(fault.sentence.endswith(".") and len(fault.sentence) < 200 for fault in told)
    assert refusal.value.count >= len(told) > 0
    return {fault.path: fault.sentence for fault in told}


@pytest.mark.parametrize("name", EVERY)
def test_a_sound_file_is_read_and_written_again_as_the_same(name: str) -> None:
    instance = parse_instance(content_of(name))
    assert parse_instance(to_bytes(instance_to_json(instance))) == instance
    assert [patient.id for patient in instance.patients] == [one["id"] for one in document_of(name)["patients"]]


def test_telehealth_goes_by_any_name_that_is_no_site(document: Document) -> None:
    document["staff"][0]["shifts"][0][2] = "at home"
    (shift, *_) = parse_instance(json.dumps(document).encode()).staff[0].shifts
    assert shift.site is None


def test_what_may_be_left_out(document: Document) -> None:
    del document["seed"]
    del document["patients"][0]["latest_first"]
    del document["patients"][0]["prefer"]["mode"]
    instance = parse_instance(json.dumps(document).encode())
    assert (instance.seed, instance.patients[0].latest_first, instance.patients[0].mode) == (0, None, None)


# What is no instance at all


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"", "JSON"),
        (b"\xff\xfe{", "UTF-8"),
        (b"[1, 2", "line 1"),
        (b"[]", "group"),
        (b"null", "group"),
        (b'{"grid_min": NaN}', "JSON"),
        (b'{"grid_min": -Infinity}', "JSON"),
        (b'{"id": "a", "id": "b"}', "JSON"),
        (b"[" * 100_000 + b"]" * 100_000, "deep"),
        (b'{"seed": ' + b"9" * 5_000 + b"}", "JSON"),
        (b" " * (MOST_BYTES + 1), "large"),
    ],
    ids=["empty", "utf-16", "broken", "list", "null", "nan", "infinity", "twice", "deep", "long number", "large"],
)
def test_a_file_that_is_no_instance(content: bytes, word: str) -> None:
    told = faults_of(content)
    assert list(told) == [""]
    assert word in told[""]


# One fault, one sentence at its path


def put(path: str, value: Any) -> Callable[[Document], None]:
    """Write `value` at a dotted path; numbers are places in lists."""

    def change(document: Document) -> None:
        *way, last = path.split(".")
        found: Any = document
        for step in way:
            found = found[int(step) if step.isdigit() else step]
        found[int(last) if last.isdigit() else last] = value

    return change


FAULTS = [
    ("format", "kap-instance/2", "format"),
    ("id", "", "id"),
    ("id", "a\nb", "id"),
    ("id", "x" * 41, "id"),
    ("id", 7, "id"),
    ("seed", 1.5, "seed"),
    ("timezone", "Mars/Base", "timezone"),
    ("timezone", "../../etc/passwd", "timezone"),
    ("horizon", ["2027-02-06", "2027-02-01"], "horizon"),
    ("horizon", ["2027-02-01", "2029-02-01"], "horizon"),
    ("horizon", ["2027-02-30", "2027-03-01"], "horizon[0]"),
    ("horizon", ["1999-02-01", "1999-03-01"], "horizon[0]"),
    ("horizon", "2027-02-01", "horizon"),
    ("grid_min", 7, "grid_min"),
    ("grid_min", 0, "grid_min"),
    ("grid_min", True, "grid_min"),
    ("grid_min", "15", "grid_min"),
    ("buffers.chair", 241, "buffers.chair"),
    ("buffers.chair", -1, "buffers.chair"),
    ("buffers.prescriber", 5, "buffers.prescriber"),
    ("weights.day", None, "weights.day"),
    ("weights.day", 1e400, ""),
    ("holidays", ["2027-13-01"], "holidays[0]"),
    ("holidays", ["01/02/2027"], "holidays[0]"),
    ("holidays", {}, "holidays"),
    ("sites", [], "sites"),
    ("sites.0.hours.mon", [["10:00", "09:00"]], "sites[0].hours.mon[0]"),
    ("sites.0.hours.mon", [["09:00", "24:00"]], "sites[0].hours.mon[0][1]"),
    ("sites.0.hours.mon", [["09:00", "12:00"], ["11:00", "13:00"]], "sites[0].hours.mon"),
    ("sites.0.hours.monday", [["09:00", "12:00"]], "sites[0].hours.monday"),
    ("chairs.0.site", "B", "chairs[0].site"),
    ("chairs.0", None, "chairs[0]"),
    ("rooms", [{"id": "A-r1", "site": "A"}, {"id": "a-R1", "site": "A"}], "rooms"),
    ("rooms.0.id", "A-c1", "rooms"),
    ("staff.0.role", "admin", "staff[0].role"),
    ("staff.1.max_patients", 0, "staff[1].max_patients"),
    ("staff.0.max_patients", 2, "staff[0].max_patients"),
    ("staff.0.shifts.0", SPAN, "staff[0].shifts[0]"),
    ("staff.0.shifts.0", ["2027-01-01T09:00", "2027-01-01T12:00", "A"], "staff[0].shifts[0]"),
    ("staff.0.shifts.0", ["2027-02-06T20:00", "2027-02-07T02:00", "A"], "staff[0].shifts[2]"),
    ("staff.0.shifts.0", ["2027-02-01T00:00", "2027-02-03T00:01", "A"], "staff[0].shifts[0]"),
    ("staff.0.shifts.0", ["2027-02-01 09:00", "2027-02-01T12:00", "A"], "staff[0].shifts[0][0]"),
    ("staff.0.time_off", [["2027-02-02T09:00", "2027-02-02T09:00"]], "staff[0].time_off[0]"),
    ("bookings", [{"start": SPAN[0], "end": SPAN[1]}], "bookings[0].chair"),
    ("bookings", [{"start": SPAN[0], "end": SPAN[0], "chair": "A-c1"}], "bookings[0].end"),
    ("bookings", [{"start": SPAN[0], "end": SPAN[1], "chair": "A-c9"}], "bookings[0].chair"),
    ("bookings", [{"start": SPAN[0], "end": SPAN[1], "nurse": "t1"}], "bookings[0].nurse"),
    ("bookings", [{"start": SPAN[0], "end": "2027-02-02T12:00", "chair": "A-c1"}], "bookings[0]"),
    ("bookings", [{"start": "2027-03-01T09:00", "end": "2027-03-01T10:00", "chair": "A-c1"}], "bookings[0]"),
    ("bookings", [{"start": SPAN[0], "end": SPAN[1], "chair": "A-c1", "patient": "p1"}], "bookings[0].patient"),
    ("bookings", [{"start": SPAN[0], "end": SPAN[1], "room": "A-r1"}] * 2, "bookings[1].room"),
    ("bookings", [{"start": SPAN[0], "end": SPAN[1], "nurse": "n1"}] * 3, "bookings[2].nurse"),
    ("protocols.P.infusions", 61, "protocols.P.infusions"),
    ("protocols.P.anchor_min", 130, "protocols.P.anchor_min"),
    ("protocols.P.gap_days", [4, 2], "protocols.P.gap_days"),
    ("protocols.P.gap_days", [0, 2], "protocols.P.gap_days[0]"),
    ("protocols.P.window_h", [44, 20], "protocols.P.window_h"),
    ("protocols.P.window_h", [20, 20], "protocols.P.window_h"),
    ("protocols.P.window_h", [20, 337], "protocols.P.window_h[1]"),
    ("protocols.P.window_h", [20.0001, 44], "protocols.P.window_h[0]"),
    ("protocols.P.curve", [[24, 0], [20, 1]], "protocols.P.curve"),
    ("protocols.P.curve", [[20, -1]], "protocols.P.curve[0][1]"),
    ("protocols.P.integrations", [{"after": 2, "minutes": 60}], "protocols.P.integrations"),
    ("protocols.P.integrations", [{"after": 1, "minutes": 60}] * 2, "protocols.P.integrations"),
    ("protocols.P.prep.lead_h", [24, 40], "protocols.P.prep.lead_h"),
    ("protocols.P", None, "protocols.P"),
    ("patients.0.protocol", "Q", "patients[0].protocol"),
    ("patients.0.earliest", "2027-02-07", "patients[0].earliest"),
    ("patients.0.latest_first", "2027-01-31", "patients[0].latest_first"),
    ("patients.0.sites", [], "patients[0].sites"),
    ("patients.0.sites", ["A", "B"], "patients[0].sites"),
    ("patients.0.sites", [None], "patients[0].sites[0]"),
    ("patients.0.modes", ["phone"], "patients[0].modes[0]"),
    ("patients.0.modes", ["room", "room"], "patients[0].modes"),
    ("patients.0.primary", "n1", "patients[0].therapists"),
    ("patients.0.therapists", ["t9"], "patients[0].therapists"),
    ("patients.0.continuity", "wanted", "patients[0].continuity"),
    ("patients.0.therapist_present", 0, "patients[0].therapist_present"),
    ("patients.0.unavailable", [["2027-02-02T09:00"]], "patients[0].unavailable[0]"),
    ("patients.0.prefer.bands", [["8:00", "12:00"]], "patients[0].prefer.bands[0][0]"),
    ("patients.0.name", "Test Patient Alder", "patients[0].name"),
    ("patients.1.id", "P1", "patients"),
    ("comment", "hello", "comment"),
]


@pytest.mark.parametrize(("path", "value", "where"), FAULTS, ids=lambda part: str(part)[:40])
def test_one_fault_is_told_at_its_path(document: Document, path: str, value: Any, where: str) -> None:
    put(path, value)(document)
    assert where in faults_of(document)


@pytest.mark.parametrize("key", sorted(document_of("a14-greedy-trap").keys() - {"seed"}))
@pytest.mark.parametrize("value", [None, 5, "words", [], {}, [[]], [{}], True], ids=str)
def test_no_part_may_be_of_another_kind(document: Document, key: str, value: Any) -> None:
    """Whatever stands where a part should be, the answer is an instance or sentences, never a crash."""
    document[key] = value
    try:
        parse_instance(json.dumps(document).encode())
    except InstanceInvalid as invalid:
        assert all(fault.sentence.endswith(".") for fault in invalid.faults)


def test_every_fault_is_told_and_very_many_are_counted(document: Document) -> None:
    put("grid_min", 0)(document)
    put("chairs.0.site", 3)(document)
    put("patients.1.earliest", "soon")(document)
    assert list(faults_of(document)) == ["grid_min", "chairs[0].site", "patients[1].earliest"]
    document["bookings"] = [{}] * 300
    with pytest.raises(InstanceInvalid) as refusal:
        parse_instance(json.dumps(document).encode())
    assert len(refusal.value.faults) == MOST_FAULTS
    assert refusal.value.count > 600


def test_words_of_strangers_are_told_short_and_printable(document: Document) -> None:
    document["a\x1b[2J" + "b" * 500] = 1
    (path,) = faults_of(document)
    assert path.isprintable()
    assert len(path) < 60


def test_a_shift_of_which_the_clock_change_leaves_nothing(document: Document) -> None:
    document["horizon"] = ["2027-03-22", "2027-03-31"]
    document["patients"] = []
    for person in document["staff"]:
        person["shifts"] = []
    document["staff"][0]["shifts"] = [["2027-03-28T02:15", "2027-03-28T03:15", "A"]]
    assert list(faults_of(document)) == ["staff[0].shifts[0]"]
