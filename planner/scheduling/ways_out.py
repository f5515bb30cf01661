"""The ways out when a dose has no session in its window (clinical.md 1.5, rule 3). Nothing is booked by itself.

In the order they are offered: another therapist or telehealth inside the window; a slot in the window that a therapist
could open although the roster has none; the nearest other day for the dose that yields a peak slot; the first slot in
the late tail, with a reason.
"""

from __future__ import annotations

from collections.abc import Iterator

from planner.domain.statuses import AppointmentKind, Mode
from planner.domain.windows import WindowStatus
from planner.scheduling.decisions import WayOut, WayOutKind
from planner.scheduling.links import Link
from planner.scheduling.masks import bits, erode, slice_of
from planner.scheduling.placements import Placement
from planner.scheduling.placing import NothingFree, place_visit, session_with
from planner.scheduling.search import CourseSearch
from planner.scheduling.sheets import PersonSheet
from planner.scheduling.slots import SessionSlots
from planner.scheduling.supply import Supply
from planner.scheduling.wording import at_wall

MOST_OPENED = 24
EVERY_MODE = (Mode.IN_PERSON, Mode.TELEHEALTH)


def ways_out(
    search: CourseSearch,
    *,
    number: int,
    check_in: int,
    anchor: int,
    cutoff: int | None,
    days: tuple[int, int],
    movable: bool = True,
) -> tuple[WayOut, ...]:
    """All ways out for dose `number`, in order.

    `check_in`, `anchor` and `cutoff` (when a session must be over) are axis minutes; `days` are the first and last day
    index the dose could move to without breaking the spacing to its neighbours.
    """
    link = search.link
    if link is None:
        return ()
    found = [*_other_people(search, link, number, anchor, cutoff), *_openable(search, link, number, anchor, cutoff)]
    if movable and (moved := _move_dose(search, link, number, check_in, days)):
        found.append(moved)
    if late := _late(search, link, number, anchor, cutoff):
        found.append(late)
    return tuple(found)


def _other_people(search: CourseSearch, link: Link, number: int, anchor: int, cutoff: int | None) -> Iterator[WayOut]:
    """The best slot in the window with somebody, or in a way, that the wishes left out."""
    wider = search.supply.wider(EVERY_MODE)
    slot = SessionSlots(wider, link).best(anchor, cutoff)
    if slot is None:
        return
    picked = wider.pick_session(slot.start, link.minutes, wider.patient.primary_therapist_id)
    if picked is None:
        return
    session = _session(wider, *picked, slot.start, link, number, slot.offset)
    yield WayOut(WayOutKind.OTHER_THERAPIST, f"Another therapist or way: {_when(search, session.start)}.", session)


def _openable(search: CourseSearch, link: Link, number: int, anchor: int, cutoff: int | None) -> Iterator[WayOut]:
    """Telehealth slots on a therapist's shift that a closure cancels: free, if that therapist marks availability."""
    supply = search.supply
    last = link.last_start(None if cutoff is None else cutoff - anchor)
    if last is None:
        return
    common = supply.future & erode(supply.patient_free, link.minutes + supply.patient.turnover)
    common &= supply.patient_can_stay(link.minutes) & supply.grid(supply.clinic.site.therapy_grid)
    options: list[tuple[tuple[int, bool, int, int, int], PersonSheet, int]] = []
    primary = supply.patient.primary_therapist_id
    for person in supply.therapists:
        rostered = supply.axis.mask(shift.span for shift in person.shifts)
        starts = common & erode(rostered, link.minutes) & ~erode(supply.on_any_shift(person), link.minutes)
        starts &= erode(supply.free(person.holdable_id, person.busy), link.minutes + person.turnover)
        starts &= supply.limits.starts(person)
        for bit in bits(slice_of(starts, anchor + link.opens, anchor + last)):
            offset = link.opens + bit
            rank = (link.loss(offset), person.id != primary, abs(offset - link.ideal), offset, person.id)
            options.append((rank, person, offset))
    for _, person, offset in sorted(options, key=lambda option: option[0])[:MOST_OPENED]:
        session = _session(supply, person, Mode.TELEHEALTH, anchor + offset, link, number, offset)
        yield WayOut(
            WayOutKind.OPEN_SLOT,
            f"By telehealth on {_when(search, session.start)}, if the therapist marks themselves available.",
            session,
            needs_reason=True,
        )


def _move_dose(search: CourseSearch, link: Link, number: int, check_in: int, days: tuple[int, int]) -> WayOut | None:
    """The nearest other day on which the dose has a session in the peak, at the time of day closest to now."""
    supply, slots = search.supply, search.slots
    if slots is None:
        return None
    here = search.days.index(check_in + supply.origin)
    wall = search.days.wall_minute(check_in + supply.origin)
    by_day = search.candidates(number)
    for day in sorted((d for d in by_day if days[0] <= d <= days[1] and d != here), key=lambda d: (abs(d - here), d)):
        for start in sorted(by_day[day], key=lambda t: abs(search.days.wall_minute(t + supply.origin) - wall)):
            slot = slots.best(start + search.anchor, None)
            if slot is None or link.status(slot.offset) not in (WindowStatus.PEAK, None):
                continue
            try:
                infusion = place_visit(supply, search.protocol, start, number=number, phase=search.phases[number - 1])
            except NothingFree:
                continue
            picked = supply.pick_session(slot.start, link.minutes, supply.patient.primary_therapist_id)
            if picked is None:
                continue
            session = _session(supply, *picked, slot.start, link, number, slot.offset)
            new, then = _when(search, infusion.start), _when(search, session.start)
            sentence = f"Move the dose to {new}: its session is then {then}."
            return WayOut(WayOutKind.MOVE_DOSE, sentence, session, infusion)
    return None


def _late(search: CourseSearch, link: Link, number: int, anchor: int, cutoff: int | None) -> WayOut | None:
    """The first slot after closing and before the tail ends: outside the clinic's usual window, with a reason."""
    if link.rule is None or search.slots is None:
        return None
    supply, last = search.supply, link.rule.tail_end_min
    if cutoff is not None:
        last = min(last, cutoff - anchor - link.minutes)
    first = link.closes + 1 if not link.contains_end else link.closes - link.minutes + 1
    part = slice_of(search.slots.anyone, anchor + first, anchor + last)
    if not part:
        return None
    start = anchor + first + (part & -part).bit_length() - 1
    picked = supply.pick_session(start, link.minutes, supply.patient.primary_therapist_id)
    if picked is None:
        return None
    session = _session(supply, *picked, start, link, number, start - anchor)
    sentence = f"{_when(search, session.start)}, outside the clinic's usual window; give a reason."
    return WayOut(WayOutKind.LATE_SLOT, sentence, session, needs_reason=True)


def _session(
    supply: Supply, person: PersonSheet, mode: Mode, start: int, link: Link, number: int, offset: int
) -> Placement:
    return session_with(
        supply,
        person,
        mode,
        start,
        link.minutes,
        kind=AppointmentKind.INTEGRATION,
        phase="",
        number=number,
        serves=number,
        link=link,
        offset=offset,
    )


def _when(search: CourseSearch, minute: int) -> str:
    return at_wall(minute, search.days.zone)
