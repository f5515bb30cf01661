"""The plan of a clinic as `kap-plan/1`: every whole course, and who is not planned, with the reasons."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from planner.domain.access import Permission, Principal, require
from planner.domain.errors import FieldError
from planner.domain.protocols import Protocol
from planner.domain.statuses import HOLDING, AppointmentKind, CourseStatus, Mode
from planner.domain.walltime import local_day, zone_named
from planner.services.instances.keeping import ALL_SITES, Ask, Kept, kept_of
from planner.services.instances.planning import wishes_of
from planner.services.plan_loading import sentences_of
from planner.services.planning import plan_for, propose
from planner.store.queries.scopes import visible_patients
from planner.store.records import Appointment, Course, Patient, Site
from planner.store.sheets import protocol_of_version

FORMAT = "kap-plan/1"
KINDS = {
    AppointmentKind.PREPARATION: "prep",
    AppointmentKind.INFUSION: "infusion",
    AppointmentKind.INTEGRATION: "integration",
}
PLANNED = (CourseStatus.ACTIVE, CourseStatus.ON_HOLD, CourseStatus.COMPLETED)
NOT_YET = "Not planned yet."
CHANGED = "The course is not whole any more: an appointment was cancelled or missed."
NO_INSTANCE = "This clinic came from no planning instance, so there is no plan to write in its terms."
#: For so many patients the reasons are worked out while somebody waits.
MOST_REASONED = 12

Document = dict[str, Any]


def plan_to_json(db: Session, principal: Principal, now: datetime) -> Document:
    """The plan of everybody the instance names, as far as the principal may see them.

    Raises NotPermitted, and FieldError (`plan`) for a clinic that came from no instance, or has more of its sites than
    the principal works for.
    """
    require(principal, Permission.COURSES_READ)
    kept = kept_of(db)
    if kept is None:
        raise FieldError("plan", NO_INSTANCE)
    if not kept.names["site"].keys() <= principal.site_ids:
        raise FieldError("plan", ALL_SITES)
    seen = set(db.scalars(visible_patients(principal).with_only_columns(Patient.id)))
    asks = [ask for ask in kept.asks if ask.patient_id in seen]
    courses = _courses(db, [ask.patient_id for ask in asks])
    appointments: list[Document] = []
    unplanned: list[Document] = []
    asked = 0
    for ask in asks:
        name = kept.names["patient"][ask.patient_id]
        rows = courses.get(ask.patient_id)
        if rows is None:
            asked += 1
            reasons = why_not(db, principal, ask, now) if asked <= MOST_REASONED else (NOT_YET,)
            unplanned.append({"patient": name, "reasons": list(reasons)})
        elif not _whole(rows, protocol_of_version(db, ask.protocol_version_id)):
            unplanned.append({"patient": name, "reasons": [CHANGED]})
        else:
            appointments += [_appointment(kept, name, row, rows) for row in rows]
    return {"format": FORMAT, "instance": kept.instance_id, "appointments": appointments, "unplanned": unplanned}


def why_not(db: Session, principal: Principal, ask: Ask, now: datetime) -> tuple[str, ...]:
    """The rules that stand in a patient's way, or that nobody has planned them yet."""
    site_id = next((site_id for site_id in ask.site_ids if site_id in principal.site_ids), None)
    if site_id is None:
        return (NOT_YET,)
    wishes = wishes_of(ask, local_day(now, db.get_one(Site, site_id).zone))
    try:
        plan = plan_for(
            db, principal, patient_id=ask.patient_id, protocol_version_id=ask.protocol_version_id, site_id=site_id,
            wishes=wishes, now=now, primary_therapist_id=ask.primary_id,
        )  # fmt: skip
    except FieldError as error:
        return (error.sentence,)
    return sentences_of(propose(plan, most=1).refused) or (NOT_YET,)


def _courses(db: Session, patient_ids: Iterable[int]) -> Mapping[int, Sequence[Appointment]]:
    """The appointments that hold people and things of each patient's last course, in order of time."""
    query = (
        select(Appointment)
        .join(Course, Course.id == Appointment.course_id)
        .where(Course.patient_id.in_(list(patient_ids)), Course.status.in_(PLANNED))
        .where(Appointment.status.in_(HOLDING))
        .order_by(Appointment.starts_at, Appointment.id)
    )
    by_course: dict[int, list[Appointment]] = defaultdict(list)
    latest: dict[int, int] = {}
    for row in db.scalars(query):
        course_id = row.course_id or 0
        by_course[course_id].append(row)
        latest[row.patient_id] = max(latest.get(row.patient_id, 0), course_id)
    return {patient_id: by_course[course_id] for patient_id, course_id in latest.items()}


def _whole(rows: Sequence[Appointment], protocol: Protocol) -> bool:
    doses = range(1, len(protocol.firm_doses) + 1)
    wanted = {("infusion", dose) for dose in doses} | {("prep", 0)}
    wanted |= {("integration", dose) for dose in doses if protocol.integration.follows(dose)}
    found = [_place(row, rows) for row in rows]
    return len(found) == len(wanted) and set(found) == wanted


def _place(row: Appointment, rows: Sequence[Appointment]) -> tuple[str, int]:
    """The kind and number in the format's terms: a session has the number of the infusion it follows."""
    kind = KINDS.get(row.kind, row.kind.value)
    if row.kind is AppointmentKind.PREPARATION:
        return kind, 0
    served = next((dose.number for dose in rows if dose.id == row.serves_id), row.number)
    return kind, served


def _appointment(kept: Kept, patient: str, row: Appointment, rows: Sequence[Appointment]) -> Document:
    kind, number = _place(row, rows)
    names = kept.names
    told: Document = {
        "patient": patient,
        "kind": kind,
        "index": number,
        "start": row.starts_at.astimezone(zone_named(row.zone)).isoformat(timespec="minutes"),
    }
    if row.kind is not AppointmentKind.INFUSION:
        told["mode"] = "room" if row.mode is Mode.IN_PERSON else "telehealth"
    if row.mode is Mode.IN_PERSON:
        told["site"] = names["site"].get(row.site_id, "")
    held = (("chair", row.chair_id), ("nurse", row.nurse_id), ("room", row.room_id), ("therapist", row.therapist_id))
    for key, id_ in held:
        if id_ is not None:
            told[key] = names["staff" if key in ("nurse", "therapist") else key].get(id_, "")
    return told
