"""A patient's account from the patient's page: whose coordinator may do what, and that no admin hears of it."""

from collections.abc import Callable

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from planner.domain.access import Role
from planner.domain.errors import FieldError
from planner.services.factor_rules import agree_removal, ask_removal
from planner.store.queries import accounts as find
from planner.store.queries.accounts import has_factor
from planner.store.records import Account, AccountSite, Invitation, Patient
from tests import builders
from tests.support.cast import Cast, Clock
from tests.support.one_database import ON_ONE_DATABASE
from tests.support.strict_client import StrictClient
from tests.web.accounts.test_inviting import NEW_PASSWORD, dead, join, link_on
from tests.web.auth.factors import with_factor

SignIn = Callable[[str], StrictClient]
MAIL = "pat.example@mail.example"


@pytest.fixture
def elm(db: Session, cast: Cast) -> Patient:
    """A patient at North without an account."""
    patient = builders.patient(db, cast.north, cast.people["therapist"])
    db.commit()
    return patient


def portal(patient_id: int) -> str:
    return f"/patients/{patient_id}/portal"


def invited(coordinator: StrictClient, patient_id: int, **typed: str) -> str:
    path = portal(patient_id)
    answer = coordinator.submit(coordinator.page(path), f"{path}/invite", {"email": MAIL} | typed)
    assert answer.status_code == 200, answer.text
    return link_on(answer.text)


def test_from_the_patient_s_page_to_the_portal(
    client: StrictClient, cast: Cast, db: Session, sign_in: SignIn, elm: Patient
) -> None:
    coordinator = sign_in("coordinator")
    assert portal(elm.id) in coordinator.page(f"/patients/{elm.id}").links
    path = invited(coordinator, elm.id)
    assert elm.name in client.get(path).text
    assert join(client, path).status_code == 303
    typed = {"email": MAIL, "password": NEW_PASSWORD}
    assert client.submit(client.page("/sign-in"), "/sign-in", typed).location == "/my"
    made = db.scalars(select(Account).where(Account.patient_id == elm.id)).one()
    assert find.roles_of(db, made.id) == {Role.PATIENT}
    assert "Signs in as" in coordinator.page(portal(elm.id)).words


def test_an_invitation_is_renewed_and_withdrawn(
    client: StrictClient, cast: Cast, sign_in: SignIn, elm: Patient
) -> None:
    coordinator, path = sign_in("coordinator"), portal(elm.id)
    first = invited(coordinator, elm.id)
    page = coordinator.page(path)
    assert f"{path}/invite" not in [form["action"] for form in page.forms]
    second = link_on(coordinator.submit(page, f"{path}/renew").text)
    assert dead(client, first)
    assert client.get(second).status_code == 200
    assert coordinator.submit(coordinator.page(path), f"{path}/withdraw").status_code == 303
    assert dead(client, second)
    assert coordinator.get(f"{path}/invite").location == path


def test_no_admin_hears_of_it(cast: Cast, db: Session, sign_in: SignIn, elm: Patient) -> None:
    invited(sign_in("coordinator"), elm.id)
    invitation = db.scalars(select(Invitation)).one()
    admin = sign_in("admin")
    for path in ("/admin/accounts", "/admin/audit", "/admin/accounts/security"):
        shown = admin.get(path).text
        assert MAIL not in shown
        assert elm.name not in shown
        assert elm.code not in shown
    assert admin.get(portal(elm.id)).status_code == 404
    for act in ("renew", "withdraw"):
        assert admin.send(f"/admin/accounts/invitations/{invitation.id}/{act}").status_code == 404


@ON_ONE_DATABASE
@pytest.mark.parametrize("who", ["coordinator-south", "nurse", "therapist", "prescriber", "admin", "patient"])
def test_only_their_own_coordinator_may(cast: Cast, db: Session, sign_in: SignIn, elm: Patient, who: str) -> None:
    client, refused = sign_in(who), 404 if who == "coordinator-south" else 403
    assert client.get(portal(elm.id)).status_code == 404
    for act in ("invite", "renew", "reset", "withdraw", "sign-out", "end", "reopen", "factor/ask", "factor/agree"):
        for patient_id in (elm.id, cast.patients["alder"].id):
            answer = client.send(f"{portal(patient_id)}/{act}", {"email": MAIL, "name": "Test Patient"}, version=1)
            assert answer.status_code == refused, act
    assert db.scalars(select(Invitation)).all() == []
    assert cast.accounts["patient"].active


def test_a_patient_is_no_member_of_staff_whatever_the_form_says(cast: Cast, db: Session, sign_in: SignIn, elm: Patient):
    coordinator = sign_in("coordinator")
    path = portal(elm.id)
    coordinator.submit(coordinator.page(path), f"{path}/invite", {"email": MAIL, "role": "admin", "site": "1"})
    invitation = db.scalars(select(Invitation)).one()
    assert (invitation.roles, invitation.site_ids, invitation.patient_id) == (["patient"], [], elm.id)


