"""Random small courses as booked, at some moment of their life, and one random act on each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from random import Random

from planner.domain.errors import Refused
from planner.domain.statuses import AppointmentKind, AppointmentStatus
from planner.scheduling.decisions import Decision
from planner.scheduling.moves import decide_displaced, decide_dose_end, decide_lost, decide_move
from planner.scheduling.proposals import propose_courses
from planner.scheduling.sheets import BookedSheet, ClinicSheet, CourseSheet, PersonSheet
from tests.scheduling.applying import Judge, without_day
from tests.scheduling.brute import Brute
from tests.scheduling.scenario import booked
from tests.scheduling.small import Small

ACTS = ("move", "session", "cancelled", "noshow", "end", "closed", "away")


def small_course(seed: int) -> CourseSheet | None:
    """A booked course some time after its start; None when the seed's clinic has no course."""
    small = Small(seed)
    rnd = Random(seed + 1)
    found = propose_courses(small.clinic, small.request).proposals
    if not found:
        return None
    chosen = rnd.choice(found)
    infusions = chosen.of_kind(AppointmentKind.INFUSION)
    now = rnd.choice((small.clinic.now, rnd.choice(infusions).start - rnd.choice((0, 600, 3000))))
    now = max(now, small.clinic.now)
    anchor = small.protocol.visit.dose_ends_min
    rows = tuple(lived(row, now, anchor, rnd) for row in booked(chosen))
    clinic = replace(small.clinic, now=now, therapists=tuple(map(lowered(seed), small.clinic.therapists)))
    return CourseSheet(1, small.request, clinic, rows, chosen.pattern)


def lowered(seed: int) -> Callable[[PersonSheet], PersonSheet]:
    """With some seeds, the limits of sessions a day are lower than they were when the course was planned."""
    lower = Random(f"lowered {seed}").random() < 0.3
    return lambda person: replace(person, most_sessions=1) if lower and person.most_sessions else person


def lived(row: BookedSheet, now: int, anchor: int, rnd: Random) -> BookedSheet:
    if row.end <= now:
        infusion = row.kind is AppointmentKind.INFUSION
        return replace(row, status=AppointmentStatus.FULFILLED, dose_end=row.start + anchor if infusion else None)
    return replace(row, pinned=rnd.random() < 0.07)


def random_act(seed: int, act: str | None = None) -> tuple[str, Judge | None] | None:
    """The act's name and a judge of what it did (None: refused); None altogether when there is nothing to act on."""
    course = small_course(seed)
    if course is None:
        return None
    rnd = Random(seed + 2)
    act = act or rnd.choice(ACTS)
    upcoming = [a for a in course.appointments if a.start > course.clinic.now and not a.pinned]
    doses = [a for a in upcoming if a.kind is AppointmentKind.INFUSION]
    sessions = [a for a in upcoming if a.kind is not AppointmentKind.INFUSION]
    try:
        made = decided(course, act, doses, sessions, rnd)
    except Refused as refused:
        assert refused.conflicts
        return act, None
    if made is None:
        return None
    decision, supply = made
    return act, Judge(replace(course, clinic=supply), decision)


def decided(
    course: CourseSheet, act: str, doses: list[BookedSheet], sessions: list[BookedSheet], rnd: Random
) -> tuple[Decision, ClinicSheet] | None:
    brute = Brute(course.clinic, course.request)
    if act in ("move", "cancelled", "noshow", "closed") and not doses:
        return None
    if act == "move":
        dose = rnd.choice(doses)
        starts = [m for m in brute.minutes(course.clinic.site.visit_grid) if not brute.visit_breaks(m)]
        return (decide_move(course, dose.id, rnd.choice(starts)), course.clinic) if starts else None
    if act == "session":
        if not sessions:
            return None
        session = rnd.choice(sessions)
        length = session.end - session.start
        starts = [m for m in brute.minutes(course.clinic.site.therapy_grid) if brute.session_possible(m, length)]
        return (decide_move(course, session.id, rnd.choice(starts)), course.clinic) if starts else None
    if act in ("cancelled", "noshow"):
        return lost(course, act, doses, sessions, rnd)
    if act == "end":
        return ended(course, doses, rnd)
    if act == "closed":
        return closed(course, rnd.choice(doses), brute)
    return away(course, sessions, rnd)


def lost(
    course: CourseSheet, act: str, doses: list[BookedSheet], sessions: list[BookedSheet], rnd: Random
) -> tuple[Decision, ClinicSheet]:
    gone = rnd.choice(sessions) if sessions and rnd.random() < 0.25 else rnd.choice(doses)
    follow = rnd.choice(("slide", "repair", "drop"))
    status = AppointmentStatus(act)
    supply = course.clinic
    if status is AppointmentStatus.NOSHOW:
        supply = replace(supply, now=max(supply.now, gone.start))
    return decide_lost(replace(course, clinic=supply), gone.id, status, follow=follow), supply


def ended(course: CourseSheet, doses: list[BookedSheet], rnd: Random) -> tuple[Decision, ClinicSheet] | None:
    if not doses:
        return None
    dose, planned = doses[0], course.request.protocol.visit
    end = dose.start + planned.dose_ends_min + rnd.choice((-15, 5, 20, 60, 240))
    supply = replace(course.clinic, now=max(end, dose.start + 1))
    return decide_dose_end(replace(course, clinic=supply), dose.id, end), supply


def closed(course: CourseSheet, dose: BookedSheet, brute: Brute) -> tuple[Decision, ClinicSheet]:
    day = brute.day(dose.start)
    supply = without_day(course.clinic, brute, dose.start)
    gone = [
        a.id
        for a in course.appointments
        if brute.day(a.start) == day and a.status is AppointmentStatus.BOOKED and (a.room_id or a.chair_id)
    ]
    return decide_displaced(replace(course, clinic=supply), gone, "closed"), supply


def away(course: CourseSheet, sessions: list[BookedSheet], rnd: Random) -> tuple[Decision, ClinicSheet] | None:
    if not sessions:
        return None
    first = rnd.choice(sessions)
    span = (first.start, first.start + timedelta(days=2) // timedelta(minutes=1))
    people = tuple(
        replace(t, busy=(*t.busy, span)) if t.id == first.therapist_id else t for t in course.clinic.therapists
    )
    supply = replace(course.clinic, therapists=people)
    gone = [
        a.id
        for a in course.appointments
        if a.therapist_id == first.therapist_id and a.start < span[1] and span[0] < a.end
    ]
    return decide_displaced(replace(course, clinic=supply), gone, "away"), supply
