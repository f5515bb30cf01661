"""The dates of a chosen plan as its page shows them: every dose with its window, its session and what else fits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from planner.domain.errors import FieldError
from planner.domain.intervals import instant_of, minute_of
from planner.domain.statuses import AppointmentKind, Mode
from planner.domain.walltime import local_day
from planner.domain.windows import Window, WindowStatus
from planner.scheduling.course_state import CourseView
from planner.scheduling.decisions import WayOutKind
from planner.scheduling.drafting import as_course, session_options, with_session
from planner.scheduling.placements import CourseProposal, Placement
from planner.scheduling.ways_out import ways_out
from planner.services.comparing import remarks_of
from planner.services.plan_loading import DAY_NAMES, LoadedPlan

#: How many sessions are offered beside each dose; the rest stand on a page of their own.
MOST_OPTIONS = 4
EVERY_OPTION = 500


@dataclass(frozen=True, slots=True)
class PlannedDate:
    """One appointment of the plan; `place` counts from 1 in order of time."""

    place: int
    kind: AppointmentKind
    number: int
    title: str
    starts_at: datetime
    ends_at: datetime
    who: str
    where: str
    after: str = ""


@dataclass(frozen=True, slots=True)
class SessionChoice:
    """A slot for one dose's session; `value` stands for start, therapist and way."""

    value: str
    starts_at: datetime
    ends_at: datetime
    who: str
    where: str
    words: str
    chosen: bool


@dataclass(frozen=True, slots=True)
class PlannedDose:
    """One infusion with the clinic's window after it, what could serve it, and what a person should know."""

    date: PlannedDate
    window: Window | None
    next_title: str
    session_place: int | None
    choices: tuple[SessionChoice, ...]
    cut: str = ""
    lost: str = ""
    ways_out: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PlanDates:
    """The whole plan in order of time. Boosters are days only; nothing is held for them."""

    zone: str
    before: tuple[PlannedDate, ...]
    doses: tuple[PlannedDose, ...]
    after: tuple[PlannedDate, ...]
    boosters: tuple[date, ...]
    remarks: tuple[str, ...]

    @property
    def count(self) -> int:
        """How many appointments would be booked."""
        sessions = sum(dose.session_place is not None for dose in self.doses)
        return len(self.before) + len(self.doses) + sessions + len(self.after)


def dates_of(loaded: LoadedPlan, proposal: CourseProposal, *, options: bool = True) -> PlanDates:
    """The chosen plan for its page; `options` adds other slots for each session."""
    dates = planned_dates(loaded, proposal)
    doses = [date for date in dates if date.kind is AppointmentKind.INFUSION]
    first, last = doses[0].place, doses[-1].place
    own = {p.serves: place for place, p in enumerate(proposal.placements, 1) if p.serves is not None}
    shown = {dose.place for dose in doses} | set(own.values())
    windows = loaded.windows(proposal)
    return PlanDates(
        zone=loaded.zone,
        before=tuple(date for date in dates if date.place < first and date.place not in shown),
        doses=tuple(
            _dose(loaded, proposal, dose, windows.get(dose.number), own.get(dose.number), options) for dose in doses
        ),
        after=tuple(date for date in dates if date.place > last and date.place not in shown),
        boosters=tuple(booster.day for booster in proposal.boosters),
        remarks=remarks_of(loaded, proposal),
    )


def planned_dates(loaded: LoadedPlan, proposal: CourseProposal) -> tuple[PlannedDate, ...]:
    """Every appointment of the plan, in order of time."""
    return tuple(
        PlannedDate(
            place=place,
            kind=p.kind,
            number=p.number,
            title=loaded.name_of(p),
            starts_at=instant_of(p.start),
            ends_at=instant_of(p.end),
            who=loaded.who(p),
            where=loaded.where(p),
            after=_hours_words(p.offset_min) if p.offset_min is not None else "",
        )
        for place, p in enumerate(proposal.placements, 1)
    )


def choices_after(
    loaded: LoadedPlan, proposal: CourseProposal, number: int, *, most: int = MOST_OPTIONS
) -> tuple[SessionChoice, ...]:
    """The best slots for the session after dose `number` that do not overlap, the one chosen now among them."""
    ranked = session_options(proposal, loaded.plan.clinic, loaded.plan.request, number, most=EVERY_OPTION)
    kept = [option.placement for option in ranked if option.chosen]
    for option in ranked:
        if len(kept) == most:
            break
        apart = all(_apart(option.placement, other) for other in kept)
        if apart and _clear(proposal, option.placement):
            kept.append(option.placement)
    chosen = {option.placement for option in ranked if option.chosen}
    return tuple(_choice(loaded, proposal, p, chosen=p in chosen) for p in kept)


def every_choice(loaded: LoadedPlan, proposal: CourseProposal, number: int) -> tuple[SessionChoice, ...]:
    """Every free slot for the session after dose `number`, best first, without the one chosen now."""
    return tuple(
        _choice(loaded, proposal, option.placement, chosen=False)
        for option in session_options(proposal, loaded.plan.clinic, loaded.plan.request, number, most=EVERY_OPTION)
        if not option.chosen and _clear(proposal, option.placement)
    )


