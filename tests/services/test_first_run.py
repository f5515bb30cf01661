"""The first account: one of two wins; and what follows when its holder adds places."""

import threading
from dataclasses import replace

import pytest
from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from planner.domain.access import Principal, Role
from planner.domain.errors import FieldError, NotFound, PlannerError
from planner.services.accounts import create_account
from planner.services.first_run import Founding, found_clinic, join_new_site, new_setup_link
from planner.services.places import add_site
from planner.services.signing_in import signed_in_as
from planner.store.engine import Store
from planner.store.queries import accounts as find
from planner.store.records import Account, Clinic, Person, PersonRole, PersonSite, Site
from tests.support.cast import NOW, PASSWORD_HASH

FOUNDING = Founding("Test Clinic", "Juniper", "America/Chicago", "Test Founder", "founder@example.org", PASSWORD_HASH)


def test_of_two_that_set_up_at_once_one_wins(fresh_store: Store) -> None:
    with fresh_store.writing() as db:
        token = new_setup_link(db, NOW)
    barrier = threading.Barrier(2)
    outcomes: list[str] = []

    def attempt(number: int) -> None:
        barrier.wait(10)
        try:
            with fresh_store.writing() as db:
                found_clinic(db, token, replace(FOUNDING, email=f"founder-{number}@example.org"), NOW)
                outcomes.append("won")
        except NotFound:
            outcomes.append("lost")

    rivals = [threading.Thread(target=attempt, args=(number,)) for number in range(2)]
    for rival in rivals:
        rival.start()
    for rival in rivals:
        rival.join(30)
    assert sorted(outcomes) == ["lost", "won"]
    with fresh_store.reading() as db:
        assert db.scalar(select(func.count()).select_from(Account)) == 1
        assert db.scalar(select(func.count()).select_from(Clinic)) == 1


def test_a_link_from_the_same_moment_founds_no_second_clinic(db: Session) -> None:
    token = new_setup_link(db, NOW)
    db.add(Clinic(id=1, name="Already here", neutral_name="Here", zone="UTC"))
    db.flush()
    with pytest.raises(PlannerError):
        found_clinic(db, token, FOUNDING, NOW)
    assert not find.any_account(db)


def test_work_that_is_no_clinical_role_is_refused(db: Session) -> None:
    token = new_setup_link(db, NOW)
    with pytest.raises(FieldError, match="prescriber, nurse and therapist"):
        found_clinic(db, token, replace(FOUNDING, work=[Role.PATIENT]), NOW)


def founder(db: Session, *work: Role) -> Principal:
    account = found_clinic(db, new_setup_link(db, NOW), replace(FOUNDING, work=work), NOW)
    return signed_in_as(db, account).principal("127.0.0.1")


def a_site(db: Session, code: str) -> Site:
    return add_site(db, name=f"Site {code}", code=code, zone="America/Chicago", hours={0: [("09:00", "17:00")]})


def test_whoever_adds_a_site_coordinates_it(db: Session) -> None:
    her = founder(db)
    first, second = a_site(db, "A"), a_site(db, "B")
    for site in (first, second, second):
        join_new_site(db, her, site)
    assert [site_id for site_id, _ in find.sites_of(db, her.account_id)] == [first.id, second.id]
    assert db.scalar(select(func.count()).select_from(Person)) == 0


def test_whoever_also_treats_becomes_staff_with_the_first_site(db: Session) -> None:
    her = founder(db, Role.THERAPIST, Role.NURSE)
    first, second = a_site(db, "A"), a_site(db, "B")
    join_new_site(db, her, first)
    join_new_site(db, her, second)
    person = db.scalars(select(Person)).one()
    assert person.name == FOUNDING.name
    assert set(db.scalars(select(PersonRole.role))) == {Role.THERAPIST, Role.NURSE}
    assert list(db.scalars(select(PersonSite.site_id))) == [first.id]
    account = db.get(Account, her.account_id)
    assert account is not None
    assert account.person_id == person.id


def test_staff_without_a_site_get_the_new_one(db: Session) -> None:
    her = founder(db, Role.THERAPIST)
    join_new_site(db, her, a_site(db, "A"))
    db.execute(delete(PersonSite))
    second = a_site(db, "B")
    join_new_site(db, her, second)
    assert list(db.scalars(select(PersonSite.site_id))) == [second.id]


def test_who_only_administers_gets_no_site(db: Session) -> None:
    founder(db)
    account = create_account(
        db, None, email="admin@example.org", name="Test Admin", password_hash="", roles=[Role.ADMIN], now=NOW
    )
    join_new_site(db, signed_in_as(db, account).principal("127.0.0.1"), a_site(db, "A"))
    assert find.sites_of(db, account.id) == []
