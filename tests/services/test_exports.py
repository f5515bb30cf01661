"""Files that leave, counted on a real store: of many at once none goes past the limit or has another's number."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from sqlalchemy import select
from sqlalchemy.orm import Session

from planner.domain.errors import LimitReached
from planner.services import exports
from planner.services.exports import MOST_A_DAY, TAKEN_BY_COMMAND
from planner.store.engine import Store
from planner.store.records import AuditEntry
from tests.support.cast import NOW, make_cast

AT_ONCE = 6


def test_of_many_at_once_none_goes_past_the_limit(fresh_store: Store) -> None:
    with fresh_store.writing() as db:
        who = make_cast(db).principals["coordinator"]
        for _ in range(MOST_A_DAY - 2):
            exports.note(db, who, "patients", rows=1, now=NOW)
    together = Barrier(AT_ONCE)

    def take(_: int) -> int | None:
        together.wait(20)
        try:
            return fresh_store.transact(lambda db: exports.note(db, who, "patients", rows=1, now=NOW))
        except LimitReached:
            return None

    with ThreadPoolExecutor(AT_ONCE) as pool:
        got = list(pool.map(take, range(AT_ONCE)))
    assert sorted(number for number in got if number) == [MOST_A_DAY - 1, MOST_A_DAY]


def test_the_command_line_is_written_down_and_not_counted(db: Session) -> None:
    who = make_cast(db).principals["coordinator"]
    for _ in range(MOST_A_DAY + 1):
        number = exports.note(db, who, "plan", rows=3, now=NOW, action=TAKEN_BY_COMMAND)
    assert number == MOST_A_DAY + 1
    exports.refuse_spent(db, who, NOW)
    entry = db.scalars(
        select(AuditEntry).where(AuditEntry.object_id == number, AuditEntry.object_type == "export")
    ).one()
    assert (entry.action, entry.detail) == ("export.command_line", {"kind": "plan", "rows": 3})
