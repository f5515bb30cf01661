"""A clinic is made of a planning instance, its patients planned through the pages, the plan taken out and checked."""

import io
import json
from typing import Any

from planner.app import create_app
from planner.domain.access import Role
from planner.services.instances.parsing import parse_instance
from planner.store.engine import Store
from tests.support.cast import PASSWORD, Clock
from tests.support.instances import account, content_of, day_before, document_of
from tests.support.one_database import ON_ONE_DATABASE
from tests.support.plan_checker import broken_rules
from tests.support.strict_client import StrictClient
from tests.web.conftest import SETTINGS


def browser(store: Store, clock: Clock, who: str) -> StrictClient:
    """One that came in through the sign-in page."""
    app = create_app(SETTINGS, clock=clock, store=store)
    app.test_client_class = StrictClient
    client: Any = app.test_client()
    typed = {"email": f"{who}@clinic.example", "password": PASSWORD}
    assert client.submit(client.page("/sign-in"), "/sign-in", typed).status_code == 303
    return client  # type: ignore[no-any-return]


def bring_in(client: StrictClient) -> None:
    """Look through the file, then make the clinic."""
    sent = {"file": [(io.BytesIO(content_of("S")), "S.json")]}
    page = client.page("/admin/instances")
    answer = client.submit(page, "/admin/instances", sent, content_type="multipart/form-data")
    assert answer.status_code == 303, answer.text
    look = client.page(answer.location or "")
    assert "246" in look.words
    assert client.submit(look, f"{answer.location}/bring-in").status_code == 303


def go_through(client: StrictClient, address: str) -> bool:
    """One plan through the steps as the file has it answered; whether it ended in a course."""
    for step, following in (("2", "3"), ("3", "4"), ("4", "4/dates"), ("4/dates", "5")):
        page = client.page(f"{address}/{step}")
        if "No plan fits what was asked" in page.words:
            return False
        answer = client.submit(page, f"{address}/{step}")
        assert answer.location == f"{address}/{following}", answer.text[:2000]
    answer = client.submit(client.page(f"{address}/5"), f"{address}/5", {"agree": "y"})
    assert answer.status_code == 303, answer.text[:2000]
    return (answer.location or "").startswith("/courses/")


@ON_ONE_DATABASE  # the services under it are tried on both: tests/services/instances
def test_the_small_instance_is_planned_through_the_pages(fresh_store: Store) -> None:
    now = day_before(parse_instance(content_of("S")))
    with fresh_store.writing() as db:
        account(db, "admin", Role.ADMIN, now)
        account(db, "coordinator", Role.COORDINATOR, now)
    clock = Clock(now)
    bring_in(browser(fresh_store, clock, "admin"))
    client = browser(fresh_store, clock, "coordinator")
    begun = client.submit(client.page("/admin/instances"), "/admin/instances/plans")
    assert begun.status_code == 303
    booked = [go_through(client, f"/courses/new/{number}") for number in range(1, 7)]
    assert sum(booked) >= 4
    plan = json.loads(client.submit(client.page("/admin/instances"), "/admin/instances/plan.json").data)
    assert broken_rules(document_of("S"), plan) == []
    assert len({one["patient"] for one in plan["appointments"]}) == sum(booked)
    taken_out = client.submit(client.page("/admin/instances"), "/admin/instances/instance.json")
    assert taken_out.headers["Cache-Control"] == "no-store"
    assert parse_instance(taken_out.data) == parse_instance(content_of("S"))
    for path in ("/today", "/board", "/courses", "/patients", "/rosters"):
        for link in client.page(path).links if client.get(path).status_code == 200 else ():
            if link.startswith(("/infusions", "/integration", "/patients/", "/courses/")):
                assert client.get(link).status_code < 400, f"{path} leads to {link}"
