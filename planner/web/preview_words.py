"""One line of a preview in words, the same wherever a change is shown before it is made."""

from __future__ import annotations

from planner.services.reading.previews import LineFacts, SlotFacts
from planner.web.filters import staff_span


def line_words(line: LineFacts, zone: str) -> dict[str, str]:
    """What a row of the table says: what it is about, now, then, and a remark. Times in `zone`."""
    before, after = line.before, line.after
    return {
        "what": line.what,
        "before": "" if before is None else _slot(before, zone, None),
        "after": line.outcome or ("" if after is None else _slot(after, zone, before)),
        "note": line.note,
        "tone": line.tone,
    }


def _slot(slot: SlotFacts, zone: str, like: SlotFacts | None) -> str:
    """Day, times and place; the place is left out where it stays."""
    where = slot.where if like is None or like.where != slot.where else ""
    return ", ".join(part for part in (staff_span(slot.starts_at, slot.ends_at, zone), where) if part)
