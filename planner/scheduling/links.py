"""How a session is linked to a dose: one shape for windowed and weekly integration, in whole minutes.

Offsets count elapsed minutes from the anchor, which is the end of the dose (or check-out, if the rule says so).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from planner.domain.protocols import IntegrationMode, IntegrationPlan, Protocol
from planner.domain.windows import UNITS, WindowRule, WindowStatus
from planner.scheduling.breaks import Breaks

_DAY = 1440


@dataclass(frozen=True, slots=True)
class Link:
    """Where a session may start after its dose, and how offsets rank.

    Flat in weekly mode: any start counts the same. `opens` is never before the patient has left. `gap` minutes stay
    free between the session's end and the next check-in. `rule` is None in weekly mode, in which no window is drawn.
    """

    minutes: int
    opens: int
    peak_start: int
    peak_end: int
    closes: int
    ideal: int
    gap: int
    contains_end: bool
    anchor: int
    rule: WindowRule | None

    def loss(self, offset: int) -> int:
        """How much worse than the best a start at `offset` is, in 1/10,000 of the clinic's preference."""
        if self.rule is None:
            return 0
        return UNITS - self.rule.preference_units(offset)

    @property
    def flat_peak(self) -> bool:
        """Whether every start in the peak ranks the same and every start outside it ranks worse."""
        if self.rule is None:
            return True
        knots = [round(hours * 60) for hours, _ in self.rule.knots]
        inner = [self.peak_start, self.peak_end, *(k for k in knots if self.peak_start < k < self.peak_end)]
        outer = [self.peak_start - 1, self.peak_end + 1, *(k for k in knots if k not in inner)]
        return all(self.loss(k) == 0 for k in inner) and all(self.loss(k) > 0 for k in outer if self._usable(k))

    def _usable(self, offset: int) -> bool:
        return self.opens <= offset <= self.closes

    def last_start(self, cutoff: int | None) -> int | None:
        """The latest offset at which a session may start when it must be over by offset `cutoff`."""
        last = self.closes - (self.minutes if self.contains_end else 0)
        if cutoff is not None:
            last = min(last, cutoff - self.minutes)
        return last if last >= self.opens else None

    def status(self, offset: int) -> WindowStatus | None:
        """The window status of a start at `offset`; None where the protocol draws no window."""
        return None if self.rule is None else self.rule.status(timedelta(minutes=offset))

    def fits(self, offset: int, cutoff: int | None) -> bool:
        """Whether a session starting at `offset` is inside the window and over by offset `cutoff`."""
        last = self.last_start(cutoff)
        return last is not None and self.opens <= offset <= last


def anchor_minutes(protocol: Protocol) -> int:
    """Minutes from check-in to the anchor of a dose that runs as planned."""
    rule = protocol.integration.window
    if rule is not None and rule.anchor == "check_out":
        return protocol.visit.discharge_min
    return protocol.visit.dose_ends_min


def link_of(protocol: Protocol, breaks: Breaks | None = None) -> Link | None:
    """The link for integration sessions placed after a dose; None when the protocol has none, or rolls them.

    With `breaks` no session starts before the patient has left and everything it could share is free again, and it
    ends early enough before the next check-in for the same reason.
    """
    plan = protocol.integration
    leaves = protocol.visit.discharge_min if breaks is None else breaks.visit_to_session
    opens = max(leaves - anchor_minutes(protocol), 0)
    gap = 0 if breaks is None else breaks.session_to_visit
    if plan.mode is IntegrationMode.WINDOWED and plan.window is not None:
        return _windowed(plan.window, plan.minutes, anchor_minutes(protocol), opens, gap)
    if plan.mode is IntegrationMode.WEEKLY:
        return _weekly(protocol, plan, opens, gap)
    return None


def _windowed(rule: WindowRule, minutes: int, anchor: int, opens: int, gap: int) -> Link:
    return Link(
        minutes=minutes,
        opens=max(rule.opens_min, opens),
        peak_start=max(rule.peak_start_min, opens),
        peak_end=rule.peak_end_min,
        closes=rule.closes_min,
        ideal=rule.ideal_min,
        gap=max(rule.gap_min, gap),
        contains_end=rule.containment == "full",
        anchor=anchor,
        rule=rule,
    )


def _weekly(protocol: Protocol, plan: IntegrationPlan, opens: int, gap: int) -> Link:
    """Any time from the patient's discharge until the week is over; nothing preferred but an early day."""
    closes = plan.closes_days * _DAY
    return Link(
        minutes=plan.minutes,
        opens=opens,
        peak_start=opens,
        peak_end=closes,
        closes=closes,
        ideal=_DAY,
        gap=gap,
        contains_end=False,
        anchor=protocol.visit.dose_ends_min,
        rule=None,
    )


def needs_session(protocol: Protocol, dose: int) -> bool:
    """Whether an integration session follows dose number `dose` (1 is the first)."""
    plan = protocol.integration
    if plan.mode is IntegrationMode.NONE:
        return False
    if plan.mode is IntegrationMode.ROLLING:
        return dose < len(protocol.firm_doses)
    return plan.follows(dose)
