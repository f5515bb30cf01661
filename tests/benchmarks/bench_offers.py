"""Other times for an appointment of a booked course, in the clinic that `bench_planning` plans for"""

from __future__ import annotations

from collections.abc import Iterator

from planner.domain.statuses import AppointmentKind
from planner.scheduling.drafting import as_course
from planner.scheduling.offers import offer_times
from planner.scheduling.proposals import propose_courses
from planner.scheduling.sheets import CourseSheet
from tests.benchmarks.bench_planning import requests
from tests.benchmarks.report import Report, measure

#: Courses booked to look at; every infusion and integration session of each is asked about once.
COURSES = 6
KINDS = (AppointmentKind.INFUSION, AppointmentKind.INTEGRATION)


def run(report: Report) -> None:
    """Time each appointment's offers once, by kind."""
    seconds: dict[AppointmentKind, list[float]] = {kind: [] for kind in KINDS}
    found: dict[AppointmentKind, list[int]] = {kind: [] for kind in KINDS}
    for course in courses():
        for booked in course.appointments:
            if booked.kind in KINDS:
                times, offers = measure(lambda c=course, b=booked: offer_times(c, b.id), repeat=1, warm_up=0)  # type: ignore[misc]
                seconds[booked.kind] += times
                found[booked.kind].append(len(offers))
    for kind in KINDS:
        report.times(f"offers for a move, {kind.value}", seconds[kind])
        report.line(f"offers for a move, {kind.value}: fewest and most", f"{min(found[kind])} and {max(found[kind])}")


def courses() -> Iterator[CourseSheet]:
    """The best course of each of some requests, as booked."""
    for clinic, request in requests()[:COURSES]:
        best = propose_courses(clinic, request, most=1).proposals[0]
        yield as_course(best, clinic, request)
