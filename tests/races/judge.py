"""The judge of a race: plain SQL over what is stored, sharing nothing with the code that wrote it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import text

from planner.store.engine import make_engine

OVERLAPS = """
SELECT count(*) FROM occupancy a JOIN occupancy b
  ON a.holdable_id = b.holdable_id AND a.id < b.id AND a.starts_at < b.ends_at AND b.starts_at < a.ends_at"""

COURSES = """
SELECT c.id, count(DISTINCT a.id), count(o.id) FROM course c
  LEFT JOIN appointment a ON a.course_id = c.id LEFT JOIN occupancy o ON o.appointment_id = a.id
  WHERE c.site_id = :site GROUP BY c.id"""

# A moved appointment whose patient is not held exactly while it lasts was moved by half.
MISPLACED = """
SELECT count(*) FROM appointment a WHERE a.site_id = :site AND NOT EXISTS (
  SELECT 1 FROM occupancy o JOIN patient p ON p.holdable_id = o.holdable_id
  WHERE o.appointment_id = a.id AND p.id = a.patient_id AND o.starts_at = a.starts_at AND o.ends_at = a.ends_at)"""

VERSIONS = "SELECT id, version, sequence FROM appointment WHERE site_id = :site"

HISTORY = """
SELECT count(*) FROM change_set s JOIN course c ON c.id = s.course_id WHERE c.site_id = :site"""


@dataclass(frozen=True)
class Verdict:
    """What the judge found. All but `booked` should be nothing."""

    booked: int
    overlaps: int
    halves: int
    unacknowledged: int
    lost: int


def judge(
    url: str,
    site_id: int,
    *,
    appointments: int,
    claims: int,
    acknowledged: Mapping[int, int],
    moves: Mapping[int, int],
    acts: int,
) -> Verdict:
    """Look at everything stored at one site.

    `acknowledged` counts how often each course was told to be booked, `moves` how often each appointment was told to
    be moved, `acts` how many change sets that makes.
    """
    engine = make_engine(url, read_only=True)
    try:
        with engine.connect() as connection:
            overlaps = connection.execute(text(OVERLAPS)).scalar_one()
            courses = connection.execute(text(COURSES), {"site": site_id}).all()
            misplaced = connection.execute(text(MISPLACED), {"site": site_id}).scalar_one()
            versions = connection.execute(text(VERSIONS), {"site": site_id}).all()
            history = connection.execute(text(HISTORY), {"site": site_id}).scalar_one()
    finally:
        engine.dispose()
    stored = {course_id for course_id, _, _ in courses}
    wrong_counters = sum(
        (version, sequence) != (1 + moves.get(number, 0), moves.get(number, 0))
        for number, version, sequence in versions
    )
    return Verdict(
        booked=len(courses),
        overlaps=overlaps,
        halves=misplaced + sum((rows, held) != (appointments, claims) for _, rows, held in courses),
        unacknowledged=len(stored - acknowledged.keys()) + abs(history - acts),
        lost=len(acknowledged.keys() - stored) + wrong_counters,
    )
