"""The picture of one integration window: where it opens, is preferred, closes, and what lies in it.

The window is elapsed time from the end of a dose, so the axis is elapsed time too; the labels are wall time at
the site. A day on which the clocks change is therefore drawn 23 or 25 hours wide, and nothing else moves.

`window_strip` returns numbers and words only; `components/timeline.html` draws them, wide as SVG and narrow as
one row a day. Positions are per cent of the picture's width.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from planner.web.filters import short_day_words, staff_day, staff_span, staff_time, to_zone, weekday_time
from planner.web.strip_model import (
    PLAIN_HEIGHT,
    TALL_HEIGHT,
    Band,
    Block,
    Edge,
    StripDay,
    StripModel,
    StripSession,
    Tick,
)

__all__ = ["StripModel", "StripSession", "window_strip"]

# Air around what is drawn, so that no block or label touches the edge of the picture.
LEAD_IN = timedelta(hours=5)
LEAD_OUT = timedelta(hours=5)
# Only the end of a dose counts here, so its block has one width whatever the protocol.
DOSE_BLOCK = timedelta(hours=2)
# Below these shares of the width, two labels inside a band would meet, so they are set outside it or joined.
NARROW_WINDOW = 34.0
NARROW_PEAK = 24.0
DAY_LABEL_ROOM = 8.0
LATE_DAY_LABEL_ROOM = 11.5


@dataclass(frozen=True)
class _Window:
    """The window as it stands after any cut, on one site's clock."""

    dose_end: datetime
    opens: datetime
    closes: datetime
    peak: tuple[datetime, datetime] | None
    cut_short_by: str | None
    sessions: tuple[StripSession, ...]
    next_dose: datetime | None
    late_until: datetime | None
    zone: str

    @property
    def is_open(self) -> bool:
        return self.opens < self.closes

    @property
    def late(self) -> tuple[datetime, datetime] | None:
        """From the close to where a session stops counting as late; None when that is not drawn or nothing is left."""
        if self.late_until is None or self.late_until <= self.closes:
            return None
        return max(self.opens, self.closes), self.late_until

    def holds(self, session: StripSession) -> bool:
        if session.fits is not None:
            return session.fits
        return self.opens <= session.starts_at and session.ends_at <= self.closes


@dataclass(frozen=True)
class _Axis:
    begins: datetime
    ends: datetime

    def at(self, instant: datetime) -> float:
        """Per cent of the width, kept inside the picture."""
        share = (instant - self.begins) / (self.ends - self.begins) * 100
        return round(min(max(share, 0.0), 100.0), 3)


def window_strip(
    dose_end: datetime,
    opens: datetime,
    peak_start: datetime | None,
    peak_end: datetime | None,
    closes: datetime,
    cut_short_by: str | None,
    sessions: Sequence[StripSession],
    zone: str,
    next_dose: datetime | None = None,
    late_until: datetime | None = None,
) -> StripModel:
    """The picture and the sentence of one window, for a site in `zone`.

    All instants are aware. `closes` is where the window really closes; when something cuts it short,
    `cut_short_by` names it ("infusion 3") and `next_dose` may give its check-in, to be drawn. The preferred part
    is clipped to the window; without one, or when the cut leaves none of it, the sentence says so. With `late_until`
    the picture goes on to there: a session after the close is late, and needs a recorded reason. Raises `ValueError`
    for a naive instant or an unknown zone.
    """
    window = _Window(
        dose_end=_utc(dose_end),
        opens=_utc(opens),
        closes=_utc(closes),
        peak=_clipped_peak(peak_start, peak_end, _utc(opens), _utc(closes)),
        cut_short_by=cut_short_by,
        sessions=tuple(sorted(map(_utc_session, sessions), key=lambda session: session.starts_at)),
        next_dose=None if next_dose is None else _utc(next_dose),
        late_until=None if late_until is None else _utc(late_until),
        zone=zone,
    )
    had_peak = peak_start is not None and peak_end is not None
    axis = _axis_of(window)
    return StripModel(
        title=f"Window after the dose that ends {staff_day(dose_end, zone)} {staff_time(dose_end, zone)}",
        sentence=_sentence(window, had_peak),
        bands=_bands(window, axis),
        ticks=_ticks(axis, zone, LATE_DAY_LABEL_ROOM if window.late else DAY_LABEL_ROOM),
        edges=_edges(window, axis),
        blocks=_blocks(window, axis),
        days=_days(window),
        height=TALL_HEIGHT if window.late else PLAIN_HEIGHT,
    )


def _utc(instant: datetime) -> datetime:
    """The same instant in UTC: two times on one zone's clock would otherwise be subtracted as wall times."""
    return to_zone(instant, "UTC").astimezone(UTC)


