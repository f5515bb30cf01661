"""The test servers answer while they are wanted and are gone afterwards."""

import urllib.error
import urllib.request
from pathlib import Path

import pytest

from tests.support.hello import PAGE, app
from tests.support.server import ServerFailed, serve, serve_with_gunicorn


def read(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=5) as answer:
        return answer.read()


def test_a_callable_is_served_until_the_block_ends() -> None:
    with serve(app) as server:
        assert read(server.url) == PAGE
    with pytest.raises(urllib.error.URLError):
        read(server.url)


def test_gunicorn_serves_in_its_own_processes_until_the_block_ends(tmp_path: Path) -> None:
    with serve_with_gunicorn("tests.support.hello:app", environment={}, log=tmp_path / "log") as server:
        assert read(server.url) == PAGE
    assert server.process is not None
    assert server.process.returncode == 0
    with pytest.raises(urllib.error.URLError):
        read(server.url)


def test_an_application_that_is_not_there_is_reported_with_the_servers_words(tmp_path: Path) -> None:
    with (
        pytest.raises(ServerFailed, match="no_such_module"),
        serve_with_gunicorn("tests.no_such_module:app", environment={}, log=tmp_path / "log"),
    ):
        pytest.fail("an application that does not exist was served")
