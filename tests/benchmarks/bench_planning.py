"""Planning one course: 60 therapists, 20 chairs, 3 sites, 6 weeks of doses, 60 % booked.

A request is for one of the three sites: its 6 or 7 chairs, its rooms and nurses, and all therapists, who work at one
site a day and some evenings by telehealth. The sheets hold the weeks that sessions after the last dose need too.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from random import Random

from planner.scheduling.proposals import propose_courses
from planner.scheduling.sheets import (
    ClinicSheet,
    CourseRequest,
    PatientSheet,
    PersonSheet,
    ShiftSheet,
    SiteSheet,
    Span,
    ThingSheet,
)
from tests.benchmarks.report import Report, measure
from tests.scheduling.scenario import ZONE, at, days, iv, spans

FIRST, LAST = date(2027, 1, 4), date(2027, 2, 28)
SITES, CHAIRS, THERAPISTS, REQUESTS = 3, 20, 60, 48
BOOKED = 0.6
MEDIAN_AIM_MS, P95_AIM_MS = 50.0, 150.0


@dataclass
class Clinic:
    """A random clinic, the same on every run."""

    rnd: Random

    def busy(self, minutes: int, share: float = BOOKED) -> tuple[Span, ...]:
        """Appointments one after the other through each working day, a share of them taken."""
        starts = (
            at(day, "08:00") + offset
            for day in days(FIRST, LAST)
            if day.weekday() < 5
            for offset in range(0, 600, minutes)
        )
        return tuple((start, start + minutes) for start in starts if self.rnd.random() < share)

    def things(self, first: int, count: int, minutes: int) -> tuple[ThingSheet, ...]:
        return tuple(ThingSheet(i, first + i, 1, self.busy(minutes), 5) for i in range(count))

    def therapist(self, number: int) -> PersonSheet:
        worked = self.rnd.sample(range(5), 4)
        shifts = [
            ShiftSheet(span, 1 + self.rnd.randrange(SITES))
            for weekday in worked
            for span in spans(FIRST, LAST, (weekday,), ("08:00", "12:00"), ("13:00", "17:30"))
        ]
        if number % 5 == 0:
            shifts += [ShiftSheet(span, None) for span in spans(FIRST, LAST, worked[:2], ("18:00", "20:00"))]
        return PersonSheet(number, 1000 + number, tuple(shifts), self.busy(60))

    def nurse(self, number: int) -> PersonSheet:
        shifts = tuple(ShiftSheet(span, 1) for span in spans(FIRST, LAST, range(5), ("08:00", "18:00")))
        lanes = tuple(ThingSheet(i, 5000 + 10 * number + i, 1, self.busy(150)) for i in range(2))
        return PersonSheet(400 + number, 4000 + number, shifts, lanes=lanes)

    def sheet(self, site_chairs: int) -> ClinicSheet:
        hours = spans(FIRST, LAST, range(5), ("08:00", "18:00"))
        present = tuple(ShiftSheet(span, 1) for span in hours)
        return ClinicSheet(
            site=SiteSheet(1, ZONE, 15, 15, hours),
            first_day=FIRST,
            last_day=LAST,
            now=at(FIRST, "07:00"),
            chairs=self.things(2000, site_chairs, 150),
            rooms=self.things(3000, 10, 60),
            nurses=tuple(self.nurse(number) for number in range(4)),
            prescribers=(PersonSheet(500, 6000, present), PersonSheet(501, 6001, present)),
            therapists=tuple(self.therapist(number) for number in range(THERAPISTS)),
        )


def requests() -> list[tuple[ClinicSheet, CourseRequest]]:
    """Different patients at different sites, with different first days and therapists of their own."""
    clinics = [Clinic(Random(site)).sheet(CHAIRS // SITES + (site < CHAIRS % SITES)) for site in range(SITES)]
    return [
        (
            clinics[number % SITES],
            CourseRequest(
                iv(),
                PatientSheet(
                    number,
                    9000 + number,
                    primary_therapist_id=number % THERAPISTS,
                    preferred_from=180 * (number % 4),
                ),
                FIRST + timedelta(days=2 + number % 7),
            ),
        )
        for number in range(REQUESTS)
    ]


def run(report: Report) -> None:
    """Time each request once, after a warm-up; every one must yield proposals."""
    seconds: list[float] = []
    found: list[int] = []
    for clinic, request in requests():
        times, proposals = measure(lambda c=clinic, r=request: propose_courses(c, r), repeat=1, warm_up=0)  # type: ignore[misc]
        seconds += times
        found.append(len(proposals.proposals))
    report.times("propose one course", seconds, median_aim=MEDIAN_AIM_MS, p95_aim=P95_AIM_MS)
    report.line("proposals per request, fewest", min(found))
    report.line("proposals per request, most", max(found))
