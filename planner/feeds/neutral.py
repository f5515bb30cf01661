"""Words that would tell what a person is treated for, and the check for names a clinic chooses itself."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from planner.feeds.text import clean

SHORT_NAME_MAX: Final = 40

# Found anywhere, also inside a longer word or a web address.
_STEMS: Final = frozenset(
    {
        # drugs, and how they are given
        *("ketamin", "cetamin", "quetamin", "ketalar", "ketanest", "spravato", "magnesium"),
        *("infus", "inject", "intraven", "intramusc", "subling", "lozenge", "troche", "nasal"),
        *("medication", "anesth", "anaesth", "💉", "💊"),
        # services and specialties
        *("therap", "psych", "integration", "integrative", "treatment", "counsel", "hypnos"),
        # reasons, findings and instructions
        *("diagnos", "depress", "anxiet", "suicid", "bipolar", "ptsd", "trauma", "addict"),
        *("disorder", "symptom", "dosing", "dosage", "escort", "fasting"),
        # steps of a course
        *("preparation", "assessment", "induction", "booster"),
    }
)

# Found only as whole words: short ones that sit inside harmless words and names.
_WORDS: Final = frozenset(
    {
        *("iv", "im", "kap", "nad", "drip", "drug", "drugs", "dose", "doses", "spray"),
        *("score", "scores", "phq", "gad", "mental", "maintenance", "monitoring"),
    }
)

_ALSO_NAMES: Final = frozenset({"iv", "im", "gad"})

_WORD: Final = re.compile(r"[^\W_]+")
_PHONE: Final = re.compile(r"(?:\d[\s().+/-]*){7,}")
_ADDRESS: Final = re.compile(r"@|://|\bwww\.", re.IGNORECASE)


def forbidden_words() -> frozenset[str]:
    """Words and parts of words, in small letters, that no feed shows: drugs, services, reasons, steps."""
    return _STEMS | _WORDS


def is_neutral(text: str) -> bool:
    """Whether no forbidden word is in the text, whatever its case, accents or invisible characters."""
    return _found(text) is None


def is_neutral_name(name: str) -> bool:
    """As `is_neutral` for a person's name or initials, where words such as "IV" are parts of names."""
    return _found(name, allowed=_ALSO_NAMES) is None


def check_neutral(text: str) -> str | None:
    """One sentence about why a clinic's own name for appointments cannot be used, or None when it can."""
    line = clean(text).strip()
    if not line:
        return "Enter a short name, such as Appointment."
    if "\n" in line:
        return "Write the short name on one line."
    if len(line) > SHORT_NAME_MAX:
        return f"Use at most {SHORT_NAME_MAX} characters."
    if word := _found(line):
        return f"Leave out “{word}”: it tells what the visit is for. Choose a name such as Appointment."
    if _PHONE.search(line):
        return "Leave out the phone number: calendars are copied to other companies."
    if _ADDRESS.search(line):
        return "Leave out web and e-mail addresses: calendars are copied to other companies."
    return None


def _found(text: str, allowed: frozenset[str] = frozenset()) -> str | None:
    plain = _plain(text)
    words = set(_WORD.findall(plain))
    found = sorted(stem for stem in _STEMS if stem in plain) + sorted((words & _WORDS) - allowed)
    return found[0] if found else None


def _plain(text: str) -> str:
    """Small letters without accents, full-width forms and invisible characters: as a reader would see it."""
    decomposed = unicodedata.normalize("NFKD", text).casefold()
    return "".join(sign for sign in decomposed if unicodedata.category(sign) not in ("Mn", "Cf"))
