"""A request is remembered with its content and its answer."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from planner.domain.errors import FieldError, RequestReused
from planner.services.idempotency import (
    EarlierAnswer,
    body_hash,
    forget_old_requests,
    remember_answer,
    remember_request,
)
from planner.store.records import IdempotencyKey
from tests.support.cast import NOW, Cast, make_cast

KEY = "test-key-0123456789"


@pytest.fixture
def cast(db: Session) -> Cast:
    return make_cast(db)


def test_the_second_sending_gets_the_first_answer(db: Session, cast: Cast) -> None:
    who = cast.principals["coordinator"]
    assert remember_request(db, who, KEY, "/move", "content", NOW) is None
    remember_answer(db, who, KEY, 303, "/infusions/3")
    assert remember_request(db, who, KEY, "/move", "content", NOW) == EarlierAnswer(303, "/infusions/3")


def test_other_content_under_the_same_key_is_refused(db: Session, cast: Cast) -> None:
    who = cast.principals["coordinator"]
    remember_request(db, who, KEY, "/move", "content", NOW)
    with pytest.raises(RequestReused):
        remember_request(db, who, KEY, "/move", "other content", NOW)


def test_a_key_none_of_our_pages_made(db: Session, cast: Cast) -> None:
    with pytest.raises(FieldError):
        remember_request(db, cast.principals["nurse"], "short", "/move", "content", NOW)


def test_keys_are_kept_for_48_hours(db: Session, cast: Cast) -> None:
    remember_request(db, cast.principals["nurse"], KEY, "/move", "content", NOW)
    forget_old_requests(db, NOW + timedelta(hours=48))
    assert db.scalar(select(func.count()).select_from(IdempotencyKey)) == 1
    forget_old_requests(db, NOW + timedelta(hours=48, seconds=1))
    assert db.scalar(select(func.count()).select_from(IdempotencyKey)) == 0


def test_order_of_fields_token_and_passwords_do_not_count() -> None:
    base = body_hash("/a", [("x", "1"), ("y", "2")])
    assert base == body_hash("/a", [("y", "2"), ("x", "1"), ("csrf_token", "t"), ("password", "secret")])
    assert base != body_hash("/b", [("x", "1"), ("y", "2")])
    assert base != body_hash("/a", [("x", "1"), ("y", "3")])
    assert body_hash("/a", [("x", "1=2")]) != body_hash("/a", [("x=1", "2")])
