"""What has been answered in a plan so far: one typed value, kept as JSON in the draft."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from planner.domain.errors import FieldError
from planner.domain.intervals import instant_of
from planner.domain.statuses import AppointmentKind, Mode
from planner.domain.walltime import local_day
from planner.scheduling.placements import CourseProposal
from planner.services.proposal_text import proposal_from_json, proposal_to_json
from planner.store.sheets import Wishes

EVERY_DAY = frozenset(range(7))
EVERY_MODE = (Mode.IN_PERSON, Mode.TELEHEALTH)
WHOLE_DAY = (0, 24 * 60)


@dataclass(frozen=True, slots=True)
class Answers:
    """The answers of the five steps.

    `preferred` bounds the liked check-in times in wall minutes of the day; `therapist_ids` are who may hold sessions
    (None: anyone), `therapist_id` the primary one. `reached` is the furthest step that has been opened, and
    `by_hand` says that the proposal is no longer as it was proposed. `moved_to` is the number of a protocol version
    that was signed in the meantime and cost the chosen dates; it is told until dates are chosen again.
    """

    patient_id: int
    protocol_version_id: int
    site_id: int
    earliest_day: date | None = None
    latest_first_day: date | None = None
    weekdays: frozenset[int] = EVERY_DAY
    preferred: tuple[int, int] = WHOLE_DAY
    therapist_id: int | None = None
    therapist_ids: frozenset[int] | None = None
    modes: tuple[Mode, ...] = EVERY_MODE
    escort: str = ""
    proposal: CourseProposal | None = None
    by_hand: bool = False
    reached: int = 2
    moved_to: int | None = None

    def to_json(self) -> dict[str, Any]:
        """As plain words, numbers and lists; `from_json` reads back an equal value."""
        return {
            "patient_id": self.patient_id,
            "protocol_version_id": self.protocol_version_id,
            "site_id": self.site_id,
            "earliest_day": self.earliest_day.isoformat() if self.earliest_day else None,
            "latest_first_day": self.latest_first_day.isoformat() if self.latest_first_day else None,
            "weekdays": sorted(self.weekdays),
            "preferred": list(self.preferred),
            "therapist_id": self.therapist_id,
            "therapist_ids": sorted(self.therapist_ids) if self.therapist_ids is not None else None,
            "modes": [mode.value for mode in self.modes],
            "escort": self.escort,
            "proposal": proposal_to_json(self.proposal) if self.proposal else None,
            "by_hand": self.by_hand,
            "reached": self.reached,
            "moved_to": self.moved_to,
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Answers:
        """Read back what `to_json` wrote. Raises FieldError (`proposal`) for anything else."""
        try:
            earliest, latest = stored["earliest_day"], stored["latest_first_day"]
            therapists, proposal = stored["therapist_ids"], stored["proposal"]
            first, last = stored["preferred"]
            return cls(
                patient_id=int(stored["patient_id"]),
                protocol_version_id=int(stored["protocol_version_id"]),
                site_id=int(stored["site_id"]),
                earliest_day=date.fromisoformat(earliest) if earliest else None,
                latest_first_day=date.fromisoformat(latest) if latest else None,
                weekdays=frozenset(int(day) for day in stored["weekdays"]),
                preferred=(int(first), int(last)),
                therapist_id=stored["therapist_id"],
                therapist_ids=frozenset(therapists) if therapists is not None else None,
                modes=tuple(Mode(mode) for mode in stored["modes"]),
                escort=str(stored["escort"]),
                proposal=proposal_from_json(proposal) if proposal else None,
                by_hand=bool(stored["by_hand"]),
                reached=int(stored["reached"]),
                moved_to=stored.get("moved_to"),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise FieldError("proposal", "This plan cannot be read any more. Discard it and begin again.") from error

    def with_plan(self, proposal: CourseProposal, *, by_hand: bool) -> Answers:
        """The answers with this plan chosen."""
        return replace(self, proposal=proposal, by_hand=by_hand, moved_to=None)

    def wishes(self, today: date) -> Wishes:
        """As the planner wants them; a day that has passed since counts as `today` (local to the site)."""
        return Wishes(
            earliest_day=max(self.earliest_day or today, today),
            latest_first_day=self.latest_first_day,
            weekdays=self.weekdays,
            therapist_ids=self.therapist_ids,
            pattern=self.proposal.pattern if self.proposal else frozenset(),
        )


def with_days(
    answers: Answers,
    *,
    earliest_day: date,
    latest_first_day: date | None,
    weekdays: frozenset[int],
    preferred: tuple[int, int],
    today: date,
    zone: str,
) -> Answers:
    """Answers with other days; the chosen plan stays if it keeps to them. `today` is local to the site in `zone`.

    Raises FieldError at `earliest_day`, `latest_first_day`, `weekdays` or `preferred_to`.
    """
    if earliest_day < today:
        raise FieldError("earliest_day", "That day has passed. Choose today or a later day.")
    if (earliest_day - today).days > 366:
        raise FieldError("earliest_day", "That is more than a year ahead. Choose an earlier day.")
    if latest_first_day is not None and latest_first_day < earliest_day:
        raise FieldError("latest_first_day", "The latest first day is before the earliest one.")
    if latest_first_day is not None and (latest_first_day - earliest_day).days > 92:
        raise FieldError("latest_first_day", "Choose a latest first day within three months of the earliest one.")
    if not weekdays:
        raise FieldError("weekdays", "Choose at least one day of the week.")
    if preferred[0] >= preferred[1]:
        raise FieldError("preferred_to", "The preferred hours end before they begin.")
    changed = replace(
        answers,
        earliest_day=earliest_day,
        latest_first_day=latest_first_day,
        weekdays=weekdays,
        preferred=preferred,
    )
    return keeping_what_fits(changed, zone)


def with_team(
    answers: Answers,
    *,
    therapist_id: int | None,
    therapist_ids: frozenset[int] | None,
    modes: tuple[Mode, ...],
    escort: str,
    zone: str,
) -> Answers:
    """Answers with another team; the chosen plan stays if everybody in it still belongs to it.

    Raises FieldError at `therapist_ids` or `modes`.
    """
    if therapist_ids is not None:
        therapist_ids |= {therapist_id} if therapist_id is not None else frozenset()
        if not therapist_ids:
            raise FieldError("therapist_ids", "Choose at least one therapist who may hold sessions.")
    if not modes:
        raise FieldError("modes", "Choose at least one way of meeting.")
    changed = replace(answers, therapist_id=therapist_id, therapist_ids=therapist_ids, modes=modes, escort=escort)
    if therapist_id != answers.therapist_id:
        # Who is primary ranks every session, so the dates are worked out again.
        return replace(changed, proposal=None, by_hand=False)
    return keeping_what_fits(changed, zone)


def keeping_what_fits(answers: Answers, zone: str) -> Answers:
    """The answers, without the chosen plan if it breaks a wish."""
    if answers.proposal is None or _fits(answers, answers.proposal, zone):
        return answers
    return replace(answers, proposal=None, by_hand=False)


def _fits(answers: Answers, proposal: CourseProposal, zone: str) -> bool:
    doses = proposal.of_kind(AppointmentKind.INFUSION)
    days = [local_day(instant_of(dose.start), zone) for dose in doses]
    late = answers.latest_first_day is not None and days[0] > answers.latest_first_day
    early = answers.earliest_day is not None and days[0] < answers.earliest_day
    sessions = [p for p in proposal.placements if p.kind is not AppointmentKind.INFUSION]
    therapists = {p.therapist_id for p in proposal.placements if p.therapist_id is not None}
    return (
        not late
        and not early
        and all(day.weekday() in answers.weekdays for day in days)
        and all(session.mode in answers.modes for session in sessions)
        and (answers.therapist_ids is None or therapists <= answers.therapist_ids)
    )
