"""Protocols on screen: read by all staff, prepared by few, signed by prescribers."""

from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from planner.domain.walltime import local_day
from planner.services.protocols import newest_version, signed_protocols
from planner.store.queries.protocols import standing
from planner.store.records import AuditEntry, ProtocolRecord, ProtocolVersion
from tests import builders
from tests.support.cast import NOW, Cast
from tests.support.planning_clinic import AtWork, put_to_work

SLUG = "iv-racemic-twice-weekly"


@pytest.fixture
def at_work(db: Session, cast: Cast) -> AtWork:
    return put_to_work(db, cast)


@pytest.fixture
def url(at_work: AtWork) -> str:
    return f"/admin/protocols/{at_work.twice_weekly.protocol_id}"


def window_form(**changed: Any) -> dict[str, Any]:
    return {"opens_h": "12", "then": "changes", **changed}


def test_everybody_on_staff_reads_all_protocols_and_whose_they_are(sign_in, url: str) -> None:
    for who in ("admin", "coordinator", "prescriber", "nurse", "therapist"):
        page = sign_in(who).page("/admin/protocols")
        assert "IV racemic ketamine, twice weekly" in page.words
        assert "Shipped with the planner, not yet signed here" in page.words
        assert "no outcome trials were found" in page.words
        assert "Not offered" in page.words
    sign_in("patient").page("/admin/protocols", 404)


def test_a_protocol_is_told_in_full_with_units_and_sources(sign_in, url: str) -> None:
    page = sign_in("nurse").page(url)
    for words in (
        "Recovery and debrief",
        "60 min",
        "Clinic policy",
        "no published restart rule was found",
        "Clinic window: 12 to 72 h after dosing (preferred 18 to 48 h).",
        "the exact hours are not established.",
        "patients never see them",
    ):
        assert words in page.words
    assert "Sign it" not in page.words
    assert "All numbers" not in page.words


def test_the_window_page_draws_the_policy_and_counts_rosters(sign_in, url: str) -> None:
    page = sign_in("therapist").page(f"{url}/windows")
    assert "Clinic window: 12 to 72 h after dosing (preferred 18 to 48 h)." in page.words
    assert "until Tue 17 Mar 11:10 a session needs a recorded reason" in page.words
    assert "free session starts in the preferred time" in page.words
    for day in ("Monday", "Friday"):
        assert day in page.words
    assert "Save as draft" not in page.words


def test_a_changed_window_is_a_draft_until_a_prescriber_signs_it(db: Session, sign_in, url: str, at_work) -> None:
    admin = sign_in("admin")
    form = admin.page(f"{url}/windows")
    answer = admin.submit(form, f"{url}/windows", {"closes_h": "120", "then": "changes"})
    assert answer.status_code == 303
    page = admin.page(f"{url}/changes")
    assert "Window, closes" in page.words
    assert "72 h" in page.words
    assert "120 h" in page.words
    assert f"Clinic policy, {local_day(NOW, 'America/Chicago'):%a} 4 Mar 2026" in page.words
    assert "A prescriber signs it." in page.words
    db.expire_all()
    assert newest_version(db, SLUG).number == 1
    admin.page(f"{url}/sign", 404)

    prescriber = sign_in("prescriber")
    form = prescriber.page(f"{url}/sign")
    short = prescriber.submit(form, f"{url}/sign", {"note": "x"})
    assert short.status_code == 422
    assert "Say in a few words why." in short.text
    done = prescriber.submit(form, f"{url}/sign", {"note": "Five days, as the trial did"})
    assert done.status_code == 303
    db.expire_all()
    version = newest_version(db, SLUG)
    assert (version.number, version.signed_by, version.signed_at) == (2, "Test Prescriber", NOW)
    assert version.note == "Five days, as the trial did"
    assert version.document["integration"]["window"]["closes_h"]["value"] == 120
    assert version.document["integration"]["window"]["knots"][3]["hours"]["value"] == 120
    page = prescriber.page(url)
    assert "Signed by Test Prescriber on Wed 4 Mar 2026" in page.words
    assert "Five days, as the trial did" in page.words
    assert not standing(db, version.protocol_id).has_draft
    assert signed_protocols(db) == 1
    signed = db.scalars(select(AuditEntry).where(AuditEntry.action == "protocol.sign")).one()
    assert signed.detail == {"version": 2, "plans_moved": 0}
    page = prescriber.page(f"{url}/compare?from=1&to=2")
    assert "Window, closes" in page.words


