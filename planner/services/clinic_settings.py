"""The clinic's own settings: its names, zone, help text, and how long things last."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy.orm import Session

from planner.domain.access import Permission, Principal, require
from planner.domain.errors import FieldError
from planner.feeds.neutral import check_neutral, is_neutral
from planner.services import auditing
from planner.services.current import take_to_change
from planner.services.places import known_zone, one_line
from planner.store.records import Clinic

LONGEST_HELP: Final = 2_000
#: Least and most of each number of the settings, and the words of what it counts.
BOUNDS: Final = {
    "undo_minutes": (1, 60, "minutes"),
    "hold_minutes": (5, 240, "minutes"),
    "staff_idle_minutes": (5, 60, "minutes"),
    "patient_idle_minutes": (5, 120, "minutes"),
    "plan_ahead_months": (3, 120, "months"),
    "portal_days_after_discharge": (0, 365, "days"),
}


@dataclass(frozen=True, slots=True)
class ClinicSettings:
    """What an administrator may set. `neutral_name` and `feed_words` are what calendars and messages show."""

    name: str
    neutral_name: str
    zone: str
    help_text: str
    feed_words: str
    undo_minutes: int
    hold_minutes: int
    staff_idle_minutes: int
    patient_idle_minutes: int
    plan_ahead_months: int
    portal_days_after_discharge: int


def change_clinic(
    db: Session, principal: Principal, settings: ClinicSettings, *, seen_version: int, now: datetime
) -> Clinic:
    """Set everything at once. Calendars that show a changed word move by themselves (`planner.store.feed_revisions`).

    Raises NotPermitted, StaleVersion, and FieldError at the setting that cannot be used.
    """
    require(principal, Permission.CLINIC_WRITE)
    clinic = take_to_change(db, Clinic, 1, seen_version, "The clinic")
    clinic.name = one_line(settings.name, "name", 120)
    clinic.neutral_name = neutral_line(settings.neutral_name, "neutral_name", 60)
    clinic.zone = known_zone(settings.zone)
    clinic.help_text = _help_text(settings.help_text)
    clinic.feed_words = one_line(settings.feed_words, "feed_words", 40)
    if fault := check_neutral(clinic.feed_words):
        raise FieldError("feed_words", fault)
    for name in BOUNDS:
        setattr(clinic, name, _within(name, getattr(settings, name)))
    db.flush()
    auditing.record(db, principal, action="clinic.change", object_type="clinic", object_id=clinic.id, now=now)
    return clinic


def neutral_line(text: str, field: str, most: int, *, optional: bool = False) -> str:
    """One line that strangers may read in a calendar. Raises FieldError for one that tells what a visit is for."""
    line = one_line(text, field, most, optional=optional)
    if not is_neutral(line):
        raise FieldError(field, "Calendars show this to strangers. Choose words that do not tell what a visit is for.")
    return line


def _help_text(text: str) -> str:
    text = text.replace("\r\n", "\n").strip()
    if len(text) > LONGEST_HELP:
        raise FieldError("help_text", f"Use at most {LONGEST_HELP} characters; this has {len(text)}.")
    if any(unicodedata.category(sign) in ("Cc", "Cs") and sign not in "\n\t" for sign in text):
        raise FieldError("help_text", "Take out control characters.")
    return text


def _within(name: str, number: int) -> int:
    least, most, words = BOUNDS[name]
    if not least <= number <= most:
        raise FieldError(name, f"Enter a number of {words} from {least} to {most}.")
    return number
