"""The roster's week: who works, who is away, when the site is closed, and nobody who is booked."""

from collections.abc import Callable
from datetime import UTC, date, datetime

import pytest
from sqlalchemy.orm import Session

from planner.domain.access import Role
from planner.services.places import close_day
from planner.services.rostering import add_absence, add_person, add_shift
from planner.store.records import PersonSite
from tests.builders import counted_queries
from tests.support.cast import NOW, Cast
from tests.support.planning_clinic import put_to_work
from tests.support.strict_client import StrictClient

SignIn = Callable[[str], StrictClient]
WEEK = "/rosters?week=2026-W11"


def test_the_week_shows_shifts_absences_closed_days_and_chairs(db: Session, cast: Cast, sign_in: SignIn) -> None:
    put_to_work(db, cast)
    close_day(db, cast.north, date(2026, 3, 12), "floor is oiled")
    away = (datetime(2026, 3, 10, 5, tzinfo=UTC), datetime(2026, 3, 11, 5, tzinfo=UTC))
    add_absence(db, cast.people["nurse"], *away, "made-up reason", now=NOW)
    db.commit()
    page = sign_in("coordinator").page(WEEK)
    assert "Roster, week 11" in page.headings
    assert "Test Nurse Nurse" in page.words and "08:00 to 17:00" in page.words
    assert "Away: made-up reason" in page.words
    assert "Closed on Thursday 12 March: floor is oiled." in page.words
    assert "Chair 1, Chair 2" in page.words
    assert "Sat 14 Mar" not in page.words


def test_only_who_keeps_the_roster_reads_why_somebody_is_away(db: Session, cast: Cast, sign_in: SignIn) -> None:
    put_to_work(db, cast)
    away = (datetime(2026, 3, 10, 15, tzinfo=UTC), datetime(2026, 3, 10, 17, tzinfo=UTC))
    add_absence(db, cast.people["nurse"], *away, "made-up reason", now=NOW)
    db.commit()
    page = sign_in("therapist").page(WEEK)
    assert "Away 10:00 to 12:00" in page.words
    assert "made-up reason" not in page.words
    assert "Close a day" not in page.words


def test_a_video_shift_and_a_weekend_with_somebody_in_it_are_shown(db: Session, cast: Cast, sign_in: SignIn) -> None:
    add_shift(db, cast.people["therapist"], None, date(2026, 3, 14), "09:00", "12:00", zone="America/Denver")
    db.commit()
    page = sign_in("coordinator").page(WEEK)
    assert "10:00 to 13:00 (video)" in page.words
    assert "Sat 14 Mar" in page.words and "Sun 15 Mar" not in page.words


def test_a_week_without_shifts_says_so_and_leads_to_this_week(sign_in: SignIn) -> None:
    page = sign_in("coordinator").page("/rosters?week=2027-W30")
    assert "Nobody is on the roster this week" in page.words
    assert any("/rosters/2026-W10" in link for link in hrefs(page))


def hrefs(page: object) -> list[str]:
    return [str(link) for link in page.links]  # type: ignore[attr-defined]


def test_the_weeks_before_and_after_cross_the_year(sign_in: SignIn) -> None:
    page = sign_in("nurse").page("/rosters?week=2026-W53")
    assert any("/rosters/2026-W52" in link for link in hrefs(page))
    assert any("/rosters/2027-W01" in link for link in hrefs(page))
    assert "Monday 28 December to Sunday 3 January 2027" in page.words


@pytest.mark.parametrize("word", ["2026-W54", "2025-W53", "soon", "2026-11", "0000-W10"])
def test_a_week_that_does_not_exist_is_not_found(sign_in: SignIn, word: str) -> None:
    sign_in("coordinator").page(f"/rosters?week={word}", status=404)


@pytest.mark.parametrize("word", ["1066-W10", "1999-W52", "2029-W11", "2200-W10", "9999-W52"])
def test_a_week_nobody_plans_is_refused_with_the_weeks_there_are(sign_in: SignIn, word: str) -> None:
    page = sign_in("coordinator").page(f"/rosters?week={word}", status=400)
    assert "Choose a week from 2000 on and up to Sun 4 Mar 2029." in page.words


def test_the_pages_of_weeks_end_where_the_planning_ends(db: Session, cast: Cast, sign_in: SignIn) -> None:
    client = sign_in("coordinator")
    last = client.page("/rosters?week=2029-W09")
    assert any("2029-W08" in link for link in last.links) and not any("2029-W10" in link for link in last.links)
    first = client.page("/rosters?week=2000-W01")
    assert any("2000-W02" in link for link in first.links) and not any("1999" in link for link in first.links)
    cast.clinic.plan_ahead_months = 37
    db.commit()
    assert any("2029-W10" in link for link in client.page("/rosters?week=2029-W09").links)


def test_another_site_is_not_found_and_an_own_one_is_a_tab(db: Session, cast: Cast, sign_in: SignIn) -> None:
    client = sign_in("coordinator")
    for site in (cast.south.id, "x", 10**9):
        client.page(f"/rosters?site={site}", status=404)
    assert "South" not in client.page("/rosters").words


def test_who_may_open_which_page(sign_in: SignIn) -> None:
    for who in ("prescriber", "nurse", "therapist"):
        client = sign_in(who)
        client.page("/rosters")
        client.page("/rosters/closures/new", status=404)
        client.page("/rosters/absences/new", status=404)
    for who in ("admin", "patient"):
        sign_in(who).page("/rosters", status=404)


def test_the_number_of_queries_does_not_grow_with_the_roster(db: Session, cast: Cast, sign_in: SignIn) -> None:
    put_to_work(db, cast, chairs=1, rooms=1)
    db.commit()
    client = sign_in("coordinator")
    client.page(WEEK)
    with counted_queries(db) as few:
        client.page(WEEK)
    for number in range(12):
        somebody = add_person(db, f"Test Person {number}", roles=[Role.THERAPIST], sites=[cast.north])
        for day in range(9, 14):
            add_shift(db, somebody, cast.north, date(2026, 3, day), "09:00", "12:00")
        add_absence(db, somebody, datetime(2026, 3, 10, 15, tzinfo=UTC), datetime(2026, 3, 10, 16, tzinfo=UTC), now=NOW)
    close_day(db, cast.north, date(2026, 3, 13))
    db.commit()
    with counted_queries(db) as many:
        client.page(WEEK)
    assert len(many) == len(few) > 0


def test_somebody_of_two_sites_is_on_both_rosters(db: Session, cast: Cast, sign_in: SignIn) -> None:
    db.add(PersonSite(person_id=cast.people["nurse"].id, site_id=cast.south.id))
    db.commit()
    assert "Test Nurse" in sign_in("coordinator-south").page("/rosters").words
