"""Cover for somebody who is ill: as many sessions saved, and of those as many times kept, as any assignment could."""

from __future__ import annotations

from dataclasses import dataclass, replace
from random import Random

import pytest

from planner.domain.statuses import AppointmentKind, AppointmentStatus, Mode
from planner.scheduling.covering import Displaced
from planner.scheduling.decisions import Line, LineKind
from planner.scheduling.sheets import (
    BookedSheet,
    ClinicSheet,
    CourseSheet,
    PatientSheet,
    PersonSheet,
    ShiftSheet,
    SiteSheet,
    Span,
    ThingSheet,
)
from planner.scheduling.together import CourseChange, decide_together
from tests.scheduling.plain import SESSION, ZONE, clinic, dose, on, protocol, request, session, therapist, windowed

SEEDS = 240
ILL, DAY = 1, 3
IN_PERSON, VIDEO = Mode.IN_PERSON, Mode.TELEHEALTH
#: After a dose on day 2 that ends at 09:40, sessions start on day 3 from 08:40 to 16:40.
OPENS, CLOSES = on(3, "08:40"), on(3, "16:40")
PLAN = protocol(1, integration=windowed(opens_h=23, closes_h=31, peak_start_h=24, peak_end_h=28,
                                        knots=((23, 0.5), (24, 1.0), (28, 1.0), (31, 0.3)), tail_end_h=31,
                                        ideal_offset_h=25))  # fmt: skip
Try = tuple[int, int, Mode, int | None]
"""(start, therapist, mode, room) of one way to hold a session."""


