"""Hostile addresses, methods and forms at every route, for every role, on both databases: nothing answers a fault."""

import re
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from itertools import count
from pkgutil import walk_packages
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.routing import Rule
from wtforms.fields.core import UnboundField

import planner.web
from planner.web.fields import PlannerForm
from tests.house.conftest import NOBODY, WHO
from tests.house.sources import python_files
from tests.support.demo import Demo, csrf_token, demo_clinic, live_in

FAULT = 500
IDS = ("1", "2147483648", "9223372036854775808", "٣", "1%00", "-1", "1;2", "%F0%9F%92%8A")
ASKED = (
    "?day=%00&week=9999-99-99&page=9223372036854775808&site=9223372036854775808&date=0001-01-01&since=9999-12-31"
    "&q=%F0%9F&start=x"
)
METHODS = ("HEAD", "PUT", "TRACE", "PROPFIND")
#: Sent to every form under every name that a form of ours has: zero bytes, digits of another script, too large a
#: number, a year that no calendar has, and more than any box takes.
WORDS = ("\x00", "٣٣٣٣-١١-١١", "9223372036854775808", "9999-12-31", "🦄\r\nX: y;,\\" * 30)
KEYS = count()
PROTECTION = {"csrf_token", "idempotency_key", "seen_version"}
#: Not tried: they end the session that the other tries need.
ENDING = {
    *("auth.sign_out", "auth.end_all_browsers", "auth.change_password", "auth.end_browser"),
    *("staff.has_left", "patients.discharge"),
}
#: Who sends forms and tries every hostile id; the others go through the same code, or are refused before it.
SENDERS = {"coordinator", "patient"}
RAW = (
    ("application/x-www-form-urlencoded", b"\xff\xfe%zz&=&&a=%00"),
    ("multipart/form-data; boundary=x", b'--x\r\nContent-Disposition: form-data; name="a\r\n\r\n'),
    ("application/json", b'{"a": 1'),
)


ASKED_FOR = re.compile(r"""request\.form\.(?:get|getlist)\(\s*["']([a-z_]+)["']""")


@cache
def names_of_boxes() -> frozenset[str]:
    """Every name that a form class has or that a view asks for."""
    found = {name for path in python_files("web") for name in ASKED_FOR.findall(path.read_text(encoding="utf-8"))}
    for module in walk_packages(planner.web.__path__, "planner.web."):
        import_module(module.name)
    kinds = [PlannerForm]
    for kind in kinds:
        kinds += kind.__subclasses__()
        found |= {name for name in dir(kind) if isinstance(getattr(kind, name, None), UnboundField)}
    return frozenset(found - PROTECTION)


@pytest.fixture
def demo(fresh_database_url: str) -> Iterator[Demo]:
    with demo_clinic(fresh_database_url) as demo:
        live_in(demo)
        demo.app.test_client_class = FlaskClient  # what pages look like is looked at elsewhere, and takes time
        yield demo


def addresses(rule: Rule) -> list[str]:
    """The address with each hostile id in its place; one without ids, with hostile questions."""
    if not rule.arguments:
        return [rule.rule, rule.rule + ASKED]
    return ["".join(part if dull else value for dull, part in _parts(rule.rule)) for value in IDS]


def _parts(pattern: str) -> Iterator[tuple[bool, str]]:
    for piece in pattern.split("<"):
        inside, found, after = piece.rpartition(">")
        if found:
            yield False, inside
        yield True, after


def forms() -> Iterator[dict[str, str]]:
    """Forms that pass the protection and hold one hostile word everywhere; at last one that is hostile throughout."""
    for word, number in zip(WORDS, KEYS, strict=False):
        safe = {"csrf_token": csrf_token(), "idempotency_key": f"hostile-key-{number:08}", "seen_version": "1"}
        yield {**dict.fromkeys(names_of_boxes(), word), **safe}
    yield {**dict.fromkeys(names_of_boxes() | PROTECTION, "\x00"), "csrf_token": csrf_token()}


def try_all(demo: Demo, who: str) -> list[str]:
    """Every try that ended in a fault, as a line."""
    client = demo.client(None if who == NOBODY else who)
    faults: list[str] = []

    def note(method: str, address: str, **more: Any) -> None:
        answer = client.open(address, method=method, **more)
        if answer.status_code >= FAULT or "Traceback" in answer.get_data(as_text=True):
            faults.append(f"{who} {method} {address} {str(more)[:200]} answered {answer.status_code}")

    for rule in demo.app.url_map.iter_rules():
        methods = rule.methods or set()
        if rule.endpoint == "static":
            continue
        plain, *others = addresses(rule)
        for address in (plain, *(others if who in SENDERS else others[-1:])) if "GET" in methods else ():
            note("GET", address)
        if who not in SENDERS:
            continue
        for method in METHODS:
            note(method, plain)
        if "POST" not in methods or rule.endpoint in ENDING:
            continue
        for form in forms():
            note("POST", plain, data=form)
        for kind, body in RAW:
            note("POST", plain, data=body, content_type=kind, headers={"X-CSRFToken": csrf_token()})
        note("POST", plain, data={})
    return faults


def test_the_names_of_boxes_are_found() -> None:
    assert {"email", "day", "chair", "reason", "plan", "app"} <= names_of_boxes()


def test_no_request_whatever_it_holds_ends_in_a_fault(demo: Demo) -> None:
    faults = [fault for who in WHO for fault in try_all(demo, who)]
    assert not faults, "\n".join(faults[:40])
