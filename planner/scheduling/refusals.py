"""Why not? Each time that is not offered names every rule that refuses it (promise Z14).

A refused time appears once the named rules are taken away, since each rule is one mask.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from planner.domain.conflicts import Conflict, Rule
from planner.domain.errors import Refused
from planner.domain.intervals import instant_of
from planner.domain.statuses import HOLDING, SAID, AppointmentKind
from planner.scheduling.course_state import CourseView
from planner.scheduling.masks import erode
from planner.scheduling.own_time import standing
from planner.scheduling.search import CourseSearch
from planner.scheduling.sheets import BookedSheet, PersonSheet
from planner.scheduling.sliding import earlier_ends
from planner.scheduling.slots import SessionSlots
from planner.scheduling.supply import Supply
from planner.scheduling.wording import on_day

VISIT_SENTENCES: dict[Rule, str] = {
    Rule.PAST: "That time has passed.",
    Rule.GRID: "Visits start on the site's grid of times only.",
    Rule.CLOSED: "The site is not open for the whole visit then.",
    Rule.CHAIR_BUSY: "Every chair is taken during that visit.",
    Rule.ROOM_BUSY: "Every room is taken during that visit.",
    Rule.NURSE_BUSY: "No nurse has a free place during that visit.",
    Rule.PRESCRIBER_AWAY: "No prescriber is on site during that visit.",
    Rule.THERAPIST_BUSY: "No therapist can be there during that visit.",
    Rule.PATIENT_BUSY: "The patient has another appointment then.",
    Rule.PATIENT_AWAY: "The patient cannot come then.",
}


def outside(supply: Supply, start: int) -> Conflict | None:
    """Why an axis minute that the supply does not reach is refused; None for one it does."""
    if 0 <= start < supply.axis.length:
        return None
    if start + supply.origin <= supply.clinic.now:
        return Conflict(Rule.PAST, "That time has passed.")
    return Conflict(Rule.CLOSED, "That day is outside the roster that is known so far.")


def visit_conflicts(search: CourseSearch, start: int, rules: frozenset[Rule] | None = None) -> list[Conflict]:
    """Every visit rule that refuses a check-in at axis minute `start`; `rules` limits which are asked."""
    if beyond := outside(search.supply, start):
        return [beyond]
    return [
        Conflict(rule, VISIT_SENTENCES[rule], instant_of(start + search.supply.origin))
        for rule, mask in search.masks.items()
        if (rules is None or rule in rules) and not mask >> start & 1
    ]


def window_conflicts(search: CourseSearch, number: int, start: int, next_check_in: int | None) -> list[Conflict]:
    """Whether a dose then would have a session before the next check-in (axis minutes)."""
    if not search.with_session(number) or search.slots is None or search.link is None:
        return []
    cutoff = None if next_check_in is None else next_check_in - search.link.gap
    if search.slots.best(start + search.anchor, cutoff) is not None:
        return []
    return [Conflict(Rule.NO_WINDOW_SLOT, "No therapy session is free in the clinic's window after a dose then.")]


def refuse_visit(view: CourseView, start: int) -> None:
    """Raise Refused with every visit rule that forbids a check-in at UTC minute `start`."""
    if found := visit_conflicts(view.search, start - view.origin):
        raise Refused(found)


def session_masks(supply: Supply, minutes: int, therapist_id: int | None) -> dict[Rule, int]:
    """For each rule, the axis minutes at which it lets a session of `minutes` start with this therapist (None: any)."""
    people = [t for t in supply.therapists if therapist_id is None or t.id == therapist_id]
    free = on_shift = with_places = 0
    for person in people:
        working = erode(supply.on_any_shift(person), minutes)
        able = working & erode(supply.free(person.holdable_id, person.busy), minutes + person.turnover)
        on_shift |= working
        free |= able
        with_places |= able & supply.limits.starts(person)
    possible, whole = supply.session_starts(minutes, therapist_id), supply.unlimited
    return {
        Rule.PAST: supply.future,
        Rule.GRID: supply.grid(supply.clinic.site.therapy_grid),
        Rule.CLOSED: on_shift,
        Rule.THERAPIST_BUSY: free,
        Rule.PATIENT_BUSY: erode(supply.patient_free, minutes + supply.patient.turnover),
        Rule.PATIENT_AWAY: supply.patient_can_stay(minutes),
        Rule.ROOM_BUSY: whole.session_starts(minutes, therapist_id) | ~free,
        Rule.DAY_FULL: (with_places | ~free) & (possible | ~whole.session_starts(minutes, therapist_id)),
    }


SESSION_SENTENCES: dict[Rule, str] = {
    Rule.PAST: "That time has passed.",
    Rule.GRID: "Sessions start on the site's grid of times only.",
    Rule.CLOSED: "No therapist works for the whole session then.",
    Rule.THERAPIST_BUSY: "The therapist has another appointment then.",
    Rule.PATIENT_BUSY: "The patient has another appointment then.",
    Rule.PATIENT_AWAY: "The patient cannot come then.",
    Rule.ROOM_BUSY: "No room is free then, and the session cannot be by telehealth.",
    Rule.DAY_FULL: "Whoever is free then has the most sessions that day that are set for them.",
}


def session_conflicts(
    supply: Supply, start: int, minutes: int, therapist_id: int | None, names: Mapping[int, str] | None = None
) -> list[Conflict]:
    """Every rule that refuses a session at axis minute `start`. `names` say what to call people, by holdable id."""
    if beyond := outside(supply, start):
        return [beyond]
    if supply.session_starts(minutes, therapist_id) >> start & 1:
        return []  # without asking each rule by itself
    found = [
        Conflict(rule, SESSION_SENTENCES[rule], instant_of(start + supply.origin))
        for rule, mask in session_masks(supply, minutes, therapist_id).items()
        if not mask >> start & 1
    ]
    full = (_full(supply, start, minutes, therapist_id, names or {}) for c in found if c.rule is Rule.DAY_FULL)
    return [conflict for conflict in found if conflict.rule is not Rule.DAY_FULL] + [c for some in full for c in some]


#: Of how many people it is said that their day is full, where any would do.
MOST_NAMED = 3


def _full(
    supply: Supply, start: int, minutes: int, therapist_id: int | None, names: Mapping[int, str]
) -> list[Conflict]:
    """For each who could hold a session then but for the limit of their day, that they have as many as that."""
    whole = supply.unlimited
    people = [p for p in supply.therapists if therapist_id in (None, p.id) and supply.limits.is_full(p, start)]
    able = [p for p in people if whole.is_there(p, start) and any(m >> start & 1 for m in _modes(whole, p, minutes))]
    return [day_full(supply, person, start, names) for person in able[:MOST_NAMED]] or [
        Conflict(Rule.DAY_FULL, SESSION_SENTENCES[Rule.DAY_FULL], instant_of(start + supply.origin))
    ]


def _modes(supply: Supply, person: PersonSheet, minutes: int) -> Iterable[int]:
    return supply.session_modes(person, minutes, on_grid=False).values()


def day_full(
    supply: Supply, person: PersonSheet, start: int, names: Mapping[int, str], day: str = "that day"
) -> Conflict:
    """That somebody has the most sessions that are set for them on the day of an axis minute."""
    held = supply.limits.held(person, supply.days.index(start + supply.origin))
    name, sessions = names.get(person.holdable_id, "The therapist"), "1 session" if held == 1 else f"{held} sessions"
    most = "the most set for them" if held == person.most_sessions else f"and {person.most_sessions} is the most set"
    return Conflict(
        Rule.DAY_FULL,
        f"{name} has {sessions} {day}, {most}.",
        instant_of(start + supply.origin),
        holdable_id=person.holdable_id,
    )


def refuse_session(view: CourseView, booked: BookedSheet, start: int, therapist_id: int | None) -> None:
    """Raise Refused with every rule that forbids moving this session to UTC minute `start`, its own dates included."""
    minutes, names = booked.end - booked.start, view.course.names
    found = session_conflicts(view.search.supply, start - view.origin, minutes, therapist_id, names)
    found += own_dates(view, booked, start)
    if found:
        raise Refused(found)


def own_dates(view: CourseView, booked: BookedSheet, start: int) -> list[Conflict]:
    """The course's own appointments that this session would run into at UTC minute `start`."""
    minutes = booked.end - booked.start
    found: list[Conflict] = []
    for other in view.course.appointments:
        same = other.id == booked.id or other.status not in HOLDING
        if not same and standing(view, other).clashes(start - view.origin, minutes, view.search.breaks):
            name = "infusion" if other.kind is AppointmentKind.INFUSION else "session"
            found.append(Conflict(Rule.PATIENT_BUSY, f"The patient's own {name} is then.", appointment_id=other.id))
    return found


