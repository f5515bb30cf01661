"""One's own second factor: set up by its first code, moved, renewed, turned off, and asked of all staff."""

import re
from collections.abc import Callable
from contextlib import suppress
from itertools import product

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session
from werkzeug.exceptions import HTTPException
from werkzeug.routing import MapAdapter, RequestRedirect

from planner.services.second_factor import CODES
from planner.store.queries.accounts import has_factor
from planner.store.records import BrowserSession, RecoveryCode, SecondFactor
from planner.web.access import OPEN_WITHOUT_FACTOR, PUBLIC, access_of
from tests.support.cast import PASSWORD, Cast, Clock
from tests.support.one_database import ON_ONE_DATABASE
from tests.support.strict_client import StrictClient
from tests.web.auth.factors import SEED, code_at, with_factor

SignIn = Callable[[str], StrictClient]
PAGE = "/account/second-factor"


def seed_on(markup: str) -> str:
    """The secret as one would type it into the app."""
    return "".join(re.findall(r'<code class="mono">([A-Z2-7 ]+)</code>', markup)[0].split())


def begin(client: StrictClient, password: str = PASSWORD):
    return client.submit(client.page(PAGE), f"{PAGE}/begin", {"password": password})


def set_up(client: StrictClient, clock: Clock) -> tuple[str, list[str]]:
    """Through the pages; the seed and the recovery codes."""
    assert begin(client).location == PAGE
    page = client.page(PAGE)
    seed = seed_on(client.get(PAGE).text)
    answer = client.submit(page, f"{PAGE}/confirm", {"code": code_at(clock(), seed)})
    assert answer.status_code == 200, answer.text
    return seed, re.findall(r"<li><code[^>]*>([\w-]+)</code></li>", answer.text)


@pytest.mark.parametrize("who", ["nurse", "patient"])
def test_codes_are_set_up_by_the_first_one(
    client: StrictClient, cast: Cast, sign_in: SignIn, clock: Clock, who: str
) -> None:
    here, elsewhere = sign_in(who), sign_in(who)
    seed, codes = set_up(here, clock)
    assert len(set(codes)) == CODES
    assert all(re.fullmatch(r"[a-z2-9]{4}(-[a-z2-9]{4}){3}", code) for code in codes)
    assert here.get("/account").status_code == 200
    assert elsewhere.get("/account").location.startswith("/sign-in")
    assert "Codes from a phone were set up" in here.page("/account").words
    signing_in = client.submit(client.page("/sign-in"), "/sign-in", {"email": cast.email(who), "password": PASSWORD})
    assert signing_in.location == "/sign-in/code"
    used = client.submit(client.page("/sign-in/code"), "/sign-in/code", {"code": code_at(clock(), seed)})
    assert used.status_code == 422, "the code that set it up is used"
    clock.pass_time(seconds=30)
    done = client.submit(client.page("/sign-in/code"), "/sign-in/code", {"code": code_at(clock(), seed)})
    assert done.status_code == 303


@ON_ONE_DATABASE
def test_the_picture_holds_the_seed_and_the_neutral_name(cast: Cast, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch):
    drawn: list[str] = []
    monkeypatch.setattr("planner.web.auth.factor.qr_picture", lambda address: drawn.append(address) or "<svg></svg>")
    nurse = sign_in("nurse")
    begin(nurse)
    seed = seed_on(nurse.get(PAGE).text)
    assert drawn[-1] == (f"otpauth://totp/Test%20Practice:nurse%40clinic.example?secret={seed}&issuer=Test%20Practice")


