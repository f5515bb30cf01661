"""Sites, their hours, chairs and rooms: kept as typed, refused in one sentence, nothing that is booked moves."""

from collections.abc import Callable

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from planner.store.records import AuditEntry, Chair, OpeningHours, Site, SiteTravel
from tests.support.booked_course import BookedCourse
from tests.support.cast import Cast
from tests.support.strict_client import StrictClient
from tests.web.stage import wall_of, words_of

SignIn = Callable[[str], StrictClient]


@pytest.fixture
def admin(sign_in: SignIn) -> StrictClient:
    """The clinic's administrator in a browser."""
    return sign_in("admin")


def typed(**more: str) -> dict[str, str]:
    return {
        "name": "East",
        "code": "E",
        "zone": "America/New_York",
        "visit_grid": "15",
        "therapy_grid": "30",
    } | more


def test_a_site_is_added_with_its_hours_and_then_its_places(admin: StrictClient, db: Session) -> None:
    page = admin.page("/admin/sites/new")
    hours = {"from_0": "09:00", "to_0": "12:00", "again_0": "13:00", "until_0": "00:00"}
    done = admin.submit(page, "/admin/sites/new", typed(**hours))
    assert done.status_code == 303
    site = db.scalars(select(Site).where(Site.code == "E")).one()
    assert done.location == f"/admin/sites/{site.id}"
    spans = db.execute(select(OpeningHours.weekday, OpeningHours.opens_minute, OpeningHours.closes_minute))
    assert sorted(spans.all()) == [(0, 540, 720), (0, 780, 1440)]
    shown = admin.page(done.location)
    assert "09:00 to 12:00, 13:00 to 24:00" in shown.words and "No chair yet" in shown.words
    fresh = f"/admin/sites/{site.id}/chairs/new"
    assert admin.submit(admin.page(fresh), fresh, {"name": "Seat 1"}).status_code == 303
    fresh = f"/admin/sites/{site.id}/rooms/new"
    assert admin.submit(admin.page(fresh), fresh, {"name": "Den", "turnover": "10"}).status_code == 303
    shown = admin.page(done.location)
    assert "Seat 1" in shown.words and "Den" in shown.words
    acts = db.scalars(select(AuditEntry.action).order_by(AuditEntry.id)).all()[-3:]
    assert acts == ["site.add", "chair.add", "room.add"]


@pytest.mark.parametrize(
    ("more", "field", "sentence"),
    [
        ({"name": "x" * 10_000}, "name", "Enter at most 120 characters; these are 10000."),
        ({"name": "a\x00b"}, "name", "Take out line breaks and control characters."),
        ({"name": "north"}, "name", "There is already a site with this name."),
        ({"code": "n"}, "code", "There is already a site with this code."),
        ({"zone": "Mars/Crater"}, "zone", "There is no time zone called “Mars/Crater”."),
        ({"zone": "../etc/passwd"}, "zone", "There is no time zone called"),
        ({"alias": "Ketamine room"}, "alias", "Choose words that do not tell what a visit is for."),
        ({"visit_grid": "7"}, "visit_grid", "Choose from this list"),
        ({"from_2": "09:00"}, "to_2", "Enter both times for Wednesday, or leave both empty."),
        ({"from_2": "12:00", "to_2": "09:00"}, "to_2", "On Wednesday the end has to be after the start."),
        (
            {"from_2": "08:00", "to_2": "12:00", "again_2": "11:00", "until_2": "15:00"},
            "again_2",
            "On Wednesday the second time has to begin after the first one ends.",
        ),
        ({"from_2": "noon", "to_2": "15:00"}, "from_2", "Enter a time from 00:00 to 23:59"),
    ],
)
def test_what_cannot_be_kept_is_said_at_the_field(
    admin: StrictClient, db: Session, more: dict[str, str], field: str, sentence: str
) -> None:
    before = db.scalar(select(func.count()).select_from(Site))
    refused = admin.send("/admin/sites/new", typed(address="1 Made-up Street", **more))
    assert refused.status_code == 422
    assert sentence in words_of(refused)
    assert f'id="{field}-error"' in refused.text
    assert 'value="1 Made-up Street"' in refused.text
    assert db.scalar(select(func.count()).select_from(Site)) == before


def test_a_stale_form_shows_what_was_saved_and_keeps_what_was_typed(
    admin: StrictClient, cast: Cast, db: Session
) -> None:
    path = f"/admin/sites/{cast.north.id}/edit"
    page = admin.page(path)
    assert admin.submit(page, path, {"address": "1 First Street", "idempotency_key": "k" * 20}).status_code == 303
    stale = admin.submit(page, path, {"address": "2 Second Street"})
    assert stale.status_code == 409
    assert "1 First Street" in words_of(stale)
    assert 'value="2 Second Street"' in stale.text
    db.expire_all()
    assert cast.north.address == "1 First Street"
    again = admin.submit(type(page)(stale.text), path)
    assert again.status_code == 303
    db.expire_all()
    assert cast.north.address == "2 Second Street"


def test_a_zone_in_which_appointments_were_agreed_stays(admin: StrictClient, cast: Cast, booked: BookedCourse) -> None:
    path = f"/admin/sites/{cast.north.id}/edit"
    refused = admin.submit(admin.page(path), path, {"zone": "America/New_York"})
    assert refused.status_code == 422
    assert "agreed here in America/Chicago time until" in words_of(refused)
    assert 'id="zone-error"' in refused.text


