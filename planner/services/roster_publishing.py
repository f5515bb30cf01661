"""Publishing a drafted week, or taking a published version back: as a new version, with all that follows in courses.

The new shifts are written first, then every course is loaded with them and decided in turn; a preview rolls all of it
back. Only the time to come changes: days that have passed keep the roster they had.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from planner.domain.access import Principal
from planner.domain.conflicts import Conflict, Rule
from planner.domain.errors import FieldError, NotFound, Refused, StaleVersion
from planner.domain.intervals import Interval, merge, subtract
from planner.domain.rosters import RosterLine, RosterShift, differences, digest_of, in_order, instants_of
from planner.domain.statuses import HOLDING
from planner.domain.walltime import local_day
from planner.scheduling.covering import Displaced
from planner.scheduling.roster_changes import uncovered
from planner.scheduling.sheets import CourseSheet
from planner.scheduling.together import CourseChange, decide_together
from planner.services import auditing
from planner.services.applying import apply_decision
from planner.services.change_sets import check_version
from planner.services.disruptions import Choices, DisruptionPreview
from planner.services.roster_drafts import THE_DRAFT, delete_draft, draft_of, lock_draft, without_passed_days
from planner.services.roster_weeks import (
    newest_number,
    published_week,
    refuse_past_week,
    roster_site,
    still_here,
    write_week,
)
from planner.store.records import Appointment, ChangeSet, Clinic, RosterDraft, RosterPublication, Site
from planner.store.sheets import load_courses_touching

KIND_PUBLISH = "roster.publish"
KIND_WITHDRAW = "roster.withdraw"
KIND_WEEKS = "roster.publish.weeks"
#: Weeks from which somebody who left was taken; there is no undoing of that.
KIND_LEFT = "roster.left"
ROSTER_KINDS = (KIND_PUBLISH, KIND_WITHDRAW, KIND_WEEKS)
THE_WEEK = "The roster of this week"
BOOKED_IN = "Appointments would have to change. Draft and publish these weeks one by one."


@dataclass(frozen=True, slots=True)
class PublishDraft:
    """Publish the draft of a site's week as it was seen at `seen_version`."""

    site_id: int
    monday: date
    seen_version: int


@dataclass(frozen=True, slots=True)
class Withdraw:
    """Put back what stood before the newest version of a site's week, which has this number."""

    site_id: int
    monday: date
    number: int


RosterAct = PublishDraft | Withdraw


@dataclass(frozen=True, slots=True)
class RosterPreview:
    """What publishing does: shift by shift, and course by course. Nothing to do has no `lines`."""

    number: int
    lines: tuple[RosterLine, ...]
    courses: DisruptionPreview


@dataclass(frozen=True, slots=True)
class Week:
    """A week about to be another: what stood there, what will, and as which version."""

    site: Site
    monday: date
    before: tuple[RosterShift, ...]
    after: tuple[RosterShift, ...]
    number: int
    draft_id: int | None

    @property
    def lines(self) -> tuple[RosterLine, ...]:
        return differences(self.before, self.after)


def preview_roster(
    db: Session, principal: Principal, act: RosterAct, *, now: datetime, choices: Choices | None = None
) -> RosterPreview:
    """Decide what publishing or taking back does. Needs a session that may write; nothing stays written.

    Raises NotFound, StaleVersion for a draft that changed or a week published by somebody else since, FieldError at
    `week`, Refused when something is pinned.
    """
    savepoint = db.begin_nested()
    try:
        week = _week_of(db, principal, act, now)
        changes = _carry_out(db, principal, week, _kind(act), now, choices or {})
        return RosterPreview(week.number, week.lines, DisruptionPreview(changes, _key(week, changes)))
    finally:
        savepoint.rollback()


def publish_roster(
    db: Session,
    principal: Principal,
    act: RosterAct,
    *,
    key: str,
    now: datetime,
    choices: Choices | None = None,
    override_reasons: Mapping[Rule, str] | None = None,
) -> RosterPublication | None:
    """Write the version and every change that follows, in one transaction; undone as one.

    A draft that says what is published already is thrown away, and nothing is published (None). Raises StaleVersion
    when something changed since the preview, and what `preview_roster` raises.
    """
    with db.begin_nested():
        week = _week_of(db, principal, act, now)
        if not week.lines:
            if week.draft_id is not None:
                delete_draft(db, week.draft_id)
            return None
        changes = _carry_out(db, principal, week, _kind(act), now, choices or {})
        if _key(week, changes) != key:
            raise StaleVersion(0, 1, "The plan")
        minutes = db.get_one(Clinic, 1).undo_minutes
        made = _record(db, principal, week, _kind(act), now, minutes)
        for change in changes:
            part = apply_decision(
                db,
                principal,
                course_id=change.course.id,
                decision=change.decision,
                seen_versions={a.id: a.version for a in change.course.appointments},
                now=now,
                undo_minutes=minutes,
                override_reasons=override_reasons or {},
                reason="",
            )
            part.group_id = made.change_set_id
        if week.draft_id is not None:
            delete_draft(db, week.draft_id)
        db.flush()
    return made


