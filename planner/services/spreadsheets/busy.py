"""Who and what is held when, in memory: the same judgement as the database's guard, for thousands of lines at once."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from planner.domain.intervals import instant_of
from planner.services.spreadsheets.importing import chunks
from planner.store.guards import LONGEST_SECONDS
from planner.store.records import Hold, Occupancy
from planner.store.sheets.minutes import MinuteDown, MinuteUp

LONGEST = LONGEST_SECONDS // 60
_MOST_LISTED = 5_000


@dataclass(frozen=True, slots=True, order=True)
class Held:
    """A span in UTC minutes since 1970, and whose it is: a line of the file, else an appointment, else a promise."""

    start: int
    end: int
    line: int = 0
    appointment_id: int = 0


class Busy:
    """What holds each holdable; spans of one do not overlap, but for those under an override."""

    def __init__(self) -> None:
        self._held: defaultdict[int, list[Held]] = defaultdict(list)

    def load(self, db: Session, holdable_ids: Iterable[int], span: tuple[int, int], now: datetime) -> None:
        """Add what the database has within `span` (UTC minutes); promises that have run out at `now` are left out."""
        lives = or_(Occupancy.hold_id.is_(None), Occupancy.hold_id.in_(select(Hold.id).where(Hold.expires_at > now)))
        for part in chunks(sorted(set(holdable_ids)), _MOST_LISTED):
            rows = db.execute(
                select(Occupancy.holdable_id, MinuteDown(Occupancy.starts_at), MinuteUp(Occupancy.ends_at),
                       Occupancy.appointment_id)
                .where(
                    Occupancy.holdable_id.in_(part),
                    Occupancy.starts_at < instant_of(span[1]),
                    Occupancy.starts_at > instant_of(span[0] - LONGEST),
                    lives,
                )
            )  # fmt: skip
            for holdable_id, start, end, appointment_id in rows:
                self._held[holdable_id].append(Held(int(start), int(end), 0, appointment_id or 0))
        for spans in self._held.values():
            spans.sort()

    def in_the_way(
        self, holdable_id: int, start: int, end: int, excused: Callable[[Held], bool] = lambda _: False
    ) -> Held | None:
        """The first span of the holdable that overlaps [start, end) and is not excused."""
        spans = self._held.get(holdable_id)
        if not spans:
            return None
        index = bisect_left(spans, Held(end, 0)) - 1
        # Nothing is held for longer than a day, so nothing that begins earlier can reach this far.
        while index >= 0 and spans[index].start > start - LONGEST:
            if spans[index].end > start and not excused(spans[index]):
                return spans[index]
            index -= 1
        return None

    def take(self, holdable_id: int, held: Held) -> None:
        """Hold it."""
        insort(self._held[holdable_id], held)
