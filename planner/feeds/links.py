"""Addresses behind the subscribe buttons, made from the feed's own https address. Strings only; nothing is
fetched.

They carry the secret address into the service a person chose, so pages show them with `rel="noreferrer"` and
never route them through a redirect. Outlook's two are undocumented by Microsoft and may stop working: offer
copying too.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import quote, urlencode, urlsplit

from planner.feeds.text import clean_line

_THIS_MACHINE: Final = frozenset({"localhost", "127.0.0.1", "::1"})


def webcal_link(address: str) -> str:
    """`webcal://...`: opens the subscribe sheet of Apple Calendar and of most other programs.

    `address` is the feed's https address; http is taken only for this machine itself, for trying things out.
    Raises ValueError for any other scheme, an address without a host, a user name in it, or unfit characters.
    """
    return f"webcal://{_after_scheme(address)}"


def google_link(address: str) -> str:
    """Google Calendar in a browser; it wants the webcal form of the address. The phone app cannot add by
    address.

    Raises ValueError as `webcal_link` does.
    """
    return f"https://calendar.google.com/calendar/r?cid={quote(webcal_link(address), safe='')}"


def outlook_personal_link(address: str, name: str) -> str:
    """Outlook.com; `name` is what the calendar will be called. Raises ValueError as `webcal_link` does."""
    return _outlook("outlook.live.com", address, name)


def outlook_work_link(address: str, name: str) -> str:
    """Outlook of a company or school; `name` as above. Raises ValueError as `webcal_link` does."""
    return _outlook("outlook.office.com", address, name)


def _outlook(host: str, address: str, name: str) -> str:
    # The https form here: the new Outlook loses the scheme of a webcal address.
    _after_scheme(address)
    query = urlencode({"url": address, "name": clean_line(name)}, quote_via=quote, safe="")
    return f"https://{host}/calendar/0/addfromweb?{query}"


def _after_scheme(address: str) -> str:
    parts = urlsplit(address)
    if not parts.hostname or parts.username is not None:
        raise ValueError("Not the address of a feed: it needs a host and no user name")
    if any(character.isspace() or not character.isprintable() for character in address):
        raise ValueError("Not the address of a feed: it has characters that addresses cannot have")
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _THIS_MACHINE):
        raise ValueError("Not the address of a feed: it must start with https://")
    return address.split("://", 1)[1]
