"""Patients changed, away, discharged and taken up again; nothing booked moves, and what does not fit is told."""

from collections.abc import Callable

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from planner.domain.errors import Refused
from planner.domain.statuses import CourseStatus
from planner.services.ending import end_course
from planner.services.publishing import CONSENT_VERSION, create_feed
from planner.services.undoing_groups import undo_change
from planner.store.records import Account, AccountSite, AuditEntry, Feed, FeedScope, Patient, PatientAvailability
from tests.support.booked_course import BookedCourse
from tests.support.cast import NOW, Cast, Clock
from tests.support.strict_client import StrictClient
from tests.web.stage import wall_of, words_of

SignIn = Callable[[str], StrictClient]


def edit_path(cast: Cast, who: str = "alder") -> str:
    return f"/patients/{cast.patients[who].id}/edit"


def test_everything_typed_is_kept(coordinator: StrictClient, cast: Cast, db: Session) -> None:
    alder, path = cast.patients["alder"], edit_path(cast)
    typed = {
        "code": "P-777", "name": "Test Patient Oak", "therapist": str(cast.people["therapist-two"].id),
        "modes": ["telehealth"], "preferred_from": "10:00", "escort": "A made-up friend", "messages": "y",
        "from_1": "08:00", "to_1": "12:00", "again_1": "14:00", "until_1": "00:00",
    }  # fmt: skip
    assert coordinator.submit(coordinator.page(path), path, typed).status_code == 303
    db.expire_all()
    assert (alder.code, alder.name, alder.modes) == ("P-777", "Test Patient Oak", ["telehealth"])
    assert (alder.preferred_from_minute, alder.preferred_to_minute) == (600, 1440)
    assert alder.primary_therapist_id == cast.people["therapist-two"].id
    assert (alder.messages_agreed_at, alder.version) == (NOW, 2)
    spans = select(PatientAvailability.weekday, PatientAvailability.from_minute, PatientAvailability.to_minute)
    assert sorted(db.execute(spans).all()) == [(1, 480, 720), (1, 840, 1440)]
    assert cast.accounts["patient"].name == "Test Patient Oak"
    shown = coordinator.page(f"/patients/{alder.id}").words
    assert "agreed on Wed 4 Mar 2026" in shown and "08:00 to 12:00, 14:00 to 24:00" in shown


def test_the_moment_of_consent_stays_until_it_is_taken_back(
    coordinator: StrictClient, cast: Cast, db: Session, clock: Clock
) -> None:
    alder, path = cast.patients["alder"], edit_path(cast)
    assert coordinator.submit(coordinator.page(path), path, {"messages": "y"}).status_code == 303
    clock.pass_time(minutes=5)
    page = coordinator.page(path)
    assert coordinator.submit(page, path, {"escort": "A made-up friend"}).status_code == 303
    db.expire_all()
    assert alder.messages_agreed_at == NOW
    without = [(name, value) for name, value in coordinator.page(path).form(path)["fields"] if name != "messages"]
    assert coordinator.post(path, data=dict(without) | {"modes": ["in-person"]}).status_code == 303
    db.expire_all()
    assert alder.messages_agreed_at is None
    told = [entry.detail for entry in db.scalars(select(AuditEntry).where(AuditEntry.action == "patient.change"))]
    assert told == [{"messages": "agreed"}, {}, {"messages": "taken back"}]


@pytest.mark.parametrize(
    ("more", "field", "sentence"),
    [
        ({"name": "x" * 10_000}, "name", "Enter at most 120 characters; these are 10000."),
        ({"name": "a\x00b"}, "name", "Take out line breaks and control characters."),
        ({"code": "p-102"}, "code", "There is already a patient with the code p-102."),
        ({"modes": []}, "modes", "Choose at least one way of meeting."),
        ({"site": "424242"}, "site", "Choose from this list"),
        ({"therapist": "424242"}, "therapist", "Choose from this list"),
        ({"from_2": "12:00", "to_2": "09:00"}, "to_2", "On Wednesday the end has to be after the start."),
        ({"preferred_from": "17:00", "preferred_to": "09:00"}, "preferred_to", "has to be after the start"),
    ],
)
def test_what_cannot_be_kept_is_said_at_the_field(
    coordinator: StrictClient, cast: Cast, db: Session, more: dict[str, object], field: str, sentence: str
) -> None:
    path = edit_path(cast)
    refused = coordinator.submit(coordinator.page(path), path, {"escort": "A made-up friend"} | more)
    assert refused.status_code == 422
    assert sentence in words_of(refused)
    assert f'id="{field}-error"' in refused.text
    assert 'value="A made-up friend"' in refused.text
    db.expire_all()
    assert cast.patients["alder"].version == 1


def test_fields_that_no_form_has_change_nothing(coordinator: StrictClient, cast: Cast, db: Session) -> None:
    alder, path = cast.patients["alder"], edit_path(cast)
    more = {"active": "", "version": "99", "holdable_id": "1", "messages_agreed_at": "2020-01-01", "patient_id": "2"}
    assert coordinator.submit(coordinator.page(path), path, more).status_code == 303
    db.expire_all()
    assert (alder.active, alder.version, alder.messages_agreed_at) == (True, 2, None)
    assert cast.patients["birch"].version == 1


