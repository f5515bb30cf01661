"""From the bytes of a `kap-instance/1` file to an `Instance`, or every fault with its path.

Files come from strangers: sizes are bounded, nothing is guessed, and a field that is not known here is refused,
because its rule could not be kept.
"""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime
from itertools import pairwise
from typing import Any, get_args

from planner.services.instances.agreeing import check_agreement
from planner.services.instances.fields import (
    NOT_A_TIME,
    Fault,
    Faults,
    InstanceInvalid,
    Reading,
    as_day,
    as_group,
    as_hours,
    as_id,
    as_minute_span,
    as_number,
    as_pair,
    as_wall_span,
    as_whole,
    as_word,
)
from planner.services.instances.shapes import (
    WEEKDAYS,
    Buffers,
    Continuity,
    Instance,
    InstanceBooking,
    InstancePatient,
    InstanceProtocol,
    InstanceShift,
    InstanceSite,
    InstanceStaff,
    InstanceThing,
    MeetingMode,
    MinuteSpan,
    Number,
    StaffRole,
    Week,
    Weights,
)

FORMAT = "kap-instance/1"
#: Far above the largest instances known (under 1 MB): more is not a clinic but an attack or a mistake.
MOST_BYTES = 8_000_000
MOST_SITES = 50
MOST_THINGS = 500
MOST_STAFF = 1_000
MOST_SHIFTS = 1_000
MOST_BOOKINGS = 50_000
MOST_PROTOCOLS = 40
MOST_PATIENTS = 2_000
MOST_SPANS = 500
MOST_A_DAY = 12
MOST_HOURS = 10_000
MOST_COST = 1_000_000_000


def parse_instance(content: bytes) -> Instance:
    """The instance in a file. Raises InstanceInvalid with its faults."""
    document = _json(content)
    faults = Faults()
    found = _instance(as_group(document, "", faults), faults)
    faults.refuse()
    check_agreement(found, faults)
    faults.refuse()
    return found


def read_protocol(document: Any) -> InstanceProtocol:
    """One protocol of an instance, as `writing.protocol_to_json` writes it. Raises InstanceInvalid."""
    faults = Faults()
    found = _protocol(as_group(document, "", faults), faults)
    faults.refuse()
    return found


def _json(content: bytes) -> Any:
    if len(content) > MOST_BYTES:
        raise _broken(f"The file is too large: an instance has at most {MOST_BYTES // 1_000_000} MB.")
    try:
        document = json.loads(
            content.decode("utf-8-sig"), parse_constant=_no_number, object_pairs_hook=_without_repeats
        )
    except UnicodeDecodeError as error:
        raise _broken("The file is not UTF-8 text.") from error
    except RecursionError as error:
        raise _broken("The file nests too deep to be an instance.") from error
    except ValueError as error:
        raise _broken(f"The file is not JSON that can be read{_where(error)}.") from error
    if not isinstance(document, dict):
        raise _broken("The file is JSON, but no instance: it must be one group of fields.")
    return document


def _broken(sentence: str) -> InstanceInvalid:
    return InstanceInvalid([Fault("", sentence)])


def _where(error: ValueError) -> str:
    return f" (line {error.lineno}, column {error.colno})" if isinstance(error, json.JSONDecodeError) else ""


def _no_number(word: str) -> float:
    raise ValueError(f"{word} is no number")


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a field is there twice")
    return found


