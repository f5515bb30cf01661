"""What the planning pages show, already decided: words about protocols and windows, step links, strips."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, time
from typing import Any

from flask import url_for
from sqlalchemy.orm import Session

from planner.domain.access import Permission, Principal, Role
from planner.domain.protocols import IntegrationMode, Protocol
from planner.domain.statuses import Mode
from planner.services.other_times import OtherTimes
from planner.services.plan_answers import WHOLE_DAY, Answers
from planner.services.plan_dates import PlanDates, PlannedDose
from planner.store.queries.clinic import ProtocolRow, SiteRow, protocol, protocols, site
from planner.store.queries.drafts import Draft, open_weekdays, protocols_of
from planner.store.queries.people import PatientRow, PersonRow, patient, staff
from planner.web.filters import day_words, short_day_words, staff_date
from planner.web.strip import StripModel, StripSession, window_strip

STEPS = ("Patient and protocol", "Days that suit", "Team and escort", "Times", "Check and book")
DAY_NAMES = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MODE_WORDS = {Mode.IN_PERSON.value: "In the clinic", Mode.TELEHEALTH.value: "By video"}
NOT_ESTABLISHED = "Research supports starting therapy around the next day; the exact hours are not established."
NUMBER_WORDS = ("No", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine", "Ten")


@dataclass(frozen=True, slots=True)
class ProtocolWords:
    """One protocol as the first step offers it."""

    version_id: int
    name: str
    summary: str
    window: str
    evidence: str


@dataclass(frozen=True, slots=True)
class Subject:
    """Whom a draft is about, by what, and where; for the head of each page."""

    patient: PatientRow
    protocol: Protocol
    row: ProtocolRow | None
    site: SiteRow

    @property
    def window(self) -> str:
        """The clinic's window in one sentence, or that there is none."""
        return window_words(self.protocol, self.row, self.site.zone)


def subject_of(db: Session, principal: Principal, answers: Answers) -> Subject:
    """Read whom and what a draft is about. Four queries. Raises NotFound."""
    rows = {row.version_id: row for row in protocols(db)}
    return Subject(
        patient(db, principal, answers.patient_id, Permission.COURSES_PLAN),
        protocol(db, answers.protocol_version_id),
        rows.get(answers.protocol_version_id),
        site(db, answers.site_id),
    )


def offered_protocols(db: Session, zone: str) -> list[ProtocolWords]:
    """Every protocol that is switched on. Two queries."""
    rows = protocols(db, only_enabled=True)
    said = protocols_of(db, [row.version_id for row in rows])
    return [
        ProtocolWords(
            row.version_id,
            row.name,
            said[row.version_id].summary,
            window_words(said[row.version_id], row, zone),
            said[row.version_id].evidence_note,
        )
        for row in rows
    ]


def window_words(stored: Protocol, row: ProtocolRow | None, zone: str) -> str:
    """“Clinic window: 12 to 72 h after dosing (preferred 18 to 48 h). Set by ... on ...”"""
    rule = stored.integration.window
    if rule is None:
        return _without_window(stored)
    hours = f"{rule.opens_h:g} to {rule.closes_h:g} h after dosing"
    preferred = f"preferred {rule.peak_start_h:g} to {rule.peak_end_h:g} h"
    return f"Clinic window: {hours} ({preferred}). {_set_by(row, zone)} {NOT_ESTABLISHED}"


def _without_window(stored: Protocol) -> str:
    return {
        IntegrationMode.WEEKLY: f"An integration session within {stored.integration.closes_days} days of a dose; "
        "this protocol ties it to no hour.",
        IntegrationMode.ROLLING: "An integration session at the beginning of each next visit.",
        IntegrationMode.NONE: "No integration session belongs to this protocol, so no window is drawn.",
    }.get(stored.integration.mode, "")


def _set_by(row: ProtocolRow | None, zone: str) -> str:
    if row is None:
        return "Set in an earlier version of this protocol."
    if row.signed_at is None:
        return f"{row.signed_by}; nobody at the clinic has signed it yet."
    return f"Set by {row.signed_by} on {staff_date(row.signed_at, zone)}."


def therapists(db: Session, site_id: int) -> list[PersonRow]:
    """Who could hold sessions at a site. One query."""
    return staff(db, Role.THERAPIST, [site_id])


def weekdays(db: Session, site_id: int) -> dict[int, str]:
    """The days a site is open, by number, with their names; all of them for a site without hours. One query."""
    return {day: DAY_NAMES[day] for day in open_weekdays(db, site_id) or range(7)}


def minutes_of(at: time | None, otherwise: int) -> int:
    """A wall time as minutes of the day."""
    return otherwise if at is None else at.hour * 60 + at.minute


def time_of(minute: int) -> time | None:
    """Minutes of the day as a wall time; none for the two ends of a day, which say nothing."""
    return None if minute in WHOLE_DAY else time(*divmod(minute, 60))


def step_url(draft_id: int, step: int) -> str:
    """Where a step of a draft is."""
    return url_for(f"planning.step_{step}", draft_id=draft_id)


