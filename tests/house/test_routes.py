"""Every address says who may open it, and every change says why sending it twice is safe."""

from collections.abc import Iterator

import pytest
from flask import Flask

from config import PasswordCost, Settings
from planner.app import create_app
from planner.domain.access import Permission
from planner.web.access import access_of, public, reads_of, repetition_of, requires, undeclared_views, unsaid_reads
from planner.web.reads import Reads

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


#: Parts of an address that name a patient or something of one patient.
OF_ONE_PATIENT = {"patient_id", "course_id", "appointment_id", "draft_id"}


def test_every_view_that_may_show_a_patient_says_what_it_reads(app: Flask) -> None:
    assert unsaid_reads(app) == []


def test_a_planted_view_that_does_not_say_what_it_reads_is_found(app: Flask) -> None:
    app.add_url_rule("/planted/<id:patient_id>", "planted", requires(Permission.PATIENTS_READ)(lambda patient_id: ""))
    assert unsaid_reads(app) == ["planted"]


def test_every_address_of_one_patient_s_record_writes_its_reads_down(app: Flask) -> None:
    """Also behind a permission that has nothing to do with patients."""
    unsaid = {
        rule.rule
        for rule in app.url_map.iter_rules()
        if rule.arguments & OF_ONE_PATIENT and not isinstance(reads_of(app.view_functions[rule.endpoint]), Reads)
    }
    assert unsaid == set()