#: What is typed, where the fault is told, and how.
FAULTS: list[tuple[dict[str, str], str, str]] = [
    ({"opens_h": "20"}, "peak_start_h", "The start of the preferred time cannot come before opening."),
    ({"peak_end_h": "80"}, "closes_h", "Closing cannot come before the end of the preferred time."),
    ({"tail_end_h": "337"}, "tail_end_h", "Hours must lie between 0 and 336."),
    ({"tail_end_h": "48"}, "tail_end_h", "The end of the late time cannot come before closing."),
    ({"opens_h": "-1"}, "opens_h", "Enter a number, such as 12 or 1.5."),
    ({"opens_h": "half past"}, "opens_h", "Enter a number, such as 12 or 1.5."),
    ({"minutes": "0"}, "minutes", "This must lie between 1 and 1440."),
    ({"mode": "weekly"}, "closes_days", "Enter a number, such as 12 or 1.5."),
    ({"every": "7"}, "every", "This counts more doses before the first session than there are."),
]


def test_a_window_that_cannot_be_is_told_at_its_field_and_what_was_typed_stays(
    db: Session, sign_in, url: str, at_work
) -> None:
    admin = sign_in("admin")
    page = admin.page(f"{url}/windows")
    for changed, field, sentence in FAULTS:
        answer = admin.submit(page, f"{url}/windows", {"source": "A source of our own", **changed})
        assert answer.status_code == 422, changed
        assert f'id="{field}-error"' in answer.text, changed
        assert sentence in answer.text, changed
        assert "A source of our own" in answer.text, changed
        for value in changed.values():
            assert f'value="{value}"' in answer.text, changed
    db.expire_all()
    assert standing(db, at_work.twice_weekly.protocol_id).draft_version == 0


def test_two_who_change_one_protocol_do_not_overwrite_each_other(sign_in, url: str) -> None:
    first, second = sign_in("admin"), sign_in("prescriber")
    seen_first, seen_second = first.page(f"{url}/windows"), second.page(f"{url}/windows")
    assert first.submit(seen_first, f"{url}/windows", {"closes_h": "96"}).status_code == 303
    late = second.submit(seen_second, f"{url}/windows", {"closes_h": "100"})
    assert late.status_code == 409
    assert "What others have saved" in late.text
    assert "96 h" in late.text
    assert 'value="100"' in late.text


def test_a_draft_is_discarded_after_one_look(db: Session, sign_in, url: str, at_work) -> None:
    admin = sign_in("admin")
    admin.submit(admin.page(f"{url}/windows"), f"{url}/windows", {"closes_h": "96", "strength": "Our own guess"})
    page = admin.page(f"{url}/discard")
    assert "Our own guess" in page.words
    admin.submit(admin.page(f"{url}/windows"), f"{url}/windows", {"closes_h": "97"})
    assert admin.submit(page, f"{url}/discard").status_code == 409
    assert admin.submit(admin.page(f"{url}/discard"), f"{url}/discard").status_code == 303
    db.expire_all()
    assert not standing(db, at_work.twice_weekly.protocol_id).has_draft
    assert "There is no draft." in admin.page(f"{url}/discard").words


def test_a_window_needs_words_for_what_it_rests_on(sign_in, url: str) -> None:
    admin = sign_in("admin")
    answer = admin.submit(admin.page(f"{url}/windows"), f"{url}/windows", {"rests_on": " "})
    assert answer.status_code == 422
    assert 'id="rests_on-error"' in answer.text


def test_any_number_can_be_changed_and_a_changed_one_gets_a_new_source(db: Session, sign_in, url: str, at_work) -> None:
    admin = sign_in("admin")
    page = admin.page(f"{url}/numbers")
    changed = {
        "value:visit.blocks.3.length_min": "20",
        "value:dose_phases.0.doses": "8",
        "source:dose_phases.0.doses": "Our own audit of 2025",
        "value:span.target_days": "28",
    }
    assert admin.submit(page, f"{url}/numbers", changed).status_code == 303
    db.expire_all()
    document = standing(db, at_work.twice_weekly.protocol_id).working
    length, doses = document["visit"]["blocks"][3]["length_min"], document["dose_phases"][0]["doses"]
    assert (length["value"], length["source"]) == (20, "Clinic policy, Wed 4 Mar 2026")
    assert (doses["value"], doses["source"]) == (8, "Our own audit of 2025")
    assert "strength" not in doses
    page = admin.page(f"{url}/numbers")
    back = {"value:visit.blocks.3.length_min": "15", "value:dose_phases.0.doses": "6", "value:span.target_days": "21"}
    back["source:dose_phases.0.doses"] = document["dose_phases"][0]["doses"]["source"]
    assert admin.submit(page, f"{url}/numbers", back).status_code == 303
    db.expire_all()
    assert not standing(db, at_work.twice_weekly.protocol_id).has_draft


