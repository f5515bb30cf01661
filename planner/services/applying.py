"""Applying a decision as it was shown: every line of it in one transaction, or none."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from planner.domain.access import Principal
from planner.domain.conflicts import Conflict, Rule
from planner.domain.errors import FieldError, Refused, StaleVersion
from planner.domain.intervals import Interval, instant_of
from planner.domain.protocol_parsing import parse_protocol
from planner.domain.statuses import COUNTING, HOLDING, MOVABLE, SAID, AppointmentKind, AppointmentStatus
from planner.scheduling.decisions import Decision, Line, LineKind
from planner.scheduling.placements import Placement
from planner.services import auditing
from planner.services.booking import UID_HOST, booster, booster_span, make_appointments
from planner.services.change_sets import Act, lock_appointments, lock_course
from planner.services.overriding import OVERRIDE_FOR, checked_reason, claims_under, override_rule
from planner.store.day_places import day_places
from planner.store.occupying import Claim, claims_of, held_by, hold_all, lock_holdables, release, release_expired
from planner.store.records import (
    Appointment,
    ChangeSet,
    Course,
    Encounter,
    OverrideRule,
    ProtocolVersion,
    Site,
)


def apply_decision(
    db: Session,
    principal: Principal,
    *,
    course_id: int,
    decision: Decision,
    seen_versions: Mapping[int, int],
    now: datetime,
    undo_minutes: int,
    override_reasons: Mapping[Rule, str] | None = None,
    reason: str = "",
    dose_started_at: datetime | None = None,
    uid_host: str = UID_HOST,
) -> ChangeSet:
    """Write a decision about one course. `seen_versions` maps appointment ids to the versions the person saw.

    `reason` is kept with cancelled and missed appointments. `dose_started_at` is the real start of a dose whose end
    the decision records; without it an earlier record's start, else the planned one, is used.
    Raises StaleVersion before anything else, NotPermitted and FieldError (`reason`, `dose_start`), Refused when
    somebody took a time meanwhile, NotFound. Nothing is kept on any of them.
    """
    with db.begin_nested():
        course = lock_course(db, course_id)
        rows = lock_appointments(db, course_id=course_id)
        _check_versions(rows, decision, seen_versions)
        reasons = _needed_reasons(decision, override_reasons or {})
        work = _Work(db, principal, course, rows, decision, now, uid_host)
        work.act.watch(work.touched())
        work.lock()
        work.free()
        work.change_statuses(reason)
        work.record_doses(dose_started_at)
        work.create()
        work.place()
        work.link()
        work.follow_boosters()
        work.claim(reasons)
        work.note_unsaved()
        return work.act.finish(
            f"course.{decision.kind}",
            course=course,
            patient_id=course.patient_id,
            undo_minutes=undo_minutes,
            detail={str(kind): len(decision.of(kind)) for kind in LineKind if decision.of(kind)},
        )


class _Work:
    """One decision being written, step by step. Each step is one verb; the order is `apply_decision`'s."""

    def __init__(
        self,
        db: Session,
        principal: Principal,
        course: Course,
        rows: dict[int, Appointment],
        decision: Decision,
        now: datetime,
        uid_host: str,
    ) -> None:
        self.db, self.principal, self.course, self.rows, self.now = db, principal, course, rows, now
        self.decision, self.uid_host = decision, uid_host
        self.lines = tuple(line for line in decision.lines if _writes(line))
        self.act = Act(db, principal, now)
        self.created: dict[int, Appointment] = {}
        self.zones = _zones(db, course, [line.after for line in self.lines if line.after])

    def row(self, line: Line) -> Appointment:
        """The appointment a line is about."""
        if line.kind is LineKind.CREATED:
            return self.created[id(line)]
        if line.before is None:
            raise ValueError(f"a line that is {line.kind} needs its appointment")
        return self.rows[line.before.id]

    def touched(self) -> list[Appointment]:
        """The existing rows the decision may change, boosters included."""
        wanted = {line.before.id for line in self.decision.lines if line.before and _writes(line)}
        numbers = {day.number for day in self.decision.boosters}
        return [row for row in self.rows.values() if row.id in wanted or (_is_booster(row) and row.number in numbers)]

    def lock(self) -> None:
        held = held_by(self.db, [row.id for row in self.touched()])
        wanted = {claim.holdable_id for claims in held.values() for claim in claims}
        wanted |= {holdable for line in self.lines if line.after for holdable, _, _ in line.after.holds}
        lock_holdables(self.db, wanted)
        release_expired(self.db, wanted, self.now)
        placed = [line.after for line in self.lines if line.after and line.kind in (LineKind.MOVED, LineKind.CREATED)]
        self.places = day_places(self.db, placed, self.zones, self.now)

    def free(self) -> None:
        """Give back what changes, all of it before anything is claimed: two appointments may swap."""
        release(
            self.db,
            [self.row(line).id for line in self.lines if line.gives_up or line.kind is LineKind.MOVED]
            + [self.row(line).id for line in self.decision.of(LineKind.MARKED) if line.status not in {None, *HOLDING}],
        )

    def change_statuses(self, reason: str) -> None:
        for line in self.lines:
            if line.gives_up:
                self.row(line).become(line.status or AppointmentStatus.CANCELLED, self.now, reason[:200])
            elif line.kind is LineKind.MARKED and line.status is not None and line.status != self.row(line).status:
                self.row(line).become(line.status, self.now, reason[:200])

    def record_doses(self, started_at: datetime | None) -> None:
        for line in self.decision.lines:
            if line.dose_end is not None and line.before is not None:
                row = self.rows[line.before.id]
                _record_dose(self, row, started_at, instant_of(line.dose_end))

    def create(self) -> None:
        lines = self.decision.of(LineKind.CREATED)
        placements = [_after(line) for line in lines]
        unlinked = [_unlinked(placement) for placement in placements]
        made = make_appointments(self.db, self.course, unlinked, {}, self.zones, self.now, self.uid_host)
        self.created = {id(line): row for line, row in zip(lines, made, strict=True)}
        self.rows.update((row.id, row) for row in made)
        self.act.made(made)

    def place(self) -> None:
        """Give moved appointments their time, place and people, and infusions their numbers."""
        for line in self.lines:
            if line.kind is LineKind.MOVED:
                _move(self.row(line), _after(line), self.zones, self.now)
            elif line.kind is LineKind.RENUMBERED:
                self.row(line).number = _after(line).number
                self.row(line).phase = _after(line).phase or self.row(line).phase
                self.row(line).touch(self.now, visible=False)

    def link(self) -> None:
        """Tie sessions to the infusions that carry their dose number once everything is in place."""
        # A dose left where it is because nothing could save it does not count: another may carry its number by now.
        unsaved = {line.before.id for line in self.decision.unsaved if line.before}
        infusions = {
            row.number: row.id
            for row in sorted(self.rows.values(), key=lambda row: row.id not in unsaved)
            if row.kind is AppointmentKind.INFUSION and row.status in COUNTING
        }
        for line in self.lines:
            if line.kind not in (LineKind.MOVED, LineKind.RELINKED, LineKind.CREATED):
                continue
            row, after = self.row(line), _after(line)
            row.serves_id = None if after.serves is None else infusions[after.serves]
            if line.kind is LineKind.RELINKED:
                row.number = after.number
                row.touch(self.now, visible=False)
        self.db.flush()

    def follow_boosters(self) -> None:
        """Proposed doses go where the decision says; a new one is noted. They hold nothing."""
        if not self.decision.boosters:
            return
        like = max(
            (row for row in self.rows.values() if row.kind is AppointmentKind.INFUSION and not _is_booster(row)),
            key=lambda row: row.starts_at,
        )
        known = {row.number: row for row in self.rows.values() if _is_booster(row)}
        new = []
        for day in self.decision.boosters:
            if day.number not in known:
                new.append(booster(self.course, day, like, self.now, self.uid_host))
            elif known[day.number].span != (span := booster_span(day, like)):
                known[day.number].move_to(span, self.now)
        self.db.add_all(new)
        self.db.flush()
        self.act.made(new)

    def claim(self, reasons: Mapping[Rule, str]) -> None:
        """Hold everything anew; where a rule is set aside, its override is written first."""
        wanted: dict[int, tuple[Claim, ...]] = {
            self.row(line).id: claims_of(_after(line).holds)
            for line in self.lines
            if line.kind in (LineKind.MOVED, LineKind.CREATED)
        }
        shared = _shared(self.db, self.decision)
        for owner, overrides in self._overrides(reasons).items():
            if owner in wanted:
                wanted[owner] = claims_under(self.db, wanted[owner], overrides, only=shared)
        hold_all(self.db, wanted, next(iter(self.zones.values())))
        if all(conflict.rule is not Rule.DAY_FULL for conflict in self.decision.overrides):
            self.places.check(self.db)

    def _overrides(self, reasons: Mapping[Rule, str]) -> dict[int, dict[int, int]]:
        """Write one override for each rule, appointment and other appointment; who may overlap whom under which."""
        written: dict[tuple[OverrideRule, int, int | None, str], int] = {}
        pairs: dict[int, dict[int, int]] = {}
        for conflict in self.decision.overrides:
            rule = OVERRIDE_FOR[conflict.rule]
            owner = self._owner(conflict)
            other = conflict.appointment_id if rule is OverrideRule.OVERLAP else None
            if rule is OverrideRule.OVERLAP and other is None:
                # Somebody's hold: it ends by itself, and there is no appointment that an override could name.
                raise Refused([conflict])
            about = (rule, owner, other, reasons[conflict.rule])
            if about not in written:
                written[about] = override_rule(
                    self.db, self.principal, rule=rule, appointment_id=owner, other_appointment_id=other,
                    reason=reasons[conflict.rule], now=self.now,
                ).id  # fmt: skip
            if other is not None:
                pairs.setdefault(owner, {})[other] = written[about]
        return pairs

    def _owner(self, conflict: Conflict) -> int:
        """The appointment a rule is set aside for: named by the conflict, else the line in the way, else the first."""
        if conflict.rule is not Rule.OVERLAP and conflict.appointment_id in self.rows:
            return conflict.appointment_id
        placed = [line for line in self.lines if line.kind in (LineKind.MOVED, LineKind.CREATED)]
        met = [line for line in placed if _meets(_after(line), conflict)]
        about = [self.row(line).id for line in (*met, *placed, *self.lines)]
        return about[0] if about else min(self.rows)

    def note_unsaved(self) -> None:
        for line in self.decision.unsaved:
            auditing.record(
                self.db, self.principal, action="appointment.unsaved", object_type="appointment",
                object_id=line.before.id if line.before else None, patient_id=self.course.patient_id, now=self.now,
                detail={"ways_out": [str(way.kind) for way in line.ways_out]},
            )  # fmt: skip


