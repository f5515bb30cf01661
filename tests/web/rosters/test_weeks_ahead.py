"""The first rosters of a clinic: patterns for several weekdays, and the weeks to come published from them at once."""

from collections.abc import Callable
from datetime import date

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from planner.store.records import Absence, ChangeSet, RosterDraft, RosterPublication, Shift, ShiftPattern
from tests import builders
from tests.support.cast import Cast
from tests.support.one_database import ON_ONE_DATABASE
from tests.support.strict_client import Page, StrictClient

SignIn = Callable[[str], StrictClient]
AHEAD, PUBLISH, NEW = "/rosters/ahead", "/rosters/ahead/publish", "/rosters/patterns/new"
A_PATTERN = {
    "starts": "09:00", "ends": "17:00", "break_starts": "", "break_ends": "", "every_weeks": "1",
    "from_day": "2026-03-02", "until_day": "",
}  # fmt: skip


@pytest.fixture
def client(sign_in: SignIn) -> StrictClient:
    return sign_in("coordinator")


@pytest.fixture
def patterned(cast: Cast, client: StrictClient) -> StrictClient:
    """The nurse works on Mondays, Thursdays and Fridays."""
    answer = keep(client, cast, weekdays=["0", "3", "4"])
    assert answer.status_code == 303
    return client


def keep(client: StrictClient, cast: Cast, **more: object):  # type: ignore[no-untyped-def]
    typed = {"person": str(cast.people["nurse"].id), **A_PATTERN, **more}
    return client.submit(client.page(NEW), NEW, typed)


def count(db: Session, record: type) -> int:
    return db.scalar(select(func.count()).select_from(record)) or 0


def test_one_form_keeps_a_pattern_for_every_ticked_weekday(
    db: Session, cast: Cast, client: StrictClient, patterned: StrictClient
) -> None:
    rows = db.scalars(select(ShiftPattern).order_by(ShiftPattern.id)).all()
    assert [(row.weekday, row.starts_minute, row.ends_minute) for row in rows] == [(d, 540, 1020) for d in (0, 3, 4)]
    words = client.page("/rosters/patterns").words
    assert "3 patterns are kept." in words and "Thursday" in words
    answer = keep(client, cast, weekdays=["1", "2"], ends="08:00")
    page = Page(answer.text)
    assert answer.status_code == 422 and "The end has to be after the start." in page.words
    assert page.filled(NEW, {})[1]["weekdays"] == ["1", "2"], "what was ticked comes back"
    assert {f"weekdays-{day}" for day in range(7)} <= set(page.ids), "boxes to tick"
    answer = keep(client, cast, weekdays=[])
    assert answer.status_code == 422 and "Choose at least one weekday." in Page(answer.text).words
    assert keep(client, cast, weekdays=["0", "7"]).status_code == 422
    assert count(db, ShiftPattern) == 3, "nothing of what was refused is kept"


def test_free_weeks_are_published_at_once_and_undone_at_once(
    db: Session, cast: Cast, client: StrictClient, patterned: StrictClient
) -> None:
    page = client.page(AHEAD)
    assert page.words.count("Would be published") == 4
    client.submit(client.page("/rosters/2026-W11/draft"), "/rosters/2026-W11/draft", {"source": "patterns"})
    page = client.page(AHEAD)
    assert page.words.count("Would be published") == 3 and "Being drafted, left alone" in page.words
    answer = client.submit(page, PUBLISH, {})
    assert answer.status_code == 303
    page = client.page("/rosters/2026-W12")
    assert "09:00 to 17:00" in page.words
    assert page.words.count("ublished:") == 1 and "weeks published" not in page.words, "it is said once"
    assert "Published: version 1 of this week, together with 2 other weeks. You can undo all of this" in page.words
    db.expire_all()
    rows = db.scalars(select(RosterPublication).order_by(RosterPublication.monday)).all()
    # This week is half over: what has passed stays empty.
    assert [(row.monday.day, row.number, len(row.after)) for row in rows] == [(2, 1, 2), (16, 1, 3), (23, 1, 3)]
    assert count(db, Shift) == 8 and count(db, ChangeSet) == 1 and count(db, RosterDraft) == 1
    assert client.page(AHEAD).words.count("Published already, left alone") == 3
    [undo] = [form["action"].split("?")[0] for form in page.forms if "/undo" in form["action"]]
    assert client.submit(page, undo, {}).status_code == 303
    db.expire_all()
    assert count(db, Shift) == 0 and count(db, RosterDraft) == 1
    assert client.page(AHEAD).words.count("Would be published") == 3, "taken back, they are free again"


