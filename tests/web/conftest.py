"""The app on the rolled-back database, the standing cast, and clients that are strict about every page."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from itsdangerous import URLSafeTimedSerializer
from sqlalchemy.orm import Session

from config import PasswordCost, Settings
from planner.app import create_app
from planner.services.signing_in import SignInTry, finish_sign_in
from tests.support.cast import NOW, Cast, Clock, Rehearsal, make_cast
from tests.support.strict_client import StrictClient

SECRET = "a secret for tests only"
RAW_TOKEN = "0123456789abcdef" * 4
SETTINGS = Settings(
    database_url="sqlite://",
    secret_key=SECRET,
    public_url="http://localhost",
    password_cost=PasswordCost(memory_kib=8, passes=1),
)


@pytest.fixture(scope="session")
def one_app() -> Flask:
    """One app for all tests of this worker, so that templates are compiled once."""
    app = create_app(SETTINGS)
    app.extensions["planner"].dispose()
    app.test_client_class = StrictClient
    return app


@pytest.fixture
def clock() -> Clock:
    """A clock that stands at NOW until the test lets time pass."""
    return Clock(NOW)


@pytest.fixture
def cast(db: Session) -> Cast:
    """A small clinic with an account per role; see tests.support.cast."""
    return make_cast(db)


@pytest.fixture
def app(one_app: Flask, db: Session, cast: Cast, clock: Clock) -> Iterator[Flask]:
    """The app on this test's database and clock."""
    db.commit()
    before = dict(one_app.extensions)
    one_app.extensions["planner"] = Rehearsal(db.get_bind())  # type: ignore[arg-type]
    one_app.extensions["planner_clock"] = clock
    one_app.extensions["planner_readiness"] = lambda: None
    yield one_app
    one_app.extensions.update(before)


@pytest.fixture
def client(app: Flask) -> StrictClient:
    """A browser that is not signed in."""
    return app.test_client()  # type: ignore[return-value]


@pytest.fixture
def sign_in(app: Flask, db: Session, cast: Cast, clock: Clock) -> Callable[[str], StrictClient]:
    """`sign_in("coordinator")`: a browser signed in as one of the cast, without the way through the form."""

    def signed_in_client(who: str) -> StrictClient:
        account = cast.accounts[who]
        cookie, _ = finish_sign_in(
            db,
            SignInTry(None, account.id, account.password_hash),
            old_cookie=None,
            new_hash=None,
            data={"_user_id": str(account.id), "_fresh": True, "csrf_token": RAW_TOKEN},
            address="127.0.0.1",
            agent="test browser",
            now=clock(),
        )
        db.commit()
        client: Any = app.test_client()
        client.set_cookie("planner", cookie)
        client.csrf_token = URLSafeTimedSerializer(SECRET, salt="wtf-csrf-token").dumps(RAW_TOKEN)
        return client  # type: ignore[no-any-return]

    return signed_in_client