def publish_weeks(
    db: Session, principal: Principal, site: Site, weeks: Mapping[date, tuple[RosterShift, ...]], now: datetime
) -> ChangeSet:
    """Publish weeks in which nothing is published, by their Mondays, as one change that is undone as one.

    Raises StaleVersion when somebody was first with one of them, FieldError at `week`, and Refused when anything
    booked would have to change: that is shown and decided week by week.
    """
    with db.begin_nested():
        group = start_group(db, principal, KIND_WEEKS, now, timedelta(minutes=db.get_one(Clinic, 1).undo_minutes))
        for monday, shifts in sorted(weeks.items()):
            refuse_past_week(monday, site, now)
            before = published_week(db, site.id, site.zone, monday)
            number = newest_number(db, site.id, monday) + 1
            if before:
                raise StaleVersion(0, number - 1, THE_WEEK)
            week = Week(site, monday, before, in_order(shifts), number, None)
            if _carry_out(db, principal, week, KIND_WEEKS, now, {}):
                raise Refused([Conflict(Rule.STATUS, BOOKED_IN)])
            make_version(db, principal, week, group, now)
    return group


def _week_of(db: Session, principal: Principal, act: RosterAct, now: datetime) -> Week:
    site = roster_site(db, principal, act.site_id)
    refuse_past_week(act.monday, site, now)
    today = local_day(now, site.zone)
    wanted: Iterable[RosterShift]
    if isinstance(act, PublishDraft):
        row = _seen_draft(db, site, act)
        before = published_week(db, site.id, site.zone, act.monday)
        newest = newest_number(db, site.id, act.monday)
        if row.base_digest != digest_of(before):
            raise StaleVersion(row.base_number, newest, THE_WEEK)
        draft = draft_of(db, site, act.monday)
        wanted = draft.shifts if draft is not None else ()
        draft_id: int | None = row.id
    else:
        newest = newest_number(db, site.id, act.monday)
        if act.number != newest:
            raise StaleVersion(act.number, newest, THE_WEEK)
        before = published_week(db, site.id, site.zone, act.monday)
        wanted = still_here(db, site, version_of(db, site.id, act.monday, act.number).before_shifts)
        draft_id = None
    after = in_order(without_passed_days(wanted, before, today))
    return Week(site, act.monday, before, after, newest + 1, draft_id)


def _seen_draft(db: Session, site: Site, act: PublishDraft) -> RosterDraft:
    """The draft, locked: of two who publish it the second one finds it gone."""
    try:
        row = lock_draft(db, site, act.monday)
    except NotFound as error:
        raise StaleVersion(act.seen_version, 0, THE_DRAFT) from error
    check_version(act.seen_version, row.version, THE_DRAFT)
    return row


@dataclass(frozen=True, slots=True)
class Version:
    """One published version of a week as plain shifts."""

    row: RosterPublication
    before_shifts: tuple[RosterShift, ...]
    after_shifts: tuple[RosterShift, ...]


def version_of(db: Session, site_id: int, monday: date, number: int) -> Version:
    """A version by its number. One query. Raises NotFound."""
    row = db.scalar(
        select(RosterPublication).where(
            RosterPublication.site_id == site_id,
            RosterPublication.monday == monday,
            RosterPublication.number == number,
        )
    )
    if row is None:
        raise NotFound
    before, after = (tuple(map(RosterShift.from_json, kept)) for kept in (row.before, row.after))
    return Version(row, before, after)


def _carry_out(
    db: Session, principal: Principal, week: Week, kind: str, now: datetime, choices: Choices
) -> tuple[CourseChange, ...]:
    """Write the shifts, and decide all courses from under which they took somebody, each with what others take."""
    touched = scope_of(db, week, now)
    before = {course.id: course.clinic for course in touched.load(db, now)} if touched else {}
    write_week(db, week.site, week.monday, week.after)
    parts = []
    for course in touched.load(db, now) if touched else ():
        ids = uncovered(course, before[course.id]) if course.id in before else frozenset()
        if ids:
            _check_site(db, principal, course)
            parts.append(Displaced(course, ids))
    return tuple(change for change in decide_together(parts, kind, choices) if change.decision.lines)


