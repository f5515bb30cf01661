"""When an integration session may follow a dose: the clinic's rule, and that rule after one dose.

A window is clinic policy, not biology: no trial has randomised the hour of therapy after ketamine. Its
hours are therefore data with a source (see the shipped protocols), and this module only knows how to read
them. All offsets are elapsed hours from the anchor, so a clock change moves the wall-clock edges.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from itertools import pairwise
from typing import Literal

from planner.domain.protocol_errors import ProtocolInvalid

UNITS = 10_000
"""Preference units in a preference of 1.0: fine enough to tell 48 h from 48 h 20 min, and whole."""

LATEST_HOUR = 336
"""Guard rail on every window hour (14 days): the clinic's sheet allows 0 <= opens ... <= tail end <= 336."""

Containment = Literal["start_only", "full"]
Anchor = Literal["dose_end", "check_out"]
Knot = tuple[float, float]


class WindowStatus(StrEnum):
    """Where an integration session starts in the window; IN_WINDOW_* and PEAK book without a reason."""

    TOO_EARLY = "too_early"
    IN_WINDOW_EARLY = "in_window_early"
    PEAK = "peak"
    IN_WINDOW_LATE = "in_window_late"
    LATE = "late"
    OUT = "out"

    @property
    def in_window(self) -> bool:
        """True from opening to closing, both included."""
        return self in (WindowStatus.IN_WINDOW_EARLY, WindowStatus.PEAK, WindowStatus.IN_WINDOW_LATE)


@dataclass(frozen=True, slots=True)
class WindowRule:
    """A protocol's window policy, in elapsed hours after the anchor.

    `knots` are (hours, preference 0..1) pairs; preference is linear between them and 0 outside. The
    preference only ranks free slots and is never shown to patients. `source` and `strength` say where the
    hours come from and how strong that is. Raises ProtocolInvalid naming each field at fault.
    """

    id: str
    opens_h: float
    peak_start_h: float
    peak_end_h: float
    closes_h: float
    tail_end_h: float
    knots: tuple[Knot, ...]
    containment: Containment
    ideal_offset_h: float
    min_gap_before_next_dose_h: float
    anchor: Anchor
    source: str
    strength: str

    def __post_init__(self) -> None:
        # Each check leans on the one before: unordered edges would blame knots that are in order.
        problems = list(_hour_problems(self)) or list(_order_problems(self)) or list(_knot_problems(self))
        problems += _word_problems(self)
        if problems:
            raise ProtocolInvalid(problems)

    def status(self, offset: timedelta) -> WindowStatus:
        """The status of a start `offset` after the anchor.

        Every edge counts as inside what it bounds: opening is open, peak start and peak end are PEAK, closing
        is IN_WINDOW_LATE, the end of the tail is LATE.
        """
        if offset < timedelta(minutes=self.opens_min):
            return WindowStatus.TOO_EARLY
        if offset < timedelta(minutes=self.peak_start_min):
            return WindowStatus.IN_WINDOW_EARLY
        if offset <= timedelta(minutes=self.peak_end_min):
            return WindowStatus.PEAK
        if offset <= timedelta(minutes=self.closes_min):
            return WindowStatus.IN_WINDOW_LATE
        if offset <= timedelta(minutes=self.tail_end_min):
            return WindowStatus.LATE
        return WindowStatus.OUT

    def preference(self, offset: timedelta) -> float:
        """How much the clinic prefers a start `offset` after the anchor, 0..1."""
        hours = offset / timedelta(hours=1)
        for (left, low), (right, high) in pairwise(self.knots):
            if left <= hours < right:
                return low + (high - low) * (hours - left) / (right - left)
        last_hours, last_preference = self.knots[-1]
        return last_preference if hours == last_hours else 0.0

    def preference_units(self, offset_min: int) -> int:
        """The same preference as a whole number of 1/UNITS, rounded half up, for ranking without floats."""
        knots = _whole_knots(self.knots)
        for (left, low), (right, high) in pairwise(knots):
            if left <= offset_min < right:
                span = right - left
                scaled = low * span + (high - low) * (offset_min - left)
                return (2 * scaled + span) // (2 * span)
        last_min, last_units = knots[-1]
        return last_units if offset_min == last_min else 0

    @property
    def opens_min(self) -> int:
        """Opening, in whole minutes after the anchor."""
        return _minutes(self.opens_h)

    @property
    def peak_start_min(self) -> int:
        """Start of the preferred hours, in whole minutes after the anchor."""
        return _minutes(self.peak_start_h)

    @property
    def peak_end_min(self) -> int:
        """End of the preferred hours, in whole minutes after the anchor."""
        return _minutes(self.peak_end_h)

    @property
    def closes_min(self) -> int:
        """Closing, in whole minutes after the anchor."""
        return _minutes(self.closes_h)

    @property
    def tail_end_min(self) -> int:
        """Last minute a late session may still be linked to the dose, after the anchor."""
        return _minutes(self.tail_end_h)

    @property
    def ideal_min(self) -> int:
        """The tie-breaker's offset, in whole minutes after the anchor."""
        return _minutes(self.ideal_offset_h)

    @property
    def gap_min(self) -> int:
        """Minutes to keep free between the integration session's end and the next dosing check-in."""
        return _minutes(self.min_gap_before_next_dose_h)


