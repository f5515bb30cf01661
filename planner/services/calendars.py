"""What a calendar link shows: appointments and leave as feed entries, rendered to bytes.

Which appointments belong in whose calendar, under which words, is decided here; how they are written is decided in
`planner.feeds`.
"""

from __future__ import annotations

import logging
import uuid
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, and_, not_, or_, select
from sqlalchemy.orm import Session

from planner.domain.intervals import instant_of
from planner.domain.statuses import AppointmentKind, AppointmentStatus, Mode
from planner.domain.walltime import day_span, local_day
from planner.feeds.entries import CalendarHead, Entry, FeedEntry, LeaveEntry, as_of_revision
from planner.feeds.ical import RenderedEvent, render_all, render_calendar
from planner.feeds.neutral import is_neutral
from planner.feeds.span import fitting, listed, window_day, window_edges
from planner.feeds.wording import LEAVE_KIND, AppointmentFacts, Audience, Detail, FeedStyle, appointment_text
from planner.scheduling.placements import Placement
from planner.store.records import (
    Absence,
    Appointment,
    Chair,
    Clinic,
    Feed,
    FeedDetail,
    FeedScope,
    Patient,
    PersonSite,
    Room,
    Site,
)

LOG = logging.getLogger(__name__)

COLOR: Final = ("teal", "#008080")
NEUTRAL_NAME: Final = "Appointments"
#: Leave has no UID of its own in the database; it is made of its number under this constant, the same for life.
_LEAVE: Final = uuid.UUID("5b0c31c4-6d64-4c65-9a58-6a7a1f5e2d10")
_LEAVE_HOST: Final = "calendar.invalid"
#: A proposed date is not an appointment yet; a record made by mistake never was one.
_SHOWN: Final = (
    AppointmentStatus.BOOKED,
    AppointmentStatus.ARRIVED,
    AppointmentStatus.FULFILLED,
    AppointmentStatus.NOSHOW,
    AppointmentStatus.CANCELLED,
)

AUDIENCES: Final = {
    FeedScope.PATIENT: Audience.PATIENT,
    FeedScope.THERAPIST: Audience.STAFF,
    FeedScope.CHAIR: Audience.PLACE,
    FeedScope.ROOM: Audience.PLACE,
    FeedScope.SITE: Audience.PLACE,
}


class LastGood:
    """The last good bytes of each entry of the feeds this process has built lately (feeds.md rule 19)."""

    def __init__(self, feeds: int = 200) -> None:
        self._most = feeds
        self._kept: OrderedDict[int, dict[str, bytes]] = OrderedDict()

    def of(self, feed_id: int) -> Mapping[str, bytes]:
        """The entries of one feed by UID."""
        return self._kept.get(feed_id, {})

    def keep(self, feed_id: int, events: Iterable[RenderedEvent]) -> None:
        """Remember a feed's entries in place of what was known; the feed not built for longest is forgotten."""
        self._kept[feed_id] = {event.entry.uid: event.body for event in events}
        self._kept.move_to_end(feed_id)
        while len(self._kept) > self._most:
            self._kept.popitem(last=False)


@dataclass(frozen=True, slots=True)
class _Words:
    """What the clinic has agreed calendars may say."""

    calendar_name: str
    short_name: str
    zone: str


def calendar_bytes(
    db: Session,
    feed: Feed,
    now: datetime,
    last_modified: datetime,
    last_good: LastGood,
    *,
    portal_url: str | None = None,
) -> bytes:
    """The whole calendar of one link. Three queries, four for staff.

    `portal_url` leads to a page behind the sign-in. Raises FeedUnavailable when an entry cannot be written and no
    earlier bytes of it are known.
    """
    words = _words(db)
    day = window_day(now)
    entries = _appointments(db, feed, words, now, portal_url)
    if feed.scope is FeedScope.THERAPIST:
        entries += _leave(db, feed, words, now)
    revised = [_revised(entry, feed) for entry in entries]
    shown = listed(revised, day, hide_cancelled=feed.hide_cancelled)
    events = fitting(render_all(shown, LOG, last_good.of(feed.id)), day)
    last_good.keep(feed.id, events)
    head = _head(_calendar_name(db, feed, words), last_modified)
    return render_calendar(head, [event.body for event in events])


