"""Somebody falls ill: what they would have had finds cover in one look and one confirm, undone as one."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from planner.store.records import Absence, Appointment, Shift
from tests.builders import at
from tests.support.cast import Cast, Clock
from tests.web.rosters.test_disrupting import Scene, SignIn, read
from tests.web.rosters.test_disrupting import scene as booked_scene

scene = booked_scene
SICK, LOOK = "/rosters/sick", "/rosters/sick/changes"


def held_by_therapist(scene: Scene) -> list[Appointment]:
    query = select(Appointment).where(
        Appointment.course_id == scene.course.id, Appointment.therapist_id == scene.cast.people["therapist"].id
    )
    return list(scene.db.scalars(query.order_by(Appointment.starts_at).execution_options(populate_existing=True)))


def on_the_day_of(scene: Scene, clock: Clock, hour: int = 8) -> Appointment:
    """It is the morning of the first day with a session of the therapist; returns that session."""
    session = held_by_therapist(scene)[0]
    clock.pass_time(seconds=int((at(f"{session.starts_at:%Y-%m-%d} {hour:02}:00") - clock()).total_seconds()))
    return session


def ill(scene: Scene, **typed: str) -> dict[str, str]:
    return {"person": str(scene.cast.people["therapist"].id), **typed}


def test_who_is_on_shift_is_offered_with_what_they_have_left(scene: Scene, clock: Clock, sign_in: SignIn) -> None:
    on_the_day_of(scene, clock)
    page = sign_in("coordinator").page(SICK)
    assert "Test Therapist (09:00 to 17:00, 1 appointment left)" in page.words
    assert "Test Nurse (08:00 to 17:00, " in page.words
    clock.pass_time(hours=12)
    assert "Nobody is on shift any more today" in sign_in("coordinator").page(SICK).words


def test_all_of_today_finds_cover_and_is_undone_as_one(scene: Scene, clock: Clock, sign_in: SignIn) -> None:
    session = on_the_day_of(scene, clock)
    client, was = sign_in("coordinator"), session.starts_at
    preview = read(client.submit(client.page(SICK), LOOK, ill(scene)))
    assert "Test Therapist is away for the rest of today" in preview.headings
    assert "P-101" in preview.words
    started = clock()
    clock.pass_time(minutes=2)
    done = client.submit(preview, SICK)
    assert done.status_code == 303, "what was looked at is done, although time went on"
    absence = scene.db.scalars(select(Absence)).one()
    assert absence.starts_at == started
    assert absence.ends_at == at(f"{was:%Y-%m-%d} 00:00") + timedelta(days=1)
    assert absence.reason == ""
    roster = client.page(done.location)
    assert "Test Therapist is away" in roster.words
    undo = next(form["action"] for form in roster.forms if form["action"].split("?")[0].endswith("/undo"))
    assert client.submit(roster, undo.split("?")[0]).status_code == 303
    assert held_by_therapist(scene)[0].starts_at == was
    assert scene.db.scalars(select(Absence)).all() == []


def test_today_looked_at_before_midnight_is_not_confirmed_as_tomorrow(
    scene: Scene, clock: Clock, sign_in: SignIn
) -> None:
    session = on_the_day_of(scene, clock)
    for days in (0, 1):
        night = at(f"{session.starts_at:%Y-%m-%d} 22:00") + timedelta(days=days)
        scene.db.add(
            Shift(
                person_id=scene.cast.people["therapist"].id, site_id=session.site_id, roster_site_id=session.site_id,
                day=night.date(), starts_minute=1320, ends_minute=1439, zone="UTC", starts_at=night,
                ends_at=night + timedelta(minutes=119),
            )
        )  # fmt: skip
    scene.db.commit()
    clock.pass_time(hours=15, minutes=58)
    client = sign_in("coordinator")
    preview = read(client.submit(client.page(SICK), LOOK, ill(scene)))
    clock.pass_time(minutes=4)
    answer = client.submit(preview, SICK)
    assert "That day has passed. Enter today or a later day." in read(answer, 422).words
    assert scene.db.scalars(select(Absence)).all() == []


def test_a_night_shift_is_over_when_it_ends_and_not_at_midnight(scene: Scene, clock: Clock, sign_in: SignIn) -> None:
    session = on_the_day_of(scene, clock)
    evening = at(f"{session.starts_at:%Y-%m-%d} 22:00")
    for days in (0, 1):
        starts_at = evening + timedelta(days=days)
        scene.db.add(
            Shift(
                person_id=scene.cast.people["therapist"].id, site_id=session.site_id, roster_site_id=session.site_id,
                day=starts_at.date(), starts_minute=1320, ends_minute=1800, zone="UTC", starts_at=starts_at,
                ends_at=starts_at + timedelta(hours=8),
            )
        )  # fmt: skip
    session.starts_at, session.ends_at = evening + timedelta(hours=5), evening + timedelta(hours=6)
    scene.db.commit()
    clock.pass_time(hours=11)
    client = sign_in("coordinator")
    page = client.page(SICK)
    assert "Test Therapist (22:00 to 06:00 tomorrow, 1 appointment left)" in page.words
    preview = read(client.submit(page, LOOK, ill(scene)))
    morning = evening + timedelta(hours=8)
    [heading] = [heading for heading in preview.headings if "is away" in heading]
    assert heading == (
        f"Test Therapist is away for the rest of today and of the shift that ends {morning:%a} {morning.day} "
        f"{morning:%b} at 06:00"
    )
    assert scene.course.patient_id and "P-101" in preview.words, "what is booked at three in the night is covered too"
    assert client.submit(preview, SICK).status_code == 303
    assert scene.db.scalars(select(Absence.ends_at)).one() == morning


def test_until_a_later_day(scene: Scene, clock: Clock, sign_in: SignIn) -> None:
    session = on_the_day_of(scene, clock)
    client = sign_in("coordinator")
    later = (session.starts_at + timedelta(days=2)).date()
    preview = read(client.submit(client.page(SICK), LOOK, ill(scene, last_day=later.isoformat())))
    assert f"to the end of {later:%a} {later.day} {later:%b} {later.year}" in preview.headings[0]
    assert client.submit(preview, SICK).status_code == 303
    assert scene.db.scalars(select(Absence.ends_at)).one() == at(f"{later} 00:00") + timedelta(days=1)


def test_who_cannot_be_saved_comes_first_with_a_way_out(scene: Scene, clock: Clock, sign_in: SignIn) -> None:
    session = on_the_day_of(scene, clock)
    scene.db.add(
        Absence(
            person_id=scene.cast.people["therapist-two"].id,
            starts_at=session.starts_at - timedelta(days=1),
            ends_at=session.starts_at + timedelta(days=9),
            reason="",
        )
    )
    scene.db.commit()
    client = sign_in("coordinator")
    later = (session.starts_at + timedelta(days=8)).date().isoformat()
    answer = client.submit(client.page(SICK), LOOK, ill(scene, last_day=later))
    words = read(answer).words
    assert words.index("Cannot be saved") < words.index("Remark")
    assert "Dose 1 has no session in the clinic's window. Afterwards it waits on Today, under “to do”" in words


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ({"last_day": "2026-03-01"}, "That day has passed. Enter today or a later day."),
        ({"last_day": "2030-03-01"}, "further ahead than this clinic plans"),
        ({"person": ""}, "Choose who is ill."),
        ({"person": "999"}, "Choose somebody who works today."),
        ({"last_day": "later"}, "Enter a day that exists"),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(scene: Scene, typed: dict[str, str], sentence: str) -> None:
    answer = scene.client.send(LOOK, ill(scene) | typed, key=None)
    assert sentence in read(answer, 422).words


@pytest.mark.parametrize("since", ["2026-03-04T23:00", "1999-01-01T00:00", "2026-13-45T99:99", "now", ""])
def test_a_made_up_beginning_counts_as_now(scene: Scene, clock: Clock, since: str) -> None:
    preview = read(scene.client.send(LOOK, ill(scene, since=since), key=None))
    assert scene.client.submit(preview, SICK).status_code == 303
    assert scene.db.scalars(select(Absence.starts_at)).one() == clock()


def test_who_is_away_for_a_part_of_the_day_anyway_may_fall_ill(scene: Scene, cast: Cast, db: Session) -> None:
    db.add(
        Absence(
            person_id=cast.people["therapist"].id,
            starts_at=at("2026-03-04 13:00"),
            ends_at=at("2026-03-04 15:00"),
            reason="",
        )
    )
    db.commit()
    preview = read(scene.client.send(LOOK, ill(scene), key=None))
    assert scene.client.submit(preview, SICK).status_code == 303
