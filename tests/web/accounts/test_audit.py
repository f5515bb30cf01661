"""The audit page: what happened, by whom and when, and of patients nothing, on any page and in the download."""

import csv
import io
from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import event, select
from sqlalchemy.orm import Session

from planner.domain.access import Role
from planner.services import auditing
from planner.services.accounts import create_account
from planner.store.records import AuditEntry
from tests.support.cast import PASSWORD, PASSWORD_HASH, Cast, Clock
from tests.support.one_database import ON_ONE_DATABASE
from tests.support.strict_client import StrictClient

SignIn = Callable[[str], StrictClient]
AUDIT = "/admin/audit"
CANARY = "Zyzzyva-Canary"
PATIENT_ADDRESS = "203.0.113.77"


@pytest.fixture
def admin(sign_in: SignIn) -> StrictClient:
    return sign_in("admin")


def note(db: Session, cast: Cast, clock: Clock, who: str = "nurse", **more: object) -> AuditEntry:
    given: dict[str, object] = {"action": "account.signed_in", "object_type": "account", "object_id": None} | more
    entry = auditing.record(db, cast.principals[who] if who else None, now=clock(), **given)  # type: ignore[arg-type]
    db.commit()
    return entry


def test_it_says_who_did_what(admin: StrictClient, cast: Cast, db: Session, clock: Clock) -> None:
    note(
        db, cast, clock, "admin", action="account.rights_changed", object_id=cast.accounts["nurse"].id,
        detail={"roles": ["nurse"], "sites": [1, 2], "links_ended": 1, "secret": "not on the list"},
    )  # fmt: skip
    shown = admin.page(AUDIT).words
    for words in ("Test Admin", "Roles and sites changed", "Account of Test Nurse", "roles: nurse", "sites: 1, 2"):
        assert words in shown
    assert "not on the list" not in shown


def test_of_patients_it_says_nothing(admin: StrictClient, cast: Cast, db: Session, clock: Clock) -> None:
    """Names, codes, ids, accounts and addresses of patients are planted wherever a line could hold them."""
    alder = cast.patients["alder"]
    alder.name, alder.code = CANARY, "P-98765"
    account = cast.accounts["patient"]
    account.name, account.email, account.email_key = CANARY, f"{CANARY}@mail.example", f"{CANARY}@mail.example".lower()
    patient = cast.principals["patient"]
    told = {"name": CANARY, "code": "P-98765", "roles": [CANARY], "version": CANARY, "rows": "P-98765"}
    for kind in ("patient", "account", "course", "appointment", "hold", "feed", "invitation", "draft", "person"):
        numbered = {"object_type": kind, "object_id": 987654321, "patient_id": alder.id, "detail": told}
        note(db, cast, clock, "nurse", action=f"{kind}.tried", **numbered)
    note(db, cast, clock, "patient", action="account.signed_in", object_id=account.id)
    entry = auditing.record(
        db, type(patient)(account.id, patient.roles, address=PATIENT_ADDRESS), action="account.signed_in",
        object_type="account", object_id=account.id, now=clock(),
    )  # fmt: skip
    auditing.record(
        db, None, action="account.sign_in_refused", object_type="account", object_id=account.id, now=clock(),
        address=PATIENT_ADDRESS, outcome="refused",
    )  # fmt: skip
    assert entry.address == PATIENT_ADDRESS
    db.commit()
    pages = [AUDIT, f"{AUDIT}?account=patients", f"{AUDIT}?account=nobody", f"{AUDIT}?action=account.signed_in"]
    shown = "".join(admin.get(path).text for path in pages) + download(admin)
    assert shown.count("A patient") >= 3
    assert "Account of a patient" in shown
    for secret in (CANARY, CANARY.lower(), "P-98765", "987654321", PATIENT_ADDRESS):
        assert secret not in shown, secret
    assert f"account={account.id}" not in shown


def test_asking_by_the_number_of_a_patient_s_account_tells_nothing(
    admin: StrictClient, cast: Cast, db: Session, clock: Clock
) -> None:
    note(db, cast, clock, "patient")
    answer = admin.get(f"{AUDIT}?account={cast.accounts['patient'].id}")
    assert answer.status_code == 422
    assert "A patient</bdi>" not in answer.text


def test_the_newest_comes_first_and_pages_do_not_overlap(
    admin: StrictClient, cast: Cast, db: Session, clock: Clock
) -> None:
    for number in range(120):
        clock.pass_time(seconds=1)
        auditing.record(
            db, cast.principals["nurse"], action="site.tried", object_type="site", object_id=1000 + number, now=clock()
        )
    db.commit()
    path, seen = f"{AUDIT}?account={cast.accounts['nurse'].id}", []
    walked = []
    while path:
        page = admin.page(path)
        seen += [int(word) for word in page.words.replace("(", " ").replace(")", " ").split() if word[:1] == "1"
                 and len(word) == 4 and word.isdigit()]  # fmt: skip
        walked.append(path)
        path = next((link for link in page.links if "before=" in link), "")
    assert seen == list(range(1119, 999, -1))
    assert len(walked) == 3
    back = next(link for link in admin.page(walked[2]).links if "after=" in link)
    again = admin.page(back).words
    assert "(1069)" in again
    assert "(1020)" in again
    assert "(1019)" not in again


def test_lines_written_meanwhile_shift_no_page(admin: StrictClient, cast: Cast, db: Session, clock: Clock) -> None:
    for number in range(60):
        note(db, cast, clock, object_type="site", object_id=2000 + number)
    older = next(link for link in admin.page(f"{AUDIT}?account={cast.accounts['nurse'].id}").links if "before=" in link)
    first = admin.page(older).words
    note(db, cast, clock, object_type="site", object_id=2999)
    assert admin.page(older).words == first


