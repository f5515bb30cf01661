"""Two at once, on a real store: one account, one new password, one sign-in, one admin left."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from threading import Barrier

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from planner.domain.access import Role
from planner.domain.errors import FieldError, NotFound, PlannerError, StaleVersion
from planner.services import account_care, factor_rules, invitations, resets, second_factor
from planner.services.accounts import create_account
from planner.services.link_tokens import token_hash
from planner.services.sealing import Sealer
from planner.services.signing_in import signed_in_as
from planner.store.engine import Store
from planner.store.queries import accounts as find
from planner.store.records import Account, Invitation, RecoveryCode, SecondFactor
from tests.support.cast import NOW, PASSWORD_HASH, Cast, make_cast

SEED = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
SEALER = Sealer("a secret for tests only")
AT_ONCE = 6


@pytest.fixture
def cast(fresh_store: Store) -> Cast:
    with fresh_store.writing() as db:
        return make_cast(db)


def race(store: Store, *acts: Callable[[Session], object]) -> list[object]:
    """Everybody at once, each in a transaction of their own; what each got, a refusal included."""
    together = Barrier(len(acts))

    def run(act: Callable[[Session], object]) -> object:
        together.wait(20)
        try:
            return store.transact(act)
        except PlannerError as refused:
            return refused

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(run, acts))


def test_an_invitation_makes_one_account(fresh_store: Store, cast: Cast) -> None:
    with fresh_store.writing() as db:
        _, token = invitations.invite(
            db, cast.principals["admin"], email="new@clinic.example", name="Test New", roles=[Role.NURSE],
            site_ids=[], person_id=None, now=NOW,
        )  # fmt: skip

    def accept(db: Session) -> int:
        return invitations.accept(db, token, name="Test New", password_hash=PASSWORD_HASH, now=NOW, address="").id

    got = race(fresh_store, *[accept] * AT_ONCE)
    assert [type(one) for one in got].count(int) == 1
    assert [type(one) for one in got].count(NotFound) == AT_ONCE - 1
    with fresh_store.reading() as db:
        assert db.scalar(select(func.count()).where(Account.email_key == "new@clinic.example")) == 1


def test_two_invitations_to_one_address_make_one_account(fresh_store: Store, cast: Cast) -> None:
    tokens = ["a" * 43, "b" * 43]
    with fresh_store.writing() as db:
        db.add_all(
            Invitation(
                email="new@clinic.example", email_key="new@clinic.example", name="Test New", roles=["nurse"],
                site_ids=[], token_hash=token_hash(token), created_at=NOW, expires_at=NOW + invitations.LASTS,
            )
            for token in tokens
        )  # fmt: skip

    def accept(token: str) -> Callable[[Session], object]:
        return lambda db: (
            invitations.accept(db, token, name="Test New", password_hash=PASSWORD_HASH, now=NOW, address="").id
        )

    got = race(fresh_store, *(accept(token) for token in tokens))
    assert sorted(type(one).__name__ for one in got) == ["FieldError", "int"]


def test_a_link_sets_one_password(fresh_store: Store, cast: Cast) -> None:
    account_id = cast.accounts["nurse"].id
    with fresh_store.writing() as db:
        _, token = resets.start_reset(db, cast.principals["admin"], account_id, NOW)

    def use(number: int) -> Callable[[Session], object]:
        return lambda db: resets.use_reset(db, token, password_hash=f"hash {number}", now=NOW, address="") and number

    got = race(fresh_store, *(use(number) for number in range(1, AT_ONCE + 1)))
    won = [one for one in got if isinstance(one, int)]
    assert len(won) == 1
    with fresh_store.reading() as db:
        assert db.get_one(Account, account_id).password_hash == f"hash {won[0]}"


@pytest.fixture
def with_codes(fresh_store: Store, cast: Cast) -> list[str]:
    """The nurse's recovery codes."""
    account_id = cast.accounts["nurse"].id
    with fresh_store.writing() as db:
        sealed = SEALER.seal(SEED.encode(), second_factor.belongs_to(account_id))
        db.add(SecondFactor(account_id=account_id, sealed_seed=sealed, confirmed_at=NOW, created_at=NOW))
        return second_factor._new_codes(db, account_id)


