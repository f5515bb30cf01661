"""How a session is linked to a dose: one shape for windowed and weekly integration, in whole minutes.

Offsets count elapsed minutes from the anchor, which is the end of the dose (or check-out, if the rule says so).
"""

from __future__ import annotations

from dataclasses import dataclass

from planner.domain.protocols import IntegrationMode, IntegrationPlan, Protocol
from planner.domain.windows import UNITS, WindowRule, WindowStatus

_DAY = 1440


@dataclass(frozen=True, slots=True)
class Link:
    """Where a session may start after its dose, and how offsets rank.

    Flat in weekly mode: any start counts the same. `gap` minutes stay free between the session's end and the next
    check-in. `rule` is None in weekly mode, in which no window is drawn.
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
        """Whether every start in the peak ranks the same and nothing ranks better."""
        if self.rule is None:
            return True
        inner = [self.peak_start, self.peak_end]
        inner += [round(hours * 60) for hours, _ in self.rule.knots if self.peak_start < hours * 60 < self.peak_end]
        return all(self.loss(offset) == 0 for offset in inner)

    def last_start(self, cutoff: int | None) -> int | None:
        """The latest offset at which a session may start when it must be over by offset `cutoff`."""
        last = self.closes - (self.minutes if self.contains_end else 0)
        if cutoff is not None:
            last = min(last, cutoff - self.minutes)
        return last if last >= self.opens else None

    def status(self, offset: int) -> WindowStatus | None:
        """The window status of a start at `offset`; None where the protocol draws no window."""
        from datetime import timedelta

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


def link_of(protocol: Protocol) -> Link | None:
    """The link for integration sessions placed after a dose; None when the protocol has none, or rolls them."""
    plan = protocol.integration
    if plan.mode is IntegrationMode.WINDOWED and plan.window is not None:
        rule = plan.window
        return Link(
            minutes=plan.minutes,
            opens=rule.opens_min,
            peak_start=rule.peak_start_min,
            peak_end=rule.peak_end_min,
            closes=rule.closes_min,
            ideal=rule.ideal_min,
            gap=rule.gap_min,
            contains_end=rule.containment == "full",
            anchor=anchor_minutes(protocol),
            rule=rule,
        )
    if plan.mode is IntegrationMode.WEEKLY:
        return _weekly(protocol, plan)
    return None


def _weekly(protocol: Protocol, plan: IntegrationPlan) -> Link:
    """Any time from the patient's discharge until the week is over; nothing preferred but an early day."""
    opens = protocol.visit.discharge_min - protocol.visit.dose_ends_min
    closes = plan.closes_days * _DAY
    return Link(
        minutes=plan.minutes,
        opens=opens,
        peak_start=opens,
        peak_end=closes,
        closes=closes,
        ideal=_DAY,
        gap=0,
        contains_end=False,
        anchor=protocol.visit.dose_ends_min,
        rule=None,
    )


def needs_session(protocol: Protocol, dose: int) -> bool:
    """Whether an integration session follows dose number `dose` (1 is the first)."""
    plan = protocol.integration
    if plan.mode is IntegrationMode.NONE or plan.every <= 0:
        return False
    if plan.mode is IntegrationMode.ROLLING:
        return dose < len(protocol.firm_doses)
    return dose % plan.every == 0
