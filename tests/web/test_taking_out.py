"""What leaves asks for the password again, keeps what was chosen, is counted for the day, and is written down."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from planner.services import auditing
from planner.services.exports import MOST_A_DAY
from planner.store.records import AuditEntry
from planner.web.auth.again import PROOF_LASTS
from tests.support.cast import PASSWORD, Cast, Clock
from tests.support.strict_client import Page, StrictClient
from tests.web.auth.factors import code_at, with_factor

SignIn = Callable[[str], StrictClient]
KIND = "/admin/spreadsheets/patients"
LIST = "/admin/spreadsheets"
FILE = f"{KIND}/all.csv"
AUDIT = "/admin/audit"


def taken(db: Session) -> list[AuditEntry]:
    return list(db.scalars(select(AuditEntry).where(AuditEntry.action == "export.take").order_by(AuditEntry.id)))


def asked(client: StrictClient, path: str = KIND, file: str = FILE, **more: str) -> Page:
    """The page that asks for the password, after pressing the button on `path`."""
    answer = client.submit(client.page(path), file, more)
    assert answer.status_code == 403
    assert "Content-Disposition" not in answer.headers
    return Page(answer.text)


@pytest.fixture
def stale(sign_in: SignIn, clock: Clock) -> StrictClient:
    """A coordinator who signed in just too long ago."""
    client = sign_in("coordinator")
    clock.now += PROOF_LASTS + timedelta(seconds=1)
    return client


def test_a_fresh_sign_in_is_proof_enough_to_its_last_second(sign_in: SignIn, clock: Clock, db: Session) -> None:
    client = sign_in("coordinator")
    clock.now += PROOF_LASTS
    assert client.submit(client.page(KIND), FILE).mimetype == "text/csv"
    assert len(taken(db)) == 1


@pytest.mark.parametrize(
    ("who", "path", "file"),
    [
        ("coordinator", KIND, FILE),
        ("coordinator", LIST, FILE),
        ("coordinator", "/admin/instances", None),
        ("admin", AUDIT, f"{AUDIT}/download"),
    ],
)
def test_every_file_asks_once_and_leads_back_to_the_page(
    sign_in: SignIn, clock: Clock, db: Session, who: str, path: str, file: str | None
) -> None:
    client = sign_in(who)
    clock.now += PROOF_LASTS + timedelta(seconds=1)
    page = client.page(path)
    file = file or next(form["action"] for form in page.forms if "instance.json" in form["action"])
    form = next(form for form in page.forms if form["action"] == file)
    fields = {name: value for name, value in form["fields"]}
    if path == LIST:
        fields["from"] = "list"
    answer = client.post(file, data=fields)
    assert answer.status_code == 403
    assert taken(db) == []
    proved = client.submit(Page(answer.text), "/account/prove", {"password": PASSWORD})
    assert (proved.status_code, proved.location) == (303, path)
    assert "press the button again" in client.page(path).words
    given = client.post(file, data=fields)
    assert (given.status_code, "attachment" in given.headers["Content-Disposition"]) == (200, True)
    assert len(taken(db)) == 1


def test_what_was_chosen_is_still_chosen_afterwards(sign_in: SignIn, clock: Clock, cast: Cast, db: Session) -> None:
    client = sign_in("admin")
    clock.now += PROOF_LASTS + timedelta(seconds=1)
    path = f"{AUDIT}?action=account.signed_in&account={cast.accounts['admin'].id}&since=2026-03-01"
    page = asked(client, path, f"{AUDIT}/download")
    proved = client.submit(page, "/account/prove", {"password": PASSWORD})
    assert proved.location == path
    text = client.submit(client.page(proved.location), f"{AUDIT}/download").text
    assert "account.signed_in" in text
    assert "account.created" not in text


def test_a_wrong_password_says_so_takes_nothing_out_and_counts_as_at_sign_in(stale: StrictClient, db: Session) -> None:
    page = asked(stale)
    answers = [stale.submit(page, "/account/prove", {"password": "a guess"}) for _ in range(6)]
    assert [answer.status_code for answer in answers] == [422] * 5 + [429]
    assert "not your present password" in answers[0].text
    assert "a guess" not in answers[0].text
    kept = Page(answers[0].text).form("/account/prove")
    assert ("back", KIND) in kept["fields"], "where one was is kept over a slip"
    assert stale.submit(stale.page(KIND), FILE).status_code == 403
    stale.delete_cookie("planner")
    typed = {"email": "coordinator@clinic.example", "password": PASSWORD}
    assert stale.submit(stale.page("/sign-in"), "/sign-in", typed).status_code == 429
    assert taken(db) == []


def test_an_empty_password_is_asked_for(stale: StrictClient) -> None:
    answer = stale.submit(asked(stale), "/account/prove", {"password": ""})
    assert answer.status_code == 422
    assert "Enter your password." in answer.text


@pytest.mark.parametrize(("code", "status"), [("right", 303), ("recovery", 303), ("000000", 422), ("", 422)])
def test_where_signing_in_takes_a_code_so_does_this(
    stale: StrictClient, cast: Cast, db: Session, clock: Clock, code: str, status: int
) -> None:
    recovery = with_factor(db, cast.accounts["coordinator"], clock())
    typed = {"right": code_at(clock()), "recovery": recovery[0]}.get(code, code)
    answer = stale.submit(asked(stale), "/account/prove", {"password": PASSWORD, "code": typed})
    assert answer.status_code == status
    assert (stale.submit(stale.page(KIND), FILE).status_code == 200) is (status == 303)


def test_a_code_cannot_be_left_out(stale: StrictClient, cast: Cast, db: Session, clock: Clock) -> None:
    with_factor(db, cast.accounts["coordinator"], clock())
    assert stale.send("/account/prove", {"password": PASSWORD, "back": KIND}).status_code == 422
    assert stale.submit(stale.page(KIND), FILE).status_code == 403


def test_changing_the_password_alone_is_no_proof_where_codes_are_on(
    stale: StrictClient, cast: Cast, db: Session, clock: Clock
) -> None:
    with_factor(db, cast.accounts["coordinator"], clock())
    typed = {"password-password": PASSWORD, "password-new_password": "another made-up sentence"}
    assert stale.submit(stale.page("/account"), "/account/password", typed).status_code == 303
    assert stale.submit(stale.page(KIND), FILE).status_code == 403


def test_the_proof_is_this_browser_s_and_passes(sign_in: SignIn, stale: StrictClient, clock: Clock) -> None:
    assert stale.submit(asked(stale), "/account/prove", {"password": PASSWORD}).status_code == 303
    clock.now += PROOF_LASTS
    other = sign_in("coordinator")
    assert stale.submit(stale.page(KIND), FILE).status_code == 200
    clock.now += timedelta(seconds=1)
    assert stale.submit(stale.page(KIND), FILE).status_code == 403
    assert other.submit(other.page(KIND), FILE).status_code == 200


@pytest.mark.parametrize("back", ["//evil.example", "https://evil.example", "/sign-out", "/no/such/page", ""])
def test_it_leads_back_to_pages_of_ours_only(stale: StrictClient, back: str) -> None:
    assert stale.send("/account/prove", {"password": PASSWORD, "back": back}).location == "/today"


def test_nothing_of_it_happens_by_opening_an_address(stale: StrictClient, sign_in: SignIn, db: Session) -> None:
    fresh = sign_in("coordinator")
    for path in (FILE, "/admin/instances/instance.json", "/admin/instances/plan.json", "/account/prove"):
        assert fresh.get(path).status_code == 405
        assert stale.get(f"{path}?password={PASSWORD}").status_code == 405
    assert fresh.post(FILE).status_code == 400, "nor by a form of somebody else's"
    assert taken(db) == []


# So many a day


def earlier(db: Session, cast: Cast, clock: Clock, count: int, who: str = "coordinator", **back: float) -> None:
    for number in range(count):
        auditing.record(
            db, cast.principals[who], action="export.take", object_type="export", object_id=number + 1,
            now=clock() - timedelta(**back),
        )  # fmt: skip
    db.commit()


def test_the_day_has_so_many_and_the_next_one_begins_anew(
    sign_in: SignIn, cast: Cast, db: Session, clock: Clock
) -> None:
    earlier(db, cast, clock, MOST_A_DAY - 1)
    earlier(db, cast, clock, 5, who="therapist")
    client = sign_in("coordinator")
    last = client.submit(client.page(KIND), FILE)
    assert last.headers["Content-Disposition"] == f'attachment; filename="patients-2026-03-04-{MOST_A_DAY}.csv"'
    refused = client.submit(client.page(KIND), FILE)
    assert refused.status_code == 429
    words = Page(refused.text).words
    assert "You can take out more from Thu 5 Mar 2026 on." in words
    assert "That is enough for now" in words and "Wait a minute" not in words
    # It is Wednesday 09:00 in Chicago.
    assert int(refused.headers["Retry-After"]) == 15 * 3600 + 1
    assert len(taken(db)) == MOST_A_DAY + 5
    clock.now += timedelta(hours=15)
    tomorrow = sign_in("coordinator")
    assert tomorrow.submit(tomorrow.page(KIND), FILE).status_code == 200


def test_yesterday_s_do_not_count(sign_in: SignIn, cast: Cast, db: Session, clock: Clock) -> None:
    earlier(db, cast, clock, MOST_A_DAY, hours=9, minutes=1)
    client = sign_in("coordinator")
    assert client.submit(client.page(KIND), FILE).status_code == 200


def test_a_file_that_cannot_be_made_counts_for_nothing(sign_in: SignIn, db: Session) -> None:
    client = sign_in("coordinator")
    assert client.send("/admin/instances/plan.json").status_code == 422
    assert taken(db) == []


@pytest.mark.parametrize("name", ["empty.csv", "example.csv"])
def test_files_without_records_are_there_to_be_opened(stale: StrictClient, db: Session, name: str) -> None:
    assert stale.get(f"{KIND}/{name}").mimetype == "text/csv"
    assert taken(db) == []
