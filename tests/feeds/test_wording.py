import dataclasses
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planner.feeds.ical import render_calendar, render_event
from planner.feeds.neutral import forbidden_words, is_neutral_name
from planner.feeds.wording import (
    LEAVE_KIND,
    AppointmentFacts,
    AppointmentText,
    Audience,
    Detail,
    FeedStyle,
    appointment_text,
    calendar_name,
    shown_detail,
)
from tests.feeds.samples import head, visit

FACTS = AppointmentFacts(
    kind="infusion",
    code="7Q4K",
    initials="T.A.",
    full_name="Test Patient Alder",
    chair_code="2",
    room_code="R4",
    site_alias="Northfield",
    address="1 Example Street\nNorthfield",
    portal_url="https://calendar.example.test/a/81c4",
)
STAFF, PATIENT, PLACE = Audience.STAFF, Audience.PATIENT, Audience.PLACE
EVERY_STYLE = [
    FeedStyle(
        audience=audience,
        detail=detail,
        show_place=place,
        initials_decided=decided,
        agreement_recorded=decided,
    )
    for audience, detail, place, decided in itertools.product(Audience, Detail, (False, True), (False, True))
]


def summary(style, **changes):
    return appointment_text(dataclasses.replace(FACTS, **changes), style).summary


def agreed(audience, detail, **changes):
    return FeedStyle(audience=audience, detail=detail, initials_decided=True, agreement_recorded=True, **changes)


def test_a_patients_feed_says_appointment_and_no_place():
    assert appointment_text(FACTS, FeedStyle(audience=PATIENT)) == AppointmentText(
        "Appointment", None, "Details in the portal: https://calendar.example.test/a/81c4"
    )


def test_a_patient_may_ask_for_the_address():
    style = FeedStyle(audience=PATIENT, show_place=True)

    assert appointment_text(FACTS, style).location == "1 Example Street\nNorthfield"
    assert appointment_text(dataclasses.replace(FACTS, online=True), style).location == "Online"
    assert appointment_text(dataclasses.replace(FACTS, address=None), style).location == "Northfield"


def test_the_clinics_short_name_is_used_only_while_it_is_neutral():
    assert summary(FeedStyle(audience=PATIENT, short_name="Northfield")) == "Northfield"
    assert summary(FeedStyle(audience=PATIENT, short_name="Ketamine visit")) == "Appointment"
    assert summary(FeedStyle(audience=PATIENT, short_name=" ")) == "Appointment"


@pytest.mark.parametrize("detail", [Detail.CODE, Detail.INITIALS, Detail.FULL])
def test_a_patients_feed_tells_no_more_whatever_is_asked(detail):
    assert summary(agreed(PATIENT, detail)) == "Appointment"


@pytest.mark.parametrize("detail", [Detail.DISCREET, Detail.CODE])
def test_a_staff_feed_says_the_reference_and_the_chair(detail):
    assert summary(FeedStyle(audience=STAFF, detail=detail)) == "Visit \u00b7 ref 7Q4K \u00b7 Chair 2"


def test_a_staff_feed_links_to_the_page_behind_the_sign_in():
    assert appointment_text(FACTS, FeedStyle(audience=STAFF)).description == FACTS.portal_url


def test_initials_need_an_admins_decision():
    style = FeedStyle(audience=STAFF, detail=Detail.INITIALS)

    assert summary(style) == "Visit \u00b7 ref 7Q4K \u00b7 Chair 2"
    assert summary(dataclasses.replace(style, initials_decided=True)) == "Visit \u00b7 T.A. \u00b7 Chair 2"


def test_full_names_need_an_agreement_with_the_calendar_service():
    style = FeedStyle(audience=STAFF, detail=Detail.FULL, initials_decided=True)

    assert shown_detail(style) is Detail.CODE
    assert summary(dataclasses.replace(style, agreement_recorded=True)) == (
        "Visit \u00b7 Test Patient Alder \u00b7 Chair 2"
    )


def test_a_missing_name_falls_back_to_the_reference():
    assert summary(agreed(STAFF, Detail.FULL), full_name=" ") == "Visit \u00b7 ref 7Q4K \u00b7 Chair 2"
    assert summary(agreed(STAFF, Detail.FULL), full_name=None, code=None, chair_code=None, room_code=None) == "Visit"


def test_a_place_feed_says_appointment_and_shows_rooms():
    style = FeedStyle(audience=PLACE, show_place=True)

    assert appointment_text(FACTS, style) == AppointmentText("Appointment", "Room R4, Northfield", None)


@pytest.mark.parametrize("detail", [Detail.INITIALS, Detail.FULL])
def test_a_place_feed_names_nobody(detail):
    assert summary(agreed(PLACE, detail)) == "Visit \u00b7 ref 7Q4K \u00b7 Chair 2"