@pytest.mark.usefixtures("with_codes")
def test_a_code_sent_many_times_at_once_counts_once(fresh_store: Store, cast: Cast) -> None:
    account_id = cast.accounts["nurse"].id
    code = second_factor.pyotp.TOTP(SEED).at(int(NOW.timestamp()))
    got = race(fresh_store, *[lambda db: second_factor.use_code(db, account_id, code, SEALER, NOW)] * AT_ONCE)
    assert sorted(got) == [False] * (AT_ONCE - 1) + [True]


def test_a_recovery_code_sent_many_times_at_once_counts_once(
    fresh_store: Store, cast: Cast, with_codes: list[str]
) -> None:
    account_id = cast.accounts["nurse"].id
    got = race(fresh_store, *[lambda db: second_factor.use_recovery_code(db, account_id, with_codes[0], NOW)] * AT_ONCE)
    assert sorted(got) == [False] * (AT_ONCE - 1) + [True]
    with fresh_store.reading() as db:
        assert db.scalar(select(func.count()).where(RecoveryCode.used_at.is_not(None))) == 1


def test_of_two_who_change_one_account_the_slower_is_told(fresh_store: Store, cast: Cast) -> None:
    account_id = cast.accounts["nurse"].id

    def change(role: Role) -> Callable[[Session], object]:
        return lambda db: (
            account_care.change_access(
                db, cast.principals["admin"], account_id, roles=[role], site_ids=[], seen_version=1, now=NOW
            ).id
        )

    got = race(fresh_store, change(Role.THERAPIST), change(Role.PRESCRIBER))
    assert sorted(type(one).__name__ for one in got) == ["StaleVersion", "int"]
    assert next(one for one in got if isinstance(one, StaleVersion)).current == 2
    with fresh_store.reading() as db:
        assert len(find.roles_of(db, account_id)) == 1


def test_two_admins_who_end_each_other_leave_one(fresh_store: Store, cast: Cast) -> None:
    with fresh_store.writing() as db:
        second = create_account(
            db, None, email="two@clinic.example", name="Test Two", password_hash=PASSWORD_HASH, roles=[Role.ADMIN],
            now=NOW,
        )  # fmt: skip
        other = signed_in_as(db, second).principal("")
    first = cast.principals["admin"]

    def end(who: object, whom: int) -> Callable[[Session], object]:
        return lambda db: account_care.end_account(db, who, whom, seen_version=1, now=NOW).id  # type: ignore[arg-type]

    got = race(fresh_store, end(first, other.account_id), end(other, first.account_id))
    assert sorted(type(one).__name__ for one in got) == ["FieldError", "int"]
    assert any(isinstance(one, FieldError) for one in got)
    with fresh_store.writing() as db:
        assert len(find.lock_active_admins(db)) == 1


@pytest.mark.usefixtures("with_codes")
def test_of_two_who_agree_one_removes_the_factor(fresh_store: Store, cast: Cast) -> None:
    account_id = cast.accounts["nurse"].id
    others = []
    with fresh_store.writing() as db:
        factor_rules.ask_removal(db, cast.principals["admin"], account_id, NOW)
        for number in range(2):
            made = create_account(
                db, None, email=f"more-{number}@clinic.example", name="Test More", password_hash=PASSWORD_HASH,
                roles=[Role.ADMIN], now=NOW,
            )  # fmt: skip
            others.append(signed_in_as(db, made).principal(""))

    got = race(
        fresh_store,
        *[lambda db, who=who: factor_rules.agree_removal(db, who, account_id, NOW).id for who in others],
    )
    assert sorted(type(one).__name__ for one in got) == ["FieldError", "int"]


# Codes, without a database


@pytest.mark.parametrize(
    ("second", "code"),
    # RFC 6238, appendix B, SHA-1: the last six digits.
    [(1111111109, "081804"), (1234567890, "005924"), (2000000000, "279037")],
)
def test_codes_are_those_of_the_standard(second: int, code: str) -> None:
    now = datetime.fromtimestamp(second, UTC)
    seed = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
    assert second_factor.step_of(seed, code, now) == second // 30
    assert second_factor.step_of(seed, code, datetime.fromtimestamp(second + 30, UTC)) == second // 30
    assert second_factor.step_of(seed, code, datetime.fromtimestamp(second + 60, UTC)) is None
    assert second_factor.step_of(seed, code, datetime.fromtimestamp(second - 30, UTC)) is None
