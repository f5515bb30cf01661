"""The pages around a roster: absences, closed days, public holidays, and what has to be reassigned."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from planner.store.records import Absence, Appointment, ChangeSet, Closure
from tests.builders import appointment, at, counted_queries
from tests.support.cast import Cast, Clock
from tests.support.planning_clinic import put_to_work
from tests.support.strict_client import StrictClient
from tests.web.rosters.test_disrupting import SignIn, read

PAGES = ("absences", "closures", "holidays", "sick", "reassign")


@dataclass(frozen=True)
class Desk:
    """North at work with nothing booked, and its coordinator."""

    db: Session
    cast: Cast
    client: StrictClient

    def absence(self, first: str = "2026-03-10 00:00", last: str = "2026-03-11 00:00") -> Absence:
        row = Absence(
            person_id=self.cast.people["therapist"].id, starts_at=at(first), ends_at=at(last), reason="training"
        )
        self.db.add(row)
        self.db.commit()
        return row

    def again(self) -> Absence:
        return self.db.scalars(select(Absence).execution_options(populate_existing=True)).one()

    def undo(self, kind: str, path: str) -> None:
        """Take it back by the notice on the page."""
        group = self.db.scalars(
            select(ChangeSet.id).where(ChangeSet.kind == kind).order_by(ChangeSet.id.desc())
        ).first()
        done = self.client.submit(self.client.page(path), f"/rosters/changes/{group}/undo")
        assert done.status_code == 303
        assert done.location.split("?")[0] == path

    def session(self, start: str = "2026-03-10 10:00", **facts: object) -> Appointment:
        facts = {"therapist": self.cast.people["therapist"]} | facts
        row = appointment(self.db, self.cast.patients["birch"], at(start), **facts)  # type: ignore[arg-type]
        self.db.commit()
        return row


@pytest.fixture
def desk(db: Session, cast: Cast, sign_in: SignIn) -> Desk:
    put_to_work(db, cast)
    db.commit()
    return Desk(db, cast, sign_in("coordinator"))


# Absences


def test_absences_are_listed_and_one_is_changed_after_a_look(desk: Desk) -> None:
    row = desk.absence()
    page = desk.client.page("/rosters/absences")
    assert "Tue 10 Mar 2026" in page.words
    assert "training" in page.words
    form = desk.client.page(f"/rosters/absences/{row.id}")
    preview = read(desk.client.submit(form, f"/rosters/absences/{row.id}/changes", {"to_day": "2026-03-12"}))
    assert "Test Therapist away, Tue 10 Mar to Thu 12 Mar 2026" in preview.headings
    assert desk.client.submit(preview, f"/rosters/absences/{row.id}/change").location.startswith("/rosters/absences")
    assert desk.again().ends_at == at("2026-03-13 00:00")
    desk.undo("absence.change", "/rosters/absences")
    assert desk.again().ends_at == at("2026-03-11 00:00")


def test_a_form_shows_the_times_of_an_absence_as_they_are(desk: Desk) -> None:
    row = desk.absence("2026-03-10 13:00", "2026-03-11 00:00")
    fields = dict(desk.client.page(f"/rosters/absences/{row.id}").form(f"/rosters/absences/{row.id}/changes")["fields"])
    named = {name: fields.get(name, "") for name in ("from_day", "from_time", "to_day", "to_time", "reason")}
    assert named == {
        "from_day": "2026-03-10",
        "from_time": "13:00",
        "to_day": "2026-03-10",
        "to_time": "",
        "reason": "training",
    }


def test_who_is_back_early_and_who_is_not_away_after_all(desk: Desk, clock: Clock) -> None:
    going_on = desk.absence("2026-03-04 08:00", "2026-03-06 00:00")
    page = desk.client.page(f"/rosters/absences/{going_on.id}")
    assert desk.client.submit(page, f"/rosters/absences/{going_on.id}/end", seen(page)).status_code == 303
    assert desk.again().ends_at == clock()
    desk.undo("absence.change", "/rosters/absences")
    assert desk.again().ends_at == at("2026-03-06 00:00")
    assert desk.client.send(f"/rosters/absences/{going_on.id}/remove", seen(page), key="k" * 20).status_code == 422


def seen(page: object) -> dict[str, str]:
    """What a browser sends with the button: the mark of what the page showed."""
    form = next(form for form in page.forms if form["action"].endswith("/changes"))  # type: ignore[attr-defined]
    return {"seen": dict(form["fields"])["seen"]}


def test_a_coming_absence_is_taken_out(desk: Desk) -> None:
    row = desk.absence()
    page = desk.client.page(f"/rosters/absences/{row.id}")
    assert desk.client.submit(page, f"/rosters/absences/{row.id}/remove", seen(page)).status_code == 303
    assert "Nobody is away" in desk.client.page("/rosters/absences").words
    desk.undo("absence.remove", "/rosters/absences")
    assert desk.again().reason == "training"


def test_an_absence_changed_by_somebody_else_is_shown_as_it_is_now(desk: Desk) -> None:
    row = desk.absence()
    path = f"/rosters/absences/{row.id}"
    form = desk.client.page(path)
    preview = read(desk.client.submit(form, f"{path}/changes", {"to_day": "2026-03-12"}))
    row.ends_at = at("2026-03-15 00:00")
    desk.db.commit()
    for answer in (
        desk.client.submit(form, f"{path}/changes", {"to_day": "2026-03-12"}),
        desk.client.submit(preview, f"{path}/change"),
        desk.client.submit(form, f"{path}/remove", seen(form)),
    ):
        newer = read(answer, 409)
        assert "Somebody changed this absence in the meantime." in newer.words
        assert "Tue 10 Mar to Sat 14 Mar 2026" in newer.words
    assert desk.again().ends_at == at("2026-03-15 00:00")


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ({"to_day": "2026-03-09"}, "has to end after it starts"),
        ({"from_day": ""}, "Enter the first day."),
        ({"from_day": "2026-03-02", "to_day": "2026-03-03"}, "That time has passed."),
    ],
)
def test_other_times_that_cannot_be_are_refused_with_the_text_kept(
    desk: Desk, typed: dict[str, str], sentence: str
) -> None:
    path = f"/rosters/absences/{desk.absence().id}"
    answer = desk.client.submit(desk.client.page(path), f"{path}/changes", {"reason": "typed text", **typed})
    assert sentence in read(answer, 422).words
    assert 'value="typed text"' in answer.text


def test_an_absence_on_another_one_is_refused_and_says_which(desk: Desk) -> None:
    desk.absence()
    typed = {"person": str(desk.cast.people["therapist"].id), "from_day": "2026-03-09", "to_day": "2026-03-10"}
    page = read(desk.client.send("/rosters/absences/new", typed, key=None), 422)
    assert "already away from Tue 10 Mar 2026 00:00 to Wed 11 Mar 2026 00:00. Change that absence" in page.words


def test_reasons_are_for_who_keeps_the_roster(desk: Desk, sign_in: SignIn) -> None:
    row = desk.absence()
    page = sign_in("nurse").page("/rosters/absences")
    assert "Test Therapist" in page.words
    assert "training" not in page.words
    assert sign_in("nurse").get(f"/rosters/absences/{row.id}").status_code == 404
    assert sign_in("coordinator-south").get(f"/rosters/absences/{row.id}").status_code == 404


# Closed days


def test_several_days_are_closed_listed_and_opened_again(desk: Desk) -> None:
    form = desk.client.page("/rosters/closures/new")
    typed = {"day": "2026-05-20", "last_day": "2026-05-22", "reason": "painters"}
    preview = read(desk.client.submit(form, "/rosters/closures/new", typed))
    assert desk.client.submit(preview, "/rosters/closures").status_code == 303
    page = desk.client.page("/rosters/closures?year=2026")
    assert page.words.count("painters") == 3
    assert "Closed 3 days" in page.words
    one = desk.db.scalars(select(Closure).where(Closure.day == date(2026, 5, 21))).one()
    assert desk.client.submit(page, f"/rosters/closures/{one.id}/reopen").status_code == 303
    assert {row.day.day for row in desk.db.scalars(select(Closure))} == {20, 22}
    desk.undo("day.reopen", "/rosters/closures")
    assert {row.day.day for row in desk.db.scalars(select(Closure))} == {20, 21, 22}


@pytest.mark.parametrize(
    ("last_day", "sentence"),
    [
        ("2026-05-19", "The last day has to be on or after the first."),
        ("2026-06-20", "Close at most 31 days at once."),
        ("soon", "Enter a day that exists"),
    ],
)
def test_a_last_day_that_cannot_be_is_refused_at_its_box(desk: Desk, last_day: str, sentence: str) -> None:
    answer = desk.client.send("/rosters/closures/new", {"day": "2026-05-20", "last_day": last_day}, key=None)
    assert sentence in read(answer, 422).words


def test_a_day_that_has_passed_stays_closed(desk: Desk) -> None:
    desk.db.add(Closure(site_id=desk.cast.north.id, day=date(2026, 3, 3), reason=""))
    desk.db.commit()
    row = desk.db.scalars(select(Closure)).one()
    assert "Open again" not in desk.client.page("/rosters/closures").words
    assert "has passed" in read(desk.client.send(f"/rosters/closures/{row.id}/reopen"), 422).words


@pytest.mark.parametrize("year", ["1999", "2031", "20266", "zwei", "²026"])
def test_a_year_nobody_plans_is_not_there(desk: Desk, year: str) -> None:
    for page in ("closures", "holidays"):
        assert desk.client.get(f"/rosters/{page}?year={year}").status_code == 404


# Public holidays


def test_holidays_are_chosen_and_closed_as_one_and_busy_days_one_by_one(desk: Desk) -> None:
    page = desk.client.page("/rosters/holidays")
    assert "No country chosen yet" in page.words
    chosen = desk.client.submit(page, "/rosters/holidays/place", {"country": "US"})
    desk.session("2026-11-26 10:00")
    page = desk.client.page(chosen.location)
    assert "Thanksgiving" in page.words
    assert "1 booked" in page.words
    ticked = [value for name, value in page.form("/rosters/holidays/close")["fields"] if name == "days"]
    assert "2026-12-25" in ticked
    assert "2026-11-26" not in ticked, "who is booked is not moved silently"
    assert "2026-01-01" not in ticked, "it is over"
    way = next(link for link in page.links if "day=2026-11-26" in link)
    assert 'value="2026-11-26"' in desk.client.get(way).text
    days = ["2026-12-25", "2026-07-03"]
    assert desk.client.submit(page, "/rosters/holidays/close", {"days": days}).status_code == 303
    assert {str(row.day) for row in desk.db.scalars(select(Closure))} == set(days)
    desk.undo("days.close", "/rosters/holidays")
    assert desk.db.scalars(select(Closure)).all() == []


def test_a_country_nobody_knows_is_refused_at_its_field(desk: Desk) -> None:
    page = desk.client.page("/rosters/holidays")
    for typed, words in (
        ({"country": "ZZ"}, "Choose a country from the list."),
        ({"country": "GB", "region": "QQ"}, "Choose a region of that country"),
    ):
        answer = read(desk.client.submit(page, "/rosters/holidays/place", typed), 422)
        assert words in answer.words
    assert desk.client.submit(page, "/rosters/holidays/place", {"seen_version": "99"}).status_code == 409


@pytest.mark.parametrize("days", [[], ["2026-12-24"], ["soon"], ["2026-02-30"]])
def test_only_listed_days_are_closed(desk: Desk, days: list[str]) -> None:
    page = desk.client.page("/rosters/holidays")
    desk.client.submit(page, "/rosters/holidays/place", {"country": "US"})
    answer = desk.client.submit(desk.client.page("/rosters/holidays"), "/rosters/holidays/close", {"days": days})
    assert "Choose one or more of the days listed." in read(answer, 422).words


# Reassigning


def test_what_is_booked_with_who_left_is_on_today_and_finds_cover(desk: Desk) -> None:
    desk.session("2026-03-10 10:00")
    desk.cast.people["therapist"].active = False
    desk.db.commit()
    assert "1 appointment with people or places that are gone" in desk.client.page("/today").words
    page = desk.client.page("/rosters/reassign")
    assert "Test Therapist: 1 appointment" in page.words
    assert "Tue 10 Mar 2026 10:00" in page.words
    gone = desk.cast.people["therapist"].id
    preview = read(desk.client.submit(page, f"/rosters/reassign/{gone}/changes"))
    assert "Cover for Test Therapist" in preview.headings
    assert desk.client.submit(preview, f"/rosters/reassign/{gone}").status_code == 303
    assert desk.client.send("/rosters/reassign/999/changes", key=None).status_code == 404


def test_cover_that_is_no_longer_looked_for_is_said_on_an_older_page(desk: Desk) -> None:
    desk.session("2026-03-10 10:00")
    gone = desk.cast.people["therapist"]
    gone.active = False
    desk.db.commit()
    page = desk.client.page("/rosters/reassign")
    gone.active = True
    desk.db.commit()
    answer = read(desk.client.submit(page, f"/rosters/reassign/{gone.id}/changes"), 422)
    assert "Nothing waits for cover in place of this person any more." in answer.words
    assert desk.client.send(f"/rosters/reassign/{gone.id}", {"key": "x"}).status_code == 422


def test_nothing_to_reassign_is_said_and_today_is_quiet(desk: Desk) -> None:
    assert "Nothing to reassign" in desk.client.page("/rosters/reassign").words
    assert "that are gone" not in desk.client.page("/today").words


# All of them


def test_these_pages_ask_as_often_for_many_rows_as_for_one(desk: Desk) -> None:
    desk.cast.north.holiday_country = "US"

    def add(number: int) -> None:
        desk.absence(f"2026-04-{number:02} 00:00", f"2026-04-{number + 1:02} 00:00")
        desk.db.add(Closure(site_id=desk.cast.north.id, day=date(2026, 5, number), reason=""))
        desk.session(f"2026-03-{number + 10} 10:00", therapist=desk.cast.people["therapist-two"])
        desk.session(f"2026-03-04 {number + 10}:00")

    def asked(path: str) -> int:
        with counted_queries(desk.db) as said:
            desk.client.page(path)
        return len(said)

    desk.cast.people["therapist-two"].active = False
    add(1)
    few = {page: asked(f"/rosters/{page}") for page in PAGES}
    for number in (2, 3, 4):
        add(number)
    assert {page: asked(f"/rosters/{page}") for page in PAGES} == few


def test_only_who_keeps_rosters_writes_here(desk: Desk, sign_in: SignIn) -> None:
    posts = ("holidays/place", "holidays/close", "sick", "sick/changes", "reassign/1", "reassign/1/changes")
    posts += ("absences/1/end", "absences/1/remove", "absences/1/change", "absences/1/changes", "closures/1/reopen")
    for who in ("nurse", "therapist", "prescriber", "admin", "patient"):
        client = sign_in(who)
        for path in posts:
            assert client.send(f"/rosters/{path}").status_code == 403
        for path in ("holidays", "sick", "reassign"):
            assert client.get(f"/rosters/{path}").status_code == 404
