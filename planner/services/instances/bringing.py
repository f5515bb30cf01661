"""Bringing a planning instance into a clinic that has no sites yet: all of it in the caller's transaction, or nothing.

People are named after their ids, because the format names nobody. Existing bookings become pinned appointments of a
stand-in patient per site: they hold the chair, room, nurse's place or therapist that the file names, and nobody else.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from planner.domain.access import Permission, Principal, Role, require
from planner.domain.errors import FieldError
from planner.domain.statuses import Mode
from planner.domain.walltime import day_span, resolve_wall_leniently
from planner.services import auditing
from planner.services.instances.blocking import add_bookings
from planner.services.instances.installing import add_protocols
from planner.services.instances.keeping import KIND, Ask, Kept
from planner.services.instances.shapes import (
    Instance,
    InstancePatient,
    InstanceStaff,
    MinuteSpan,
    Week,
)
from planner.services.instances.writing import protocol_to_json
from planner.services.places import WallSpan, add_chair, add_room, add_site, close_day, set_up_clinic
from planner.services.rights import change_rights
from planner.services.rostering import add_patient, add_person, set_availability
from planner.store.queries import accounts as find
from planner.store.records import (
    Absence,
    Account,
    AccountRole,
    Clinic,
    Holdable,
    ImportRun,
    ImportState,
    Patient,
    PatientAbsence,
    Person,
    ProtocolVersion,
    Shift,
    Site,
)

HOLIDAY = "Public holiday"
MODES = {"room": Mode.IN_PERSON, "telehealth": Mode.TELEHEALTH}
ROLES = {"nurse": Role.NURSE, "prescriber": Role.PRESCRIBER, "therapist": Role.THERAPIST}
WHOLE_DAY: MinuteSpan = (0, 1440)
NOT_EMPTY = "This clinic has sites or patients already. An instance goes into a clinic that has none."
LONGEST_CODE = 12


@dataclass(slots=True)
class Brought:
    """What has been made of an instance, by the file's ids."""

    instance: Instance
    sites: dict[str, Site] = field(default_factory=dict)
    chairs: dict[str, tuple[int, int]] = field(default_factory=dict)
    rooms: dict[str, tuple[int, int]] = field(default_factory=dict)
    people: dict[str, Person] = field(default_factory=dict)
    patients: dict[str, Patient] = field(default_factory=dict)
    versions: dict[tuple[str, bool], ProtocolVersion] = field(default_factory=dict)
    absences: list[tuple[int, int, int]] = field(default_factory=list)
    asks: list[Ask] = field(default_factory=list)

    def instant(self, wall: datetime) -> datetime:
        """A wall time of the file as an instant."""
        return resolve_wall_leniently(wall, self.instance.zone)


def may_bring_in(db: Session) -> bool:
    """Whether this clinic is still without sites and patients."""
    return db.scalar(select(Site.id).limit(1)) is None and db.scalar(select(Patient.id).limit(1)) is None


def bring_in(
    db: Session,
    principal: Principal,
    instance: Instance,
    *,
    content: bytes,
    now: datetime,
    run: ImportRun | None = None,
) -> ImportRun:
    """Make the clinic of `instance`. `content` is the file, of which only the hash is kept; `now` is aware.

    Every coordinator's account works for the new sites from then on. `run` is the import that was looked at before,
    if any. Raises NotPermitted, and FieldError (`file`) when the clinic has sites or patients.
    """
    require(principal, Permission.CLINIC_WRITE)
    if not may_bring_in(db):
        raise FieldError("file", NOT_EMPTY)
    if db.get(Clinic, 1) is None:
        set_up_clinic(db, name=f"Planning instance {instance.id}", zone=instance.zone)
    brought = Brought(instance)
    _places(db, brought)
    _staff(db, brought)
    add_protocols(db, brought, now)
    _patients(db, brought, now)
    add_bookings(db, brought, now)
    if run is None:
        run = new_run(db, principal, content, now)
    _keep(db, run, brought, now)
    _open_to_coordinators(db, principal, brought, now)
    auditing.record(
        db, principal, action="instance.import", object_type="import", object_id=run.id, now=now, detail=run.summary
    )
    return run


def new_run(db: Session, principal: Principal, content: bytes, now: datetime) -> ImportRun:
    """The row of an import that begins; it keeps nothing of the file but its hash."""
    run = ImportRun(
        account_id=principal.account_id,
        kind=KIND,
        state=ImportState.CHECKED,
        content_hash=hashlib.sha256(content).hexdigest(),
        created_at=now,
        seen_at=now,
    )
    db.add(run)
    db.flush()
    return run


# -- places ------------------------------------------------------------------------------------------------------------