def test_a_stale_form_shows_what_was_saved_and_keeps_what_was_typed(
    coordinator: StrictClient, cast: Cast, db: Session
) -> None:
    path = edit_path(cast)
    page = coordinator.page(path)
    assert coordinator.submit(page, path, {"escort": "First friend", "idempotency_key": "k" * 20}).status_code == 303
    stale = coordinator.submit(page, path, {"escort": "Second friend"})
    assert stale.status_code == 409
    assert "First friend" in words_of(stale) and 'value="Second friend"' in stale.text
    assert coordinator.submit(type(page)(stale.text), path).status_code == 303
    db.expire_all()
    assert cast.patients["alder"].escort == "Second friend"


def test_booked_dates_that_do_not_fit_any_more_are_listed_and_stay(
    coordinator: StrictClient, sign_in: SignIn, cast: Cast, booked: BookedCourse
) -> None:
    facts, dose = booked.facts(), booked.infusion(1)
    patient_id, day = dose.patient_id, wall_of(dose)
    assert "not fit any more" not in coordinator.page(f"/patients/{patient_id}").words
    fresh = f"/patients/{patient_id}/absences/new"
    done = coordinator.submit(coordinator.page(fresh), fresh, {"from_day": day.date().isoformat()})
    assert done.status_code == 303
    again = coordinator.submit(coordinator.page(fresh), fresh, {"from_day": day.date().isoformat()})
    assert again.status_code == 422 and "already away for all of that time" in words_of(again)
    page = coordinator.page(f"/patients/{patient_id}")
    assert f"{day:%a} {day.day} {day:%b}" in page.words
    assert "the patient is away" in page.words and f"/infusions/{dose.id}" in page.links
    assert f"/infusions/{booked.infusion(2).id}" not in page.links
    assert "the patient is away" in sign_in("therapist").page(f"/patients/{patient_id}").words
    removal = next(form["action"] for form in page.forms if form["action"].endswith("/remove"))
    assert coordinator.submit(page, removal).status_code == 303
    path = f"/patients/{patient_id}/edit"
    narrow = {f"from_{day.weekday()}": "06:00", f"to_{day.weekday()}": "06:30"}
    assert coordinator.submit(coordinator.page(path), path, narrow).status_code == 303
    page = coordinator.page(f"/patients/{patient_id}")
    assert "outside the times at which the patient can come" in page.words
    assert f"/infusions/{dose.id}" in page.links
    assert booked.facts() == facts


@pytest.mark.parametrize(
    ("typed", "field", "sentence"),
    [
        ({"from_day": ""}, "from_day", "Enter the first day."),
        ({"from_day": "2026-03-10", "to_day": "2026-03-09"}, "to_day", "The absence has to end after it starts."),
        ({"from_day": "2026-03-01"}, "to_day", "That time has passed."),
        ({"from_day": "2026-03-08", "from_time": "02:30"}, "from_time", "does not exist on Sun 8 Mar 2026"),
        ({"from_day": "2150-01-01"}, "from_day", "further ahead than this clinic plans"),
        ({"from_day": "03/04/27"}, "from_day", "Enter a day that exists"),
    ],
)
def test_an_absence_that_cannot_be_meant(
    coordinator: StrictClient, cast: Cast, typed: dict[str, str], field: str, sentence: str
) -> None:
    fresh = f"/patients/{cast.patients['alder'].id}/absences/new"
    refused = coordinator.submit(coordinator.page(fresh), fresh, typed)
    assert refused.status_code == 422
    assert sentence in words_of(refused) and f'id="{field}-error"' in refused.text


def test_a_patient_does_not_leave_the_site_where_their_course_runs(
    coordinator: StrictClient, cast: Cast, db: Session, booked: BookedCourse
) -> None:
    db.add(AccountSite(account_id=cast.accounts["coordinator"].id, site_id=cast.south.id))
    db.commit()
    path = edit_path(cast)
    moved = {"site": str(cast.south.id), "therapist": ""}
    refused = coordinator.submit(coordinator.page(path), path, moved)
    assert refused.status_code == 422
    assert "A course runs at North." in words_of(refused)
    path = edit_path(cast, "birch")
    assert coordinator.submit(coordinator.page(path), path, moved).status_code == 303


def test_a_therapist_who_left_stays_on_the_form_until_another_is_chosen(
    coordinator: StrictClient, cast: Cast, db: Session
) -> None:
    cast.people["therapist"].active = False
    db.commit()
    path = edit_path(cast)
    page = coordinator.page(path)
    assert "(not here any more)" in page.words
    assert coordinator.submit(page, path, {"escort": "A made-up friend"}).status_code == 303
    db.expire_all()
    assert cast.patients["alder"].primary_therapist_id == cast.people["therapist"].id


