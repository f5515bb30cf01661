"""Passwords that everybody tries first (ASVS 5.0, 6.2.4).

The list is zxcvbn's, 30,000 passwords from leaked collections. Its estimate of how many guesses a password stands is
left alone: for some words of seventy letters it takes seconds, which would be a way to stop the server.
"""

from __future__ import annotations

from typing import Final

from zxcvbn.frequency_lists import FREQUENCY_LISTS

COMMON: Final = frozenset(FREQUENCY_LISTS["passwords"])


def is_common(password: str) -> bool:
    """Whether it is a common password, one said several times over, or two side by side (“password1234567”)."""
    folded = password.casefold()
    return folded in COMMON or _is_repeated(folded) or _is_pair(folded)


def _is_repeated(folded: str) -> bool:
    # A text lies inside its own double, but for the ends, only when it repeats a part of itself.
    length = (folded + folded).find(folded, 1)
    return length < len(folded) and folded[:length] in COMMON


def _is_pair(folded: str) -> bool:
    return any(folded[:place] in COMMON and folded[place:] in COMMON for place in range(1, len(folded)))