def _utc_session(session: StripSession) -> StripSession:
    return StripSession(_utc(session.starts_at), _utc(session.ends_at), session.fits)


def _clipped_peak(
    start: datetime | None, end: datetime | None, opens: datetime, closes: datetime
) -> tuple[datetime, datetime] | None:
    if start is None or end is None:
        return None
    begin, finish = max(_utc(start), opens), min(_utc(end), closes)
    return (begin, finish) if begin < finish else None


def _axis_of(window: _Window) -> _Axis:
    last = [window.opens, window.closes, *(session.ends_at for session in window.sessions)]
    first = [window.dose_end, *(session.starts_at for session in window.sessions)]
    if window.next_dose is not None:
        last.append(window.next_dose + DOSE_BLOCK)
    if window.late:
        last.append(window.late[1])
    return _Axis(min(first) - LEAD_IN, max(last) + LEAD_OUT)


def _sentence(window: _Window, had_peak: bool) -> str:
    cut = f" (cut short by {window.cut_short_by})" if window.cut_short_by else ""
    if not window.is_open:
        return f"No clinic window is left{cut}. {_session_words(window)}"
    span = staff_span(window.opens, window.closes, window.zone)
    parts = [f"Clinic window open {span}{cut}."]
    if window.peak:
        start, end = window.peak
        parts.append(f"Preferred {weekday_time(start, window.zone)} to {weekday_time(end, window.zone)}.")
    elif had_peak:
        parts.append("None of the preferred time is left.")
    parts.append(_session_words(window))
    return " ".join(parts)


def _session_words(window: _Window) -> str:
    total = len(window.sessions)
    if not total:
        return "No integration session is booked."
    inside = sum(window.holds(session) for session in window.sessions)
    noun = "integration session" if total == 1 else "integration sessions"
    verb = "is" if 1 in (inside, total) else "are"
    return f"{inside} of {total} {noun} {verb} inside."


def _bands(window: _Window, axis: _Axis) -> tuple[Band, ...]:
    spans = [("open", window.opens, window.closes)] if window.is_open else []
    if window.late:
        spans.append(("late", *window.late))
    if window.peak:
        spans.append(("best", *window.peak))
    return tuple(Band(tone, axis.at(start), round(axis.at(end) - axis.at(start), 3)) for tone, start, end in spans)


def _midnights(begins: datetime, ends: datetime, zone: str) -> list[datetime]:
    """Local midnights within [begins, ends], found by date so that days of 23 and 25 hours come out right."""
    day = to_zone(begins, zone).date() + timedelta(days=1)
    found = []
    while (midnight := _start_of_day(day, zone)) <= ends:
        found.append(midnight)
        day += timedelta(days=1)
    return found


def _start_of_day(day: date, zone: str) -> datetime:
    """The first instant of a local day; going through UTC also serves zones whose clocks skip midnight."""
    return datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone)).astimezone(UTC)


def _ticks(axis: _Axis, zone: str, room: float) -> tuple[Tick, ...]:
    places = [(0.0, axis.begins)]
    places += [(axis.at(midnight), midnight) for midnight in _midnights(axis.begins, axis.ends, zone)]
    labelled, limit = set(), 100.0
    for x, _ in reversed(places):
        if limit - x >= room:
            labelled.add(x)
            limit = x
    return tuple(Tick(x, x, staff_day(instant, zone) if x in labelled else "") for x, instant in places)


def _edges(window: _Window, axis: _Axis) -> tuple[Edge, ...]:
    edges = [_dose_edge(window, axis)]
    if window.is_open:
        edges += _window_edges(window, axis)
    if window.peak:
        edges += _peak_edges(window.peak, window.zone, axis, lower=window.late is not None)
    if window.late:
        ends = axis.at(window.late[1])
        words = f"late until {weekday_time(window.late[1], window.zone)}"
        edges.append(Edge("late", ends, ends, words, "end", -4, 40, 98, 95))
    return tuple(edges)


def _dose_edge(window: _Window, axis: _Axis) -> Edge:
    words = f"dose ends {staff_time(window.dose_end, window.zone)}"
    block_starts = axis.at(window.dose_end - DOSE_BLOCK)
    return Edge("dose", axis.at(window.dose_end), block_starts, words, "start", 0, 40, 82, 95)


def _window_edges(window: _Window, axis: _Axis) -> list[Edge]:
    start, end = axis.at(window.opens), axis.at(window.closes)
    late = window.late is not None
    inward = not late and end - start >= NARROW_WINDOW
    opens, closes = staff_time(window.opens, window.zone), staff_time(window.closes, window.zone)
    left = ("start", 4) if inward or late else ("end", -4)
    right = ("end", -4) if inward else ("start", 4)
    return [
        Edge("open", start, start, f"opens {opens}", left[0], left[1], 24, 76, 33),
        Edge("shut", end, end, f"closes {closes}", right[0], right[1], 24, 76, 33),
    ]


