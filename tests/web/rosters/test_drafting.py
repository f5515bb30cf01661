"""A week is drafted, compared and published, by plain forms."""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime

import pytest
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from planner.domain.statuses import AppointmentKind, Mode
from planner.services.protocols import newest_version
from planner.services.rostering import add_shift
from planner.store.records import Chair, DraftShift, RosterDraft, RosterPublication, Shift
from tests import builders
from tests.support.cast import NOW, Cast
from tests.support.one_database import ON_ONE_DATABASE
from tests.support.planning_clinic import put_to_work
from tests.support.strict_client import Page, StrictClient

SignIn = Callable[[str], StrictClient]
WEEK = "/rosters/2026-W12"
TUESDAY = date(2026, 3, 17)
A_SHIFT = {
    "days": TUESDAY.isoformat(), "starts": "18:00", "ends": "20:00", "break_starts": "", "break_ends": "",
}  # fmt: skip


@pytest.fixture
def client(db: Session, cast: Cast, sign_in: SignIn) -> StrictClient:
    put_to_work(db, cast)
    db.commit()
    return sign_in("coordinator")


def begun(client: StrictClient, source: str = "published", **more: str) -> Page:
    client.submit(client.page(WEEK + "/draft"), WEEK + "/draft", {"source": source, **more})
    return client.page(WEEK + "/draft")


def with_a_shift(client: StrictClient, person_id: int, **more: str) -> Page:
    page = client.page(WEEK + "/draft/shifts/new")
    answer = client.submit(page, WEEK + "/draft/shifts/new", {"person": str(person_id), **A_SHIFT, **more})
    return Page(answer.text) if answer.status_code != 303 else client.page(WEEK + "/draft")


def test_a_week_is_drafted_compared_and_published(db: Session, cast: Cast, client: StrictClient) -> None:
    page = begun(client)
    assert "The same as what is published" in page.words
    page = with_a_shift(client, cast.people["nurse"].id)
    assert "18:00 to 20:00" in page.words and "1 change against" in page.words
    assert "18:00 to 20:00" not in client.page(WEEK).words
    page = client.page(WEEK + "/publish")
    assert "Test Nurse, Tue 17 Mar" in page.words and "New" in page.words
    answer = client.submit(page, WEEK + "/publish", {})
    assert answer.status_code == 200 and "Nothing that is booked has to change" in answer.text
    answer = client.submit(Page(answer.text), WEEK + "/publish/apply", {})
    assert answer.status_code == 303
    page = client.page(WEEK)
    assert "18:00 to 20:00" in page.words and "Version 1" in page.words
    assert "Published: version 1 of this week. You can undo this until" in page.words
    db.expire_all()
    version = db.scalars(select(RosterPublication)).one()
    assert (version.number, version.is_withdrawal, len(version.after) - len(version.before)) == (1, False, 1)
    assert db.scalars(select(RosterDraft)).all() == [] and db.scalars(select(DraftShift)).all() == []
    kept = db.scalars(select(Shift).where(Shift.day == TUESDAY, Shift.person_id == cast.people["nurse"].id)).all()
    assert sorted((row.starts_minute, row.ends_minute) for row in kept) == [(480, 1020), (1080, 1200)]


def test_publishing_with_appointments_shows_them_first_and_is_undone_as_one(
    db: Session, cast: Cast, client: StrictClient
) -> None:
    therapist = cast.people["therapist"]
    course = builders.course(db, cast.patients["alder"], newest_version(db, "iv-racemic-twice-weekly"))
    dose = builders.appointment(
        db, cast.patients["alder"], builders.at("2026-03-16 09:00"), 130, course=course, now=NOW,
        kind=AppointmentKind.INFUSION, chair=db.scalars(select(Chair)).first(),
    )  # fmt: skip
    booked = builders.appointment(
        db, cast.patients["alder"], builders.at("2026-03-17 14:00"), course=course, therapist=therapist, now=NOW,
        mode=Mode.TELEHEALTH, serves=dose,
    )  # fmt: skip
    db.commit()
    page = begun(client)
    [link] = [link for link in page.links if shift_of(db, link) == (therapist.id, 13 * 60)]
    page = client.page(link)
    client.submit(page, link.split("?")[0] + "/remove", {})
    answer = client.submit(client.page(WEEK + "/publish"), WEEK + "/publish", {})
    assert answer.status_code == 200 and cast.patients["alder"].code in answer.text
    assert client.submit(Page(answer.text), WEEK + "/publish/apply", {}).status_code == 303
    db.expire_all()
    assert booked.therapist_id == cast.people["therapist-two"].id
    page = client.page(WEEK)
    assert "Published: version 1 of this week, and 1 appointment changed" in page.words
    [undo] = [form["action"].split("?")[0] for form in page.forms if "/undo" in form["action"]]
    assert client.submit(page, undo, {}).status_code == 303
    db.expire_all()
    assert (booked.therapist_id, booked.starts_at) == (therapist.id, builders.at("2026-03-17 14:00"))
    assert "Version 2, which took the one before back" in client.page(WEEK).words
    assert "Draft of week 12" in client.page(WEEK + "/draft").words, "what was drafted is a draft again"


