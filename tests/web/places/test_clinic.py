"""The clinic's own settings: kept within their bounds, discreet where strangers look."""

from collections.abc import Callable

import pytest
from sqlalchemy.orm import Session

from tests.support.cast import Cast
from tests.support.strict_client import StrictClient
from tests.web.stage import words_of

SignIn = Callable[[str], StrictClient]
PATH = "/admin/clinic"


@pytest.fixture
def admin(sign_in: SignIn) -> StrictClient:
    """The clinic's administrator in a browser."""
    return sign_in("admin")


def test_settings_are_kept(admin: StrictClient, cast: Cast, db: Session) -> None:
    typed = {"name": "Another Clinic", "help_text": "Call 555 0100.\nAt night 555 0101.", "staff_idle_minutes": "10"}
    assert admin.submit(admin.page(PATH), PATH, typed).status_code == 303
    db.expire_all()
    assert (cast.clinic.name, cast.clinic.staff_idle_minutes, cast.clinic.version) == ("Another Clinic", 10, 2)
    assert cast.clinic.help_text == "Call 555 0100.\nAt night 555 0101."
    assert "Another Clinic" in admin.page(PATH).title


@pytest.mark.parametrize(
    ("more", "field", "sentence"),
    [
        ({"name": "x" * 10_000}, "name", "Enter at most 120 characters"),
        ({"name": "a\x00b"}, "name", "Take out line breaks and control characters."),
        ({"neutral_name": "Ketamine House"}, "neutral_name", "Choose words that do not tell what a visit is for."),
        ({"feed_words": "Therapy"}, "feed_words", "it tells what the visit is for"),
        ({"zone": "Mars/Crater"}, "zone", "There is no time zone called"),
        ({"help_text": "x" * 2_001}, "help_text", "Enter at most 2000 characters"),
        ({"staff_idle_minutes": "0"}, "staff_idle_minutes", "Enter a number of minutes from 5 to 60."),
        ({"staff_idle_minutes": "9" * 5_000}, "staff_idle_minutes", "Enter a whole number in digits"),
        ({"undo_minutes": ""}, "undo_minutes", "Enter a whole number"),
        ({"hold_minutes": "-5"}, "hold_minutes", "Enter a whole number in digits"),
        ({"plan_ahead_months": "1.5"}, "plan_ahead_months", "Enter a whole number in digits"),
    ],
)
def test_what_cannot_be_kept_is_said_at_the_field(
    admin: StrictClient, cast: Cast, db: Session, more: dict[str, str], field: str, sentence: str
) -> None:
    refused = admin.submit(admin.page(PATH), PATH, {"help_text": "Typed words"} | more)
    assert refused.status_code == 422
    assert sentence in words_of(refused) and f'id="{field}-error"' in refused.text
    assert "Typed words" in refused.text or "help_text" in more
    db.expire_all()
    assert (cast.clinic.name, cast.clinic.version) == ("Test Clinic", 1)


def test_a_stale_form_shows_what_was_saved(admin: StrictClient, cast: Cast, db: Session) -> None:
    page = admin.page(PATH)
    assert admin.submit(page, PATH, {"undo_minutes": "5", "idempotency_key": "k" * 20}).status_code == 303
    stale = admin.submit(page, PATH, {"undo_minutes": "7"})
    assert stale.status_code == 409
    assert "Time to undo a change5" in words_of(stale) and 'value="7"' in stale.text
    assert admin.submit(type(page)(stale.text), PATH).status_code == 303
    db.expire_all()
    assert cast.clinic.undo_minutes == 7


def test_fields_that_no_form_has_change_nothing(admin: StrictClient, cast: Cast, db: Session) -> None:
    more = {"is_demo": "y", "staff_second_factor": "y", "version": "9", "id": "2"}
    assert admin.submit(admin.page(PATH), PATH, more).status_code == 303
    db.expire_all()
    assert (cast.clinic.is_demo, cast.clinic.staff_second_factor, cast.clinic.version) == (False, False, 2)
