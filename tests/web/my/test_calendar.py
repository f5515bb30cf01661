"""The patient's calendar page: links made, shown once, seen, and ended; and what the QR picture opens."""

import re
from collections.abc import Callable

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from planner.feeds.neutral import is_neutral
from planner.services.feed_looks import NEUTRAL_WORDS
from planner.services.publishing import CONSENT_VERSION
from planner.store.records import AuditEntry, Feed, IdempotencyKey
from tests.support.cast import Clock
from tests.support.strict_client import Page, StrictClient
from tests.web.my.stage import Stage

SignIn = Callable[[str], StrictClient]
IPHONE = {"User-Agent": "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Safari"}


def make(client: StrictClient, app: str = "apple", **options: object) -> str:
    """Press one of the buttons; the page that follows."""
    answer = client.submit(client.page("/my/calendar"), "/my/calendar/new", {"app": app}, **options)
    assert answer.status_code == 200
    return answer.text


def address(markup: str) -> str:
    return re.search(r'id="link" value="([^"]+)"', markup)[1]


def path(markup: str) -> str:
    return address(markup).removeprefix("http://localhost")


def links(db: Session) -> list[Feed]:
    return list(db.scalars(select(Feed).order_by(Feed.id).execution_options(populate_existing=True)))


@pytest.mark.parametrize(
    ("button", "ways"),
    [
        ("apple", ["webcal://localhost/c/"]),
        ("google", ["https://calendar.google.com/calendar/r?cid=webcal%3A%2F%2Flocalhost%2Fc%2F"]),
        ("outlook", ["https://outlook.live.com/calendar/0/addfromweb?url=", "https://outlook.office.com/calendar/0/"]),
        ("other", ["webcal://localhost/c/"]),
    ],
)
def test_each_button_makes_one_link_for_one_device(
    sign_in: SignIn, stage: Stage, db: Session, client: StrictClient, button: str, ways: list[str]
) -> None:
    markup = make(sign_in("patient"), button)
    shown = [link for link in Page(markup).links if not link.startswith("/") and not link.startswith("#")]
    assert [link[: len(way)] for link, way in zip(shown, ways, strict=True)] == ways
    assert len(links(db)) == 1
    assert client.get(path(markup)).status_code == 200


def test_the_page_with_the_link_is_shown_once_and_tells_nobody(sign_in: SignIn, stage: Stage, db: Session) -> None:
    patient = sign_in("patient")
    page = patient.page("/my/calendar")
    first = patient.submit(page, "/my/calendar/new", {"app": "apple"})
    token = path(first.text).split("/")[2]
    assert first.headers["Referrer-Policy"] == "no-referrer"
    assert first.headers["Cache-Control"] == "no-store"
    assert Page(first.text).forms == []
    again = patient.submit(page, "/my/calendar/new", {"app": "apple"})
    assert (again.status_code, again.location) == (303, "/my/calendar/new")
    assert patient.get(again.location).location == "/my/calendar"
    assert len(links(db)) == 1
    for where in ("/my", "/my/calendar", "/my/calendar/words", "/my/help"):
        assert token not in patient.get(where).text
    kept = db.execute(select(IdempotencyKey.location, IdempotencyKey.body_hash)).all()
    assert token not in str(kept)
    assert token not in str(db.execute(select(AuditEntry.detail)).all())


def test_devices_have_names_to_tell_them_apart(sign_in: SignIn, stage: Stage, db: Session) -> None:
    patient = sign_in("patient")
    make(patient, "apple", headers=IPHONE)
    make(patient, "apple", headers=IPHONE)
    make(patient, "google")
    make(patient, "apple")
    assert [feed.device for feed in links(db)] == ["iPhone", "iPhone 2", "Google Calendar", "Apple device"]
    assert len({feed.token_hash for feed in links(db)}) == 4


