"""What the tests of the course pages share: a booked course, its coordinator, and typing into the boxes."""

from collections.abc import Callable
from datetime import datetime

import pytest
from flask import Flask
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from planner.domain.walltime import to_wall
from planner.store.records import Appointment
from tests.support.booked_course import BookedCourse, book_course_for
from tests.support.cast import Cast
from tests.support.strict_client import Page, StrictClient

SignIn = Callable[[str], StrictClient]


@pytest.fixture
def booked(app: Flask, db: Session, cast: Cast) -> BookedCourse:
    """Test Patient Alder's course of six infusions."""
    return book_course_for(db, cast)


@pytest.fixture
def coordinator(sign_in: SignIn) -> StrictClient:
    """North's coordinator in a browser."""
    return sign_in("coordinator")


def wall_of(row: Appointment) -> datetime:
    """When an appointment starts on its site's clock."""
    return to_wall(row.starts_at, row.zone)


def ask_for(client: StrictClient, path: str, wall: datetime, **more: str) -> TestResponse:
    """Ask for a time of one's own on a move page."""
    return client.send(path, {"day": wall.date().isoformat(), "time": wall.strftime("%H:%M"), **more})


def words_of(response: TestResponse) -> str:
    """What a person reads on a page."""
    return " ".join(Page(response.text).words.split())