def _revised(entry: Entry, feed: Feed) -> Entry:
    if isinstance(entry, LeaveEntry):
        return as_of_revision(entry, feed.revision, feed.revised_at)
    return as_of_revision(entry, feed.revision, feed.revised_at)


def empty_calendar(last_modified: datetime) -> bytes:
    """A calendar without entries: the only answer that takes appointments off devices (feeds.md rule 17)."""
    return render_calendar(_head(NEUTRAL_NAME, last_modified), [])


def _head(name: str, changed_at: datetime) -> CalendarHead:
    return CalendarHead(name=name, color=COLOR[0], apple_color=COLOR[1], changed_at=changed_at)


def _words(db: Session) -> _Words:
    row = db.execute(select(Clinic.neutral_name, Clinic.feed_words, Clinic.zone)).one_or_none()
    if row is None:
        return _Words(NEUTRAL_NAME, "", "UTC")
    name = row.neutral_name if is_neutral(row.neutral_name) else NEUTRAL_NAME
    return _Words(name or NEUTRAL_NAME, row.feed_words, row.zone)


def _calendar_name(db: Session, feed: Feed, words: _Words) -> str:
    """The clinic's neutral name; for a place with the place's own, so that two links can be told apart."""
    queries: dict[FeedScope, Select[str]] = {
        FeedScope.CHAIR: select(Chair.name).where(Chair.id == feed.subject_id),
        FeedScope.ROOM: select(Room.name).where(Room.id == feed.subject_id),
        FeedScope.SITE: select(Site.alias).where(Site.id == feed.subject_id),
    }
    if feed.scope not in queries:
        return words.calendar_name
    place = db.scalar(queries[feed.scope]) or ""
    return f"{words.calendar_name} · {place}" if place and is_neutral(place) else words.calendar_name


def _belongs(feed: Feed) -> ColumnElement[bool]:
    subject = feed.subject_id
    return {
        FeedScope.PATIENT: Appointment.patient_id == subject,
        FeedScope.THERAPIST: or_(Appointment.therapist_id == subject, Appointment.nurse_id == subject),
        FeedScope.CHAIR: Appointment.chair_id == subject,
        FeedScope.ROOM: Appointment.room_id == subject,
        FeedScope.SITE: Appointment.site_id == subject,
    }[feed.scope]


def _appointments(db: Session, feed: Feed, words: _Words, now: datetime, portal_url: str | None) -> list[Entry]:
    opens_at, closes_at = window_edges(window_day(now))
    never_booked = and_(
        Appointment.status == AppointmentStatus.CANCELLED,
        Appointment.kind == AppointmentKind.INFUSION,
        Appointment.chair_id.is_(None),
        Appointment.nurse_id.is_(None),
    )
    query = (
        select(
            Appointment.uid,
            Appointment.sequence,
            Appointment.changed_at,
            Appointment.starts_at,
            Appointment.ends_at,
            Appointment.kind,
            Appointment.status,
            Appointment.mode,
            Patient.code,
            Chair.name.label("chair"),
            Room.name.label("room"),
            Site.alias,
            Site.address,
        )
        .join(Patient, Patient.id == Appointment.patient_id)
        .join(Site, Site.id == Appointment.site_id)
        .outerjoin(Chair, Chair.id == Appointment.chair_id)
        .outerjoin(Room, Room.id == Appointment.room_id)
        .where(_belongs(feed), Appointment.status.in_(_SHOWN), not_(never_booked))
        .where(Appointment.ends_at > opens_at, Appointment.starts_at < closes_at)
        .order_by(Appointment.starts_at, Appointment.id)
    )
    style = _style(feed, words)
    return [_entry(row, style, portal_url) for row in db.execute(query)]


def _style(feed: Feed, words: _Words) -> FeedStyle:
    return FeedStyle(
        audience=AUDIENCES[feed.scope],
        detail=Detail(feed.detail.value),
        show_place=feed.show_address,
        short_name=feed.words or words.short_name,
    )


