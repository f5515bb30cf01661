"""Who could take over a displaced session, and when: at its own time first, else at another one that would do.

The primary therapist ranks before others and the session's way of meeting before another. Sessions of many courses are
settled together, so that one of them never takes what is the only chance of another (users.md Z13).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice

from planner.domain.statuses import AppointmentKind, Mode
from planner.scheduling.around import other_starts
from planner.scheduling.course_state import CourseView, State
from planner.scheduling.packing import Option, Use, best_packing
from planner.scheduling.placements import Placement
from planner.scheduling.placing import session_with
from planner.scheduling.sheets import BookedSheet, CourseSheet, PersonSheet
from planner.scheduling.taking_over import may_stay, same_time
from planner.scheduling.withdrawals import Uses, resupplied, uses_of

#: The best options of one session that are weighed against those of others; what they leave out is still found when
#: its course is decided.
MOST_OPTIONS = 240
MOST_ROOMS = 4


@dataclass(frozen=True, slots=True)
class Displaced:
    """A course whose supply lacks the day or person already, and its appointments that cannot stay."""

    course: CourseSheet
    ids: frozenset[int]

    @property
    def sessions(self) -> tuple[BookedSheet, ...]:
        """The displaced sessions, in order of time."""
        return tuple(a for a in self.course.appointments if a.id in self.ids and a.kind is not AppointmentKind.INFUSION)

    @property
    def doses_stay(self) -> bool:
        """Whether no dose is displaced, so that each session's window is where it was."""
        return len(self.sessions) == len(self.ids)


def settle_covers(parts: Iterable[Displaced]) -> dict[int, Placement]:
    """Where displaced sessions of courses whose doses stay go, by appointment id: as many as possible are saved, as
    many of those as possible keep their time, and then the nearest to what is liked. Who is not in it could not be."""
    settled = [part for part in parts if part.doses_stay and part.sessions]
    freed = uses_of(session for part in settled for session in part.sessions)
    ids, wanted = _wanted(settled, freed, at_other_times=False)
    found = best_packing(wanted)
    if None in found:  # else nobody could do better than keep them all, and most days ask no more
        found = best_packing(_wanted(settled, freed, at_other_times=True)[1])
    return {id_: option.what for id_, option in zip(ids, found, strict=True) if option is not None}


def _wanted(
    parts: Sequence[Displaced], freed: Uses, *, at_other_times: bool
) -> tuple[list[int], list[list[Option[Placement]]]]:
    """The displaced sessions by id, and the options of each in order of cost. One course is looked at at a time: the
    masks of many at once would not fit into a small machine."""
    ids: list[int] = []
    wanted: list[list[Option[Placement]]] = []
    for part in parts:
        for view, state, booked in _looks(part, freed):
            options = [*_at_its_time(view, state, booked)]
            options += _at_other_times(view, state, booked) if at_other_times else ()
            ids.append(booked.id)
            wanted.append(sorted(options, key=_rank))
    return ids, wanted


def _rank(option: Option[Placement]) -> tuple[tuple[int, ...], int, int]:
    return option.cost, option.what.start, option.what.therapist_id or 0


def _looks(part: Displaced, freed: Uses) -> Iterator[tuple[CourseView, State, BookedSheet]]:
    """Each displaced session that may move, with its course as if all displaced sessions gave their places back."""
    own = uses_of(part.sessions)
    of_others = Uses(
        tuple(held for held in freed.holds if held not in own.holds),
        tuple(session for session in freed.sessions if session not in own.sessions),
    )
    clinic = resupplied(part.course.clinic, of_others, Uses())
    view = CourseView(replace(part.course, clinic=clinic))
    state = replace(view.state(), displaced=part.ids)
    return ((view, state, session) for session in part.sessions if not view.frozen(session))


def reserved(covers: Mapping[int, Placement], parts: Sequence[Displaced]) -> tuple[Uses, Uses]:
    """What settled sessions of these parts give back, and what they will hold."""
    sessions = [session for part in parts for session in part.sessions if session.id in covers]
    return uses_of(sessions), uses_of(covers[session.id] for session in sessions)


def _at_its_time(view: CourseView, state: State, booked: BookedSheet) -> Iterator[Option[Placement]]:
    if not may_stay(view, state, booked):
        return
    primary = view.search.supply.patient.primary_therapist_id
    for after in same_time(view, state, booked, MOST_ROOMS):
        cost = (0, 0, after.therapist_id != primary, after.mode is not booked.mode, 0, after.room_id != booked.room_id)
        yield _option(view, state, booked, cost, after)