def test_numbers_that_contradict_each_other_are_told_at_the_number(sign_in, url: str) -> None:
    admin = sign_in("admin")
    answer = admin.submit(
        admin.page(f"{url}/numbers"),
        f"{url}/numbers",
        {"value:dose_phases.0.spacing.max_days": "1", "source:boosters.min_days": "", "value:span.review_days": "٣"},
    )
    assert answer.status_code == 422
    for path in ("boosters.min_days", "span.review_days"):
        assert f'id="value:{path}-error"' in answer.text
    answer = admin.submit(admin.page(f"{url}/numbers"), f"{url}/numbers", {"value:dose_phases.0.spacing.max_days": "1"})
    assert answer.status_code == 422
    assert 'id="value:dose_phases.0.spacing.max_days-error"' in answer.text
    assert 'value="1"' in answer.text


def test_a_prescriber_adopts_a_shipped_protocol_as_it_is(db: Session, sign_in, url: str) -> None:
    prescriber = sign_in("prescriber")
    assert signed_protocols(db) == 0
    form = prescriber.page(f"{url}/sign")
    assert "you adopt the numbers of version 1" in form.words
    assert prescriber.submit(form, f"{url}/sign", {"note": "Adopted as it is"}).status_code == 303
    db.expire_all()
    assert signed_protocols(db) == 1
    documents = select(ProtocolVersion.document).join(ProtocolRecord).where(ProtocolRecord.slug == SLUG)
    versions = db.scalars(documents).all()
    assert len(versions) == 2
    assert versions[0] == versions[1]
    page = prescriber.page(f"{url}/sign")
    assert "There is nothing to sign" in page.words
    again = prescriber.submit(form, f"{url}/sign", {"note": "Once more", "idempotency_key": "another-key-123456"})
    assert again.status_code == 409
    assert "These versions say the same" in prescriber.page(f"{url}/compare").words


def test_a_prescriber_offers_a_protocol_or_stops_offering_it(db: Session, sign_in, url: str, cast: Cast) -> None:
    prescriber = sign_in("prescriber")
    prescriber.submit(prescriber.page(url), f"{url}/offer")
    db.expire_all()
    assert not db.scalars(select(ProtocolRecord).where(ProtocolRecord.slug == SLUG)).one().enabled
    assert "New courses cannot use this protocol." in prescriber.page(url).words
    nad = db.scalars(select(ProtocolRecord).where(ProtocolRecord.slug == "nad")).one()
    page = prescriber.page(f"/admin/protocols/{nad.id}")
    assert "Evidence is limited" in page.words
    prescriber.submit(page, f"/admin/protocols/{nad.id}/offer")
    db.expire_all()
    assert db.get_one(ProtocolRecord, nad.id).enabled
    assert sign_in("admin").send(f"{url}/offer", {"offered": "yes"}).status_code == 403


def test_a_copy_is_a_protocol_of_its_own(db: Session, sign_in, url: str) -> None:
    admin = sign_in("admin")
    form = admin.page(f"{url}/copy")
    for typed in ({"name": "", "slug": "own"}, {"name": "Own", "slug": SLUG}, {"name": "Own", "slug": "Two Words"}):
        assert admin.submit(form, f"{url}/copy", typed).status_code == 422
    done = admin.submit(form, f"{url}/copy", {"name": "Evening course", "slug": "evening-course"})
    assert done.status_code == 303
    db.expire_all()
    row = db.scalars(select(ProtocolRecord).where(ProtocolRecord.slug == "evening-course")).one()
    assert not row.enabled
    page = admin.page(done.headers["Location"])
    assert "Copied from “IV racemic ketamine, twice weekly”, version 1, not yet signed here" in page.words


def test_modes_without_a_window_are_read_and_changed(db: Session, sign_in, cast: Cast, at_work: AtWork) -> None:
    admin = sign_in("admin")
    row = db.scalars(select(ProtocolRecord).where(ProtocolRecord.slug == "esketamine-label")).one()
    page = admin.page(f"/admin/protocols/{row.id}/windows")
    assert "it is tied to no hour" in page.words
    assert admin.submit(page, f"/admin/protocols/{row.id}/windows", {"mode": "windowed"}).status_code == 303
    db.expire_all()
    window = standing(db, row.id).working["integration"]["window"]
    assert window["opens_h"]["value"] == 12
    assert window["opens_h"]["source"].startswith("Keeps integration out of the dosing day")
    for mode in ("rolling", "none", "weekly"):
        page = admin.page(f"/admin/protocols/{row.id}/windows")
        typed = {"mode": mode, "closes_days": "7"}
        assert admin.submit(page, f"/admin/protocols/{row.id}/windows", typed).status_code == 303
        admin.page(f"/admin/protocols/{row.id}/changes")
    db.expire_all()
    assert not standing(db, row.id).has_draft