def why_not(view: CourseView, booked: BookedSheet, start: int) -> tuple[Conflict, ...]:
    """Every rule that keeps UTC minute `start` from being offered for an infusion of this course, spacing, its own
    window and the session before it included. What the rest of the course makes of it is for the decision to say."""
    search, at = view.search, start - view.origin
    doses = view.state().doses
    place = next((i for i, dose in enumerate(doses) if dose.before is not None and dose.before.id == booked.id), None)
    if place is None:
        return (Conflict(Rule.STATUS, f"This dose {SAID[booked.status]}."),)
    found = visit_conflicts(search, at)
    if not 0 <= at < search.supply.axis.length:
        return tuple(found)
    low, high = view.day_limits(doses, place)
    if not low <= view.day(at) <= high:
        least, most = view.gap(min(place + 1, len(doses) - 1) + 1)
        found.append(Conflict(Rule.SPACING, f"Doses are {least} to {most} days apart."))
    elif view.day(at) not in search.wished_days:
        found.append(Conflict(Rule.REST_OF_COURSE, "The patient asked for other days of the week."))
    following = doses[place + 1].start if place + 1 < len(doses) else None
    number = min(place + 1, search.doses)
    without_slot = window_conflicts(search, number, at, following)
    found += without_slot
    if without_slot and (full := _full_in_window(view, number, at, following)) is not None:
        found.append(full)
    found += _rolling_conflicts(view, number, at)
    ready = earlier_ends(view, view.state(), place) if place else None
    if place and (ready is None or ready > at):
        sentence = f"The session of dose {place} would not be over in time before it."
        found.append(Conflict(Rule.NEXT_DOSE, sentence))
    return tuple(found)