def _at_other_times(view: CourseView, state: State, booked: BookedSheet) -> Iterator[Option[Placement]]:
    """The best of them: with the primary therapist at any time, then with others at the times most liked."""
    primary = view.search.supply.patient.primary_therapist_id
    starts = sorted(_other_starts(view, state, booked, state.number_of(booked.serves_id)))
    people = view.search.supply.therapists
    mine = [person for person in people if person.id == primary]
    others = [person for person in people if person.id != primary]
    chances = ((at, person) for group in (mine, others) for at in starts for person in group)
    options = (option for at, person in chances for option in _chances(view, state, booked, person, at))
    yield from islice(options, MOST_OPTIONS)


def _chances(
    view: CourseView, state: State, booked: BookedSheet, person: PersonSheet, at: tuple[int, int, int]
) -> Iterator[Option[Placement]]:
    """Every way of meeting this therapist at `at`: (loss, distance from the ideal, axis minute)."""
    supply, (loss, distance, start) = view.search.supply, at
    number, minutes = state.number_of(booked.serves_id), booked.end - booked.start
    anchor = state.doses[number - 1].anchor if number is not None else 0
    if not supply.is_there(person, start):
        return
    able = supply.session_modes(person, minutes)
    for mode in supply.patient.modes:
        if not able.get(mode, 0) >> start & 1:
            continue
        for room in supply.free_rooms(start, minutes)[:MOST_ROOMS] if mode is Mode.IN_PERSON else (None,):
            after = session_with(
                supply, person, mode, start, minutes, kind=booked.kind, phase=booked.phase,
                number=number or booked.number, serves=number, link=view.search.link if number else None,
                offset=start - anchor if number else None, room=room,
            )  # fmt: skip
            not_primary = person.id != supply.patient.primary_therapist_id
            cost = (1, loss, not_primary, mode is not booked.mode, distance, after.room_id != booked.room_id)
            yield _option(view, state, booked, cost, after)


def _other_starts(
    view: CourseView, state: State, booked: BookedSheet, number: int | None
) -> Iterator[tuple[int, int, int]]:
    """(loss, distance from the ideal, axis minute) of every start that would do for a session, its own left out."""
    here = booked.start - view.origin
    if booked.kind is not AppointmentKind.INTEGRATION:
        yield from ((0, away, start) for away, start in other_starts(view, state, booked) if start != here)
        return
    slots, link = view.search.slots, view.search.link
    if slots is None or link is None or number is None:
        return
    dose, cutoff = state.doses[number - 1], view.cutoff(state.doses, number - 1)
    last = link.last_start(None if cutoff is None else cutoff - dose.anchor)
    if last is None:
        return
    first = max(view.leaves(dose) - dose.anchor, link.opens)
    yield from ((s.loss, s.distance, s.start) for s in slots.all(dose.anchor, last, first) if s.start != here)


def _option(
    view: CourseView, state: State, booked: BookedSheet, cost: tuple[int, ...], after: Placement
) -> Option[Placement]:
    """The option with one of the places that are left on the therapist's day, once all that is displaced is gone."""
    limits, day = view.search.supply.limits, view.day(after.start - view.origin)
    person = next((p for p in view.search.supply.therapists if p.id == after.therapist_id), None)
    uses = _uses(view, booked, after)
    if person is None or person.most_sessions is None or not limits.any:
        return Option(cost, uses, after)
    stay = sum(
        other.session is not None
        and other.id not in state.displaced
        and not view.frozen(other)
        and (other.therapist_id, view.day(other.start - view.origin)) == (person.id, day)
        for other in view.course.appointments
    )
    left = max(person.most_sessions - limits.held(person, day) - stay, 0)
    return Option(cost, uses, after, ("day", person.id, view.search.days.day(day)), left)


def _uses(view: CourseView, booked: BookedSheet, after: Placement) -> tuple[Use, ...]:
    """What a placement holds; sessions of one patient keep their break, those around the doses a day each."""
    patient = view.search.supply.patient.holdable_id
    breaks: Use = (("patient", patient), after.start, after.end + view.search.breaks.session_to_session)
    if booked.kind is AppointmentKind.INTEGRATION:
        return (*after.holds, breaks)
    day = view.day(after.start - view.origin)
    return (*after.holds, breaks, ((view.course.id, booked.kind), day, day + 1))
