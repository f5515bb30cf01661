"""The made-up clinic goes in and comes out whole: no row of it is left, and every guard is back."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import func, select, text, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from planner.domain.access import Principal, Role
from planner.domain.errors import NotPermitted, PlannerError
from planner.services import made_up
from planner.services.accounts import create_account
from planner.services.demo import make_demo
from planner.services.first_run import found_clinic, new_setup_link, setup_is_open
from planner.services.places import add_site, set_up_clinic
from planner.services.rostering import add_person
from planner.services.signing_in import SignInTry, finish_sign_in, signed_in_as
from planner.store import emptying
from planner.store.base import Base
from planner.store.engine import Store
from planner.store.guards import check_guards, guards_fault
from planner.store.queries import accounts as find
from planner.store.records import Account, AccountRole, AuditEntry, BrowserSession, Clinic, ProtocolVersion
from tests.services.test_first_run import FOUNDING
from tests.support.cast import CHEAP, NOW, PASSWORD_HASH

LATER = NOW + timedelta(hours=1)


def founder(db: Session, *work: Role) -> Principal:
    account = found_clinic(db, new_setup_link(db, NOW), FOUNDING, NOW)
    return signed_in_as(db, account).principal("127.0.0.1")


def counts(db: Session) -> dict[str, int]:
    """How many rows each table holds; tables without any left out."""
    found = {
        table.name: db.scalar(select(func.count()).select_from(table)) or 0 for table in Base.metadata.sorted_tables
    }
    return {name: number for name, number in found.items() if number}


@pytest.fixture
def filled(fresh_store: Store) -> Iterator[Store]:
    """A founder's planner filled with the made-up clinic; signed in, in a browser."""
    with fresh_store.writing() as db:
        her = founder(db)
        made_up.fill(db, her, CHEAP.hashed, NOW)
        finish_sign_in(
            db, SignInTry(None, her.account_id, PASSWORD_HASH),
            old_cookie=None, new_hash=None, data={}, address="", agent="", now=NOW,
        )  # fmt: skip
    yield fresh_store


def principal_of(db: Session, email: str) -> Principal:
    account = find.account_by_email_key(db, email)
    assert account is not None
    return signed_in_as(db, account).principal("127.0.0.1")


def test_nothing_is_left_but_the_founder_and_the_clinic(filled: Store) -> None:
    with filled.writing() as db:
        assert counts(db)["change_set"] > 0
        assert made_up.remove(db, principal_of(db, FOUNDING.email), LATER) is None
    with filled.reading() as db:
        assert counts(db) == {
            "account": 1, "account_origin": 1, "account_role": 2, "browser_session": 1, "clinic": 1, "protocol": 7,
            "protocol_version": 7, "audit_entry": 1,
        }  # fmt: skip
        clinic = db.get(Clinic, 1)
        assert clinic is not None
        assert (clinic.name, clinic.is_demo, clinic.help_text) == (FOUNDING.clinic_name, False, "")
        entry = db.scalars(select(AuditEntry)).one()
        assert (entry.action, entry.account_id) == ("demo.removed", db.scalars(select(Account.id)).one())
        assert find.sites_of(db, entry.account_id or 0) == []
        assert db.scalars(select(ProtocolVersion.signed_at)).first() is None
    guards_hold(filled)
    with filled.writing() as db:
        made_up.fill(db, principal_of(db, FOUNDING.email), CHEAP.hashed, LATER)
        assert len(principal_of(db, FOUNDING.email).site_ids) == 2


def guards_hold(store: Store) -> None:
    """Nobody is held twice, and history is only appended to."""
    with store.write_engine.connect() as connection, connection.begin() as trial:
        assert guards_fault(connection) is None
        check_guards(connection)
        trial.rollback()
    for statement in ("DELETE FROM audit_entry", "UPDATE audit_entry SET action = 'x'"):
        with pytest.raises(DBAPIError, match="append_only"), store.writing() as db:
            db.execute(text(statement))


