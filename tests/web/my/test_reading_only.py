"""A discharged patient reads their past dates for as many days as the clinic says, changes nothing, and is then out."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.orm import Session

from planner.domain.access import Permission
from planner.domain.errors import NotPermitted
from planner.services import portal
from planner.services.discharging import discharge_patient, readmit_patient
from planner.services.publishing import CONSENT_VERSION
from planner.store.queries.appointments import appointment
from planner.store.records import Appointment, Patient
from tests import builders
from tests.support.cast import NOW, PASSWORD, Cast, Clock
from tests.support.strict_client import StrictClient
from tests.web.auth.factors import code_at, with_factor

SignIn = Callable[[str], StrictClient]
#: Ninety days after Wednesday 4 March, in Chicago, where it is summer by then.
OVER = datetime(2026, 6, 3, 5, 0, tzinfo=UTC)
TYPED = {"email": "patient@clinic.example", "password": PASSWORD}


@pytest.fixture
def past(db: Session, cast: Cast) -> Appointment:
    """Something Alder came to before being discharged today."""
    return builders.appointment(db, cast.patients["alder"], NOW - timedelta(days=7))


@pytest.fixture
def alder(db: Session, cast: Cast, past: Appointment) -> Patient:
    """Alder, discharged at NOW."""
    patient = cast.patients["alder"]
    discharge_patient(
        db, cast.principals["coordinator"], patient.id, end_sign_in=False, seen_version=patient.version, now=NOW
    )
    db.commit()
    return patient


def signs_in(client: StrictClient) -> bool:
    return client.submit(client.page("/sign-in"), "/sign-in", TYPED).status_code == 303


def test_they_read_their_past_dates_and_are_told_until_when(
    sign_in: SignIn, alder: Patient, past: Appointment, clock: Clock
) -> None:
    assert alder.discharged_at == NOW
    client = sign_in("patient")
    for path in ("/my", "/my/dates", f"/my/dates/{past.id}", "/my/calendar", "/my/help", "/account"):
        words = client.page(path).words
        assert "Your time with us has ended. Until Tuesday 2 June 2026 you can still sign in here" in words, path
    assert "/my/calendar" not in client.page("/my").links
    assert "Wednesday 25 February" in client.page("/my/dates").words


def test_they_change_nothing_even_if_something_is_booked(
    sign_in: SignIn, db: Session, cast: Cast, alder: Patient
) -> None:
    """Nothing can be; but what a page does not offer, the door behind it refuses as well."""
    ahead = builders.appointment(db, alder, NOW + timedelta(days=3))
    db.commit()
    client = sign_in("patient")
    path = f"/my/dates/{ahead.id}"
    assert not [link for link in client.page(path).links if "/change" in link or "/cancel" in link]
    for act in ("change", "change/confirm", "cancel"):
        assert client.get(f"{path}/{act}").status_code == 404
        refused = client.send(f"{path}/{act}", {"time": "1"}, version=1)
        assert refused.status_code == 403
        assert "You can read your past dates here" in refused.text
    for act in ("/my/calendar/words", "/feeds/new"):
        assert client.send(act, {"words": "Appointment"}).status_code == 403
    assert client.send("/my/calendar/new", {"app": "apple", "consent": CONSENT_VERSION}).status_code == 403
    who = cast.principals["patient"]
    reader = type(who)(who.account_id, who.roles, patient_id=who.patient_id, reads_only=True)
    row = appointment(db, reader, ahead.id, Permission.PORTAL)
    with pytest.raises(NotPermitted):
        portal.cancel(db, reader, row, seen_version=row.version, now=NOW)
    with pytest.raises(NotPermitted):
        portal.change(db, reader, row, ahead.starts_at, key="", seen_version=row.version, now=NOW)


def test_the_last_day_is_a_whole_day_and_then_nobody_signs_in(
    client: StrictClient, alder: Patient, clock: Clock
) -> None:
    clock.now = OVER - timedelta(seconds=1)
    assert signs_in(client)
    assert client.get("/my").status_code == 200
    clock.now = OVER
    assert client.get("/my").location == "/sign-in?next=/my", "an open session ends with the time"
    assert client.send("/account/look", {"look-theme": "dark", "look-density": "compact"}).status_code in (303, 400)
    client.delete_cookie("planner")
    refused = client.submit(client.page("/sign-in"), "/sign-in", TYPED)
    assert refused.status_code == 422
    assert "do not fit together" in refused.text, "nobody learns why"


def test_a_code_that_is_still_awaited_signs_nobody_in_when_it_is_over(
    client: StrictClient, db: Session, cast: Cast, alder: Patient, clock: Clock
) -> None:
    with_factor(db, cast.accounts["patient"], NOW)
    clock.now = OVER - timedelta(minutes=1)
    assert client.submit(client.page("/sign-in"), "/sign-in", TYPED).location == "/sign-in/code"
    page = client.page("/sign-in/code")
    clock.now = OVER
    answer = client.submit(page, "/sign-in/code", {"code": code_at(clock())})
    assert answer.location == "/sign-in"
    assert client.get("/my").status_code == 303


@pytest.mark.parametrize(("days", "open_after", "over_after"), [(0, None, 0), (1, 1, 2), (365, 365, 366)])
def test_the_clinic_says_for_how_many_days(
    sign_in: SignIn, db: Session, cast: Cast, alder: Patient, clock: Clock, days: int, open_after: int, over_after: int
) -> None:
    cast.clinic.portal_days_after_discharge = days
    db.commit()
    assert alder.discharged_at is not None
    if open_after is not None:
        clock.now = NOW + timedelta(days=open_after)
        assert sign_in("patient").get("/my").status_code == 200
        client = sign_in("patient")
        clock.now = NOW + timedelta(days=over_after)
        assert client.get("/my").status_code == 303
    else:
        assert not signs_in(sign_in_page(cast, sign_in))


def sign_in_page(cast: Cast, sign_in: SignIn) -> StrictClient:
    """A browser that nobody is signed in on."""
    client = sign_in("nurse")
    client.delete_cookie("planner")
    return client


def test_who_is_taken_up_again_signs_in_again_and_changes_again(
    client: StrictClient, db: Session, cast: Cast, alder: Patient, clock: Clock
) -> None:
    clock.now = OVER
    assert not signs_in(client)
    readmit_patient(db, cast.principals["coordinator"], alder.id, seen_version=alder.version, now=OVER)
    db.commit()
    assert alder.discharged_at is None
    clock.pass_time(minutes=20)
    assert signs_in(client)
    assert "Your time with us has ended" not in client.page("/my").words
    assert "/my/calendar" in client.page("/my").links


def test_staff_read_until_when_and_that_it_is_over(sign_in: SignIn, alder: Patient, clock: Clock) -> None:
    for path in (f"/patients/{alder.id}", f"/patients/{alder.id}/portal"):
        assert "Until Tue 2 Jun 2026 they can sign in" in sign_in("coordinator").page(path).words
    clock.now = OVER
    coordinator = sign_in("coordinator")
    for path in (f"/patients/{alder.id}", f"/patients/{alder.id}/portal"):
        assert "they can no longer sign in" in coordinator.page(path).words
    refused = coordinator.submit(coordinator.page(path), f"{path}/reset")
    assert refused.status_code == 422
    assert "the time to read is over" in refused.text


def test_the_page_of_a_discharge_says_for_how_long(sign_in: SignIn, db: Session, cast: Cast) -> None:
    coordinator, path = sign_in("coordinator"), f"/patients/{cast.patients['alder'].id}/discharge"
    assert "For 90 days they can still sign in" in coordinator.page(path).words
    cast.clinic.portal_days_after_discharge = 0
    db.commit()
    assert "Their sign-in ends" in coordinator.page(path).words
