"""Staff on screen: added, changed, their credentials; nothing is taken from under a booking."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from planner.domain.access import Role
from planner.domain.walltime import local_day
from planner.store.records import Credential, NurseLane, Person, PersonRole, PersonSite
from tests.support.booked_course import BookedCourse, book_course_for
from tests.support.cast import NOW, Cast
from tests.support.strict_client import StrictClient
from tests.web.stage import words_of

SignIn = Callable[[str], StrictClient]


def typed(cast: Cast, **more: object) -> dict[str, object]:
    return {"name": "Test Person Rowan", "roles": ["nurse"], "sites": [str(cast.north.id)], "lanes": "3"} | more


def test_somebody_new_can_be_planned_with(coordinator: StrictClient, cast: Cast, db: Session) -> None:
    page = coordinator.page("/admin/staff/new")
    done = coordinator.submit(page, "/admin/staff/new", typed(cast, most="4"))
    assert done.status_code == 303
    made = db.scalars(select(Person).where(Person.name == "Test Person Rowan")).one()
    assert (made.initials, made.most_sessions_a_day) == ("TR", 4)
    assert db.scalar(select(func.count()).where(NurseLane.person_id == made.id)) == 3
    shown = coordinator.page(f"/admin/staff/{made.id}")
    assert "3 patients" in shown.words and "at most 4" in shown.words
    assert "Rowan" in coordinator.page("/admin/staff?role=nurse&wanted=row").words
    assert "Rowan" not in coordinator.page("/admin/staff?role=therapist").words
    assert "Nobody found" in coordinator.page("/admin/staff?wanted=nobody").words


@pytest.mark.parametrize(
    ("more", "field", "sentence"),
    [
        ({"name": "x" * 10_000}, "name", "Enter at most 120 characters; these are 10000."),
        ({"name": "a\x00b"}, "name", "Take out line breaks and control characters."),
        ({"name": ""}, "name", "Enter the person's name."),
        ({"name": " "}, "name", "Please fill this in."),
        ({"initials": "TOOLONG"}, "initials", "Enter at most 6 characters"),
        ({"roles": []}, "roles", "Choose one or more of nurse, prescriber and therapist."),
        ({"roles": ["admin"]}, "roles", "Choose from this list"),
        ({"sites": []}, "sites", "Choose at least one site."),
        ({"lanes": "13"}, "lanes", "A nurse watches between 1 and 12 patients at once."),
        ({"lanes": "two"}, "lanes", "Enter a whole number in digits"),
        ({"turnover": "99999"}, "turnover", "Enter a whole number in digits"),
        ({"turnover": "241"}, "turnover", "Enter a number of minutes from 0 to 240."),
        ({"most": "0"}, "most", "Enter a number from 1 to 24"),
    ],
)
def test_what_cannot_be_kept_is_said_at_the_field(
    coordinator: StrictClient, cast: Cast, db: Session, more: dict[str, object], field: str, sentence: str
) -> None:
    before = db.scalar(select(func.count()).select_from(Person))
    refused = coordinator.send("/admin/staff/new", typed(cast, **more))
    assert refused.status_code == 422
    assert sentence in words_of(refused)
    assert f'id="{field}-error"' in refused.text
    assert db.scalar(select(func.count()).select_from(Person)) == before


def test_a_coordinator_gives_only_their_own_sites_and_takes_none_of_others(
    coordinator: StrictClient, cast: Cast, db: Session
) -> None:
    somebody = cast.people["therapist-two"]
    db.add(PersonSite(person_id=somebody.id, site_id=cast.south.id))
    db.commit()
    path = f"/admin/staff/{somebody.id}/edit"
    page = coordinator.page(path)
    assert "Also at South" in page.words
    assert coordinator.submit(page, path, {"sites": [str(cast.south.id)]}).status_code == 422
    assert coordinator.submit(page, path, {"name": "Test Person Elm"}).status_code == 303
    held = db.scalars(select(PersonSite.site_id).where(PersonSite.person_id == somebody.id))
    assert set(held) == {cast.north.id, cast.south.id}
    stranger = cast.people["coordinator-south"].id
    assert coordinator.get(f"/admin/staff/{stranger}").status_code == 200
    assert coordinator.get(f"/admin/staff/{stranger}/edit").status_code == 404
    assert coordinator.send(f"/admin/staff/{stranger}/edit", typed(cast), version=1).status_code == 404
    assert coordinator.send(f"/admin/staff/{stranger}/leave", version=1).status_code == 404


def test_fields_that_no_form_has_change_nothing(coordinator: StrictClient, cast: Cast, db: Session) -> None:
    somebody = cast.people["therapist-two"]
    path = f"/admin/staff/{somebody.id}/edit"
    more = {"active": "", "role": "admin", "version": "99", "holdable_id": "1", "person_id": "1", "id": "1"}
    assert coordinator.submit(coordinator.page(path), path, more).status_code == 303
    db.expire_all()
    assert (somebody.active, somebody.version) == (True, 2)
    assert set(db.scalars(select(PersonRole.role).where(PersonRole.person_id == somebody.id))) == {Role.THERAPIST}


def test_a_stale_form_shows_what_was_saved_and_keeps_what_was_typed(
    coordinator: StrictClient, cast: Cast, db: Session
) -> None:
    somebody = cast.people["therapist-two"]
    path = f"/admin/staff/{somebody.id}/edit"
    page = coordinator.page(path)
    first = {"turnover": "10", "idempotency_key": "k" * 20}
    assert coordinator.submit(page, path, first).status_code == 303
    stale = coordinator.submit(page, path, {"turnover": "20", "roles": ["therapist", "prescriber"]})
    assert stale.status_code == 409
    assert "Time between their sessions10" in words_of(stale)
    assert "What they doTherapist" in words_of(stale)
    assert 'value="20"' in stale.text
    assert coordinator.submit(type(page)(stale.text), path).status_code == 303


def test_roles_sites_and_places_under_bookings_stay(
    coordinator: StrictClient, sign_in: SignIn, cast: Cast, booked: BookedCourse
) -> None:
    therapist = booked.session(1).therapist_id
    nurse = booked.infusion(1).nurse_id
    path = f"/admin/staff/{therapist}/edit"
    refused = coordinator.submit(coordinator.page(path), path, {"roles": ["prescriber"]})
    assert refused.status_code == 422
    assert "is booked as therapist for" in words_of(refused) and 'id="roles-error"' in refused.text
    admin = sign_in("admin")
    refused = admin.submit(admin.page(path), path, {"sites": [str(cast.south.id)]})
    assert refused.status_code == 422
    assert "is booked at North for" in words_of(refused) and 'id="sites-error"' in refused.text
    path = f"/admin/staff/{nurse}/edit"
    refused = coordinator.submit(coordinator.page(path), path, {"roles": ["prescriber"]})
    assert "is booked as nurse for" in words_of(refused)


def test_free_places_of_a_nurse_go_and_booked_ones_stay(
    coordinator: StrictClient, cast: Cast, db: Session, booked: BookedCourse
) -> None:
    nurse = booked.infusion(1).nurse_id
    path = f"/admin/staff/{nurse}/edit"
    for wanted in ("5", "1"):
        assert coordinator.submit(coordinator.page(path), path, {"lanes": wanted}).status_code == 303
        assert db.scalar(select(func.count()).where(NurseLane.person_id == nurse)) == int(wanted)
    refused = coordinator.submit(coordinator.page(path), path, {"lanes": "0"})
    assert refused.status_code == 422
    facts = booked.facts()
    db.expire_all()
    assert booked.facts() == facts


def test_a_place_that_is_booked_is_not_taken_away(
    coordinator: StrictClient, cast: Cast, db: Session, booked: BookedCourse
) -> None:
    book_course_for(db, cast, "birch", at_work=booked.at_work)
    nurse = booked.infusion(1).nurse_id
    lanes = list(db.scalars(select(NurseLane).where(NurseLane.person_id == nurse)))
    assert len(lanes) > 1
    path = f"/admin/staff/{nurse}/edit"
    refused = coordinator.submit(coordinator.page(path), path, {"lanes": "1"})
    assert refused.status_code == 422
    assert "of these places are booked, the last until" in words_of(refused)


def test_a_credential_that_expires_soon_stands_on_top_for_those_who_look_after_it(
    coordinator: StrictClient, sign_in: SignIn, cast: Cast, db: Session
) -> None:
    nurse = cast.people["nurse"]
    fresh = f"/admin/staff/{nurse.id}/credentials/new"
    today = local_day(NOW, cast.clinic.zone)
    for name, days in (("Made-up licence", 10), ("Made-up course", 31), ("Made-up badge", -1)):
        typed_in = {"name": name, "expires_on": (today + timedelta(days=days)).isoformat()}
        assert coordinator.submit(coordinator.page(fresh), fresh, typed_in).status_code == 303
    top = coordinator.page("/admin/staff").words
    assert "Expires in 10 days" in top and "Expired" in top and "Made-up course" not in top
    assert "Made-up licence" not in sign_in("therapist").page("/admin/staff").words
    assert "Made-up licence" not in sign_in("therapist").page(f"/admin/staff/{nurse.id}").words
    assert "Made-up licence" in sign_in("nurse").page(f"/admin/staff/{nurse.id}").words
    assert "Made-up licence" not in sign_in("coordinator-south").page("/admin/staff").words
    twice = coordinator.submit(coordinator.page(fresh), fresh, {"name": "made-up LICENCE"})
    assert twice.status_code == 422 and "already on the list" in words_of(twice)


def test_a_credential_is_renewed_and_struck_out(coordinator: StrictClient, cast: Cast, db: Session) -> None:
    nurse, other = cast.people["nurse"], cast.people["therapist"]
    made = Credential(person_id=nurse.id, name="Made-up licence", expires_on=local_day(NOW, "UTC"))
    db.add(made)
    db.commit()
    path = f"/admin/staff/{nurse.id}/credentials/{made.id}"
    assert coordinator.get(f"/admin/staff/{other.id}/credentials/{made.id}").status_code == 404
    page = coordinator.page(path)
    assert coordinator.submit(page, path, {"expires_on": "2028-01-31"}).status_code == 303
    stale = coordinator.submit(page, path, {"expires_on": "2029-01-31", "idempotency_key": "k" * 20})
    assert stale.status_code == 409 and "Mon 31 Jan 2028" in words_of(stale) and "2029-01-31" in stale.text
    shown = coordinator.page(f"/admin/staff/{nurse.id}")
    assert "Mon 31 Jan 2028" in shown.words
    assert coordinator.submit(shown, path + "/remove").status_code == 303
    assert db.scalar(select(func.count()).select_from(Credential)) == 0


@pytest.mark.parametrize("who", ["prescriber", "nurse", "therapist", "patient"])
def test_others_only_read(sign_in: SignIn, cast: Cast, who: str) -> None:
    client, nurse = sign_in(who), cast.people["nurse"].id
    assert client.get("/admin/staff").status_code == (404 if who == "patient" else 200)
    for path in ("/admin/staff/new", f"/admin/staff/{nurse}/edit", f"/admin/staff/{nurse}/leave",
                 f"/admin/staff/{nurse}/credentials/new"):  # fmt: skip
        assert client.get(path).status_code == 404
        assert client.send(path, typed(cast), version=1).status_code in (403, 404)


def test_every_page_still_says_who_is_signed_in(coordinator: StrictClient, cast: Cast, db: Session) -> None:
    nurse = cast.people["nurse"]
    made = Credential(person_id=nurse.id, name="Made-up licence")
    db.add(made)
    db.commit()
    for rest in ("", "/edit", "/leave", "/credentials/new", f"/credentials/{made.id}"):
        page = coordinator.page(f"/admin/staff/{nurse.id}{rest}")
        assert "Test Coordinator" in page.words and "/sign-out" in [form["action"] for form in page.forms], rest