@dataclass(frozen=True, slots=True)
class Window:
    """A rule after one dose. `anchor_at` is the real dose end once recorded, else the planned one.

    Instants are aware and kept in UTC, so that sums are elapsed time whatever the clinic's clocks do.
    Raises ValueError for a naive instant.
    """

    anchor_at: datetime
    rule: WindowRule
    next_check_in_at: datetime | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "anchor_at", _utc(self.anchor_at))
        if self.next_check_in_at is not None:
            object.__setattr__(self, "next_check_in_at", _utc(self.next_check_in_at))

    @property
    def opens_at(self) -> datetime:
        """First instant an integration session may start (UTC)."""
        return self._after(self.rule.opens_min)

    @property
    def peak_starts_at(self) -> datetime:
        """First preferred instant (UTC)."""
        return self._after(self.rule.peak_start_min)

    @property
    def peak_ends_at(self) -> datetime:
        """Last preferred instant (UTC)."""
        return self._after(self.rule.peak_end_min)

    @property
    def closes_at(self) -> datetime:
        """Last instant an integration session may start without a reason (UTC)."""
        return self._after(self.rule.closes_min)

    @property
    def tail_ends_at(self) -> datetime:
        """Last instant an integration session can still be linked to this dose (UTC)."""
        return self._after(self.rule.tail_end_min)

    @property
    def must_end_by(self) -> datetime | None:
        """When the integration session has to be over: the next dosing check-in less the rule's gap (UTC)."""
        if self.next_check_in_at is None:
            return None
        return self.next_check_in_at - timedelta(minutes=self.rule.gap_min)

    @property
    def cut_short(self) -> bool:
        """True when the next dose ends the usable interval before the window closes."""
        limit = self.must_end_by
        return limit is not None and limit < self.closes_at

    def offset_of(self, starts_at: datetime) -> timedelta:
        """Elapsed time from the anchor to `starts_at`; negative before it."""
        return _utc(starts_at) - self.anchor_at

    def status_of(self, starts_at: datetime) -> WindowStatus:
        """The status of an integration session starting then. The next dose plays no part: see `fits`."""
        return self.rule.status(self.offset_of(starts_at))

    def fits(self, starts_at: datetime, ends_at: datetime) -> bool:
        """Whether an integration session may be booked then without a reason.

        It starts in [opens, closes], with `full` containment it also ends by closing, and it is over by
        `must_end_by` if there is a next dose. Raises ValueError for a naive instant or an end before the
        start.
        """
        starts_at, ends_at = _utc(starts_at), _utc(ends_at)
        if ends_at < starts_at:
            raise ValueError("An integration session cannot end before it starts.")
        if not self.opens_at <= starts_at <= self.closes_at:
            return False
        if self.rule.containment == "full" and ends_at > self.closes_at:
            return False
        limit = self.must_end_by
        return limit is None or ends_at <= limit

    def _after(self, minutes: int) -> datetime:
        return self.anchor_at + timedelta(minutes=minutes)


def _utc(instant: datetime) -> datetime:
    if instant.utcoffset() is None:
        raise ValueError("A window needs an instant with its time zone, not a bare wall time.")
    return instant.astimezone(UTC)


def _minutes(hours: float) -> int:
    return round(hours * 60)


@lru_cache(maxsize=256)
def _whole_knots(knots: tuple[Knot, ...]) -> tuple[tuple[int, int], ...]:
    return tuple((_minutes(hours), round(preference * UNITS)) for hours, preference in knots)


_HOURS_IN_ORDER = ("opens_h", "peak_start_h", "peak_end_h", "closes_h", "tail_end_h")
_WORDS = {
    "opens_h": "opening",
    "peak_start_h": "the start of the preferred time",
    "peak_end_h": "the end of the preferred time",
    "closes_h": "closing",
    "tail_end_h": "the end of the late time",
}


def _hour_problems(rule: WindowRule) -> Iterator[tuple[str, str]]:
    for name in (*_HOURS_IN_ORDER, "ideal_offset_h", "min_gap_before_next_dose_h"):
        sentence = _hour_problem(getattr(rule, name))
        if sentence:
            yield name, sentence
    for index, (hours, _) in enumerate(rule.knots):
        sentence = _hour_problem(hours)
        if sentence:
            yield f"knots.{index}.hours", sentence


def _hour_problem(hours: float) -> str | None:
    if not math.isfinite(hours) or not 0 <= hours <= LATEST_HOUR:
        return f"Hours must lie between 0 and {LATEST_HOUR}."
    if abs(hours * 60 - _minutes(hours)) > 1e-6:
        return "Hours must come to a whole number of minutes."
    return None


def _order_problems(rule: WindowRule) -> Iterator[tuple[str, str]]:
    for earlier, later in pairwise(_HOURS_IN_ORDER):
        if getattr(rule, later) < getattr(rule, earlier):
            yield later, f"{_WORDS[later].capitalize()} cannot come before {_WORDS[earlier]}."


def _knot_problems(rule: WindowRule) -> Iterator[tuple[str, str]]:
    if len(rule.knots) < 2:
        yield "knots", "A preference curve needs at least two knots."
    for index, (hours, preference) in enumerate(rule.knots):
        if not (math.isfinite(preference) and 0 <= preference <= 1):
            yield f"knots.{index}.preference", "A preference must lie between 0 and 1."
        if not rule.opens_h <= hours <= rule.tail_end_h:
            yield f"knots.{index}.hours", "A knot must lie between opening and the end of the late time."
        if index and hours <= rule.knots[index - 1][0]:
            yield f"knots.{index}.hours", "Knots must be in order: each at a later hour than the one before."


def _word_problems(rule: WindowRule) -> Iterator[tuple[str, str]]:
    if not rule.id.strip():
        yield "id", "A window rule needs a name for its version."
    if rule.containment not in ("start_only", "full"):
        yield "containment", "Containment is either start_only or full."
    if rule.anchor not in ("dose_end", "check_out"):
        yield "anchor", "The anchor is either dose_end or check_out."
    for name in ("source", "strength"):
        if not getattr(rule, name).strip():
            yield name, f"A window rule needs its {name}."