@pytest.mark.parametrize(
    ("asked", "shown"),
    [
        ("action=account.password_changed", {"B"}),
        ("outcome=refused", {"C"}),
        ("account=nobody", {"C"}),
        ("account=patients", set()),
        ("since=2026-03-05", {"D"}),
        ("since=2026-03-04&until=2026-03-04", {"A", "B", "C"}),
        ("until=2026-03-03", set()),
        ("action=account.password_changed&outcome=refused", set()),
    ],
)
def test_filters_show_what_they_say(
    admin: StrictClient, cast: Cast, db: Session, clock: Clock, asked: str, shown: set[str]
) -> None:
    """Days are the clinic's: 05:59 and 06:00 UTC lie on two days in Chicago."""
    numbers = {"A": 3001, "B": 3002, "C": 3003, "D": 3004}
    note(db, cast, clock, action="site.tried", object_type="site", object_id=3001)
    note(db, cast, clock, action="account.password_changed", object_type="site", object_id=3002)
    note(db, cast, clock, "", action="account.sign_in_refused", object_type="site", object_id=3003, outcome="refused")
    clock.now = clock.now.replace(day=5, hour=6, minute=0)
    note(db, cast, clock, action="site.tried", object_type="site", object_id=3004)
    clock.now = clock.now.replace(day=4, hour=15)
    page = admin.page(f"{AUDIT}?{asked}")
    assert {letter for letter, number in numbers.items() if f"({number})" in page.words} == shown
    assert AUDIT in page.links


@ON_ONE_DATABASE
@pytest.mark.parametrize(
    "asked",
    [
        *("since=tomorrow", "until=2026-02-30", "since=2026-03-05&until=2026-03-04"),
        *("since=9999-12-31", "until=9999-12-31", "since=0001-01-01", "until=0001-01-01"),
        *("action=x", "outcome=y", "account=9x"),
    ],
)
def test_what_is_no_filter_is_said_at_the_field(admin: StrictClient, asked: str) -> None:
    answer = admin.get(f"{AUDIT}?{asked}")
    assert answer.status_code == 422
    assert 'class="fault"' in answer.text


@ON_ONE_DATABASE
@pytest.mark.parametrize("asked", ["before=0", "before=-1", "before=x", "after=99999999999999999999", "before=²"])
def test_a_place_to_go_on_from_that_is_none_does_no_harm(admin: StrictClient, asked: str) -> None:
    assert admin.get(f"{AUDIT}?{asked}").status_code == 200


def download(admin: StrictClient, path: str = AUDIT, **typed: str) -> str:
    answer = admin.submit(admin.page(path), f"{AUDIT}/download", typed)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="audit-2026-03-04-1.csv"'
    assert answer.headers["Cache-Control"] == "no-store"
    return answer.data.decode("utf-8-sig")


def test_the_download_holds_the_filter_s_lines_and_is_written_down(
    admin: StrictClient, cast: Cast, db: Session, clock: Clock
) -> None:
    note(db, cast, clock, action="site.tried", object_type="site", object_id=4001)
    note(db, cast, clock, "admin", action="site.tried", object_type="site", object_id=4002)
    text = download(admin, f"{AUDIT}?account={cast.accounts['nurse'].id}")
    lines = list(csv.reader(io.StringIO(text)))
    assert lines[0][:4] == ["When (UTC)", "Who", "Roles", "What"]
    assert [line[4] for line in lines[1:] if line[8] == "site.tried"] == ["Site (4001)"]
    last = db.scalars(select(AuditEntry).order_by(AuditEntry.id.desc())).first()
    assert last is not None
    assert (last.action, last.account_id) == ("export.take", cast.accounts["admin"].id)
    assert last.detail == {"kind": "audit", "rows": len(lines) - 1}
    assert "Export (1)" in admin.page(AUDIT).words


@ON_ONE_DATABASE
def test_a_name_that_is_a_formula_stays_a_name(admin: StrictClient, cast: Cast, db: Session, clock: Clock) -> None:
    cast.accounts["nurse"].name = '=HYPERLINK("http://evil.example")'
    note(db, cast, clock, action="site.tried", object_type="site", object_id=1)
    assert '"\'=HYPERLINK(""http://evil.example"")"' in download(admin)


@ON_ONE_DATABASE
def test_the_page_asks_as_often_for_many_lines_as_for_one(
    admin: StrictClient, cast: Cast, db: Session, clock: Clock
) -> None:
    count = [0]
    event.listen(db.get_bind(), "before_cursor_execute", lambda *_: count.__setitem__(0, count[0] + 1))

    def asked(path: str) -> int:
        count[0] = 0
        admin.get(path)
        return count[0]

    paths = (AUDIT, "/admin/accounts")
    few = [asked(path) for path in paths]
    for number in range(30):
        account = create_account(
            db, None, email=f"more-{number}@clinic.example", name=f"Test More {number}", password_hash=PASSWORD_HASH,
            roles=[Role.NURSE], site_ids=[cast.north.id], now=clock() + timedelta(seconds=number),
        )  # fmt: skip
        note(db, cast, clock, object_id=account.id)
    assert [asked(path) for path in paths] == few


def test_signing_in_and_being_refused_are_told_apart(
    admin: StrictClient, client: StrictClient, cast: Cast, db: Session
) -> None:
    client.submit(client.page("/sign-in"), "/sign-in", {"email": cast.email("nurse"), "password": "wrong"})
    client.submit(client.page("/sign-in"), "/sign-in", {"email": cast.email("nurse"), "password": PASSWORD})
    shown = admin.page(AUDIT).words
    assert "Sign-in refused" in shown
    assert "127.0.0.1" in shown
    assert cast.email("nurse") not in shown