def test_a_crash_in_the_middle_leaves_everything_as_it_was(filled: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    with filled.reading() as db:
        before = counts(db)

    class Crash(Exception):
        pass

    whole = emptying._deletion

    def crashing(table: object, ids: object) -> object:
        if getattr(table, "name", "") == "patient":
            raise Crash
        return whole(table, ids)  # type: ignore[arg-type]

    monkeypatch.setattr(emptying, "_deletion", crashing)
    with pytest.raises(Crash), filled.writing() as db:
        made_up.remove(db, principal_of(db, FOUNDING.email), LATER)
    # Nor does it go on without a guard.
    monkeypatch.setattr(emptying, "_deletion", whole)
    monkeypatch.setattr(emptying, "guards_fault", lambda _connection: "A guard is missing.")
    with pytest.raises(emptying.GuardMissing), filled.writing() as db:
        made_up.remove(db, principal_of(db, FOUNDING.email), LATER)
    with filled.reading() as db:
        assert counts(db) == before
    guards_hold(filled)


def test_a_real_clinic_is_never_emptied(db: Session) -> None:
    her = founder(db)
    add_site(db, name="Site A", code="A", zone="America/Chicago", hours={0: [("09:00", "17:00")]})
    before = counts(db)
    with pytest.raises(PlannerError, match="not made up"):
        made_up.remove(db, her, NOW)
    with pytest.raises(PlannerError, match="not made up"):
        made_up.what_goes(db)
    with pytest.raises(PlannerError, match="not made up"):
        made_up.open_sign_ins(db, her, PASSWORD_HASH, NOW)
    assert counts(db) == before


@pytest.mark.parametrize("what", ["a site", "a person", "a demo"])
def test_only_an_empty_clinic_is_filled(db: Session, what: str) -> None:
    her = founder(db)
    if what == "a site":
        add_site(db, name="Site A", code="A", zone="America/Chicago", hours={0: [("09:00", "17:00")]})
    elif what == "a person":
        add_person(db, "Test Person", roles=[Role.NURSE], sites=[])
    else:
        db.execute(update(Clinic).values(is_demo=True))
        db.expire_all()
    with pytest.raises(PlannerError, match="Only a clinic without"):
        made_up.fill(db, her, CHEAP.hashed, NOW)


def test_who_does_not_run_the_clinic_neither_fills_nor_removes(db: Session) -> None:
    founder(db)
    nurse = Principal(1, frozenset({Role.COORDINATOR}))
    with pytest.raises(NotPermitted):
        made_up.fill(db, nurse, CHEAP.hashed, NOW)
    with pytest.raises(NotPermitted):
        made_up.remove(db, nurse, NOW)
    with pytest.raises(NotPermitted):
        made_up.open_sign_ins(db, nurse, PASSWORD_HASH, NOW)


def test_nobody_can_sign_in_as_made_up_staff_until_a_password_is_chosen(db: Session) -> None:
    her = founder(db)
    made_up.fill(db, her, CHEAP.hashed, NOW)
    found = made_up.sign_ins(db)
    assert [one.role for one in found] == [role for role in Role if role is not Role.ADMIN]
    nurse = find.account_by_email_key(db, "nurse@demo.invalid")
    assert nurse is not None
    db.add(BrowserSession(id_hash="x", account_id=nurse.id, created_at=NOW, seen_at=NOW, absolute_end_at=LATER))
    db.flush()
    assert made_up.open_sign_ins(db, her, PASSWORD_HASH, NOW) == 5
    assert nurse.password_hash == PASSWORD_HASH
    assert db.scalars(select(BrowserSession)).all() == []
    founding = find.account(db, her.account_id)
    assert founding is not None
    assert founding.version == 1


def test_accounts_that_people_made_stay_and_patients_accounts_go(filled: Store) -> None:
    with filled.writing() as db:
        create_account(
            db, None, email="other@example.org", name="Test Other", password_hash="", roles=[Role.NURSE], now=NOW
        )
        gone = made_up.what_goes(db)
        assert [email for _, email in gone.stays] == [FOUNDING.email, "other@example.org"]
        assert (gone.sites, gone.patients, gone.sign_ins) == (2, 12, 5)
        made_up.remove(db, principal_of(db, FOUNDING.email), LATER)
    with filled.reading() as db:
        assert set(db.scalars(select(Account.email))) == {FOUNDING.email, "other@example.org"}
        assert len(db.scalars(select(AccountRole.account_id)).all()) == 3


def test_of_a_demo_without_accounts_of_people_nothing_stays_but_a_link(fresh_store: Store) -> None:
    with fresh_store.writing() as db:
        make_demo(db, NOW, CHEAP.hashed)
    with fresh_store.writing() as db:
        token = made_up.remove(db, principal_of(db, "admin@demo.invalid"), LATER)
    assert token is not None
    with fresh_store.reading() as db:
        assert counts(db) == {"setup_ticket": 1}
        assert setup_is_open(db, token, LATER)


def test_somebody_who_can_run_the_planner_has_to_stay(db: Session) -> None:
    set_up_clinic(db, name="Test Clinic", zone="UTC", is_demo=True)
    create_account(db, None, email="admin@demo.invalid", name="X", password_hash="", roles=[Role.ADMIN], now=NOW)
    create_account(
        db, None, email="nurse@example.org", name="Test Nurse", password_hash="", roles=[Role.NURSE], now=NOW
    )
    before = counts(db)
    with pytest.raises(PlannerError, match="Nobody who stays"):
        made_up.remove(db, principal_of(db, "admin@demo.invalid"), LATER)
    assert counts(db) == before
