"""The same clinic with few or many rows on every page, to compare what each page costs."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any

from sqlalchemy import event
from sqlalchemy.orm import Session

from planner.domain.access import Role
from planner.domain.rosters import RosterShift
from planner.domain.statuses import AppointmentKind
from planner.domain.walltime import local_day, resolve_wall
from planner.services.places import add_chair, add_room, add_site
from planner.services.publishing import CONSENT_VERSION, hash_of
from planner.services.roster_drafts import put_shift, start_draft
from planner.services.roster_patterns import PatternWish, add_pattern
from planner.services.rostering import add_patient_absence, add_person, add_weekly_shifts
from planner.store.engine import Store
from planner.store.records import (
    Appointment,
    Credential,
    Feed,
    FeedDetail,
    FeedScope,
    Patient,
    RecentVisit,
    SavedFilter,
    SiteTravel,
)
from tests import builders
from tests.support.cast import NOW, Cast, Clock, make_cast
from tests.support.demo import app_on, csrf_token, signed_in
from tests.support.planning_clinic import AtWork, put_to_work
from tests.support.strict_client import StrictClient
from tests.web.planning.wizard import Wizard

SESSION_MINUTES = 10
VISIT_MINUTES = 130
DAYS_BETWEEN = 2
ROLES = ("admin", "coordinator", "prescriber", "nurse", "therapist")


@dataclass
class Crowd:
    """The standing cast, `rows` other patients who are here today, and `rows` doses in the course of Birch."""

    store: Store
    rows: int
    cast: Cast = field(init=False)
    at_work: AtWork = field(init=False)
    paths: dict[str, tuple[str, str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.clock = Clock()
        self.app = app_on(self.store, self.clock)
        with self.store.writing() as db:
            self.cast = make_cast(db)
            self.at_work = put_to_work(db, self.cast)
            self._visitors_today(db)
            self._long_course(db)
            self._links(db)
            self._kept_and_opened(db)
            self._roster(db)
            self._staff_and_absences(db)
        self._way_through_the_wizard()

    def client(self, who: str) -> StrictClient:
        """A test client signed in as one of the cast."""
        client: Any = self.app.test_client()
        with self.store.writing() as db:
            cookie = signed_in(db, self.cast.accounts[who], self.clock())
        client.set_cookie("planner", cookie)
        client.csrf_token = csrf_token()
        return client  # type: ignore[no-any-return]

    def pages(self) -> dict[str, tuple[str, str]]:
        """Who reads what: the page's name, then the role and the address."""
        today = {f"/today, {role}": (role, "/today") for role in ROLES}
        return today | {
            "/courses": ("coordinator", "/courses"),
            "/patients": ("coordinator", "/patients"),
            "/patients, what waits": ("coordinator", "/patients?attention=1"),
            "/find": ("coordinator", "/find"),
            "/admin/sites": ("admin", "/admin/sites"),
            "/admin/staff": ("coordinator", "/admin/staff"),
            "/my": ("patient-two", "/my"),
            "/my/dates": ("patient-two", "/my/dates"),
            "/my/calendar": ("patient-two", "/my/calendar"),
            "/feeds": ("coordinator", "/feeds"),
            "/admin/protocols": ("admin", "/admin/protocols"),
            "/admin/protocols/<id>": ("admin", f"/admin/protocols/{self.at_work.twice_weekly.protocol_id}"),
            "/admin/protocols/<id>/windows": (
                "therapist",
                f"/admin/protocols/{self.at_work.twice_weekly.protocol_id}/windows",
            ),
            "/admin/protocols/<id>/visit": ("admin", f"/admin/protocols/{self.at_work.twice_weekly.protocol_id}/visit"),
            "/admin/protocols/<id>/phases": (
                "admin",
                f"/admin/protocols/{self.at_work.twice_weekly.protocol_id}/phases",
            ),
            "/rosters": ("therapist", "/rosters/2026-W12"),
            "/rosters/<week>/draft": ("coordinator", "/rosters/2026-W12/draft"),
            "/rosters/<week>/publish": ("coordinator", "/rosters/2026-W12/publish"),
            "/rosters/patterns": ("coordinator", "/rosters/patterns"),
            "/rosters/ahead": ("coordinator-south", "/rosters/ahead?weeks=12"),
            **self.paths,
        }

    def _visitors_today(self, db: Session) -> None:
        """Each with a course, a chair of their own for the day, and some minutes with the therapist."""
        north, therapist = self.cast.north, self.cast.people["therapist"]
        today = local_day(NOW, north.zone)
        for number in range(self.rows):
            patient = builders.patient(db, north, therapist, now=NOW)
            course = builders.course(db, patient, self.at_work.twice_weekly)
            chair = add_chair(db, north, f"Chair of visitor {number + 1}")
            start = resolve_wall(datetime.combine(today, time(8)), north.zone)
            talk = start + timedelta(minutes=VISIT_MINUTES + SESSION_MINUTES * number)
            dose = builders.appointment(
                db, patient, start, VISIT_MINUTES, kind=AppointmentKind.INFUSION, course=course, chair=chair, now=NOW
            )
            builders.appointment(
                db, patient, talk, SESSION_MINUTES, course=course, serves=dose, therapist=therapist, now=NOW
            )

    def _long_course(self, db: Session) -> None:
        """Doses from tomorrow on, each with a session of therapist-two on the day after."""
        patient, north = self.cast.patients["birch"], self.cast.north
        course = builders.course(db, patient, self.at_work.twice_weekly)
        first: Appointment | None = None
        for number in range(1, self.rows + 1):
            day = local_day(NOW, north.zone) + timedelta(days=1 + DAYS_BETWEEN * number)
            dose = builders.appointment(
                db, patient, resolve_wall(datetime.combine(day, time(9)), north.zone), VISIT_MINUTES,
                kind=AppointmentKind.INFUSION, course=course, number=number, chair=self.at_work.chairs[0], now=NOW,
            )  # fmt: skip
            builders.appointment(
                db, patient, resolve_wall(datetime.combine(day + timedelta(days=1), time(15)), north.zone),
                course=course, number=number, serves=dose, therapist=self.cast.people["therapist-two"], now=NOW,
            )  # fmt: skip
            first = first or dose
        assert first is not None, "a crowd is one or more"
        self.paths |= {
            "/courses/<id>": ("coordinator", f"/courses/{course.id}"),
            "/courses/<id>/dates": ("coordinator", f"/courses/{course.id}/dates"),
            "/courses/<id>/changes": ("coordinator", f"/courses/{course.id}/changes"),
            "/patients/<id>": ("coordinator", f"/patients/{patient.id}"),
            "/infusions/<id>": ("coordinator", f"/infusions/{first.id}"),
        }

    def _staff_and_absences(self, db: Session) -> None:
        """Nurses with a licence that ends soon, and days on which Birch is away."""
        north, birch, today = self.cast.north, self.cast.patients["birch"], local_day(NOW, self.cast.north.zone)
        for number in range(self.rows):
            nurse = add_person(db, f"Test Nurse {number}", roles=[Role.NURSE], sites=[north, self.cast.south])
            db.add(Credential(person_id=nurse.id, name="Made-up licence", expires_on=today))
            db.add(Credential(person_id=self.cast.people["nurse"].id, name=f"Made-up {number}", expires_on=today))
            away = resolve_wall(datetime.combine(today + timedelta(days=2 + number), time(9)), north.zone)
            add_patient_absence(db, birch, away, away + timedelta(hours=8))
            add_room(db, north, f"Room {number} of the crowd")
            site = add_site(db, name=f"Site {number}", code=f"S{number}", zone=north.zone, hours={})
            db.add(SiteTravel(site_id=north.id, other_site_id=site.id, minutes=10))
        chair = self.at_work.chairs[0]
        self.paths |= {
            "/admin/sites/<id>": ("coordinator", f"/admin/sites/{north.id}"),
            "/admin/chairs/<id>": ("coordinator", f"/admin/chairs/{chair.id}"),
            "/admin/staff/<id>": ("coordinator", f"/admin/staff/{self.cast.people['nurse'].id}"),
            "/admin/staff/<id>/leave": ("coordinator", f"/admin/staff/{self.cast.people['therapist-two'].id}/leave"),
            "/patients/<id>/edit": ("coordinator", f"/patients/{birch.id}/edit"),
        }

    def _links(self, db: Session) -> None:
        for who, scope in (("coordinator", FeedScope.SITE), ("patient-two", FeedScope.PATIENT)):
            account = self.cast.accounts[who]
            subject = self.cast.north.id if scope is FeedScope.SITE else account.patient_id
            db.add_all(
                Feed(
                    account_id=account.id,
                    scope=scope,
                    subject_id=subject,
                    detail=FeedDetail.DISCREET,
                    words="",
                    show_address=False,
                    hide_cancelled=False,
                    device=f"Device {number}",
                    revision=0,
                    revised_at=NOW,
                    token_hash=hash_of(f"{who} {number}"),
                    consent_version=CONSENT_VERSION,
                    created_at=NOW,
                )
                for number in range(self.rows)
            )

    def _kept_and_opened(self, db: Session) -> None:
        account_id = self.cast.accounts["coordinator"].id
        for number in range(self.rows):
            opened = builders.patient(db, self.cast.north, now=NOW)
            db.add(RecentVisit(account_id=account_id, kind="patient", object_id=opened.id, at=NOW))
            for page in ("courses", "patients"):
                db.add(
                    SavedFilter(
                        account_id=account_id, page=page, name=f"Filter {number}", choices={"site": str(number)},
                        created_at=NOW,
                    )
                )  # fmt: skip

    def _roster(self, db: Session) -> None:
        """More people on one week, in the patterns, and in its draft once more at night."""
        north, coordinator = self.cast.north, self.cast.principals["coordinator"]
        monday = date(2026, 3, 16)
        draft = start_draft(db, coordinator, site_id=north.id, monday=monday, source="published", now=NOW)
        for number in range(self.rows):
            somebody = add_person(db, f"Test Colleague {number}", roles=[Role.THERAPIST], sites=[north])
            add_weekly_shifts(db, somebody, north, range(5), (monday, monday + timedelta(days=4)), ("09:00", "12:00"))
            wish = PatternWish(somebody.id, number % 7, 540, 720, monday)
            add_pattern(db, coordinator, site_id=north.id, wish=wish, now=NOW)
            draft = put_shift(
                db, coordinator, site_id=north.id, monday=monday, now=NOW, seen_version=draft.version,
                shift=RosterShift(monday, 1200, 1260, somebody.id),
            )  # fmt: skip
            self._patterned_at_south(db, number, monday)

    def _patterned_at_south(self, db: Session, number: int, monday: date) -> None:
        """Where nothing is published, so that weeks to come are free for the patterns."""
        south, keeper = self.cast.south, self.cast.principals["coordinator-south"]
        somebody = add_person(db, f"Test Colleague South {number}", roles=[Role.NURSE], sites=[south])
        wish = PatternWish(somebody.id, number % 7, 540, 720, monday)
        add_pattern(db, keeper, site_id=south.id, wish=wish, now=NOW)

    def _way_through_the_wizard(self) -> None:
        """Alder's course is planned in the midst of the others; a newcomer's is booked, to be moved."""
        wizard = Wizard(self.client("coordinator"), self.cast.patients["alder"].id, self.at_work.twice_weekly.id)
        wizard.to(5)
        self.paths["wizard, step 4"] = ("coordinator", wizard.url(4))
        self.paths["wizard, all dates"] = ("coordinator", wizard.url("4/dates"))
        self.paths["move"] = ("coordinator", self._booked_dose() + "/move")

    def _booked_dose(self) -> str:
        """The first dose of a course of six that was planned and booked for somebody new."""
        with self.store.writing() as db:
            newcomer: Patient = builders.patient(db, self.cast.north, self.cast.people["therapist"], now=NOW)
        wizard = Wizard(self.client("coordinator"), newcomer.id, self.at_work.twice_weekly.id).to(5)
        wizard.send(5, {"agree": "y"})
        with self.store.reading() as db:
            rows = db.query(Appointment).filter_by(patient_id=newcomer.id, kind=AppointmentKind.INFUSION)
            return f"/infusions/{min(rows, key=lambda row: row.starts_at).id}"


class Statements:
    """Counts what is sent to the database, over all of the store's connections."""

    def __init__(self, store: Store) -> None:
        self.count = 0
        for engine in (store.read_engine, store.write_engine):
            event.listen(engine, "before_cursor_execute", self._note)

    def _note(self, *_: Any) -> None:
        self.count += 1

    def of(self, client: StrictClient, path: str) -> int:
        """How many statements a page takes. The first reading of a page may fill caches and does not count."""
        for _ in range(2):
            self.count = 0
            answer = client.get(path)
            assert answer.status_code == 200, f"{path} answered {answer.status_code} {answer.location or ''}"
        return self.count