class SickDay:
    """Therapist 1 is ill on a random small day: up to four sessions, two others, and few rooms."""

    def __init__(self, seed: int) -> None:
        rnd = self.rnd = Random(seed)
        self.grid = rnd.choice((60, 30))
        self.open = ((on(DAY, "08:00"), on(DAY, rnd.choice(("15:00", "18:00")))),)
        hours = rnd.sample(range(9, 16), rnd.randint(1, 4))
        self.rooms = [ThingSheet(n, 110 + n, 1, self.spans(0.3), rnd.choice((0, 10))) for n in (1, 2)]
        limits = Random(f"limits of days {seed}")
        others = [self.limited(self.therapist(n), limits) for n in (2, 3)]
        self.people = [PersonSheet(ILL, 141, (), turnover=0), *others]
        self.sessions = [self.session(at, hour) for at, hour in enumerate(sorted(hours), 1)]
        self.patients = {s.id: self.patient(s) for s in self.sessions}
        # Nothing else may hold a room where a session already has it.
        held = [(s.start, s.end + 10) for s in self.sessions if s.room_id]
        self.rooms[0] = replace(
            self.rooms[0], busy=tuple(b for b in self.rooms[0].busy if not any(b[0] < e and a < b[1] for a, e in held))
        )

    def spans(self, share: float) -> tuple[Span, ...]:
        return tuple(
            (on(DAY, f"{hour:02}:00"), on(DAY, f"{hour:02}:50")) for hour in range(8, 18) if self.rnd.random() < share
        )

    def therapist(self, number: int) -> PersonSheet:
        first = self.rnd.randint(8, 11)
        last = self.rnd.randint(first + 2, 17)
        site = self.rnd.choice((1, 1, None))
        shift = ShiftSheet((on(DAY, f"{first:02}:00"), on(DAY, f"{last:02}:00")), site)
        return PersonSheet(number, 140 + number, (shift,), self.spans(0.35), self.rnd.choice((0, 10)))

    @staticmethod
    def limited(person: PersonSheet, limits: Random) -> PersonSheet:
        """With some, a few sessions a day at most, and some of what holds them being sessions."""
        if limits.random() < 0.5:
            return person
        sessions = tuple(start for start, _ in person.busy if limits.random() < 0.4)
        return replace(person, most_sessions=limits.choice((1, 2, 3)), sessions=sessions)

    def session(self, at: int, hour: int) -> BookedSheet:
        """The session of course `at`, in room 1 or by video, held by who is ill."""
        mode = self.rnd.choice((IN_PERSON, VIDEO))
        start = on(DAY, f"{hour:02}:00")
        held = [(150 + at, start, start + SESSION), (141, start, start + SESSION)]
        if mode is IN_PERSON:
            held.append((111, start, start + SESSION + self.rooms[0].turnover))
        return replace(
            session(1, start, mode=mode, room_id=1 if mode is IN_PERSON else None),
            id=1000 + at, serves_id=100 + at, holds=tuple(held),
        )  # fmt: skip

    def patient(self, booked: BookedSheet) -> PatientSheet:
        either = (IN_PERSON, VIDEO) if booked.mode is IN_PERSON else (VIDEO, IN_PERSON)
        modes = self.rnd.choice((either, (booked.mode,)))
        free = ((booked.start, booked.end), (on(DAY, "08:00"), on(DAY, f"{self.rnd.randint(11, 18)}:00")))
        whole = ((min(a for a, _ in free), max(b for _, b in free)),)
        available = self.rnd.choice((None, free[:1], whole))
        return PatientSheet(booked.id, 150 + booked.id - 1000, (), available, 0, modes, self.rnd.choice((1, 2, 3)))

    def clinic_for(self, own: BookedSheet) -> ClinicSheet:
        """The supply as one course sees it: what it holds itself is free, what the others hold is not."""
        taken = tuple((a, b) for s in self.sessions if s.id != own.id for thing, a, b in s.holds if thing == 111)
        rooms = (replace(self.rooms[0], busy=(*self.rooms[0].busy, *taken)), self.rooms[1])
        return clinic(
            site=SiteSheet(1, ZONE, 30, self.grid, self.open), now=on(DAY, "08:00"), rooms=rooms,
            therapists=tuple(self.people),
        )  # fmt: skip

    def parts(self) -> list[Displaced]:
        return [
            Displaced(
                CourseSheet(
                    at,
                    request(PLAN, patient=self.patients[s.id]),
                    self.clinic_for(s),
                    (replace(dose(1, on(2, "09:00"), status=AppointmentStatus.FULFILLED), id=100 + at), s),
                ),
                frozenset({s.id}),
            )
            for at, s in enumerate(self.sessions, 1)
        ]


# -- the best there is, by trying everything ---------------------------------------------------------------------------


