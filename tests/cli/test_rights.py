"""Roles and sites of an account, changed from the command line."""

import pytest
from sqlalchemy import select

from planner.cli.doors import principal_of
from planner.services.accounts import email_key
from planner.services.demo import DEMO_SIGN_INS
from planner.services.feed_rights import RIGHTS_TAKEN
from planner.services.publishing import CONSENT_VERSION, create_feed
from planner.store.engine import Store
from planner.store.queries import accounts as find
from planner.store.records import Account, Feed, FeedScope
from tests.cli.conftest import NOW, Run

EMAILS = {role: email for role, email, _ in DEMO_SIGN_INS}


@pytest.fixture
def feed_id(store: Store) -> int:
    """A link of the nurse's to their first site."""
    with store.writing() as db:
        nurse = principal_of(db, EMAILS["nurse"])
        feed, _ = create_feed(
            db, nurse, FeedScope.SITE, min(nurse.site_ids), "Test phone", now=NOW, consent_version=CONSENT_VERSION
        )
        return feed.id


def test_a_role_taken_away_ends_the_links_it_gave(demo: Run, store: Store, feed_id: int) -> None:
    done = demo("accounts", "rights", EMAILS["nurse"], "--role", "therapist", "--site", "1")
    assert (done.exit_code, done.stdout) == (0, f"{EMAILS['nurse']} is therapist now, at Northfield Main.\n")
    with store.reading() as db:
        feed = db.get_one(Feed, feed_id)
        assert (feed.revoked_at, feed.revoked_reason) == (NOW, RIGHTS_TAKEN)
        account = db.scalars(select(Account).where(Account.email_key == email_key(EMAILS["nurse"]))).one()
        assert find.roles_of(db, account.id) == {"therapist"}
        assert [site_id for site_id, _ in find.sites_of(db, account.id)] == [1]


@pytest.mark.parametrize(
    ("words", "kept"), [([], True), (["--no-site"], False), (["--site", "2"], False)], ids=["neither", "none", "other"]
)
def test_sites_stay_unless_something_is_said_about_them(
    demo: Run, store: Store, feed_id: int, words: list[str], kept: bool
) -> None:
    with store.reading() as db:
        before = principal_of(db, EMAILS["nurse"]).site_ids
    done = demo("accounts", "rights", EMAILS["nurse"], "--role", "nurse", *words)
    assert (done.exit_code, done.stderr) == (0, "")
    with store.reading() as db:
        after = principal_of(db, EMAILS["nurse"]).site_ids
        assert (after == before, bool(after)) == (kept, words != ["--no-site"])
        assert (db.get_one(Feed, feed_id).revoked_at is None) == kept


def test_sites_and_no_site_at_once_are_refused(demo: Run) -> None:
    assert demo("accounts", "rights", EMAILS["nurse"], "--role", "nurse", "--site", "1", "--no-site").exit_code == 2


def test_what_cannot_be_is_one_sentence_and_changes_nothing(demo: Run, store: Store, feed_id: int) -> None:
    for email, *words in (
        ("nobody@test.invalid", "--role", "nurse"),
        (EMAILS["nurse"], "--role", "nurse", "--site", "999"),
        (EMAILS["admin"], "--role", "nurse"),
        (EMAILS["patient"], "--role", "nurse"),
    ):
        refused = demo("accounts", "rights", email, *words)
        assert (refused.exit_code, refused.stdout, len(refused.stderr.splitlines())) == (1, "", 1)
    assert demo("accounts", "rights", EMAILS["nurse"]).exit_code == 2
    with store.reading() as db:
        assert db.get_one(Feed, feed_id).revoked_at is None


@pytest.mark.parametrize("command", [["accounts", "rights"], ["upkeep"], ["upkeep", "zones"]])
def test_these_commands_explain_themselves(run: Run, command: list[str]) -> None:
    result = run(*command, "--help")
    assert (result.exit_code, "Usage:" in result.stdout) == (0, True)
