"""The scenario clinic with one booked course, and its rosters to draft: infusions Mondays and Thursdays 09:30."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from planner.domain.access import Principal
from planner.domain.rosters import RosterShift
from planner.domain.statuses import AppointmentKind, AppointmentStatus
from planner.services.booking import book_course
from planner.services.planning import plan_for, propose
from planner.services.roster_drafts import Draft, draft_of, put_shift, remove_shift, start_draft
from planner.services.roster_publishing import PublishDraft, RosterAct, RosterPreview, preview_roster, publish_roster
from planner.services.roster_weeks import published_week
from planner.store.records import Appointment, Course, Occupancy, Person, RosterPublication
from planner.store.sheets import Wishes
from tests.builders import ScenarioClinic, at, scenario_clinic

NOW = at("2027-01-29 12:00")
MONDAY = date(2027, 2, 1)
THURSDAY = date(2027, 2, 4)
BOOKED_AT = at("2027-01-20 12:00")
MON_THU = frozenset({0, 3})


@dataclass(frozen=True)
class Rostered:
    """The clinic, its course, and short ways to do what a coordinator does with a week."""

    db: Session
    clinic: ScenarioClinic
    course: Course

    @property
    def us(self) -> Principal:
        return self.clinic.coordinator

    @property
    def where(self) -> dict[str, object]:
        return {"site_id": self.clinic.site.id, "monday": MONDAY}

    def start(self, source: str = "published", *, now: datetime = NOW, **more: object) -> Draft:
        return start_draft(self.db, self.us, source=source, now=now, **self.where, **more)  # type: ignore[arg-type]

    def draft(self) -> Draft:
        found = draft_of(self.db, self.clinic.site, MONDAY)
        assert found is not None
        return found

    def published(self) -> tuple[RosterShift, ...]:
        return published_week(self.db, self.clinic.site.id, self.clinic.site.zone, MONDAY)

    def remove(self, person: Person, *days: date, now: datetime = NOW) -> Draft:
        """Take a person's shifts on these days out of the draft."""
        for row_id, shift in self.draft().rows:
            if shift.person_id == person.id and shift.day in days:
                version = self.draft().version
                remove_shift(self.db, self.us, row_id=row_id, seen_version=version, now=now, **self.where)  # type: ignore[arg-type]
        return self.draft()

    def put(self, shift: RosterShift, *, now: datetime = NOW, **more: object) -> Draft:
        version = self.draft().version
        return put_shift(self.db, self.us, shift=shift, **{"seen_version": version, "now": now, **self.where, **more})  # type: ignore[arg-type]

    def act(self) -> PublishDraft:
        return PublishDraft(self.clinic.site.id, MONDAY, self.draft().version)

    def preview(self, act: RosterAct | None = None, now: datetime = NOW) -> RosterPreview:
        return preview_roster(self.db, self.us, act or self.act(), now=now)

    def publish(self, act: RosterAct | None = None, now: datetime = NOW) -> RosterPublication | None:
        act = act or self.act()
        return publish_roster(self.db, self.us, act, key=self.preview(act, now).courses.key, now=now)

    def one(self, kind: AppointmentKind, number: int) -> Appointment:
        query = select(Appointment).where(
            Appointment.course_id == self.course.id,
            Appointment.kind == kind,
            Appointment.number == number,
            Appointment.status == AppointmentStatus.BOOKED,
        )
        return self.db.scalars(query.execution_options(populate_existing=True)).one()

    def dose(self, number: int) -> Appointment:
        return self.one(AppointmentKind.INFUSION, number)

    def session(self, number: int) -> Appointment:
        return self.one(AppointmentKind.INTEGRATION, number)

    def everything(self) -> tuple[object, ...]:
        """All appointments, all that is held and the week's shifts, without the counters that only go up."""
        self.db.expire_all()
        rows = self.db.scalars(select(Appointment).order_by(Appointment.id))
        held = self.db.execute(select(Occupancy.appointment_id, Occupancy.holdable_id, Occupancy.starts_at)).all()
        return (
            [(r.id, r.status, r.starts_at, r.ends_at, r.chair_id, r.nurse_id, r.therapist_id, r.number) for r in rows],
            sorted(map(tuple, held), key=str),
            self.published(),
        )


def make_rostered(db: Session) -> Rostered:
    """The clinic with its course booked."""
    clinic = scenario_clinic(db)
    what = {
        "patient_id": clinic.patient.id,
        "protocol_version_id": clinic.version.id,
        "site_id": clinic.site.id,
    }
    wishes = Wishes(date(2027, 1, 25))
    plan = plan_for(db, clinic.coordinator, wishes=wishes, now=BOOKED_AT, **what)
    course = book_course(
        db,
        clinic.coordinator,
        wishes=Wishes(date(2027, 1, 25), pattern=MON_THU).to_json(),
        proposal=next(p for p in propose(plan).proposals if p.pattern == MON_THU),
        now=BOOKED_AT,
        **what,
    )
    return Rostered(db, clinic, course)


def days_from(day: date, count: int) -> tuple[date, ...]:
    """So many days in a row."""
    return tuple(day + timedelta(days=offset) for offset in range(count))