@ON_ONE_DATABASE
@pytest.mark.parametrize(
    ("typed", "field", "words"),
    [
        ({"email": "nobody"}, "email", "Enter an email address"),
        ({"email": "nurse@clinic.example"}, "email", "There is already an account"),
        ({"name": ""}, "name", "Enter the patient"),
    ],
)
def test_what_cannot_be_is_said_at_the_field(
    cast: Cast, sign_in: SignIn, elm: Patient, typed: dict[str, str], field: str, words: str
) -> None:
    coordinator, path = sign_in("coordinator"), portal(elm.id)
    answer = coordinator.submit(coordinator.page(path), f"{path}/invite", {"email": MAIL} | typed)
    assert answer.status_code == 422
    assert words in answer.text.split(f'id="{field}-error"', 1)[1].split("</p>", 1)[0]


def test_a_patient_with_an_account_is_not_invited_again(cast: Cast, sign_in: SignIn) -> None:
    path = portal(cast.patients["alder"].id)
    answer = sign_in("coordinator").send(f"{path}/invite", {"email": MAIL, "name": "Test Patient Alder"})
    assert answer.status_code == 422
    assert "This patient has an account already." in answer.text


def test_a_patient_s_account_is_looked_after(client: StrictClient, cast: Cast, db: Session, sign_in: SignIn) -> None:
    coordinator, patient, path = sign_in("coordinator"), sign_in("patient"), portal(cast.patients["alder"].id)
    link = link_on(coordinator.submit(coordinator.page(path), f"{path}/reset").text)
    assert client.submit(client.page(link), link, {"password": NEW_PASSWORD}).status_code == 303
    assert patient.get("/my").location.startswith("/sign-in")
    patient = sign_in("patient")
    assert coordinator.submit(coordinator.page(path), f"{path}/sign-out").status_code == 303
    assert patient.get("/my").location.startswith("/sign-in")
    assert coordinator.submit(coordinator.page(path), f"{path}/end").status_code == 303
    db.expire_all()
    assert not cast.accounts["patient"].active
    stale = coordinator.send(f"{path}/reopen", version=1, key="another-key-0123456789")
    assert stale.status_code == 409
    assert coordinator.submit(coordinator.page(path), f"{path}/reopen").status_code == 303
    db.expire_all()
    assert sign_in("patient").get("/my").status_code == 200


def test_a_patient_s_lost_phone_takes_two_coordinators(cast: Cast, db: Session, sign_in: SignIn, clock: Clock) -> None:
    account, path = cast.accounts["patient"], portal(cast.patients["alder"].id)
    with_factor(db, account, clock())
    second = builders.coordinator(db, cast.north)
    cast.accounts["coordinator-two"] = db.get_one(Account, second.account_id)
    db.commit()
    one, other = sign_in("coordinator"), sign_in("coordinator-two")
    assert one.submit(one.page(path), f"{path}/factor/ask").status_code == 303
    assert one.send(f"{path}/factor/agree").status_code == 422
    assert has_factor(db, account.id)
    assert other.submit(other.page(path), f"{path}/factor/agree").status_code == 303
    assert not has_factor(db, account.id)


def test_links_for_a_patient_end_when_their_maker_leaves_the_site(
    client: StrictClient, cast: Cast, db: Session, sign_in: SignIn, elm: Patient
) -> None:
    coordinator, path = sign_in("coordinator"), portal(cast.patients["alder"].id)
    reset = link_on(coordinator.submit(coordinator.page(path), f"{path}/reset").text)
    invitation = invited(coordinator, elm.id)
    assert [client.get(link).status_code for link in (reset, invitation)] == [200, 200]
    moved = db.scalars(select(AccountSite).where(AccountSite.account_id == cast.accounts["coordinator"].id)).one()
    moved.site_id = cast.south.id
    db.commit()
    assert [client.get(link).status_code for link in (reset, invitation)] == [410, 410]


def test_who_left_the_site_has_asked_for_nothing(cast: Cast, db: Session, clock: Clock) -> None:
    """Two coordinators of the patient agree to remove a factor, not one and a former one."""
    account = cast.accounts["patient"]
    with_factor(db, account, clock())
    one, other = builders.coordinator(db, cast.north), builders.coordinator(db, cast.north)
    ask_removal(db, one, account.id, clock())
    asked_at = db.scalars(select(AccountSite).where(AccountSite.account_id == one.account_id)).one()
    asked_at.site_id = cast.south.id
    db.flush()
    with pytest.raises(FieldError):
        agree_removal(db, other, account.id, clock())
    asked_at.site_id = cast.north.id
    db.flush()
    assert agree_removal(db, other, account.id, clock()).id == account.id
