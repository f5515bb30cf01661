"""The demo clinic on a steady clock: the app on a database file of its own, and a browser signed in for each role.

`with demo_clinic(url) as demo` gives the clinic as `make run` has it on its first day. `live_in` goes on from there:
a plan half made, changes applied, calendar links, so that pages which need them are there to be looked at.
"""

from __future__ import annotations

import io
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from flask import Flask
from itsdangerous import URLSafeTimedSerializer
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from config import PasswordCost, Settings
from planner.app import create_app
from planner.domain.access import Role
from planner.domain.statuses import AppointmentKind, AppointmentStatus
from planner.services.add_tickets import make_ticket
from planner.services.demo import DEMO_SIGN_INS, make_demo
from planner.services.protocols import newest_version
from planner.services.signing_in import SignInTry, finish_sign_in, signed_in_as
from planner.store.engine import Store
from planner.store.records import Account, Appointment, Patient
from tests.support.cast import CHEAP, Clock
from tests.support.imports import InlineImports
from tests.support.postgres import RUN_FOLDER_VARIABLE
from tests.support.strict_client import StrictClient
from tests.support.walker import WalkedPage, filled_in
from tests.web.planning.wizard import Wizard

#: Thursday 09:30 at the main site; clocks change on the Sunday after.
DEMO_NOW = datetime(2026, 3, 5, 15, 30, tzinfo=UTC)
SECRET = "a secret for tests only"
#: A Wednesday with appointments, for whoever is asked for a day.
A_DAY = "2026-03-11"
RAW_TOKEN = "0123456789abcdef" * 4
EMAILS = {role: email for role, email, _ in DEMO_SIGN_INS}
ROLES = tuple(role.value for role in Role)
SEE_OTHER = 303
BAD_REQUEST = 400


@dataclass
class Demo:
    """The app, its database and its clock.

    `landings` are pages, by role, that only open after something was sent; `tokens` are secrets of addresses.
    """

    app: Flask
    store: Store
    clock: Clock
    landings: dict[str, list[str]] = field(default_factory=dict)
    tokens: set[str] = field(default_factory=set)

    def cookie(self, role: str) -> str:
        """The cookie of a new browser signed in as the demo's account for this role."""
        with self.store.writing() as db:
            account = db.scalars(select(Account).where(Account.email == EMAILS[role])).one()
            return signed_in(db, account, self.clock())

    def client(self, role: str | None = None) -> StrictClient:
        """A test client signed in as a role; without one, nobody."""
        client: Any = self.app.test_client()
        if role is not None:
            client.set_cookie("planner", self.cookie(role))
            client.csrf_token = csrf_token()
        return client  # type: ignore[no-any-return]


def signed_in(db: Session, account: Account, now: datetime) -> str:
    """The cookie of a new browser session of this account, without the way through the form."""
    cookie, _ = finish_sign_in(
        db,
        SignInTry(None, account.id, account.password_hash),
        old_cookie=None,
        new_hash=None,
        data={"_user_id": str(account.id), "_fresh": True, "csrf_token": RAW_TOKEN},
        address="127.0.0.1",
        agent="test browser",
        now=now,
    )
    return cookie


def csrf_token() -> str:
    """The form token that belongs to every session made by `signed_in`."""
    return URLSafeTimedSerializer(SECRET, salt="wtf-csrf-token").dumps(RAW_TOKEN)


def app_on(store: Store, clock: Clock) -> Flask:
    """The app on this database and clock, with hashes that cost nothing and a client that looks at every page."""
    settings = Settings(
        database_url=store.url, secret_key=SECRET, public_url="http://localhost", password_cost=PasswordCost(8, 1)
    )
    app = create_app(settings, clock=clock, store=store)
    app.extensions["planner_readiness"] = lambda: None
    app.extensions["planner_imports"] = InlineImports(
        app, Path(tempfile.mkdtemp(dir=os.environ.get(RUN_FOLDER_VARIABLE)))
    )
    app.test_client_class = StrictClient
    return app


@contextmanager
def demo_clinic(url: str) -> Iterator[Demo]:
    """The demo clinic in the migrated, empty database at `url`."""
    store = Store(url)
    try:
        with store.writing() as db:
            make_demo(db, DEMO_NOW, CHEAP.hashed)
        clock = Clock(DEMO_NOW)
        yield Demo(app_on(store, clock), store, clock)
    finally:
        store.dispose()


def path_of(location: str | None) -> str:
    """An address without host and fragment."""
    parts = urlsplit(location or "")
    return parts.path + (f"?{parts.query}" if parts.query else "")


# A clinic that has been used


