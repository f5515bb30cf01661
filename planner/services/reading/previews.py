"""What an act would do, as facts a page can show: each line with where it is now and where it would be."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from planner.domain.access import Permission, Principal, may
from planner.domain.conflicts import OFF_HOURS, Rule
from planner.domain.intervals import instant_of
from planner.domain.statuses import AppointmentKind, AppointmentStatus, Mode
from planner.domain.windows import WindowStatus
from planner.scheduling.decisions import Decision, Line, LineKind
from planner.scheduling.placements import Placement
from planner.scheduling.sheets import BookedSheet, CourseSheet
from planner.services.reading.windows import STATUS_WORDS
from planner.services.rescheduling import Preview

#: Lines that change no appointment.
QUIET = frozenset({LineKind.NOTED, LineKind.UNSAVED})
NOT_IN_THE_USUAL_PLACE = frozenset({WindowStatus.TOO_EARLY, WindowStatus.LATE, WindowStatus.OUT})

RULE_NAMES = {
    Rule.OVERLAP: "double booking",
    Rule.CLOSED: "working hours",
    Rule.OUTSIDE_WINDOW: "clinic window",
    Rule.NO_WINDOW_SLOT: "session after each infusion",
    Rule.SPACING: "days between infusions",
    Rule.SPAN: "length of the course",
    Rule.PRESCRIBER_AWAY: "prescriber on site",
    Rule.NURSE_AWAY: "working hours",
    Rule.THERAPIST_BUSY: "therapist's time",
    Rule.THERAPIST_AWAY: "working hours",
    Rule.DAY_FULL: "sessions a day",
    Rule.PATIENT_AWAY: "patient's time",
    Rule.PREP_MISSING: "preparation first",
}


@dataclass(frozen=True, slots=True)
class SlotFacts:
    """A time (aware instants) and the people and place that go with it."""

    starts_at: datetime
    ends_at: datetime
    where: str


@dataclass(frozen=True, slots=True)
class LineFacts:
    """One appointment's part in a preview; `outcome` says what happens where no new time does.

    `tone` is `warn`, `bad` or empty.
    """

    what: str
    before: SlotFacts | None
    after: SlotFacts | None
    outcome: str
    note: str
    tone: str
    kind: AppointmentKind | None = None
    is_unsaved: bool = False


@dataclass(frozen=True, slots=True)
class Question:
    """A dose without a session: its number and the ways out, in the order they are chosen by."""

    number: int
    sentence: str
    ways_out: tuple[str, ...]
    chosen: int | None


@dataclass(frozen=True, slots=True)
class SetAside:
    """A rule that has to be set aside, by whom it may be, with every sentence about it."""

    rule: Rule
    name: str
    sentences: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PreviewFacts:
    """A whole preview. `count` is how many appointments change; `may_apply` is false where a reason by somebody else
    is needed."""

    key: str
    zone: str
    lines: tuple[LineFacts, ...]
    remarks: tuple[str, ...]
    questions: tuple[Question, ...]
    overrides: tuple[SetAside, ...]
    count: int
    may_apply: bool


def facts_of(principal: Principal, plain: Preview, chosen: Preview) -> PreviewFacts:
    """`chosen` as facts; `plain` is the same act before any way out was chosen, so that the choice can be changed."""
    decision, course = chosen.decision, chosen.course
    overrides = _overrides(decision)
    return PreviewFacts(
        key=chosen.key,
        zone=course.clinic.site.zone,
        lines=tuple(_line(course, line) for line in _in_order(decision)),
        remarks=tuple(remark.sentence for remark in decision.remarks),
        questions=_questions(plain.decision, decision, dict(chosen.choices)),
        overrides=overrides,
        count=sum(line.kind not in QUIET for line in decision.lines),
        may_apply=not overrides or may(principal, Permission.OVERRIDE_RULE),
    )


def _in_order(decision: Decision) -> list[Line]:
    return sorted(decision.lines, key=lambda line: (_start(line), line.kind))


def _start(line: Line) -> int:
    if line.after is not None and line.before is None:
        return line.after.start
    return line.before.start if line.before is not None else 0


def _line(course: CourseSheet, line: Line) -> LineFacts:
    before, after = line.before, line.after
    stays = line.kind in (LineKind.RELINKED, LineKind.RENUMBERED)
    return LineFacts(
        what=_what(line),
        before=None if before is None else _slot(course, before),
        after=None if after is None or stays else _slot(course, after),
        outcome=_outcome(line),
        note=_note(line),
        tone=_tone(line),
        kind=_kind(line),
        is_unsaved=line.kind is LineKind.UNSAVED,
    )


def _kind(line: Line) -> AppointmentKind | None:
    """What it is about; a dose without a session is about that session."""
    if line.before is not None:
        return line.before.kind
    return line.after.kind if line.after is not None else AppointmentKind.INTEGRATION


def name_of(kind: AppointmentKind, number: int | None) -> str:
    """What staff call an appointment: “Infusion 3”, “Integration session 3”, “Preparation”."""
    if kind is AppointmentKind.INFUSION:
        return f"Infusion {number}"
    if kind is AppointmentKind.INTEGRATION:
        return f"Integration session {number}" if number else "Integration session"
    return f"{kind.value.capitalize()} session"


def _what(line: Line) -> str:
    told = line.before or line.after
    if told is None:
        return line.sentence
    if line.before is not None and line.before.status is AppointmentStatus.PROPOSED:
        return f"Proposed booster {line.before.number}"
    if line.before is None and line.after is not None:
        return f"New: {name_of(told.kind, told.number)[0].lower()}{name_of(told.kind, told.number)[1:]}"
    return name_of(told.kind, told.number)


def _outcome(line: Line) -> str:
    """What happens where there is no new time to show."""
    if line.kind is LineKind.RELEASED:
        return "Released"
    if line.kind is LineKind.RELINKED and line.after is not None:
        return f"Same time, now after infusion {line.after.serves}"
    if line.kind is LineKind.RENUMBERED and line.after is not None:
        return f"Same time, now infusion {line.after.number}"
    if line.kind is LineKind.UNSAVED:
        return "Given back: needs another time" if line.gives_up else "No session found"
    if line.kind is LineKind.NOTED:
        return "Stays"
    if line.kind is LineKind.MARKED:
        if line.dose_end is not None:
            return "Given"
        return {"noshow": "Did not come", "cancelled": "Cancelled"}.get(str(line.status), str(line.status))
    return ""


def _note(line: Line) -> str:
    if line.kind in (LineKind.UNSAVED, LineKind.NOTED) or (line.kind is LineKind.RELEASED):
        return line.sentence
    if line.dose_end is not None:
        return line.sentence
    after = line.after
    same = line.kind is LineKind.MOVED and line.before and after and line.before.start == after.start
    if after is None or after.offset_min is None or same:
        return "Same time; staff or place change" if same else ""
    hours = f"{(after.offset_min + 30) // 60} h after"
    return hours if after.window_status is None else f"{hours}, {STATUS_WORDS[after.window_status]}"


def _tone(line: Line) -> str:
    if line.kind is LineKind.UNSAVED:
        return "bad"
    if line.after is not None and line.after.window_status in NOT_IN_THE_USUAL_PLACE:
        return "warn"
    return "warn" if line.kind in (LineKind.NOTED, LineKind.RELEASED) else ""


def _slot(course: CourseSheet, slot: BookedSheet | Placement) -> SlotFacts:
    return SlotFacts(instant_of(slot.start), instant_of(slot.end), where_of(course, slot))


def where_of(course: CourseSheet, slot: BookedSheet | Placement) -> str:
    """The chair of an infusion; the therapist of a session, and how they meet."""
    clinic = course.clinic
    if slot.kind is AppointmentKind.INFUSION:
        return _named(course, {chair.id: chair.holdable_id for chair in clinic.chairs}, slot.chair_id)
    who = _named(course, {person.id: person.holdable_id for person in clinic.therapists}, slot.therapist_id)
    how = "video" if slot.mode is Mode.TELEHEALTH else "in person"
    return f"{who}, {how}" if who else how


def _named(course: CourseSheet, holdables: dict[int, int], wanted: int | None) -> str:
    return course.names.get(holdables.get(wanted or 0, 0), "")


def _overrides(decision: Decision) -> tuple[SetAside, ...]:
    """What is set aside, by rule; all that makes it off hours is one thing, with one reason."""
    grouped: dict[Rule, list[Rule]] = {}
    for rule in dict.fromkeys(conflict.rule for conflict in decision.overrides):
        head = next((known for known in grouped if rule in OFF_HOURS and known in OFF_HOURS), rule)
        grouped.setdefault(head, []).append(rule)
    return tuple(
        SetAside(
            head,
            RULE_NAMES[Rule.CLOSED] if len(rules) > 1 else RULE_NAMES.get(head, head.lower().replace("_", " ")),
            tuple(dict.fromkeys(c.sentence for c in decision.overrides if c.rule in rules)),
        )
        for head, rules in grouped.items()
    )


def _questions(plain: Decision, decision: Decision, choices: dict[int, int]) -> tuple[Question, ...]:
    """Doses without a session: as first found, and those that came up through a choice."""
    asked: dict[int, Question] = {}
    for line in (*plain.unsaved, *decision.unsaved):
        number = _dose_number(line)
        if number is not None and number not in asked:
            ways = tuple(way.sentence for way in line.ways_out)
            asked[number] = Question(number, line.sentence, ways, choices.get(number))
    return tuple(asked[number] for number in sorted(asked))


def _dose_number(line: Line) -> int | None:
    if not line.ways_out:
        return None
    return line.ways_out[0].session.serves
