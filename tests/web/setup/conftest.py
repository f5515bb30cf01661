"""A planner in which nobody has an account yet."""

import pytest
from sqlalchemy.orm import Session

from planner.services.first_run import new_setup_link
from tests.support.cast import NOW


@pytest.fixture
def cast() -> None:
    """Nobody: the app of these tests begins with an empty database."""


@pytest.fixture
def token(db: Session) -> str:
    """The token of the set-up link."""
    found = new_setup_link(db, NOW)
    db.commit()
    return found
