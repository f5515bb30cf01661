"""What the course pages show, already decided: words, addresses, and what this person may do."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import url_for

from planner.domain.access import Permission, Principal, may
from planner.domain.statuses import COUNTING, MOVABLE, AppointmentKind, AppointmentStatus, CourseStatus, Mode
from planner.services.reading.changes import OpenChange
from planner.services.reading.previews import name_of
from planner.services.reading.windows import Policy, WindowReading, windows_of
from planner.store.queries.appointments import AppointmentRow
from planner.store.queries.courses import CourseRow
from planner.web.filters import hours_after, staff_date, staff_time
from planner.web.strip import StripModel, StripSession, window_strip

#: What an undo notice says about a kind of change.
DONE_WORDS = {
    "course.move": "Moved",
    "course.cancelled": "Cancelled",
    "course.noshow": "Marked “did not come”",
    "course.dose-end": "Recorded the dose",
    "course.rebook": "Booked",
    "course.book": "Booked the course",
    "course.completed": "The course is completed, and what was still to come is given back",
    "course.revoked": "The course is stopped, and what was still to come is given back",
    "appointment.arrived": "Marked as arrived",
    "appointment.fulfilled": "Marked as done",
    "appointment.cancelled": "Cancelled",
    "appointment.noshow": "Marked “did not come”",
}


def address_of(row: AppointmentRow, act: str = "") -> str:
    """The page of an appointment, or of one act on it (`move`, `cancel`, `dose`, `arrive`, `fulfil`).

    One of no course has one page for everything.
    """
    if row.course_id is None:
        return url_for("spreadsheets.loose", appointment_id=row.id)
    room = "infusions" if row.kind is AppointmentKind.INFUSION else "integration"
    own = "infusion" if room == "infusions" else "session"
    return url_for(f"{room}.{act or own}", appointment_id=row.id)


def title_of(row: AppointmentRow) -> str:
    """“Infusion 3”, “Integration session 3”, “Preparation session”."""
    if row.kind is AppointmentKind.INFUSION and row.status is AppointmentStatus.PROPOSED:
        return f"Proposed booster {row.number}"
    number = row.serves_number if row.kind is AppointmentKind.INTEGRATION else row.number
    return name_of(row.kind, number)


def where_of(row: AppointmentRow) -> str:
    """Chair and nurse of an infusion; therapist and place of a session."""
    if row.kind is AppointmentKind.INFUSION:
        parts = [row.chair_name, row.nurse_name]
    else:
        parts = [row.therapist_name, "by video" if row.mode is Mode.TELEHEALTH else row.room_name or "in person"]
    return ", ".join(part for part in parts if part)


def may_move(principal: Principal, row: AppointmentRow, now: datetime) -> bool:
    """Whether a Move link leads anywhere for this person and appointment."""
    return can_move(row, now) and _may_change(principal, row)


def can_move(row: AppointmentRow, now: datetime) -> bool:
    """Whether the appointment is one that could have another time at all."""
    return row.status in MOVABLE and row.starts_at > now and not row.pinned


def may_lose(principal: Principal, row: AppointmentRow) -> bool:
    """Whether this person may cancel the appointment or mark it “did not come”."""
    return row.status in MOVABLE and row.course_id is not None and _may_change(principal, row)


def _may_change(principal: Principal, row: AppointmentRow) -> bool:
    if row.kind is AppointmentKind.INFUSION:
        return may(principal, Permission.INFUSIONS_CHANGE) and row.site_id in principal.site_ids
    return _holds_session(principal, Permission.INTEGRATION_CHANGE, row)


def may_mark(principal: Principal, row: AppointmentRow) -> bool:
    """Whether this person may mark arrivals, doses and sessions that took place."""
    if row.kind is AppointmentKind.INFUSION:
        return may(principal, Permission.INFUSIONS_STATUS) and row.site_id in principal.site_ids
    return _holds_session(principal, Permission.INTEGRATION_STATUS, row)


def _holds_session(principal: Principal, permission: Permission, row: AppointmentRow) -> bool:
    own = row.therapist_id is not None and row.therapist_id == principal.person_id
    at_site = may(principal, Permission.INFUSIONS_CHANGE) and row.site_id in principal.site_ids
    return may(principal, permission) and (own or at_site)


@dataclass(frozen=True, slots=True)
class DateLine:
    """One date of a course as lists show it."""

    kind: AppointmentKind
    title: str
    starts_at: datetime
    ends_at: datetime
    url: str | None
    detail: str
    after: str
    status: AppointmentStatus
    note: str
    past: bool


@dataclass(frozen=True, slots=True)
class SessionLine:
    """One session under its infusion."""

    line: DateLine
    move_url: str | None


@dataclass(frozen=True, slots=True)
class InfusionCard:
    """One infusion with its window and what lies in it."""

    line: DateLine
    strip: StripModel | None
    strip_id: str
    sessions: tuple[SessionLine, ...]
    move_url: str | None
    dose_url: str | None
    rebook_url: str | None
    lacks_session: bool
    cut_words: str


@dataclass(frozen=True, slots=True)
class CoursePage:
    """The page of one course."""

    course: CourseRow
    heading: str
    facts: tuple[tuple[str, Any], ...]
    policy_words: str
    signed_words: str
    ahead: tuple[InfusionCard, ...]
    behind: tuple[InfusionCard, ...]
    dates: tuple[DateLine, ...]
    other_ahead: tuple[SessionLine, ...]
    warnings: tuple[tuple[str, str | None, str], ...]
    may_end: bool


def course_page(
    principal: Principal, course: CourseRow, dates: Sequence[AppointmentRow], policy: Policy, now: datetime
) -> CoursePage:
    """Everything the course page shows."""
    readings = windows_of(policy.protocol, dates)
    lines = date_lines(dates, readings, now)
    cards = [_card(principal, reading, lines, now) for reading in readings]
    done = [c.line.status is AppointmentStatus.FULFILLED and not c.lacks_session for c in cards]
    past = [c.line.past and is_done for c, is_done in zip(cards, done, strict=True)]
    rows = {row.id: row for row in dates}
    served = {session.id for reading in readings for session in reading.sessions}
    others = tuple(
        SessionLine(lines[row.id], address_of(row, "move") if may_move(principal, row, now) else None)
        for row in rows.values()
        if row.kind is not AppointmentKind.INFUSION and row.id not in served and row.status in COUNTING
    )
    return CoursePage(
        course=course,
        heading=heading_of(principal, course),
        facts=_facts(course),
        policy_words=policy.window_words,
        signed_words=signed_words(policy, course.zone),
        ahead=tuple(card for card, is_past in zip(cards, past, strict=True) if not is_past),
        behind=tuple(card for card, is_past in zip(cards, past, strict=True) if is_past),
        dates=tuple(lines[row.id] for row in dates),
        other_ahead=others,
        warnings=tuple(_warnings(cards, others)),
        may_end=may(principal, Permission.COURSES_PLAN)
        and course.status in (CourseStatus.ACTIVE, CourseStatus.ON_HOLD),
    )


def heading_of(principal: Principal, course: CourseRow) -> str:
    """Patient code first, then the name where the role may see it."""
    if may(principal, Permission.PATIENTS_READ):
        return f"{course.patient_code} {course.patient_name}"
    return course.patient_code


def signed_words(policy: Policy, zone: str) -> str:
    """“Set by Dr Example on Mon 2 Nov 2026.”, or that nobody has signed it."""
    if not policy.signed_by:
        return "Shipped default; nobody at the clinic has signed it yet."
    if policy.signed_at is None:
        return f"{policy.signed_by.rstrip('.')}; nobody at the clinic has signed it yet."
    return f"Set by {policy.signed_by} on {staff_date(policy.signed_at, zone)}."


def _facts(course: CourseRow) -> tuple[tuple[str, Any], ...]:
    return (
        ("Protocol", f"{course.protocol_name}, version {course.protocol_number}"),
        ("Infusions", f"{course.doses_given} of {course.doses} given"),
        ("Therapist", course.therapist_name or "none chosen"),
        ("Site", course.site_name),
    )


def date_lines(
    dates: Iterable[AppointmentRow], readings: Iterable[WindowReading], now: datetime
) -> dict[int, DateLine]:
    """Every date as a line, by appointment id, with how long after its dose a session is."""
    by_dose = {reading.dose.id: reading for reading in readings}
    return {row.id: _line(row, by_dose, now) for row in dates}


def _line(row: AppointmentRow, by_dose: dict[int, WindowReading], now: datetime) -> DateLine:
    reading = by_dose.get(row.serves_id or 0)
    after = note = ""
    if reading is not None:
        after = hours_after(row.starts_at, reading.dose_end)
        if words := reading.status_words(row):
            after = f"{after}, {words}"
        if row.status in COUNTING and not reading.fits(row):
            note = "outside the window"
    elif row.id in by_dose and by_dose[row.id].lacks_session:
        note = "no session"
    return DateLine(
        kind=row.kind,
        title=title_of(row),
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        url=None if row.status is AppointmentStatus.PROPOSED else address_of(row),
        detail=where_of(row),
        after=after,
        status=row.status,
        note=note,
        past=row.ends_at <= now,
    )


def _card(principal: Principal, reading: WindowReading, lines: dict[int, DateLine], now: datetime) -> InfusionCard:
    dose = reading.dose
    sessions = tuple(
        SessionLine(lines[row.id], address_of(row, "move") if may_move(principal, row, now) else None)
        for row in reading.sessions
    )
    can_record = may_mark(principal, dose) and dose.starts_at <= now
    can_rebook = reading.lacks_session and may(principal, Permission.INFUSIONS_CHANGE)
    return InfusionCard(
        line=lines[dose.id],
        strip=strip_of(reading, dose.zone),
        strip_id=f"window-{dose.id}",
        sessions=sessions,
        move_url=address_of(dose, "move") if may_move(principal, dose, now) else None,
        dose_url=address_of(dose, "dose") if can_record else None,
        rebook_url=url_for("infusions.rebook", appointment_id=dose.id) if can_rebook else None,
        lacks_session=reading.lacks_session,
        cut_words=recorded_words(reading),
    )


def recorded_words(reading: WindowReading) -> str:
    """Whether the dose's end is the planned or the real one."""
    told = staff_time(reading.dose_end, reading.dose.zone)
    return f"Dose ended {told} (recorded)." if reading.is_recorded else f"Dose planned to end {told}."


