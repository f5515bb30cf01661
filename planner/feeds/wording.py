"""What an appointment may say in a calendar: the one privacy function of all feeds, and the words kept out
of them.

A calendar entry is copied to a company the clinic has no contract with and is read over shoulders, so it
says no more than that there is an appointment. Source of the fields by audience: the clinic rules in rule
21, after 45 CFR 164.502(b), minimum necessary.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from planner.feeds.neutral import is_neutral, is_neutral_name
from planner.feeds.text import clean, clean_line

LEAVE_KIND: Final = "leave"
_SEPARATOR: Final = " · "


class Audience(StrEnum):
    """Whose feed it is: a patient's own, a staff member's, or a chair's, room's or site's."""

    PATIENT = "patient"
    STAFF = "staff"
    PLACE = "place"


class Detail(StrEnum):
    """How much a feed tells; `DISCREET` unless somebody decided otherwise."""

    DISCREET = "discreet"
    BUSY = "busy"
    CODE = "code"
    INITIALS = "initials"
    FULL = "full"


@dataclass(frozen=True, slots=True, kw_only=True)
class AppointmentFacts:
    """What is known of one appointment. Most of it is never shown; which part is, `appointment_text` decides.

    `kind` is the planner's own word and only told apart for `LEAVE_KIND`. `code` is the patient's reference
    ("7Q4K"). `chair_code` and `room_code` are bare codes ("2", "R4"). `portal_url` leads to a page behind
    the sign-in.
    """

    kind: str
    code: str | None = None
    initials: str | None = None
    full_name: str | None = None
    chair_code: str | None = None
    room_code: str | None = None
    site_alias: str | None = None
    address: str | None = None
    portal_url: str | None = None
    online: bool = False
    cancelled: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedStyle:
    """How one feed words its entries: for whom, how much, and what has been agreed to.

    `show_place`: the patient asked for the address, or the staff feed shows rooms. `short_name`: the clinic's
    neutral word for patients, checked with `check_neutral` when it was entered, and again here.
    `initials_decided`: an admin's decision on record. `agreement_recorded`: the calendar service signed an
    agreement with the clinic (BAA). Without them, initials and names fall back to the reference code.
    """

    audience: Audience
    detail: Detail = Detail.DISCREET
    show_place: bool = False
    short_name: str | None = None
    initials_decided: bool = False
    agreement_recorded: bool = False


@dataclass(frozen=True, slots=True)
class AppointmentText:
    """The three texts of a calendar entry; None leaves the line out."""

    summary: str
    location: str | None
    description: str | None


def appointment_text(facts: AppointmentFacts, style: FeedStyle) -> AppointmentText:
    """The texts of this appointment in this feed. Words of `forbidden_words()` come out in no mode."""
    detail = shown_detail(style)
    summary = _summary(facts, style, detail)
    if facts.cancelled:
        summary = f"Cancelled: {summary}"
    if detail is Detail.BUSY:
        return AppointmentText(summary, None, None)
    location = _location(facts, style) if style.show_place else None
    return AppointmentText(summary, location, _description(facts, style))


def calendar_name(chosen: str | None) -> str:
    """The name of a whole calendar: the chosen one on one line while it is neutral, else "Appointments"."""
    return _neutral(chosen) or "Appointments"


def shown_detail(style: FeedStyle) -> Detail:
    """The detail the feed really shows: never more than its audience and the recorded decisions allow.

    Patients' feeds are discreet or busy. Feeds of chairs, rooms and sites are read by many and never name
    anybody.
    """
    if style.detail in (Detail.DISCREET, Detail.BUSY):
        return style.detail
    if style.audience is Audience.PATIENT:
        return Detail.DISCREET
    if style.audience is Audience.STAFF:
        if style.detail is Detail.INITIALS and style.initials_decided:
            return Detail.INITIALS
        if style.detail is Detail.FULL and style.agreement_recorded:
            return Detail.FULL
    return Detail.CODE


def _summary(facts: AppointmentFacts, style: FeedStyle, detail: Detail) -> str:
    if detail is Detail.BUSY:
        return "Busy"
    if facts.kind == LEAVE_KIND:
        return "Away"
    if style.audience is Audience.PATIENT:
        return _neutral(style.short_name) or "Appointment"
    if style.audience is Audience.PLACE and detail is Detail.DISCREET:
        return "Appointment"
    parts = ("Visit", _who(facts, detail), _spot(facts))
    return _SEPARATOR.join(part for part in parts if part)


def _who(facts: AppointmentFacts, detail: Detail) -> str | None:
    """The patient as this detail names them; the reference code where a name is missing or reads like a
    service.
    """
    name = {Detail.INITIALS: facts.initials, Detail.FULL: facts.full_name}.get(detail)
    if name and (line := clean_line(name).strip()) and is_neutral_name(line):
        return line
    code = _neutral(facts.code)
    return f"ref {code}" if code else None


def _location(facts: AppointmentFacts, style: FeedStyle) -> str | None:
    if facts.kind == LEAVE_KIND:
        return None
    alias = _neutral(facts.site_alias)
    if style.audience is Audience.PATIENT:
        return "Online" if facts.online else _neutral_lines(facts.address) or alias
    parts = (_room(facts) or _spot(facts), None if facts.online else alias)
    return ", ".join(part for part in parts if part) or None


def _description(facts: AppointmentFacts, style: FeedStyle) -> str | None:
    if facts.kind == LEAVE_KIND or style.audience is Audience.PLACE:
        return None
    link = _neutral(facts.portal_url)
    if style.audience is Audience.PATIENT:
        return f"Details in the portal: {link}" if link else "Details in the portal"
    return link


def _spot(facts: AppointmentFacts) -> str | None:
    if facts.online:
        return "Online"
    return _labelled("Chair", facts.chair_code) or _room(facts)


def _room(facts: AppointmentFacts) -> str | None:
    return None if facts.online else _labelled("Room", facts.room_code)


def _labelled(label: str, code: str | None) -> str | None:
    bare = _neutral(code)
    if bare is None or bare.casefold().startswith(f"{label.casefold()} "):
        return bare
    return f"{label} {bare}"


def _neutral(text: str | None) -> str | None:
    """The text on one line if a calendar may show it, else None: a room that names a service is left out."""
    line = clean_line(text or "").strip()
    return line if line and is_neutral(line) else None


def _neutral_lines(text: str | None) -> str | None:
    lines = clean(text or "").strip()
    return lines if lines and is_neutral(lines) else None
