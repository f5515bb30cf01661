"""Every address with every role, and with nobody: what the matrix says is what happens."""

from collections.abc import Callable, Iterator
from datetime import date
from typing import Any

import pytest
from flask import Flask
from sqlalchemy.orm import Session
from werkzeug.routing import AnyConverter, BaseConverter, Rule

from planner.domain.access import may
from planner.web.access import PUBLIC, access_of
from tests.support.cast import Cast
from tests.support.strict_client import StrictClient

SignIn = Callable[[str], StrictClient]
SAFE = {"GET", "HEAD", "OPTIONS"}
ROLES = ("admin", "coordinator", "prescriber", "nurse", "therapist", "patient")
ANSWERS = {200, 204, 302, 303, 304, 400, 404, 409, 410, 422, 429}
#: Long words fit every text converter; a number nobody has fits every id.
VALUES = {
    **{"IdConverter": 999_999, "UnicodeConverter": "x" * 16, "PathConverter": "x", "UUIDConverter": "0" * 32},
    "WeekConverter": date(2027, 1, 4),
}


def value_for(converter: BaseConverter) -> Any:
    """Something that fits, and is of nobody."""
    if isinstance(converter, AnyConverter):
        return sorted(converter.items)[0]
    return VALUES.get(type(converter).__name__, "1")


def addresses(app: Flask) -> Iterator[tuple[Rule, str, str]]:
    """Every rule, the method to ask it with, and an address that fits it."""
    adapter = app.url_map.bind("localhost")
    for rule in app.url_map.iter_rules():
        if rule.endpoint == "static":
            continue
        values: dict[str, Any] = {name: value_for(rule._converters[name]) for name in rule.arguments}
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            yield rule, method, adapter.build(rule.endpoint, values, method=method)


def ask(client: StrictClient, method: str, address: str) -> int:
    """Ask as a page of ours would, with an empty form."""
    if method in SAFE:
        return client.open(address, method=method).status_code
    form = {"csrf_token": client.csrf_token, "idempotency_key": "test-key-0123456789"}
    return client.open(address, method=method, data=form).status_code


@pytest.mark.parametrize("who", ROLES)
def test_each_role_gets_what_the_matrix_says(app: Flask, cast: Cast, sign_in: SignIn, who: str) -> None:
    wrong = []
    for rule, method, address in addresses(app):
        declared = access_of(app.view_functions[rule.endpoint])
        assert declared is not None
        allowed = declared == PUBLIC or any(may(cast.principals[who], needed) for needed in declared)
        expected = ANSWERS if allowed else {404 if method in SAFE else 403}
        status = ask(sign_in(who), method, address)
        if status not in expected:
            wrong.append((method, rule.rule, status))
    assert wrong == []


def test_nobody_gets_nothing_but_the_sign_in_page(app: Flask, client: StrictClient) -> None:
    wrong = []
    for rule, method, address in addresses(app):
        if access_of(app.view_functions[rule.endpoint]) == PUBLIC:
            continue
        response = client.open(address, method=method)
        if response.status_code != 303 or not (response.location or "").startswith("/sign-in"):
            wrong.append((method, rule.rule, response.status_code))
    assert wrong == []


def test_a_script_of_ours_is_told_where_to_sign_in(client: StrictClient) -> None:
    response = client.get("/account", headers={"HX-Request": "true"})
    assert (response.status_code, response.headers["HX-Redirect"]) == (401, "/sign-in")


def test_a_method_a_page_has_not_is_refused(sign_in: SignIn) -> None:
    response = sign_in("coordinator").send("/account")
    assert response.status_code == 405
    assert "GET" in response.headers["Allow"]


@pytest.mark.parametrize("word", ["9" * 16, "-1", "1.5", "٣", "1e3", "0x1"])
def test_ids_are_plain_short_numbers(app: Flask, word: str) -> None:
    from planner.app import IdConverter

    app.url_map.bind("localhost")
    import re

    assert not re.fullmatch(IdConverter.regex, word)


def test_roles_taken_away_are_gone_at_the_next_request(db: Session, cast: Cast, sign_in: SignIn) -> None:
    from planner.store.records import AccountRole

    client = sign_in("coordinator")
    assert client.get("/account").status_code == 200
    held = db.get(AccountRole, (cast.accounts["coordinator"].id, "coordinator"))
    db.delete(held)
    db.commit()
    assert client.get("/account").status_code == 404
