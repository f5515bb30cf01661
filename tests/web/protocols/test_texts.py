"""A protocol's name, summary and evidence note are changed in the draft like its numbers."""

import pytest
from sqlalchemy.orm import Session

from planner.store.queries.protocols import standing
from planner.store.records import ProtocolVersion
from tests.support.booked_course import book_course_for
from tests.support.cast import Cast
from tests.support.planning_clinic import AtWork, put_to_work

SAID = {
    "name": "Six and a taper",
    "summary": "Six doses, then two a week apart.",
    "evidence_note": "Our own experience.",
}


@pytest.fixture
def at_work(db: Session, cast: Cast) -> AtWork:
    return put_to_work(db, cast)


@pytest.fixture
def url(at_work: AtWork) -> str:
    return f"/admin/protocols/{at_work.twice_weekly.protocol_id}"


def test_what_a_protocol_says_of_itself_is_signed_with_it(db: Session, sign_in, url: str, at_work) -> None:
    prescriber = sign_in("prescriber")
    form = prescriber.page(f"{url}/texts")
    assert prescriber.submit(form, f"{url}/texts", SAID).status_code == 303
    assert "IV racemic ketamine, twice weekly" in prescriber.page(url).headings
    assert "Six doses, then two a week apart." in prescriber.page(f"{url}/changes").words
    prescriber.submit(prescriber.page(f"{url}/sign"), f"{url}/sign", {"note": "A taper"})
    page = prescriber.page(url)
    assert "Six and a taper" in page.headings
    assert "Six doses, then two a week apart." in page.words


def test_a_booked_course_keeps_the_name_of_its_version(db: Session, sign_in, cast: Cast, at_work: AtWork) -> None:
    booked = book_course_for(db, cast, at_work=at_work)
    prescriber = sign_in("prescriber")
    version = db.get_one(ProtocolVersion, booked.course.protocol_version_id)
    url = f"/admin/protocols/{version.protocol_id}"
    prescriber.submit(prescriber.page(f"{url}/texts"), f"{url}/texts", SAID)
    prescriber.submit(prescriber.page(f"{url}/sign"), f"{url}/sign", {"note": "A taper"})
    words = prescriber.page(f"/courses/{booked.course.id}").words
    assert f"{version.document['name']}, version 1" in words
    assert "Six and a taper" not in words


@pytest.mark.parametrize(
    ("typed", "field", "sentence"),
    [
        ({"name": " "}, "name", "This cannot be empty."),
        ({"name": "IV NAD+"}, "name", "Another protocol has this name already."),
        ({"name": "iv  NAD\u200b+"}, "name", "Another protocol has this name already."),
        ({"summary": ""}, "summary", "This cannot be empty."),
        ({"evidence_note": "x" * 2001}, "evidence_note", "Enter at most 2000 characters"),
    ],
)
def test_a_fault_is_told_at_its_field(
    db: Session, sign_in, url: str, at_work: AtWork, typed: dict[str, str], field: str, sentence: str
) -> None:
    admin = sign_in("admin")
    answer = admin.submit(admin.page(f"{url}/texts"), f"{url}/texts", {**SAID, **typed})
    assert answer.status_code == 422
    assert f'id="{field}-error"' in answer.text
    assert sentence in answer.text
    db.expire_all()
    assert not standing(db, at_work.twice_weekly.protocol_id).has_draft


def test_an_older_page_overwrites_nobodys_words(sign_in, url: str) -> None:
    first, second = sign_in("admin"), sign_in("prescriber")
    seen = second.page(f"{url}/texts")
    assert first.submit(first.page(f"{url}/texts"), f"{url}/texts", SAID).status_code == 303
    late = second.submit(seen, f"{url}/texts", {"name": "Another"})
    assert late.status_code == 409
    assert 'value="Another"' in late.text
    sign_in("nurse").page(f"{url}/texts", 404)
