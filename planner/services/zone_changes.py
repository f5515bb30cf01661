"""When the rules of a time zone change, what was agreed is the wall time: future instants are derived from it anew.

One transaction per zone. Appointments whose instant is another one move with everything they hold, all of it released
before any of it is held again, under the database's guards; their SEQUENCE goes up, the history has a line for each.
One that would land on somebody or something else stays as it was and is told, with the reason, for a person to decide.
The past is never touched. Shifts follow as well, because they are agreed as wall time, too.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from planner.domain.access import Permission, Principal, require
from planner.domain.intervals import Interval
from planner.domain.statuses import MOVABLE, AppointmentKind, AppointmentStatus
from planner.domain.walltime import (
    AmbiguousWallTime,
    NonexistentWallTime,
    UnknownZone,
    resolve_wall,
    resolve_wall_leniently,
)
from planner.domain.zonedata import zone_data_version
from planner.scheduling.zone_shifts import Excused, Follower, ShiftMove, apart, those_who_stay
from planner.services import auditing
from planner.services.reading.windows import readings_by_dose
from planner.store.calendar_versions import bump, subjects_of
from planner.store.occupying import Claim, conflicts_with, held_by, hold_all, lock_holdables, release, release_expired
from planner.store.records import Appointment, Course, Occupancy, Patient, RuleOverride, Shift

#: Nothing is held for longer than this, and no zone's rules ever move a time by more.
REACH = timedelta(days=2)
IN_THE_WAY = "Another appointment that has to stay is in the way."
BEGUN = "At the agreed time it would have begun already."


@dataclass(frozen=True, slots=True)
class Followed:
    """One appointment: whose (by code), what, the agreed wall time, its instants before, and after if it moves.

    `reasons` are sentences why it stays; empty for one that moves.
    """

    appointment_id: int
    course_id: int | None
    patient_code: str
    kind: AppointmentKind
    number: int
    wall: str
    before: Interval
    after: Interval | None
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CourseToSee:
    """A course that a coordinator has to look at, and why."""

    course_id: int
    patient_code: str
    sentences: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ZoneChange:
    """What following the zone's rules did, or would do: appointments that moved and that stayed, courses to look at.

    `unchanged` counts appointments whose instants are right as they are; `shifts` those that moved.
    """

    zone: str
    data_before: tuple[str, ...]
    data_now: str
    moved: tuple[Followed, ...]
    stayed: tuple[Followed, ...]
    courses: tuple[CourseToSee, ...]
    unchanged: int
    shifts: int


def outdated(db: Session, now: datetime) -> dict[str, tuple[str, ...]]:
    """Zones with future appointments that were derived with other data than today's, and which data. One query."""
    query = (
        select(Appointment.zone, Appointment.tzdata_version)
        .where(*_future(now), Appointment.tzdata_version != zone_data_version())
        .distinct()
    )
    found: defaultdict[str, set[str]] = defaultdict(set)
    for zone, version in db.execute(query):
        found[zone].add(version or "an unknown release")
    return {zone: tuple(sorted(versions)) for zone, versions in sorted(found.items())}


def outdated_sentence(db: Session, now: datetime) -> str:
    """What an operator has to be told; empty when all data agree."""
    releases = sorted({version for versions in outdated(db, now).values() for version in versions})
    if not releases:
        return ""
    before = ", ".join(releases)
    return f"zone data changed from {before} to {zone_data_version()}: run “flask --app wsgi upkeep zones”"


def zones_in_use(db: Session, now: datetime) -> tuple[str, ...]:
    """Zones of future appointments and shifts, by name. Two queries."""
    booked = db.scalars(select(Appointment.zone).where(*_future(now)).distinct())
    rostered = db.scalars(select(Shift.zone).where(Shift.starts_at > now).distinct())
    return tuple(sorted({*booked, *rostered}))


def follow_zone(db: Session, principal: Principal | None, zone: str, now: datetime) -> ZoneChange:
    """Derive everything in the future of one zone anew from its wall times, with the zone data in force.

    The command line passes no principal; anybody else needs COURSES_PLAN. To see it first, call it in a transaction
    and roll that back. Raises NotPermitted, and Refused when somebody takes a time in this very moment.
    """
    if principal is not None:
        require(principal, Permission.COURSES_PLAN)
    with db.begin_nested():
        work = _Work(db, principal, zone, now)
        work.lock()
        work.derive()
        work.settle()
        work.move()
        return work.finish(_follow_shifts(db, zone, now))