def shift_of(db: Session, link: str) -> tuple[int, int] | None:
    """Whose shift of Tuesday a link leads to, and from when."""
    found = re.search(r"/draft/shifts/([0-9]+)\?", link)
    row = db.get(DraftShift, int(found[1])) if found else None
    return (row.person_id, row.starts_minute) if row is not None and row.day == TUESDAY else None


def test_a_draft_without_a_change_publishes_nothing_and_says_so(client: StrictClient, db: Session) -> None:
    begun(client)
    page = client.page(WEEK + "/publish")
    assert "Nothing has changed; there is nothing to publish." in page.words
    answer = client.send(WEEK + "/publish/apply", {"key": "x"}, version=1)
    assert answer.status_code == 303
    assert "Nothing has changed; there is nothing to publish. The draft is gone." in client.page(WEEK).words
    assert db.scalars(select(RosterPublication)).all() == []


def test_two_people_editing_one_week_see_the_newer_state(db: Session, cast: Cast, client: StrictClient) -> None:
    begun(client)
    stale = client.page(WEEK + "/draft/shifts/new")
    with_a_shift(client, cast.people["nurse"].id)
    answer = client.submit(
        stale, WEEK + "/draft/shifts/new", {"person": str(cast.people["therapist"].id), **A_SHIFT, "starts": "19:00"}
    )
    assert answer.status_code == 409
    page = Page(answer.text)
    assert "The draft of this week was changed by somebody else in the meantime" in page.words
    assert "18:00 to 20:00" in page.words and "19:00 to 20:00" not in page.words
    for action in ("draft/fill", "draft/base", "draft/discard"):
        assert client.send(f"{WEEK}/{action}", {}, version=1).status_code == 409
    assert client.send(f"{WEEK}/publish", {}, version=1).status_code == 409
    assert client.send(f"{WEEK}/publish/apply", {"key": "x"}, version=1).status_code == 409


def test_the_second_of_two_publishers_is_told_which_version_stands(cast: Cast, client: StrictClient) -> None:
    begun(client)
    with_a_shift(client, cast.people["nurse"].id)
    preview = Page(client.submit(client.page(WEEK + "/publish"), WEEK + "/publish", {}).text)
    assert client.submit(preview, WEEK + "/publish/apply", {}).status_code == 303
    fields = {name: value for name, value in preview.form(WEEK + "/publish/apply")["fields"] if name != "csrf_token"}
    version = fields.pop("seen_version")
    fields.pop("idempotency_key")
    answer = client.send(WEEK + "/publish/apply", fields, version=int(version))
    assert answer.status_code == 409
    assert "version 1 stands, by Test Coordinator" in Page(answer.text).words


@ON_ONE_DATABASE
@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ({"starts": "09:00", "ends": "10:00"}, "Test Nurse has a shift from 08:00 to 17:00 on Tue 17 Mar"),
        ({"ends": "18:00"}, "The end has to be after the start."),
        ({"ends": "07:00"}, "The end has to be after the start."),
        ({"starts": "25:00"}, "Enter a time from 00:00 to 23:59"),
        ({"starts": ""}, "Enter when the shift starts."),
        ({"days": "2026-03-24"}, "Choose at least one day of this week."),
        ({"person": "1"}, "Choose a person."),
        ({"break_starts": "18:30"}, "Enter both when the break starts and when it ends"),
        ({"break_starts": "17:30", "break_ends": "18:30"}, "The break has to lie inside the shift"),
        ({"break_starts": "19:00", "break_ends": "18:30"}, "The break has to lie inside the shift"),
    ],
)
def test_a_shift_that_cannot_be_is_refused_at_its_field(
    cast: Cast, client: StrictClient, typed: dict[str, str], sentence: str
) -> None:
    begun(client)
    page = with_a_shift(client, cast.people["nurse"].id, **typed)
    assert sentence in page.words and page.title.startswith("Error: ")
    assert "1 change" not in client.page(WEEK + "/draft").words


