"""The parts of a visit on screen: each button changes the draft, says what it does to the chair, and can be undone."""

from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from planner.services.protocols import newest_version
from planner.store.queries.protocols import standing
from planner.store.records import ProtocolRecord
from tests.support.cast import Cast
from tests.support.planning_clinic import AtWork, put_to_work

MUSIC = {"name": "Music", "length": "15", "place": "infusion", "source": "Our own pilot"}


@pytest.fixture
def at_work(db: Session, cast: Cast) -> AtWork:
    return put_to_work(db, cast)


@pytest.fixture
def url(at_work: AtWork) -> str:
    return f"/admin/protocols/{at_work.twice_weekly.protocol_id}"


def names(db: Session, at_work: AtWork) -> list[str]:
    db.expire_all()
    document = standing(db, at_work.twice_weekly.protocol_id).working
    return [block["key"] for block in document["visit"]["blocks"]]


def press(client: Any, url: str, act: str, key: str) -> Any:
    """Press one button of the page as it is now."""
    page = client.page(f"{url}/visit")
    shown = [dict(form["fields"]).get("what") for form in page.forms if form["action"] == f"{url}/visit"]
    assert key in shown
    return client.submit(page, f"{url}/visit", {"act": act, "what": key})


def test_a_part_is_added_and_the_page_says_how_long_the_chair_is_held(db: Session, sign_in, url: str, at_work) -> None:
    admin = sign_in("admin")
    form = admin.page(f"{url}/visit/add")
    assert admin.submit(form, f"{url}/visit/add", MUSIC).status_code == 303
    page = admin.page(f"{url}/visit")
    assert "Kept in the draft. Chair held 160 min, was 145." in page.words
    assert "Music new in this draft" in page.words
    assert names(db, at_work) == ["check_in", "infusion", "music", "recovery", "turnover"]
    added = standing(db, at_work.twice_weekly.protocol_id).working["visit"]["blocks"][2]
    assert added["length_min"] == {"value": 15, "unit": "min", "mark": "clinic policy", "source": "Our own pilot"}
    assert added["holds"] == ["chair", "nurse"]
    assert newest_version(db, "iv-racemic-twice-weekly").number == 1


def test_buttons_move_remove_put_back_and_undo(db: Session, sign_in, url: str, at_work) -> None:
    admin = sign_in("admin")
    assert press(admin, url, "earlier", "recovery").status_code == 303
    assert names(db, at_work) == ["check_in", "recovery", "infusion", "turnover"]
    assert press(admin, url, "later", "recovery").status_code == 303
    assert press(admin, url, "remove", "recovery").status_code == 303
    page = admin.page(f"{url}/visit")
    assert "Removed in this draft Recovery and debrief, 60 min" in " ".join(page.words.split())
    assert "Chair held 85 min, was 145." in page.words
    assert press(admin, url, "back", "recovery").status_code == 303
    db.expire_all()
    assert not standing(db, at_work.twice_weekly.protocol_id).has_draft

    assert press(admin, url, "dose", "recovery").status_code == 303
    page = admin.page(f"{url}/visit")
    assert "Dose ends, after check-in 130 min, was 70." in page.words
    assert admin.submit(page, f"{url}/undo").status_code == 303
    page = admin.page(f"{url}/visit")
    assert "Undone." in page.words
    assert "Undo the last change" not in page.words
    assert names(db, at_work) == ["check_in", "infusion", "recovery", "turnover"]
    db.expire_all()
    assert not standing(db, at_work.twice_weekly.protocol_id).has_draft


def test_what_is_refused_is_said_and_nothing_changes(db: Session, sign_in, url: str, at_work) -> None:
    admin = sign_in("admin")
    page = admin.page(f"{url}/visit")
    for act, key, sentence in (
        ("remove", "infusion", "“Infusion” carries the dose. Let another part carry it first"),
        ("earlier", "turnover", "“Turnover” begins once the patient has left, so it stays last."),
        ("remove", "nothing", "This part is not in the visit any more."),
    ):
        answer = admin.submit(page, f"{url}/visit", {"act": act, "what": key})
        assert answer.status_code == 422
        assert sentence in answer.text
    assert admin.submit(page, f"{url}/visit", {"act": "melt", "what": "infusion"}).status_code == 400
    assert names(db, at_work) == ["check_in", "infusion", "recovery", "turnover"]