def _future(now: datetime) -> list[ColumnElement[bool]]:
    return [Appointment.starts_at > now, Appointment.status.in_(MOVABLE)]


@dataclass
class _Work:
    """One zone being followed, step by step. Each step is one verb; the order is `follow_zone`'s."""

    db: Session
    principal: Principal | None
    zone: str
    now: datetime
    rows: dict[int, Appointment] = field(default_factory=dict)
    codes: dict[int, str] = field(default_factory=dict)
    held: dict[int, tuple[Claim, ...]] = field(default_factory=dict)
    before: dict[int, Interval] = field(default_factory=dict)
    old_data: set[str] = field(default_factory=set)
    after: dict[int, Interval] = field(default_factory=dict)
    stays: dict[int, tuple[str, ...]] = field(default_factory=dict)
    right: set[int] = field(default_factory=set)
    faults: Mapping[int, Collection[str]] = field(default_factory=dict)

    def lock(self) -> None:
        """Courses, then appointments, then what they hold, each in the order of ids, as everybody locks."""
        of_zone = [Appointment.zone == self.zone, *_future(self.now)]
        course_ids = set(self.db.scalars(select(Appointment.course_id).where(*of_zone)))
        self.db.execute(
            select(Course.id).where(Course.id.in_(course_ids)).order_by(Course.id).with_for_update(key_share=True)
        )
        found = self.db.scalars(
            select(Appointment)
            .where(*of_zone)
            .order_by(Appointment.id)
            .with_for_update(key_share=True)
            .execution_options(populate_existing=True)
        )
        self.rows = {row.id: row for row in found}
        self.before = {row.id: row.span for row in self.rows.values()}
        self.old_data = {row.tzdata_version for row in self.rows.values()} - {zone_data_version()}
        wanted = {row.patient_id for row in self.rows.values()}
        codes = self.db.execute(select(Patient.id, Patient.code).where(Patient.id.in_(wanted)))
        self.codes = {patient_id: code for patient_id, code in codes}
        self.held = held_by(self.db, self.rows)
        self.faults = self._window_faults()
        things = {claim.holdable_id for claims in self.held.values() for claim in claims}
        lock_holdables(self.db, things)
        release_expired(self.db, things, self.now)

    def derive(self) -> None:
        """Where each belongs by its wall time, or why that cannot be told."""
        for row in self.rows.values():
            try:
                start = _instant(row)
            except (AmbiguousWallTime, NonexistentWallTime, UnknownZone) as unclear:
                self.stays[row.id] = (str(unclear),)
                continue
            if start == row.starts_at:
                self.right.add(row.id)
            elif start <= self.now:
                self.stays[row.id] = (BEGUN,)
            else:
                self.after[row.id] = Interval.lasting(start, row.span.minutes)

    def settle(self) -> None:
        """Take out those that would land on somebody or something that does not move along."""
        followers = [
            Follower(
                owner, span.start - self.before[owner].start,
                tuple((claim.holdable_id, claim.span) for claim in self.held.get(owner, ())),
            )
            for owner, span in self.after.items()
        ]  # fmt: skip
        for owner in those_who_stay(followers, self._standing(), self._excused()):
            self.stays[owner] = ()
        self.after = {owner: span for owner, span in self.after.items() if owner not in self.stays}

    def move(self) -> None:
        """Release all, tell all their new instants, hold all."""
        release(self.db, self.after)
        wanted: dict[int, tuple[Claim, ...]] = {}
        version = zone_data_version()
        for owner, span in self.after.items():
            by = span.start - self.before[owner].start
            wanted[owner] = tuple(
                Claim(claim.holdable_id, claim.span.shifted(by), claim.override_id)
                for claim in self.held.get(owner, ())
            )
            self.rows[owner].follow_zone(span, version, self.now)
        for owner in self.right:
            self.rows[owner].tzdata_version = version
        self.db.flush()
        hold_all(self.db, wanted, self.zone)

    def finish(self, shifts: int) -> ZoneChange:
        """The history's lines, the calendars' counters, and the report."""
        for owner, span in self.after.items():
            self._record(owner, span)
        bump(self.db, {s for owner in self.after for s in subjects_of(self.rows[owner])}, self.now)
        moved = tuple(self._told(owner) for owner in self._in_order(self.after))
        stayed = tuple(self._told(owner) for owner in self._in_order(self.stays))
        courses = self._courses_to_see(moved, stayed)
        if moved or stayed or self.old_data:
            auditing.record(
                self.db, self.principal, action="zone.followed", object_type="zone", object_id=None, now=self.now,
                detail={
                    "zone": self.zone, "data": zone_data_version(), "moved": len(moved), "shifts": shifts,
                    "stayed": [one.appointment_id for one in stayed], "courses": [c.course_id for c in courses],
                },
            )  # fmt: skip
        data_before = tuple(sorted(self.old_data))
        return ZoneChange(self.zone, data_before, zone_data_version(), moved, stayed, courses, len(self.right), shifts)

    def _standing(self) -> Iterable[tuple[int | None, tuple[int, Interval]]]:
        """What everybody else holds of what the followers hold, near the times in question."""
        things = {claim.holdable_id for owner in self.after for claim in self.held.get(owner, ())}
        query = select(Occupancy.appointment_id, Occupancy.holdable_id, Occupancy.starts_at, Occupancy.ends_at).where(
            Occupancy.holdable_id.in_(things), Occupancy.ends_at > self.now - REACH
        )
        for owner, holdable_id, start, end in self.db.execute(query):
            if owner not in self.after:
                yield owner, (holdable_id, Interval(start, end))

    def _excused(self) -> set[Excused]:
        """What may overlap: two appointments on what they share by an override that stands."""
        query = select(Occupancy.holdable_id, RuleOverride.appointment_id, RuleOverride.other_appointment_id).join(
            RuleOverride, RuleOverride.id == Occupancy.override_id
        )
        return {
            (holdable_id, frozenset({one, other}))
            for holdable_id, one, other in self.db.execute(query)
            if other is not None
        }

    def _record(self, owner: int, span: Interval) -> None:
        row = self.rows[owner]
        auditing.record(
            self.db, self.principal, action="appointment.zone-followed", object_type="appointment", object_id=owner,
            patient_id=row.patient_id, now=self.now,
            detail={
                "zone": self.zone, "data": zone_data_version(), "wall": row.starts_wall,
                "from": self.before[owner].start.isoformat(), "to": span.start.isoformat(),
            },
        )  # fmt: skip

    def _in_order(self, owners: Iterable[int]) -> list[int]:
        return sorted(owners, key=lambda owner: (self.before[owner], owner))

    def _told(self, owner: int) -> Followed:
        row = self.rows[owner]
        reasons = self.stays.get(owner, ())
        if owner in self.stays and not reasons:
            reasons = self._in_the_way_of(row)
        return Followed(
            owner, row.course_id, self.codes[row.patient_id], row.kind, row.number, row.starts_wall,
            self.before[owner], self.after.get(owner), reasons,
        )  # fmt: skip

    def _in_the_way_of(self, row: Appointment) -> tuple[str, ...]:
        """Asked of the database as it is after the others moved."""
        by = _instant(row) - row.starts_at
        wanted = [(row.id, Claim(claim.holdable_id, claim.span.shifted(by))) for claim in self.held.get(row.id, ())]
        sentences = (conflict.sentence for conflict in conflicts_with(self.db, wanted, self.zone))
        return tuple(dict.fromkeys(sentences)) or (IN_THE_WAY,)

    def _courses_to_see(self, moved: Iterable[Followed], stayed: Iterable[Followed]) -> tuple[CourseToSee, ...]:
        """Courses that moved in part, or in which a session no longer lies in the window of its dose."""
        sentences: defaultdict[int, list[str]] = defaultdict(list)
        codes = {one.course_id: one.patient_code for one in (*moved, *stayed)}
        for one in stayed:
            if one.course_id is not None:
                sentences[one.course_id].append(f"{one.kind} {one.number} of {one.wall} stayed at its old instant.")
        for course_id, faults in self._window_faults().items():
            sentences[course_id] += sorted(set(faults) - set(self.faults.get(course_id, ())))
        return tuple(
            CourseToSee(course_id, codes.get(course_id, ""), tuple(said))
            for course_id, said in sorted(sentences.items())
            if said
        )

    def _window_faults(self) -> dict[int, list[str]]:
        """Per course, its booked sessions that lie outside the window of their dose as things are now."""
        course_ids = {row.course_id for row in self.rows.values() if row.course_id is not None}
        faults: defaultdict[int, list[str]] = defaultdict(list)
        for reading in readings_by_dose(self.db, course_ids).values():
            for session in reading.sessions:
                if session.status is AppointmentStatus.BOOKED and not reading.fits(session):
                    words = reading.status_words(session)
                    faults[session.course_id or 0].append(f"{session.kind} {session.number} is {words} now.")
        return dict(faults)