def _check_versions(rows: Mapping[int, Appointment], decision: Decision, seen: Mapping[int, int]) -> None:
    about = {line.before.id: line.before.version for line in decision.lines if line.before}
    for appointment_id, version in (about | dict(seen)).items():
        current = rows[appointment_id].version if appointment_id in rows else 0
        if version != current:
            raise StaleVersion(version, current)


def _shared(db: Session, decision: Decision) -> frozenset[tuple[int, int]]:
    """The (other appointment, holdable) pairs that are to be held twice. Raises StaleVersion when another appointment
    no longer holds what was shown: by now the two may meet elsewhere, or not at all."""
    overlaps = [conflict for conflict in decision.overrides if conflict.rule is Rule.OVERLAP]
    held = held_by(db, [conflict.appointment_id or 0 for conflict in overlaps])
    for conflict in overlaps:
        claims = held.get(conflict.appointment_id or 0, ())
        if conflict.appointment_id and not any(_is_that(claim, conflict) for claim in claims):
            raise StaleVersion(0, 1, "The other appointment")
    return frozenset((c.appointment_id or 0, c.holdable_id or 0) for c in overlaps)


def _is_that(claim: Claim, conflict: Conflict) -> bool:
    if conflict.starts_at is None or conflict.ends_at is None or claim.holdable_id != conflict.holdable_id:
        return False
    return Interval(conflict.starts_at, conflict.ends_at).contains(claim.span)