def _instance(root: Reading, faults: Faults) -> Instance:
    root.word("format", (FORMAT,))
    horizon = as_pair(root.value("horizon"), "horizon", faults)
    seed = root.optional("seed")
    found = Instance(
        id=root.id("id"),
        seed=0 if seed is None else as_whole(seed, "seed", faults, -MOST_COST, MOST_COST),
        zone=root.id("timezone"),
        first_day=as_day(horizon[0], "horizon[0]", faults),
        last_day=as_day(horizon[1], "horizon[1]", faults),
        grid_min=root.whole("grid_min", 1, 240),
        buffers=_buffers(root.group("buffers")),
        weights=_weights(root.group("weights")),
        holidays=tuple(sorted(set(root.each("holidays", 366, as_day)))),
        sites=tuple(_site(group) for group in root.groups("sites", MOST_SITES, least=1)),
        chairs=tuple(_thing(group) for group in root.groups("chairs", MOST_THINGS)),
        rooms=tuple(_thing(group) for group in root.groups("rooms", MOST_THINGS)),
        staff=tuple(_staff(group) for group in root.groups("staff", MOST_STAFF)),
        bookings=tuple(sorted((_booking(group) for group in root.groups("bookings", MOST_BOOKINGS)), key=_by_time)),
        protocols={
            name: _protocol(as_group(value, path, faults), faults)
            for name, value, path in root.names("protocols", MOST_PROTOCOLS)
        },
        patients=tuple(_patient(group, faults) for group in root.groups("patients", MOST_PATIENTS)),
    )
    root.done()
    return _at_home(found)


def _buffers(reading: Reading) -> Buffers:
    found = Buffers(*(reading.whole(key, 0, 240) for key in ("therapist", "chair", "room", "patient")))
    reading.done()
    return found


def _weights(reading: Reading) -> Weights:
    keys = ("unplanned", "continuity", "day", "pref", "mode")
    found = Weights(*(reading.whole(key, 0, MOST_COST) for key in keys))
    reading.done()
    return found


def _site(reading: Reading) -> InstanceSite:
    found = InstanceSite(reading.id("id"), _week(reading.group("hours")))
    reading.done()
    return found


def _week(reading: Reading) -> Week:
    days = []
    for day in WEEKDAYS:
        spans = sorted(reading.each(day, MOST_A_DAY, as_minute_span)) if reading.optional(day) is not None else []
        if any(after[0] < before[1] for before, after in pairwise(spans)):
            reading.note(day, "The times of one day must not overlap.")
        days.append(tuple(spans))
    reading.done()
    return tuple(days)


def _thing(reading: Reading) -> InstanceThing:
    found = InstanceThing(reading.id("id"), reading.id("site"))
    reading.done()
    return found


def _staff(reading: Reading) -> InstanceStaff:
    role: StaffRole = reading.word("role", get_args(StaffRole))
    found = InstanceStaff(
        id=reading.id("id"),
        role=role,
        max_patients=reading.whole("max_patients", 1, 12) if role == "nurse" else None,
        shifts=tuple(sorted(reading.each("shifts", MOST_SHIFTS, _shift), key=_by_time)),
        time_off=tuple(sorted(reading.each("time_off", MOST_SPANS, as_wall_span))),
    )
    if _works_twice(found.shifts):
        reading.note("shifts", "Two of these shifts are at once and at one site. Telehealth counts as the first site.")
    reading.done()
    return found


def _works_twice(shifts: tuple[InstanceShift, ...]) -> bool:
    """Whether shifts, in order of time, overlap on one roster. The first site's keeps those by telehealth."""
    first = next((shift.site for shift in shifts if shift.site is not None), None)
    until: dict[str | None, datetime] = {}
    for shift in shifts:
        roster = first if shift.site is None else shift.site
        if roster in until and shift.start < until[roster]:
            return True
        until[roster] = max(shift.end, until.get(roster, shift.end))
    return False


def _shift(value: Any, path: str, faults: Faults) -> InstanceShift:
    if not isinstance(value, list) or len(value) != 3:
        faults.note(path, "A shift is a list of three: from, to, and the site or telehealth place.")
        return InstanceShift(NOT_A_TIME, NOT_A_TIME, None)
    start, end = as_wall_span(value[:2], path, faults)
    return InstanceShift(start, end, as_id(value[2], f"{path}[2]", faults))


def _by_time(item: Any) -> tuple[Any, ...]:
    named = (getattr(item, name, None) or "" for name in ("site", "chair", "room", "nurse", "therapist"))
    return (item.start, item.end, *named)


def _booking(reading: Reading) -> InstanceBooking:
    found = InstanceBooking(
        reading.moment("start"),
        reading.moment("end"),
        *(reading.optional_id(key) for key in ("chair", "room", "nurse", "therapist")),
    )
    if found.end <= found.start:
        reading.note("end", "This booking ends before it begins.")
    if not (found.chair or found.room or found.nurse or found.therapist):
        reading.note("chair", "A booking is of a chair, a room, a nurse or a therapist.")
    reading.done()
    return found


