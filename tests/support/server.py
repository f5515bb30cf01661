"""Serve an application on a free port of 127.0.0.1 for as long as a test needs it."""

import os
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from werkzeug.serving import WSGIRequestHandler, make_server

WsgiApp = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 30
STOP_SECONDS = 15


class ServerFailed(Exception):
    """The server did not come up; the message holds what it said."""


@dataclass(frozen=True)
class RunningServer:
    """Where a server under test answers."""

    port: int
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


class _Silent(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: object) -> None:
        """Say nothing: the test asserts what was answered."""


class _Counted:
    """A WSGI callable that knows how many answers are under way, so that none is cut off half-way at the end.

    An answer that loses its thread would leave its database connection open.
    """

    def __init__(self, app: WsgiApp) -> None:
        self._app, self._under_way, self._changed = app, 0, threading.Condition()

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        with self._changed:
            self._under_way += 1
        try:
            answer = self._app(environ, start_response)
            try:
                return list(answer)
            finally:
                if (close := getattr(answer, "close", None)) is not None:
                    close()
        finally:
            with self._changed:
                self._under_way -= 1
                self._changed.notify_all()

    def wait_until_idle(self) -> None:
        """Return once every answer is given, at the latest after STOP_SECONDS."""
        with self._changed:
            self._changed.wait_for(lambda: self._under_way == 0, STOP_SECONDS)


@contextmanager
def serve(app: WsgiApp) -> Iterator[RunningServer]:
    """Serve a WSGI callable from threads of this process, over real HTTP."""
    counted = _Counted(app)
    server = make_server("127.0.0.1", 0, counted, threaded=True, request_handler=_Silent)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield RunningServer(server.server_port)
    finally:
        server.shutdown()
        counted.wait_until_idle()
        server.server_close()
        thread.join(STOP_SECONDS)


@contextmanager
def serve_with_gunicorn(
    target: str = "wsgi:app",
    *,
    environment: Mapping[str, str],
    workers: int = 2,
    threads: int = 4,
    ready_path: str = "/",
    log: Path,
) -> Iterator[RunningServer]:
    """Serve `target` as in production: several processes, several threads, no code shared with the test.

    `environment` is added to ours; `log` is a file for what the server says. Ready means that `ready_path`
    got any answer. Raises ServerFailed with the log when it does not.
    """
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listener:
        port = listener.getsockname()[1]
        process = _spawn_gunicorn(target, listener.fileno(), environment, workers, threads, log)
    # Our copy of the socket is closed now, so a server that dies refuses connections instead of hanging.
    try:
        _wait_until_it_answers(f"http://127.0.0.1:{port}{ready_path}", process, log)
        yield RunningServer(port, process)
    finally:
        stop(process)


def _spawn_gunicorn(
    target: str, socket_number: int, environment: Mapping[str, str], workers: int, threads: int, log: Path
) -> "subprocess.Popen[bytes]":
    # The socket is open before gunicorn starts, so no other program can take the port in between.
    command = [sys.executable, "-m", "gunicorn", target, "--bind", f"fd://{socket_number}"]
    command += ["--worker-class", "gthread", "--workers", str(workers), "--threads", str(threads)]
    with log.open("ab") as output:
        return subprocess.Popen(
            [*command, "--graceful-timeout", "2", "--no-control-socket"],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd=ROOT,
            env={**os.environ, **environment},
            pass_fds=[socket_number],
        )


def _wait_until_it_answers(url: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    give_up_at = time.monotonic() + START_SECONDS
    while time.monotonic() < give_up_at and process.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except urllib.error.HTTPError as answer:
            answer.close()
            return
        except OSError:
            time.sleep(0.05)  # not serving yet; a child process gives no other sign
    raise ServerFailed(f"nothing answered at {url}:\n{log.read_text(errors='replace')[-4000:]}")


def stop(process: "subprocess.Popen[bytes]") -> None:
    """End a program by the handle it was started with, by force if it takes longer than STOP_SECONDS."""
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