def test_nobody_is_discharged_while_a_course_is_open(
    coordinator: StrictClient, cast: Cast, db: Session, booked: BookedCourse
) -> None:
    path = f"/patients/{cast.patients['alder'].id}/discharge"
    page = coordinator.page(path)
    assert "Complete or stop it first" in page.words
    refused = coordinator.submit(page, path)
    assert refused.status_code == 422
    db.expire_all()
    assert cast.patients["alder"].active is True


def test_discharge_ends_calendars_at_once_and_leaves_the_own_dates_to_read(
    coordinator: StrictClient, sign_in: SignIn, cast: Cast, db: Session, booked: BookedCourse
) -> None:
    alder = cast.patients["alder"]
    feed, token = create_feed(
        db, cast.principals["patient"], FeedScope.PATIENT, alder.id, "Telephone", now=NOW,
        consent_version=CONSENT_VERSION,
    )  # fmt: skip
    past = booked.infusion(1)
    end_course(
        db, cast.principals["coordinator"], booked.course.id, status=CourseStatus.REVOKED,
        seen_version=booked.course.version, now=NOW, reason="for the test",
    )  # fmt: skip
    # Something else kept the link alive, such as another course that ended without it.
    feed.revoked_at, feed.revoked_reason = None, ""
    db.commit()
    path = f"/patients/{alder.id}/discharge"
    assert coordinator.submit(coordinator.page(path), path).status_code == 303
    db.expire_all()
    assert (alder.active, cast.accounts["patient"].active) == (False, True)
    assert db.get_one(Feed, feed.id).revoked_at == NOW
    assert "BEGIN:VEVENT" not in coordinator.get(f"/c/{token}/appointments.ics").text
    portal = sign_in("patient")
    assert portal.get("/my").status_code == 200
    assert portal.get(f"/my/dates/{past.id}").status_code == 200
    assert (
        portal.get(f"/my/dates/{past.id}/change").status_code in (404, 422)
        or not portal.page(f"/my/dates/{past.id}/change").forms[1:]
    )
    refused = portal.send("/my/calendar/new", {"app": "apple", "consent": CONSENT_VERSION})
    assert refused.status_code == 403 and "Your time with us has ended" in words_of(refused)
    assert "P-101" not in coordinator.page("/patients").words
    assert "P-101" in coordinator.page("/patients?show=discharged").words
    page = coordinator.page(f"/patients/{alder.id}")
    assert f"/courses/new?patient={alder.id}" not in page.links
    assert coordinator.submit(page, f"/patients/{alder.id}/readmit").status_code == 303
    db.expire_all()
    assert alder.active is True and db.get_one(Feed, feed.id).revoked_at == NOW


def test_an_ending_is_not_undone_for_somebody_discharged_after_it(
    coordinator: StrictClient, cast: Cast, db: Session, booked: BookedCourse
) -> None:
    change = end_course(
        db, cast.principals["coordinator"], booked.course.id, status=CourseStatus.REVOKED,
        seen_version=booked.course.version, now=NOW, reason="for the test",
    )  # fmt: skip
    db.commit()
    path = f"/patients/{booked.course.patient_id}/discharge"
    assert coordinator.submit(coordinator.page(path), path).status_code == 303
    db.expire_all()
    with pytest.raises(Refused, match="discharged meanwhile"):
        undo_change(db, cast.principals["coordinator"], change.id, NOW)
    page = coordinator.page(f"/patients/{booked.course.patient_id}")
    assert coordinator.submit(page, f"/patients/{booked.course.patient_id}/readmit").status_code == 303
    db.expire_all()
    undo_change(db, cast.principals["coordinator"], change.id, NOW)
    assert booked.course.status is CourseStatus.ACTIVE


def test_the_sign_in_may_end_with_the_care(coordinator: StrictClient, sign_in: SignIn, cast: Cast, db: Session) -> None:
    portal = sign_in("patient")
    assert portal.get("/my").status_code == 200
    path = f"/patients/{cast.patients['alder'].id}/discharge"
    assert coordinator.submit(coordinator.page(path), path, {"end_sign_in": "y"}).status_code == 303
    assert portal.get("/my").status_code == 303
    db.expire_all()
    assert db.get_one(Account, cast.accounts["patient"].id).active is False


@pytest.mark.parametrize("who", ["prescriber", "nurse", "therapist", "admin", "patient", "coordinator-south"])
def test_only_coordinators_of_the_site_write(sign_in: SignIn, cast: Cast, db: Session, who: str) -> None:
    client, alder = sign_in(who), cast.patients["alder"].id
    for path in ("edit", "discharge", "absences/new"):
        assert client.get(f"/patients/{alder}/{path}").status_code == 404
        refused = client.send(f"/patients/{alder}/{path}", {"from_day": "2026-05-01"}, version=1)
        assert refused.status_code in (403, 404)
    db.expire_all()
    assert db.get_one(Patient, alder).version == 1


def test_a_therapist_reads_and_finds_nothing_to_press(sign_in: SignIn, cast: Cast) -> None:
    page = sign_in("therapist").page(f"/patients/{cast.patients['alder'].id}")
    assert f"/patients/{cast.patients['alder'].id}/edit" not in page.links
    assert f"/patients/{cast.patients['alder'].id}/discharge" not in page.links