def with_choices(loaded: LoadedPlan, proposal: CourseProposal, chosen: Mapping[int, str]) -> CourseProposal:
    """The plan with the chosen slot for the session of each dose number. Raises FieldError (`session-<number>`) for
    one that is not offered (any more)."""
    for number, value in sorted(chosen.items()):
        present = next((p for p in proposal.placements if p.serves == number), None)
        if present is not None and value_of(present) == value:
            continue
        options = session_options(proposal, loaded.plan.clinic, loaded.plan.request, number, most=EVERY_OPTION)
        wanted = next((o.placement for o in options if value_of(o.placement) == value), None)
        if wanted is None or not _clear(proposal, wanted):
            sentence = f"That time for the session after infusion {number} is not free any more. Choose another."
            raise FieldError(f"session-{number}", sentence)
        proposal = with_session(proposal, loaded.plan.clinic, loaded.plan.request, wanted)
    return proposal


def value_of(placement: Placement) -> str:
    """What stands for a slot in a form: start, therapist, way."""
    return f"{placement.start}-{placement.therapist_id}-{placement.mode.value}"


def _dose(
    loaded: LoadedPlan,
    proposal: CourseProposal,
    dose: PlannedDate,
    window: Window | None,
    session_place: int | None,
    options: bool,
) -> PlannedDose:
    following = f"infusion {dose.number + 1}"
    lost = loaded.preferred_time_lost(window) if window is not None and session_place is not None else None
    return PlannedDose(
        date=dose,
        window=window,
        next_title=following,
        session_place=session_place,
        choices=choices_after(loaded, proposal, dose.number) if options and session_place is not None else (),
        cut=_cut_words(loaded, window, following) if window is not None else "",
        lost=f"The whole preferred time {lost}." if lost else "",
        ways_out=_ways_out(loaded, proposal, dose.number) if lost and options else (),
    )


def _cut_words(loaded: LoadedPlan, window: Window, following: str) -> str:
    limit, after = window.must_end_by, window.next_check_in_at
    if not window.cut_short or limit is None or after is None:
        return ""
    weekday = DAY_NAMES[local_day(after, loaded.zone).weekday()]
    return (
        f"Why not {weekday}? {following.capitalize()} starts then, so a session has to be over by "
        f"{loaded.say(minute_of(limit))}."
    )


def _ways_out(loaded: LoadedPlan, proposal: CourseProposal, number: int) -> tuple[str, ...]:
    """How the session could come into the preferred time, in the order of clinical.md 1.5."""
    view = CourseView(as_course(proposal, loaded.plan.clinic, loaded.plan.request))
    doses = view.state().doses
    dose = doses[number - 1]
    found = ways_out(
        view.search,
        number=number,
        check_in=dose.start,
        anchor=dose.anchor,
        cutoff=view.cutoff(doses, number - 1),
        days=view.day_limits(doses, number - 1),
    )
    told = []
    for way in found:
        if way.kind is WayOutKind.MOVE_DOSE or (
            way.session.window_status is WindowStatus.PEAK and way.kind is not WayOutKind.LATE_SLOT
        ):
            told.append(way.sentence)
    return tuple(dict.fromkeys(told))


def _apart(one: Placement, other: Placement) -> bool:
    """Whether two slots are different enough to be offered side by side."""
    return one.end <= other.start or other.end <= one.start


def _clear(proposal: CourseProposal, wanted: Placement) -> bool:
    """Whether a slot leaves every other appointment of the plan alone, the patient's spare minutes included."""
    return not any(
        holdable == other and start < until and since < end
        for p in proposal.placements
        if p.serves != wanted.serves or wanted.serves is None
        for other, since, until in p.holds
        for holdable, start, end in wanted.holds
    )


def _choice(loaded: LoadedPlan, proposal: CourseProposal, p: Placement, *, chosen: bool) -> SessionChoice:
    return SessionChoice(
        value=value_of(p),
        starts_at=instant_of(p.start),
        ends_at=instant_of(p.end),
        who=loaded.who(p),
        where="by video" if p.mode is Mode.TELEHEALTH else "in the clinic",
        words=_choice_words(loaded, proposal, p),
        chosen=chosen,
    )


def _choice_words(loaded: LoadedPlan, proposal: CourseProposal, p: Placement) -> str:
    """“27 h after. Preferred time. A usual day of theirs, the patient's own therapist.”"""
    parts = [f"{_hours_words(p.offset_min)}."] if p.offset_min is not None else []
    window = loaded.windows(proposal).get(p.serves or 0)
    if p.window_status is WindowStatus.PEAK:
        parts.append("In the preferred time.")
    elif p.window_status is WindowStatus.IN_WINDOW_EARLY and window is not None:
        parts.append(f"Before the preferred time, which begins {_moment(loaded, window.peak_starts_at)}.")
    elif p.window_status is WindowStatus.IN_WINDOW_LATE and window is not None:
        parts.append(f"In the window, late part: preferred time ends {_moment(loaded, window.peak_ends_at)}.")
    primary = loaded.plan.request.patient.primary_therapist_id
    if primary is not None and p.therapist_id is not None:
        day = local_day(instant_of(p.start), loaded.zone).weekday()
        usual = day in loaded.usual_weekdays.get(p.therapist_id, frozenset())
        own = "The patient's own therapist" if p.therapist_id == primary else "Not the usual therapist"
        parts.append(f"{own}, on a usual day." if usual else f"{own}, on an extra day.")
    return " ".join(parts)


def _moment(loaded: LoadedPlan, instant: datetime) -> str:
    return loaded.say(minute_of(instant))


def _hours_words(minutes: int | None) -> str:
    # Half an hour rounds up, as everywhere on the pages.
    return f"{((minutes or 0) + 30) // 60} h after"