def live_in(demo: Demo) -> None:
    """Use the clinic a little, each thing through its pages, so that every kind of page has something to show."""
    _wait_for_a_session(demo)
    _coordinator_works(demo)
    _places_and_people_go(demo)
    _files_come_in(demo)
    _patient_looks_after_dates(demo)
    _prescriber_prepares_a_window(demo)
    _admin_looks_after_accounts(demo)
    for role in (Role.THERAPIST, Role.NURSE):
        client = demo.client(role)
        _send(client, "/feeds", "/feeds/new", {"app": "other"})


def _wait_for_a_session(demo: Demo) -> None:
    """Go on to the middle of the next integration session, which can be marked as done from then on."""
    with demo.store.reading() as db:
        to_come = (Appointment.kind == AppointmentKind.INTEGRATION, Appointment.starts_at >= demo.clock())
        first = db.scalars(select(Appointment).where(*to_come).order_by(Appointment.starts_at)).first()
        assert first is not None, "the demo clinic has no session to come"
        demo.clock.now = first.starts_at + (first.ends_at - first.starts_at) / 2
        demo.landings["coordinator"] = [f"/integration/{first.id}"]


def _prescriber_prepares_a_window(demo: Demo) -> None:
    """Change when a window closes, and leave the change unsigned."""
    with demo.store.reading() as db:
        page = f"/admin/protocols/{newest_version(db, 'iv-racemic-twice-weekly').protocol_id}/windows"
    _send(demo.client(Role.PRESCRIBER), page, page, {"closes_h": "96"})


def _coordinator_works(demo: Demo) -> None:
    client = demo.client(Role.COORDINATOR)
    with demo.store.reading() as db:
        hazel, ironwood = (db.scalars(select(Patient).where(Patient.code == code)).one() for code in ("P-111", "P-112"))
        twice, thrice = (newest_version(db, f"iv-racemic-{often}-weekly") for often in ("twice", "thrice"))
        cedar = _infusions_to_come(db, "P-106", demo.clock())
        ginkgo = _infusions_to_come(db, "P-110", demo.clock())
    preview = _send(client, "/rosters/closures/new?site=1", "/rosters/closures/new", {"day": "2026-05-06"})
    answer = client.post("/rosters/closures", data=filled_in(WalkedPage(preview.text).form("/rosters/closures")))
    demo.landings["coordinator"].append(path_of(answer.location))
    _send(client, "/rosters/holidays?site=1", "/rosters/holidays/place", {"country": "US"})
    # Nobody can come three times a week on two mornings: this plan ends with the ways out.
    Wizard(client, ironwood.id, thrice.id).to(4)
    plan = Wizard(client, hazel.id, twice.id).to("4/dates")
    demo.landings["coordinator"].append(path_of(plan.send("4/dates", {"other": "2"}).location))
    assert plan.send("4/dates").location == plan.url(5)
    for infusion in (cedar[-1], ginkgo[0]):
        _preview_and_apply(client, f"/infusions/{infusion}", "move")
    _preview_and_apply(client, f"/infusions/{ginkgo[-1]}", "cancel")
    _send(client, "/feeds", "/feeds/new", {"app": "google"})
    for page, asked in (("courses", "show=completed"), ("patients", "attention=1")):
        _send(client, f"/{page}?{asked}", f"/filters/{page}", {"name": "A made-up filter"})


def _places_and_people_go(demo: Demo) -> None:
    """A site is closed down again, somebody leaves, a patient is discharged."""
    admin, coordinator = demo.client(Role.ADMIN), demo.client(Role.COORDINATOR)
    site = {"name": "Northfield East", "code": "EAST", "zone": "America/Chicago"}
    east = path_of(_send(admin, "/admin/sites/new", "/admin/sites/new", site).location)
    _send(admin, f"{east}/close", f"{east}/close")
    somebody = {"name": "Demo Person Rowan", "roles": "therapist", "sites": "1"}
    rowan = path_of(_send(coordinator, "/admin/staff/new", "/admin/staff/new", somebody).location)
    _send(coordinator, f"{rowan}/leave", f"{rowan}/leave")
    with demo.store.reading() as db:
        juniper = db.scalars(select(Patient.id).where(Patient.code == "P-113")).one()
    away = f"/patients/{juniper}/absences/new"
    _send(coordinator, away, away, {"from_day": "2026-06-01"})
    _send(coordinator, f"/patients/{juniper}/discharge", f"/patients/{juniper}/discharge")
    # Those who are not there any more are behind a filter, whose form a person would send.
    demo.landings["admin"] = [rowan, "/admin/staff?show=left"]
    demo.landings["coordinator"] += [rowan, f"/patients/{juniper}", "/patients?show=discharged"]


