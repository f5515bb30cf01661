"""A week is drafted, compared and published, by plain forms."""

from collections.abc import Callable
from datetime import date

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from planner.store.records import DraftShift, RosterDraft, RosterPublication, Shift
from tests.support.cast import Cast
from tests.support.planning_clinic import put_to_work
from tests.support.strict_client import Page, StrictClient

SignIn = Callable[[str], StrictClient]
WEEK = "/rosters/2026-W12"
TUESDAY = date(2026, 3, 17)
A_SHIFT = {
    "day": TUESDAY.isoformat(), "starts": "18:00", "ends": "20:00", "break_starts": "", "break_ends": "",
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