def _entry(row: Any, style: FeedStyle, portal_url: str | None) -> FeedEntry:
    cancelled = row.status is AppointmentStatus.CANCELLED
    text = appointment_text(
        AppointmentFacts(
            kind=row.kind.value,
            code=row.code,
            chair_code=row.chair,
            room_code=row.room,
            site_alias=row.alias,
            address=row.address,
            portal_url=portal_url,
            online=row.mode is Mode.TELEHEALTH,
            cancelled=cancelled,
        ),
        style,
    )
    return FeedEntry(
        uid=row.uid,
        sequence=row.sequence,
        changed_at=row.changed_at,
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        summary=text.summary,
        location=text.location,
        description=text.description,
        cancelled=cancelled,
    )


def _leave(db: Session, feed: Feed, words: _Words, now: datetime) -> list[Entry]:
    """A member of staff's absences: whole local days as dates, parts of days as spans."""
    opens_at, closes_at = window_edges(window_day(now))
    zone = (
        select(Site.zone)
        .join(PersonSite, PersonSite.site_id == Site.id)
        .where(PersonSite.person_id == feed.subject_id)
        .order_by(Site.id)
        .limit(1)
        .scalar_subquery()
    )
    query = (
        select(Absence.id, Absence.starts_at, Absence.ends_at, zone)
        .where(Absence.person_id == feed.subject_id)
        .where(Absence.ends_at > opens_at, Absence.starts_at < closes_at)
        .order_by(Absence.starts_at, Absence.id)
    )
    summary = appointment_text(AppointmentFacts(kind=LEAVE_KIND), _style(feed, words)).summary
    return [_leave_entry(feed, summary, row[0], row[1], row[2], row[3] or words.zone) for row in db.execute(query)]


def _leave_entry(feed: Feed, summary: str, absence_id: int, starts_at: datetime, ends_at: datetime, zone: str) -> Entry:
    uid = f"{uuid.uuid5(_LEAVE, str(absence_id)).hex}@{_LEAVE_HOST}"
    first, last = local_day(starts_at, zone), local_day(ends_at - timedelta(seconds=1), zone)
    if (day_span(first, zone)[0], day_span(last, zone)[1]) == (starts_at, ends_at):
        return LeaveEntry(
            uid=uid, sequence=0, changed_at=feed.created_at, first_day=first, last_day=last, summary=summary
        )
    return FeedEntry(
        uid=uid,
        sequence=0,
        changed_at=feed.created_at,
        starts_at=starts_at,
        ends_at=ends_at,
        summary=summary,
    )


@dataclass(frozen=True, slots=True)
class PlannedDates:
    """A plan to be written as a calendar: its placements, whose it is by code, and what the chairs are called."""

    placements: tuple[Placement, ...]
    patient_code: str
    chair_names: Mapping[int, str]
    uids: tuple[str, ...] = ()


def plan_bytes(plan: PlannedDates, now: datetime) -> bytes:
    """A plan as a calendar file for staff, by reference code; tentative unless it has its appointments' UIDs."""
    style = FeedStyle(audience=Audience.STAFF, detail=Detail(FeedDetail.CODE.value))
    entries: list[Entry] = []
    for index, placement in enumerate(plan.placements):
        facts = AppointmentFacts(
            kind=placement.kind.value,
            code=plan.patient_code,
            chair_code=plan.chair_names.get(placement.chair_id or 0),
            online=placement.mode is Mode.TELEHEALTH,
        )
        mark = f"{plan.patient_code} {placement.kind} {placement.number} {placement.start}"
        entry = FeedEntry(
            uid=f"{uuid.uuid5(_LEAVE, mark).hex}@{_LEAVE_HOST}",
            sequence=0,
            changed_at=now,
            starts_at=instant_of(placement.start),
            ends_at=instant_of(placement.end),
            summary=appointment_text(facts, style).summary,
            tentative=True,
        )
        entries.append(replace(entry, uid=plan.uids[index], tentative=False) if plan.uids else entry)
    entries.sort(key=lambda entry: (entry.starts_at, entry.uid))
    return render_calendar(_head(NEUTRAL_NAME, now), [event.body for event in render_all(entries, LOG)])