def _peak_edges(peak: tuple[datetime, datetime], zone: str, axis: _Axis, *, lower: bool) -> list[Edge]:
    start, end = (axis.at(instant) for instant in peak)
    opens, closes = (staff_time(instant, zone) for instant in peak)
    bottom, text_y = (114, 111) if lower else (98, 95)
    if not lower and end - start >= NARROW_PEAK:
        return [
            Edge("best", start, start, f"preferred {opens}", "start", 4, 40, bottom, text_y),
            Edge("best", end, end, f"to {closes}", "end", -4, 40, bottom, text_y),
        ]
    return [
        Edge("best", start, start, f"preferred {opens} to {closes}", "start", 4, 40, bottom, text_y),
        Edge("best", end, end, "", "end", -4, 40, 76, text_y),
    ]


def _blocks(window: _Window, axis: _Axis) -> tuple[Block, ...]:
    spans = [("D", "dose", window.dose_end - DOSE_BLOCK, window.dose_end)]
    if window.next_dose is not None:
        spans.append(("D", "dose", window.next_dose, window.next_dose + DOSE_BLOCK))
    spans += [("T", "integ", session.starts_at, session.ends_at) for session in window.sessions]
    return tuple(
        Block(letter, tone, axis.at(start), round(axis.at(end) - axis.at(start), 3))
        for letter, tone, start, end in spans
    )


def _days(window: _Window) -> tuple[StripDay, ...]:
    """One row for each local day from the dose to the close, the end of the late time or the last session."""
    ends = [window.dose_end, window.closes, *(session.ends_at for session in window.sessions)]
    starts = [window.dose_end, *(session.starts_at for session in window.sessions)]
    if window.next_dose is not None:
        ends.append(window.next_dose)
    if window.late:
        ends.append(window.late[1])
    first, last = min(starts), max(ends)
    bounds = [first, *_midnights(first, last, window.zone)]
    bounds.append(max(last, bounds[-1]) + timedelta(minutes=1))
    return tuple(_day_row(window, start, end) for start, end in pairwise(bounds))


def _day_row(window: _Window, start: datetime, end: datetime) -> StripDay:
    lines = [words for instant, words in sorted(_happenings(window)) if start <= instant < end]
    return StripDay(
        tone=_day_tone(window, start, end),
        words=short_day_words(to_zone(start, window.zone)),
        lines=tuple(lines) or (_quiet_day_words(window, start),),
    )


def _day_tone(window: _Window, start: datetime, end: datetime) -> str:
    if window.peak and window.peak[0] < end and start < window.peak[1]:
        return "best"
    if start <= window.dose_end < end:
        return "dose"
    if window.is_open and window.opens < end and start < window.closes:
        return "open"
    return "late" if window.late and window.late[0] < end and start < window.late[1] else "none"


def _quiet_day_words(window: _Window, instant: datetime) -> str:
    if window.peak and window.peak[0] <= instant < window.peak[1]:
        return "Preferred all day"
    if window.is_open and window.opens <= instant < window.closes:
        return "Open all day"
    return "Late all day" if window.late and window.late[0] <= instant < window.late[1] else "Not open"


def _happenings(window: _Window) -> list[tuple[datetime, str]]:
    """Everything that has a time, each with its words, for the narrow form."""
    zone = window.zone
    found = [(window.dose_end, f"D  Dose ends {staff_time(window.dose_end, zone)}")]
    if window.is_open:
        cut = f" ({window.cut_short_by})" if window.cut_short_by else ""
        late = ", late after that" if window.late else ""
        found.append((window.opens, f"Opens {staff_time(window.opens, zone)}"))
        found.append((window.closes, f"Closes {staff_time(window.closes, zone)}{cut}{late}"))
    if window.late:
        found.append((window.late[1], f"Late until {staff_time(window.late[1], zone)}"))
    if window.peak:
        found.append((window.peak[0], f"Preferred from {staff_time(window.peak[0], zone)}"))
        found.append((window.peak[1], f"Preferred until {staff_time(window.peak[1], zone)}"))
    if window.next_dose is not None:
        found.append((window.next_dose, f"D  Next dose {staff_time(window.next_dose, zone)}"))
    for session in window.sessions:
        verdict = "" if window.holds(session) else ", outside the window"
        times = f"{staff_time(session.starts_at, zone)} to {staff_time(session.ends_at, zone)}"
        found.append((session.starts_at, f"T  Integration session {times}{verdict}"))
    return found
