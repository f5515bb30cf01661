"""Runs the migrations on a connection that planner.store.migrate hands over."""

from alembic import context

import planner.store.records  # noqa: F401  registers every table
from planner.store.base import Base

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=Base.metadata,
    render_as_batch=connection.dialect.name == "sqlite",
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()
