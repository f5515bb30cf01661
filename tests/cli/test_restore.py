"""A backup of PostgreSQL goes into an empty database with everything in it, the guards included."""

import os
import subprocess
from pathlib import Path

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import IntegrityError

from planner.store.engine import Store
from planner.store.guards import check_guards, missing_guards
from planner.store.migrate import drift
from planner.store.records import Appointment, AuditEntry, Clinic, Feed, Occupancy
from tests.cli.conftest import Run, runner_on
from tests.support.postgres import PostgresServer


@pytest.mark.parametrize("database_kind", ["postgres"], indirect=True)
def test_a_dump_restored_into_an_empty_database_serves_as_before(
    demo: Run, store: Store, postgres_server: PostgresServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of SQLite the copy itself is the restored database: see test_backup."""
    server, file = postgres_server, tmp_path / "backup"
    # The server's own client programs, wherever it was found or brought along.
    monkeypatch.setenv("PATH", f"{server.binaries.folder}{os.pathsep}{os.environ['PATH']}")
    assert demo("backup", str(file)).exit_code == 0
    name = server.create_database()
    url = server.url(name)
    address = url.replace("postgresql+psycopg://", "postgresql://")
    restored = subprocess.run(
        [server.binaries.program("pg_restore"), "--exit-on-error", "--no-owner", f"--dbname={address}", str(file)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (restored.returncode, restored.stderr) == (0, "")
    copy = Store(url)
    with copy.write_engine.connect() as connection, connection.begin() as trial:
        assert missing_guards(connection) == []
        check_guards(connection)
        trial.rollback()
    assert drift(copy.read_engine) == []
    for record in (Appointment, Occupancy, AuditEntry):
        with copy.reading() as db, store.reading() as original:
            counted = select(func.count(record.id))
            assert db.scalar(counted) == original.scalar(counted) > 0
    for statement in (
        "INSERT INTO occupancy (holdable_id, appointment_id, starts_at, ends_at) "
        "SELECT holdable_id, appointment_id, starts_at, ends_at FROM occupancy WHERE override_id IS NULL LIMIT 1",
        "DELETE FROM audit_entry",
    ):
        with pytest.raises(IntegrityError), copy.writing() as db:
            db.execute(text(statement))
    with copy.writing() as db:
        before = dict(db.execute(select(Feed.id, Feed.revision)).all())
        db.get_one(Clinic, 1).neutral_name = "Test Practice Elm"
        db.flush()
        live = select(Feed.id, Feed.revision).where(Feed.revoked_at.is_(None))
        assert all(revision == before[feed_id] + 1 for feed_id, revision in db.execute(live))
    copy.dispose()
    runs = runner_on(url)
    assert next(runs)("doctor").exit_code == 0
    assert next(runs, None) is None  # which closes its connections
    server.drop_database(name)
