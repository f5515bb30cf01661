"""The protocols that come with the planner, as data a clinic may copy, change and switch on.

Their clinical numbers live in the documents beside this module, each with its source and its mark.
"""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import Any

from planner.domain.protocol_parsing import parse_protocol
from planner.domain.protocols import Protocol

SHIPPED_SLUGS = (
    "iv-racemic-twice-weekly",
    "iv-racemic-thrice-weekly",
    "im-racemic",
    "sublingual",
    "esketamine-label",
    "iv-magnesium",
    "nad",
)
"""In the order a clinic should see them offered."""


def shipped_document(slug: str) -> dict[str, Any]:
    """A fresh copy of one shipped document, to store as a version. Raises KeyError for an unknown slug."""
    if slug not in SHIPPED_SLUGS:
        raise KeyError(slug)
    text = (files("planner.services") / "shipped_protocols" / f"{slug}.json").read_text(encoding="utf-8")
    document: dict[str, Any] = json.loads(text)
    return document


@cache
def shipped_protocol(slug: str) -> Protocol:
    """One shipped protocol, parsed and checked. Raises KeyError for an unknown slug."""
    return parse_protocol(shipped_document(slug))


def shipped_protocols() -> tuple[Protocol, ...]:
    """Every shipped protocol, parsed and checked, in the order to offer them."""
    return tuple(shipped_protocol(slug) for slug in SHIPPED_SLUGS)