def test_a_week_taken_meanwhile_shows_the_newer_list(
    db: Session, cast: Cast, client: StrictClient, patterned: StrictClient
) -> None:
    page = client.page(AHEAD)
    client.submit(client.page("/rosters/2026-W11/draft"), "/rosters/2026-W11/draft", {"source": "empty"})
    answer = client.submit(page, PUBLISH, {})
    assert answer.status_code == 409
    assert "The list of weeks was changed by somebody else" in Page(answer.text).words
    assert "Being drafted, left alone" in answer.text and "Publish 3 weeks" in answer.text
    assert count(db, RosterPublication) == 0 and count(db, Shift) == 0
    assert client.submit(Page(answer.text), PUBLISH, {}).status_code == 303


def test_warnings_of_each_week_are_counted_and_told(
    db: Session, cast: Cast, client: StrictClient, patterned: StrictClient
) -> None:
    at = builders.at
    db.add(Absence(person_id=cast.people["nurse"].id, starts_at=at("2026-03-12 00:00"), ends_at=at("2026-03-14 00:00")))
    db.commit()
    page = client.page(AHEAD + "?weeks=2")
    assert page.words.count("Would be published") == 2 and "Week 11 of 2026: 2 warnings" in page.words
    assert "Test Nurse has a shift on Thu 12 Mar and is away." in page.words
    assert "#warnings-2026-03-09" in page.links


@ON_ONE_DATABASE
def test_an_empty_week_says_what_to_do_first(client: StrictClient) -> None:
    page = client.page("/rosters")
    words = " ".join(page.words.split())
    assert words.index("Say who usually works when") < words.index("Publish the weeks")
    assert any(link.startswith("/rosters/patterns") for link in page.links)
    assert any(link.startswith(AHEAD) for link in page.links)
    page = client.page(AHEAD)
    assert "No pattern yet" in page.words and any(link.startswith(NEW) for link in page.links)


@ON_ONE_DATABASE
def test_a_draft_begins_with_what_there_is(cast: Cast, client: StrictClient) -> None:
    url = "/rosters/2026-W12/draft"
    page = client.page(url)
    assert page.filled(url, {})[1]["source"] == ["empty"]
    assert "The weekly patterns" not in page.words and "What is published now" not in page.words
    keep(client, cast, weekdays=["0"])
    page = client.page(url)
    assert page.filled(url, {})[1]["source"] == ["patterns"] and "What is published now" not in page.words


@ON_ONE_DATABASE
@pytest.mark.parametrize("weeks", ["0", "13", "x", "-1", "99999"])
def test_a_number_of_weeks_that_cannot_be(
    db: Session, client: StrictClient, patterned: StrictClient, weeks: str
) -> None:
    assert client.page(f"{AHEAD}?weeks={weeks}").words.count("Would be published") == 4
    answer = client.submit(client.page(AHEAD), PUBLISH, {"weeks": weeks})
    assert answer.status_code == 422 and "Choose 1 to 12 weeks." in Page(answer.text).words


@ON_ONE_DATABASE
def test_weeks_of_another_site_are_not_there(cast: Cast, client: StrictClient, sign_in: SignIn) -> None:
    sign_in("coordinator-south").page(f"{AHEAD}?site={cast.north.id}", status=404)
    for who in ("therapist", "nurse", "admin"):
        sign_in(who).page(AHEAD, status=404)


def test_a_shift_for_several_days_is_all_or_nothing(
    db: Session, cast: Cast, client: StrictClient, patterned: StrictClient
) -> None:
    url = "/rosters/2026-W12/draft"
    client.submit(client.page(url), url, {"source": "patterns"})
    new = url + "/shifts/new"
    typed = {"person": str(cast.people["nurse"].id), "starts": "08:00", "ends": "12:00"}
    days = [date(2026, 3, day).isoformat() for day in (17, 18, 19)]
    answer = client.submit(client.page(new), new, {**typed, "days": days})
    assert answer.status_code == 422
    assert "Test Nurse has a shift from 09:00 to 17:00 on Thu 19 Mar 2026." in Page(answer.text).words
    assert "08:00 to 12:00" not in client.page(url).words
    assert client.submit(client.page(new), new, {**typed, "days": days[:2]}).status_code == 303
    page = client.page(url)
    assert page.words.count("08:00 to 12:00") == 2
    answer = client.submit(client.page(new), new, {**typed, "days": []})
    assert answer.status_code == 422 and "Choose at least one day of this week." in Page(answer.text).words
