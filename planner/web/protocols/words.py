"""How protocols are said: who signed them, what their windows are, and how well rosters cover them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Protocol

from planner.domain.protocols import IntegrationMode
from planner.domain.protocols import Protocol as Treatment
from planner.domain.windows import Window
from planner.services.protocol_reach import WEEKS, SiteReach
from planner.web.filters import staff_date, staff_day, staff_time
from planner.web.strip import StripModel, window_strip

NOT_ESTABLISHED = "Research supports starting therapy around the next day; the exact hours are not established."
NOT_SIGNED = "not yet signed here"
DAY_NAMES = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MODALITIES = {
    "iv_racemic": "Racemic ketamine, infusion",
    "im_racemic": "Racemic ketamine, injection",
    "esketamine_in": "Esketamine, nasal spray",
    "sl_oral": "Ketamine, lozenge",
    "iv_magnesium": "Magnesium, infusion",
    "iv_nad": "NAD+, infusion",
}
MODES = {
    IntegrationMode.WINDOWED.value: "Windowed: inside the clinic's window after a dose",
    IntegrationMode.WEEKLY.value: "Weekly: within so many days of a dose, tied to no hour",
    IntegrationMode.ROLLING.value: "Rolling: at the start of the next visit",
    IntegrationMode.NONE.value: "None: the protocol has no integration sessions",
}
COUNTED = (
    f"Of all times in the next {WEEKS} weeks at which a dose could start (on the site's grid, while it is open and a "
    "chair and everybody the visit needs are free), this is the share after which at least one therapist is free for "
    "a whole session that starts in the hours named. Doses count up to the end of the last week with a roster."
)


class Signed(Protocol):
    """Anything that says who signed it and when."""

    @property
    def signed_by(self) -> str: ...
    @property
    def signed_at(self) -> datetime | None: ...


def signed_words(row: Signed, zone: str) -> str:
    """“Signed by Dr Test on Mon 2 Nov 2026”, “Shipped with the planner, not yet signed here”."""
    if row.signed_at is None:
        return f"{row.signed_by}, {NOT_SIGNED}" if row.signed_by else NOT_SIGNED.capitalize()
    return f"Signed by {row.signed_by} on {staff_date(row.signed_at, zone)}"


def evidence_words(protocol: Treatment, row: Signed, zone: str) -> str:
    """The clinic's window as its policy, who set it, and how much research stands behind it (clinical.md 1.4)."""
    rule = protocol.integration.window
    if rule is None:
        return f"{mode_words(protocol)} {_set_by(row, zone)}"
    hours = f"{rule.opens_h:g} to {rule.closes_h:g} h after dosing"
    preferred = f"preferred {rule.peak_start_h:g} to {rule.peak_end_h:g} h"
    return f"Clinic window: {hours} ({preferred}). {_set_by(row, zone)} {NOT_ESTABLISHED}"


def _set_by(row: Signed, zone: str) -> str:
    if row.signed_at is None:
        return f"{signed_words(row, zone)}."
    return f"Set by {row.signed_by} on {staff_date(row.signed_at, zone)}."


def mode_words(protocol: Treatment) -> str:
    """How integration follows doses, in one sentence."""
    plan = protocol.integration
    return {
        IntegrationMode.WINDOWED: "A session inside the clinic's window after a dose.",
        IntegrationMode.WEEKLY: f"A session within {plan.closes_days} days of a dose; it is tied to no hour.",
        IntegrationMode.ROLLING: "A session at the start of each next visit.",
        IntegrationMode.NONE: "No integration session belongs to this protocol, so no window is drawn.",
    }[plan.mode]


def modality_words(modality: str) -> str:
    """What is given and how."""
    return MODALITIES.get(modality, modality.replace("_", " "))


def sample_strip(window: Window | None, zone: str) -> StripModel | None:
    """The picture of a window after the sample dose, told without sessions."""
    if window is None:
        return None
    strip = window_strip(
        dose_end=window.anchor_at,
        opens=window.opens_at,
        peak_start=window.peak_starts_at,
        peak_end=window.peak_ends_at,
        closes=window.closes_at,
        cut_short_by=None,
        sessions=(),
        zone=zone,
        late_until=window.tail_ends_at,
    )
    open_words = strip.sentence.removesuffix(" No integration session is booked.")
    if not strip.shows_late:
        return replace(strip, sentence=open_words)
    late = f"{staff_day(window.tail_ends_at, zone)} {staff_time(window.tail_ends_at, zone)}"
    sentence = (
        f"{open_words} Late: after that and until {late} a session needs a recorded reason and is shown as outside "
        "the clinic's usual window."
    )
    return replace(strip, sentence=sentence)


def share_words(part: int, whole: int) -> str:
    """“96%”; whole only when all of them are, and none only when none is."""
    if not whole:
        return "–"
    percent = round(100 * part / whole)
    if percent in (0, 100) and part not in (0, whole):
        percent = 1 if percent == 0 else 99
    return f"{percent}%"


@dataclass(frozen=True, slots=True)
class CoverageLine:
    """One weekday at one site: shares now, and then where something is about to change."""

    day: str
    starts: int
    preferred: str
    in_window: str
    preferred_then: str = ""
    in_window_then: str = ""

    @property
    def changes(self) -> bool:
        """Whether signing would change a share."""
        return (self.preferred, self.in_window) != (self.preferred_then, self.in_window_then)


def coverage_lines(reach: SiteReach) -> list[CoverageLine]:
    """The weekdays on which a dose could start, with the coverage of the first protocol asked about, and the second."""
    first, *others = reach.reaches
    then = {each.weekday: each for each in others[0].weekdays} if others else {}
    now = {each.weekday: each for each in first.weekdays}
    lines = []
    for weekday, day in enumerate(DAY_NAMES):
        before, after = now.get(weekday), then.get(weekday)
        starts = max(before.starts if before else 0, after.starts if after else 0)
        if starts:
            lines.append(CoverageLine(day, starts, *_shares(before), *_shares(after)))
    return lines


def _shares(each: Any) -> tuple[str, str]:
    if each is None:
        return "–", "–"
    return share_words(each.preferred, each.starts), share_words(each.in_window, each.starts)


def sample_words(reaches: Sequence[SiteReach], place: int = 0) -> list[str]:
    """How many session starts are free after the sample dose, site by site."""
    return [
        f"{reach.site.name}: {reach.reaches[place].sample.preferred} free session starts in the preferred time, "
        f"{reach.reaches[place].sample.in_window} in the window at all, counted for each therapist."
        for reach in reaches
    ]