@dataclass
class TryingAll:
    """Every way to hold every session, checked minute by minute and in every combination."""

    day: SickDay

    def ways(self, booked: BookedSheet) -> list[Try]:
        every = range(on(DAY, "08:30"), on(DAY, "17:00"), self.day.grid)
        aligned = [m for m in range(on(DAY), on(DAY + 1), self.day.grid) if every[0] <= m <= every[-1]]
        starts = {booked.start, *(m for m in aligned if OPENS <= m <= CLOSES)}
        found: list[Try] = []
        for start in sorted(starts):
            for person in self.day.people:
                for mode in self.day.patients[booked.id].modes:
                    rooms = [r.id for r in self.day.rooms] if mode is IN_PERSON else [None]
                    found += [
                        (start, person.id, mode, room)
                        for room in rooms
                        if self.possible(booked, start, person, mode, room)
                    ]
        return found

    def possible(self, booked: BookedSheet, start: int, person: PersonSheet, mode: Mode, room: int | None) -> bool:
        available = self.day.patients[booked.id].available
        for minute in range(start, start + SESSION):
            opened = any(a <= minute < b for a, b in self.day.open)
            here = opened and any(s.site_id == 1 and s.span[0] <= minute < s.span[1] for s in person.shifts)
            away = any(s.site_id is None and s.span[0] <= minute < s.span[1] for s in person.shifts)
            if not (here or (away and mode is VIDEO)):
                return False
            if available is not None and not any(a <= minute < b for a, b in available):
                return False
        return self.is_free(person.busy, start, person.turnover) and (
            room is None or self.is_free(self.day.rooms[room - 1].busy, start, self.day.rooms[room - 1].turnover)
        )

    @staticmethod
    def is_free(busy: tuple[Span, ...], start: int, turnover: int) -> bool:
        return not any(a < start + SESSION + turnover and start < b for a, b in busy)

    def meet(self, one: Try, other: Try) -> bool:
        turnovers = {p.id: p.turnover for p in self.day.people}
        if one[1] == other[1] and self.too_near(one, other, turnovers[one[1]]):
            return True
        return (
            one[3] is not None and one[3] == other[3] and self.too_near(one, other, self.day.rooms[one[3] - 1].turnover)
        )

    def has_place(self, person_id: int, chosen: list[Try]) -> bool:
        """Whether one more session of the day is within the person's limit."""
        (person,) = (p for p in self.day.people if p.id == person_id)
        there = len(person.sessions) + sum(way[1] == person_id for way in chosen)
        return person.most_sessions is None or there < person.most_sessions

    @staticmethod
    def too_near(one: Try, other: Try, turnover: int) -> bool:
        return one[0] < other[0] + SESSION + turnover and other[0] < one[0] + SESSION + turnover

    def best(self) -> tuple[int, int]:
        """How many can be saved, and how many of those at their own time."""
        ways = [self.ways(booked) for booked in self.day.sessions]
        top = (0, 0)

        def go_on(at: int, chosen: list[Try], kept: int) -> None:
            nonlocal top
            if at == len(ways):
                top = max(top, (len(chosen), kept))
                return
            left = len(ways) - at
            if (len(chosen) + left, kept + left) <= top or len(chosen) + left < top[0]:
                return
            for way in ways[at]:
                if self.has_place(way[1], chosen) and not any(self.meet(way, other) for other in chosen):
                    go_on(at + 1, [*chosen, way], kept + (way[0] == self.day.sessions[at].start))
            go_on(at + 1, chosen, kept)

        go_on(0, [], 0)
        return top


# -- what the planner does ---------------------------------------------------------------------------------------------


def outcome(changes: tuple[CourseChange, ...]) -> dict[int, Line]:
    return {
        line.before.id: line
        for change in changes
        for line in change.decision.lines
        if line.before is not None and line.before.kind is AppointmentKind.INTEGRATION
    }


def as_tries(lines: dict[int, Line]) -> dict[int, Try]:
    return {
        id_: (line.after.start, line.after.therapist_id or 0, line.after.mode, line.after.room_id)
        for id_, line in lines.items()
        if line.kind is LineKind.MOVED and line.after is not None
    }


