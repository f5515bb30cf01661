"""Chairs and rooms: renamed, out of use; their calendars follow, and what is booked there finds another place."""

from collections.abc import Callable

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from planner.domain.intervals import instant_of
from planner.services import rescheduling
from planner.services.publishing import CONSENT_VERSION, create_feed
from planner.store.records import Chair, Feed, FeedScope, Holdable, Room
from tests.support.booked_course import BookedCourse
from tests.support.cast import NOW, Cast
from tests.support.strict_client import StrictClient
from tests.web.stage import words_of

SignIn = Callable[[str], StrictClient]


@pytest.fixture
def admin(sign_in: SignIn) -> StrictClient:
    """The clinic's administrator in a browser."""
    return sign_in("admin")


def link(db: Session, cast: Cast, scope: FeedScope, subject_id: int) -> Feed:
    feed, _ = create_feed(
        db, cast.principals["coordinator"], scope, subject_id, "Desk", now=NOW, consent_version=CONSENT_VERSION
    )
    db.commit()
    return feed


def test_a_new_name_moves_the_calendars_that_show_it(
    admin: StrictClient, cast: Cast, db: Session, booked: BookedCourse
) -> None:
    chair_id = booked.infusion(1).chair_id
    feed = link(db, cast, FeedScope.CHAIR, chair_id)
    path = f"/admin/chairs/{chair_id}/edit"
    assert admin.submit(admin.page(path), path, {"name": "Window seat"}).status_code == 303
    db.expire_all()
    moved = (db.get_one(Feed, feed.id).revision, db.get_one(Feed, feed.id).revised_at)
    assert moved[0] == 1
    assert admin.submit(admin.page(path), path, {"name": "Window seat", "idempotency_key": "k" * 20}).status_code == 303
    db.expire_all()
    assert (db.get_one(Feed, feed.id).revision, db.get_one(Feed, feed.id).revised_at) == moved, "nothing new to show"


def test_the_clinics_words_move_every_calendar(admin: StrictClient, cast: Cast, db: Session) -> None:
    feed = link(db, cast, FeedScope.SITE, cast.north.id)
    path = "/admin/clinic"
    assert admin.submit(admin.page(path), path, {"neutral_name": "Other Practice"}).status_code == 303
    db.expire_all()
    assert db.get_one(Feed, feed.id).revision == 1


def test_what_is_booked_on_a_chair_out_of_use_finds_another(
    coordinator: StrictClient, cast: Cast, db: Session, booked: BookedCourse
) -> None:
    dose = booked.infusion(2)
    path = f"/admin/chairs/{dose.chair_id}"
    facts = booked.facts()
    assert coordinator.submit(coordinator.page(path), path + "/switch").status_code == 303
    db.expire_all()
    assert booked.facts() == facts
    assert coordinator.get(f"/infusions/{dose.id}").status_code == 200
    assert coordinator.get(f"/infusions/{dose.id}/move").status_code == 200
    offers = rescheduling.offers(db, cast.principals["coordinator"], dose.id, now=NOW)
    act = rescheduling.Move(dose.id, instant_of(offers[0].start))
    seen = rescheduling.preview(db, cast.principals["coordinator"], act, now=NOW)
    after = next(line.after for line in seen.decision.lines if line.before and line.before.id == dose.id)
    assert after is not None and after.chair_id != dose.chair_id


def test_a_room_keeps_a_turnover_and_a_chair_none(
    admin: StrictClient, cast: Cast, db: Session, booked: BookedCourse
) -> None:
    room = db.scalars(select(Room).where(Room.site_id == cast.north.id)).first()
    chair = db.scalars(select(Chair).where(Chair.site_id == cast.north.id)).first()
    assert room is not None and chair is not None
    path = f"/admin/rooms/{room.id}/edit"
    assert admin.submit(admin.page(path), path, {"turnover": "20"}).status_code == 303
    assert admin.submit(admin.page(path), path, {"turnover": "241"}).status_code == 422
    path = f"/admin/chairs/{chair.id}/edit"
    more = {"turnover": "20", "active": "", "version": "9", "site_id": str(cast.south.id)}
    assert admin.submit(admin.page(path), path, more).status_code == 303
    db.expire_all()
    assert db.get_one(Holdable, room.holdable_id).turnover_minutes == 20
    assert db.get_one(Holdable, chair.holdable_id).turnover_minutes == 0
    assert (chair.active, chair.version, chair.site_id) == (True, 2, cast.north.id)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("x" * 10_000, "Enter at most 60 characters; these are 10000."),
        ("a\x00b", "Take out line breaks and control characters."),
        ("Infusion chair", "Choose one that does not tell what a visit is for."),
        ("", "Enter a name."),
    ],
)
def test_a_name_that_cannot_be_kept(admin: StrictClient, cast: Cast, name: str, sentence: str) -> None:
    fresh = f"/admin/sites/{cast.north.id}/chairs/new"
    refused = admin.submit(admin.page(fresh), fresh, {"name": name})
    assert refused.status_code == 422
    assert sentence in words_of(refused) and 'id="name-error"' in refused.text


def test_two_chairs_of_a_site_have_two_names(admin: StrictClient, cast: Cast) -> None:
    for site, name, status in ((cast.north, "Seat", 303), (cast.north, "SEAT", 422), (cast.south, "Seat", 303)):
        fresh = f"/admin/sites/{site.id}/chairs/new"
        assert admin.submit(admin.page(fresh), fresh, {"name": name}).status_code == status


def test_a_stale_chair_is_shown_as_it_is_now(
    admin: StrictClient, cast: Cast, db: Session, booked: BookedCourse
) -> None:
    chair_id = booked.infusion(1).chair_id
    path = f"/admin/chairs/{chair_id}/edit"
    page, shown = admin.page(path), admin.page(f"/admin/chairs/{chair_id}")
    assert admin.submit(page, path, {"name": "First", "idempotency_key": "k" * 20}).status_code == 303
    stale = admin.submit(page, path, {"name": "Second"})
    assert stale.status_code == 409 and "First" in words_of(stale) and 'value="Second"' in stale.text
    assert "Empty after each session" not in words_of(stale), "a chair has no such box"
    assert admin.submit(shown, f"/admin/chairs/{chair_id}/switch").status_code == 409
    db.expire_all()
    assert db.get_one(Chair, chair_id).active is True


def test_no_other_kind_of_thing_has_an_address(admin: StrictClient, cast: Cast) -> None:
    assert admin.get("/admin/people/1").status_code == 404
    assert admin.get("/admin/chairs/424242").status_code == 404