def test_a_shift_over_midnight_and_one_up_to_it(db: Session, cast: Cast, client: StrictClient) -> None:
    begun(client)
    nurse = cast.people["nurse"].id
    page = with_a_shift(
        client, nurse, starts="22:00", ends="06:00", next_day="y", break_starts="01:00", break_ends="01:30"
    )
    assert "22:00 to 06:00, break 01:00 to 01:30" in page.words
    page = with_a_shift(client, nurse, starts="18:00", ends="00:00")
    assert "Test Nurse has a shift from 22:00 to 06:00 on Tue 17 Mar" in page.words
    page = with_a_shift(client, nurse, starts="18:00", ends="00:00", days="2026-03-18", on_call="y")
    assert "18:00 to 00:00 (on call)" in page.words
    rows = {(row.starts_minute, row.ends_minute, row.break_starts_minute) for row in db.scalars(select(DraftShift))}
    assert {(1320, 1800, 1500), (1080, 1440, None)} <= rows
    assert "22:00 to 06:00 on the next day, break 01:00 to 01:30" in client.page(WEEK + "/publish").words


@pytest.mark.parametrize(
    ("week", "day", "sentence"),
    [
        ("2026-W43", "2026-10-25", "01:30 happens twice on Sun 25 Oct 2026: the clocks go back."),
        ("2027-W12", "2027-03-28", "01:30 does not exist on Sun 28 Mar 2027: the clocks go forward."),
    ],
)
def test_a_start_that_clocks_skip_or_show_twice_gets_one_sentence(
    db: Session, cast: Cast, client: StrictClient, week: str, day: str, sentence: str
) -> None:
    cast.north.zone = "Europe/London"
    db.commit()
    url, nurse = f"/rosters/{week}/draft", str(cast.people["nurse"].id)
    client.submit(client.page(url), url, {"source": "empty"})
    typed = {"person": nurse, **A_SHIFT, "days": day, "starts": "01:30", "ends": "09:00"}
    answer = client.submit(client.page(url + "/shifts/new"), url + "/shifts/new", typed)
    page = Page(answer.text)
    assert answer.status_code == 422 and sentence in page.words
    assert ("Which of the two?" in page.words) == ("twice" in sentence)
    if "twice" not in sentence:
        return
    assert client.submit(page, url + "/shifts/new", {**typed, "which_starts": "1"}).status_code == 303
    row = db.scalars(select(DraftShift)).one()
    assert (row.starts_minute, row.starts_fold, row.ends_fold) == (90, 1, 0)
    changed = client.page(f"{url}/shifts/{row.id}")
    assert "Which of the two?" in changed.words
    preview = client.submit(client.page(f"/rosters/{week}/publish"), f"/rosters/{week}/publish", {})
    assert client.submit(Page(preview.text), f"/rosters/{week}/publish/apply", {}).status_code == 303
    shift = db.scalars(select(Shift).where(Shift.day == date(2026, 10, 25))).one()
    assert shift.starts_at == datetime(2026, 10, 25, 1, 30, tzinfo=UTC)


def test_a_draft_is_begun_from_patterns_or_as_a_copy(db: Session, cast: Cast, client: StrictClient) -> None:
    page = begun(client, "week", copy_of="2026-03-11")
    assert "The same as what is published" in page.words, "the weeks are alike"
    client.submit(page, WEEK + "/draft/discard", {})
    page = begun(client, "week")
    assert "There is no draft of this week yet" in page.words
    answer = client.submit(page, WEEK + "/draft", {"source": "week"})
    assert answer.status_code == 422 and "Choose another week to copy." in Page(answer.text).words
    assert "The weekly patterns" not in page.words, "there are none"
    page = begun(client, "empty")
    assert "changes against what is published" in page.words
    assert client.submit(page, WEEK + "/draft/fill", {}).status_code == 303
    assert "The patterns say nothing that the draft lacks." in client.page(WEEK + "/draft").words


def test_a_draft_is_begun_once(client: StrictClient) -> None:
    first = client.page(WEEK + "/draft")
    begun(client)
    answer = client.submit(first, WEEK + "/draft", {"source": "empty"})
    assert answer.status_code == 422 and "There is a draft of this week already." in Page(answer.text).words


def test_what_was_published_meanwhile_is_shown_and_can_be_gone_on_from(
    db: Session, cast: Cast, client: StrictClient
) -> None:
    begun(client)
    with_a_shift(client, cast.people["nurse"].id)
    add_shift(db, cast.people["therapist-two"], cast.north, date(2026, 3, 21), "09:00", "12:00")
    db.commit()
    page = client.page(WEEK + "/draft")
    assert "Something else was published in this week since the draft began" in page.words
    assert "See what it does to appointments" not in client.page(WEEK + "/publish").words
    assert client.submit(page, WEEK + "/draft/base", {}).status_code == 303
    assert "Something else was published" not in client.page(WEEK + "/draft").words
    assert "Taken away" in client.page(WEEK + "/publish").words