def _full_in_window(view: CourseView, number: int, start: int, next_check_in: int | None) -> Conflict | None:
    """Whose full day keeps a session out of the window after a dose then; None when it is not for that."""
    search, whole = view.search, view.search.supply.unlimited
    if whole is search.supply or search.link is None or not search.with_session(number):
        return None
    cutoff = None if next_check_in is None else next_check_in - search.link.gap
    slot = SessionSlots(whole, search.link).best(start + search.anchor, cutoff)
    return None if slot is None else _full_then(view, slot.start, search.link.minutes, on_grid=True)


def _full_then(view: CourseView, start: int, minutes: int, *, on_grid: bool) -> Conflict | None:
    supply = view.search.supply
    picked = supply.unlimited.pick_session(start, minutes, supply.patient.primary_therapist_id, on_grid=on_grid)
    if picked is None:
        return None
    day = f"on {on_day(supply.days.day(supply.days.index(start + supply.origin)))}"
    return day_full(supply, picked[0], start, view.course.names, day)


def _rolling_conflicts(view: CourseView, number: int, start: int) -> list[Conflict]:
    search, minutes = view.search, view.search.protocol.integration.minutes
    if not search.rolling or number == 1 or start < search.lead:
        return []
    at = start - search.lead
    if search.supply.session_starts(minutes, on_grid=False) >> at & 1:
        return []
    found = [Conflict(Rule.NO_WINDOW_SLOT, "No therapist is free for the session just before a visit then.")]
    full = _full_then(view, at, minutes, on_grid=False) if search.supply.limits.any else None
    return [*found, full] if full is not None else found
