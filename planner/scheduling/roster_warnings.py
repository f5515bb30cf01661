"""What is the matter with a week's roster, as sentences that name a day or a person; nothing here stops anybody.

Spans are UTC minutes since 1970; days are local to the site.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date

from planner.domain.access import Role
from planner.domain.intervals import instant_of
from planner.domain.walltime import local_day, to_wall
from planner.scheduling.localdays import day_minutes
from planner.scheduling.sheets import Span
from planner.scheduling.visit_needs import covered
from planner.scheduling.wording import at_wall, on_day

MOST_NAMES = 3


@dataclass(frozen=True, slots=True)
class RosterWarning:
    """One sentence, and the day and person it is about where there are such."""

    sentence: str
    day: date | None = None
    person_id: int | None = None


@dataclass(frozen=True, slots=True)
class Work:
    """One shift: where (None: telehealth), its break if any, and its local day at the site whose week is looked at.

    `is_own`: this site's roster keeps it, in another week.
    """

    person_id: int
    span: Span
    site_id: int | None
    day: date
    on_call: bool = False
    pause: Span | None = None
    is_own: bool = False

    @property
    def parts(self) -> tuple[Span, ...]:
        """When work is done: without the break, and never on call."""
        if self.on_call:
            return ()
        if self.pause is None:
            return (self.span,)
        return ((self.span[0], self.pause[0]), (self.pause[1], self.span[1]))


@dataclass(frozen=True, slots=True)
class WindowSheet:
    """When a session of `minutes` may start after a dose, and from when to when is preferred. All instants."""

    opens: int
    preferred_from: int
    preferred_to: int
    closes: int
    minutes: int


@dataclass(frozen=True, slots=True)
class VisitSheet:
    """One booked infusion at the site: when it needs a nurse of its own and a prescriber there, and its window."""

    code: str
    start: int
    nurse: tuple[Span, ...] = ()
    prescriber: tuple[Span, ...] = ()
    window: WindowSheet | None = None


@dataclass(frozen=True, slots=True)
class Colleague:
    """One member of staff: how many patients they watch at once as a nurse, and until when each certificate holds."""

    name: str
    roles: frozenset[Role] = frozenset()
    lanes: int = 0
    most_sessions: int | None = None
    credentials: tuple[tuple[str, date], ...] = ()


@dataclass(frozen=True, slots=True)
class WeekSheet:
    """A site's week: its shifts, everybody's shifts `elsewhere` or in other weeks, and what is booked.

    `sessions` counts a person's sessions on a local day, `travel` has the minutes to other sites.
    """

    site_id: int
    zone: str
    days: tuple[date, ...]
    now: int
    shifts: tuple[Work, ...]
    elsewhere: tuple[Work, ...] = ()
    visits: tuple[VisitSheet, ...] = ()
    people: Mapping[int, Colleague] = field(default_factory=dict, hash=False)
    away: Mapping[int, tuple[Span, ...]] = field(default_factory=dict, hash=False)
    sessions: Mapping[tuple[int, date], int] = field(default_factory=dict, hash=False)
    site_names: Mapping[int, str] = field(default_factory=dict, hash=False)
    travel: Mapping[int, int] = field(default_factory=dict, hash=False)
    closed: frozenset[date] = frozenset()


def roster_warnings(week: WeekSheet) -> tuple[RosterWarning, ...]:
    """Every warning of a week, by day; of one day in the order in which they matter."""
    found = [
        *_closed_days(week),
        *_prescribing(week),
        *_nurses(week),
        *_windows(week),
        *_on_call(week),
        *_twice(week),
        *_two_places(week),
        *_travel(week),
        *_away(week),
        *_sessions(week),
        *_credentials(week),
    ]
    return tuple(sorted(dict.fromkeys(found), key=lambda warning: warning.day or week.days[0]))


def _closed_days(week: WeekSheet) -> Iterator[RosterWarning]:
    for day in week.days:
        names = _names(week, (w.person_id for w in week.shifts if w.day == day and w.site_id == week.site_id))
        if day in week.closed and names:
            yield RosterWarning(f"The site is closed on {on_day(day)}, and {names} would be here.", day)


def _prescribing(week: WeekSheet) -> Iterator[RosterWarning]:
    here = _on_site(week, Role.PRESCRIBER)
    alone: dict[date, list[str]] = defaultdict(list)
    for visit in _visits(week):
        if any(not covered(here, span) for span in visit.prescriber):
            alone[_local(week, visit.start)].append(visit.code)
    for day, codes in alone.items():
        told = f"Nobody prescribes on {on_day(day)} for all of the time of {_listed(codes)}."
        yield RosterWarning(told, day)


def _nurses(week: WeekSheet) -> Iterator[RosterWarning]:
    """The moment of each day at which most patients are without a nurse."""
    lanes = [
        (span, week.people[work.person_id].lanes)
        for work in _own_and_other(week)
        if work.site_id == week.site_id and Role.NURSE in _roles(week, work)
        for span in _present(week, work)
    ]
    spans = [span for visit in _visits(week) for span in visit.nurse]
    worst: dict[date, tuple[int, int, int, int]] = {}
    for moment in {start for start, _ in spans} | {end for (_, end), _ in lanes}:
        needed = sum(start <= moment < end for start, end in spans)
        there = sum(count for (start, end), count in lanes if start <= moment < end)
        if needed > there:
            day = _local(week, moment)
            worst[day] = min(worst.get(day, (0, 0, 0, 0)), (there - needed, moment, needed, there))
    for day, (_, moment, needed, there) in worst.items():
        if day in week.days:
            patients = "1 patient needs" if needed == 1 else f"{needed} patients need"
            watch = f"the nurses on shift can watch {there}" if there else "no nurse is on shift"
            told = f"{patients} a nurse on {on_day(day)} at {_clock(moment, week.zone)}, and {watch}."
            yield RosterWarning(told, day)


def _windows(week: WeekSheet) -> Iterator[RosterWarning]:
    spans = [
        span
        for work in _own_and_other(week)
        if work.site_id in (week.site_id, None) and Role.THERAPIST in _roles(week, work)
        for span in _present(week, work)
    ]
    first, last = day_minutes(week.days[0], week.zone)[0], day_minutes(week.days[-1], week.zone)[1]
    for visit in week.visits:
        window = visit.window
        if window is None or window.closes < first or window.opens >= last or window.closes <= week.now:
            continue
        dosed = _local(week, visit.start)
        day = min(max(_local(week, window.opens), week.days[0]), week.days[-1])
        after = f"{visit.code}’s dose on {on_day(dosed)}"
        if not _has_start(spans, window.opens, window.closes, window.minutes):
            open_for = f"{at_wall(window.opens, week.zone)} to {at_wall(window.closes, week.zone)}"
            yield RosterWarning(f"No therapist works in the window of {after} ({open_for}).", day)
        elif not _has_start(spans, window.preferred_from, min(window.preferred_to, window.closes), window.minutes):
            yield RosterWarning(f"No therapist works in the preferred part of the window of {after}.", day)


def _on_call(week: WeekSheet) -> Iterator[RosterWarning]:
    """Only where somebody is on call at all that week: a clinic that does not use it is not told to."""
    if not any(work.on_call for work in week.shifts):
        return
    ready = [w.span for w in week.shifts if w.on_call and Role.PRESCRIBER in _roles(week, w)]
    for day in sorted({_local(week, visit.start) for visit in _visits(week)}):
        span = day_minutes(day, week.zone)
        if not any(_overlap(span, one) for one in ready):
            yield RosterWarning(f"No prescriber is on call on {on_day(day)}, a day with doses.", day)


def _twice(week: WeekSheet) -> Iterator[RosterWarning]:
    """Over the end of the week, where the roster itself has somebody in the next one or the one before."""
    for work, other in _pairs(week):
        if other.is_own and _overlap(work.span, other.span):
            name = week.people[work.person_id].name
            told = (
                f"{name}’s shift on {on_day(work.day)} overlaps the published one on {on_day(other.day)}, "
                f"{_span(week, other)}, in another week of this roster. Both cannot be published."
            )
            yield RosterWarning(told, work.day, work.person_id)


def _two_places(week: WeekSheet) -> Iterator[RosterWarning]:
    for work, other in _pairs(week):
        if other.is_own or not _overlap(work.span, other.span):
            continue
        name, there = week.people[work.person_id].name, _place(week, other)
        if work.day == other.day:
            told = f"{name} is also on the roster {there} on {on_day(work.day)}, {_span(week, other)}."
        else:
            told = (
                f"{name}’s shift on {on_day(work.day)} overlaps one {there} on {on_day(other.day)}, "
                f"{_span(week, other)}."
            )
        yield RosterWarning(told, work.day, work.person_id)


def _travel(week: WeekSheet) -> Iterator[RosterWarning]:
    for work, other in _pairs(week):
        if other.is_own or work.site_id is None or other.site_id is None or work.on_call or other.on_call:
            continue
        earlier, later = sorted((work, other), key=lambda one: one.span)
        spare, needed = later.span[0] - earlier.span[1], week.travel.get(other.site_id, 0)
        if 0 <= spare < needed:
            name = week.people[work.person_id].name
            # Over midnight the way is on the day on which the earlier shift ends.
            told = (
                f"{name} has {spare} minutes between here and {_name(week, other.site_id)} on "
                f"{on_day(_local(week, earlier.span[1]))}; the way takes {needed}."
            )
            yield RosterWarning(told, work.day, work.person_id)


def _away(week: WeekSheet) -> Iterator[RosterWarning]:
    for work in week.shifts:
        if any(start <= work.span[0] and work.span[1] <= end for start, end in week.away.get(work.person_id, ())):
            name = week.people[work.person_id].name
            yield RosterWarning(f"{name} has a shift on {on_day(work.day)} and is away.", work.day, work.person_id)


def _sessions(week: WeekSheet) -> Iterator[RosterWarning]:
    for (person_id, day), count in sorted(week.sessions.items()):
        person = week.people.get(person_id)
        if person is not None and person.most_sessions is not None and count > person.most_sessions:
            told = f"{person.name} has {count} sessions booked on {on_day(day)}, above {person.most_sessions} a day."
            yield RosterWarning(told, day, person_id)


def _credentials(week: WeekSheet) -> Iterator[RosterWarning]:
    """Once for each certificate, at the first shift behind its end."""
    told: set[tuple[int, str]] = set()
    for work in sorted(week.shifts, key=lambda one: one.span):
        for name, until in week.people[work.person_id].credentials:
            if work.day > until and (work.person_id, name) not in told:
                told.add((work.person_id, name))
                who = week.people[work.person_id].name
                sentence = f"{who} works on {on_day(work.day)}, and “{name}” ends on {on_day(until)} {until.year}."
                yield RosterWarning(sentence, work.day, work.person_id)


def _visits(week: WeekSheet) -> Iterator[VisitSheet]:
    """Those of this week that are still to come."""
    first, last = day_minutes(week.days[0], week.zone)[0], day_minutes(week.days[-1], week.zone)[1]
    return (visit for visit in week.visits if max(first, week.now) <= visit.start < last)


def _own_and_other(week: WeekSheet) -> Iterator[Work]:
    yield from week.shifts
    yield from week.elsewhere


def _pairs(week: WeekSheet) -> Iterator[tuple[Work, Work]]:
    """Each shift with each of the same person's elsewhere, or in other weeks, on the same day or those beside it."""
    others: dict[int, list[Work]] = defaultdict(list)
    for other in week.elsewhere:
        others[other.person_id].append(other)
    for work in week.shifts:
        for other in others[work.person_id]:
            if (other.is_own or other.site_id != week.site_id) and abs((other.day - work.day).days) <= 2:
                yield work, other


