"""Somebody has left: what ends ends in one transaction, what was booked with them waits, nobody is offered them."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from planner.domain.access import Role
from planner.domain.intervals import instant_of
from planner.domain.statuses import AppointmentKind
from planner.domain.walltime import local_day
from planner.services import rescheduling
from planner.services.planning import plan_for, propose
from planner.services.publishing import CONSENT_VERSION, create_feed
from planner.services.rostering import add_weekly_shifts
from planner.store.records import (
    AccountRole,
    AuditEntry,
    BrowserSession,
    DraftShift,
    Feed,
    FeedScope,
    Invitation,
    PersonSite,
    RosterDraft,
    Shift,
    ShiftPattern,
)
from planner.store.sheets import Wishes
from tests.builders import person as somebody
from tests.support.booked_course import BookedCourse
from tests.support.cast import NOW, Cast, Clock
from tests.support.strict_client import StrictClient
from tests.web.stage import words_of

SignIn = Callable[[str], StrictClient]


def leave(client: StrictClient, person_id: int) -> int:
    path = f"/admin/staff/{person_id}/leave"
    return client.submit(client.page(path), path).status_code


def on_patterns(db: Session, cast: Cast, person_id: int) -> None:
    """A pattern that runs, one that begins next week, and a draft of next week."""
    today = local_day(NOW, cast.north.zone)
    for from_day in (today - timedelta(days=30), today + timedelta(days=7)):
        db.add(
            ShiftPattern(
                person_id=person_id, site_id=cast.north.id, weekday=0, starts_minute=480, ends_minute=960,
                from_day=from_day,
            )
        )  # fmt: skip
    draft = RosterDraft(site_id=cast.north.id, monday=today + timedelta(days=5), base_digest="x", updated_at=NOW)
    db.add(draft)
    db.flush()
    db.add(
        DraftShift(
            draft_id=draft.id, person_id=person_id, day=today + timedelta(days=5), starts_minute=480, ends_minute=960
        )
    )


def test_everything_that_hangs_on_somebody_ends_at_once(
    coordinator: StrictClient, sign_in: SignIn, cast: Cast, db: Session, booked: BookedCourse
) -> None:
    therapist = cast.people["therapist"]
    browser = sign_in("therapist")
    assert browser.get("/today").status_code == 200
    feed, token = create_feed(
        db, cast.principals["therapist"], FeedScope.THERAPIST, therapist.id, "Telephone", now=NOW,
        consent_version=CONSENT_VERSION,
    )  # fmt: skip
    db.add(
        Invitation(
            email="x@clinic.example", email_key="x@clinic.example", name="X", roles=["therapist"], site_ids=[],
            person_id=therapist.id, token_hash="x", created_at=NOW, expires_at=NOW + timedelta(days=7),
        )
    )  # fmt: skip
    on_patterns(db, cast, therapist.id)
    db.commit()
    facts = booked.facts()
    shifts = db.scalar(select(func.count()).where(Shift.person_id == therapist.id, Shift.starts_at > NOW))
    page = coordinator.page(f"/admin/staff/{therapist.id}/leave")
    words = " ".join(page.words.split())
    assert "Their account ends, and one sign-in with it." in words
    assert "One calendar link ends" in words
    assert f"{shifts} shifts to come are taken off the roster, and 1 off drafts of it; 2 weekly patterns end" in words
    assert "appointments to come stay booked with them" in words
    assert leave(coordinator, therapist.id) == 303
    db.expire_all()
    assert (therapist.active, cast.accounts["therapist"].active) == (False, False)
    assert browser.get("/today").status_code == 303, "the sign-in is over with the next request"
    assert db.scalar(select(func.count()).where(BrowserSession.account_id == cast.accounts["therapist"].id)) == 0
    assert db.get_one(Feed, feed.id).revoked_at == NOW
    assert "BEGIN:VEVENT" not in coordinator.get(f"/c/{token}/appointments.ics").text
    assert db.scalar(select(func.count()).where(Shift.person_id == therapist.id, Shift.starts_at > NOW)) == 0
    assert db.scalars(select(ShiftPattern.until_day)).all() == [local_day(NOW, cast.north.zone)]
    assert db.scalar(select(func.count()).select_from(DraftShift)) == 0
    assert db.scalars(select(RosterDraft.version)).all() == [2]
    assert db.scalars(select(Invitation.withdrawn_at)).all() == [NOW]
    assert booked.facts() == facts, "nothing is moved or cancelled by it"
    left = db.scalars(select(AuditEntry).where(AuditEntry.action == "person.left")).one()
    assert left.object_id == therapist.id and left.detail["shifts"] == shifts


def test_shifts_that_were_worked_stay(
    sign_in: SignIn, cast: Cast, db: Session, booked: BookedCourse, clock: Clock
) -> None:
    clock.pass_time(days=8)
    therapist = cast.people["therapist"].id
    worked = select(func.count()).where(Shift.person_id == therapist, Shift.starts_at <= clock())
    before = db.scalar(worked)
    assert before
    assert leave(sign_in("coordinator"), therapist) == 303
    assert db.scalar(worked) == before


def test_nobody_is_offered_who_has_left(
    coordinator: StrictClient, cast: Cast, db: Session, booked: BookedCourse
) -> None:
    therapist = cast.people["therapist-two"].id
    birch, first = cast.patients["birch"].id, local_day(NOW, cast.north.zone) + timedelta(days=5)

    def therapists() -> set[int | None]:
        plan = plan_for(
            db, cast.principals["coordinator"], patient_id=birch,
            protocol_version_id=booked.at_work.twice_weekly.id, site_id=cast.north.id,
            wishes=Wishes(first, first + timedelta(days=10)), now=NOW,
        )  # fmt: skip
        found = propose(plan, most=1).proposals
        assert found
        sessions = [p for p in found[0].placements if p.kind is AppointmentKind.INTEGRATION]
        return {placement.therapist_id for placement in sessions}

    assert therapist in therapists()
    assert leave(coordinator, therapist) == 303
    db.expire_all()
    # Somebody published a roster at the same moment.
    days = (first, first + timedelta(days=40))
    add_weekly_shifts(db, cast.people["therapist-two"], cast.north, range(5), days, ("08:00", "18:00"))
    assert therapist not in therapists()


def test_the_only_prescriber_does_not_leave_silently(
    coordinator: StrictClient, cast: Cast, db: Session, booked: BookedCourse
) -> None:
    path = f"/admin/staff/{cast.people['prescriber'].id}/leave"
    told = "at times when nobody else on the roster prescribes"
    assert told in " ".join(coordinator.page(path).words.split())
    assert told not in coordinator.page(f"/admin/staff/{cast.people['therapist'].id}/leave").words
    second = somebody(db, cast.north, Role.PRESCRIBER)
    day = local_day(NOW, cast.north.zone)
    add_weekly_shifts(db, second, cast.north, range(7), (day, day + timedelta(days=90)), ("00:00", "24:00"))
    db.commit()
    assert told not in coordinator.page(path).words
    second.active = False
    db.commit()
    page = coordinator.page(path)
    assert "no prescriber on the roster now" in coordinator.page(coordinator.submit(page, path).location or "").words


def test_what_waits_can_still_be_opened_and_moved(
    coordinator: StrictClient, cast: Cast, db: Session, booked: BookedCourse
) -> None:
    session = booked.session(2)
    assert session.therapist_id == cast.people["therapist"].id
    assert leave(coordinator, session.therapist_id) == 303
    db.expire_all()
    assert coordinator.get(f"/integration/{session.id}").status_code == 200
    assert coordinator.get(f"/integration/{session.id}/move").status_code == 200
    offers = rescheduling.offers(db, cast.principals["coordinator"], session.id, now=NOW)
    assert offers
    act = rescheduling.Move(session.id, instant_of(offers[0].start))
    seen = rescheduling.preview(db, cast.principals["coordinator"], act, now=NOW)
    after = next(line.after for line in seen.decision.lines if line.before and line.before.id == session.id)
    assert after is not None and after.therapist_id != session.therapist_id


def test_who_left_can_be_planned_with_again_but_not_sign_in(coordinator: StrictClient, cast: Cast, db: Session) -> None:
    somebody = cast.people["therapist-two"]
    assert leave(coordinator, somebody.id) == 303
    assert "have left" in words_of(coordinator.get("/admin/staff?show=left")).lower()
    page = coordinator.page(f"/admin/staff/{somebody.id}")
    assert "This person has left." in page.words
    assert somebody.name in coordinator.page("/admin/staff?show=left").words
    assert somebody.name not in coordinator.page("/admin/staff").words
    assert coordinator.submit(page, f"/admin/staff/{somebody.id}/return").status_code == 303
    db.expire_all()
    assert (somebody.active, cast.accounts["therapist-two"].active) == (True, False)


def test_nobody_says_of_themselves_that_they_left(coordinator: StrictClient, cast: Cast, db: Session) -> None:
    own = cast.people["coordinator"]
    assert "Somebody else has to say" in coordinator.page(f"/admin/staff/{own.id}/leave").words
    assert coordinator.send(f"/admin/staff/{own.id}/leave", version=own.version).status_code == 403
    db.expire_all()
    assert own.active is True


def test_a_coordinator_ends_no_administrator_and_nobody_of_another_site(
    coordinator: StrictClient, sign_in: SignIn, cast: Cast, db: Session
) -> None:
    manager, shared = cast.people["admin"], cast.people["therapist"]
    db.add(PersonSite(person_id=shared.id, site_id=cast.south.id))
    db.commit()
    for person, words in ((manager, "is an administrator here"), (shared, "works at South too")):
        path = f"/admin/staff/{person.id}/leave"
        assert words in coordinator.page(path).words
        assert coordinator.send(path, version=person.version, key=f"key-of-{person.id:016}").status_code == 403
    db.expire_all()
    assert manager.active and shared.active and cast.accounts["admin"].active
    assert leave(sign_in("admin"), shared.id) == 303


def test_one_administrator_ends_another(sign_in: SignIn, cast: Cast, db: Session) -> None:
    nurse = cast.accounts["nurse"]
    db.add(AccountRole(account_id=nurse.id, role=Role.ADMIN))
    db.commit()
    assert leave(sign_in("admin"), cast.people["nurse"].id) == 303
    db.expire_all()
    assert nurse.active is False and cast.accounts["admin"].active is True


@pytest.mark.parametrize("what", ["leave", "return"])
def test_an_older_page_ends_nobody(coordinator: StrictClient, cast: Cast, db: Session, what: str) -> None:
    somebody = cast.people["therapist-two"]
    somebody.version = 5
    db.commit()
    assert coordinator.send(f"/admin/staff/{somebody.id}/{what}", version=4).status_code == 409
    db.expire_all()
    assert somebody.active is True
