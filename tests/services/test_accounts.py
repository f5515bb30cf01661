"""Accounts are made with care, end at once, and keep no password."""

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from planner.domain.access import Principal, Role
from planner.domain.errors import FieldError, NotFound, NotPermitted
from planner.services import accounts
from planner.store.queries import accounts as find
from planner.store.records import Account, AuditEntry, BrowserSession, Feed, FeedScope
from tests.support.cast import CHEAP, NOW, PASSWORD, PASSWORD_HASH, Cast, make_cast


@pytest.fixture
def cast(db: Session) -> Cast:
    return make_cast(db)


def create(db: Session, principal: Principal | None = None, **more: object) -> Account:
    facts = {
        "email": "new.person@clinic.example",
        "name": "Test New",
        "password_hash": PASSWORD_HASH,
        "roles": [Role.NURSE],
        "now": NOW,
    }
    return accounts.create_account(db, principal, **{**facts, **more})


def test_an_account_has_its_roles_and_sites(db: Session, cast: Cast) -> None:
    made = create(db, roles=[Role.NURSE, Role.THERAPIST], site_ids=[cast.south.id, cast.north.id])
    assert find.roles_of(db, made.id) == {Role.NURSE, Role.THERAPIST}
    assert list(find.sites_of(db, made.id)) == [(cast.north.id, "North"), (cast.south.id, "South")]


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"email": "nobody"}, "email"),
        ({"email": "a b@clinic.example"}, "email"),
        ({"email": "a\x00b@clinic.example"}, "email"),
        ({"email": "a\u202eb@clinic.example"}, "email"),
        ({"email": f"{'a' * 250}@clinic.example"}, "email"),
        ({"email": "NURSE@clinic.example"}, "email"),
        ({"name": "  "}, "name"),
        ({"name": "x" * 121}, "name"),
        ({"roles": []}, "role"),
        ({"roles": [Role.PATIENT]}, "role"),
        ({"roles": [Role.NURSE, Role.PATIENT]}, "role"),
    ],
)
def test_what_will_not_do_is_said_at_its_field(db: Session, cast: Cast, wrong: dict[str, object], field: str) -> None:
    with pytest.raises(FieldError) as refused:
        create(db, **wrong)
    assert refused.value.field == field
    assert refused.value.sentence.endswith(".")


@pytest.mark.parametrize("who", ["coordinator", "prescriber", "nurse", "therapist", "patient"])
def test_only_an_admin_makes_and_ends_accounts(db: Session, cast: Cast, who: str) -> None:
    with pytest.raises(NotPermitted):
        create(db, cast.principals[who])
    with pytest.raises(NotPermitted):
        accounts.deactivate_account(db, cast.principals[who], cast.accounts["nurse"].id, NOW)


def test_an_admin_makes_an_account_and_the_history_says_so(db: Session, cast: Cast) -> None:
    made = create(db, cast.principals["admin"])
    lines = db.scalars(select(AuditEntry).where(AuditEntry.object_id == made.id))
    assert [(line.account_id, line.detail) for line in lines] == [(cast.accounts["admin"].id, {"roles": ["nurse"]})]


def test_an_ended_account_loses_sign_ins_and_calendar_links(db: Session, cast: Cast) -> None:
    account_id = cast.accounts["therapist"].id
    db.add(BrowserSession(id_hash="0" * 64, account_id=account_id, created_at=NOW, seen_at=NOW, absolute_end_at=NOW))
    feed = Feed(
        account_id=account_id,
        scope=FeedScope.THERAPIST,
        subject_id=cast.people["therapist"].id,
        device="phone",
        token_hash="1" * 64,
        revised_at=NOW,
        created_at=NOW,
    )
    db.add(feed)
    db.flush()
    accounts.deactivate_account(db, cast.principals["admin"], account_id, NOW)
    db.refresh(feed)
    assert feed.revoked_at == NOW
    assert find.browsers_of(db, account_id) == []
    assert cast.accounts["therapist"].active is False


def test_the_only_admin_cannot_be_ended(db: Session, cast: Cast) -> None:
    admin = cast.accounts["admin"]
    with pytest.raises(FieldError, match=r"the only admin left\. Make another admin first"):
        accounts.deactivate_account(db, cast.principals["admin"], admin.id, NOW)
    assert admin.active
    other = create(db, roles=[Role.ADMIN, Role.COORDINATOR])
    accounts.deactivate_account(db, cast.principals["admin"], admin.id, NOW)
    with pytest.raises(FieldError):
        accounts.deactivate_account(db, None, other.id, NOW)


def test_an_account_that_is_not_there(db: Session, cast: Cast) -> None:
    with pytest.raises(NotFound):
        accounts.deactivate_account(db, cast.principals["admin"], 999_999, NOW)


def test_nobody_sets_the_password_of_somebody_else(db: Session, cast: Cast) -> None:
    with pytest.raises(NotPermitted):
        accounts.set_password(db, cast.principals["admin"], cast.accounts["nurse"].id, PASSWORD_HASH, NOW)


def test_a_hash_fits_its_password_only() -> None:
    hashed = CHEAP.hashed(PASSWORD)
    assert PASSWORD not in hashed
    assert CHEAP.fits(PASSWORD, hashed)
    assert not CHEAP.fits(PASSWORD + " ", hashed)
    assert not CHEAP.fits(PASSWORD, None)
    assert not CHEAP.fits(PASSWORD, "no hash at all")


@pytest.mark.parametrize("password", ["пароль из шести слов", "🌲" * 15, "\ud800 lone surrogate here"])
def test_any_words_make_a_password(password: str) -> None:
    assert CHEAP.fits(password, CHEAP.hashed(password))


def test_the_real_costs_are_the_ones_owasp_asks_for() -> None:
    from config import PasswordCost

    cost = PasswordCost()
    assert "$argon2id$" in accounts.Passwords(cost.memory_kib, cost.passes).hashed("x")
    assert (cost.memory_kib, cost.passes) == (19_456, 2)
