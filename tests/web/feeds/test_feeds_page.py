"""Staff make links for their own appointments and for places of their sites."""

import re
from collections.abc import Callable

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from planner.services.publishing import CONSENT_VERSION
from planner.store.records import Chair, Feed, FeedDetail, FeedScope
from tests.support.strict_client import StrictClient
from tests.web.my.stage import Stage

SignIn = Callable[[str], StrictClient]


def make(client: StrictClient, **typed: str) -> str:
    given = {"subject": "own", "detail": "code", "app": "other", "device": "Test desk"} | typed
    answer = client.submit(client.page("/feeds"), "/feeds/new", given)
    assert answer.status_code == 200, re.findall(r"error-summary.*?</ul>", answer.text, re.S)
    return re.search(r'id="link" value="http://localhost([^"]+)"', answer.text)[1]


def links(db: Session) -> list[Feed]:
    return list(db.scalars(select(Feed).order_by(Feed.id).execution_options(populate_existing=True)))


def test_a_therapist_subscribes_to_their_own_sessions(
    sign_in: SignIn, stage: Stage, db: Session, client: StrictClient
) -> None:
    therapist = sign_in("therapist")
    assert re.findall(r'<option[^>]*value="([^"]+)"', therapist.get("/feeds").text) == ["own"]
    whole = client.get(make(therapist)).text
    assert "SUMMARY:Visit · ref P-101" in whole
    assert "Alder" not in whole
    assert (links(db)[0].scope, links(db)[0].device) == (FeedScope.THERAPIST, "Test desk")


def test_busy_says_busy_and_nothing_else(sign_in: SignIn, stage: Stage, client: StrictClient) -> None:
    whole = client.get(make(sign_in("therapist"), detail="busy")).text
    assert set(re.findall(r"SUMMARY:(.*)\r", whole)) == {"Busy"}
    assert "LOCATION" not in whole
    assert "P-101" not in whole


@pytest.mark.parametrize("who", ["coordinator", "nurse"])
def test_places_of_ones_own_sites_are_for_coordinators_and_nurses(
    sign_in: SignIn, stage: Stage, db: Session, client: StrictClient, who: str
) -> None:
    person = sign_in(who)
    offered = re.findall(r'<option[^>]*value="([^"]+)"', person.get("/feeds").text)
    chair = db.scalars(select(Chair.id).order_by(Chair.id)).first()
    assert {f"site-{stage.cast.north.id}", f"chair-{chair}"} <= set(offered)
    assert f"site-{stage.cast.south.id}" not in offered
    assert client.get(make(person, subject=f"chair-{chair}")).status_code == 200
    assert (links(db)[0].scope, links(db)[0].hide_cancelled) == (FeedScope.CHAIR, True)


@pytest.mark.parametrize(
    ("who", "typed"),
    [
        ("therapist", {"subject": "site-1"}),
        ("coordinator", {"subject": "site-999"}),
        ("therapist", {"detail": "full"}),
        ("therapist", {"detail": "initials"}),
        ("therapist", {"app": "?"}),
        ("therapist", {"consent": "2020-01"}),
        ("therapist", {"device": "x" * 61}),
        ("therapist", {"device": "a\u2028b"}),
    ],
)
def test_what_cannot_be_had_is_said_at_the_field(
    sign_in: SignIn, stage: Stage, db: Session, who: str, typed: dict[str, str]
) -> None:
    given = {"subject": "own", "detail": "code", "app": "other", "consent": CONSENT_VERSION} | typed
    answer = sign_in(who).send("/feeds/new", given)
    assert answer.status_code == 422
    assert 'class="error-summary"' in answer.text
    assert links(db) == []


def test_a_link_is_made_anew_and_removed(sign_in: SignIn, stage: Stage, db: Session, client: StrictClient) -> None:
    therapist = sign_in("therapist")
    old = make(therapist)
    answer = therapist.submit(therapist.page("/feeds"), f"/feeds/{links(db)[0].id}/renew")
    new = re.search(r'id="link" value="http://localhost([^"]+)"', answer.text)[1]
    assert "BEGIN:VEVENT" not in client.get(old).text
    assert "BEGIN:VEVENT" in client.get(new).text
    assert links(db)[1].detail is FeedDetail.CODE
    therapist.submit(therapist.page("/feeds"), f"/feeds/{links(db)[1].id}/remove")
    assert "BEGIN:VEVENT" not in client.get(new).text
    make(therapist)
    therapist.submit(therapist.page("/feeds"), "/feeds/remove-all")
    assert all(feed.revoked_at for feed in links(db))


def test_the_link_is_shown_once(sign_in: SignIn, stage: Stage, db: Session) -> None:
    therapist = sign_in("therapist")
    page = therapist.page("/feeds")
    typed = {"subject": "own", "detail": "code", "app": "google"}
    first = therapist.submit(page, "/feeds/new", typed)
    assert first.headers["Referrer-Policy"] == "no-referrer"
    again = therapist.submit(page, "/feeds/new", typed)
    assert (again.status_code, again.location) == (303, "/feeds/new")
    assert therapist.get("/feeds/new").location == "/feeds"
    assert len(links(db)) == 1


def test_patients_are_sent_to_their_own_page_and_admins_have_nothing_to_show(sign_in: SignIn, stage: Stage) -> None:
    assert sign_in("patient").get("/feeds").location == "/my/calendar"
    assert sign_in("admin").page("/feeds").headings == ["Appointments in your own calendar"]


def test_a_page_asks_the_same_number_of_questions_however_many_links(
    sign_in: SignIn, stage: Stage, db: Session
) -> None:
    from tests.builders import counted_queries

    therapist = sign_in("therapist")
    make(therapist)
    therapist.page("/feeds")
    with counted_queries(db) as few:
        therapist.page("/feeds")
    for number in range(6):
        make(therapist, device=f"Device {number}")
    therapist.page("/feeds")
    with counted_queries(db) as many:
        therapist.page("/feeds")
    assert len(few) == len(many)