def test_nothing_counts_before_the_first_code(cast: Cast, db: Session, sign_in: SignIn, clock: Clock) -> None:
    nurse = sign_in("nurse")
    begin(nurse)
    page = nurse.page(PAGE)
    for code in ("000000", "", code_at(clock())):
        refused = nurse.submit(page, f"{PAGE}/confirm", {"code": code})
        assert refused.status_code == 422
        assert 'id="code-error"' in refused.text
    assert not has_factor(db, cast.accounts["nurse"].id)
    clock.pass_time(minutes=14, seconds=59)
    assert nurse.submit(page, f"{PAGE}/confirm", {"code": "000000"}).status_code == 422
    clock.pass_time(seconds=1)
    assert nurse.submit(page, f"{PAGE}/confirm", {"code": "000000"}).location == PAGE


@ON_ONE_DATABASE
def test_an_unlocked_desk_is_not_enough(cast: Cast, sign_in: SignIn) -> None:
    nurse = sign_in("nurse")
    refused = begin(nurse, "not the password")
    assert refused.status_code == 422
    assert 'id="password-error"' in refused.text
    assert '<code class="mono">' not in nurse.get(PAGE).text
    for _ in range(4):
        begin(nurse, "not the password")
    assert begin(nurse).status_code == 429


def test_the_secret_of_one_is_not_taken_for_another(cast: Cast, db: Session, sign_in: SignIn, clock: Clock) -> None:
    """Sealed seeds belong to their account: what is copied to another one's browser does not open there."""
    nurse, therapist = sign_in("nurse"), sign_in("therapist")
    begin(nurse)
    mine, theirs = (
        db.scalars(select(BrowserSession).where(BrowserSession.account_id == cast.accounts[who].id)).one()
        for who in ("nurse", "therapist")
    )
    theirs.data = {**theirs.data, "new_seed": mine.data["new_seed"]}
    db.commit()
    assert '<code class="mono">' in nurse.get(PAGE).text
    assert '<code class="mono">' not in therapist.get(PAGE).text


def test_no_seed_and_no_recovery_code_lies_open_in_the_database(cast: Cast, db: Session, sign_in: SignIn, clock: Clock):
    nurse = sign_in("nurse")
    begin(nurse)
    seed = seed_on(nurse.get(PAGE).text)
    while_pending = everything(db)
    assert cast.email("nurse") in while_pending
    answer = nurse.submit(nurse.page(PAGE), f"{PAGE}/confirm", {"code": code_at(clock(), seed)})
    codes = re.findall(r"<li><code[^>]*>([\w-]+)</code></li>", answer.text)
    raw = while_pending + everything(db)
    for secret in (seed, seed.encode().hex(), *codes, *(code.replace("-", "") for code in codes)):
        assert secret not in raw


def everything(db: Session) -> str:
    """Every value of every row, bytes as they are and as numbers."""
    from planner.store.base import Base

    told = []
    for table in Base.metadata.sorted_tables:
        for row in db.execute(text(f"SELECT * FROM {table.name}")):
            told += [value.decode("latin-1") + value.hex() if isinstance(value, bytes) else str(value) for value in row]
    return "\n".join(told)


# Changing it


def change(client: StrictClient, act: str, code: str, password: str = PASSWORD):
    typed = {"change-act": act, "change-code": code, "change-password": password}
    return client.submit(client.page(PAGE), f"{PAGE}/change", typed)


def test_new_recovery_codes_end_the_old_ones(cast: Cast, db: Session, sign_in: SignIn, clock: Clock) -> None:
    nurse = sign_in("nurse")
    with_factor(db, cast.accounts["nurse"], clock())
    before = set(db.scalars(select(RecoveryCode.code_hash)))
    answer = change(nurse, "codes", code_at(clock()))
    assert answer.status_code == 200
    after = set(db.scalars(select(RecoveryCode.code_hash)))
    assert (len(after), after & before) == (CODES, set())
    assert nurse.get(f"{PAGE}/change").location == PAGE


