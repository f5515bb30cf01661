"""The standing cast with everything a course needs: hours, chairs, rooms, shifts and protocols at North."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy.orm import Session

from planner.domain.walltime import local_day
from planner.services.places import add_chair, add_room, new_holdable
from planner.services.protocols import install_shipped_protocols, newest_version
from planner.services.rostering import add_weekly_shifts
from planner.store.records import Chair, HoldableKind, NurseLane, OpeningHours, ProtocolVersion, Room
from tests.support.cast import NOW, Cast

WEEKDAYS = range(5)
OPENS, CLOSES = 8 * 60, 18 * 60
THERAPY = (("09:00", "12:00"), ("13:00", "17:00"))
DOSING = (("08:00", "17:00"),)
WEEKS = 12


@dataclass(frozen=True)
class AtWork:
    """What was put up at North."""

    chairs: tuple[Chair, ...]
    rooms: tuple[Room, ...]
    twice_weekly: ProtocolVersion


def put_to_work(
    db: Session,
    cast: Cast,
    *,
    chairs: int = 2,
    rooms: int = 2,
    therapist_days: Iterable[int] = range(0, 4),
    second_days: Iterable[int] = range(1, 5),
) -> AtWork:
    """Open North on weekdays: the therapist works Monday to Thursday, therapist-two Tuesday to Friday."""
    first = local_day(NOW, cast.north.zone)
    days: tuple[date, date] = (first, first + timedelta(weeks=WEEKS))
    db.add_all(
        OpeningHours(site_id=cast.north.id, weekday=day, opens_minute=OPENS, closes_minute=CLOSES) for day in WEEKDAYS
    )
    things = tuple(add_chair(db, cast.north, f"Chair {n}") for n in range(1, chairs + 1))
    places = tuple(add_room(db, cast.north, f"Room {n}") for n in range(1, rooms + 1))
    nurse = cast.people["nurse"]
    for number in (1, 2):
        db.add(NurseLane(person_id=nurse.id, number=number, holdable_id=new_holdable(db, HoldableKind.LANE)))
    for who, on, spans in (
        ("nurse", WEEKDAYS, DOSING),
        ("prescriber", WEEKDAYS, DOSING),
        ("therapist", therapist_days, THERAPY),
        ("therapist-two", second_days, THERAPY),
    ):
        add_weekly_shifts(db, cast.people[who], cast.north, on, days, *spans)
    install_shipped_protocols(db, NOW)
    return AtWork(things, places, newest_version(db, "iv-racemic-twice-weekly"))