def _places(db: Session, brought: Brought) -> None:
    instance = brought.instance
    codes = _codes([site.id for site in instance.sites], "S")
    for site in instance.sites:
        made = add_site(
            db,
            name=f"Site {site.id}",
            code=codes[site.id],
            zone=instance.zone,
            hours=_texts(site.hours),
            visit_grid_minutes=instance.grid_min,
            therapy_grid_minutes=instance.grid_min,
        )
        brought.sites[site.id] = made
        for day in instance.holidays:
            close_day(db, made, day, HOLIDAY)
    for thing in instance.chairs:
        chair = add_chair(db, brought.sites[thing.site], thing.id)
        _keep_free_after(db, chair.holdable_id, instance.buffers.chair)
        brought.chairs[thing.id] = (chair.id, chair.holdable_id)
    for thing in instance.rooms:
        room = add_room(db, brought.sites[thing.site], thing.id, turnover_minutes=instance.buffers.room)
        brought.rooms[thing.id] = (room.id, room.holdable_id)


def _codes(ids: list[str], letter: str) -> dict[str, str]:
    """The ids themselves where they fit as codes, else numbered ones that no id is like."""
    taken = {name.casefold() for name in ids}
    codes: dict[str, str] = {}
    for number, name in enumerate(ids, 1):
        code = name if len(name) <= LONGEST_CODE else f"{letter}-{number:03}"
        while code != name and code.casefold() in taken:
            code += "X"
        codes[name] = code
        taken.add(code.casefold())
    return codes


def _texts(week: Week) -> dict[int, list[WallSpan]]:
    return {day: [_clocks(span) for span in spans] for day, spans in enumerate(week) if spans}


def _clocks(span: MinuteSpan) -> WallSpan:
    start, end = (f"{minute // 60:02}:{minute % 60:02}" for minute in span)
    return start, end


def _keep_free_after(db: Session, holdable_id: int, minutes: int) -> None:
    db.get_one(Holdable, holdable_id).turnover_minutes = minutes


# -- staff -------------------------------------------------------------------------------------------------------------


def _staff(db: Session, brought: Brought) -> None:
    for person in brought.instance.staff:
        made = add_person(
            db,
            f"{person.role.capitalize()} {person.id}",
            roles=[ROLES[person.role]],
            sites=[brought.sites[site] for site in _works_at(brought.instance, person)],
            lanes=person.max_patients or 1,
            initials=person.id[:6].strip(),
            turnover_minutes=brought.instance.buffers.therapist if person.role == "therapist" else 0,
        )
        brought.people[person.id] = made
    _shifts(db, brought)
    _time_off(db, brought)


def _works_at(instance: Instance, person: InstanceStaff) -> list[str]:
    """The sites of the shifts; those of the patients too whom somebody sees by telehealth alone."""
    here = {shift.site for shift in person.shifts if shift.site is not None}
    if not here:
        here = {site for patient in instance.patients if person.id in patient.therapists for site in patient.sites}
    return sorted(here)


def _shifts(db: Session, brought: Brought) -> None:
    instance, rows = brought.instance, []
    first_site = next(iter(brought.sites.values()))
    for person in instance.staff:
        at = [shift.site for shift in person.shifts if shift.site is not None]
        keeps = brought.sites[at[0]] if at else first_site
        for shift in person.shifts:
            midnight = datetime.combine(shift.start.date(), time())
            site = brought.sites[shift.site] if shift.site is not None else None
            rows.append(
                {
                    "person_id": brought.people[person.id].id,
                    "site_id": site.id if site else None,
                    "roster_site_id": (site or keeps).id,
                    "day": shift.start.date(),
                    "starts_minute": int((shift.start - midnight).total_seconds()) // 60,
                    "ends_minute": int((shift.end - midnight).total_seconds()) // 60,
                    "on_call": False,
                    "zone": instance.zone,
                    "starts_at": brought.instant(shift.start),
                    "ends_at": brought.instant(shift.end),
                }
            )
    if rows:
        db.execute(insert(Shift), rows)


def _time_off(db: Session, brought: Brought) -> None:
    """Absences as the file has them, and on its closed days for those who would have worked by telehealth."""
    instance = brought.instance
    for person in instance.staff:
        made = brought.people[person.id]
        db.add_all(
            Absence(person_id=made.id, starts_at=brought.instant(start), ends_at=brought.instant(end))
            for start, end in person.time_off
        )
        remote = [shift for shift in person.shifts if shift.site is None]
        for day in instance.holidays:
            if any(shift.start.date() <= day <= shift.end.date() for shift in remote):
                start, end = day_span(day, instance.zone)
                db.add(Absence(person_id=made.id, starts_at=start, ends_at=end, reason=HOLIDAY))
                brought.absences.append((made.id, minute(start), minute(end)))
    db.flush()


def minute(instant: datetime) -> int:
    """An instant as a UTC minute since 1970."""
    return int(instant.timestamp()) // 60


# -- patients ----------------------------------------------------------------------------------------------------------


def _patients(db: Session, brought: Brought, now: datetime) -> None:
    codes = _codes([patient.id for patient in brought.instance.patients], "P")
    for patient in brought.instance.patients:
        made = add_patient(
            db,
            codes[patient.id],
            f"Patient {patient.id}",
            brought.sites[patient.sites[0]],
            now=now,
            primary_therapist=brought.people[patient.primary],
            modes=modes_of(patient.modes, patient.mode),
            preferred=_clocks(span_of(patient.bands)),
        )
        _keep_free_after(db, made.holdable_id, brought.instance.buffers.patient)
        if any(patient.available):
            set_availability(db, made, _texts(patient.available))
        brought.patients[patient.id] = made
        brought.asks.append(_ask(brought, patient, made, _absences(db, brought, patient, made)))
    db.flush()


