"""Breaks: how far apart two appointments of one course must lie, so that nothing either holds is taken twice.

The appointments of one patient follow each other in time. What could still link them is turnover: a room, a therapist
or the patient held a little longer than the appointment lasts. Keeping the longest such turnover free between two
appointments of one course makes the choice of room or therapist for one of them no concern of the other, which is
what keeps the search exact. All numbers are minutes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from planner.domain.protocols import Holding, SessionPhase, Visit
from planner.scheduling.sheets import ClinicSheet, PatientSheet, PersonSheet, ThingSheet


@dataclass(frozen=True, slots=True)
class Breaks:
    """From a visit's check-in to the earliest next session or visit, and from a session's end to either."""

    visit_to_session: int
    visit_to_visit: int
    session_to_visit: int
    session_to_session: int


def before_first_dose(breaks: Breaks, phase: SessionPhase) -> int:
    """Minutes from the end of a preparation session to the first check-in: turnover, or what the protocol asks."""
    return max(breaks.session_to_visit, phase.min_lead_min)


def breaks_of(clinic: ClinicSheet, patient: PatientSheet, visit: Visit) -> Breaks:
    """The breaks that this clinic's turnovers ask of a course with such visits."""
    rooms, therapists = _longest(clinic.rooms), _longest(clinic.therapists)
    shared = {Holding.ROOM: rooms, Holding.THERAPIST: therapists}
    alone = {
        Holding.CHAIR: _longest(clinic.chairs),
        Holding.NURSE: _longest(lane for nurse in clinic.nurses for lane in nurse.lanes),
        Holding.PRESCRIBER: _longest(clinic.prescribers),
    }
    leaves = visit.discharge_min + patient.turnover
    free_again = {
        kind: spans[-1][1] + turnover for kind, turnover in (shared | alone).items() if (spans := visit.spans(kind))
    }
    return Breaks(
        visit_to_session=max([leaves, *(free_again[kind] for kind in shared if kind in free_again)]),
        visit_to_visit=max([leaves, *free_again.values()]),
        session_to_visit=max([patient.turnover, *(shared[kind] for kind in shared if visit.spans(kind))]),
        session_to_session=max(patient.turnover, rooms, therapists),
    )


def _longest(things: Iterable[ThingSheet | PersonSheet]) -> int:
    return max((thing.turnover for thing in things), default=0)
