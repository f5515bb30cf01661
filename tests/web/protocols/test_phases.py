"""Phases on screen: added, changed, removed, put back and undone in the draft; faults told at the field."""

from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from planner.domain.protocol_parsing import parse_protocol
from planner.store.queries.protocols import standing
from planner.store.records import ProtocolRecord
from tests.support.cast import Cast
from tests.support.planning_clinic import AtWork, put_to_work

TAPER = {
    "kind": "consolidation",
    "name": "Weekly taper",
    "booking": "firm",
    "doses": "4",
    "per_week": "1",
    "min_days": "5",
    "target_days": "7",
    "warn_days": "9",
    "max_days": "14",
    "span_target_days": "49",
    "span_review_days": "63",
    "source": "Phillips 2019",
}


@pytest.fixture
def at_work(db: Session, cast: Cast) -> AtWork:
    return put_to_work(db, cast)


@pytest.fixture
def url(at_work: AtWork) -> str:
    return f"/admin/protocols/{at_work.twice_weekly.protocol_id}"


def working(db: Session, at_work: AtWork) -> dict[str, Any]:
    db.expire_all()
    return standing(db, at_work.twice_weekly.protocol_id).working


def words(page: Any) -> str:
    return " ".join(page.words.split())


def press(client: Any, url: str, act: str, what: str) -> Any:
    page = client.page(f"{url}/phases")
    assert what in [dict(form["fields"]).get("what") for form in page.forms if form["action"] == f"{url}/phases"]
    return client.submit(page, f"{url}/phases", {"act": act, "what": what})


def test_a_firm_taper_is_added_with_the_days_of_the_whole_course(db: Session, sign_in, url: str, at_work) -> None:
    admin = sign_in("admin")
    form = admin.page(f"{url}/phases/add")
    assert admin.submit(form, f"{url}/phases/add", TAPER).status_code == 303
    page = words(admin.page(f"{url}/phases"))
    assert "Weekly taper new in this draft" in page
    assert "4 doses, 1 a week, 5 to 14 days apart (aimed at 7, warned from 9)" in page
    assert "Whole course: 49 days aimed at, reviewed by a prescriber above 63." in page
    protocol = parse_protocol(working(db, at_work))
    assert len(protocol.firm_doses) == 10
    assert protocol.provenance["dose_phases.1.doses"].source == "Phillips 2019"


def test_phases_are_moved_removed_put_back_and_undone(db: Session, sign_in, url: str, at_work) -> None:
    admin = sign_in("admin")
    for name in ("Weekly taper", "Last two"):
        form = admin.page(f"{url}/phases/add")
        assert admin.submit(form, f"{url}/phases/add", {**TAPER, "name": name, "doses": "2"}).status_code == 303
    assert press(admin, url, "earlier", "2").status_code == 303
    names = [phase["name"] for phase in working(db, at_work)["dose_phases"]]
    assert names == ["Induction", "Last two", "Weekly taper"]
    assert press(admin, url, "remove", "1").status_code == 303
    assert admin.submit(admin.page(f"{url}/phases"), f"{url}/undo").status_code == 303
    assert len(working(db, at_work)["dose_phases"]) == 3
    assert press(admin, url, "remove", "boosters").status_code == 303
    page = words(admin.page(f"{url}/phases"))
    assert "Removed in this draft Boosters: 1 booster proposed, 14 to 90 days after the last dose" in page
    assert press(admin, url, "back", "boosters").status_code == 303
    assert working(db, at_work)["boosters"] is not None