def _needed_reasons(decision: Decision, given: Mapping[Rule, str]) -> dict[Rule, str]:
    """The reason for each rule set aside; rules that are set aside under one word may share one."""
    needed = {conflict.rule for conflict in decision.overrides}
    firm = [conflict for conflict in decision.overrides if conflict.rule not in OVERRIDE_FOR]
    if firm:
        raise Refused(firm)
    return {rule: checked_reason(given.get(rule, "").strip() or _reason_beside(rule, given)) for rule in needed}


def _reason_beside(rule: Rule, given: Mapping[Rule, str]) -> str:
    word = OVERRIDE_FOR[rule]
    return next((text for other, text in given.items() if OVERRIDE_FOR.get(other) is word and text.strip()), "")


def _writes(line: Line) -> bool:
    quiet = line.kind in (LineKind.UNSAVED, LineKind.NOTED)
    return line.gives_up or not quiet or line.dose_end is not None


def _is_booster(row: Appointment) -> bool:
    return row.kind is AppointmentKind.INFUSION and row.status is AppointmentStatus.PROPOSED


def _after(line: Line) -> Placement:
    if line.after is None:
        raise ValueError(f"a line that is {line.kind} needs its placement")
    return line.after


def _unlinked(placement: Placement) -> Placement:
    return replace(placement, serves=None)


