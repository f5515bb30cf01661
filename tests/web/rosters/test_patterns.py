"""Weekly patterns by plain forms: listed, added, changed, excepted from, ended; and a draft filled from them."""

from collections.abc import Callable
from datetime import date

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from planner.services.places import close_day
from planner.store.records import DraftShift, PatternException, ShiftPattern
from tests.support.cast import Cast
from tests.support.one_database import ON_ONE_DATABASE
from tests.support.strict_client import Page, StrictClient

SignIn = Callable[[str], StrictClient]
LIST, NEW = "/rosters/patterns", "/rosters/patterns/new"
MONDAYS = {
    "weekdays": "0", "starts": "09:00", "ends": "17:00", "break_starts": "12:00", "break_ends": "12:30",
    "every_weeks": "2", "from_day": "2026-03-09", "until_day": "",
}  # fmt: skip


@pytest.fixture
def client(sign_in: SignIn) -> StrictClient:
    return sign_in("coordinator")


def added(db: Session, client: StrictClient, person_id: int, **more: str) -> ShiftPattern:
    answer = client.submit(client.page(NEW), NEW, {"person": str(person_id), **MONDAYS, **more})
    assert answer.status_code == 303, Page(answer.text).words
    return db.scalars(select(ShiftPattern).order_by(ShiftPattern.id.desc())).first()  # type: ignore[return-value]


def days_of(db: Session, client: StrictClient, week: str) -> list[tuple[str, int, int, int | None]]:
    """What a draft of a week from the patterns has."""
    url = f"/rosters/{week}/draft"
    page = client.page(url)
    if "The weekly patterns" not in page.words:
        return []
    client.submit(page, url, {"source": "patterns"})
    rows = db.scalars(select(DraftShift)).all()
    found = [(f"{row.day:%a %d}", row.starts_minute, row.ends_minute, row.break_starts_minute) for row in rows]
    client.submit(client.page(url), url + "/discard", {})
    return sorted(found)


def test_a_pattern_is_added_changed_and_ended(db: Session, cast: Cast, client: StrictClient) -> None:
    assert "No pattern yet" in client.page(LIST).words
    row = added(db, client, cast.people["nurse"].id)
    words = client.page(LIST).words
    assert "Every 2 weeks" in words and "09:00 to 17:00, break 12:00 to 12:30" in words
    assert days_of(db, client, "2026-W11") == [("Mon 09", 540, 1020, 720)]
    assert days_of(db, client, "2026-W12") == []
    url = f"{LIST}/{row.id}"
    page = client.page(url + "/change")
    assert client.submit(page, url + "/change", {"every_weeks": "1", "ends": "06:00", "next_day": "y",
        "break_starts": "", "break_ends": ""}).status_code == 303  # fmt: skip
    assert days_of(db, client, "2026-W12") == [("Mon 16", 540, 1800, None)]
    page = client.page(url)
    assert client.submit(page, url + "/end", {"until_day": "2026-03-16"}).status_code == 303
    assert days_of(db, client, "2026-W13") == [] and "Mon 16 Mar 2026" in client.page(LIST).words
    assert client.submit(client.page(url), url + "/end", {"until_day": "2026-03-08"}).status_code == 303
    assert db.scalars(select(ShiftPattern)).all() == []


def test_exceptions_are_other_times_or_no_shift(db: Session, cast: Cast, client: StrictClient) -> None:
    row = added(db, client, cast.people["nurse"].id, every_weeks="1")
    url = f"{LIST}/{row.id}"
    for day, times in (("2026-03-16", {}), ("2026-03-23", {"starts": "10:00", "ends": "14:00"})):
        typed = {"day": day, "starts": "", "ends": "", **times}
        assert client.submit(client.page(url), url + "/exceptions", typed).status_code == 303
    words = client.page(url).words
    assert "Mon 16 Mar 2026: no shift" in words and "Mon 23 Mar 2026: 10:00 to 14:00" in words
    assert days_of(db, client, "2026-W12") == []
    assert days_of(db, client, "2026-W13") == [("Mon 23", 600, 840, 720)]
    kept = db.scalars(select(PatternException).where(PatternException.day == date(2026, 3, 16))).one()
    assert client.submit(client.page(url), f"{url}/exceptions/{kept.id}/remove", {}).status_code == 303
    assert days_of(db, client, "2026-W12") == [("Mon 16", 540, 1020, 720)]


