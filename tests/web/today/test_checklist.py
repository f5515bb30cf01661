"""The checklist of a new clinic: ticked by what is there, each line a link to where it is done, gone with a course."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import update
from sqlalchemy.orm import Session

from planner.domain.access import Role
from planner.services.places import add_chair, add_room
from planner.services.protocols import install_shipped_protocols
from planner.services.rostering import add_weekly_shifts
from planner.store.records import (
    Chair,
    OpeningHours,
    PersonRole,
    ProtocolRecord,
    ProtocolVersion,
    Room,
    Shift,
    Site,
)
from planner.web.today.checklist import Checklist, checklist
from tests.support.booked_course import BookedCourse
from tests.support.cast import NOW, Cast
from tests.support.strict_client import StrictClient

SITE, PLACES, PEOPLE, PROTOCOL, ROSTER, PATIENT, COURSE = range(7)


def the_list(app: object, db: Session, cast: Cast, who: str = "coordinator") -> Checklist:
    with app.test_request_context("/today"):  # type: ignore[attr-defined]
        found = checklist(db, cast.principals[who], NOW)
    assert found is not None
    return found


def done(app: object, db: Session, cast: Cast) -> set[int]:
    return {place for place, line in enumerate(the_list(app, db, cast).lines) if line.done}


def test_facts_tick_the_lines(app: object, db: Session, cast: Cast) -> None:
    assert done(app, db, cast) == {PEOPLE, PATIENT}
    db.add(OpeningHours(site_id=cast.north.id, weekday=0, opens_minute=540, closes_minute=1020))
    assert done(app, db, cast) == {SITE, PEOPLE, PATIENT}
    add_chair(db, cast.north, "Chair 1")
    assert PLACES not in done(app, db, cast)
    add_room(db, cast.north, "Room 1")
    assert PLACES in done(app, db, cast)
    install_shipped_protocols(db, NOW)
    assert PROTOCOL not in done(app, db, cast)
    db.execute(update(ProtocolVersion).values(signed_at=NOW))
    assert PROTOCOL in done(app, db, cast)
    db.execute(update(ProtocolRecord).values(enabled=False))
    assert PROTOCOL not in done(app, db, cast)
    day = NOW.date() + timedelta(days=1)
    add_weekly_shifts(db, cast.people["nurse"], cast.north, range(7), (day, day), ("09:00", "17:00"))
    assert done(app, db, cast) == {SITE, PLACES, PEOPLE, ROSTER, PATIENT}


@pytest.mark.parametrize("gone", ["the site", "the chair", "the shift", "a nurse"])
def test_what_is_taken_away_again_loses_its_tick(app: object, db: Session, cast: Cast, gone: str) -> None:
    db.add(OpeningHours(site_id=cast.north.id, weekday=0, opens_minute=540, closes_minute=1020))
    add_chair(db, cast.north, "Chair 1")
    add_room(db, cast.north, "Room 1")
    day = NOW.date() + timedelta(days=1)
    add_weekly_shifts(db, cast.people["nurse"], cast.north, range(7), (day, day), ("09:00", "17:00"))
    all_of_it = done(app, db, cast)
    if gone == "the site":
        db.execute(update(Site).values(active=False))
        lost = {SITE, PLACES}
    elif gone == "the chair":
        db.execute(update(Chair).values(active=False))
        lost = {PLACES}
    elif gone == "the shift":
        db.execute(update(Shift).values(starts_at=NOW - timedelta(hours=9), ends_at=NOW - timedelta(hours=1)))
        lost = {ROSTER}
    else:
        db.execute(update(PersonRole).where(PersonRole.role == Role.NURSE).values(role=Role.ADMIN))
        lost = {PEOPLE}
        assert the_list(app, db, cast).lines[PEOPLE].sentence == "Still missing: a nurse."
    assert done(app, db, cast) == all_of_it - lost


def test_sessions_by_video_need_no_room(app: object, db: Session, cast: Cast) -> None:
    add_chair(db, cast.north, "Chair 1")
    db.execute(update(Room).values(active=False))
    assert "by video" in the_list(app, db, cast).lines[PLACES].sentence
    day = NOW.date() + timedelta(days=1)
    add_weekly_shifts(
        db, cast.people["therapist"], None, range(7), (day, day), ("09:00", "17:00"), zone=cast.north.zone
    )  # fmt: skip
    assert PLACES in done(app, db, cast)


def test_what_a_role_may_not_do_says_who_can(app: object, db: Session, cast: Cast) -> None:
    coordinator, admin = (the_list(app, db, cast, who).lines for who in ("coordinator", "admin"))
    assert [line.whose for line in coordinator] == [
        "an administrator",
        "an administrator",
        "",
        "a prescriber",
        "",
        "",
        "",
    ]
    assert [line.whose for line in admin] == ["", "", "", "a prescriber", *["a coordinator"] * 3]
    assert coordinator[PATIENT].url == "/patients/new"
    assert admin[PATIENT].url is None


def test_only_an_empty_clinic_is_offered_a_made_up_one(app: object, db: Session, cast: Cast) -> None:
    assert the_list(app, db, cast, "admin").fill_url is None


def test_it_stands_on_today_for_those_who_set_a_clinic_up(sign_in: Callable[[str], StrictClient]) -> None:
    for who in ("coordinator", "admin"):
        page = sign_in(who).page("/today")
        assert "Set the clinic up" in page.words
        assert "2 of 7 done" in page.words
    for who in ("prescriber", "nurse", "therapist"):
        assert "Set the clinic up" not in sign_in(who).page("/today").words
    assert "Set the clinic up" not in sign_in("coordinator").page("/today?day=2026-03-05").words


def test_it_is_gone_with_the_first_course(coordinator: StrictClient, booked: BookedCourse) -> None:
    assert "Set the clinic up" not in coordinator.page("/today").words