def test_a_version_is_looked_at_compared_and_taken_back(db: Session, cast: Cast, client: StrictClient) -> None:
    for number, person in enumerate(("nurse", "therapist"), 1):
        begun(client)
        with_a_shift(client, cast.people[person].id)
        preview = Page(client.submit(client.page(WEEK + "/publish"), WEEK + "/publish", {}).text)
        assert f"as version {number}" in preview.words
        client.submit(preview, WEEK + "/publish/apply", {})
    assert "Version 2" in client.page(WEEK + "/versions").words
    page = client.page(WEEK + "/versions/2")
    assert "Test Therapist, Tue 17 Mar" in page.words and "Test Nurse, Tue" not in page.words
    both = client.page(WEEK + "/versions/2?against=0")
    assert "Test Therapist, Tue 17 Mar" in both.words and "Test Nurse, Tue 17 Mar" in both.words
    client.page(WEEK + "/versions/3", status=404)
    client.page(WEEK + "/versions/2?against=2", status=404)
    url = WEEK + "/versions/2/withdraw"
    preview = Page(client.submit(page, url, {}).text)
    assert "Take back version 2" in preview.words
    assert client.submit(preview, url + "/apply", {}).status_code == 303
    page = client.page(WEEK)
    assert "Taken back: version 3 of this week" in page.words and page.words.count("18:00 to 20:00") == 1
    assert "See what taking it back changes" not in client.page(WEEK + "/versions/2").words
    assert client.send(url + "/apply", {"key": "x"}).status_code == 409


@ON_ONE_DATABASE
def test_only_who_keeps_the_roster_of_the_site_drafts_it(cast: Cast, client: StrictClient, sign_in: SignIn) -> None:
    begun(client)
    with_a_shift(client, cast.people["nurse"].id)
    for who in ("therapist", "nurse", "prescriber", "admin", "patient"):
        other = sign_in(who)
        for path in ("draft", "publish", "versions", "draft/shifts/new"):
            other.page(f"{WEEK}/{path}", status=404)
        assert other.send(WEEK + "/draft", {"source": "empty"}).status_code == 403
    read = sign_in("therapist").page(WEEK)
    assert "18:00 to 20:00" not in read.words and "Draft" not in read.words.replace("Drafts are kept", "")
    south = sign_in("coordinator-south")
    assert "There is no draft" in south.page(WEEK + "/draft").words
    for path in ("draft", "publish", "versions"):
        south.page(f"{WEEK}/{path}?site={cast.north.id}", status=404)


@ON_ONE_DATABASE
@pytest.mark.parametrize("word", ["2026-W54", "1999-W10", "9999-W52", "soon", "2026-W5"])
def test_an_address_without_a_week_is_not_found(client: StrictClient, word: str) -> None:
    client.page(f"/rosters/{word}", status=404)


@ON_ONE_DATABASE
def test_a_week_that_is_over_has_no_draft(client: StrictClient) -> None:
    assert "Draft this week" not in client.page("/rosters/2026-W08").words
    url = "/rosters/2026-W08/draft"
    answer = client.submit(client.page(url), url, {"source": "empty"})
    assert answer.status_code == 422 and "That week is over; its roster stays as it was." in Page(answer.text).words
    client.page("/rosters/2029-W11/draft", status=400)


def test_a_shift_that_came_into_the_next_week_meanwhile_is_told_and_nothing_is_published(
    db: Session, cast: Cast, client: StrictClient
) -> None:
    nurse, sunday = cast.people["nurse"], date(2026, 3, 22)
    begun(client)
    with_a_shift(client, nurse.id, days=sunday.isoformat(), starts="22:00", ends="06:00", next_day="y")
    answer = client.submit(client.page(WEEK + "/publish"), WEEK + "/publish", {})
    assert answer.status_code == 200
    db.execute(delete(Shift).where(Shift.person_id == nurse.id, Shift.day > sunday))
    add_shift(db, nurse, cast.north, date(2026, 3, 23), "05:00", "07:00")
    db.commit()
    told = "Test Nurse has a shift from 05:00 to 07:00 on Mon 23 Mar 2026, in another week of this roster"
    refused = client.submit(Page(answer.text), WEEK + "/publish/apply", {})
    assert (refused.status_code, told in refused.text) == (422, True)
    db.expire_all()
    assert db.scalars(select(RosterPublication)).all() == [] and db.scalars(select(RosterDraft)).all() != []
    draft = client.page(WEEK + "/draft")
    [link] = [link for link in draft.links if (row := row_of(db, link)) is not None and row.day == sunday]
    page = client.page(link)
    again = client.submit(page, link.split("?")[0], {"starts": "21:00"})
    assert again.status_code == 422 and "Test Nurse has a shift from 05:00 to 07:00" in again.text


def row_of(db: Session, link: str) -> DraftShift | None:
    found = re.search(r"/draft/shifts/([0-9]+)\?", link)
    return db.get(DraftShift, int(found[1])) if found else None
