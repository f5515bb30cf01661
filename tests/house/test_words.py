"""What strangers may see says nothing of anybody's treatment; what patients see is in their words; logs name nobody.

The lists are written here once more on purpose, apart from the product's own (ui.md section 12, feeds.md section 6).
"""

import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from planner.domain.access import Role
from planner.services.publishing import CONSENT_VERSION, create_feed
from planner.services.signing_in import signed_in_as
from planner.store.records import Account, Chair, FeedScope, Patient, Person, Room, Site
from tests.support.demo import A_DAY, EMAILS, ROLES, Demo, demo_clinic, live_in
from tests.support.walker import Seen, Walker

#: Drugs, services, reasons: nowhere that a stranger may look (titles, addresses, calendars, file names).
SECRET = re.compile(
    r"ketamin|esketamin|spravato|magnesium|\bnad\b|infus|integration|psycho|therap|treatment|\bdos(e|es|ing|age)\b|"
    r"\biv\b|\bim\b|sublingual|nasal|booster|induction|maintenance|diagnos|depress|anxi|suicid|trauma|addict|\bphq|"
    r"mental|escort|medication|\bdrugs?\b",
    re.IGNORECASE,
)
#: Words that patients do not get to read, even signed in: the clinic's jargon, biology as a promise, blame.
JARGON = re.compile(
    r"ketamin|esketamin|spravato|infusion|integration|psychotherap|\bdos(e|es|ing|age)\b|neuroplastic|\bplastic|"
    r"\bwindow\b|\bpeak\b|no.?show|\bmissed\b|\bfailed\b|\bescort|diagnos|depress|\berror occurred|\binvalid\b|"
    r"\binduction\b|\bbooster|\bprotocol\b|\badministrator\b",
    re.IGNORECASE,
)
#: What even a staff member's browser must not show in its tab or history.
DRUGS = re.compile(r"ketamin|spravato|magnesium|diagnos|depress|suicid|anxi", re.IGNORECASE)
READ_ALOUD = ("alt", "title", "aria-label", "placeholder", "content")


class Words(HTMLParser):
    """Everything of a page that is shown, read aloud or kept by the browser, line by line."""

    def __init__(self, markup: str) -> None:
        super().__init__()
        self.lines: list[str] = []
        self._silent = 0
        self.feed(markup)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._silent += tag in ("script", "style")
        self.lines += [value for name, value in attrs if name in READ_ALOUD and value]

    def handle_endtag(self, tag: str) -> None:
        self._silent -= tag in ("script", "style")

    def handle_data(self, data: str) -> None:
        if not self._silent and data.strip():
            self.lines.append(" ".join(data.split()))


@dataclass(frozen=True)
class Walked:
    """The demo clinic and what each role saw, with the log of it all."""

    demo: Demo
    seen: dict[str, list[Seen]]
    log: str
    names: frozenset[str]


class Keep(logging.Handler):
    """Keeps every line of every logger."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(f"{record.name} {record.getMessage()} {record.exc_info or ''} {record.args}")


@pytest.fixture(scope="module")
def walked(sqlite_template: Path) -> Iterator[Walked]:
    file = sqlite_template.with_name("words.sqlite3")
    file.write_bytes(sqlite_template.read_bytes())
    kept, root = Keep(), logging.getLogger()
    before = root.level
    root.addHandler(kept)
    root.setLevel(logging.DEBUG)
    try:
        with demo_clinic(f"sqlite:///{file}") as demo:
            live_in(demo)
            seen = {role: walk(demo, role) for role in ("nobody", *ROLES)}
            stumble(demo)
            with demo.store.reading() as db:
                names = frozenset(name_parts(db))
            yield Walked(demo, seen, "\n".join(kept.lines), names)
    finally:
        root.removeHandler(kept)
        root.setLevel(before)


def walk(demo: Demo, role: str) -> list[Seen]:
    client = demo.client(None if role == "nobody" else role)
    return Walker(demo.app, client, A_DAY).walk(["/", *demo.landings.get(role, [])]).seen


def stumble(demo: Demo) -> None:
    """What tends to be logged: fetches, wrong secrets, wrong passwords, pages that are not there."""
    stranger = demo.client()
    for token in sorted(demo.tokens):
        stranger.get(f"/c/{token}/appointments.ics")
        stranger.get(f"/c/{token}x/appointments.ics")
    demo.client("coordinator").get("/courses?wanted=Sam+Sample-Alder")
    demo.client("coordinator").get("/nothing/Sam Sample-Alder")
    page = stranger.page("/sign-in")
    typed = {"email": EMAILS["patient"], "password": "Sam Sample-Alder's own password"}
    stranger.submit(page, "/sign-in", typed)


def name_parts(db: Session) -> Iterator[str]:
    """Each word of patients' names that nobody would write by chance."""
    for name in db.scalars(select(Patient.name)):
        yield name
        yield from (part for part in name.split() if part not in ("Demo", "Sam"))


