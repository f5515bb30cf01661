"""The database fixtures: both engines are migrated, and no test sees another's rows."""

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from planner.store.engine import Store
from planner.store.migrate import current, head


def tables(db: Session) -> set[str]:
    return set(sa.inspect(db.connection()).get_table_names())


@pytest.mark.parametrize("turn", [1, 2])
def test_a_commit_in_the_shared_database_is_undone_after_the_test(db: Session, turn: int) -> None:
    assert "planted" not in tables(db)
    db.execute(sa.text("CREATE TABLE planted (turn INTEGER)"))
    db.commit()
    assert "planted" in tables(db)


@pytest.mark.parametrize("turn", [1, 2])
def test_a_fresh_database_keeps_its_commits_to_itself(fresh_store: Store, turn: int) -> None:
    with fresh_store.writing() as db:
        assert "planted" not in tables(db)
        db.execute(sa.text("CREATE TABLE planted (turn INTEGER)"))
    with fresh_store.reading() as db:
        assert "planted" in tables(db)


def test_databases_are_migrated_to_the_newest_migration(engine: sa.Engine, database_kind: str) -> None:
    assert current(engine) == head()
    assert engine.dialect.name == {"sqlite": "sqlite", "postgres": "postgresql"}[database_kind]


def test_an_empty_database_has_no_tables(empty_database_url: str) -> None:
    store = Store(empty_database_url)
    with store.reading() as db:
        assert tables(db) == set()
    store.dispose()