def test_a_removed_link_empties_itself_and_the_other_still_answers(
    sign_in: SignIn, stage: Stage, db: Session, client: StrictClient
) -> None:
    patient = sign_in("patient")
    first, second = path(make(patient, headers=IPHONE)), path(make(patient, "google"))
    page = patient.page("/my/calendar")
    assert patient.submit(page, f"/my/calendar/{links(db)[0].id}/remove").location == "/my/calendar"
    assert "BEGIN:VEVENT" not in client.get(first).text
    assert "BEGIN:VEVENT" in client.get(second).text
    words = patient.page("/my/calendar").words
    assert "Removed: iPhone." in words
    assert "A copy may stay on those calendars for a day." in words
    patient.submit(patient.page("/my/calendar"), "/my/calendar/remove-all")
    assert "BEGIN:VEVENT" not in client.get(second).text
    assert "Nowhere yet." in patient.page("/my/calendar").words


def test_the_page_says_when_each_device_last_looked(sign_in: SignIn, stage: Stage, client: StrictClient) -> None:
    patient = sign_in("patient")
    feed = path(make(patient, "google"))
    assert "has not looked yet" in patient.page("/my/calendar").words
    client.get(feed, headers={"User-Agent": "Google-Calendar-Importer"})
    words = " ".join(patient.page("/my/calendar").words.split())
    assert "last looked Wednesday 4 March, 9:00am, Google Calendar" in words


def test_other_words_are_chosen_from_neutral_ones_and_change_every_link(
    sign_in: SignIn, stage: Stage, db: Session, client: StrictClient, clock: Clock
) -> None:
    patient = sign_in("patient")
    feed = path(make(patient))
    tag = client.get(feed).headers["ETag"]
    clock.pass_time(minutes=1)
    page = patient.page("/my/calendar/words")
    answer = patient.submit(page, "/my/calendar/words", {"words": "Meeting", "show_address": "y"})
    assert answer.status_code == 303
    whole = client.get(feed, headers={"If-None-Match": tag})
    assert whole.status_code == 200
    assert "SUMMARY:Meeting" in whole.text
    assert "LOCATION:1 Example Street" in whole.text
    assert "SEQUENCE:1" in whole.text
    assert "Meeting, " in patient.page("/my/calendar").words
    assert "SUMMARY:Meeting" in client.get(path(make(patient, "google"))).text
    for words in ("My ketamine", "", "x" * 300):
        key = f"key-{len(words):0>16}"
        assert patient.send("/my/calendar/words", {"words": words}, key=key).status_code == 422
    assert {feed.words for feed in links(db)} == {"Meeting"}


def test_words_chosen_before_the_first_link_are_the_links_words(
    sign_in: SignIn, stage: Stage, client: StrictClient
) -> None:
    patient = sign_in("patient")
    patient.submit(patient.page("/my/calendar/words"), "/my/calendar/words", {"words": "Reserved"})
    assert "SUMMARY:Reserved" in client.get(path(make(patient))).text


def test_all_our_words_are_neutral() -> None:
    assert all(is_neutral(words) for words in NEUTRAL_WORDS)


def test_agreement_is_asked_for_and_kept_with_its_version(sign_in: SignIn, stage: Stage, db: Session) -> None:
    patient = sign_in("patient")
    assert "Your dates will be copied to the calendar service you choose." in patient.page("/my/calendar").words
    for consent in ("", "2020-01"):
        key = f"key-{consent:0>16}"
        assert patient.send("/my/calendar/new", {"app": "apple", "consent": consent}, key=key).status_code == 422
    assert patient.send("/my/calendar/new", {"app": "?", "consent": CONSENT_VERSION}).status_code == 422
    assert links(db) == []
    make(patient)
    made = db.scalars(select(AuditEntry).where(AuditEntry.action == "feed.created")).one()
    assert (links(db)[0].consent_version, made.detail["consent"]) == (CONSENT_VERSION, CONSENT_VERSION)
    assert made.account_id == links(db)[0].account_id