def _meets(placement: Placement, conflict: Conflict) -> bool:
    if conflict.starts_at is None or conflict.ends_at is None:
        return False
    in_the_way = Interval(conflict.starts_at, conflict.ends_at)
    return any(
        holdable_id == conflict.holdable_id and in_the_way.overlaps(Interval(instant_of(start), instant_of(end)))
        for holdable_id, start, end in placement.holds
    )


def _move(row: Appointment, after: Placement, zones: Mapping[int, str], now: datetime) -> None:
    if row.status not in MOVABLE:
        raise Refused(
            [Conflict(Rule.STATUS, f"This appointment {SAID[row.status]} and cannot be moved.", appointment_id=row.id)]
        )
    row.site_id, row.mode, row.zone = after.site_id, after.mode, zones[after.site_id]
    row.chair_id, row.room_id = after.chair_id, after.room_id
    row.nurse_id, row.therapist_id = after.nurse_id, after.therapist_id
    row.number, row.phase = after.number, after.phase or row.phase
    row.move_to(Interval(instant_of(after.start), instant_of(after.end)), now)


def _record_dose(work: _Work, row: Appointment, started_at: datetime | None, ended_at: datetime) -> None:
    db = work.db
    encounter = db.scalar(select(Encounter).where(Encounter.appointment_id == row.id))
    if encounter is not None:
        work.act.watch([encounter])
    start = started_at or (encounter.dose_started_at if encounter else _planned_dose_start(db, work.course, row))
    if start >= ended_at:
        raise FieldError("dose_start", "The dose has to begin before it ends. Enter when it really began.")
    if encounter is None:
        encounter = Encounter(appointment_id=row.id, version=0)
    encounter.dose_started_at, encounter.dose_ended_at = start, ended_at
    encounter.recorded_by_id, encounter.recorded_at = work.principal.account_id, work.now
    encounter.version += 1
    db.add(encounter)
    db.flush()
    if encounter.version == 1:
        work.act.made([encounter])
    row.touch(work.now, visible=False)


def _planned_dose_start(db: Session, course: Course, row: Appointment) -> datetime:
    document = db.scalars(
        select(ProtocolVersion.document).where(ProtocolVersion.id == course.protocol_version_id)
    ).one()
    return row.starts_at + timedelta(minutes=parse_protocol(document).visit.dose_starts_min)


def _zones(db: Session, course: Course, placements: Iterable[Placement]) -> dict[int, str]:
    wanted = [course.site_id, *(placement.site_id for placement in placements)]
    found = {site.id: site.zone for site in db.scalars(select(Site).where(Site.id.in_(wanted)))}
    return {site_id: found[site_id] for site_id in wanted}
