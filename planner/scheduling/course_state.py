"""A course in the middle of a decision: its doses as they will be, and its sessions as they are.

All instants here are axis minutes of the search's supply.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from planner.domain.protocols import IntegrationMode
from planner.domain.statuses import COUNTING, HOLDING, MOVABLE, AppointmentKind, AppointmentStatus
from planner.scheduling.breaks import breaks_of
from planner.scheduling.day_limits import NO_BARS, Bars
from planner.scheduling.placements import Placement
from planner.scheduling.search import CourseSearch
from planner.scheduling.sheets import BookedSheet, CourseSheet, OwnSession, PatientSheet


@dataclass(frozen=True, slots=True)
class Dose:
    """One dose as it will be: an infusion that stays (`placement` is None), one that moves, or a new one."""

    start: int
    before: BookedSheet | None
    placement: Placement | None = None
    anchor: int = 0

    @property
    def moved(self) -> bool:
        """Whether it gets a placement: another time, or other staff or another chair at the same time."""
        return self.placement is not None

    @property
    def retimed(self) -> bool:
        """Whether it is new or gets another time."""
        return self.placement is not None and (self.before is None or self.placement.start != self.before.start)


@dataclass(frozen=True, slots=True)
class State:
    """The doses in order of time, and which appointments cannot stay where they are whatever their times say.

    `covers` says where displaced sessions go (by appointment id), as far as that was settled for several courses.
    """

    doses: tuple[Dose, ...]
    gone: frozenset[int] = frozenset()
    displaced: frozenset[int] = frozenset()
    covers: Mapping[int, Placement] = field(default_factory=dict, hash=False)

    def number_of(self, appointment_id: int | None) -> int | None:
        """The dose number that an existing infusion will have; None when it no longer is a dose."""
        for number, dose in enumerate(self.doses, 1):
            if dose.before is not None and dose.before.id == appointment_id:
                return number
        return None


class CourseView:
    """An existing course with the search over its supply; answers what is fixed and what may move.

    `bars` are minutes at which none of its sessions begins with somebody. With `only`, all its sessions but that one
    (by id) count as staying where they are.
    """

    def __init__(self, course: CourseSheet, bars: Bars = NO_BARS, only: int | None = None) -> None:
        self.course, self.now, self.bars, self._only = course, course.clinic.now, bars, only
        self.search = CourseSearch(course.clinic, replace(course.request, patient=self._patient()), bars=bars)
        self.origin = self.search.supply.origin
        self._alone: dict[int, CourseView] = {}

    def barred(self, bars: Bars) -> CourseView:
        """The same course with more minutes at which none of its sessions begins with somebody."""
        return CourseView(self.course, self.bars | bars, self._only)

    def for_one(self, booked: BookedSheet) -> CourseView:
        """The same course for moving this session alone: the others keep their places on the days of therapists."""
        here = (booked.therapist_id, self.search.days.index(booked.start))
        if self._only is not None or not self.search.supply.limits.closes_for_one(here):
            return self
        if booked.id not in self._alone:
            self._alone[booked.id] = CourseView(self.course, self.bars, booked.id)
        return self._alone[booked.id]

    def _patient(self) -> PatientSheet:
        """The patient, also held by those sessions of the course that will not give way to anything."""
        patient, clinic = self.course.request.patient, self.course.clinic
        patient = replace(patient, own_sessions=tuple(self._own_sessions()))
        protocol = self.course.request.protocol
        if protocol.integration.mode is IntegrationMode.ROLLING:
            return patient
        spare = breaks_of(clinic, patient, protocol.visit).session_to_session
        fixed = [a for a in self.course.appointments if a.kind is not AppointmentKind.INFUSION and a.status in HOLDING]
        spans = [(a.start - spare, a.end + spare) for a in fixed if self.frozen(a)]
        return replace(patient, busy=(*patient.busy, *spans))

    def _own_sessions(self) -> Iterator[OwnSession]:
        for booked in self.course.appointments:
            if booked.session is not None:
                stays = self.frozen(booked) or (self._only is not None and booked.id != self._only)
                yield OwnSession(*booked.session, stays)

    def frozen(self, booked: BookedSheet) -> bool:
        """Whether an appointment may not change: past, happened or pinned (house.md, decision 5)."""
        return booked.pinned or booked.status not in MOVABLE or booked.start <= self.now

    def counting_infusions(self) -> list[BookedSheet]:
        """Infusions that are or will be doses, in order of time; proposed boosters are not among them."""
        found = [a for a in self.course.appointments if a.kind is AppointmentKind.INFUSION and a.status in COUNTING]
        return sorted(found, key=lambda a: a.start)

    def sessions(self, kind: AppointmentKind) -> list[BookedSheet]:
        """Sessions of a kind that hold their slot, in order of time."""
        found = [a for a in self.course.appointments if a.kind is kind and a.status in HOLDING]
        return sorted(found, key=lambda a: a.start)

    def proposed(self) -> list[BookedSheet]:
        """Proposed boosters, in order of time."""
        found = [a for a in self.course.appointments if a.status is AppointmentStatus.PROPOSED]
        return sorted(found, key=lambda a: a.start)

    def dose_of(self, booked: BookedSheet) -> Dose:
        """An infusion as it stands; its anchor is the recorded end of the dose, else the planned one."""
        start = booked.start - self.origin
        anchor = start + self.search.anchor if booked.dose_end is None else self.anchor_after(booked.dose_end)
        return Dose(start, booked, None, anchor)

    def anchor_after(self, dose_end: int) -> int:
        """The anchor of a dose that ended at UTC minute `dose_end`: check-out follows that end as it was planned to."""
        return dose_end - self.origin + self.search.anchor - self.search.protocol.visit.dose_ends_min

    def dose_end(self, dose: Dose) -> int:
        """When a dose is over, as an axis minute: as recorded, else as planned."""
        return dose.anchor - self.search.anchor + self.search.protocol.visit.dose_ends_min

    def leaves(self, dose: Dose) -> int:
        """The earliest start of a session after this visit."""
        return dose.start + self.search.breaks.visit_to_session

    def dose_at(self, placement: Placement, before: BookedSheet | None) -> Dose:
        """A dose that goes to a placement."""
        start = placement.start - self.origin
        return Dose(start, before, placement, start + self.search.anchor)

    def state(self) -> State:
        """The course as it stands."""
        return State(tuple(self.dose_of(booked) for booked in self.counting_infusions()))

    def day(self, minute: int) -> int:
        """The local day's index of an axis minute."""
        return self.search.days.index(minute + self.origin)

    def day_limits(self, doses: tuple[Dose, ...], at: int) -> tuple[int, int]:
        """First and last day index for the dose at list position `at` that keep the spacing to both neighbours."""
        low, high = 0, self.search.days.count - 1
        if at > 0:
            least, most = self.gap(at + 1)
            before = self.day(doses[at - 1].start)
            low, high = max(low, before + least), min(high, before + most)
        if at + 1 < len(doses):
            least, most = self.gap(at + 2)
            after = self.day(doses[at + 1].start)
            low, high = max(low, after - most), min(high, after - least)
        return low, high

    def gap(self, number: int) -> tuple[int, int]:
        """Least and most days before dose `number`; doses beyond the protocol's count use its last spacing."""
        return self.search.gap_range(min(number, self.search.doses))

    def cutoff(self, doses: tuple[Dose, ...], at: int) -> int | None:
        """When the session after the dose at list position `at` must be over: the next check-in less the gap."""
        link = self.search.link
        if link is None or at + 1 >= len(doses):
            return None
        return doses[at + 1].start - link.gap


def with_dose(state: State, at: int, dose: Dose) -> State:
    """The state with the dose at a list position replaced, doses kept in order of time."""
    doses = list(state.doses)
    doses[at] = dose
    return replace(state, doses=tuple(sorted(doses, key=lambda d: d.start)))
