"""Whether a plan keeps every rule of an instance: written from the formats' description alone, for tests.

It reads the two documents as they are and shares nothing with the planner: spans are pairs of aware datetimes, and
every rule is asked of every appointment, one after another.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

Document = dict[str, Any]
Span = tuple[datetime, datetime]
NAMES = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MINUTE = timedelta(minutes=1)


@dataclass(frozen=True)
class Meeting:
    """One appointment of a plan, with its end worked out from the protocol."""

    patient: str
    kind: str
    index: int
    start: datetime
    end: datetime
    said: Document

    @property
    def name(self) -> str:
        return f"{self.patient} {self.kind} {self.index}"


def broken_rules(instance: Document, plan: Document) -> list[str]:
    """Every rule that is broken, as a sentence; none for a plan that is sound."""
    return list(Judge(instance).judge(plan))


class Judge:
    def __init__(self, instance: Document) -> None:
        self.instance = instance
        self.zone = ZoneInfo(instance["timezone"])
        self.patients = {one["id"]: one for one in instance["patients"]}
        self.staff = {one["id"]: one for one in instance["staff"]}
        self.sites = {one["id"]: one for one in instance["sites"]}
        self.home = {one["id"]: one["site"] for one in (*instance["chairs"], *instance["rooms"])}

    def judge(self, plan: Document) -> Iterator[str]:
        assert plan["format"] == "kap-plan/1"
        assert plan["instance"] == self.instance["id"]
        meetings = [self.meeting(said) for said in plan["appointments"]]
        left = {one["patient"] for one in plan["unplanned"]}
        assert all(one["reasons"] for one in plan["unplanned"]), "somebody is left without a reason"
        for meeting in meetings:
            yield from (f"{meeting.name}: {rule}" for rule in self.alone(meeting))
        by_patient: dict[str, list[Meeting]] = defaultdict(list)
        for meeting in meetings:
            by_patient[meeting.patient].append(meeting)
        for patient_id in self.patients:
            found = by_patient[patient_id]
            if patient_id in left:
                yield from (f"{one.name}: its patient is told as unplanned" for one in found)
            else:
                yield from (f"{patient_id}: {rule}" for rule in self.course(self.patients[patient_id], found))
        yield from self.shared(meetings)

    # -- reading ---------------------------------------------------------------------------------------------------

    def meeting(self, said: Document) -> Meeting:
        protocol = self.protocol(self.patients[said["patient"]])
        index = said.get("index", 0)
        if said["kind"] == "prep":
            minutes = protocol["prep"]["minutes"]
        elif said["kind"] == "infusion":
            minutes = protocol["infusion_min"]
        else:
            minutes = next(one["minutes"] for one in protocol["integrations"] if one["after"] == index)
        start = datetime.fromisoformat(said["start"])
        assert start.utcoffset() is not None
        return Meeting(said["patient"], said["kind"], index, start, start + timedelta(minutes=minutes), said)

    def protocol(self, patient: Document) -> Document:
        found: Document = self.instance["protocols"][patient["protocol"]]
        return found

    def at(self, wall: str) -> datetime:
        # Compared and subtracted as elapsed time, which two datetimes of one zone are not.
        return datetime.fromisoformat(wall).replace(tzinfo=self.zone).astimezone(ZoneInfo("UTC"))

    def local(self, instant: datetime) -> datetime:
        return instant.astimezone(self.zone)

    def weekly(self, week: dict[str, list[list[str]]], near: datetime) -> list[Span]:
        days = [self.local(near).date() + timedelta(days=shift) for shift in (-1, 0, 1)]
        return [
            (self.at(f"{day}T{start}"), self.at(f"{day}T{end}"))
            for day in days
            for start, end in week.get(NAMES[day.weekday()], [])
        ]

    def shifts(self, person: Document, site: str | None) -> list[Span]:
        """Shifts at a site (any shift for None)."""
        return [(self.at(a), self.at(b)) for a, b, where in person["shifts"] if site is None or where == site]

    def off(self, person: Document) -> list[Span]:
        return [(self.at(a), self.at(b)) for a, b in person["time_off"]]

    def works(self, people: Iterable[Document], site: str | None, start: datetime, end: datetime) -> bool:
        """Whether at every minute at least one of these is at work."""
        present = [(self.shifts(person, site), self.off(person)) for person in people]
        minute = start
        while minute < end:
            if not any(inside(on, minute) and not inside(off, minute) for on, off in present):
                return False
            minute += MINUTE
        return True

    # -- one appointment -------------------------------------------------------------------------------------------

    def alone(self, meeting: Meeting) -> Iterator[str]:
        patient, said = self.patients[meeting.patient], meeting.said
        wall = self.local(meeting.start)
        first, last = (date.fromisoformat(day) for day in self.instance["horizon"])
        if not first <= wall.date() <= last:
            yield "outside the horizon"
        if wall.date() < date.fromisoformat(patient["earliest"]):
            yield "before the earliest day"
        if wall.second or (wall.hour * 60 + wall.minute) % self.instance["grid_min"]:
            yield "off the grid"
        if wall.date().isoformat() in self.instance["holidays"]:
            yield "on a holiday"
        if not covered(self.weekly(patient["available"], meeting.start), meeting.start, meeting.end):
            yield "the patient cannot come"
        if any(a < meeting.end and meeting.start < b for a, b in map(self.pair, patient["unavailable"])):
            yield "the patient is away"
        if meeting.kind == "infusion" or said.get("mode") == "room":
            yield from self.on_site(meeting, patient)
        if meeting.kind == "infusion":
            yield from self.dosing(meeting, patient)
        else:
            yield from self.talking(meeting, patient)
        if said.get("therapist"):
            yield from self.therapist(meeting, patient)

    def pair(self, span: list[str]) -> Span:
        return self.at(span[0]), self.at(span[1])

    def on_site(self, meeting: Meeting, patient: Document) -> Iterator[str]:
        site = meeting.said["site"]
        if site not in patient["sites"]:
            yield "at a site the patient does not come to"
        if not covered(self.weekly(self.sites[site]["hours"], meeting.start), meeting.start, meeting.end):
            yield "the site is closed"

    def dosing(self, meeting: Meeting, patient: Document) -> Iterator[str]:
        site, nurse = meeting.said["site"], self.staff[meeting.said["nurse"]]
        if self.home.get(meeting.said["chair"]) != site:
            yield "the chair is elsewhere"
        if nurse["role"] != "nurse" or not self.works([nurse], site, meeting.start, meeting.end):
            yield "the nurse is not on shift there"
        prescribers = [one for one in self.staff.values() if one["role"] == "prescriber"]
        if not self.works(prescribers, site, meeting.start, meeting.end):
            yield "no prescriber is there all the time"
        if patient["therapist_present"] and not meeting.said.get("therapist"):
            yield "no therapist is there"

    def talking(self, meeting: Meeting, patient: Document) -> Iterator[str]:
        if meeting.said["mode"] not in patient["modes"]:
            yield "in a mode the patient does not accept"
        if meeting.said["mode"] == "room" and self.home.get(meeting.said["room"]) != meeting.said["site"]:
            yield "the room is elsewhere"
        if not meeting.said.get("therapist"):
            yield "nobody holds it"

    def therapist(self, meeting: Meeting, patient: Document) -> Iterator[str]:
        name = meeting.said["therapist"]
        here = meeting.kind == "infusion" or meeting.said["mode"] == "room"
        if self.staff[name]["role"] != "therapist" or name not in patient["therapists"]:
            yield "with somebody who is not one of the patient's therapists"
        if patient["continuity"] == "required" and name != patient["primary"]:
            yield "not with the primary therapist"
        if not self.works([self.staff[name]], meeting.said["site"] if here else None, meeting.start, meeting.end):
            yield "the therapist is not on shift"

    # -- one course ------------------------------------------------------------------------------------------------

    def course(self, patient: Document, meetings: list[Meeting]) -> Iterator[str]:
        protocol = self.protocol(patient)
        wanted = Counter([("prep", 0)])
        wanted.update(("infusion", number + 1) for number in range(protocol["infusions"]))
        wanted.update(("integration", one["after"]) for one in protocol["integrations"])
        if Counter((one.kind, one.index) for one in meetings) != wanted:
            yield "the course is not whole"
            return
        found = {(one.kind, one.index): one for one in meetings}
        doses = [found["infusion", number + 1] for number in range(protocol["infusions"])]
        days = [self.local(dose.start).date() for dose in doses]
        least, most = protocol["gap_days"]
        for number, (before, after) in enumerate(pairwise(days), 2):
            if not least <= (after - before).days <= most:
                yield f"the gap before infusion {number}"
        if patient["latest_first"] and days[0] > date.fromisoformat(patient["latest_first"]):
            yield "the first infusion is too late"
        lead = (doses[0].start - found["prep", 0].end) / timedelta(hours=1)
        if not protocol["prep"]["lead_h"][0] <= lead <= protocol["prep"]["lead_h"][1]:
            yield f"preparation is over {lead:g} h before"
        for one in protocol["integrations"]:
            yield from self.window(protocol, doses, found["integration", one["after"]])

    @staticmethod
    def window(protocol: Document, doses: list[Meeting], session: Meeting) -> Iterator[str]:
        anchor = doses[session.index - 1].start + timedelta(minutes=protocol["anchor_min"])
        opens, closes = (timedelta(hours=hours) for hours in protocol["window_h"])
        if session.start - anchor < opens:
            yield f"session {session.index} is too early"
        if session.end - anchor > closes:
            yield f"session {session.index} ends too late"
        if session.index < len(doses) and session.end > doses[session.index].start:
            yield f"session {session.index} runs into the next infusion"

    # -- what is shared --------------------------------------------------------------------------------------------

    def shared(self, meetings: list[Meeting]) -> Iterator[str]:
        use: dict[tuple[str, str], list[tuple[datetime, datetime, str]]] = defaultdict(list)
        for one in meetings:
            use["patient", one.patient].append((one.start, one.end, one.name))
            for kind in ("chair", "room", "nurse", "therapist"):
                if one.said.get(kind):
                    use[kind, one.said[kind]].append((one.start, one.end, one.name))
        for booking in self.instance["bookings"]:
            for kind in ("chair", "room", "nurse", "therapist"):
                if booking.get(kind):
                    use[kind, booking[kind]].append((self.at(booking["start"]), self.at(booking["end"]), ""))
        for (kind, name), times in sorted(use.items()):
            yield from self.watched(name, times) if kind == "nurse" else self.apart(kind, name, sorted(times))

    def apart(self, kind: str, name: str, times: list[tuple[datetime, datetime, str]]) -> Iterator[str]:
        buffer = timedelta(minutes=self.instance["buffers"][kind])
        for place, (_, end, what) in enumerate(times):
            for start, _, other in times[place + 1 :]:
                if start < end + buffer and (what or other):
                    yield f"{name}: {what or 'a booking'} and {other or 'a booking'} are too close"

    def watched(self, name: str, times: list[tuple[datetime, datetime, str]]) -> Iterator[str]:
        most = self.staff[name].get("max_patients", 0)
        for start, end, what in times:
            moments = [start, *(other for other, _, _ in times if start < other < end)]
            if what and any(sum(a <= moment < b for a, b, _ in times) > most for moment in moments):
                yield f"{name}: too many patients at {what}"


def inside(spans: Iterable[Span], moment: datetime) -> bool:
    return any(start <= moment < end for start, end in spans)


def covered(spans: Iterable[Span], start: datetime, end: datetime) -> bool:
    reach = start
    for a, b in sorted(spans):
        if a <= reach < b:
            reach = b
    return reach >= end
