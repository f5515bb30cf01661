"""Proposals as plain words and numbers, for drafts and for files: UTC instants in ISO 8601, nothing left out."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from planner.domain.conflicts import Rule
from planner.domain.errors import FieldError
from planner.domain.intervals import instant_of, minute_of
from planner.domain.statuses import AppointmentKind, Mode
from planner.domain.windows import WindowStatus
from planner.scheduling.placements import CourseProposal, Coverage, Placement, ProposedDay, Remark


def proposal_to_json(proposal: CourseProposal) -> dict[str, Any]:
    """The whole proposal; `proposal_from_json` reads back an equal one."""
    return {
        "pattern": sorted(proposal.pattern),
        "placements": [_placement_to_json(p) for p in proposal.placements],
        "boosters": [{"phase": b.phase, "number": b.number, "day": b.day.isoformat()} for b in proposal.boosters],
        "gaps": list(proposal.gaps),
        "span_days": proposal.span_days,
        "coverage": {
            "doses": proposal.coverage.doses,
            "with_session": proposal.coverage.with_session,
            "in_peak": proposal.coverage.in_peak,
            "in_window": proposal.coverage.in_window,
            "with_primary": proposal.coverage.with_primary,
        },
        "remarks": [{"rule": r.rule.value, "sentence": r.sentence, "number": r.number} for r in proposal.remarks],
    }


def proposal_from_json(stored: Mapping[str, Any]) -> CourseProposal:
    """Read a proposal back. Raises FieldError (`proposal`) for anything that `proposal_to_json` did not write."""
    try:
        return CourseProposal(
            pattern=frozenset(int(day) for day in stored["pattern"]),
            placements=tuple(_placement_from_json(p) for p in stored["placements"]),
            boosters=tuple(
                ProposedDay(str(b["phase"]), int(b["number"]), date.fromisoformat(b["day"])) for b in stored["boosters"]
            ),
            gaps=tuple(int(gap) for gap in stored["gaps"]),
            span_days=int(stored["span_days"]),
            coverage=Coverage(**{name: int(count) for name, count in stored["coverage"].items()}),
            remarks=tuple(Remark(Rule(r["rule"]), str(r["sentence"]), r["number"]) for r in stored["remarks"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise FieldError("proposal", "This plan cannot be read any more. Choose a plan again.") from error


def _placement_to_json(p: Placement) -> dict[str, Any]:
    return {
        "kind": p.kind.value,
        "phase": p.phase,
        "number": p.number,
        "start": _told(p.start),
        "end": _told(p.end),
        "site_id": p.site_id,
        "mode": p.mode.value,
        "chair_id": p.chair_id,
        "nurse_id": p.nurse_id,
        "therapist_id": p.therapist_id,
        "room_id": p.room_id,
        "serves": p.serves,
        "offset_min": p.offset_min,
        "window_status": p.window_status.value if p.window_status else None,
        "with_primary": p.with_primary,
        "holds": [[holdable, _told(start), _told(end)] for holdable, start, end in p.holds],
    }


def _placement_from_json(stored: Mapping[str, Any]) -> Placement:
    status = stored["window_status"]
    return Placement(
        kind=AppointmentKind(stored["kind"]),
        phase=str(stored["phase"]),
        number=int(stored["number"]),
        start=_read(stored["start"]),
        end=_read(stored["end"]),
        site_id=int(stored["site_id"]),
        mode=Mode(stored["mode"]),
        chair_id=stored["chair_id"],
        nurse_id=stored["nurse_id"],
        therapist_id=stored["therapist_id"],
        room_id=stored["room_id"],
        serves=stored["serves"],
        offset_min=stored["offset_min"],
        window_status=WindowStatus(status) if status else None,
        with_primary=bool(stored["with_primary"]),
        holds=tuple((int(holdable), _read(start), _read(end)) for holdable, start, end in stored["holds"]),
    )


def _told(minute: int) -> str:
    return instant_of(minute).isoformat()


def _read(text: str) -> int:
    return minute_of(datetime.fromisoformat(text))