def _instant(row: Appointment) -> datetime:
    """Where an appointment belongs. Raises AmbiguousWallTime, NonexistentWallTime, UnknownZone."""
    return _agreed(datetime.fromisoformat(row.starts_wall), row.zone, row.starts_at)


def _agreed(wall: datetime, zone: str, so_far: datetime) -> datetime:
    """The instant of an agreed wall time; of two showings the one it was so far, if it is one of them."""
    try:
        return resolve_wall(wall, zone)
    except AmbiguousWallTime as twice:
        if so_far in twice.candidates:
            return so_far
        raise


def _follow_shifts(db: Session, zone: str, now: datetime) -> int:
    """Derive future shifts of the zone anew; how many moved. A shift that has begun stays."""
    query = select(Shift).where(Shift.zone == zone, Shift.ends_at > now).order_by(Shift.id)
    shifts = {shift.id: shift for shift in db.scalars(query.with_for_update(key_share=True))}
    rosters: defaultdict[tuple[int, int], list[ShiftMove]] = defaultdict(list)
    for shift in shifts.values():
        before = Interval(shift.starts_at, shift.ends_at)
        try:
            after = _derived(shift, zone) if shift.starts_at > now else before
        except UnknownZone:
            return 0
        rosters[shift.person_id, shift.roster_site_id].append(ShiftMove(shift.id, before, after))
    moved = [move for moves in rosters.values() for move in apart(moves)]
    for move in moved:
        # One by one, in this order: the database looks at each of them beside what is there.
        shifts[move.id].starts_at, shifts[move.id].ends_at = move.after.start, move.after.end
        db.flush()
    for shift in shifts.values():
        if shift.starts_at > now:
            _follow_break(shift, datetime.combine(shift.day, time()), zone)
    db.flush()
    return len(moved)