def modes_of(accepted: Iterable[str], liked: str | None) -> list[Mode]:
    """The accepted modes as a record keeps them: the liked one first."""
    return [MODES[mode] for mode in sorted(accepted, key=lambda mode: mode != liked)]


def span_of(bands: Sequence[MinuteSpan]) -> MinuteSpan:
    """From the first liked minute to the last, because a record holds one span; the whole day when none is liked."""
    return (min(start for start, _ in bands), max(end for _, end in bands)) if bands else WHOLE_DAY


def _absences(db: Session, brought: Brought, patient: InstancePatient, made: Patient) -> tuple[tuple[int, int], ...]:
    """The patient's own absences, and what bars every appointment before their earliest day; the latter's spans."""
    instance = brought.instance
    spans = [(brought.instant(start), brought.instant(end)) for start, end in patient.unavailable]
    barred: list[tuple[datetime, datetime]] = []
    first = day_span(instance.first_day, instance.zone)[0]
    if patient.earliest > instance.first_day:
        barred.append((first, day_span(patient.earliest, instance.zone)[0]))
    if not any(patient.available):  # no weekly time at all means any time in a patient's record
        barred.append((first, day_span(instance.last_day, instance.zone)[1]))
    db.add_all(PatientAbsence(patient_id=made.id, starts_at=start, ends_at=end) for start, end in (*spans, *barred))
    return tuple((minute(start), minute(end)) for start, end in barred)


def _ask(brought: Brought, patient: InstancePatient, made: Patient, barred: tuple[tuple[int, int], ...]) -> Ask:
    return Ask(
        patient_id=made.id,
        protocol=patient.protocol,
        protocol_version_id=brought.versions[patient.protocol, patient.therapist_present].id,
        earliest=patient.earliest,
        latest_first=patient.latest_first,
        site_ids=tuple(brought.sites[site].id for site in patient.sites),
        therapist_ids=tuple(brought.people[name].id for name in patient.therapists),
        primary_id=brought.people[patient.primary].id,
        continuity=patient.continuity,
        therapist_present=patient.therapist_present,
        modes=patient.modes,
        bands=patient.bands,
        mode=patient.mode,
        barred=barred,
    )


# -- what stays --------------------------------------------------------------------------------------------------------


def _keep(db: Session, run: ImportRun, brought: Brought, now: datetime) -> None:
    instance = brought.instance
    kept = Kept(
        instance_id=instance.id,
        seed=instance.seed,
        first_day=instance.first_day,
        last_day=instance.last_day,
        weights={name: getattr(instance.weights, name) for name in instance.weights.__slots__},
        buffers={name: getattr(instance.buffers, name) for name in instance.buffers.__slots__},
        grid_min=instance.grid_min,
        holidays=instance.holidays,
        names={
            "site": {site.id: name for name, site in brought.sites.items()},
            "chair": {ids[0]: name for name, ids in brought.chairs.items()},
            "room": {ids[0]: name for name, ids in brought.rooms.items()},
            "staff": {person.id: name for name, person in brought.people.items()},
            "patient": {patient.id: name for name, patient in brought.patients.items()},
        },
        protocols={name: protocol_to_json(protocol) for name, protocol in instance.protocols.items()},
        versions={version.id: name for (name, _), version in brought.versions.items()},
        asks=tuple(brought.asks),
        absences=tuple(brought.absences),
    )
    run.choices, run.summary = kept.to_json(), summary_of(instance)
    run.state, run.content = ImportState.DONE, None
    run.seen_at = run.finished_at = now
    run.version = (run.version or 0) + 1
    db.flush()


def summary_of(instance: Instance) -> dict[str, int]:
    """How many of everything an instance brings."""
    return {
        "sites": len(instance.sites),
        "chairs": len(instance.chairs),
        "rooms": len(instance.rooms),
        "staff": len(instance.staff),
        "shifts": sum(len(person.shifts) for person in instance.staff),
        "bookings": len(instance.bookings),
        "protocols": len(instance.protocols),
        "patients": len(instance.patients),
    }


def _open_to_coordinators(db: Session, principal: Principal, brought: Brought, now: datetime) -> None:
    """Whoever coordinates this clinic coordinates its new sites: without that nobody could see them."""
    sites = {site.id for site in brought.sites.values()}
    query = (
        select(Account.id)
        .join(AccountRole, AccountRole.account_id == Account.id)
        .where(Account.active, AccountRole.role == Role.COORDINATOR)
        .order_by(Account.id)
    )
    for account_id in db.scalars(query).all():
        held = {site_id for site_id, _ in find.sites_of(db, account_id)}
        change_rights(db, principal, account_id, roles=find.roles_of(db, account_id), site_ids=held | sites, now=now)
