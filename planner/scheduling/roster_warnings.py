"""What is the matter with a week's roster, as sentences; nothing here stops anybody."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class RosterWarning:
    """One sentence, and the day and person it is about where there are such."""

    sentence: str
    day: date | None = None
    person_id: int | None = None
