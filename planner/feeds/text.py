"""Human text made fit for a calendar line: nothing in it can end the line or reorder its surroundings."""

from __future__ import annotations

import re
from typing import Final

# A carriage return alone, and the two Unicode separators, end a line for some readers (Python's own
# `splitlines`, which vdirsyncer uses, is one), so all of them become the one break iCalendar can escape.
_LINE_BREAKS: Final = re.compile("\r\n|[\r\u2028\u2029]")

_UNFIT: Final = re.compile(
    "["
    "\x00-\x08\x0b\x0c\x0e-\x1f"  # C0 controls but tab and line feed: icalendar would write them as they are
    "\x7f-\x9f"  # DEL and C1; U+0085 is a line end for some readers
    "\u202a-\u202e\u2066-\u2069"  # bidi embeddings, overrides, isolates: an open one would turn what follows
    "\ud800-\udfff"  # lone surrogates have no UTF-8 form
    "\ufeff\ufffe\uffff\ufdd0-\ufdef"  # byte order mark, noncharacters: illegal in the XML of CalDAV
    "]"
)


def clean(text: str) -> str:
    """The text with line breaks as `\\n` and everything unfit removed; all other characters stay as they are.

    Right-to-left letters and the harmless direction marks (U+200E, U+200F, U+061C) stay; so do joiners, which
    emoji and several scripts need. Applying it twice changes nothing more.
    """
    return _UNFIT.sub("", _LINE_BREAKS.sub("\n", text))


def clean_line(text: str) -> str:
    """The cleaned text on one line, each line break a space: for titles and names, which are one line on
    screen.
    """
    return clean(text).replace("\n", " ")