@dataclass(frozen=True, slots=True)
class Scope:
    """Where and when courses may lose somebody: at these sites, from one day to another."""

    site_ids: tuple[int, ...]
    first_day: date
    last_day: date

    def load(self, db: Session, now: datetime) -> tuple[CourseSheet, ...]:
        """The courses there, in order of id."""
        found: dict[int, CourseSheet] = {}
        for site_id in self.site_ids:
            for course in load_courses_touching(db, self.first_day, self.last_day, now, site_id=site_id):
                found[course.id] = course
        return tuple(found[course_id] for course_id in sorted(found))


def scope_of(db: Session, week: Week, now: datetime) -> Scope | None:
    """None when nobody works any less in the time to come, so that nothing can be lost."""
    lost = [(person_id, span) for person_id, span in _lost(week) if span.end > now]
    if not lost:
        return None
    first, last = min(span.start for _, span in lost), max(span.end for _, span in lost)
    people = {person_id for person_id, _ in lost}
    sites = db.scalars(
        select(Appointment.site_id)
        .where(Appointment.status.in_(HOLDING), Appointment.starts_at < last, Appointment.ends_at > first)
        .where(or_(Appointment.therapist_id.in_(people), Appointment.nurse_id.in_(people)))
        .distinct()
    )
    ids = tuple(sorted({week.site.id, *sites}))
    # The neighbouring days too: another site's day begins at another instant.
    return Scope(ids, first.date() - timedelta(days=1), last.date() + timedelta(days=1))


def _lost(week: Week) -> Iterator[tuple[int, Interval]]:
    """Whose working time, on site or by telehealth, becomes less, and when. Breaks and being on call are no work."""
    before, after = (_worked(shifts, week.site.zone) for shifts in (week.before, week.after))
    for at, spans in before.items():
        for left in subtract(merge(spans), after.get(at, [])):
            yield at[0], left


def _worked(shifts: Iterable[RosterShift], zone: str) -> dict[tuple[int, bool], list[Interval]]:
    found: dict[tuple[int, bool], list[Interval]] = {}
    for shift in shifts:
        if shift.on_call:
            continue
        when = instants_of(shift, zone)
        own = found.setdefault((shift.person_id, shift.is_remote), [])
        if when.break_starts_at is None or when.break_ends_at is None:
            own.append(Interval(when.starts_at, when.ends_at))
        else:
            own.append(Interval(when.starts_at, when.break_starts_at))
            own.append(Interval(when.break_ends_at, when.ends_at))
    return found


def _check_site(db: Session, principal: Principal, course: CourseSheet) -> None:
    """Nobody changes appointments of a site that is not theirs."""
    if course.clinic.site.id not in principal.site_ids:
        name = db.get_one(Site, course.clinic.site.id).name
        raise FieldError(
            "week", f"Appointments at {name} would lose somebody. Somebody who coordinates both sites has to do this."
        )


def _record(db: Session, principal: Principal, week: Week, kind: str, now: datetime, minutes: int) -> RosterPublication:
    """The change set with its one version. Raises StaleVersion when somebody else was first."""
    return make_version(db, principal, week, start_group(db, principal, kind, now, timedelta(minutes=minutes)), now)


def start_group(db: Session, principal: Principal, kind: str, now: datetime, grace: timedelta) -> ChangeSet:
    """The change set that versions of weeks belong to; all of them are undone as one within `grace`."""
    group = ChangeSet(kind=kind, account_id=principal.account_id, at=now, undo_until=now + grace)
    db.add(group)
    db.flush()
    return group


def make_version(db: Session, principal: Principal, week: Week, group: ChangeSet, now: datetime) -> RosterPublication:
    """The version and its line of history. Raises StaleVersion when somebody else was first."""
    made = RosterPublication(
        site_id=week.site.id,
        monday=week.monday,
        number=week.number,
        is_withdrawal=group.kind == KIND_WITHDRAW,
        account_id=principal.account_id,
        change_set_id=group.id,
        at=now,
        before=[shift.to_json() for shift in week.before],
        after=[shift.to_json() for shift in week.after],
    )
    db.add(made)
    try:
        with db.begin_nested():
            db.flush()
    except IntegrityError as error:
        raise StaleVersion(week.number - 1, week.number, THE_WEEK) from error
    auditing.record(
        db,
        principal,
        action=group.kind,
        object_type="roster_publication",
        object_id=made.id,
        now=now,
        change_set_id=group.id,
        detail={"site": week.site.id, "week": week.monday.isoformat(), "number": week.number},
    )
    return made


def _kind(act: RosterAct) -> str:
    return KIND_PUBLISH if isinstance(act, PublishDraft) else KIND_WITHDRAW


def _key(week: Week, changes: Iterable[CourseChange]) -> str:
    told = [(c.course.id, sorted((a.id, a.version) for a in c.course.appointments), c.decision.lines) for c in changes]
    said = week.site.id, week.monday, week.number, digest_of(week.before), digest_of(week.after), told
    return hashlib.sha256(repr(said).encode()).hexdigest()[:32]
