"""The days after a treatment on which the clinic likes to talk, told without a single hour of biology (ui.md 12)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy.orm import Session

from planner.domain.protocols import Protocol
from planner.domain.statuses import COUNTING, AppointmentKind
from planner.domain.walltime import local_day
from planner.domain.windows import Window
from planner.scheduling.links import anchor_minutes
from planner.store.queries.appointments import AppointmentRow
from planner.store.queries.portal import open_spans, protocol_of_course

BEST: Final = "best"
GOOD: Final = "good"
TREATMENT: Final = "treatment"
NONE: Final = "none"
#: A shorter piece of a day is not worth a line.
_SHORTEST: Final = timedelta(minutes=30)


@dataclass(frozen=True, slots=True)
class TalkSpan:
    """A piece of a day on which a session may start: `tone` best or good, `whole` when it is all of the opening hours.

    `late` marks what comes after the best time. `session` is the patient's own session that starts in it. For the
    treatment's own line and for a session outside these times, `tone` is treatment or none.
    """

    tone: str
    starts_at: datetime
    ends_at: datetime
    from_opening: bool = True
    to_closing: bool = True
    late: bool = False
    session: AppointmentRow | None = None


@dataclass(frozen=True, slots=True)
class TalkDays:
    """A treatment and the pieces of days after it, in order."""

    treatment: AppointmentRow
    spans: tuple[TalkSpan, ...]


def talk_days(db: Session, rows: Sequence[AppointmentRow], now: datetime) -> TalkDays | None:
    """The days to talk after the running treatment, else after the next one.

    `rows` are all of a patient's dates. None when there is no treatment ahead, or its protocol ties no session to days.
    """
    doses = [row for row in rows if row.kind is AppointmentKind.INFUSION and row.status in COUNTING]
    for number, dose in enumerate(doses):
        if dose.course_id is None or dose.ends_at < now - timedelta(days=14):
            continue
        following = next((row for row in doses[number + 1 :] if row.course_id == dose.course_id), None)
        protocol = protocol_of_course(db, dose.course_id)
        window = _window(dose, protocol, following)
        if window is None:
            return None
        last_start = _last_start(window, protocol)
        if last_start > now:
            return TalkDays(dose, tuple(_spans(db, rows, dose, window, last_start)))
    return None


def _window(dose: AppointmentRow, protocol: Protocol, following: AppointmentRow | None) -> Window | None:
    rule = protocol.integration.window
    if rule is None:
        return None
    anchor = dose.dose_ended_at or dose.starts_at + timedelta(minutes=anchor_minutes(protocol))
    return Window(anchor, rule, following.starts_at if following else None)


def _last_start(window: Window, protocol: Protocol) -> datetime:
    limit = window.must_end_by
    session = timedelta(minutes=protocol.integration.minutes)
    return window.closes_at if limit is None else min(window.closes_at, limit - session)


def _spans(
    db: Session, rows: Sequence[AppointmentRow], dose: AppointmentRow, window: Window, last_start: datetime
) -> Iterable[TalkSpan]:
    sessions = [
        row
        for row in rows
        if row.kind is AppointmentKind.INTEGRATION and row.status in COUNTING and row.serves_id == dose.id
    ]
    pieces = list(_pieces(db, dose, window, last_start))
    told = {session.id: _piece_of(pieces, session) for session in sessions}
    found = [TalkSpan(TREATMENT, dose.starts_at, dose.ends_at)]
    for piece in pieces:
        own = next((session for session in sessions if told[session.id] is piece), None)
        found.append(
            TalkSpan(piece.tone, piece.starts_at, piece.ends_at, piece.from_opening, piece.to_closing, piece.late, own)
        )
    found += [TalkSpan(NONE, s.starts_at, s.ends_at, session=s) for s in sessions if told[s.id] is None]
    return sorted(found, key=lambda span: span.starts_at)


def _piece_of(pieces: Sequence[TalkSpan], session: AppointmentRow) -> TalkSpan | None:
    return next((piece for piece in pieces if piece.starts_at <= session.starts_at <= piece.ends_at), None)


def _pieces(db: Session, dose: AppointmentRow, window: Window, last_start: datetime) -> Iterable[TalkSpan]:
    """The window cut at its best time's edges and at the site's opening hours, nights and closed days left out."""
    stretches = (
        (GOOD, window.opens_at, window.peak_starts_at, False),
        (BEST, window.peak_starts_at, window.peak_ends_at, False),
        (GOOD, window.peak_ends_at, window.closes_at, True),
    )
    hours = open_spans(db, dose.site_id, dose.zone, window.opens_at, window.closes_at)
    for day in sorted(hours):
        for opens, closes in hours[day]:
            for tone, begins, ends, late in stretches:
                starts_at, ends_at = max(opens, begins), min(closes, ends, last_start)
                if ends_at - starts_at >= _SHORTEST and local_day(starts_at, dose.zone) == day:
                    yield TalkSpan(tone, starts_at, ends_at, starts_at == opens, ends_at == closes, late)
