"""Reads of patients' records: what each is called in the history, and what of them is worth a look."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final


class About(StrEnum):
    """What a page shows of one patient, by what its address names."""

    PATIENT = "patient"
    COURSE = "course"
    INFUSION = "infusion"
    SESSION = "session"
    #: An appointment of no course.
    LOOSE = "loose"
    #: A date of the patient's own, whatever its kind.
    DATE = "date"
    #: A plan being made, which is its maker's.
    DRAFT = "draft"
    #: A change of a course, as its undo names it.
    CHANGE = "change"


PATIENT_READ: Final = "patient.read"
COURSE_READ: Final = "course.read"
APPOINTMENT_READ: Final = "appointment.read"
DRAFT_READ: Final = "draft.read"
#: A list with many patients on it; no line of it stands in anybody's own record.
LIST_READ: Final = "list.read"
#: What a chart is opened by.
CHART_READS: Final = frozenset({PATIENT_READ, COURSE_READ, APPOINTMENT_READ, DRAFT_READ})
READS: Final = CHART_READS | {LIST_READ}

#: Policy of the planner, not of any law: who goes through the pages of one record looks at it once. Long enough for
#: that, short enough that two looks on one day are two lines.
ONE_LINE_WITHIN: Final = timedelta(minutes=5)
#: Policy of the planner, chosen and not measured: more charts than these in an hour look like a list that is copied.
#: HIPAA asks for a regular review of who read what and names no number (45 CFR 164.308(a)(1)(ii)(D)).
CHARTS_AN_HOUR: Final = 50
#: Policy of the planner: an appointment so long before or after a look explains it (planning ahead, writing up).
CARE_AROUND: Final = timedelta(weeks=4)
_HOUR: Final = timedelta(hours=1)


def most_in_an_hour(reads: Iterable[tuple[datetime, int]]) -> int:
    """The most different patients in any span shorter than an hour. `reads` are instants, in order, with patient ids.

    A chart that is opened again counts once in each span.
    """
    most = 0
    recent: deque[tuple[datetime, int]] = deque()
    open_now: dict[int, int] = {}
    for at, patient_id in reads:
        while recent and at - recent[0][0] >= _HOUR:
            _, gone = recent.popleft()
            open_now[gone] -= 1
            if not open_now[gone]:
                del open_now[gone]
        recent.append((at, patient_id))
        open_now[patient_id] = open_now.get(patient_id, 0) + 1
        most = max(most, len(open_now))
    return most
