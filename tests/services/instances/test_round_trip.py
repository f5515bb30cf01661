"""An instance brought in and taken out again is the same instance, whatever it says."""

import json
import random
from datetime import date, datetime, time, timedelta
from typing import Any

import pytest
from sqlalchemy.orm import Session

from planner.services.instances.parsing import parse_instance
from planner.services.instances.planning import plan_everyone
from planner.services.instances.taking import take_out
from planner.services.instances.writing import instance_to_json, to_bytes
from tests.support.instances import EVERY, brought_in, content_of, document_of

Document = dict[str, Any]
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
FIRST = date(2027, 3, 22)  # the clocks of Berlin go forward on the 28th
LENGTH = 14
FAR = "a site with a long id"
STAFF = (("t1", "therapist"), ("a therapist with a long id", "therapist"), ("n1", "nurse"), ("d1", "prescriber"))


@pytest.mark.parametrize("name", EVERY)
def test_an_instance_comes_out_as_it_went_in(db: Session, name: str) -> None:
    planned = brought_in(db, content_of(name))
    out = take_out(db, planned.coordinator, now=planned.now)
    assert out == planned.instance
    assert json.loads(to_bytes(instance_to_json(out))).keys() == document_of(name).keys()


def test_it_still_does_when_its_patients_are_planned(db: Session) -> None:
    planned = brought_in(db, content_of("a14-greedy-trap"))
    assert len(plan_everyone(db, planned.coordinator, planned.now).planned) == 2
    assert take_out(db, planned.coordinator, now=planned.now + timedelta(days=3)) == planned.instance


# Any instance


def apart(shifts: list[list[str]]) -> list[list[str]]:
    """Those that lie beside all before them, wherever they are: nobody works twice at once on one roster."""
    kept: list[list[str]] = []
    for start, end, place in shifts:
        if all(end <= other[0] or other[1] <= start for other in kept):
            kept.append([start, end, place])
    return kept


class Anything:
    """An instance made up from one number: two sites, a few people, all sorts of wishes."""

    def __init__(self, seed: int) -> None:
        self.rnd = random.Random(seed)

    def some(self, most: int) -> range:
        return range(self.rnd.randint(0, most))

    def part(self, values: list[str]) -> list[str]:
        return self.rnd.sample(values, self.rnd.randint(1, len(values)))

    def week(self) -> Document:
        """Up to two spans a day."""
        week = {}
        for day in DAYS:
            times = sorted(self.rnd.sample(range(96), self.rnd.choice((0, 0, 2, 4))))
            clocks = [f"{quarter // 4:02}:{quarter % 4 * 15:02}" for quarter in times]
            if clocks:
                week[day] = [clocks[i : i + 2] for i in range(0, len(clocks), 2)]
        return week

    def wall(self, hours: int = 3) -> list[str]:
        """A span of wall times inside the horizon, clear of the hour that the clocks skip."""
        start = datetime.combine(FIRST, time(4)) + timedelta(
            days=self.rnd.randrange(LENGTH - 2), minutes=15 * self.rnd.randrange(64)
        )
        end = start + timedelta(hours=self.rnd.choice((1, hours)))
        end += timedelta(hours=end.hour == 2)
        return [start.isoformat(timespec="minutes"), end.isoformat(timespec="minutes")]

    def document(self) -> Document:
        rnd = self.rnd
        bookings: list[list[str]] = []
        for span in sorted(self.wall() for _ in self.some(5)):
            if not bookings or bookings[-1][1] <= span[0]:
                bookings.append(span)
        return document_of("a14-greedy-trap") | {
            "id": rnd.choice(("x", "Ünicode id", "a" * 40)),
            "seed": rnd.randint(-5, 5),
            "horizon": [FIRST.isoformat(), (FIRST + timedelta(days=LENGTH - 1)).isoformat()],
            "grid_min": rnd.choice((5, 15, 30)),
            "buffers": {name: rnd.choice((0, 10, 60)) for name in ("therapist", "chair", "room", "patient")},
            "holidays": sorted({(FIRST + timedelta(days=rnd.randint(-3, 20))).isoformat() for _ in self.some(3)}),
            "sites": [{"id": "A", "hours": self.week()}, {"id": FAR, "hours": self.week()}],
            "rooms": [{"id": "A-r1", "site": "A"}, {"id": "B-r1", "site": FAR}],
            "staff": [self.person(name, role) for name, role in STAFF],
            "bookings": [self.booking(span) for span in bookings],
            "patients": [self.patient(number) for number in self.some(3)],
        }

    def person(self, name: str, role: str) -> Document:
        watches = {"max_patients": self.rnd.randint(1, 3)} if role == "nurse" else {}
        shifts = apart([[*self.wall(9), self.rnd.choice(("A", FAR, "remote"))] for _ in self.some(5)])
        return {
            "id": name,
            "role": role,
            **watches,
            "shifts": shifts,
            "time_off": [self.wall(40) for _ in self.some(2)],
        }

    def booking(self, span: list[str]) -> Document:
        held = self.rnd.choice(({"room": "A-r1"}, {"nurse": "n1", "chair": "A-c1"}, {"therapist": "t1"}))
        return {"start": span[0], "end": span[1], **held}

    def patient(self, number: int) -> Document:
        """They may never be able to come at all."""
        rnd = self.rnd
        earliest = FIRST + timedelta(days=rnd.randint(-2, 10))
        therapists = self.part(["t1", "a therapist with a long id"])
        return {
            "id": rnd.choice((f"a patient with a long id {number}", f"p{number}")),
            "protocol": "P",
            "earliest": earliest.isoformat(),
            "latest_first": rnd.choice((None, (earliest + timedelta(days=9)).isoformat())),
            "sites": self.part(["A", FAR]),
            "modes": self.part(["room", "telehealth"]),
            "primary": therapists[-1],
            "therapists": therapists,
            "continuity": rnd.choice(("required", "preferred")),
            "therapist_present": rnd.choice((True, False)),
            "available": rnd.choice((self.week(), {})),
            "unavailable": [self.wall(40) for _ in self.some(2)],
            "prefer": {
                "bands": rnd.choice(([], [["08:00", "12:00"]], [["08:00", "09:00"], ["17:00", "20:15"]])),
                "mode": rnd.choice((None, "room", "telehealth")),
            },
        }


def test_any_instance_comes_out_as_it_went_in(db: Session) -> None:
    for seed in range(25):
        document = Anything(seed).document()
        attempt = db.begin_nested()
        planned = brought_in(db, json.dumps(document).encode())
        out = take_out(db, planned.coordinator, now=planned.now)
        attempt.rollback()
        assert out == planned.instance == parse_instance(to_bytes(instance_to_json(out))), f"seed {seed}"
