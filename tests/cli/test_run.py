"""What `make run` starts: one sentence when it cannot, a made-up clinic once, and what is entered stays."""

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from config import Settings
from planner.cli import run
from planner.domain.access import Role
from planner.services.demo import DEMO_PASSWORD, make_demo
from planner.services.first_run import setup_is_open
from planner.store.engine import Store
from planner.store.queries import accounts as find
from tests.support.cast import CHEAP, NOW
from tests.support.server import ROOT, stop

START_SECONDS = 40


@contextmanager
def running(folder: Path, port: int) -> Iterator["subprocess.Popen[str]"]:
    environment = {**os.environ, "DATABASE_URL": f"sqlite:///{folder / 'planner.sqlite3'}", "PORT": str(port)}
    process = subprocess.Popen(
        [sys.executable, "-m", "planner.cli.run"],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield process
    finally:
        stop(process)  # type: ignore[arg-type]
        assert process.stdout is not None
        process.stdout.close()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


def answer_of(url: str) -> str:
    give_up_at = time.monotonic() + START_SECONDS
    while True:
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:
                return str(answer.read().decode())
        except OSError:
            if time.monotonic() > give_up_at:
                raise


def test_it_serves_and_a_second_run_keeps_the_data(tmp_path: Path) -> None:
    counts = []
    for _ in range(2):
        port = free_port()
        with running(tmp_path, port) as process:
            assert answer_of(f"http://127.0.0.1:{port}/readyz") == "ready\n"
            assert "Sign in" in answer_of(f"http://127.0.0.1:{port}/")
        assert process.returncode == 0
        store = Store(f"sqlite:///{tmp_path / 'planner.sqlite3'}")
        with store.reading() as db:
            counts.append(len(find.accounts_by_name(db)))
        store.dispose()
    assert counts[0] == counts[1] > 0


def test_a_port_in_use_is_said_before_anything_is_started(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        url = f"sqlite:///{tmp_path / 'none' / 'planner.sqlite3'}"
        assert run.main({"PORT": str(port), "DATABASE_URL": url}) == 1
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.count("\n") == 1
    assert f"Port {port} is in use" in told.err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("word", ["eighty", "0", "70000", "-1", "80.5", "٣", "9" * 5000])
def test_a_port_that_is_none(word: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run.main({"PORT": word}) == 1
    assert word[:20] in capsys.readouterr().err


NO_DATABASES = ("mysql://somewhere/x", "somewhere", "postgresql://somewhere:port/x")


@pytest.mark.parametrize("url", NO_DATABASES)
def test_a_database_of_another_kind_is_one_sentence(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    environment = {"PORT": str(free_port()), "DATABASE_URL": url, "SECRET_KEY": "x"}
    assert run.main(environment) == 1
    told = capsys.readouterr().err
    assert "SQLite" in told
    assert told.count("\n") == 1


def test_a_folder_that_cannot_be_used_is_one_sentence(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    url = f"sqlite:///{tmp_path}/file/planner.sqlite3"
    assert run.main({"PORT": str(free_port()), "DATABASE_URL": url}) == 1
    told = capsys.readouterr().err
    assert "cannot be used" in told
    assert told.count("\n") == 1


def test_a_command_says_in_one_sentence_that_a_setting_makes_no_sense() -> None:
    environment = {**os.environ, "DATABASE_URL": NO_DATABASES[0], "SECRET_KEY": "x"}
    started = subprocess.run(
        [sys.executable, "-m", "flask", "--app", "wsgi", "doctor"],
        cwd=ROOT, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert started.returncode == 1
    assert "SQLite" in started.stderr
    assert started.stderr.count("\n") == 1


def test_the_welcome_names_a_log_in_per_role(fresh_database_url: str) -> None:
    store = Store(fresh_database_url)
    with store.writing() as db:
        make_demo(db, NOW, hashed=CHEAP.hashed)
    lines = run.welcome(Settings(fresh_database_url, "x"), "http://127.0.0.1:8000")
    store.dispose()
    assert "The planner runs at http://127.0.0.1:8000" in lines
    assert any(DEMO_PASSWORD in line for line in lines)
    for role in Role:
        assert any(line.split()[:1] == [role.value] for line in lines), role


def test_the_welcome_to_a_real_clinic_names_no_password(fresh_database_url: str) -> None:
    lines = run.welcome(Settings(fresh_database_url, "x"), "http://127.0.0.1:8000")
    assert not any("Password" in line for line in lines)


def test_settings_keep_a_secret_for_their_owner_alone(tmp_path: Path) -> None:
    given = {"DATABASE_URL": f"sqlite:///{tmp_path / 'planner.sqlite3'}"}
    first, second = Settings.from_environment(given), Settings.from_environment(given)
    assert first.secret_key == second.secret_key
    assert len(first.secret_key) >= 43
    assert (tmp_path / "secret.key").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["secret.key"]


def test_settings_follow_the_public_address(tmp_path: Path) -> None:
    given = {"DATABASE_URL": "sqlite://", "SECRET_KEY": "x", "PUBLIC_URL": "https://plan.example/"}
    found = Settings.from_environment(given)
    assert found.https
    assert "plan.example" in found.trusted_hosts
    with pytest.raises(ValueError, match="HTTPS"):
        Settings.from_environment({**given, "HTTPS": "perhaps"})
    with pytest.raises(ValueError, match="TRUSTED_PROXIES"):
        Settings.from_environment({**given, "TRUSTED_PROXIES": "many"})


def test_earlier_keys_are_listed_with_commas() -> None:
    given = {"DATABASE_URL": "sqlite://", "SECRET_KEY": "new", "SECRET_KEY_FALLBACKS": "old, older ,"}
    assert Settings.from_environment(given).secret_key_fallbacks == ("old", "older")
    del given["SECRET_KEY_FALLBACKS"]
    assert Settings.from_environment(given).secret_key_fallbacks == ()


def test_a_server_refuses_a_database_that_is_not_ready(tmp_path: Path) -> None:
    environment = {**os.environ, "DATABASE_URL": f"sqlite:///{tmp_path / 'planner.sqlite3'}"}
    started = subprocess.run(
        [sys.executable, "-c", "import wsgi"], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert started.returncode == 3
    assert "not at the newest migration" in started.stderr
    assert started.stderr.count("\n") == 1


def test_an_own_clinic_starts_empty_with_a_link(fresh_database_url: str) -> None:
    settings = Settings(fresh_database_url, "x")
    first = run.prepare(settings, stays_empty=run.is_for_own_clinic({"CLINIC": "empty"}))
    assert first is not None
    lines = run.welcome(settings, "http://127.0.0.1:8000", token=first, wanted_empty=True)
    assert f"  http://127.0.0.1:8000/setup/{first}" in lines
    assert not any("Password" in line for line in lines)
    # From then on the database is somebody's: the next start makes no demo, but a new link in place of the old one.
    second = run.prepare(settings)
    assert second not in (None, first)
    store = Store(fresh_database_url)
    with store.reading() as db:
        assert not find.any_account(db)
        assert setup_is_open(db, str(second), datetime.now(UTC))
        assert not setup_is_open(db, first, datetime.now(UTC))
    store.dispose()


def test_an_own_clinic_in_a_database_in_use_says_the_way_out(fresh_database_url: str) -> None:
    store = Store(fresh_database_url)
    with store.writing() as db:
        make_demo(db, NOW, hashed=CHEAP.hashed)
    store.dispose()
    settings = Settings(fresh_database_url, "x")
    assert run.prepare(settings, stays_empty=True) is None
    lines = run.welcome(settings, "http://127.0.0.1:8000", wanted_empty=True)
    assert run.IN_USE in lines


def test_a_clinic_that_is_neither_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    url = f"sqlite:///{tmp_path / 'planner.sqlite3'}"
    assert run.main({"PORT": str(free_port()), "DATABASE_URL": url, "SECRET_KEY": "x", "CLINIC": "full"}) == 1
    told = capsys.readouterr().err
    assert "“demo” or “empty”, not “full”" in told
    assert told.count("\n") == 1
