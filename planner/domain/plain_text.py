"""Which signs one line of somebody's text may hold: the same on a page, in a file and in a calendar."""

from __future__ import annotations

import unicodedata
from typing import Final

#: Marks that turn round the order of what follows, beyond their own text. Right-to-left letters need none of them.
TURNS_AROUND: Final = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
_CONTROLS: Final = frozenset({"Cc", "Cs", "Zl", "Zp"})


def hides(sign: str) -> bool:
    """Whether a sign breaks the line, is a control, is half of one, or turns round what follows it."""
    return unicodedata.category(sign) in _CONTROLS or sign in TURNS_AROUND


def as_read(text: str) -> str:
    """The text as readers tell it from another: without invisible signs, size of letters and width of blanks."""
    shown = "".join(sign for sign in unicodedata.normalize("NFKC", text) if unicodedata.category(sign) != "Cf")
    return " ".join(shown.split()).casefold()


def can_be_seen(text: str) -> bool:
    """Whether anything of the text shows; empty text does not."""
    return any(unicodedata.category(sign)[0] in "LMNPS" for sign in text)
