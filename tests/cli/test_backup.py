"""A backup is a checked copy or nothing."""

import shutil
import subprocess
from pathlib import Path

import pytest
from sqlalchemy import func, select

from planner.store.engine import Store
from planner.store.guards import remove_guards
from planner.store.records import Appointment
from tests.cli.conftest import Run

IS_SQLITE = {"sqlite": True, "postgres": False}


def test_the_copy_holds_everything_and_is_the_owners_alone(
    demo: Run, database_kind: str, store: Store, tmp_path: Path
) -> None:
    file = tmp_path / "backup"
    made = demo("backup", str(file))
    if database_kind == "postgres" and shutil.which("pg_dump") is None:
        assert "pg_dump is not installed" in made.stderr
        return
    assert made.exit_code == 0, made.stderr
    assert file.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["backup"]
    if not IS_SQLITE[database_kind]:
        assert file.read_bytes()[:5] == b"PGDMP"
        return
    copy = Store(f"sqlite:///{file}")
    with copy.reading() as db, store.reading() as original:
        counted = select(func.count(Appointment.id))
        assert db.scalar(counted) == original.scalar(counted)
    copy.dispose()


def test_a_backup_replaces_nothing(demo: Run, tmp_path: Path) -> None:
    file = tmp_path / "backup"
    file.write_text("something else")
    refused = demo("backup", str(file))
    assert (refused.exit_code, file.read_text()) == (1, "something else")
    assert demo("backup", str(tmp_path / "no" / "backup")).exit_code == 1


def test_a_folder_nobody_can_write_to_is_one_sentence(demo: Run, database_kind: str) -> None:
    refused = demo("backup", "/proc/backup")  # not even root may write there
    assert refused.exit_code == 1
    assert refused.stderr.count("\n") == 1
    assert ("Nothing can be written to /proc" if IS_SQLITE[database_kind] else "pg_dump") in refused.stderr


def test_a_copy_without_guards_is_thrown_away(demo: Run, database_kind: str, store: Store, tmp_path: Path) -> None:
    with store.write_engine.begin() as connection:
        remove_guards(connection)
    made = demo("backup", str(tmp_path / "backup"))
    if IS_SQLITE[database_kind]:
        assert "lost its protection against double booking" in made.stderr
        assert list(tmp_path.iterdir()) == []


def test_postgresql_is_dumped_without_its_password_on_the_command_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from sqlalchemy.engine import make_url

    from planner.cli import database

    seen: list[tuple[list[str], dict[str, str]]] = []

    def dump(command: list[str], *, env: dict[str, str], **_how) -> subprocess.CompletedProcess[str]:
        seen.append((command, env))
        part = next(word for word in command if word.startswith("--file=")).removeprefix("--file=")
        Path(part).write_bytes(b"PGDMP")
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(database.shutil, "which", lambda _name: "/usr/bin/pg_dump")
    monkeypatch.setattr(database.subprocess, "run", dump)
    database._dump_postgres(make_url("postgresql://app:hidden@db.example/planner"), tmp_path / "backup")
    ((command, environment),) = seen
    assert "hidden" not in " ".join(command)
    assert environment["PGPASSWORD"] == "hidden"
    assert (tmp_path / "backup").read_bytes() == b"PGDMP"


def test_a_dump_that_fails_says_why_and_leaves_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from sqlalchemy.engine import make_url

    from planner.cli import database
    from planner.cli.doors import Failed

    failed = subprocess.CompletedProcess([], 1, "", "pg_dump: server version mismatch\n")
    monkeypatch.setattr(database.shutil, "which", lambda _name: "/usr/bin/pg_dump")
    monkeypatch.setattr(database.subprocess, "run", lambda *_words, **_how: failed)
    with pytest.raises(Failed, match="server version mismatch"):
        database._dump_postgres(make_url("postgresql://db.example/planner"), tmp_path / "backup")
    monkeypatch.setattr(database.shutil, "which", lambda _name: None)
    with pytest.raises(Failed, match="pg_dump is not installed"):
        database._dump_postgres(make_url("postgresql://db.example/planner"), tmp_path / "backup")
    assert list(tmp_path.iterdir()) == []
