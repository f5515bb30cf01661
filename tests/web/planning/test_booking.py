"""Step 5: times kept while reading, booked in one go, once; and what happens when somebody was faster."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sqlalchemy import event, select
from sqlalchemy.orm import Session

from planner.domain.intervals import instant_of
from planner.domain.statuses import AppointmentKind, AppointmentStatus
from planner.services.plan_answers import Answers
from planner.store.occupying import release_expired
from planner.store.records import Appointment, ChangeSet, Course, Hold, Occupancy, Patient, Person, PlanDraft
from tests.builders import appointment, course
from tests.support.cast import Cast, Clock
from tests.support.planning_clinic import AtWork
from tests.support.strict_client import StrictClient
from tests.web.planning.wizard import Wizard

SignIn = Callable[[str], StrictClient]


def courses(db: Session) -> list[Course]:
    db.expire_all()
    return list(db.scalars(select(Course)))


def plan(db: Session) -> Answers:
    db.expire_all()
    return Answers.from_json(db.scalars(select(PlanDraft.answers)).one())


def wait(wizard: Wizard, clock: Clock, minutes: int) -> None:
    """Let time pass for somebody who stays signed in."""
    for _ in range(minutes // 10):
        clock.pass_time(minutes=10)
        wizard.page(1)
    clock.pass_time(minutes=minutes % 10)


def take_second_infusion(db: Session, cast: Cast, at_work: AtWork, clock: Clock) -> None:
    """Somebody books the chair of infusion 2 for another patient, after the hold has run out."""
    proposal = plan(db).proposal
    assert proposal is not None
    second = [p for p in proposal.placements if p.chair_id][1]
    chair = next(chair for chair in at_work.chairs if chair.id == second.chair_id)
    release_expired(db, [chair.holdable_id], clock())
    appointment(db, cast.patients["birch"], instant_of(second.start), 130, chair=chair)
    db.commit()


def test_the_check_shows_every_appointment_and_until_when_it_is_kept(wizard: Wizard, db: Session) -> None:
    words = " ".join(wizard.to(5).page(5).words.split())
    assert "14 appointments" in words
    assert "These times are kept for you until 09:20." in words
    assert "Integration after infusion 6" in words
    assert "Change patient" in words
    hold = db.scalars(select(Hold)).one()
    held = db.scalars(select(Occupancy).where(Occupancy.hold_id == hold.id)).all()
    proposal = plan(db).proposal
    assert proposal is not None
    assert len(held) == sum(len(p.holds) for p in proposal.placements)


def test_booking_makes_every_appointment_of_the_plan_and_nothing_else(wizard: Wizard, db: Session, cast: Cast) -> None:
    wizard.to(5)
    proposal = plan(db).proposal
    assert proposal is not None
    answer = wizard.send(5)
    [booked] = courses(db)
    assert (answer.status_code, answer.location) == (303, f"/courses/{booked.id}")
    rows = db.scalars(select(Appointment).where(Appointment.status == AppointmentStatus.BOOKED)).all()
    assert sorted((row.starts_at, row.ends_at, row.kind) for row in rows) == sorted(
        (instant_of(p.start), instant_of(p.end), p.kind) for p in proposal.placements
    )
    assert sum(row.kind is AppointmentKind.INFUSION for row in rows) == 6
    held = {(o.appointment_id, o.holdable_id, o.starts_at, o.ends_at) for o in db.scalars(select(Occupancy))}
    assert len(held) == sum(len(p.holds) for p in proposal.placements)
    assert db.scalars(select(Hold)).all() == []
    assert db.scalars(select(ChangeSet)).one().kind == "course.book"
    assert booked.wishes["pattern"] == sorted(proposal.pattern)


def test_a_booked_course_has_one_notice_and_its_undo(wizard: Wizard, db: Session) -> None:
    answer = wizard.to(5).send(5)
    shown = wizard.client.get(answer.location or "")
    notices = re.findall(r'<div class="notice \w+">\s*<p>(.*?)</p>', shown.text.partition('role="status"')[2])
    [notice] = [words for words in notices if "ooked" in words]
    assert "You can undo this until" in notice
    assert re.search(r'action="/changes/\d+/undo"', shown.text)


def test_the_same_booking_sent_twice_books_one_course(wizard: Wizard, db: Session) -> None:
    page = wizard.to(5).page(5)
    first, second = wizard.send(5, page=page), wizard.send(5, page=page)
    assert first.location == second.location
    assert len(courses(db)) == 1


def test_booking_from_a_second_window_leads_to_the_course_that_is_booked(wizard: Wizard, db: Session) -> None:
    wizard.to(5)
    one, other = wizard.page(5), wizard.page(5)
    assert wizard.send(5, page=one).status_code == 303
    answer = wizard.send(5, page=other)
    [booked] = courses(db)
    assert (answer.status_code, answer.location) == (303, f"/courses/{booked.id}")
    assert wizard.client.get(wizard.url(2)).location == f"/courses/{booked.id}"


def test_a_check_that_is_older_than_the_plan_books_nothing(wizard: Wizard, db: Session) -> None:
    old = wizard.to(5).page(5)
    wizard.send(3, {"escort": "Test Friend"})
    wizard.send("4/dates")
    answer = wizard.send(5, page=old)
    assert answer.status_code == 409
    assert "This plan was changed" in answer.text
    assert courses(db) == []


def test_a_time_taken_meanwhile_books_nothing_and_offers_fresh_plans(
    wizard: Wizard, db: Session, cast: Cast, at_work: AtWork, clock: Clock
) -> None:
    page = wizard.to(5).page(5)
    wait(wizard, clock, 21)
    take_second_infusion(db, cast, at_work, clock)
    answer = wizard.send(5, page=page)
    assert answer.status_code == 409
    assert "Nothing was booked." in answer.text
    assert "Infusion 2" in answer.text
    assert "Plans by days of the week" in answer.text
    assert courses(db) == []
    assert wizard.send(4).location == wizard.url("4/dates")
    assert wizard.send("4/dates").location == wizard.url(5)
    assert wizard.send(5).status_code == 303


def test_a_therapists_day_filled_meanwhile_books_nothing_and_offers_fresh_plans(
    wizard: Wizard, db: Session, cast: Cast, clock: Clock
) -> None:
    """The hold has run out, and the last place of the day of the second session goes to somebody else."""
    wizard.to(5)
    wait(wizard, clock, 21)
    page, proposal = wizard.page(5), plan(db).proposal
    assert proposal is not None
    (talk,) = (p for p in proposal.placements if p.serves == 2)
    person = db.get_one(Person, talk.therapist_id)
    person.most_sessions_a_day = 1
    appointment(db, cast.patients["birch"], instant_of(talk.start - 120), therapist=person)
    db.commit()
    kept = wizard.client.submit(page, wizard.url("5/keep"))
    assert kept.status_code == 409
    assert f"{person.name} has 1 session on" in kept.text
    answer = wizard.send(5, page=page)
    assert answer.status_code == 409
    assert "Nothing was booked." in answer.text
    assert "Integration after infusion 2" in answer.text
    assert "Plans by days of the week" in answer.text
    assert courses(db) == []
    assert wizard.send(4).location == wizard.url("4/dates")
    assert wizard.send("4/dates").location == wizard.url(5)
    assert wizard.send(5).status_code == 303


def test_kept_times_are_nobody_elses(wizard: Wizard, sign_in: SignIn, cast: Cast, db: Session) -> None:
    wizard.to(5)
    mine = plan(db).proposal
    other = Wizard(sign_in("coordinator"), cast.patients["birch"].id, wizard.version_id).to("4/dates")
    theirs = Answers.from_json(db.scalars(select(PlanDraft.answers).where(PlanDraft.id == other.draft)).one()).proposal
    assert mine is not None and theirs is not None
    taken = [claim for p in mine.placements for claim in p.holds]
    for holdable, start, end in (claim for p in theirs.placements for claim in p.holds):
        assert not any(holdable == held and start < until and since < end for held, since, until in taken)


def test_a_hold_that_ran_out_is_said_and_can_be_had_again(wizard: Wizard, clock: Clock) -> None:
    wizard.to(5)
    wait(wizard, clock, 25)
    page = wizard.page(5)
    assert "These times were kept for you until 09:20." in page.words
    answer = wizard.client.submit(page, wizard.url("5/keep"))
    assert answer.location == wizard.url(5)
    assert "kept for you until 09:45" in wizard.page(5).words


def test_keeping_again_what_somebody_took_is_refused(
    wizard: Wizard, db: Session, cast: Cast, at_work: AtWork, clock: Clock
) -> None:
    wizard.to(5)
    wait(wizard, clock, 21)
    page = wizard.page(5)
    take_second_infusion(db, cast, at_work, clock)
    answer = wizard.client.submit(page, wizard.url("5/keep"))
    assert answer.status_code == 409
    assert "is already held" in answer.text


def test_booking_without_a_hold_works_while_the_times_are_free(wizard: Wizard, db: Session, clock: Clock) -> None:
    wizard.to(5)
    wait(wizard, clock, 40)
    assert wizard.send(5).status_code == 303
    assert len(courses(db)) == 1


def test_a_plan_whose_first_time_has_passed_is_chosen_again(
    wizard: Wizard, db: Session, clock: Clock, sign_in: SignIn
) -> None:
    version = wizard.to(5).page(5).form(wizard.url(5))["fields"]
    proposal = plan(db).proposal
    assert proposal is not None
    ahead = instant_of(proposal.placements[0].start) - clock()
    hours = int(ahead.total_seconds() // 3600)
    # The first page was read hours ago: whoever signs in anew finds the same draft.
    clock.pass_time(hours=hours, minutes=61)
    wizard.client = sign_in("coordinator")
    answer = wizard.client.send(wizard.url(5), version=int(dict(version)["seen_version"]))
    assert answer.status_code == 409
    assert "Nothing was booked." in answer.text
    assert courses(db) == []


def test_finishing_later_gives_the_times_back(wizard: Wizard, db: Session) -> None:
    answer = wizard.to(5).send(5, {"later": "1"})
    assert answer.location == "/today"
    db.expire_all()
    assert db.scalars(select(Hold)).all() == []
    assert "nobody keeps them for you now" in wizard.page(5).words
    assert courses(db) == []


def test_remarks_must_be_read_before_booking(wizard: Wizard, db: Session) -> None:
    wizard.to(4)
    text = wizard.client.get(wizard.url(4)).text
    found = re.search(r'value="([0-9a-f]{20})"[^>]*>\s*<label[^>]*>Tue and Fri', text)
    assert found
    wizard.send(4, {"plan": found.group(1)})
    wizard.send("4/dates")
    answer = wizard.send(5)
    assert answer.status_code == 422
    assert "Tick that you have read the remarks" in answer.text
    assert courses(db) == []
    assert wizard.send(5, {"agree": "y"}).status_code == 303
    assert len(courses(db)) == 1


def test_a_patient_who_is_in_a_course_by_now_is_not_booked_again(
    wizard: Wizard, db: Session, cast: Cast, at_work: AtWork
) -> None:
    page = wizard.to(5).page(5)
    there = course(db, cast.patients["alder"], at_work.twice_weekly)
    db.commit()
    answer = wizard.send(5, page=page)
    assert answer.status_code == 422
    assert f'href="/courses/{there.id}"' in answer.text
    assert len(courses(db)) == 1


def test_what_was_answered_about_the_patient_is_kept_with_them(wizard: Wizard, db: Session, cast: Cast) -> None:
    wizard.to(2).send(2, {"preferred_from": "09:00", "preferred_to": "12:00"})
    wizard.send(3, {"therapist_id": cast.people["therapist-two"].id, "escort": "Test Friend"})
    wizard.send(4)
    wizard.send("4/dates")
    assert wizard.send(5, {"agree": "y"}).status_code == 303
    [booked] = courses(db)
    patient = db.get_one(Patient, wizard.patient_id)
    assert (patient.preferred_from_minute, patient.preferred_to_minute) == (540, 720)
    assert (patient.escort, patient.primary_therapist_id) == ("Test Friend", cast.people["therapist-two"].id)
    assert booked.primary_therapist_id == cast.people["therapist-two"].id


@contextmanager
def counted_queries(db: Session) -> Iterator[list[str]]:
    """Every statement sent to the database inside the block."""
    said: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        said.append(statement)

    connection = db.get_bind()
    event.listen(connection, "before_cursor_execute", note)
    try:
        yield said
    finally:
        event.remove(connection, "before_cursor_execute", note)


def test_pages_ask_as_often_for_many_rows_as_for_few(wizard: Wizard, db: Session, cast: Cast, at_work: AtWork) -> None:
    from tests.builders import patient, person, room

    wizard.to(5)

    def asked() -> dict[object, int]:
        counts: dict[object, int] = {}
        for step in (1, 2, 3, 4, "4/dates", "4/4", 5):
            with counted_queries(db) as said:
                wizard.page(step)
            counts[step] = len(said)
        return counts

    few = asked()
    for number in range(20):
        somebody = patient(db, cast.north, person(db, cast.north))
        room(db, cast.north)
        appointment(db, somebody, instant_of(29_560_000 + 1440 * number), 50)
    db.commit()
    assert asked() == few