def _derived(shift: Shift, zone: str) -> Interval:
    """When a shift is by today's rules; as it was where clocks skip all of it."""
    midnight = datetime.combine(shift.day, time())
    starts_at = _shift_edge(midnight + timedelta(minutes=shift.starts_minute), zone, shift.starts_at)
    ends_at = _shift_edge(midnight + timedelta(minutes=shift.ends_minute), zone, shift.ends_at)
    return Interval(*(starts_at, ends_at) if starts_at < ends_at else (shift.starts_at, shift.ends_at))


def _follow_break(shift: Shift, midnight: datetime, zone: str) -> None:
    """The break of a shift keeps its wall time like the shift."""
    if shift.break_starts_minute is None or shift.break_ends_minute is None:
        return
    starts_at = resolve_wall_leniently(midnight + timedelta(minutes=shift.break_starts_minute), zone)
    ends_at = resolve_wall_leniently(midnight + timedelta(minutes=shift.break_ends_minute), zone)
    if starts_at < ends_at:
        shift.break_starts_at, shift.break_ends_at = starts_at, ends_at


def _shift_edge(wall: datetime, zone: str, so_far: datetime) -> datetime:
    """Shifts are patterns: a skipped or doubled wall time is read leniently, as when they were made."""
    try:
        return _agreed(wall, zone, so_far)
    except (AmbiguousWallTime, NonexistentWallTime):
        return resolve_wall_leniently(wall, zone)