@pytest.mark.parametrize(
    ("typed", "field", "sentence"),
    [
        ({"name": " "}, "name", "Say what this part is called."),
        ({"length": "ten"}, "length", "Enter a number, such as 12 or 1.5."),
        ({"length": "2000"}, "length", "This must lie between 1 and 1440."),
        ({"source": ""}, "source", "Say where this number comes from."),
        ({"place": "gone-by"}, "place", "Choose from this list"),
        ({"holds": ["nurse"], "on_site": ["nurse"]}, "on_site", "What a part holds need not be named as on site too."),
    ],
)
def test_a_fault_is_told_at_its_field_and_what_was_typed_stays(
    sign_in, url: str, typed: dict[str, Any], field: str, sentence: str
) -> None:
    admin = sign_in("admin")
    form = admin.page(f"{url}/visit/add")
    answer = admin.submit(form, f"{url}/visit/add", {**MUSIC, "source": "A pilot of ours", **typed})
    assert answer.status_code == 422
    assert f'id="{field}-error"' in answer.text
    assert sentence in answer.text
    if field != "name":
        assert 'value="Music"' in answer.text


def test_a_part_is_renamed_and_its_length_gets_a_new_source(db: Session, sign_in, url: str, at_work) -> None:
    admin = sign_in("admin")
    form = admin.page(f"{url}/visit/parts/turnover")
    shown = next(dict(each["fields"]) for each in form.forms if each["action"] == f"{url}/visit/parts/turnover")
    assert (shown["name"], shown["length"], shown["mark"]) == ("Turnover", "15", "clinic policy")
    typed = {"name": "Clean the chair", "length": "20"}
    assert admin.submit(form, f"{url}/visit/parts/turnover", typed).status_code == 303
    db.expire_all()
    block = standing(db, at_work.twice_weekly.protocol_id).working["visit"]["blocks"][3]
    assert (block["key"], block["name"]) == ("turnover", "Clean the chair")
    assert (block["length_min"]["value"], block["length_min"]["source"]) == (20, "Clinic policy, Wed 4 Mar 2026")
    admin.page(f"{url}/visit/parts/nothing", 404)


def test_a_page_that_is_older_than_the_draft_changes_nothing_and_shows_the_newer_state(
    db: Session, sign_in, url: str, at_work
) -> None:
    first, second = sign_in("admin"), sign_in("prescriber")
    seen, form = second.page(f"{url}/visit"), second.page(f"{url}/visit/add")
    assert press(first, url, "remove", "turnover").status_code == 303
    late = second.submit(seen, f"{url}/visit", {"act": "remove", "what": "recovery"})
    assert late.status_code == 409
    assert "Removed in this draft" in late.text
    late = second.submit(form, f"{url}/visit/add", {**MUSIC, "name": "Silence"})
    assert late.status_code == 409
    assert 'value="Silence"' in late.text
    assert "What others have saved" in late.text
    older = second.page(f"{url}/visit")
    assert press(first, url, "back", "turnover").status_code == 303
    assert press(first, url, "remove", "turnover").status_code == 303
    late = second.submit(older, f"{url}/undo")
    assert late.status_code == 409
    assert "changed by somebody else" in late.text
    assert names(db, at_work) == ["check_in", "infusion", "recovery"]


def test_only_those_who_prepare_protocols_change_a_visit(sign_in, url: str) -> None:
    nurse = sign_in("nurse")
    nurse.page(f"{url}/visit", 404)
    nurse.page(f"{url}/visit/add", 404)
    assert nurse.send(f"{url}/visit", {"act": "remove", "what": "turnover"}).status_code == 403
    assert nurse.send(f"{url}/undo", {}).status_code == 403
    assert f"{url}/visit" not in nurse.page(url).links


def test_signing_leaves_nothing_to_undo(db: Session, sign_in, url: str, cast: Cast) -> None:
    prescriber = sign_in("prescriber")
    press(prescriber, url, "remove", "turnover")
    assert "Undo the last change" in prescriber.page(f"{url}/visit").words
    prescriber.submit(prescriber.page(f"{url}/sign"), f"{url}/sign", {"note": "The next patient brings a sheet"})
    assert "Undo the last change" not in prescriber.page(f"{url}/visit").words
    db.expire_all()
    row = db.scalars(select(ProtocolRecord).where(ProtocolRecord.slug == "iv-racemic-twice-weekly")).one()
    assert standing(db, row.id).document["visit"]["blocks"][-1]["key"] == "recovery"
