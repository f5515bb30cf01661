"""The patient's plan: what is next, the days to talk, all dates, help, and the words for it."""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from planner.domain.statuses import AppointmentKind, AppointmentStatus
from planner.web.filters import patient_day, patient_time
from tests.support.cast import Cast, Clock
from tests.support.strict_client import StrictClient
from tests.web.my.stage import Stage

SignIn = Callable[[str], StrictClient]
#: What a stranger may not read over a patient's shoulder (ui.md section 12).
INDISCREET = re.compile(
    r"(?i)ketamin|infus|\bdos(e|es|ing)\b|integration|psychotherap|neuroplast|\bwindow\b|no-show|missed|escort|peak|"
    r"induction|consolidation|\bchair\b|P-10\d"
)


def pages(stage: Stage) -> list[str]:
    row, session = stage.dose(2), stage.session_of(stage.dose(2))
    return [
        "/my",
        "/my/dates",
        f"/my/dates/{row.id}",
        f"/my/dates/{session.id}",
        f"/my/dates/{row.id}/change",
        f"/my/dates/{row.id}/cancel",
        f"/my/dates/{session.id}/cancel",
        "/my/help",
        "/my/help/looks",
        "/my/calendar",
        "/my/calendar/words",
    ]


def test_the_first_page_says_what_is_next_and_what_follows(sign_in: SignIn, stage: Stage) -> None:
    page = sign_in("patient").page("/my")
    first = stage.dates()[0]
    assert page.headings == ["Hello Test"]
    assert "Next: first talk" in page.words
    assert patient_day(first.starts_at, "America/Chicago") in page.words
    assert patient_time(first.starts_at, "America/Chicago") in page.words
    assert "After that" in page.words
    assert f"See all {len(stage.dates())} dates" in page.words


def test_the_days_to_talk_follow_the_next_treatment(sign_in: SignIn, stage: Stage, clock: Clock) -> None:
    dose, session = stage.dose(1), stage.session_of(stage.dose(1))
    words = " ".join(sign_in("patient").page("/my").words.split())
    assert "Your days to talk Your clinic likes to book a talking session in the days after treatment." in words
    assert f"Treatment, {patient_time(dose.starts_at, 'America/Chicago')}" in words
    assert f"Best day. Your session is at {patient_time(session.starts_at, 'America/Chicago')}" in words
    clock.now = stage.session_of(stage.dose(6)).ends_at + timedelta(days=10)
    assert "Your days to talk" not in sign_in("patient").page("/my").words


def test_someone_to_take_you_home_is_asked_for_until_it_is_known(
    sign_in: SignIn, stage: Stage, cast: Cast, db: Session
) -> None:
    assert "To do: Someone to take you home" in " ".join(sign_in("patient").page("/my").words.split())
    cast.patients["alder"].escort = "Test Friend"
    db.commit()
    assert "Done: Someone to take you home: Test Friend" in " ".join(sign_in("patient").page("/my").words.split())


def test_a_patient_without_dates_is_told_so(sign_in: SignIn, stage: Stage) -> None:
    client = sign_in("patient-two")
    assert "You have no dates at the moment" in client.page("/my").words
    assert "You have no dates at the moment" in client.page("/my/dates").words


def test_all_dates_are_listed_and_cancelled_ones_are_not(
    sign_in: SignIn, stage: Stage, db: Session, clock: Clock
) -> None:
    gone = stage.dates(AppointmentKind.INTEGRATION)[3]
    gone.become(AppointmentStatus.CANCELLED, clock())
    db.commit()
    links = sign_in("patient").page("/my/dates").links
    shown = [int(link.rsplit("/")[-1]) for link in links if re.fullmatch(r"/my/dates/\d+", link)]
    assert shown == [row.id for row in stage.dates()]
    assert gone.id not in shown


def test_one_date_says_when_where_and_with_whom(sign_in: SignIn, stage: Stage) -> None:
    session = stage.session_of(stage.dose(1))
    words = sign_in("patient").page(f"/my/dates/{session.id}").words
    assert "Talking session" in words
    assert patient_day(session.starts_at, "America/Chicago") in words
    assert "With Test Therapist" in words


def test_help_is_in_the_clinics_words(sign_in: SignIn, stage: Stage) -> None:
    assert "In an emergency call 000." in sign_in("patient").page("/my/help").words


def test_every_page_is_discreet_plain_and_without_scripts(sign_in: SignIn, stage: Stage) -> None:
    client = sign_in("patient")
    for path in pages(stage):
        markup = client.get(path).text
        assert INDISCREET.findall(re.sub(r"<[^>]*>", " ", markup)) == [], path
        assert "<script" not in markup
        assert client.page(path).title.endswith(" - Test Clinic")
        assert "Who to call" in markup


@pytest.mark.parametrize("who", ["patient-two", "coordinator", "therapist", "admin"])
def test_nobody_else_opens_the_pages_of_a_patient(sign_in: SignIn, stage: Stage, who: str) -> None:
    client = sign_in(who)
    row = stage.dose(2)
    for path in (f"/my/dates/{row.id}", f"/my/dates/{row.id}/change", f"/my/dates/{row.id}/cancel"):
        assert client.get(path).status_code == 404


def test_a_page_asks_the_same_number_of_questions_however_many_dates(
    sign_in: SignIn, stage: Stage, db: Session, clock: Clock
) -> None:
    from tests.builders import counted_queries

    client = sign_in("patient")
    client.page("/my/dates")
    with counted_queries(db) as many:
        client.page("/my/dates")
    for row in stage.dates()[1:]:
        row.become(AppointmentStatus.CANCELLED, clock())
    db.commit()
    with counted_queries(db) as few:
        client.page("/my/dates")
    assert len(many) == len(few)
