"""Looking after the accounts of staff: rights act at once, the last admin stays, and everything stale is told."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from planner.domain.access import Role
from planner.services.accounts import create_account
from planner.services.leaving import person_leaves
from planner.services.publishing import CONSENT_VERSION, create_feed
from planner.services.resets import LASTS
from planner.services.signing_in import signed_in_as
from planner.store.queries import accounts as find
from planner.store.records import Account, AccountRole, AuditEntry, BrowserSession, Feed, FeedScope, PasswordReset
from tests.support.cast import PASSWORD, PASSWORD_HASH, Cast, Clock
from tests.support.one_database import ON_ONE_DATABASE
from tests.support.strict_client import Page, StrictClient
from tests.web.accounts.test_inviting import NEW_PASSWORD, dead, link_on
from tests.web.auth.factors import code_at, with_factor

SignIn = Callable[[str], StrictClient]


@pytest.fixture
def admin(sign_in: SignIn) -> StrictClient:
    return sign_in("admin")


@pytest.fixture
def second_admin(db: Session, cast: Cast) -> Account:
    """Another admin, who may sign in as `admin-two`."""
    account = create_account(
        db, None, email="admin-two@clinic.example", name="Test Admin Two", password_hash=PASSWORD_HASH,
        roles=[Role.ADMIN], now=cast.accounts["admin"].created_at,
    )  # fmt: skip
    cast.accounts["admin-two"] = account
    cast.principals["admin-two"] = signed_in_as(db, account).principal("127.0.0.1")
    db.commit()
    return account


def page_of(cast: Cast, who: str) -> str:
    return f"/admin/accounts/{cast.accounts[who].id}"


def act(admin: StrictClient, cast: Cast, who: str, name: str, **typed: object):
    path = page_of(cast, who)
    return admin.submit(admin.page(path), f"{path}/{name}", typed)


def test_a_role_taken_away_is_gone_at_the_next_click(admin: StrictClient, cast: Cast, sign_in: SignIn) -> None:
    coordinator = sign_in("coordinator")
    assert coordinator.get("/patients/new").status_code == 200
    saved = act(admin, cast, "coordinator", "rights", role=["nurse"], site=[str(cast.north.id)])
    assert saved.status_code == 303
    assert coordinator.get("/patients/new").status_code == 404
    assert coordinator.get("/today").status_code == 200


def test_a_site_taken_away_takes_its_patients_and_links_with_it(
    admin: StrictClient, cast: Cast, db: Session, sign_in: SignIn, clock: Clock
) -> None:
    coordinator = sign_in("coordinator")
    feed, _ = create_feed(
        db, cast.principals["coordinator"], FeedScope.SITE, cast.north.id, "Test phone", now=clock(),
        consent_version=CONSENT_VERSION,
    )  # fmt: skip
    db.commit()
    alder = f"/patients/{cast.patients['alder'].id}"
    assert coordinator.get(alder).status_code == 200
    act(admin, cast, "coordinator", "rights", role=["coordinator"], site=[str(cast.south.id)])
    assert coordinator.get(alder).status_code == 404
    db.expire_all()
    assert db.get_one(Feed, feed.id).revoked_at is not None


def test_saving_what_was_there_changes_nothing(admin: StrictClient, cast: Cast, db: Session) -> None:
    account = cast.accounts["coordinator"]
    before = find.roles_of(db, account.id), find.sites_of(db, account.id)
    assert act(admin, cast, "coordinator", "rights").status_code == 303
    assert (find.roles_of(db, account.id), find.sites_of(db, account.id)) == before


def test_who_was_slower_is_told_and_sees_how_it_is_now(admin: StrictClient, cast: Cast, db: Session) -> None:
    path = page_of(cast, "nurse")
    page = admin.page(path)
    assert admin.submit(page, f"{path}/rights", {"role": ["nurse", "therapist"]}).status_code == 303
    for form, typed in (("rights", {"role": ["prescriber"]}), ("end", {})):
        answer = admin.send(f"{path}/{form}", typed, version=1, key=f"another-key-for-{form}")
        assert answer.status_code == 409
        assert "was changed by somebody else in the meantime" in answer.text
        shown = Page(answer.text).form(f"{path}/rights")["fields"]
        assert [word for name, word in shown if name == "role"] == ["nurse", "therapist"]
    assert find.roles_of(db, cast.accounts["nurse"].id) == {"nurse", "therapist"}


@ON_ONE_DATABASE
@pytest.mark.parametrize(
    ("typed", "field", "words"),
    [
        ({"role": []}, "role", "Choose at least one role"),
        ({"role": ["patient"]}, "role", "Choose from this list"),
        ({"site": ["999"]}, "site", "Choose from this list"),
    ],
)
def test_rights_that_cannot_be_are_refused_at_the_field(
    admin: StrictClient, cast: Cast, typed: dict[str, object], field: str, words: str
) -> None:
    answer = act(admin, cast, "nurse", "rights", **typed)
    assert answer.status_code == 422
    assert words in answer.text.split(f'id="{field}-error"', 1)[1].split("</p>", 1)[0]


@pytest.mark.usefixtures("second_admin")
def test_nobody_takes_their_own_admin_role_away_by_slip(admin: StrictClient, cast: Cast, db: Session) -> None:
    answer = act(admin, cast, "admin", "rights", role=["nurse"])
    assert answer.status_code == 422
    assert "You would not be an admin any more yourself." in answer.text
    ended = admin.send(f"{page_of(cast, 'admin')}/end", version=cast.accounts["admin"].version)
    assert ended.status_code == 422
    assert "This is your own account." in ended.text
    assert find.roles_of(db, cast.accounts["admin"].id) == {"admin"}


def test_the_last_admin_stays(admin: StrictClient, cast: Cast, db: Session, second_admin: Account) -> None:
    """Two admins who take it from each other: the second one's sign-in has no right to any more."""
    other = "admin-two"
    assert act(admin, cast, other, "rights", role=["nurse"]).status_code == 303
    assert find.lock_active_admins(db) == [cast.accounts["admin"].id]


