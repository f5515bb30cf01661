"""The smallest application, for tests of the servers themselves."""

from collections.abc import Callable, Iterable
from typing import Any

PAGE = b"<!doctype html><title>Hello</title><p id=out>plain</p><script>out.textContent = 'scripted'</script>"


def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Answer every request with one page whose script, if it runs, changes one word."""
    start_response("200 OK", [("Content-Type", "text/html; charset=utf-8")])
    return [PAGE]