def _protocol(reading: Reading, faults: Faults) -> InstanceProtocol:
    gaps = as_pair(reading.value("gap_days"), reading.at("gap_days"), faults)
    prep = reading.group("prep")
    found = InstanceProtocol(
        infusions=reading.whole("infusions", 1, 60),
        infusion_min=reading.whole("infusion_min", 1, 1440),
        anchor_min=reading.whole("anchor_min", 0, 1440),
        gap_days=(
            as_whole(gaps[0], reading.at("gap_days[0]"), faults, 1, 366),
            as_whole(gaps[1], reading.at("gap_days[1]"), faults, 1, 366),
        ),
        window_h=_hours_pair(reading, "window_h", 336),
        curve=reading.each("curve", 50, _point),
        integrations=tuple(_integration(group) for group in reading.groups("integrations", 60)),
        prep_minutes=prep.whole("minutes", 1, 1440),
        prep_lead_h=_hours_pair(prep, "lead_h", MOST_HOURS),
    )
    prep.done()
    reading.done()
    return found


def _hours_pair(reading: Reading, key: str, highest: int) -> tuple[Number, Number]:
    first, second = as_pair(reading.value(key), reading.at(key), reading.faults)
    path = reading.at(key)
    least = as_hours(first, f"{path}[0]", reading.faults, highest)
    most = as_hours(second, f"{path}[1]", reading.faults, highest)
    if most < least:
        reading.note(key, "The second number is less than the first.")
    return least, most


def _point(value: Any, path: str, faults: Faults) -> tuple[Number, Number]:
    hours, cost = as_pair(value, path, faults)
    return as_hours(hours, f"{path}[0]", faults, MOST_HOURS), as_number(cost, f"{path}[1]", faults, 0, MOST_COST)


def _integration(reading: Reading) -> tuple[int, int]:
    found = reading.whole("after", 1, 60), reading.whole("minutes", 1, 1440)
    reading.done()
    return found


def _patient(reading: Reading, faults: Faults) -> InstancePatient:
    modes: tuple[MeetingMode, ...] = get_args(MeetingMode)
    continuities: tuple[Continuity, ...] = get_args(Continuity)
    prefer = reading.group("prefer")
    liked = prefer.optional("mode")
    found = InstancePatient(
        id=reading.id("id"),
        protocol=reading.id("protocol"),
        earliest=reading.day("earliest"),
        latest_first=reading.optional_day("latest_first"),
        sites=reading.each("sites", MOST_SITES, as_id, least=1),
        modes=reading.each("modes", 2, _mode, least=1),
        primary=reading.id("primary"),
        therapists=reading.each("therapists", MOST_STAFF, as_id, least=1),
        continuity=reading.word("continuity", continuities),
        therapist_present=reading.flag("therapist_present"),
        available=_week(reading.group("available")),
        unavailable=tuple(sorted(reading.each("unavailable", MOST_SPANS, as_wall_span))),
        bands=_bands(prefer),
        mode=None if liked is None else as_word(liked, prefer.at("mode"), faults, modes),
    )
    prefer.done()
    reading.done()
    return found


def _bands(prefer: Reading) -> tuple[MinuteSpan, ...]:
    return tuple(sorted(prefer.each("bands", MOST_A_DAY, as_minute_span)))


def _mode(value: Any, path: str, faults: Faults) -> MeetingMode:
    modes: tuple[MeetingMode, ...] = get_args(MeetingMode)
    return as_word(value, path, faults, modes)


def _at_home(instance: Instance) -> Instance:
    """The instance with every shift that is at none of its sites told as telehealth."""
    sites = {site.id for site in instance.sites}
    staff = tuple(
        replace(
            person,
            shifts=tuple(s if s.site in sites else replace(s, site=None) for s in person.shifts),
        )
        for person in instance.staff
    )
    return replace(instance, staff=staff)


__all__ = ["FORMAT", "MOST_BYTES", "parse_instance", "read_protocol"]
