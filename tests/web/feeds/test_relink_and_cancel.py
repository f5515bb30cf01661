"""A dose is lost: what a calendar program makes of what moved, what only serves another dose, and what is gone."""

from pathlib import Path
from typing import Any

import icalendar
import pytest
from sqlalchemy.orm import Session

from planner.domain.statuses import AppointmentStatus
from planner.scheduling.decisions import LineKind
from planner.services.publishing import CONSENT_VERSION, create_feed
from planner.services.rescheduling import Lose, apply, preview
from planner.store.records import FeedScope
from tests.feeds.test_ical_js import LIBRARY, READ
from tests.support.cast import NOW, Clock
from tests.support.strict_client import StrictClient
from tests.web.my.stage import Stage


@pytest.fixture
def path(db: Session, stage: Stage) -> str:
    _, token = create_feed(
        db, stage.cast.principals["patient"], FeedScope.PATIENT, stage.cast.patients["alder"].id, "Test phone",
        now=NOW, consent_version=CONSENT_VERSION,
    )  # fmt: skip
    db.commit()
    return f"/c/{token}/appointments.ics"


def as_icalendar_reads(body: bytes) -> dict[str, dict[str, Any]]:
    return {
        str(event["UID"]): {
            "start": event["DTSTART"].dt, "sequence": event["SEQUENCE"], "status": str(event["STATUS"]),
            "bytes": event.to_ical(), "changed": event["LAST-MODIFIED"].dt,
        }
        for event in icalendar.Calendar.from_ical(body).walk("VEVENT")
    }  # fmt: skip


def lose(stage: Stage, follow: str, clock: Clock) -> dict[str, set[str]]:
    """Cancel dose 2; the UIDs of what the decision did, by kind of line."""
    db, coordinator = stage.db, stage.cast.principals["coordinator"]
    act = Lose(stage.dose(2).id, AppointmentStatus.CANCELLED, follow, "Test reason")  # type: ignore[arg-type]
    uids = {row.id: row.uid for row in stage.dates()}
    before = preview(db, coordinator, act, now=clock())
    apply(db, coordinator, act, key=before.key, now=clock())
    db.commit()
    done: dict[str, set[str]] = {}
    for line in before.decision.lines:
        if line.before is not None and line.before.id in uids:
            lost = line.gives_up or line.status is AppointmentStatus.CANCELLED
            word = "gone" if lost else str(line.kind)
            done.setdefault(word, set()).add(uids[line.before.id])
    return done


@pytest.mark.parametrize("follow", ["slide", "drop"])
def test_each_kind_of_change_is_what_programs_can_tell_apart(
    client: StrictClient, path: str, stage: Stage, clock: Clock, follow: str, browser: Any
) -> None:
    first = client.get(path).data
    clock.pass_time(minutes=5)
    done = lose(stage, follow, clock)
    second = client.get(path).data
    before, after = as_icalendar_reads(first), as_icalendar_reads(second)
    assert before.keys() <= after.keys()
    gone, moved = done.get("gone", set()), done.get(LineKind.MOVED, set())
    relinked = done.get(LineKind.RELINKED, set()) | done.get(LineKind.RENUMBERED, set())
    assert gone
    assert moved or relinked
    for uid in before:
        if uid in gone | moved:
            assert after[uid]["sequence"] == before[uid]["sequence"] + 1
            assert after[uid]["changed"] > before[uid]["changed"]
        else:
            assert after[uid]["bytes"] == before[uid]["bytes"]
        assert after[uid]["status"] == ("CANCELLED" if uid in gone else "CONFIRMED")
        assert (after[uid]["start"] != before[uid]["start"]) <= (uid in moved)
    assert_ical_js_agrees(browser, second, after)


def assert_ical_js_agrees(browser: Any, body: bytes, read: dict[str, dict[str, Any]]) -> None:
    context = browser.new_context(timezone_id="Asia/Tokyo")
    library = Path(LIBRARY).read_text(encoding="utf-8")
    seen = context.new_page().evaluate(READ, [library, body.decode()])
    context.close()
    assert {(event["uid"], event["sequence"], event["status"]) for event in seen["events"]} == {
        (uid, event["sequence"], event["status"]) for uid, event in read.items()
    }
    assert {(event["uid"], event["span"][0]) for event in seen["events"]} == {
        (uid, f"{event['start']:%Y-%m-%dT%H:%M:%S.000Z}") for uid, event in read.items()
    }


def test_dropping_a_dose_renumbers_what_comes_after_it(stage: Stage, clock: Clock) -> None:
    """So that the test above is about what it says."""
    assert {"gone", LineKind.RENUMBERED} <= set(lose(stage, "drop", clock))