def test_moving_to_another_phone_leaves_the_old_one_until_the_new_one_shows_its_code(
    cast: Cast, db: Session, sign_in: SignIn, clock: Clock
) -> None:
    nurse = sign_in("nurse")
    codes = with_factor(db, cast.accounts["nurse"], clock())
    elsewhere = fresh_sign_in(nurse, cast, clock)
    clock.pass_time(seconds=30)
    assert change(nurse, "move", codes[0]).location == PAGE
    kept = db.get_one(SecondFactor, cast.accounts["nurse"].id).sealed_seed
    new_seed = seed_on(nurse.get(PAGE).text)
    assert new_seed != SEED
    assert elsewhere.get("/account").status_code == 200
    page = nurse.page(PAGE)
    assert nurse.submit(page, f"{PAGE}/confirm", {"code": code_at(clock(), new_seed)}).status_code == 200
    db.expire_all()
    assert db.get_one(SecondFactor, cast.accounts["nurse"].id).sealed_seed != kept
    assert elsewhere.get("/account").location.startswith("/sign-in")


def fresh_sign_in(client: StrictClient, cast: Cast, clock: Clock) -> StrictClient:
    """The nurse in another browser, through both pages."""
    other: StrictClient = client.application.test_client()  # type: ignore[assignment]
    other.submit(other.page("/sign-in"), "/sign-in", {"email": cast.email("nurse"), "password": PASSWORD})
    other.submit(other.page("/sign-in/code"), "/sign-in/code", {"code": code_at(clock())})
    return other


def test_turning_codes_off_ends_other_sign_ins(cast: Cast, db: Session, sign_in: SignIn, clock: Clock) -> None:
    nurse = sign_in("nurse")
    with_factor(db, cast.accounts["nurse"], clock())
    elsewhere = fresh_sign_in(nurse, cast, clock)
    clock.pass_time(seconds=30)
    assert change(nurse, "off", code_at(clock())).location == PAGE
    assert elsewhere.get("/account").location.startswith("/sign-in")
    assert db.scalars(select(RecoveryCode)).all() == []
    assert "Codes from a phone were turned off" in nurse.page("/account").words


@ON_ONE_DATABASE
@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"change-password": "not the password"}, "change-password"),
        ({"change-code": "000000"}, "change-code"),
        ({"change-code": ""}, "change-code"),
        ({"change-act": "everything"}, "change-act"),
    ],
)
def test_both_password_and_code_are_needed(
    cast: Cast, db: Session, sign_in: SignIn, clock: Clock, typed: dict[str, str], field: str
) -> None:
    nurse = sign_in("nurse")
    with_factor(db, cast.accounts["nurse"], clock())
    good = {"change-act": "off", "change-code": code_at(clock()), "change-password": PASSWORD}
    answer = nurse.submit(nurse.page(PAGE), f"{PAGE}/change", good | typed)
    assert answer.status_code == 422
    assert f'id="{field}-error"' in answer.text
    assert has_factor(db, cast.accounts["nurse"].id)


@ON_ONE_DATABASE
def test_guessing_codes_on_this_page_is_counted_as_well(cast: Cast, db: Session, sign_in: SignIn, clock: Clock) -> None:
    nurse = sign_in("nurse")
    with_factor(db, cast.accounts["nurse"], clock())
    answers = [change(nurse, "off", "000000").status_code for _ in range(6)]
    assert answers == [422] * 5 + [429]


@ON_ONE_DATABASE
def test_where_codes_are_on_nobody_begins_anew_with_the_password_alone(
    cast: Cast, db: Session, sign_in: SignIn, clock: Clock
) -> None:
    nurse = sign_in("nurse")
    with_factor(db, cast.accounts["nurse"], clock())
    assert nurse.send(f"{PAGE}/begin", {"password": PASSWORD}).location == PAGE
    assert '<code class="mono">' not in nurse.get(PAGE).text


# Asked of all staff


@pytest.fixture
def required(cast: Cast, db: Session) -> None:
    """The clinic asks all staff for a second factor."""
    cast.clinic.staff_second_factor = True
    db.commit()


