"""Whether the parts of an instance agree with each other, and with what a clinic in this planner can be.

Each fault is noted at its path. What stands here as a limit of the planner is refused rather than loosened: a plan
made here must never break a rule of the file.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime, time, timedelta

from planner.domain.protocols import ProtocolInvalid
from planner.domain.walltime import UnknownZone, resolve_wall_leniently, zone_named
from planner.services.instances.fields import Faults
from planner.services.instances.policies import document_of, parsed
from planner.services.instances.shapes import Instance, InstanceBooking, InstancePatient, InstanceProtocol

MOST_HORIZON_DAYS = 366
LONGEST_SHIFT = timedelta(days=2)
#: What one appointment may hold, turnover included, in minutes.
LONGEST_BOOKING_MIN = 1440

Found = tuple[str, str]


def check_agreement(instance: Instance, faults: Faults) -> None:
    """Note every fault of an instance whose fields were sound one by one."""
    try:
        zone_named(instance.zone)
    except UnknownZone as unknown:
        faults.note("timezone", str(unknown))
        return
    checks = (_frame, _ids, _places, _staff, _protocols, _patients, _bookings)
    for check in checks:
        for path, sentence in check(instance):
            faults.note(path, sentence)
    if not faults.count:
        for path, sentence in _double_bookings(instance):
            faults.note(path, sentence)


def _frame(instance: Instance) -> Iterator[Found]:
    days = (instance.last_day - instance.first_day).days + 1
    if not 1 <= days <= MOST_HORIZON_DAYS:
        yield "horizon", f"The horizon must be 1 to {MOST_HORIZON_DAYS} days, from its first day to its last."
    if 1440 % instance.grid_min:
        yield "grid_min", "Starts must divide the day evenly: every 5, 10, 15, 20, 30 or 60 minutes, say."


def _ids(instance: Instance) -> Iterator[Found]:
    lists: dict[str, Iterable[str]] = {
        "sites": [site.id for site in instance.sites],
        "chairs": [chair.id for chair in instance.chairs],
        "rooms": [room.id for room in instance.rooms],
        "staff": [person.id for person in instance.staff],
        "patients": [patient.id for patient in instance.patients],
    }
    for key, ids in lists.items():
        for name, count in Counter(name.casefold() for name in ids).items():
            if count > 1:
                yield key, f"{count} of these have the same id, {name}."
    both = {chair.id for chair in instance.chairs} & {room.id for room in instance.rooms}
    for name in sorted(both):
        yield "rooms", f"{name} is a chair and a room."


def _places(instance: Instance) -> Iterator[Found]:
    sites = {site.id for site in instance.sites}
    for key, things in (("chairs", instance.chairs), ("rooms", instance.rooms)):
        for index, thing in enumerate(things):
            if thing.site not in sites:
                yield f"{key}[{index}].site", f"There is no site {thing.site}."


def _staff(instance: Instance) -> Iterator[Found]:
    opens = datetime.combine(instance.first_day, time())
    ends = datetime.combine(instance.last_day + timedelta(days=1), time())
    for index, person in enumerate(instance.staff):
        for number, shift in enumerate(person.shifts):
            path = f"staff[{index}].shifts[{number}]"
            if shift.start < opens or shift.end > ends:
                yield path, "This shift lies outside the horizon."
            elif shift.end - datetime.combine(shift.start.date(), time()) > LONGEST_SHIFT:
                yield path, "A shift ends at the latest a day after the day it begins."
            elif not _lasts(instance, shift.start, shift.end):
                yield path, "The clocks go forward meanwhile: nothing is left of this shift."
        for number, (start, end) in enumerate(person.time_off):
            if not _lasts(instance, start, end):
                yield f"staff[{index}].time_off[{number}]", "The clocks go forward meanwhile: nothing is left of this."


def _lasts(instance: Instance, start: datetime, end: datetime) -> bool:
    return resolve_wall_leniently(start, instance.zone) < resolve_wall_leniently(end, instance.zone)


def _protocols(instance: Instance) -> Iterator[Found]:
    for name, protocol in instance.protocols.items():
        path = f"protocols.{name}"
        told = list(_protocol(protocol))
        yield from ((f"{path}.{key}", sentence) for key, sentence in told)
        if told:
            continue
        try:
            parsed(document_of(instance.id, "instance", name, protocol, with_therapist=False))
        except ProtocolInvalid as invalid:
            for key, sentence in invalid.problems:
                yield path, f"{sentence} (As {key} of a protocol here.)"


def _protocol(protocol: InstanceProtocol) -> Iterator[Found]:
    after = [number for number, _ in protocol.integrations]
    if len(set(after)) < len(after):
        yield "integrations", "Two sessions follow the same infusion."
    if after and max(after) > protocol.infusions:
        yield "integrations", f"There is no infusion {max(after)}; the last one is infusion {protocol.infusions}."
    if len({minutes for _, minutes in protocol.integrations}) > 1:
        yield "integrations", "Sessions of one protocol all last equally long in this planner."
    if protocol.gap_days[1] < protocol.gap_days[0]:
        yield "gap_days", "The second number is less than the first."
    if protocol.anchor_min > protocol.infusion_min:
        yield "anchor_min", "The dose cannot end after the infusion's chair time."
    if protocol.window_h[1] <= protocol.window_h[0]:
        yield "window_h", "The window has no length."
    hours = [point[0] for point in protocol.curve]
    if hours != sorted(set(hours)):
        yield "curve", "The points of the curve must be at growing hours."
    if protocol.prep_lead_h[1] * 60 < (protocol.prep_lead_h[0] * 60 + 1440):
        yield "prep.lead_h", "This planner counts preparation in days: least and most must lie a day apart or more."


def _patients(instance: Instance) -> Iterator[Found]:
    sites = {site.id for site in instance.sites}
    therapists = {person.id for person in instance.staff if person.role == "therapist"}
    for index, patient in enumerate(instance.patients):
        path = f"patients[{index}]"
        if patient.protocol not in instance.protocols:
            yield f"{path}.protocol", f"There is no protocol {patient.protocol}."
        for site in patient.sites:
            if site not in sites:
                yield f"{path}.sites", f"There is no site {site}."
        for person in {patient.primary, *patient.therapists} - therapists:
            yield f"{path}.therapists", f"There is no therapist {person}."
        yield from ((f"{path}.{key}", sentence) for key, sentence in _patient(instance, patient))


def _patient(instance: Instance, patient: InstancePatient) -> Iterator[Found]:
    for key in ("sites", "modes", "therapists"):
        named = getattr(patient, key)
        if len(set(named)) < len(named):
            yield key, "Name each only once."
    if patient.primary not in patient.therapists:
        yield "primary", "The primary therapist must be one of the patient's therapists."
    if patient.earliest > instance.last_day:
        yield "earliest", "This day lies after the horizon."
    if patient.latest_first is not None and patient.latest_first < patient.earliest:
        yield "latest_first", "The latest first day is before the earliest one."
    for number, (start, end) in enumerate(patient.unavailable):
        if not _lasts(instance, start, end):
            yield f"unavailable[{number}]", "The clocks go forward meanwhile: nothing is left of this."


def _bookings(instance: Instance) -> Iterator[Found]:
    opens = datetime.combine(instance.first_day, time())
    ends = datetime.combine(instance.last_day + timedelta(days=1), time())
    staff = {person.id: person.role for person in instance.staff}
    known = {
        "chair": {chair.id for chair in instance.chairs},
        "room": {room.id for room in instance.rooms},
        "nurse": {name for name, role in staff.items() if role == "nurse"},
        "therapist": {name for name, role in staff.items() if role == "therapist"},
    }
    for index, booking in enumerate(instance.bookings):
        path = f"bookings[{index}]"
        for key, ids in known.items():
            name = getattr(booking, key)
            if name is not None and name not in ids:
                yield f"{path}.{key}", f"There is no {key} {name}."
        if booking.start < opens or booking.end > ends:
            yield path, "This booking lies outside the horizon."
        start, end = bounds(instance, booking)
        if not 0 < end - start <= LONGEST_BOOKING_MIN - longest_buffer(instance):
            yield path, "A booking lasts longer than nothing and, with the time after it, at most a day."


def bounds(instance: Instance, booking: InstanceBooking) -> tuple[int, int]:
    """A booking as UTC minutes since 1970."""
    start, end = (resolve_wall_leniently(wall, instance.zone) for wall in (booking.start, booking.end))
    return int(start.timestamp()) // 60, int(end.timestamp()) // 60


def longest_buffer(instance: Instance) -> int:
    """The longest of the buffers, in minutes."""
    buffers = instance.buffers
    return max(buffers.therapist, buffers.chair, buffers.room, buffers.patient)


def _double_bookings(instance: Instance) -> Iterator[Found]:
    """Bookings of one chair, room or therapist that overlap, and of a nurse beyond the patients she may watch."""
    use: dict[tuple[str, str], list[tuple[int, int, int]]] = defaultdict(list)
    for index, booking in enumerate(instance.bookings):
        start, end = bounds(instance, booking)
        for key in ("chair", "room", "nurse", "therapist"):
            if name := getattr(booking, key):
                use[key, name].append((start, end, index))
    most = {person.id: person.max_patients or 1 for person in instance.staff}
    for (key, name), spans in sorted(use.items()):
        open_ends: list[int] = []
        for start, end, index in sorted(spans):
            open_ends = [other for other in open_ends if other > start]
            open_ends.append(end)
            if len(open_ends) > (most[name] if key == "nurse" else 1):
                told = "more patients than may be watched at once" if key == "nurse" else "booked twice at once"
                yield f"bookings[{index}].{key}", f"{name}: {told}."