def found(pattern: re.Pattern[str], lines: list[str]) -> list[str]:
    return [line[:160] for line in lines if pattern.search(line)]


def test_patients_read_their_own_words(walked: Walked) -> None:
    said = {one.path: found(JARGON, Words(one.markup).lines) for one in walked.seen["patient"]}
    assert {path: lines for path, lines in said.items() if lines} == {}


@pytest.mark.parametrize("who", ["nobody", "patient"])
def test_titles_and_addresses_tell_a_stranger_nothing(walked: Walked, who: str) -> None:
    shown = [line for one in walked.seen[who] for line in (one.page.title, one.path, *one.page.links)]
    shown += [form["action"] for one in walked.seen[who] for form in one.page.forms]
    assert found(SECRET, shown) == []
    assert [line for line in shown if any(name in line for name in walked.names)] == []


def test_pages_for_nobody_say_nothing_at_all(walked: Walked) -> None:
    said = {one.path: found(SECRET, Words(one.markup).lines) for one in walked.seen["nobody"]}
    assert {path: lines for path, lines in said.items() if lines} == {}


@pytest.mark.parametrize("who", [role for role in ROLES if role != "patient"])
def test_no_tab_or_history_of_staff_names_a_patient_or_a_drug(walked: Walked, who: str) -> None:
    shown = [line for one in walked.seen[who] for line in (one.page.title, one.path, *one.page.links)]
    assert found(DRUGS, shown) == []
    assert [line for line in shown if any(name in line for name in walked.names)] == []


def test_the_pages_of_the_manager_name_no_patient(walked: Walked) -> None:
    said = [line for one in walked.seen["admin"] for line in Words(one.markup).lines]
    assert [line for line in said if any(name in line for name in walked.names)] == []


@pytest.mark.parametrize("scope", list(FeedScope))
def test_calendars_tell_nothing(walked: Walked, scope: FeedScope) -> None:
    demo = walked.demo
    with demo.store.writing() as db:
        account, subject = whose(db, scope)
        principal = signed_in_as(db, account).principal("127.0.0.1")
        _, token = create_feed(
            db, principal, scope, subject, "Test device", now=demo.clock(), consent_version=CONSENT_VERSION
        )
        staff = set(db.scalars(select(Person.name)))
    answer = demo.client().get(f"/c/{token}/appointments.ics")
    text = answer.text.replace("\r\n ", "")
    assert answer.status_code == 200
    assert text.count("BEGIN:VEVENT") > 1
    assert found(SECRET, text.splitlines()) == []
    assert [name for name in {*walked.names, *staff} if name in text] == []
    # A therapist's own calendar tells patients apart by their code, which means nothing outside the clinic.
    assert bool(re.findall(r"\bP-\d+", text)) == (scope is FeedScope.THERAPIST)
    assert found(SECRET, [f"{name}: {value}" for name, value in answer.headers]) == []
    assert token not in text


def whose(db: Session, scope: FeedScope) -> tuple[Account, int]:
    """Who may have such a calendar in the demo clinic, and of what."""
    role = {FeedScope.PATIENT: Role.PATIENT, FeedScope.THERAPIST: Role.THERAPIST}.get(scope, Role.COORDINATOR)
    account = db.scalars(select(Account).where(Account.email == EMAILS[role])).one()
    place = {FeedScope.CHAIR: Chair, FeedScope.ROOM: Room, FeedScope.SITE: Site}.get(scope)
    subject = account.patient_id or account.person_id
    return account, db.scalars(select(place.id).order_by(place.id)).first() if place else subject or 0


def test_logs_hold_no_names_no_addresses_and_no_secrets(walked: Walked) -> None:
    demo = walked.demo
    with demo.store.reading() as db:
        hidden = {*walked.names, *db.scalars(select(Person.name)), *db.scalars(select(Account.email))}
    hidden |= demo.tokens | {"own password", "csrf_token"}
    assert demo.tokens, "no secret was made, so none could be found"
    assert sorted(word for word in hidden if word in walked.log) == []
    assert re.findall(r"/(?:c|add)/[\w-]{20,}", walked.log) == []
    assert re.findall(r"[\w.]+@[\w.]+\.\w+", walked.log) == []
