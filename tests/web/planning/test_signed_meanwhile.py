"""A version of the protocol signed while a plan is being made: the plan moves to it, and its maker is told."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from planner.services.protocol_drafts import keep_draft, sign_version
from planner.services.shipped import shipped_document
from planner.store.queries.protocols import standing
from planner.store.records import Course
from tests.support.cast import NOW, Cast
from tests.support.planning_clinic import AtWork
from tests.web.planning.wizard import Wizard

TOLD = "Version 2 of this protocol has been signed since the dates were chosen."


def sign_longer(db: Session, cast: Cast, at_work: AtWork) -> None:
    """A prescriber lets the window close later."""
    document = shipped_document("iv-racemic-twice-weekly")
    document["integration"]["window"]["closes_h"]["value"] = 96
    document["integration"]["window"]["knots"][3]["hours"]["value"] = 96
    prescriber, protocol_id = cast.principals["prescriber"], at_work.twice_weekly.protocol_id
    keep_draft(db, prescriber, protocol_id, document, seen_version=0, base=1, now=NOW)
    sign_version(db, prescriber, protocol_id, note="Made up for a test", seen_version=1, base=1, now=NOW)
    db.commit()


def test_a_plan_at_the_check_is_told_and_booked_on_the_new_version(
    wizard: Wizard, db: Session, cast: Cast, at_work: AtWork
) -> None:
    page = wizard.to(5).page(5)
    sign_longer(db, cast, at_work)
    answer = wizard.send(5, page=page)
    assert answer.status_code == 409
    assert "A new version of this protocol was signed meanwhile. Nothing was booked." in answer.text
    assert TOLD in answer.text
    assert TOLD in wizard.page(2).words
    assert "12 to 96 h after dosing" in wizard.page(4).words or "12 to 96 h after dosing" in wizard.page(1).words
    assert wizard.send(4).location == wizard.url("4/dates")
    assert TOLD not in wizard.page("4/dates").words
    assert wizard.send("4/dates").location == wizard.url(5)
    assert wizard.send(5).status_code == 303
    db.expire_all()
    course = db.scalars(select(Course)).one()
    assert course.protocol_version_id == standing(db, at_work.twice_weekly.protocol_id).version_id
    assert course.protocol_version_id != at_work.twice_weekly.id


def test_a_first_page_loaded_before_the_signature_offers_the_new_version(
    wizard: Wizard, db: Session, cast: Cast, at_work: AtWork
) -> None:
    sign_longer(db, cast, at_work)
    answer = wizard.begin()
    assert answer.status_code == 422
    assert "A new version of this protocol was signed. Choose the protocol again." in answer.text
