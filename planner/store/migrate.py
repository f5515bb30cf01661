"""Migrations: up, down, and what is missing. The guards are put back after each run (security.md 8.1, 8.11)."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, inspect

import planner.store.records  # noqa: F401  registers every table
from planner.store.base import Base
from planner.store.engine import make_engine
from planner.store.guards import check_guards, install_guards, remove_guards

MIGRATIONS = Path(__file__).resolve().parents[2] / "migrations"


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    return config


def upgrade(url: str, revision: str = "head") -> None:
    """Bring the database at `url` to `revision`, put the guards in place and prove them."""
    engine = make_engine(url)
    try:
        with engine.begin() as connection:
            if inspect(connection).has_table("occupancy"):
                remove_guards(connection)
            command.upgrade(_config(connection), revision)
            install_guards(connection)
            check_guards(connection)
    finally:
        engine.dispose()


def downgrade(url: str, revision: str) -> None:
    """Take the database at `url` down to `revision` (“base” empties it)."""
    engine = make_engine(url)
    try:
        with engine.begin() as connection:
            remove_guards(connection)
            command.downgrade(_config(connection), revision)
            if inspect(connection).has_table("occupancy"):
                install_guards(connection)
    finally:
        engine.dispose()


def head() -> str:
    """The newest migration's number."""
    found = ScriptDirectory(str(MIGRATIONS)).get_current_head()
    if found is None:
        raise RuntimeError("there are no migrations")
    return found


def current(engine: Engine) -> str | None:
    """The migration the database is at; None for an empty database."""
    with engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def drift(engine: Engine) -> list[str]:
    """What the tables have that the records do not say, and the other way round."""
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return [str(difference) for difference in compare_metadata(context, Base.metadata)]