def step_links(draft: Draft | None, answers: Answers | None) -> list[str | None]:
    """The address of each step that has been opened, none for the others."""
    if draft is None or answers is None:
        return [None] * len(STEPS)
    open_to = answers.reached if answers.proposal is not None else min(answers.reached, 4)
    return [step_url(draft.id, n) if n <= open_to else None for n in range(1, len(STEPS) + 1)]


def frame(draft: Draft | None, answers: Answers | None, step: int, subject: Subject | None = None) -> dict[str, Any]:
    """What every step's template needs."""
    return {
        "draft": draft,
        "answers": answers,
        "subject": subject,
        "step": step,
        "step_names": STEPS,
        "step_urls": step_links(draft, answers),
        "back_url": step_url(draft.id, step - 1) if draft is not None and step > 1 else None,
    }


# -- step 4 ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class DoseCard:
    """One infusion with its picture."""

    dose: PlannedDose
    strip: StripModel | None


def dose_cards(dates: PlanDates) -> list[DoseCard]:
    """Each dose with the strip of its window, where it has one."""
    return [DoseCard(dose, strip_of(dose, dates.zone)) for dose in dates.doses]


def strip_of(dose: PlannedDose, zone: str) -> StripModel | None:
    """The picture of one dose's window with its chosen session."""
    window = dose.window
    if window is None:
        return None
    closes = min(window.closes_at, window.must_end_by or window.closes_at)
    sessions = [
        StripSession(choice.starts_at, choice.ends_at, window.fits(choice.starts_at, choice.ends_at))
        for choice in dose.choices
        if choice.chosen
    ]
    return window_strip(
        dose_end=window.anchor_at,
        opens=window.opens_at,
        peak_start=window.peak_starts_at,
        peak_end=window.peak_ends_at,
        closes=closes,
        cut_short_by=dose.next_title if window.cut_short else None,
        sessions=sessions,
        zone=zone,
        next_dose=window.next_check_in_at if window.cut_short else None,
    )


@dataclass(frozen=True, slots=True)
class Slot:
    """An offered time as the list of radios wants it."""

    value: str
    starts_at: datetime
    ends_at: datetime
    detail: str


def slots_of(times: OtherTimes) -> list[Slot]:
    """Every offered time, with what would come of it."""
    return [Slot(offer.value, offer.starts_at, offer.ends_at, offer.words) for offer in times.offers]


def course_words(stored: Protocol) -> str:
    """“Six infusions, two a week.”"""
    doses = stored.firm_doses
    number = NUMBER_WORDS[len(doses)] if len(doses) < len(NUMBER_WORDS) else str(len(doses))
    phase = next((phase for phase in stored.dose_phases if phase.booking == "firm"), None)
    pace = ""
    if phase is not None and phase.per_week > 0:
        pace = f", {NUMBER_WORDS[phase.per_week].lower()} a week" if phase.per_week < len(NUMBER_WORDS) else ""
    return f"{number} infusion{'' if len(doses) == 1 else 's'}{pace}."


# -- step 5 ------------------------------------------------------------------------------------------------------------


def summary_rows(
    draft: Draft, answers: Answers, subject: Subject, people: Mapping[int, str], days: str
) -> list[tuple[str, str, str]]:
    """Question, answer, and where to change it."""
    where = [step_url(draft.id, step) for step in range(1, 6)]
    latest = f", at the latest {short_day_words(answers.latest_first_day)}" if answers.latest_first_day else ""
    earliest = f"From {day_words(answers.earliest_day)}{latest}" if answers.earliest_day else ""
    holders = (
        "Any therapist of this site"
        if answers.therapist_ids is None
        else ", ".join(sorted(people.get(person, "") for person in answers.therapist_ids))
    )
    return [
        ("Patient", f"{subject.patient.code} · {subject.patient.name}", where[0]),
        ("Protocol", subject.protocol.name, where[0]),
        ("First infusion", earliest, where[1]),
        ("Preferred check-in", preferred_words(answers.preferred), where[1]),
        ("Primary therapist", people.get(answers.therapist_id or 0, "Nobody in particular"), where[2]),
        ("Sessions with", holders, where[2]),
        ("Sessions", " or ".join(MODE_WORDS[mode.value].lower() for mode in answers.modes).capitalize(), where[2]),
        ("Going home with", answers.escort or "Not named yet", where[2]),
        ("Days of the week", days, where[3]),
    ]


def preferred_words(preferred: tuple[int, int]) -> str:
    """“09:00 to 12:00”, “Any time”."""
    first, last = preferred
    if (first, last) == WHOLE_DAY:
        return "Any time"
    return f"{first // 60:02d}:{first % 60:02d} to {last // 60:02d}:{last % 60:02d}"


@dataclass(frozen=True, slots=True)
class Kept:
    """Until when the times are kept; `over` when nobody keeps them any more."""

    until: datetime | None
    over: bool


def kept_until(draft: Draft, now: datetime) -> Kept:
    """The state of the draft's hold."""
    return Kept(draft.hold_until, draft.hold_until is None or draft.hold_until <= now)