def test_what_no_plan_could_satisfy_is_refused_in_a_sentence(db: Session, sign_in, url: str, at_work) -> None:
    admin = sign_in("admin")
    refused = press(admin, url, "remove", "0")
    assert refused.status_code == 422
    assert "A protocol needs at least one phase with doses." in refused.text
    page = admin.page(f"{url}/phases")
    for act, what, status in (("melt", "0", 400), ("remove", "nine", 400), ("remove", "9", 422), ("later", "0", 422)):
        assert admin.submit(page, f"{url}/phases", {"act": act, "what": what}).status_code == status
    for changed, field, sentence in (
        ({"span_target_days": "21"}, "span_target_days", "10 doses at their smallest gaps take 30 days"),
        ({"target_days": "4"}, "target_days", "Target days (4) cannot be less than minimum days (5)."),
        ({"doses": "many"}, "doses", "Enter a number, such as 12 or 1.5."),
        ({"name": ""}, "name", "Say what this phase is called."),
        ({"source": ""}, "source", "Say where this number comes from."),
    ):
        form = admin.page(f"{url}/phases/add")
        answer = admin.submit(form, f"{url}/phases/add", {**TAPER, **changed})
        assert answer.status_code == 422, changed
        assert f'id="{field}-error"' in answer.text, changed
        assert sentence in answer.text, changed
        assert 'value="14"' in answer.text
    form = admin.page(f"{url}/phases/add")
    first = admin.submit(form, f"{url}/phases/add", {**TAPER, "kind": "maintenance", "booking": "proposed"})
    assert "Doses after the course must be at least 14 days apart." in first.text
    assert len(working(db, at_work)["dose_phases"]) == 1


def test_a_phase_is_renamed_and_only_changed_numbers_get_a_new_source(db: Session, sign_in, url: str, at_work) -> None:
    admin = sign_in("admin")
    before = working(db, at_work)["dose_phases"][0]
    form = admin.page(f"{url}/phases/1")
    typed = {"name": "Loading", "doses": "5"}
    assert admin.submit(form, f"{url}/phases/1", typed).status_code == 303
    after = working(db, at_work)["dose_phases"][0]
    assert (after["name"], after["key"], after["doses"]["value"]) == ("Loading", "induction", 5)
    assert after["doses"]["source"] == "Clinic policy, Wed 4 Mar 2026"
    assert after["spacing"] == before["spacing"]
    for place in (0, 2, 99):
        admin.page(f"{url}/phases/{place}", 404)


def test_preparation_is_added_to_a_protocol_that_has_none(db: Session, sign_in, at_work) -> None:
    row = db.scalars(select(ProtocolRecord).where(ProtocolRecord.slug == "nad")).one()
    here = f"/admin/protocols/{row.id}/phases"
    admin = sign_in("admin")
    assert "Preparation sessionsNone" in words(admin.page(here))
    typed = {"sessions": "1", "recommended": "2", "minutes": "50", "min_days": "1", "target_days": "7", "max_days": "5"}
    form = admin.page(f"{here}/preparation")
    answer = admin.submit(form, f"{here}/preparation", {**typed, "required": "y"})
    assert answer.status_code == 422
    assert 'id="max_days-error"' in answer.text
    assert admin.submit(form, f"{here}/preparation", {**typed, "max_days": "14", "required": "y"}).status_code == 303
    page = words(admin.page(here))
    assert "1 session needed, 2 recommended, 50 min each, 1 to 14 days before the first dose (aimed at 7)" in page
    assert "what follows waits for it" in page
    form = admin.page(f"{here}/preparation")
    assert admin.submit(form, f"{here}/preparation", {"min_lead_h": "24"}).status_code == 303
    assert "over at least 24 h before check-in" in words(admin.page(here))


def test_an_older_page_of_phases_changes_nothing(db: Session, sign_in, url: str, at_work) -> None:
    first, second = sign_in("admin"), sign_in("prescriber")
    seen, form = second.page(f"{url}/phases"), second.page(f"{url}/phases/1")
    assert press(first, url, "remove", "boosters").status_code == 303
    late = second.submit(seen, f"{url}/phases", {"act": "remove", "what": "preparation"})
    assert late.status_code == 409
    assert "Removed in this draft" in late.text
    late = second.submit(form, f"{url}/phases/1", {"name": "Loading"})
    assert late.status_code == 409
    assert 'value="Loading"' in late.text
    assert working(db, at_work)["preparation"] is not None


def test_only_those_who_prepare_protocols_change_phases(sign_in, url: str) -> None:
    nurse = sign_in("nurse")
    for path in ("phases", "phases/add", "phases/1", "phases/boosters"):
        nurse.page(f"{url}/{path}", 404)
    assert nurse.send(f"{url}/phases", {"act": "remove", "what": "boosters"}).status_code == 403
