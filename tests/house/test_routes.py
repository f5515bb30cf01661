"""Every address says who may open it, and every change says why sending it twice is safe."""

from collections.abc import Iterator

import pytest
from flask import Flask

from config import PasswordCost, Settings
from planner.app import create_app
from planner.web.access import access_of, public, repetition_of, undeclared_views

SAFE = {"GET", "HEAD", "OPTIONS"}


@pytest.fixture
def app() -> Iterator[Flask]:
    app = create_app(Settings("sqlite://", "a secret for tests only", password_cost=PasswordCost(8, 1)))
    yield app
    app.extensions["planner"].dispose()


def test_every_view_says_who_may_open_it(app: Flask) -> None:
    assert undeclared_views(app) == []


def test_a_planted_view_that_says_nothing_is_found(app: Flask) -> None:
    app.add_url_rule("/planted", "planted", lambda: "everything")
    assert undeclared_views(app) == ["planted"]


def test_a_planted_view_that_says_nothing_stays_closed(app: Flask) -> None:
    app.add_url_rule("/planted", "planted", lambda: "everything")
    app.add_url_rule("/open", "open", public(lambda: "everything"))
    client = app.test_client()
    assert client.get("/planted", headers={"HX-Request": "true"}).status_code == 404
    assert client.get("/open").status_code == 200


def test_every_change_is_done_once_or_says_why_twice_is_harmless(app: Flask) -> None:
    unsaid = {
        rule.endpoint
        for rule in app.url_map.iter_rules()
        if (rule.methods or set()) - SAFE and repetition_of(app.view_functions[rule.endpoint]) is None
    }
    assert unsaid == set()


def test_what_is_done_once_is_behind_a_sign_in(app: Flask) -> None:
    keyless = {
        endpoint
        for endpoint, view in app.view_functions.items()
        if repetition_of(view) == "once" and not isinstance(access_of(view), frozenset)
    }
    assert keyless == set()


def test_ids_in_addresses_are_bounded(app: Flask) -> None:
    stock = [rule.rule for rule in app.url_map.iter_rules() if "<int:" in rule.rule]
    assert stock == [], "use <id:...>: <int:> takes numbers that no database column holds"
