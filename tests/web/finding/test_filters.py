"""Lists are narrowed down by numbers and words of ours, and a filter is kept under a name for oneself."""

from collections.abc import Callable

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from planner.domain.statuses import CourseStatus
from planner.services.finding import MOST_FILTERS
from planner.services.status_changes import cancel
from planner.store.records import Account, AccountSite, Course, SavedFilter
from tests.support.booked_course import BookedCourse, book_course_for
from tests.support.cast import NOW, Cast
from tests.support.one_database import ON_ONE_DATABASE
from tests.support.strict_client import Page, StrictClient

SignIn = Callable[[str], StrictClient]


@pytest.fixture
def course(db: Session, cast: Cast) -> BookedCourse:
    """Alder's, who is the therapist's; the coordinator works at both sites."""
    booked = book_course_for(db, cast)
    db.add(AccountSite(account_id=cast.accounts["coordinator"].id, site_id=cast.south.id))
    db.commit()
    return booked


def patients_on(client: StrictClient, cast: Cast, asked: str) -> set[str]:
    links = client.page(f"/patients?{asked}").links
    return {name for name, patient in cast.patients.items() if f"/patients/{patient.id}" in links}


def test_patients_by_site_therapist_course_and_what_waits(
    sign_in: SignIn, cast: Cast, course: BookedCourse, db: Session
) -> None:
    client = sign_in("coordinator")
    assert patients_on(client, cast, "") == {"alder", "birch", "cedar"}
    assert patients_on(client, cast, f"site={cast.south.id}") == {"cedar"}
    assert patients_on(client, cast, f"therapist={cast.people['therapist'].id}") == {"alder"}
    assert patients_on(client, cast, "course=open") == {"alder"}
    assert patients_on(client, cast, "course=none") == {"birch", "cedar"}
    assert patients_on(client, cast, "attention=1") == set()
    session = course.session(2)
    cancel(db, cast.principals["coordinator"], session.id, seen_version=session.version, now=NOW)
    db.commit()
    assert patients_on(client, cast, "attention=1") == {"alder"}
    assert f"/courses/{course.course.id}" in client.page("/courses?attention=1").links


def test_courses_by_status_site_and_therapist(sign_in: SignIn, cast: Cast, course: BookedCourse, db: Session) -> None:
    client, its = sign_in("coordinator"), f"/courses/{course.course.id}"
    for asked, shown in (
        ("", True),
        (f"site={cast.north.id}", True),
        (f"site={cast.south.id}", False),
        (f"therapist={cast.people['therapist'].id}", True),
        (f"therapist={cast.people['therapist-two'].id}", False),
        ("show=completed", False),
        ("attention=1", False),
    ):
        page = client.page(f"/courses?{asked}")
        assert (its in page.links) is shown, asked
        assert ("No course fits" in page.words) is not shown
        assert ("Clear the filter" in page.words) is bool(asked)
    db.execute(update(Course).values(status=CourseStatus.COMPLETED))
    db.commit()
    assert its in client.page("/courses?show=completed").links


@ON_ONE_DATABASE
def test_the_boxes_show_what_is_chosen(sign_in: SignIn, cast: Cast, course: BookedCourse) -> None:
    asked = f"attention=1&show=all&site={cast.south.id}"
    form = sign_in("coordinator").page(f"/courses?{asked}").form("/courses")
    chosen = dict(form["fields"])
    assert (chosen["site"], chosen["show"], "attention" in chosen) == (str(cast.south.id), "all", True)


@ON_ONE_DATABASE
def test_somebody_at_one_site_is_not_asked_for_it(sign_in: SignIn) -> None:
    form = sign_in("nurse").page("/patients").form("/patients")
    assert "site" not in dict(form["fields"])


def save(client: StrictClient, where: str, name: str) -> Page:
    page = client.page(where)
    answer = client.submit(page, f"/filters/{where.split('?')[0].strip('/')}", {"name": name})
    assert answer.status_code == 303
    assert answer.location == where
    return client.page(where)


def test_a_filter_is_kept_used_and_removed(sign_in: SignIn, cast: Cast, course: BookedCourse, db: Session) -> None:
    client = sign_in("coordinator")
    where = f"/courses?show=all&site={cast.north.id}"
    page = save(client, where, "Everything up north")
    assert where in client.page("/courses").links
    assert "Everything up north" in page.words
    assert "Save this filter" not in page.words
    assert where not in client.page("/patients").links
    for other in ("nurse", "coordinator-south"):
        assert "Everything up north" not in sign_in(other).page("/courses").words
    kept = db.scalars(select(SavedFilter)).one()
    assert kept.choices == {"show": "all", "site": str(cast.north.id)}
    removing = f"/filters/{kept.id}/remove"
    assert sign_in("nurse").send(removing).status_code == 404
    assert client.submit(page, removing).location == "/courses"
    assert "Everything up north" not in client.page("/courses").words


def test_the_same_name_again_replaces_it(sign_in: SignIn, cast: Cast, db: Session) -> None:
    client = sign_in("coordinator")
    save(client, "/patients?course=open", "Mine")
    save(client, "/patients?course=none", "Mine")
    db.expire_all()
    assert db.scalars(select(SavedFilter.choices)).all() == [{"course": "none"}]


@ON_ONE_DATABASE
@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("", "Enter a name for the filter."),
        ("x" * 61, "Enter at most 60 characters"),
        ("two\nlines", "Take out line breaks"),
    ],
)
def test_a_name_that_cannot_be_is_said_and_the_choices_stay(sign_in: SignIn, name: str, sentence: str) -> None:
    client = sign_in("coordinator")
    answer = client.submit(client.page("/courses?show=all"), "/filters/courses", {"name": name})
    page = Page(answer.text)
    assert answer.status_code == 422
    assert sentence in page.words
    assert client.submit(page, "/filters/courses", {"name": "All of them"}).location == "/courses?show=all"


def test_nothing_chosen_and_too_many_are_refused(sign_in: SignIn, db: Session, cast: Cast) -> None:
    client = sign_in("coordinator")
    assert "Choose something to filter by first." in client.send("/filters/courses", {"name": "Nothing"}).text
    account = db.scalars(select(Account.id).where(Account.email == cast.email("coordinator"))).one()
    db.add_all(
        SavedFilter(account_id=account, page="courses", name=f"Filter {n}", choices={"show": "all"}, created_at=NOW)
        for n in range(MOST_FILTERS)
    )
    db.commit()
    answer = client.send("/filters/courses", {"name": "One more", "show": "all"}, key="another-key-0123456789")
    assert answer.status_code == 422
    assert "Remove one first." in answer.text


@ON_ONE_DATABASE
def test_only_lists_that_there_are_have_filters(sign_in: SignIn) -> None:
    assert sign_in("coordinator").send("/filters/staff", {"name": "x", "show": "all"}).status_code == 404
    assert sign_in("admin").send("/filters/courses", {"name": "x", "show": "all"}).status_code == 403