def _files_come_in(demo: Demo) -> None:
    """One file is written, one is good, one has a bad line, and one has dates that can be read in two ways."""
    client = demo.client(Role.COORDINATOR)
    book = "patient,kind,site,day,start,end\nP-115,session,WEST,2026-06-10,09:00,10:00\n"
    run = _bring(client, "appointments", book)
    _send(client, run, f"{run}/write")
    with demo.store.reading() as db:
        brought = db.scalars(select(Appointment.id).where(Appointment.course_id.is_(None))).one()
    demo.landings["coordinator"].append(f"/appointments/{brought}")
    for lines in ("MAIN,2026-12-25,Holiday", "MAIN,2026-12-24,Holiday\nNOWHERE,soon,x", "MAIN,03/04/27,Holiday"):
        _bring(client, "closures", f"site,day,reason\n{lines}\n")


def _bring(client: StrictClient, kind: str, text: str) -> str:
    """Send a file; the page it leads to."""
    address = f"/admin/spreadsheets/{kind}"
    fields = filled_in(WalkedPage(client.get(address).text).form(address))
    answer = client.post(address, data={**fields, "file": [(io.BytesIO(text.encode()), "file.csv")]})
    assert answer.status_code == SEE_OTHER, answer.text
    return path_of(answer.location)


def _infusions_to_come(db: Session, code: str, now: datetime) -> list[int]:
    return list(
        db.scalars(
            select(Appointment.id)
            .join(Patient, Patient.id == Appointment.patient_id)
            .where(
                Patient.code == code,
                Appointment.kind == AppointmentKind.INFUSION,
                Appointment.status == AppointmentStatus.BOOKED,
                Appointment.starts_at > now,
            )
            .order_by(Appointment.starts_at)
        )
    )


def _preview_and_apply(client: StrictClient, url: str, act: str) -> str:
    """Send the form with its first choices, and agree to what it previews; where that leads."""
    preview = _send(client, f"{url}/{act}", f"{url}/{act}")
    page = WalkedPage(preview.text)
    answer = client.post(f"{url}/{act}/apply", data=filled_in(page.form(f"{url}/{act}/apply")))
    assert answer.status_code == SEE_OTHER, answer.text
    return path_of(answer.location)


def _patient_looks_after_dates(demo: Demo) -> None:
    client = demo.client(Role.PATIENT)
    answer = _send(client, "/my/calendar", "/my/calendar/new", {"app": "apple"})
    demo.tokens.update(re.findall(r"/c/([\w-]+)/", answer.text))
    links = [link for link in client.page("/my/dates").links if re.fullmatch(r"/my/dates/\d+", link)]
    changeable = [link for link in links if f"{link}/change" in client.page(link).links]
    answer = _send(client, f"{changeable[0]}/change", f"{changeable[0]}/change")
    page = WalkedPage(answer.text)
    confirm = next(form for form in page.forms if form["action"].endswith("/confirm"))
    answer = client.post(confirm["action"], data=filled_in(confirm))
    demo.landings.setdefault("patient", []).append(path_of(answer.location))
    offers = [f"{link}/cancel" for link in changeable[1:]]
    cancellable = next(url for url in offers if url in [form["action"] for form in client.page(url).forms])
    answer = _send(client, cancellable, cancellable)
    demo.landings["patient"].append(path_of(answer.location))
    with demo.store.writing() as db:
        account = db.scalars(select(Account).where(Account.email == EMAILS["patient"])).one()
        ticket = make_ticket(db, signed_in_as(db, account).principal("127.0.0.1"), demo.clock())
    demo.landings["nobody"] = ["/sign-in", f"/add/{ticket}"]
    demo.tokens.add(ticket)


def _admin_looks_after_accounts(demo: Demo) -> None:
    """Somebody is invited, and the nurse gets a link for a new password."""
    client = demo.client(Role.ADMIN)
    newcomer = {"email": "newcomer@demo.invalid", "name": "Demo Newcomer", "role": "nurse"}
    invited = _send(client, "/admin/accounts/new", "/admin/accounts/new/link", newcomer)
    with demo.store.reading() as db:
        nurse = db.scalars(select(Account.id).where(Account.email == EMAILS[Role.NURSE])).one()
    helped = _send(client, f"/admin/accounts/{nurse}", f"/admin/accounts/{nurse}/reset")
    links = re.findall(r"/(?:invitations|reset)/[\w-]{43}", invited.text + helped.text)
    demo.landings["nobody"] += links
    demo.tokens.update(link.rsplit("/", 1)[1] for link in links)


def _send(client: StrictClient, path: str, action: str, more: dict[str, str] | None = None) -> TestResponse:
    """Send the form that posts to `action` on the page at `path`, first choices taken."""
    page = WalkedPage(client.get(path).text)
    answer = client.post(action, data=filled_in(page.form(action)) | (more or {}))
    assert answer.status_code < BAD_REQUEST, f"{action} answered {answer.status_code}"
    return answer