def test_an_ended_account_is_out_at_once_and_may_come_back(
    admin: StrictClient, cast: Cast, sign_in: SignIn, client: StrictClient
) -> None:
    nurse = sign_in("nurse")
    assert act(admin, cast, "nurse", "end").status_code == 303
    assert nurse.get("/today").location.startswith("/sign-in")
    typed = {"email": cast.email("nurse"), "password": PASSWORD}
    assert client.submit(client.page("/sign-in"), "/sign-in", typed).status_code == 422
    assert "Ended" in admin.page("/admin/accounts").words
    assert act(admin, cast, "nurse", "reopen").status_code == 303
    assert client.submit(client.page("/sign-in"), "/sign-in", typed).status_code == 303


def test_somebody_who_leaves_is_out_at_the_next_click(
    cast: Cast, db: Session, sign_in: SignIn, client: StrictClient, clock: Clock
) -> None:
    nurse, person = sign_in("nurse"), cast.people["nurse"]
    assert nurse.get("/today").status_code == 200
    person_leaves(db, cast.principals["admin"], person.id, seen_version=person.version, now=clock())
    db.commit()
    assert nurse.get("/today").location.startswith("/sign-in")
    typed = {"email": cast.email("nurse"), "password": PASSWORD}
    assert client.submit(client.page("/sign-in"), "/sign-in", typed).status_code == 422


def test_all_sign_ins_of_somebody_end(admin: StrictClient, cast: Cast, sign_in: SignIn) -> None:
    browsers = [sign_in("nurse"), sign_in("nurse")]
    assert act(admin, cast, "nurse", "sign-ins/end").status_code == 303
    assert all(browser.get("/today").location.startswith("/sign-in") for browser in browsers)
    assert admin.get("/admin/accounts").status_code == 200
    assert "The clinic signed you out everywhere" in sign_in("nurse").page("/account").words


# A new password


def reset_link(admin: StrictClient, cast: Cast, who: str = "nurse") -> str:
    return link_on(act(admin, cast, who, "reset").text)


def take_password(client: StrictClient, path: str, password: str = NEW_PASSWORD):
    return client.submit(client.page(path), path, {"password": password})


def test_a_link_sets_a_new_password_once_and_ends_every_sign_in(
    admin: StrictClient, client: StrictClient, cast: Cast, sign_in: SignIn
) -> None:
    nurse = sign_in("nurse")
    path = reset_link(admin, cast)
    assert nurse.get("/today").status_code == 200
    assert take_password(client, path).location == "/sign-in"
    assert nurse.get("/today").location.startswith("/sign-in")
    page = client.page("/sign-in")
    assert "Your new password is set" in page.words
    old = client.submit(page, "/sign-in", {"email": cast.email("nurse"), "password": PASSWORD})
    assert old.status_code == 422
    new = client.submit(page, "/sign-in", {"email": cast.email("nurse"), "password": NEW_PASSWORD})
    assert new.location == "/today"
    told = client.page("/account").words
    assert "A new password was set by a link" in told
    assert "A link for a new password was made by the clinic" in told
    assert dead(client.application.test_client(), path) == dead(client.application.test_client(), "/reset/" + "x" * 43)