def test_versions_that_are_not_there_are_not_found(sign_in, url: str) -> None:
    nurse = sign_in("nurse")
    for asked in ("from=9&to=1", "from=x", "to=0", "to=99999999999999"):
        nurse.page(f"{url}/compare?{asked}", 404)


def test_booked_courses_keep_their_version(db: Session, sign_in, url: str, cast: Cast, at_work: AtWork) -> None:
    course = builders.course(db, builders.patient(db, cast.north, now=NOW), at_work.twice_weekly)
    db.commit()
    prescriber = sign_in("prescriber")
    prescriber.submit(prescriber.page(f"{url}/windows"), f"{url}/windows", {"closes_h": "96"})
    assert "1 booked course keeps its version." in prescriber.page(f"{url}/changes").words
    prescriber.submit(prescriber.page(f"{url}/sign"), f"{url}/sign", {"note": "Longer"})
    db.expire_all()
    assert course.protocol_version_id == at_work.twice_weekly.id
    assert "Open courses" in prescriber.page(url).words


def test_the_doses_that_a_session_follows_are_named_or_counted(db: Session, sign_in, url: str, at_work) -> None:
    admin = sign_in("admin")
    for typed, sentence in (("1, two", "Enter the numbers of doses with commas"), ("1, 9", "There is no dose 9")):
        refused = admin.submit(admin.page(f"{url}/windows"), f"{url}/windows", {"after_doses": typed})
        assert refused.status_code == 422
        assert 'id="after_doses-error"' in refused.text
        assert sentence in refused.text
        assert f'value="{typed}"' in refused.text
    assert admin.submit(admin.page(f"{url}/windows"), f"{url}/windows", {"after_doses": "5, 1,3"}).status_code == 303
    db.expire_all()
    plan = standing(db, at_work.twice_weekly.protocol_id).working["integration"]
    assert plan["after_doses"]["value"] == [1, 3, 5]
    assert plan["after_doses"]["source"] == "Clinic policy, Wed 4 Mar 2026"
    assert "every" not in plan
    assert "sessions follow the doses" in admin.page(f"{url}/changes").words
    assert "follows doses 1, 3 and 5." in admin.page(f"{url}/phases").words
    admin.page(f"{url}/numbers")
    assert admin.submit(admin.page(f"{url}/windows"), f"{url}/windows", {"opens_h": "13"}).status_code == 303
    db.expire_all()
    assert standing(db, at_work.twice_weekly.protocol_id).working["integration"]["after_doses"]["value"] == [1, 3, 5]
    back = {"after_doses": "", "opens_h": "12"}
    assert admin.submit(admin.page(f"{url}/windows"), f"{url}/windows", back).status_code == 303
    db.expire_all()
    assert not standing(db, at_work.twice_weekly.protocol_id).has_draft


def test_versions_are_compared_by_parts_and_phases(sign_in, url: str) -> None:
    prescriber = sign_in("prescriber")
    added = {"name": "Music", "length": "15", "place": "infusion", "source": "Our own pilot"}
    prescriber.submit(prescriber.page(f"{url}/visit/add"), f"{url}/visit/add", added)
    page = prescriber.page(f"{url}/phases")
    prescriber.submit(page, f"{url}/phases", {"act": "remove", "what": "boosters"})
    for path in ("changes", "sign", "discard"):
        told = " ".join(prescriber.page(f"{url}/{path}").words.split())
        assert "Visit: MusicAdded" in told
        assert "BoostersRemoved" in told
        assert "Chair held 160 min, was 145." in told
    assert "0 booked courses keep their version." in prescriber.page(f"{url}/changes").words
    prescriber.submit(prescriber.page(f"{url}/sign"), f"{url}/sign", {"note": "With music"})
    told = " ".join(prescriber.page(f"{url}/compare?from=1&to=2").words.split())
    assert "Visit: MusicAdded" in told
    assert "Length 15 min: Our own pilot (clinic policy)" in told
    assert "3 times that only follow from the parts of the visit" in told
    backwards = " ".join(prescriber.page(f"{url}/compare?from=2&to=1").words.split())
    assert "Visit: MusicRemoved" in backwards
    assert "Chair held 145 min, was 160." in backwards
