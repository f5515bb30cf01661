"""A clinic at work, and a way through the wizard up to any step."""

from collections.abc import Callable

import pytest
from sqlalchemy.orm import Session

from tests.support.cast import Cast
from tests.support.planning_clinic import AtWork, put_to_work
from tests.support.strict_client import StrictClient
from tests.web.planning.wizard import Wizard


@pytest.fixture
def at_work(db: Session, cast: Cast) -> AtWork:
    """Chairs, rooms, shifts and protocols at North."""
    found = put_to_work(db, cast)
    db.commit()
    return found


@pytest.fixture
def wizard(at_work: AtWork, cast: Cast, sign_in: Callable[[str], StrictClient]) -> Wizard:
    """The coordinator at the wizard, for patient Alder."""
    return Wizard(sign_in("coordinator"), cast.patients["alder"].id, at_work.twice_weekly.id)