PART = re.compile(r"<[^<>]+>")
#: What one part of an address or another takes for good.
WORDS = ("1", "2026-W10", "2026-03-04", "a" * 16)


def address_of(rule: str, urls: MapAdapter, method: str) -> str:
    """An address of the pattern; of each part the first word that leads there."""
    parts = PART.findall(rule)
    listed = [re.findall(r"[\w-]+", part[part.index("(") :])[:1] if "<any" in part else WORDS for part in parts]
    for words in product(*listed):
        path = rule
        for part, word in zip(parts, words, strict=True):
            path = path.replace(part, word, 1)
        with suppress(HTTPException, RequestRedirect):
            if urls.match(path, method, return_rule=True)[0].rule == rule:
                return path
    raise AssertionError(f"no word leads to {rule}; add one to WORDS")


@ON_ONE_DATABASE
@pytest.mark.usefixtures("required")
def test_without_codes_every_page_is_closed_to_staff(cast: Cast, sign_in: SignIn) -> None:
    nurse = sign_in("nurse")
    views, urls = nurse.application.view_functions, nurse.application.url_map.bind("localhost")
    tried = 0
    for rule in nurse.application.url_map.iter_rules():
        is_open = access_of(views[rule.endpoint]) == PUBLIC or rule.endpoint in OPEN_WITHOUT_FACTOR
        if rule.endpoint == "static" or is_open:
            continue
        for method in (rule.methods or set()) & {"GET", "POST"}:
            path = address_of(rule.rule, urls, method)
            answer = nurse.get(path) if method == "GET" else nurse.send(path)
            assert (answer.status_code, answer.location) == (303, PAGE), f"{method} {path}"
            tried += 1
    assert tried > 100


@ON_ONE_DATABASE
@pytest.mark.usefixtures("required")
def test_a_script_of_ours_is_led_there_too(sign_in: SignIn) -> None:
    answer = sign_in("nurse").get("/today", headers={"HX-Request": "true"})
    assert (answer.status_code, answer.headers["HX-Redirect"]) == (403, PAGE)


@pytest.mark.usefixtures("required")
def test_who_sets_codes_up_is_let_in(sign_in: SignIn, clock: Clock) -> None:
    nurse = sign_in("nurse")
    page = nurse.page(PAGE)
    assert "Your clinic asks all staff for a code at sign-in." in page.words
    assert "/today" not in [link for link in page.links if link != "/"]
    set_up(nurse, clock)
    assert nurse.get("/today").status_code == 200


@ON_ONE_DATABASE
@pytest.mark.usefixtures("required")
def test_who_will_not_may_leave(sign_in: SignIn) -> None:
    nurse = sign_in("nurse")
    assert nurse.submit(nurse.page(PAGE), "/sign-out").location == "/sign-in"


@pytest.mark.usefixtures("required")
def test_patients_decide_for_themselves(cast: Cast, db: Session, sign_in: SignIn, clock: Clock) -> None:
    patient = sign_in("patient")
    assert patient.get("/my").status_code == 200
    with_factor(db, cast.accounts["patient"], clock())
    assert change(patient, "off", code_at(clock())).location == PAGE
    assert not has_factor(db, cast.accounts["patient"].id)


@pytest.mark.usefixtures("required")
def test_staff_cannot_turn_off_what_the_clinic_asks_for(cast: Cast, db: Session, sign_in: SignIn, clock: Clock) -> None:
    with_factor(db, cast.accounts["nurse"], clock())
    client: StrictClient = sign_in("patient").application.test_client()  # type: ignore[assignment]
    nurse = fresh_sign_in(client, cast, clock)
    clock.pass_time(seconds=30)
    refused = change(nurse, "off", code_at(clock()))
    assert refused.status_code == 422
    assert "The clinic asks all staff for a code." in refused.text
    assert has_factor(db, cast.accounts["nurse"].id)