def test_a_new_password_never_stands_in_for_the_code(
    admin: StrictClient, client: StrictClient, cast: Cast, db: Session, clock: Clock
) -> None:
    with_factor(db, cast.accounts["nurse"], clock())
    take_password(client, reset_link(admin, cast))
    typed = {"email": cast.email("nurse"), "password": NEW_PASSWORD}
    assert client.submit(client.page("/sign-in"), "/sign-in", typed).location == "/sign-in/code"
    assert client.get("/today").location.startswith("/sign-in")
    code = {"code": code_at(clock())}
    assert client.submit(client.page("/sign-in/code"), "/sign-in/code", code).location == "/today"


def run_out(cast: Cast, db: Session, clock: Clock, admin: StrictClient) -> None:
    clock.now += LASTS


def start_another(cast: Cast, db: Session, clock: Clock, admin: StrictClient) -> None:
    reset_again = admin.send(f"{page_of(cast, 'nurse')}/reset", key="another-key-0123456789")
    assert reset_again.status_code == 200


def end_account(cast: Cast, db: Session, clock: Clock, admin: StrictClient) -> None:
    cast.accounts["nurse"].active = False
    db.commit()


def end_starter(cast: Cast, db: Session, clock: Clock, admin: StrictClient) -> None:
    cast.accounts["admin"].active = False
    db.commit()


def demote_starter(cast: Cast, db: Session, clock: Clock, admin: StrictClient) -> None:
    db.query(AccountRole).filter_by(account_id=cast.accounts["admin"].id).update({"role": "nurse"})
    db.commit()


@pytest.mark.parametrize("kill", [run_out, start_another, end_account, end_starter, demote_starter])
def test_a_dead_link_sets_nothing(
    admin: StrictClient, client: StrictClient, cast: Cast, db: Session, clock: Clock, kill: Callable[..., None]
) -> None:
    path = reset_link(admin, cast)
    kill(cast, db, clock, admin)
    assert dead(client, path)
    db.expire_all()
    assert db.get_one(Account, cast.accounts["nurse"].id).password_hash == PASSWORD_HASH


@ON_ONE_DATABASE
def test_a_password_that_will_not_do_leaves_the_link_good(admin: StrictClient, client: StrictClient, cast: Cast):
    path = reset_link(admin, cast)
    for password, words in (("short", "at least 15"), ("", "Enter a new password."), ("qwertyuiop12345", "try first")):
        refused = take_password(client, path, password)
        assert refused.status_code == 422
        assert words in refused.text
    assert take_password(client, path).status_code == 303


@ON_ONE_DATABASE
def test_nobody_makes_a_link_for_themselves(admin: StrictClient, cast: Cast, db: Session) -> None:
    """Or an unlocked desk would be enough to take an account over, without the present password."""
    answer = admin.send(f"{page_of(cast, 'admin')}/reset")
    assert answer.status_code == 422
    assert db.scalars(select(PasswordReset)).all() == []


@ON_ONE_DATABASE
def test_the_account_page_of_oneself_offers_no_such_links(admin: StrictClient, cast: Cast) -> None:
    path = page_of(cast, "admin")
    actions = {form["action"] for form in admin.page(path).forms}
    assert f"{path}/rights" in actions
    assert not actions & {f"{path}/reset", f"{path}/end"}


def test_every_act_is_in_the_history(admin: StrictClient, cast: Cast, db: Session) -> None:
    act(admin, cast, "nurse", "rights", role=["therapist"])
    act(admin, cast, "nurse", "reset")
    act(admin, cast, "nurse", "sign-ins/end")
    act(admin, cast, "nurse", "end")
    act(admin, cast, "nurse", "reopen")
    told = db.scalars(select(AuditEntry).where(AuditEntry.account_id == cast.accounts["admin"].id)).all()
    assert [entry.action for entry in sorted(told, key=lambda entry: entry.id)][1:] == [
        "account.rights_changed", "account.reset_started", "account.sign_ins_ended", "account.deactivated",
        "account.reactivated",
    ]  # fmt: skip


def test_a_reopened_account_has_no_sign_in_of_before(admin: StrictClient, cast: Cast, db: Session, sign_in: SignIn):
    nurse = sign_in("nurse")
    act(admin, cast, "nurse", "end")
    act(admin, cast, "nurse", "reopen")
    assert nurse.get("/today").location.startswith("/sign-in")
    kept = db.scalars(select(BrowserSession).where(BrowserSession.account_id == cast.accounts["nurse"].id)).all()
    assert kept == []


@ON_ONE_DATABASE
def test_an_hour_is_no_day(admin: StrictClient, client: StrictClient, cast: Cast, clock: Clock) -> None:
    path = reset_link(admin, cast)
    clock.now += LASTS - timedelta(seconds=1)
    assert client.get(path).status_code == 200
