"""Two people means two people: whoever made the other's account agrees with themselves, as far as anybody knows."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from sqlalchemy.orm import Session

from planner.domain.access import Principal, Role
from planner.domain.errors import FieldError
from planner.services import account_care, auditing, factor_rules, invitations, resets
from planner.services.accounts import create_account
from planner.services.second_factor import use_recovery_code
from planner.services.signing_in import signed_in_as
from planner.services.two_people import IN_USE_FOR
from planner.store.queries.accounts import has_factor
from planner.store.records import Account, AccountOrigin, SecondFactor
from tests import builders
from tests.support.cast import NOW, PASSWORD_HASH, Cast, make_cast
from tests.web.auth.factors import with_factor

LONG_AGO = NOW - timedelta(days=200)
JUST_LONG_ENOUGH = NOW - IN_USE_FOR


@pytest.fixture
def cast(db: Session) -> Cast:
    """The nurse set up codes long ago, used them an hour ago, and has lost the phone since."""
    cast = make_cast(db, LONG_AGO)
    with_factor(db, cast.accounts["nurse"], LONG_AGO)
    used(db, cast.accounts["nurse"], NOW - timedelta(hours=1))
    return cast


def used(db: Session, account: Account, at: datetime) -> None:
    db.get_one(SecondFactor, account.id).last_step = int(at.timestamp()) // 30
    db.flush()


def admin(
    db: Session, name: str, *, by: Principal | None = None, signed_in: datetime | None = None, codes: bool = False
) -> Principal:
    """An admin whom `by` invited, first signed in at `signed_in`."""
    made_at = signed_in or NOW - timedelta(minutes=5)
    account = create_account(
        db, None, email=f"{name}@clinic.example", name=f"Test {name}", password_hash=PASSWORD_HASH,
        roles=[Role.ADMIN], made_by=by.account_id if by else None, now=made_at,
    )  # fmt: skip
    if codes:
        with_factor(db, account, made_at)
    who = signed_in_as(db, account).principal("")
    if signed_in:
        auditing.record(db, who, action="account.signed_in", object_type="account", object_id=account.id, now=signed_in)
    return who


def agreed(db: Session, cast: Cast, asks: Principal, agrees: Principal) -> bool:
    """Whether the second one's agreement removed the nurse's codes."""
    nurse = cast.accounts["nurse"]
    factor_rules.ask_removal(db, asks, nurse.id, NOW)
    counts = factor_rules.may_agree(db, agrees, nurse.id, NOW)
    try:
        factor_rules.agree_removal(db, agrees, nurse.id, NOW)
    except FieldError as refused:
        assert "do not count as two people" in refused.sentence
        assert "another colleague" in refused.sentence
        assert "recovery code" in refused.sentence
        assert "accounts remove-factor" in refused.sentence
    assert counts is not has_factor(db, nurse.id), "the page says beforehand what the act does"
    return not has_factor(db, nurse.id)


def test_a_second_account_of_one_s_own_is_no_second_person(db: Session, cast: Cast) -> None:
    one = cast.principals["admin"]
    assert not agreed(db, cast, one, admin(db, "made-up", by=one))


def test_nor_may_it_ask_and_its_maker_agree(db: Session, cast: Cast) -> None:
    one = cast.principals["admin"]
    with_factor(db, cast.accounts["admin"], LONG_AGO)
    assert not agreed(db, cast, admin(db, "made-up", by=one), one)


def test_nor_are_two_made_by_one_or_one_made_by_the_other_s(db: Session, cast: Cast) -> None:
    one = cast.principals["admin"]
    child = admin(db, "made-up", by=one)
    assert not agreed(db, cast, child, admin(db, "sibling", by=one))
    factor_rules.keep_factor(db, one, cast.accounts["nurse"].id, NOW)
    assert not agreed(db, cast, one, admin(db, "grandchild", by=child))


@pytest.mark.parametrize(
    ("signed_in", "codes", "counts"),
    [
        (JUST_LONG_ENOUGH, True, True),
        (JUST_LONG_ENOUGH + timedelta(seconds=60), True, False),
        (JUST_LONG_ENOUGH, False, False),
        (None, True, False),
    ],
)
def test_an_account_in_use_for_a_while_stands_for_itself(
    db: Session, cast: Cast, signed_in: datetime | None, codes: bool, counts: bool
) -> None:
    one = cast.principals["admin"]
    assert agreed(db, cast, one, admin(db, "colleague", by=one, signed_in=signed_in, codes=codes)) is counts


def test_who_was_invited_since_the_loss_never_agrees(db: Session, cast: Cast) -> None:
    one = cast.principals["admin"]
    used(db, cast.accounts["nurse"], NOW - timedelta(days=60))
    with_factor_since = admin(db, "colleague", by=one, signed_in=NOW - timedelta(days=50), codes=True)
    assert not agreed(db, cast, one, with_factor_since)


def test_a_recovery_code_used_since_shows_that_nothing_was_lost_yet(db: Session, cast: Cast) -> None:
    one, nurse = cast.principals["admin"], cast.accounts["nurse"]
    used(db, nurse, NOW - timedelta(days=60))
    db.delete(db.get_one(SecondFactor, nurse.id))
    db.flush()
    codes = with_factor(db, nurse, NOW - timedelta(days=60), seed="GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ")
    colleague = admin(db, "colleague", by=one, signed_in=NOW - timedelta(days=50), codes=True)
    assert use_recovery_code(db, nurse.id, codes[0], NOW - timedelta(days=1))
    assert agreed(db, cast, one, colleague)


@pytest.mark.parametrize(("days_ago", "counts"), [(1, False), (13, False), (15, True)])
def test_rights_given_by_who_asks_make_nobody_agree(db: Session, cast: Cast, days_ago: int, counts: bool) -> None:
    one, other = cast.principals["admin"], admin(db, "other", signed_in=LONG_AGO, codes=True)
    account_care.change_access(
        db, one, other.account_id, roles=[Role.ADMIN], site_ids=[cast.north.id], seen_version=1,
        now=NOW - timedelta(days=days_ago),
    )  # fmt: skip
    assert agreed(db, cast, one, other) is counts


def test_rights_given_by_somebody_else_do_no_harm(db: Session, cast: Cast) -> None:
    other, third = (admin(db, name, signed_in=LONG_AGO, codes=True) for name in ("other", "third"))
    account_care.change_access(
        db, third, other.account_id, roles=[Role.ADMIN], site_ids=[cast.north.id], seen_version=1, now=NOW
    )
    assert agreed(db, cast, cast.principals["admin"], other)


@pytest.mark.parametrize(("codes", "counts"), [(False, False), (True, True)])
def test_whose_password_the_asker_could_set_counts_only_with_codes_from_before(
    db: Session, cast: Cast, codes: bool, counts: bool
) -> None:
    one, other = cast.principals["admin"], admin(db, "other", signed_in=LONG_AGO, codes=codes)
    _, token = resets.start_reset(db, one, other.account_id, NOW - timedelta(hours=2))
    resets.use_reset(db, token, password_hash=PASSWORD_HASH, now=NOW - timedelta(hours=1), address="")
    assert agreed(db, cast, one, other) is counts


@pytest.mark.parametrize(("in_use", "counts"), [(True, True), (False, False)])
def test_of_whom_nobody_knows_who_made_them_counts_when_in_use(
    db: Session, cast: Cast, in_use: bool, counts: bool
) -> None:
    other = admin(db, "other", signed_in=LONG_AGO if in_use else None, codes=in_use)
    db.delete(db.get_one(AccountOrigin, other.account_id))
    db.flush()
    assert agreed(db, cast, cast.principals["admin"], other) is counts


def invited_staff(db: Session, cast: Cast) -> tuple[str, int]:
    _, token = invitations.invite(
        db, cast.principals["admin"], email="new@clinic.example", name="Test New", roles=[Role.ADMIN], site_ids=[],
        person_id=None, now=NOW,
    )  # fmt: skip
    return token, cast.accounts["admin"].id


def invited_patient(db: Session, cast: Cast) -> tuple[str, int]:
    db.delete(db.get_one(AccountOrigin, cast.accounts["patient"].id))
    patient = builders.patient(db, cast.north, None)
    _, token = invitations.invite_patient(
        db, cast.principals["coordinator"], patient.id, email="new@mail.example", name="Test New", now=NOW
    )
    return token, cast.accounts["coordinator"].id


@pytest.mark.parametrize("invite", [invited_staff, invited_patient])
def test_an_invitation_that_is_taken_up_is_remembered(
    db: Session, cast: Cast, invite: Callable[[Session, Cast], tuple[str, int]]
) -> None:
    token, by = invite(db, cast)
    made = invitations.accept(db, token, name="Test New", password_hash=PASSWORD_HASH, now=NOW, address="")
    assert db.get_one(AccountOrigin, made.id).made_by_id == by