@pytest.mark.parametrize("block", range(6))
def test_as_many_are_saved_and_keep_their_time_as_any_assignment_could(block: int) -> None:
    for seed in range(block * SEEDS // 6, (block + 1) * SEEDS // 6):
        day = SickDay(seed)
        brute = TryingAll(day)
        lines = outcome(decide_together(day.parts(), "person.away"))
        done = as_tries(lines)
        assert set(lines) == {s.id for s in day.sessions}, seed
        for booked in day.sessions:
            if booked.id in done:
                assert done[booked.id] in brute.ways(booked), (seed, booked.id)
        chosen = list(done.values())
        assert not any(brute.meet(a, b) for at, a in enumerate(chosen) for b in chosen[at + 1 :]), seed
        assert all(brute.has_place(way[1], chosen[:at]) for at, way in enumerate(chosen)), seed
        kept = sum(done[s.id][0] == s.start for s in day.sessions if s.id in done)
        assert (len(done), kept) == brute.best(), seed


# -- who, and when -----------------------------------------------------------------------------------------------------


def covered(start: int, *free: PersonSheet, primary: int = 1, **changes: object) -> BookedSheet | None:
    """The one session of a course, at `start`, once therapist 1 is gone and these are there: as it will be."""
    held = ((151, start, start + SESSION), (141, start, start + SESSION), (111, start, start + SESSION))
    booked = replace(session(1, start, room_id=1, holds=held), **changes)  # type: ignore[arg-type]
    supply = clinic(now=on(DAY, "07:00"), therapists=(PersonSheet(ILL, 141, ()), *free))
    asked = request(protocol(1), patient=PatientSheet(1, 151, primary_therapist_id=primary))
    given = dose(1, on(2, "09:00"), status=AppointmentStatus.FULFILLED)
    sheet = CourseSheet(1, asked, supply, (given, booked))
    line = outcome(decide_together([Displaced(sheet, frozenset({booked.id}))], "person.away"))[booked.id]
    if line.after is None:
        return None
    return replace(booked, start=line.after.start, therapist_id=line.after.therapist_id, room_id=line.after.room_id)


def test_the_patients_own_therapist_takes_over_before_others() -> None:
    found = covered(on(DAY, "10:00"), therapist(2), therapist(3), primary=3)
    assert found is not None
    assert (found.therapist_id, found.start, found.room_id) == (3, on(DAY, "10:00"), 1)


def test_its_time_is_kept_with_somebody_else_rather_than_moved_to_the_own_therapist() -> None:
    later = therapist(3, (on(DAY, "11:00"), on(DAY, "18:00")))
    found = covered(on(DAY, "10:00"), therapist(2), later, primary=3)
    assert found is not None
    assert (found.therapist_id, found.start) == (2, on(DAY, "10:00"))


def test_a_session_outside_its_window_with_a_reason_keeps_its_time_too() -> None:
    found = covered(on(6, "10:00"), therapist(2))
    assert found is not None
    assert found.start == on(6, "10:00")


def test_with_nobody_free_in_the_window_nothing_is_made_up() -> None:
    assert covered(on(DAY, "10:00"), therapist(2, (on(20), on(21)))) is None


def test_whoever_has_the_most_sessions_of_the_day_covers_no_other() -> None:
    sessions = tuple(on(DAY, f"{hour}:00") for hour in (13, 14))
    assert covered(on(DAY, "10:00"), therapist(2, sessions=sessions, most_sessions=3)) is not None
    found = covered(on(DAY, "10:00"), therapist(2, sessions=sessions, most_sessions=2))
    assert found is not None
    assert found.start // 1440 != on(DAY) // 1440, "another day of the window, or none"


@pytest.mark.parametrize(("most", "that_day"), [(2, 2), (1, 2), (None, 2)])
def test_sessions_that_change_their_hour_with_somebody_take_their_places_along(most: int | None, that_day: int) -> None:
    """Therapist 1 is away in the morning, and both their sessions of the day can be in the afternoon."""
    person = therapist(1, (on(DAY, "12:00"), on(DAY, "16:00")), most_sessions=most)
    starts = {1: on(DAY, "09:00"), 2: on(DAY, "10:00")}
    parts = []
    for at, start in starts.items():
        holds = ((150 + at, start, start + SESSION), (141, start, start + SESSION))
        booked = replace(session(1, start, mode=VIDEO, holds=holds), id=1000 + at, serves_id=100 + at)
        others = tuple(other for key, other in starts.items() if key != at)
        supply = clinic(now=on(DAY, "08:00"), therapists=(replace(person, sessions=others),))
        given = replace(dose(1, on(2, "09:00"), status=AppointmentStatus.FULFILLED), id=100 + at)
        asked = request(PLAN, patient=PatientSheet(at, 150 + at, modes=(VIDEO,)))
        parts.append(Displaced(CourseSheet(at, asked, supply, (given, booked)), frozenset({booked.id})))
    lines = as_tries(outcome(decide_together(parts, "person.away")))
    assert len(lines) == that_day