def test_hours_that_leave_appointments_outside_are_agreed_to_first(
    admin: StrictClient, sign_in: SignIn, cast: Cast, db: Session, booked: BookedCourse
) -> None:
    path = f"/admin/sites/{cast.north.id}/hours"
    before, facts = admin.page(path), booked.facts()
    weekday = wall_of(booked.infusion(1)).weekday()
    shorter = {f"from_{weekday}": "", f"to_{weekday}": "", f"again_{weekday}": "", f"until_{weekday}": ""}
    asked = admin.submit(before, path, shorter)
    assert asked.status_code == 422
    assert "would lie outside these hours" in words_of(asked)
    assert "P-101" not in words_of(asked), "an administrator sees how many and when, not who"
    question = type(before)(asked.text)
    agreed = asked.text.partition('name="agreed" value="')[2].partition('"')[0]
    assert admin.submit(question, path).status_code == 422, "nothing is agreed to by pressing the button again"
    assert admin.submit(question, path, {"agreed": "something else"}).status_code == 422
    assert admin.submit(question, path, {"agreed": agreed}).status_code == 303
    db.expire_all()
    assert booked.facts() == facts
    shown = sign_in("coordinator").page(f"/admin/sites/{cast.north.id}")
    assert "outside the opening hours" in shown.words
    assert f"/infusions/{booked.infusion(1).id}" in shown.links
    assert f"/infusions/{booked.infusion(1).id}" not in admin.page(f"/admin/sites/{cast.north.id}").links


def test_longer_hours_need_no_agreement(admin: StrictClient, cast: Cast, booked: BookedCourse) -> None:
    path = f"/admin/sites/{cast.north.id}/hours"
    assert admin.submit(admin.page(path), path, {"from_6": "10:00", "to_6": "12:00"}).status_code == 303


def test_a_site_closes_only_when_nothing_is_booked_there(
    admin: StrictClient, cast: Cast, db: Session, booked: BookedCourse
) -> None:
    north, south = f"/admin/sites/{cast.north.id}/close", f"/admin/sites/{cast.south.id}/close"
    refused = admin.submit(admin.page(north), north)
    assert refused.status_code == 422
    assert "appointments are booked here until" in words_of(refused)
    assert admin.submit(admin.page(south), south).status_code == 303
    db.expire_all()
    assert (cast.north.active, cast.south.active) == (True, False)
    page = admin.page(f"/admin/sites/{cast.south.id}")
    assert admin.submit(page, f"/admin/sites/{cast.south.id}/reopen").status_code == 303


def test_travel_is_one_number_both_ways(admin: StrictClient, cast: Cast, db: Session) -> None:
    there, back = f"/admin/sites/{cast.north.id}/travel", f"/admin/sites/{cast.south.id}/travel"
    assert admin.submit(admin.page(there), there, {f"to_{cast.south.id}": "25"}).status_code == 303
    page = admin.page(back)
    assert (f"to_{cast.north.id}", "25") in page.form(back)["fields"]
    assert admin.submit(page, back, {f"to_{cast.north.id}": "601"}).status_code == 422
    assert admin.submit(page, back, {f"to_{cast.north.id}": ""}).status_code == 303
    assert db.scalar(select(func.count()).select_from(SiteTravel)) == 0


def test_a_way_changed_from_its_other_end_is_not_overwritten(admin: StrictClient, cast: Cast, db: Session) -> None:
    there, back = f"/admin/sites/{cast.north.id}/travel", f"/admin/sites/{cast.south.id}/travel"
    open_since = admin.page(there)
    assert admin.submit(admin.page(back), back, {f"to_{cast.north.id}": "50"}).status_code == 303
    refused = admin.submit(open_since, there, {f"to_{cast.south.id}": "25"})
    assert refused.status_code == 409 and "50" in words_of(refused)
    assert db.scalars(select(SiteTravel.minutes)).all() == [50]
    open_since = admin.page(back)
    assert admin.submit(admin.page(there), there).status_code == 303
    assert admin.submit(open_since, back, {f"to_{cast.north.id}": "30"}).status_code == 303


def test_a_coordinator_takes_a_chair_out_of_use_at_their_own_site_only(
    coordinator: StrictClient, sign_in: SignIn, cast: Cast, db: Session, booked: BookedCourse
) -> None:
    dose = booked.infusion(1)
    path = f"/admin/chairs/{dose.chair_id}"
    assert coordinator.submit(coordinator.page(path), path + "/switch").status_code == 303
    db.expire_all()
    assert db.get_one(Chair, dose.chair_id).active is False
    shown = coordinator.page(path)
    assert "still booked here although it is out of use" in " ".join(shown.words.split())
    assert f"/infusions/{dose.id}" in shown.links
    assert coordinator.submit(shown, path + "/switch").status_code == 303
    stranger = sign_in("coordinator-south")
    db.expire_all()
    assert path + "/switch" not in [form["action"] for form in stranger.page(path).forms]
    refused = stranger.send(path + "/switch", version=db.get_one(Chair, dose.chair_id).version)
    assert refused.status_code == 403
    assert "belongs to a site that is not yours" in words_of(refused)


@pytest.mark.parametrize("who", ["coordinator", "prescriber", "nurse", "therapist", "patient"])
def test_only_an_administrator_changes_sites(sign_in: SignIn, cast: Cast, who: str) -> None:
    client = sign_in(who)
    for path in ("/admin/clinic", "/admin/sites/new", f"/admin/sites/{cast.north.id}/edit",
                 f"/admin/sites/{cast.north.id}/hours", f"/admin/sites/{cast.north.id}/rooms/new"):  # fmt: skip
        assert client.get(path).status_code == 404
        assert client.send(path, typed(), version=1).status_code in (403, 404)
    assert client.get("/admin/sites").status_code == (404 if who == "patient" else 200)
