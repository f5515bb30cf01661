"""A test client that looks at every page it gets, so that every page test is a strict one.

Each HTML answer has a title, one h1, unique ids, a label for each box, hidden protection fields in each form, and
the security headers. What a person would do is `submit`: it sends a form of the page as the page has it.
"""

import re
from collections.abc import Mapping
from html.parser import HTMLParser
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
NO_LABEL = {"hidden", "submit", "button", "image", "reset"}
#: Forms that may be sent twice without harm and carry no idempotency key.
NO_KEY = re.compile(r"/(sign-(in|out)(\?.*)?|setup/[\w-]+|find)$")
POLICY_PARTS = (
    "default-src 'none'",
    "script-src 'nonce-",
    "style-src 'self'",
    "frame-ancestors 'none'",
    "base-uri 'none'",
    "form-action 'self'",
    "require-trusted-types-for 'script'",
)


class Page(HTMLParser):
    """The parts of a page that the checks ask about."""

    def __init__(self, markup: str) -> None:
        super().__init__()
        self.title = ""
        self.headings: list[str] = []
        self.ids: list[str] = []
        self.labels: set[str] = set()
        self.boxes: list[tuple[str, dict[str, str], bool]] = []
        self.forms: list[dict[str, Any]] = []
        self.links: list[str] = []
        self.words = ""
        self._open: list[str] = []
        self._form: dict[str, Any] | None = None
        self._select: dict[str, str] | None = None
        self._area: dict[str, str] | None = None
        self.feed(markup)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        has = {name: value or "" for name, value in attrs}
        if "id" in has:
            self.ids.append(has["id"])
        if tag == "label" and "for" in has:
            self.labels.add(has["for"])
        if tag == "a" and "href" in has:
            self.links.append(has["href"])
        if tag == "h1":
            self.headings.append("")
        if tag == "form":
            self._form = {"action": has.get("action", ""), "method": has.get("method", "get").lower(), "fields": []}
            self.forms.append(self._form)
        if tag in ("input", "select", "textarea"):
            self.boxes.append((tag, has, "label" in self._open))
        self._collect(tag, has)
        if tag not in VOID:
            self._open.append(tag)

    def _collect(self, tag: str, has: dict[str, str]) -> None:
        if self._form is None:
            return
        fields = self._form["fields"]
        if tag == "input" and "name" in has and has.get("type") not in ("submit", "button"):
            if has.get("type") in ("radio", "checkbox") and "checked" not in has:
                return
            fields.append((has["name"], has.get("value", "on" if has.get("type") == "checkbox" else "")))
        if tag == "select" and "name" in has:
            self._select = has
        if tag == "option" and self._select is not None and "selected" in has:
            fields.append((self._select["name"], has.get("value", "")))
        if tag == "textarea" and "name" in has:
            self._area = has
            fields.append((has["name"], ""))

    def handle_endtag(self, tag: str) -> None:
        if tag in self._open:
            while self._open and self._open.pop() != tag:
                pass
        if tag == "form":
            self._form = None
        if tag == "select":
            self._select = None
        if tag == "textarea":
            self._area = None

    def handle_data(self, data: str) -> None:
        self.words += data
        if "title" in self._open and "svg" not in self._open:
            self.title += data
        if "h1" in self._open:
            self.headings[-1] += data
        if self._area is not None and self._form is not None:
            name, text = self._form["fields"].pop()
            self._form["fields"].append((name, text + data.removeprefix("\n") if not text else text + data))

    def form(self, action: str) -> dict[str, Any]:
        """The one form that posts to `action`."""
        found = [form for form in self.forms if form["action"].split("?")[0] == action]
        assert found, f"no form posts to {action}; there are {[form['action'] for form in self.forms]}"
        return found[0]

    def filled(self, action: str, data: Mapping[str, Any] | None = None) -> tuple[str, dict[str, list[Any]]]:
        """Where the form that posts to `action` goes, and its fields as they stand with `data` typed into it."""
        form = self.form(action)
        fields: dict[str, list[Any]] = {}
        for name, value in form["fields"]:
            fields.setdefault(name, []).append(value)
        for name, value in (data or {}).items():
            fields[name] = list(value) if isinstance(value, list | tuple) else [value]
        return form["action"], fields


def check_page(response: TestResponse) -> Page:
    """Read a whole HTML page and demand what every page must have."""
    page = Page(response.text)
    where = f"{response.request.path} ({response.status_code})"
    assert page.title.strip(), f"{where} has no title"
    assert len(page.headings) == 1, f"{where} has {len(page.headings)} h1"
    assert page.headings[0].strip(), f"{where} has an empty h1"
    twice = {name for name in page.ids if page.ids.count(name) > 1}
    assert not twice, f"{where} has ids twice: {twice}"
    check_boxes_and_forms(page, where)
    return page


def check_boxes_and_forms(page: Page, where: str) -> None:
    """Demand a label for each box and the hidden fields in each posting form."""
    for tag, has, inside_label in page.boxes:
        if tag == "input" and has.get("type") in NO_LABEL:
            continue
        labelled = inside_label or has.get("id") in page.labels or "aria-label" in has or "aria-labelledby" in has
        assert labelled, f"{where}: no label for {has.get('name') or has.get('id')}"
    for form in page.forms:
        if form["method"] == "post":
            names = dict(form["fields"])
            assert names.get("csrf_token"), f"{where}: form {form['action']} has no csrf_token"
            if not NO_KEY.search(form["action"]):
                assert names.get("idempotency_key"), f"{where}: form {form['action']} has no idempotency_key"


def check_headers(response: TestResponse) -> None:
    """Demand the headers every answer must have."""
    policy = response.headers.get("Content-Security-Policy", "")
    missing = [part for part in POLICY_PARTS if part not in policy]
    assert not missing, f"{response.request.path}: the content policy lacks {missing}"
    assert "unsafe" not in policy
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert response.headers["Permissions-Policy"]
    assert response.headers["Cache-Control"]


class StrictClient(FlaskClient):
    """Flask's test client, strict about every page. `csrf_token` is set for a client that is signed in."""

    csrf_token: str = ""

    def open(self, *args: Any, **kwargs: Any) -> TestResponse:
        response = super().open(*args, **kwargs)
        if response.request.path.startswith("/static/"):
            return response
        if response.mimetype == "text/html":
            check_headers(response)
            if not response.location and "<!doctype" in response.text[:20].lower():
                check_page(response)
        return response

    def page(self, path: str, status: int = 200, **options: Any) -> Page:
        """Get a page that answers with `status` and read it."""
        response = self.get(path, **options)
        assert response.status_code == status, f"{path} answered {response.status_code} {response.location or ''}"
        return Page(response.text)

    def submit(self, page: Page, action: str, data: Mapping[str, Any] | None = None, **options: Any) -> TestResponse:
        """Send the page's form that posts to `action`, with `data` typed into it."""
        address, fields = page.filled(action, data)
        return self.post(address, data=fields, **options)

    def send(
        self,
        path: str,
        data: Mapping[str, Any] | None = None,
        *,
        key: str | None = "test-key-0123456789",
        version: int | None = None,
        **options: Any,
    ) -> TestResponse:
        """Post without a page: protection token, idempotency key and seen version are added."""
        fields: dict[str, Any] = {"csrf_token": self.csrf_token, **(data or {})}
        if key is not None:
            fields.setdefault("idempotency_key", key)
        if version is not None:
            fields["seen_version"] = version
        return self.post(path, data=fields, **options)