def test_closed_days_and_people_who_left_are_left_out_of_a_draft(db: Session, cast: Cast, client: StrictClient) -> None:
    added(db, client, cast.people["nurse"].id)
    added(db, client, cast.people["therapist"].id, weekdays="1")
    added(db, client, cast.people["therapist-two"].id, weekdays="2")
    close_day(db, cast.north, date(2026, 3, 9), "floor is oiled")
    cast.people["therapist-two"].active = False
    db.commit()
    assert [day for day, *_ in days_of(db, client, "2026-W11")] == ["Tue 10"]


@ON_ONE_DATABASE
@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ({"ends": "08:00"}, "The end has to be after the start."),
        ({"break_starts": "08:00"}, "The break has to lie inside the shift"),
        ({"break_ends": ""}, "Enter both when the break starts and when it ends, or neither."),
        ({"every_weeks": "9"}, "Choose how often it comes again."),
        ({"until_day": "2026-03-01"}, "The last day has to be on or after the first."),
        ({"from_day": "9999-12-31"}, "That is too far ahead."),
        ({"person": "999"}, "Choose a person."),
    ],
)
def test_a_pattern_that_cannot_be_is_refused_at_its_field(
    cast: Cast, client: StrictClient, typed: dict[str, str], sentence: str
) -> None:
    answer = client.submit(client.page(NEW), NEW, {"person": str(cast.people["nurse"].id), **MONDAYS, **typed})
    assert answer.status_code == 422 and sentence in Page(answer.text).words


@ON_ONE_DATABASE
def test_exceptions_and_ends_that_cannot_be_are_refused(db: Session, cast: Cast, client: StrictClient) -> None:
    url = f"{LIST}/{added(db, client, cast.people['nurse'].id).id}"
    for typed, sentence in (
        ({"day": "2026-03-16"}, "Mon 16 Mar 2026 is not a day of this pattern."),
        ({"day": "2026-03-23", "starts": "10:00"}, "Enter both times, or neither for no shift that day."),
        ({"day": "2026-03-23", "starts": "10:00", "ends": "09:00"}, "The end has to be after the start."),
    ):
        answer = client.submit(client.page(url), url + "/exceptions", {"starts": "", "ends": "", **typed})
        assert answer.status_code == 422 and sentence in Page(answer.text).words
    answer = client.submit(client.page(url), url + "/end", {"until_day": "2026-03-01"})
    assert answer.status_code == 422 and "That day has passed" in Page(answer.text).words


def test_a_pattern_somebody_else_changed_is_shown_as_it_is(db: Session, cast: Cast, client: StrictClient) -> None:
    url = f"{LIST}/{added(db, client, cast.people['nurse'].id).id}"
    stale = client.page(url)
    form = client.page(url + "/change")
    client.submit(client.page(url), url + "/exceptions", {"day": "2026-03-23", "starts": "", "ends": ""})
    for page, action, typed in (
        (stale, "/end", {"until_day": "2026-03-20"}),
        (stale, "/exceptions", {"day": "2026-04-06", "starts": "", "ends": ""}),
        (form, "/change", {"ends": "18:00"}),
    ):
        answer = client.submit(page, url + action, typed)
        assert answer.status_code == 409
        assert "This pattern was changed by somebody else" in Page(answer.text).words
        assert "Mon 23 Mar 2026: no shift" in Page(answer.text).words


@ON_ONE_DATABASE
def test_patterns_of_another_site_are_not_there(db: Session, cast: Cast, client: StrictClient, sign_in: SignIn) -> None:
    row = added(db, client, cast.people["nurse"].id)
    other = sign_in("coordinator-south")
    assert "No pattern yet" in other.page(LIST).words
    for path in (f"{LIST}?site={cast.north.id}", f"{LIST}/{row.id}", f"{LIST}/{row.id}/change"):
        other.page(path, status=404)
    assert other.send(f"{LIST}/{row.id}/end", {"until_day": "2026-03-20"}, version=1).status_code == 404
    for who in ("therapist", "nurse", "admin"):
        sign_in(who).page(LIST, status=404)
