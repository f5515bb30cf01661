"""A plain browser over real HTTP: cookies and forms, no scripts, redirects shown instead of followed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPResponse
from http.cookiejar import CookieJar
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode, urlsplit
from urllib.request import HTTPCookieProcessor, HTTPRedirectHandler, Request, build_opener

from tests.support.strict_client import Page

TIMEOUT_SECONDS = 60


@dataclass(frozen=True)
class Answer:
    """What came back; `location` is a path."""

    status_code: int
    location: str | None
    text: str


class _Stay(HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        """Do not go there."""


class HttpClient:
    """One browser with its own cookies. It has the part of StrictClient that walks through forms."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._open = build_opener(HTTPCookieProcessor(CookieJar()), _Stay()).open

    def sign_in(self, email: str, password: str) -> None:
        """Sign in through the form."""
        done = self.submit(self.page("/sign-in"), "/sign-in", {"email": email, "password": password})
        assert done.status_code == 303, done.text[:2000]

    def get(self, path: str) -> Answer:
        """Whatever is there."""
        return self._answer(Request(self.url + path))

    def page(self, path: str, status: int = 200) -> Page:
        """Get a page that answers with `status` and read it."""
        answer = self.get(path)
        assert answer.status_code == status, f"{path} answered {answer.status_code} {answer.location or ''}"
        return Page(answer.text)

    def submit(self, page: Page, action: str, data: Mapping[str, Any] | None = None) -> Answer:
        """Send the page's form that posts to `action`, with `data` typed into it."""
        address, fields = page.filled(action, data)
        return self._answer(Request(self.url + address, urlencode(fields, doseq=True).encode(), method="POST"))

    def _answer(self, request: Request) -> Answer:
        try:
            with self._open(request, timeout=TIMEOUT_SECONDS) as response:
                return _read(response)
        except HTTPError as error:
            with error:
                return _read(error)


def _read(response: HTTPResponse | HTTPError) -> Answer:
    where = response.headers.get("Location")
    path = urlsplit(where)._replace(scheme="", netloc="").geturl() if where else None
    return Answer(response.status or 0, path, response.read().decode())
