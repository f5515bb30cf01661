"""The test PostgreSQL: brought along, private, gone afterwards, and never silently missing."""

import os
from pathlib import Path

import psycopg
import pytest

from tests.support import postgres
from tests.support.postgres import PostgresMissing, find_binaries, running_server


def test_the_packaged_server_starts_apart_and_leaves_nothing() -> None:
    with running_server("embedded") as server:
        name = server.create_database()
        with psycopg.connect(host=str(server.folder), port=5432, user="planner", dbname=name) as connection:
            assert connection.execute("SHOW listen_addresses").fetchone() == ("",)
            connection.execute("CREATE EXTENSION btree_gist")
        pid, folder = server.pid, server.folder
    assert not folder.exists()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_missing_postgresql_is_an_error_that_names_the_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(postgres.CHOICE_VARIABLE, raising=False)
    monkeypatch.setattr(postgres, "_system_folder", lambda: None)
    monkeypatch.setattr(postgres, "_embedded_folder", lambda: None)
    with pytest.raises(PostgresMissing, match="Install your system's package"):
        find_binaries()


def test_an_unknown_choice_is_refused() -> None:
    with pytest.raises(PostgresMissing, match="'system' or 'embedded'"):
        find_binaries("something else")


def test_a_server_that_cannot_start_says_why(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(postgres.SETTINGS, "no_such_setting", "1")
    with pytest.raises(PostgresMissing, match="no_such_setting"), running_server("embedded"):
        pytest.fail("a server with a wrong setting started")
