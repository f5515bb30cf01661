"""What stands around every page."""

from collections.abc import Callable

import pytest
from flask import Flask

from planner.domain.access import Principal, Role
from planner.web import navigation
from tests.support.strict_client import StrictClient

SignIn = Callable[[str], StrictClient]


@pytest.mark.parametrize("role", list(Role))
def test_nobody_has_more_than_six_places_to_go(app: Flask, monkeypatch: pytest.MonkeyPatch, role: Role) -> None:
    monkeypatch.setattr(navigation, "page_exists", lambda url: True)
    links = navigation.PATIENT_LINKS if role is Role.PATIENT else navigation.STAFF_LINKS
    with app.test_request_context("/today"):
        shown = navigation._links(Principal(account_id=1, roles=frozenset({role})), links)
    assert 1 <= len(shown) <= 6
    assert [link.label for link in shown if link.current] == ([] if role is Role.PATIENT else ["Today"])


def test_one_place_is_current_even_below_another(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(navigation, "page_exists", lambda url: True)
    patient = Principal(account_id=1, roles=frozenset({Role.PATIENT}))
    with app.test_request_context("/my/calendar/new"):
        shown = navigation._links(patient, navigation.PATIENT_LINKS)
    assert [link.label for link in shown if link.current] == ["Calendar"]


def test_name_and_site_are_shown(sign_in: SignIn) -> None:
    words = sign_in("coordinator").page("/account").words
    assert "Test Coordinator" in words
    assert "North" in words


def test_staff_are_asked_before_the_idle_limit(sign_in: SignIn) -> None:
    assert 'data-after-minutes="13"' in sign_in("nurse").get("/account").text
    assert "data-after-minutes" not in sign_in("patient").get("/account").text


def test_keys_for_forms_are_long_and_new() -> None:
    keys = {navigation.new_key() for _ in range(100)}
    assert len(keys) == 100
    assert min(len(key) for key in keys) >= 32
