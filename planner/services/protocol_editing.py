"""What somebody typed into a protocol's pages, as the document it would become."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from planner.domain.protocol_editing import (
    TypedIntegration,
    TypedNumber,
    with_integration,
    with_typed_numbers,
)
from planner.domain.protocol_numbers import Document, Number, is_number, numbers_of, part_of, with_numbers
from planner.domain.protocol_parsing import parse_protocol
from planner.services.shipped import SHIPPED_SLUGS, shipped_document
from planner.store.queries.protocols import Standing

WINDOW_PAGE = ("integration.minutes", "integration.every", "integration.after_doses", "integration.closes_days")
"""Numbers that the window page asks for, besides the window's own hours."""


def numbers_to_edit(document: Mapping[str, Any]) -> tuple[Number, ...]:
    """Every number of a document that the window page does not ask for."""
    return tuple(number for number in numbers_of(document) if not _on_window_page(number))


def edited_numbers(stands: Standing, typed: Mapping[str, TypedNumber], otherwise: str) -> Document:
    """The working document with these numbers. Raises ProtocolInvalid with every fault at its dotted path."""
    allowed = {number.path for number in numbers_to_edit(stands.working)}
    document = with_typed_numbers(
        stands.working,
        {path: entry for path, entry in typed.items() if path in allowed},
        otherwise,
        signed=stands.document,
    )
    parse_protocol(document)
    return document


def edited_integration(stands: Standing, typed: TypedIntegration, source: str) -> Document:
    """The working document with another integration policy. Raises ProtocolInvalid as `edited_numbers` does."""
    document = with_integration(
        stands.working,
        typed,
        source=source,
        policy=f"{stands.slug}-{stands.number + 1}",
        pattern=integration_to_begin_from(stands.document),
    )
    document = _as_signed(document, stands.document)
    parse_protocol(document)
    return document


def _as_signed(document: Document, signed: Mapping[str, Any]) -> Document:
    """The document with the signed number, source included, wherever the integration policy came back to its value."""
    same = {
        number.path: old
        for number in numbers_of(document)
        if number.path.startswith("integration.")
        and is_number(old := part_of(signed, number.path))
        and (old["value"], old["unit"]) == (number.value, number.unit)
    }
    document = with_numbers(document, same)
    window, before = document["integration"].get("window"), signed["integration"].get("window")
    if window and before and window | {"id": before["id"]} == before:
        window["id"] = before["id"]
    return document


def integration_to_begin_from(document: Mapping[str, Any]) -> dict[str, Any]:
    """What a draft's policy begins from where it lacks a number: the signed `document`'s, else a shipped one's.

    The shipped one has a window, and is of the same modality if there is one such.
    """
    shipped = [shipped_document(slug) for slug in SHIPPED_SLUGS]
    windowed = [each for each in shipped if each["integration"].get("window")]
    alike = [each for each in windowed if each["modality"] == document["modality"]]
    found: dict[str, Any] = (alike or windowed)[0]["integration"] | document["integration"]
    return found


def _on_window_page(number: Number) -> bool:
    if number.path in WINDOW_PAGE:
        return True
    if not number.path.startswith("integration.window."):
        return False
    return not number.path.endswith((".ideal_offset_h", ".preference"))