def test_nobody_removes_the_link_of_another(sign_in: SignIn, stage: Stage, db: Session) -> None:
    make(sign_in("patient"))
    feed = links(db)[0]
    for number, who in enumerate(("patient-two", "therapist", "coordinator")):
        for where in (f"/my/calendar/{feed.id}/remove", f"/feeds/{feed.id}/remove", f"/feeds/{feed.id}/renew"):
            answer = sign_in(who).send(where, key=f"key-{number}-0123456789-{where[1]}{where[-1]}")
            assert answer.status_code in (403, 404), (who, where)
    db.refresh(feed)
    assert feed.revoked_at is None


# The QR picture


@pytest.fixture
def encoded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is put into QR pictures."""
    from planner.web.feeds import showing

    said: list[str] = []
    real = showing.qr_picture
    monkeypatch.setattr(showing, "qr_picture", lambda text: said.append(text) or real(text))
    return said


def test_the_picture_holds_a_page_of_ours_and_not_the_calendar(
    sign_in: SignIn, stage: Stage, encoded: list[str]
) -> None:
    markup = make(sign_in("patient"))
    assert re.fullmatch(r"http://localhost/add/[\w-]{43}", encoded[0])
    assert encoded[0].rsplit("/")[-1] not in markup
    assert "<svg" in markup
    assert "style=" not in markup


def test_another_phone_makes_its_own_link_once(
    sign_in: SignIn, stage: Stage, encoded: list[str], client: StrictClient, db: Session
) -> None:
    first = path(make(sign_in("patient")))
    ticket = encoded[0].removeprefix("http://localhost")
    page = client.page(ticket)
    assert client.page(ticket).headings == page.headings  # looking does not spend it
    answer = client.submit(page, ticket, {"app": "apple"}, headers=IPHONE)
    assert answer.status_code == 200
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    second = path(answer.text)
    assert second != first
    assert "BEGIN:VEVENT" in client.get(second).text
    assert [feed.device for feed in links(db)] == ["Apple device", "iPhone"]
    assert client.get(ticket).status_code == 410
    assert client.submit(page, ticket, {"app": "apple"}).status_code == 410
    assert len(links(db)) == 2


def test_the_page_behind_the_picture_tells_a_stranger_nothing(
    sign_in: SignIn, stage: Stage, encoded: list[str], client: StrictClient
) -> None:
    make(sign_in("patient"))
    markup = client.get(encoded[0].removeprefix("http://localhost")).text
    words = re.sub(r"<[^>]*>", " ", markup)
    for word in ("Alder", "Test Clinic", "ketamin", "treatment", "talking", "therap", "patient", "P-10"):
        assert word.casefold() not in words.casefold(), word
    assert "<script" not in markup


def test_a_ticket_is_good_for_a_quarter_of_an_hour(
    sign_in: SignIn, stage: Stage, encoded: list[str], client: StrictClient, clock: Clock, db: Session
) -> None:
    make(sign_in("patient"))
    ticket = encoded[0].removeprefix("http://localhost")
    page = client.page(ticket)
    clock.pass_time(minutes=15)
    assert client.get(ticket).status_code == 410
    assert client.submit(page, ticket, {"app": "apple"}).status_code == 410
    assert db.scalar(select(func.count(Feed.id))) == 1


def test_a_wrong_choice_does_not_spend_the_ticket(
    sign_in: SignIn, stage: Stage, encoded: list[str], client: StrictClient
) -> None:
    make(sign_in("patient"))
    ticket = encoded[0].removeprefix("http://localhost")
    page = client.page(ticket)
    assert client.submit(page, ticket, {"app": "?"}).status_code == 422
    assert client.submit(page, ticket, {"app": "apple", "consent": ""}).status_code == 422
    assert client.submit(page, ticket, {"app": "google"}).status_code == 200


def test_a_made_up_ticket_opens_nothing(client: StrictClient, stage: Stage) -> None:
    assert client.get("/add/nothing").status_code == 410