def _roles(week: WeekSheet, work: Work) -> frozenset[Role]:
    person = week.people.get(work.person_id)
    return person.roles if person is not None else frozenset()


def _on_site(week: WeekSheet, role: Role) -> list[Span]:
    return [
        span
        for work in _own_and_other(week)
        if work.site_id == week.site_id and role in _roles(week, work)
        for span in _present(week, work)
    ]


def _present(week: WeekSheet, work: Work) -> Iterator[Span]:
    """When somebody really works in a shift: absences cut out too."""
    left = list(work.parts)
    for start, end in week.away.get(work.person_id, ()):
        left = [
            part
            for first, last in left
            for part in ((first, min(last, start)), (max(first, end), last))
            if part[0] < part[1]
        ]
    yield from left


def _has_start(spans: Iterable[Span], first: int, last: int, minutes: int) -> bool:
    """Whether something of that length could start in [first, last] inside one of `spans`."""
    return any(max(start, first) <= min(end - minutes, last) for start, end in spans)


def _overlap(one: Span, other: Span) -> bool:
    return one[0] < other[1] and other[0] < one[1]


def _place(week: WeekSheet, work: Work) -> str:
    return "for telehealth elsewhere" if work.site_id is None else f"at {_name(week, work.site_id)}"


def _name(week: WeekSheet, site_id: int) -> str:
    return week.site_names.get(site_id, "another site")


def _names(week: WeekSheet, ids: Iterable[int]) -> str:
    return _listed([week.people[person_id].name for person_id in dict.fromkeys(ids)])


def _listed(names: list[str]) -> str:
    """“A, B and C”; of many, the first few and how many more."""
    if len(names) > MOST_NAMES:
        return f"{', '.join(names[:MOST_NAMES])} and {len(names) - MOST_NAMES} more"
    return " and ".join(part for part in (", ".join(names[:-1]), *names[-1:]) if part)


def _span(week: WeekSheet, work: Work) -> str:
    return f"{_clock(work.span[0], week.zone)} to {_clock(work.span[1], week.zone)}"


def _clock(minute: int, zone: str) -> str:
    return f"{to_wall(instant_of(minute), zone):%H:%M}"


def _local(week: WeekSheet, minute: int) -> date:
    return local_day(instant_of(minute), week.zone)