def strip_of(reading: WindowReading, zone: str) -> StripModel | None:
    """The picture of a dose's window; None where the protocol draws none."""
    window, closes_at = reading.window, reading.closes_at
    if window is None or closes_at is None:
        return None
    following = reading.next_dose if window.cut_short else None
    return window_strip(
        dose_end=reading.dose_end,
        opens=window.opens_at,
        peak_start=window.peak_starts_at,
        peak_end=window.peak_ends_at,
        closes=closes_at,
        cut_short_by=f"infusion {following.number}" if following else None,
        sessions=[StripSession(row.starts_at, row.ends_at, reading.fits(row)) for row in reading.sessions],
        zone=zone,
        next_dose=following.starts_at if following else None,
    )


def _warnings(cards: Iterable[InfusionCard], others: Iterable[SessionLine]) -> Iterable[tuple[str, str | None, str]]:
    """Sentence, address and words of what a person has to see to."""
    for card in cards:
        if card.lacks_session:
            yield f"{card.line.title} has no integration session.", card.rebook_url, "See the ways out"
        for session in card.sessions:
            if session.line.note:
                words = f"{session.line.title} is {session.line.note} ({session.line.after})."
                yield words, session.move_url, "Move it"
    for other in others:
        if other.line.kind is AppointmentKind.INTEGRATION:
            yield f"{other.line.title} serves no infusion any more.", other.move_url, "Move it"


def undo_notice(change: OpenChange | None, zone: str, key: str) -> list[dict[str, Any]]:
    """The line that says what was just done and takes it back."""
    if change is None:
        return []
    done = DONE_WORDS.get(change.kind, "Changed")
    if change.kind in ("course.move", "course.rebook"):
        done += f" {change.count} appointment{'' if change.count == 1 else 's'}"
    until = staff_time(change.undo_until, zone)
    return [
        {
            "kind": "ok",
            "text": f"{done}. Calendars keep up by themselves. You can undo this until {until}.",
            "undo_url": url_for("courses.undo_change", change_set_id=change.id),
            "idempotency_key": key,
        }
    ]


def course_tabs(course_id: int, current: str) -> list[dict[str, Any]]:
    """The other pages of one course."""
    return [
        {"label": label, "url": url_for(f"courses.{endpoint}", course_id=course_id), "current": endpoint == current}
        for endpoint, label in (("course", "Course"), ("dates", "All dates"), ("changes", "Changes"))
    ]
