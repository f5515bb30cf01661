"""The clinic's rule about second factors, and removing a lost one: two people, never one."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from planner.domain.access import Role
from planner.services.accounts import create_account
from planner.services.factor_rules import REQUEST_LASTS
from planner.store.queries.accounts import has_factor
from planner.store.records import AccountRole, AuditEntry, Clinic
from tests.support.cast import PASSWORD, PASSWORD_HASH, Cast, Clock
from tests.support.strict_client import StrictClient
from tests.web.auth.factors import with_factor

SignIn = Callable[[str], StrictClient]
RULE = "/admin/accounts/security"


@pytest.fixture
def two(db: Session, cast: Cast, clock: Clock, sign_in: SignIn) -> tuple[StrictClient, StrictClient]:
    """Two admins signed in; the nurse has lost a phone."""
    account = create_account(
        db, None, email="admin-two@clinic.example", name="Test Admin Two", password_hash=PASSWORD_HASH,
        roles=[Role.ADMIN], now=clock(),
    )  # fmt: skip
    cast.accounts["admin-two"] = account
    with_factor(db, cast.accounts["nurse"], clock())
    return sign_in("admin"), sign_in("admin-two")


def act(client: StrictClient, cast: Cast, what: str, who: str = "nurse", key: str = "test-key-0123456789"):
    return client.send(f"/admin/accounts/{cast.accounts[who].id}/factor/{what}", key=f"{key}-{what}")


def test_one_asks_another_agrees_and_the_account_signs_in_with_its_password(
    two: tuple[StrictClient, StrictClient], cast: Cast, db: Session
) -> None:
    one, other = two
    path = f"/admin/accounts/{cast.accounts['nurse'].id}"
    assert one.submit(one.page(path), f"{path}/factor/ask").status_code == 303
    assert has_factor(db, cast.accounts["nurse"].id)
    assert f"{path}/factor/agree" not in [form["action"] for form in one.page(path).forms]
    assert "Test Admin asked to remove the codes" in other.page(path).words
    assert other.submit(other.page(path), f"{path}/factor/agree").status_code == 303
    db.expire_all()
    assert not has_factor(db, cast.accounts["nurse"].id)
    last = db.query(AuditEntry).filter_by(action="account.factor_lost").one()
    assert last.account_id == cast.accounts["admin-two"].id
    assert last.detail == {"asked_by": cast.accounts["admin"].id}


def test_nobody_does_it_alone(two: tuple[StrictClient, StrictClient], cast: Cast, db: Session) -> None:
    one, other = two
    assert act(one, cast, "agree").status_code == 422
    act(one, cast, "ask")
    for client in (one,):
        refused = act(client, cast, "agree", key="another-key-987654")
        assert refused.status_code == 422
        assert "It takes two" in refused.text
    assert act(other, cast, "ask").status_code == 422
    assert has_factor(db, cast.accounts["nurse"].id)


def test_nobody_has_a_part_in_their_own(two: tuple[StrictClient, StrictClient], cast: Cast, db: Session, clock: Clock):
    with_factor_of_their_own = "admin-two"
    one, other = two
    assert act(one, cast, "ask", with_factor_of_their_own).status_code == 422, "there is none to remove"
    with_factor(db, cast.accounts["admin-two"], clock(), seed="GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ")
    assert act(other, cast, "ask", with_factor_of_their_own).status_code == 422
    assert act(one, cast, "ask", with_factor_of_their_own, key="again-key-01234567").status_code == 303
    assert act(other, cast, "agree", with_factor_of_their_own).status_code == 422
    assert has_factor(db, cast.accounts["admin-two"].id)


def run_out(cast: Cast, db: Session, clock: Clock) -> None:
    for who in ("admin", "admin-two"):  # their sign-ins last no week, so the request is made older instead
        assert cast.accounts[who].active
    from planner.store.records import FactorRemoval

    db.query(FactorRemoval).update({"asked_at": clock() - REQUEST_LASTS})
    db.commit()


def end_the_asker(cast: Cast, db: Session, clock: Clock) -> None:
    cast.accounts["admin"].active = False
    db.commit()


def demote_the_asker(cast: Cast, db: Session, clock: Clock) -> None:
    db.query(AccountRole).filter_by(account_id=cast.accounts["admin"].id).update({"role": "nurse"})
    db.commit()


@pytest.mark.parametrize("kill", [run_out, end_the_asker, demote_the_asker])
def test_a_request_dies_with_its_time_and_with_who_made_it(
    two: tuple[StrictClient, StrictClient], cast: Cast, db: Session, clock: Clock, kill: Callable[..., None]
) -> None:
    one, other = two
    act(one, cast, "ask")
    kill(cast, db, clock)
    assert act(other, cast, "agree").status_code == 422
    assert has_factor(db, cast.accounts["nurse"].id)


def test_a_request_may_be_turned_down(two: tuple[StrictClient, StrictClient], cast: Cast, db: Session) -> None:
    one, other = two
    act(one, cast, "ask")
    assert act(other, cast, "keep").status_code == 303
    assert act(other, cast, "agree").status_code == 422
    assert act(other, cast, "ask").status_code == 303
    assert has_factor(db, cast.accounts["nurse"].id)


# The rule


def test_who_asks_it_of_all_has_codes_first(cast: Cast, db: Session, sign_in: SignIn, clock: Clock) -> None:
    admin = sign_in("admin")
    refused = admin.submit(admin.page(RULE), RULE, {"required": "yes"})
    assert refused.status_code == 422
    assert "Set up codes for your own account first" in refused.text
    with_factor(db, cast.accounts["admin"], clock())
    assert admin.submit(admin.page(RULE), RULE, {"required": "yes"}).status_code == 303
    assert sign_in("nurse").get("/today").location == "/account/second-factor"
    assert admin.get(RULE).status_code == 200
    assert "Test Nurse" in admin.page(RULE).words
    assert admin.submit(admin.page(RULE), RULE, {"required": "no"}).status_code == 303
    assert sign_in("nurse").get("/today").status_code == 200


def test_a_rule_somebody_else_changed_first_is_told(cast: Cast, db: Session, sign_in: SignIn) -> None:
    admin = sign_in("admin")
    page = admin.page(RULE)
    db.get_one(Clinic, 1).version += 1
    db.commit()
    answer = admin.submit(page, RULE, {"required": "no"})
    assert answer.status_code == 409
    assert "This setting was changed by somebody else" in answer.text


def test_a_sign_in_from_before_the_rule_is_held_to_it(cast: Cast, db: Session, sign_in: SignIn) -> None:
    nurse = sign_in("nurse")
    assert nurse.get("/today").status_code == 200
    cast.clinic.staff_second_factor = True
    db.commit()
    assert nurse.get("/today").location == "/account/second-factor"


def test_the_request_lasts_days_not_for_ever() -> None:
    assert timedelta(days=1) <= REQUEST_LASTS <= timedelta(days=14)


def test_a_second_account_made_by_who_asks_is_told_so_and_cannot_agree(
    cast: Cast, db: Session, clock: Clock, sign_in: SignIn
) -> None:
    admin = cast.accounts["admin"]
    made_up = create_account(
        db, None, email="made-up@clinic.example", name="Test Made Up", password_hash=PASSWORD_HASH,
        roles=[Role.ADMIN], made_by=admin.id, now=clock(),
    )  # fmt: skip
    cast.accounts["made-up"] = made_up
    with_factor(db, cast.accounts["nurse"], clock())
    one, other = sign_in("admin"), sign_in("made-up")
    path = f"/admin/accounts/{cast.accounts['nurse'].id}"
    assert "after 14 days of use, and with codes of its own" in one.page(path).words
    act(one, cast, "ask")
    page = other.page(path)
    assert "You cannot agree to it" in page.words
    assert f"{path}/factor/agree" not in [form["action"] for form in page.forms]
    refused = act(other, cast, "agree")
    assert refused.status_code == 422
    assert "You and Test Admin do not count as two people here" in refused.text
    assert has_factor(db, cast.accounts["nurse"].id)


def test_whose_codes_were_removed_hears_of_it_at_the_next_sign_in_once(
    two: tuple[StrictClient, StrictClient], cast: Cast, client: StrictClient
) -> None:
    one, other = two
    act(one, cast, "ask")
    act(other, cast, "agree")
    typed = {"email": "nurse@clinic.example", "password": PASSWORD}
    assert client.submit(client.page("/sign-in"), "/sign-in", typed).status_code == 303
    assert "turned off by the clinic since you last signed in" in client.page("/today").words
    assert "Codes from a lost phone were turned off by the clinic" in client.page("/account").words
    client.submit(client.page("/account"), "/sign-out")
    assert client.submit(client.page("/sign-in"), "/sign-in", typed).status_code == 303
    assert "turned off by the clinic since" not in client.page("/today").words
    assert "Codes of a lost phone removed" in one.page("/admin/audit").words
