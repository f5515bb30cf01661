"""How many doses could have their integration session: by the weekday of the dose, on the rosters there are.

A possible dose start is a check-in time on the site's grid at which the site is open and a chair and everybody the
visit needs are free. It is covered when at least one therapist could start a session on the therapy grid inside the
hours in question, as `Supply` understands free. No particular patient and no next dose stand in the way. Doses count
only as far as rosters reach: to the end of the week of the last therapist's shift.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from planner.domain.intervals import instant_of
from planner.domain.protocols import Protocol
from planner.domain.statuses import Mode
from planner.domain.walltime import local_day
from planner.scheduling.breaks import breaks_of
from planner.scheduling.links import Link, link_of
from planner.scheduling.localdays import day_minutes
from planner.scheduling.masks import any_between, slice_of
from planner.scheduling.sheets import ClinicSheet, PatientSheet
from planner.scheduling.supply import Supply

_MODES = {"in_person": Mode.IN_PERSON, "telehealth": Mode.TELEHEALTH}


@dataclass(frozen=True, slots=True)
class WeekdayCoverage:
    """Possible dose starts on one weekday (0 = Monday), and how many have a session start where it is wanted."""

    weekday: int
    starts: int
    preferred: int
    in_window: int


@dataclass(frozen=True, slots=True)
class FreeStarts:
    """How many session starts (a time and a therapist each) are free after one dose."""

    preferred: int
    in_window: int


class Coverage:
    """One site's supply, asked about one protocol. `link` is None where no session follows a dose by hours or days."""

    def __init__(self, clinic: ClinicSheet, protocol: Protocol) -> None:
        self.protocol = protocol
        anybody = _anybody(protocol)
        self.supply = Supply(clinic, anybody)
        self.link = link_of(protocol, breaks_of(clinic, anybody, protocol.visit))

    def by_weekday(self, first_day: date, last_day: date) -> tuple[WeekdayCoverage, ...]:
        """Coverage of doses on the local days from `first_day` to `last_day`, one entry a weekday; () without link."""
        link = self.link
        if link is None:
            return ()
        sessions = self.supply.session_starts(link.minutes)
        doses = self._doses(link)
        covered = [doses & _followed(sessions, link, hours) for hours in (_preferred(link), _usable(link))]
        counts = [[0, 0, 0] for _ in range(7)]
        for day in range((last_day - first_day).days + 1):
            index = self.supply.days.index_of(first_day + timedelta(days=day))
            first, following = (self.supply.days.start(i) - self.supply.origin for i in (index, index + 1))
            for place, mask in enumerate((doses, *covered)):
                counts[self.supply.days.weekday(index)][place] += slice_of(mask, first, following - 1).bit_count()
        return tuple(WeekdayCoverage(weekday, *count) for weekday, count in enumerate(counts))

    def free_starts(self, check_in: int, therapist_id: int | None = None) -> FreeStarts:
        """The session starts after a dose that checks in at a UTC minute: with one therapist, or all added up."""
        if self.link is None:
            return FreeStarts(0, 0)
        preferred = in_window = 0
        anchor = check_in - self.supply.origin + self.link.anchor
        for person in self.supply.therapists:
            if therapist_id in (None, person.id):
                starts = self.supply.session_starts(self.link.minutes, person.id)
                preferred += _count(starts, anchor, _preferred(self.link))
                in_window += _count(starts, anchor, _usable(self.link))
        return FreeStarts(preferred, in_window)

    def _doses(self, link: Link) -> int:
        """Every possible check-in whose last session would start before rosters end."""
        doses = self.supply.axis.full
        for mask in self.supply.visit_masks(self.protocol.visit).values():
            doses &= mask
        last = self._known_until() - self.supply.origin - link.anchor - link.closes
        return slice_of(doses, 0, last)

    def _known_until(self) -> int:
        """The first UTC minute behind the week of the last shift of any therapist."""
        shifts = [shift.span[1] for person in self.supply.therapists for shift in person.shifts]
        if not shifts:
            return self.supply.origin
        zone = self.supply.clinic.site.zone
        day = local_day(instant_of(max(shifts) - 1), zone)
        return day_minutes(day + timedelta(days=6 - day.weekday()), zone)[1]


def _anybody(protocol: Protocol) -> PatientSheet:
    """A patient who is free whenever the clinic is, and meets in whatever way the protocol allows."""
    modes = tuple(mode for setting, mode in _MODES.items() if setting in protocol.integration.settings)
    return PatientSheet(id=0, holdable_id=0, modes=modes)


def _usable(link: Link) -> tuple[int, int] | None:
    last = link.last_start(None)
    return None if last is None else (link.opens, last)


def _preferred(link: Link) -> tuple[int, int] | None:
    usable = _usable(link)
    return None if usable is None else (max(link.peak_start, usable[0]), min(link.peak_end, usable[1]))


def _followed(sessions: int, link: Link, hours: tuple[int, int] | None) -> int:
    """Every check-in after which a session could start within these offsets from the anchor."""
    return 0 if hours is None else any_between(sessions, link.anchor + hours[0], link.anchor + hours[1])


def _count(starts: int, anchor: int, hours: tuple[int, int] | None) -> int:
    return 0 if hours is None else slice_of(starts, anchor + hours[0], anchor + hours[1]).bit_count()
