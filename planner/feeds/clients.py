"""Which calendar program fetched a feed, for "last fetched 2 h ago by ...". For people only: answers never
differ.
"""

from __future__ import annotations

import re
from typing import Final

UNKNOWN_CLIENT: Final = "Another app"

# Order matters: Nextcloud names itself inside a Mozilla string, and Outlook for Mac names macOS as well.
_FAMILIES: Final = tuple(
    (re.compile(pattern, re.IGNORECASE), family)
    for pattern, family in (
        (r"google-calendar-importer", "Google Calendar"),
        (r"nextcloud", "Nextcloud"),
        (r"icsx5|icsdroid", "ICSx5"),
        (r"vdirsyncer", "vdirsyncer"),
        (r"thunderbird|\blightning/", "Thunderbird"),
        (r"fastmail", "Fastmail"),
        (r"outlook|microsoft office|microsoft[ .]exchange|exchangeservices", "Outlook"),
        (r"dataaccessd|calendaragent|calaccessd|coredav|\bical/|^apple ?calendar", "Apple Calendar"),
    )
)


def client_family(user_agent: str | None) -> str:
    """The program's name as people know it, from its User-Agent; "Another app" when it is not a known one.

    Only one of these fixed names comes back, so nothing a stranger sends is ever stored or shown.
    """
    # 512 characters are more than any of them sends; the rest is not worth searching.
    sample = (user_agent or "")[:512]
    return next((family for pattern, family in _FAMILIES if pattern.search(sample)), UNKNOWN_CLIENT)
