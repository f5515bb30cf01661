"""One transaction per request on a real store: kept below 400, taken back otherwise, done once under one key."""

import threading
from collections.abc import Callable, Iterator

import pytest
from flask import Flask, Response
from itsdangerous import URLSafeTimedSerializer
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from planner.app import create_app
from planner.domain.access import Permission
from planner.services.signing_in import SignInTry, finish_sign_in
from planner.store.engine import Store
from planner.store.records import Account, Site
from planner.web.access import once, repeatable, requires
from planner.web.db import db, own_transaction
from tests.support.cast import Cast, Clock, make_cast
from tests.support.strict_client import StrictClient
from tests.web.conftest import RAW_TOKEN, SECRET, SETTINGS

View = Callable[[], object]


class Stage:
    """An app on a store of its own with one planted view, and a signed-in browser."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.clock = Clock()
        with store.writing() as session:
            self.cast: Cast = make_cast(session)
        self.app: Flask = create_app(SETTINGS, clock=self.clock, store=store)
        self.app.test_client_class = StrictClient

    def plant(self, view: View, method: str = "POST") -> None:
        opened = requires(Permission.OWN_ACCOUNT)(view)
        self.app.add_url_rule("/planted", "planted", opened, methods=[method])

    def browser(self, who: str = "coordinator") -> StrictClient:
        account = self.cast.accounts[who]
        with self.store.writing() as session:
            cookie, _ = finish_sign_in(
                session,
                SignInTry(None, account.id, account.password_hash),
                old_cookie=None,
                new_hash=None,
                data={"csrf_token": RAW_TOKEN},
                address="",
                agent="",
                now=self.clock(),
            )
        client: StrictClient = self.app.test_client()  # type: ignore[assignment]
        client.set_cookie("planner", cookie)
        client.csrf_token = URLSafeTimedSerializer(SECRET, salt="wtf-csrf-token").dumps(RAW_TOKEN)
        return client

    def site_names(self) -> list[str]:
        with self.store.reading() as session:
            return sorted(session.scalars(select(Site.name)))


@pytest.fixture
def stage(fresh_store: Store) -> Iterator[Stage]:
    return Stage(fresh_store)


def add_site(name: str) -> None:
    db().add(Site(name=name, code=name[:12], zone="UTC"))
    db().flush()


def answering(status: int) -> View:
    @once
    def view() -> Response:
        add_site("East")
        return Response("", status, {"Location": "/account"})

    return view


@pytest.mark.parametrize(("status", "kept"), [(303, True), (409, False), (422, False)])
def test_what_a_view_did_is_kept_below_400_only(stage: Stage, status: int, kept: bool) -> None:
    stage.plant(answering(status))
    assert stage.browser().send("/planted").status_code == status
    assert ("East" in stage.site_names()) == kept


def test_a_fault_takes_everything_back(stage: Stage) -> None:
    @once
    def view() -> Response:
        add_site("East")
        raise KeyError("x")

    stage.plant(view)
    client = stage.browser()
    assert client.send("/planted").status_code == 500
    assert stage.site_names() == ["North", "South"]
    assert client.page("/account").title  # and the database is free again


def test_looking_cannot_write(stage: Stage) -> None:
    def view() -> Response:
        add_site("East")
        return Response("")

    stage.plant(view, "GET")
    assert stage.browser().get("/planted").status_code >= 500
    assert stage.site_names() == ["North", "South"]


def test_a_second_writing_session_is_refused_at_once(stage: Stage) -> None:
    @repeatable("a test")
    def view() -> Response:
        add_site("East")
        with own_transaction():
            pass
        return Response("")

    stage.plant(view)
    assert stage.browser().send("/planted").status_code == 500


def test_the_same_key_twice_is_done_once(stage: Stage) -> None:
    done = []

    @once
    def view() -> Response:
        done.append(1)
        return Response("", 303, {"Location": "/account?first=1"})

    stage.plant(view)
    client = stage.browser()
    assert [client.send("/planted").location for _ in range(3)] == ["/account?first=1"] * 3
    assert len(done) == 1


def test_the_same_key_at_the_same_moment_is_done_once(stage: Stage) -> None:
    done, inside, go_on = [], threading.Event(), threading.Event()

    @once
    def view() -> Response:
        done.append(1)
        inside.set()
        assert go_on.wait(10)
        return Response("", 303, {"Location": "/account?first=1"})

    stage.plant(view)
    browsers = [stage.browser(), stage.browser()]
    answers: list[str | None] = []

    def send(client: StrictClient) -> None:
        answers.append(client.send("/planted").location)

    first = threading.Thread(target=send, args=(browsers[0],))
    second = threading.Thread(target=send, args=(browsers[1],))
    first.start()
    assert inside.wait(10)
    second.start()
    go_on.set()
    first.join(20)
    second.join(20)
    assert answers == ["/account?first=1"] * 2
    assert len(done) == 1


def test_a_deadlock_is_tried_again(stage: Stage) -> None:
    class Deadlock(Exception):
        sqlstate = "40P01"

    tries = []

    @once
    def view() -> Response:
        tries.append(1)
        add_site(f"East {len(tries)}")
        if len(tries) < 3:
            raise OperationalError("", {}, Deadlock())
        return Response("", 303, {"Location": "/account"})

    stage.plant(view)
    assert stage.browser().send("/planted").status_code == 303
    assert stage.site_names() == ["East 3", "North", "South"]


def test_another_fault_of_the_database_is_a_503(stage: Stage) -> None:
    @once
    def view() -> Response:
        raise OperationalError("", {}, Exception("gone"))

    stage.plant(view)
    answer = stage.browser().send("/planted")
    assert answer.status_code == 503
    assert answer.headers["Retry-After"]


def test_a_database_that_is_gone_is_a_503_and_the_process_lives(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    client = stage.browser()

    def gone(*_: object) -> None:
        raise OperationalError("", {}, Exception("gone"))

    monkeypatch.setattr(stage.store, "reading", gone)
    assert client.get("/account").status_code == 503
    assert client.get("/healthz").status_code == 200
    monkeypatch.undo()
    assert client.get("/account").status_code == 200


def test_ready_says_whether_requests_should_come(stage: Stage) -> None:
    client = stage.app.test_client()
    assert client.get("/readyz").text == "ready\n"


def test_a_database_without_its_guards_is_not_ready(stage: Stage) -> None:
    from planner.app import NotReady, check_ready
    from planner.store.guards import remove_guards

    check_ready(stage.store)
    with stage.store.write_engine.begin() as connection:
        remove_guards(connection)
    assert stage.app.test_client().get("/readyz").status_code == 503
    with pytest.raises(NotReady, match="double booking"):
        check_ready(stage.store)


def test_a_sign_in_on_a_real_store(stage: Stage) -> None:
    from tests.support.cast import PASSWORD

    client: StrictClient = stage.app.test_client()  # type: ignore[assignment]
    page = client.page("/sign-in")
    answer = client.submit(page, "/sign-in", {"email": stage.cast.email("nurse"), "password": PASSWORD})
    assert answer.location == "/today"
    saved = client.submit(client.page("/account"), "/account/look", {"look-theme": "dark"})
    assert saved.status_code == 303
    with stage.store.reading() as session:
        assert session.get_one(Account, stage.cast.accounts["nurse"].id).theme == "dark"


def test_what_a_failed_run_said_is_not_said(stage: Stage) -> None:
    from flask import flash

    class Deadlock(Exception):
        sqlstate = "40P01"

    tries = []

    @once
    def view() -> Response:
        tries.append(1)
        flash("Saved this way.", "ok")
        if len(tries) < 2:
            raise OperationalError("", {}, Deadlock())
        return Response("", 303, {"Location": "/account"})

    stage.plant(view)
    client = stage.browser()
    assert client.send("/planted").status_code == 303
    assert client.get("/account").text.count("Saved this way.") == 1


def test_a_disk_that_is_full_keeps_nobody_from_reading(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    client = stage.browser()
    stage.clock.pass_time(minutes=1)

    def full() -> None:
        raise OperationalError("", {}, Exception("database or disk is full"))

    monkeypatch.setattr(stage.store, "writing", full)
    assert client.get("/account").status_code == 200
