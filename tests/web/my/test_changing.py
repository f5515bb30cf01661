"""A patient takes another time, or cannot come."""

import re
from collections.abc import Callable
from datetime import date
from itertools import pairwise

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from planner.domain.intervals import instant_of
from planner.domain.statuses import AppointmentKind, AppointmentStatus
from planner.domain.walltime import to_wall
from planner.services.portal import PER_DAY
from planner.store.records import Appointment, ChangeSet, Occupancy
from planner.web.filters import patient_when
from tests.support.cast import Clock
from tests.support.strict_client import Page, StrictClient
from tests.web.my.stage import Stage

SignIn = Callable[[str], StrictClient]
ZONE = "America/Chicago"


def times(page: Page) -> list[str]:
    return [has["value"] for _, has, _ in page.boxes if has.get("name") == "time" and has.get("type") == "radio"]


def starts(row: Appointment) -> str:
    return str(int(row.starts_at.timestamp()) // 60)


def check(client: StrictClient, row_id: int, choose: int = 0) -> tuple[Page, str]:
    """Go as far as the page that asks whether it is right."""
    page = client.page(f"/my/dates/{row_id}/change")
    chosen = times(page)[choose]
    answer = client.submit(page, f"/my/dates/{row_id}/change", {"time": chosen})
    assert answer.status_code == 200
    return Page(answer.text), chosen


def changes(db: Session) -> int:
    return db.scalars(select(func.count()).select_from(ChangeSet)).one()


def test_a_talk_takes_another_offered_time(sign_in: SignIn, stage: Stage, db: Session) -> None:
    client = sign_in("patient")
    session = stage.session_of(stage.dose(2))
    uid, sequence = session.uid, session.sequence
    page, chosen = check(client, session.id)
    assert "Is this right?" in page.headings[0]
    answer = client.submit(page, f"/my/dates/{session.id}/change/confirm")
    assert answer.status_code == 303
    db.expire_all()
    assert starts(session) == chosen
    assert (session.uid, session.sequence) == (uid, sequence + 1)
    done = client.page(answer.location)
    assert done.headings == ["Your time is changed"]
    assert patient_when(session.starts_at, session.ends_at, ZONE) in done.words


def test_a_treatment_takes_its_talk_along_and_says_so_first(sign_in: SignIn, stage: Stage, db: Session) -> None:
    client = sign_in("patient")
    dose = stage.dose(4)
    before = {row.id: row.starts_at for row in stage.dates()}
    page = client.page(f"/my/dates/{dose.id}/change")
    assert "Your talking session moves too" in page.words
    remarks = re.findall(r"\(2 hours 10 minutes\)([^(]*)", page.words)[1:]
    index = next(number for number, remark in enumerate(remarks) if "moves" in remark)
    ask, _ = check(client, dose.id, index)
    assert "Your talking session moves too" in ask.words
    answer = client.submit(ask, f"/my/dates/{dose.id}/change/confirm")
    done = client.page(answer.location)
    assert "This moved too" in done.words
    db.expire_all()
    moved = {row.id for row in stage.dates() if row.starts_at != before[row.id]}
    assert moved == {dose.id, stage.session_of(dose).id}


def test_every_offered_time_of_a_treatment_leaves_the_others_where_they_are(
    sign_in: SignIn, stage: Stage, db: Session
) -> None:
    client = sign_in("patient")
    dose = stage.dose(3)
    others = {row.id for row in stage.dates(AppointmentKind.INFUSION)} - {dose.id}
    offered = times(client.page(f"/my/dates/{dose.id}/change"))
    assert 1 < len(offered) <= 40
    for number in range(len(offered)):
        page, _ = check(client, dose.id, number)
        assert page.words.count("Treatment") <= 1
    assert {row.id for row in stage.dates(AppointmentKind.INFUSION)} - {dose.id} == others
    assert changes(db) == 1


def test_a_time_that_was_not_offered_is_refused(sign_in: SignIn, stage: Stage, db: Session, clock: Clock) -> None:
    client = sign_in("patient")
    session = stage.session_of(stage.dose(2))
    path = f"/my/dates/{session.id}/change"
    past = str(int(clock().timestamp()) // 60 - 600)
    taken = starts(stage.dose(3))
    for given in ("", "soon", "9" * 12, past, taken, starts(session)):
        answer = client.send(path, {"time": given})
        assert answer.status_code == 422, given
        assert Page(answer.text).title.startswith("Error: ")
    answer = client.send(f"{path}/confirm", {"time": taken, "plan": "0" * 32}, version=session.version)
    assert answer.status_code in (409, 422)
    assert changes(db) == 1


def test_somebody_else_changed_the_course_first(sign_in: SignIn, stage: Stage, db: Session) -> None:
    client = sign_in("patient")
    session = stage.session_of(stage.dose(2))
    page, _ = check(client, session.id)
    stage.move(session)
    db.commit()
    newer = patient_when(session.starts_at, session.ends_at, ZONE)
    answer = client.submit(page, f"/my/dates/{session.id}/change/confirm")
    assert answer.status_code == 409
    shown = Page(answer.text)
    assert "Your dates were changed in the meantime." in shown.words
    assert newer in shown.words
    assert times(shown)
    assert changes(db) == 2


def test_another_date_of_the_course_changed_first(sign_in: SignIn, stage: Stage, db: Session) -> None:
    client = sign_in("patient")
    session = stage.session_of(stage.dose(2))
    page, _ = check(client, session.id)
    stage.move(stage.session_of(stage.dose(5)))
    db.commit()
    assert client.submit(page, f"/my/dates/{session.id}/change/confirm").status_code == 409


def test_sending_it_twice_changes_it_once(sign_in: SignIn, stage: Stage, db: Session) -> None:
    client = sign_in("patient")
    session = stage.session_of(stage.dose(2))
    page, _ = check(client, session.id)
    first = client.submit(page, f"/my/dates/{session.id}/change/confirm")
    second = client.submit(page, f"/my/dates/{session.id}/change/confirm")
    assert (first.status_code, first.location) == (second.status_code, second.location)
    assert changes(db) == 2


def test_a_talk_can_be_cancelled_after_another_time_was_offered(sign_in: SignIn, stage: Stage, db: Session) -> None:
    client = sign_in("patient")
    session = stage.session_of(stage.dose(2))
    path = f"/my/dates/{session.id}/cancel"
    page = client.page(path)
    assert page.words.index("Would another time do?") < page.words.index("Or cancel it")
    answer = client.submit(page, path)
    assert answer.location == f"/my/dates/{session.id}/cancelled"
    db.expire_all()
    assert session.status is AppointmentStatus.CANCELLED
    assert db.scalar(select(Occupancy.id).where(Occupancy.appointment_id == session.id)) is None
    assert client.page(answer.location).headings == ["Your date is cancelled"]


def test_a_treatment_is_cancelled_by_the_clinic_only(sign_in: SignIn, stage: Stage, db: Session) -> None:
    client = sign_in("patient")
    dose = stage.dose(2)
    path = f"/my/dates/{dose.id}/cancel"
    page = client.page(path)
    assert "Please call us." in page.words
    assert [form for form in page.forms if form["action"] == path] == []
    assert client.send(path, version=dose.version).status_code == 422
    db.expire_all()
    assert dose.status is AppointmentStatus.BOOKED


def test_cancelling_something_that_changed_meanwhile_shows_it_as_it_is(
    sign_in: SignIn, stage: Stage, db: Session
) -> None:
    client = sign_in("patient")
    session = stage.session_of(stage.dose(2))
    page = client.page(f"/my/dates/{session.id}/cancel")
    stage.move(session)
    db.commit()
    answer = client.submit(page, f"/my/dates/{session.id}/cancel")
    assert answer.status_code == 409
    assert patient_when(session.starts_at, session.ends_at, ZONE) in Page(answer.text).words


def test_what_is_over_or_pinned_offers_nothing(sign_in: SignIn, stage: Stage, db: Session, clock: Clock) -> None:
    pinned, over = stage.session_of(stage.dose(4)), stage.session_of(stage.dose(1))
    pinned.pinned = True
    clock.now = over.ends_at
    db.commit()
    client = sign_in("patient")
    for row in (pinned, over):
        page = client.page(f"/my/dates/{row.id}/change")
        assert times(page) == []
        assert "Call us" in page.words
        answer = client.send(f"/my/dates/{row.id}/cancel", version=row.version, key=f"key-{row.id:016}")
        assert answer.status_code == 422


def test_nobody_changes_the_dates_of_another_patient(sign_in: SignIn, stage: Stage, db: Session) -> None:
    client = sign_in("patient-two")
    session = stage.session_of(stage.dose(2))
    for number, path in enumerate(("change", "change/confirm", "cancel")):
        key = f"test-key-{number:016}"
        answer = client.send(f"/my/dates/{session.id}/{path}", {"time": "1"}, version=session.version, key=key)
        assert answer.status_code == 404, path
    assert changes(db) == 1


def test_the_page_of_a_change_tells_of_no_other_change(sign_in: SignIn, stage: Stage, db: Session) -> None:
    client = sign_in("patient")
    session = stage.session_of(stage.dose(2))
    page, _ = check(client, session.id)
    done = client.submit(page, f"/my/dates/{session.id}/change/confirm").location
    assert client.get(done).status_code == 200
    booking = db.scalars(select(func.min(ChangeSet.id))).one()
    for path in (f"/my/dates/{session.id}/changed/{booking}", f"/my/dates/{session.id}/changed/424242",
                 f"/my/dates/{stage.dose(4).id}/changed/{done.rpartition('/')[2]}"):  # fmt: skip
        answer = client.get(path)
        assert (answer.status_code, answer.location) == (303, path.partition("/changed")[0])


def test_a_day_offers_a_few_times_well_apart(sign_in: SignIn, stage: Stage) -> None:
    client = sign_in("patient")
    for row in (stage.dose(2), stage.dose(3), stage.session_of(stage.dose(3))):
        by_day: dict[date, list[int]] = {}
        for value in times(client.page(f"/my/dates/{row.id}/change")):
            by_day.setdefault(to_wall(instant_of(int(value)), ZONE).date(), []).append(int(value))
        assert by_day
        for day in by_day.values():
            assert len(day) <= PER_DAY
            assert all(later - earlier >= 60 for earlier, later in pairwise(day))


def test_the_last_treatment_takes_another_day_and_nobody_is_told_of_a_booster_that_is_only_proposed(
    sign_in: SignIn, stage: Stage, db: Session
) -> None:
    client = sign_in("patient")
    last = max(stage.dates(AppointmentKind.INFUSION), key=lambda row: row.starts_at)
    booster = db.scalars(select(Appointment).where(Appointment.status == AppointmentStatus.PROPOSED)).one()
    was, apart = booster.starts_at, booster.starts_at - last.starts_at
    offered = times(client.page(f"/my/dates/{last.id}/change"))
    other_day = next(
        number for number, value in enumerate(offered)
        if to_wall(instant_of(int(value)), ZONE).date() != to_wall(last.starts_at, ZONE).date()
    )  # fmt: skip
    page, _ = check(client, last.id, other_day)
    assert patient_when(was, booster.ends_at, ZONE) not in page.words
    answer = client.submit(page, f"/my/dates/{last.id}/change/confirm")
    assert answer.status_code == 303
    db.expire_all()
    assert patient_when(booster.starts_at, booster.ends_at, ZONE) not in client.page(answer.location).words
    assert to_wall(booster.starts_at, ZONE) - to_wall(last.starts_at, ZONE) == apart
