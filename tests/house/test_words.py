"""What strangers may see says nothing of anybody's treatment; what patients see is in their words; logs name nobody.

The lists are written here once more on purpose, apart from the product's own (ui.md section 12, feeds.md section 6).
"""

import re
from collections.abc import Iterator
from html.parser import HTMLParser

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from planner.domain.access import Role
from planner.services.publishing import CONSENT_VERSION, create_feed
from planner.services.signing_in import signed_in_as
from planner.store.records import Account, Chair, FeedScope, Patient, Person, Room, Site
from tests.house.conftest import Stage
from tests.support.demo import EMAILS, ROLES, Demo

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
#: The random part of a secret address: 43 letters drawn by lot, which now and then spell the beginning of a word.
DRAWN_BY_LOT = re.compile(r"(/(?:add|c|invitations|reset)/)[\w-]{43}(?![\w-])", re.ASCII)
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


@pytest.fixture(scope="module")
def names(stage: Stage) -> frozenset[str]:
    """The patients' names and their parts."""
    with stage.demo.store.reading() as db:
        return frozenset(name_parts(db))


def stumble(demo: Demo) -> None:
    """What tends to be logged: fetches, wrong secrets, wrong passwords, pages that are not there."""
    stranger = demo.client()
    for token in sorted(demo.tokens):
        stranger.get(f"/c/{token}/appointments.ics")
        stranger.get(f"/c/{token}x/appointments.ics")
        stranger.get(f"/invitations/{token}x")
        stranger.get(f"/reset/{token}")
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
    return [line[:160] for line in lines if pattern.search(DRAWN_BY_LOT.sub(r"\1", line))]


def test_what_is_drawn_by_lot_tells_nothing_and_everything_else_does() -> None:
    drawn = "phQ8Akoidyaq57C5-aYLxPYu8NsuPGt0d59X8CngOHk"
    assert found(SECRET, [f"/add/{drawn}", f"/c/{drawn}/appointments.ics", f"/reset/{drawn}"]) == []
    telling = ["/add/infusion", "/c/ketamine/appointments.ics", f"/c/{drawn}/infusions.ics", f"/phq/{drawn}", drawn]
    assert found(SECRET, telling) == telling


def test_patients_read_their_own_words(stage: Stage) -> None:
    said = {one.path: found(JARGON, Words(one.markup).lines) for one in stage.walk("patient").seen}
    assert {path: lines for path, lines in said.items() if lines} == {}


@pytest.mark.parametrize("who", ["nobody", "patient"])
def test_titles_and_addresses_tell_a_stranger_nothing(stage: Stage, names: frozenset[str], who: str) -> None:
    shown = [line for one in stage.walk(who).seen for line in (one.page.title, one.path, *one.page.links)]
    shown += [form["action"] for one in stage.walk(who).seen for form in one.page.forms]
    assert found(SECRET, shown) == []
    assert [line for line in shown if any(name in line for name in names)] == []


def test_pages_for_nobody_say_nothing_at_all(stage: Stage) -> None:
    said = {one.path: found(SECRET, Words(one.markup).lines) for one in stage.walk("nobody").seen}
    assert {path: lines for path, lines in said.items() if lines} == {}


@pytest.mark.parametrize("who", [role for role in ROLES if role != "patient"])
def test_no_tab_or_history_of_staff_names_a_patient_or_a_drug(stage: Stage, names: frozenset[str], who: str) -> None:
    shown = [line for one in stage.walk(who).seen for line in (one.page.title, one.path, *one.page.links)]
    assert found(DRUGS, shown) == []
    assert [line for line in shown if any(name in line for name in names)] == []


def test_the_pages_of_the_manager_name_no_patient(stage: Stage, names: frozenset[str]) -> None:
    said = [line for one in stage.walk("admin").seen for line in Words(one.markup).lines]
    whole = re.compile("|".join(rf"\b{re.escape(name)}\b" for name in names))  # “First” names no Demo Fir
    assert [line for line in said if whole.search(line)] == []


@pytest.mark.parametrize("scope", list(FeedScope))
def test_calendars_tell_nothing(stage: Stage, names: frozenset[str], scope: FeedScope) -> None:
    demo = stage.demo
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
    assert [name for name in {*names, *staff} if name in text] == []
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


def test_logs_hold_no_names_no_addresses_and_no_secrets(stage: Stage, names: frozenset[str]) -> None:
    demo = stage.demo
    with stage.logged():
        stumble(demo)
    for who in ("nobody", *ROLES):
        stage.walk(who)
    log = "\n".join(stage.kept.lines)
    with demo.store.reading() as db:
        hidden = {*names, *db.scalars(select(Person.name)), *db.scalars(select(Account.email))}
    hidden |= demo.tokens | {"own password", "csrf_token"}
    assert demo.tokens, "no secret was made, so none could be found"
    assert sorted(word for word in hidden if word in log) == []
    assert re.findall(r"/(?:c|add|invitations|reset)/[\w-]{20,}", log) == []
    assert re.findall(r"[\w.]+@[\w.]+\.\w+", log) == []