def test_the_calendars_name_is_neutral_too():
    assert calendar_name("My visits\r\n") == "My visits"
    assert calendar_name("Ketamine visits") == calendar_name(" ") == calendar_name(None) == "Appointments"


@pytest.mark.parametrize("audience", list(Audience))
def test_busy_says_busy_and_nothing_else(audience):
    style = agreed(audience, Detail.BUSY, show_place=True, short_name="Northfield")

    assert appointment_text(FACTS, style) == AppointmentText("Busy", None, None)


def test_cancelled_is_the_same_title_with_its_prefix():
    for style in EVERY_STYLE:
        assert summary(style, cancelled=True) == f"Cancelled: {summary(style)}"


def test_leave_says_away_or_busy():
    assert summary(FeedStyle(audience=STAFF), kind=LEAVE_KIND) == "Away"
    assert summary(FeedStyle(audience=STAFF, detail=Detail.BUSY), kind=LEAVE_KIND) == "Busy"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"chair_code": None}, "Visit \u00b7 ref 7Q4K \u00b7 Room R4"),
        ({"chair_code": "Chair 7"}, "Visit \u00b7 ref 7Q4K \u00b7 Chair 7"),
        ({"chair_code": "Infusion 2"}, "Visit \u00b7 ref 7Q4K \u00b7 Room R4"),
        ({"chair_code": None, "room_code": "Ketamine room"}, "Visit \u00b7 ref 7Q4K"),
        ({"online": True}, "Visit \u00b7 ref 7Q4K \u00b7 Online"),
        ({"code": None}, "Visit \u00b7 Chair 2"),
    ],
)
def test_a_chair_or_room_whose_name_tells_is_left_out(changes, expected):
    assert summary(FeedStyle(audience=STAFF), **changes) == expected


def test_names_and_initials_appear_in_their_own_mode_only():
    for style in EVERY_STYLE:
        text = repr(appointment_text(FACTS, style))
        assert ("Alder" in text) is (shown_detail(style) is Detail.FULL)
        assert ("T.A." in text) is (shown_detail(style) is Detail.INITIALS)


TELLING = (
    "Ketamine",
    "esketamine",
    "Spravato",
    "Infusion chair",
    "Integration",
    "psychotherapy",
    "K\u00c9TAMINE",
    "Keta\u200dmine",
    "Magnesium IV",
    "NAD+",
    "dose 3 of 6",
    "treatment",
)
# Listed here again, so that a word lost from the product's own list is noticed.
SERVICE_WORDS = (
    *("ketamin", "spravato", "infus", "magnesium", "nad+", "dose", "drug"),
    *("integration", "therap", "psych", "treatment", "diagnos"),
)
TEXTS = st.none() | st.sampled_from(TELLING) | st.sampled_from(["2", "R4", "Northfield", "T.A."]) | st.text(max_size=8)


def feed_text(text, name="Appointments"):
    event = render_event(visit(summary=text.summary, location=text.location, description=text.description))
    return render_calendar(head(name=name), [event]).decode().replace("\r\n ", "").lower()


@pytest.mark.parametrize("telling", TELLING)
def test_no_mode_lets_a_drug_or_service_word_into_the_feed(telling):
    texts = [field.name for field in dataclasses.fields(FACTS) if field.name not in ("online", "cancelled")]
    facts = AppointmentFacts(**dict.fromkeys(texts, telling))

    for style in EVERY_STYLE:
        body = feed_text(appointment_text(facts, dataclasses.replace(style, short_name=telling)))
        for word in SERVICE_WORDS:
            assert word not in body, (style, word)


@given(
    st.builds(
        AppointmentFacts,
        kind=st.sampled_from(["infusion", "integration", LEAVE_KIND]),
        code=TEXTS,
        initials=TEXTS,
        full_name=TEXTS,
        chair_code=TEXTS,
        room_code=TEXTS,
        site_alias=TEXTS,
        address=TEXTS,
        portal_url=TEXTS,
        online=st.booleans(),
        cancelled=st.booleans(),
    ),
    st.sampled_from(EVERY_STYLE),
    TEXTS,
)
def test_whatever_is_stored_the_texts_are_neutral(facts, style, short_name):
    text = appointment_text(facts, dataclasses.replace(style, short_name=short_name))

    assert text.summary
    for part in dataclasses.astuple(text):
        assert part is None or (part and is_neutral_name(part))


def test_our_own_words_are_neutral():
    bodies = [feed_text(appointment_text(FACTS, style)) for style in EVERY_STYLE]

    for word in forbidden_words():
        if len(word) > 4:
            assert not any(word in body for body in bodies), word
