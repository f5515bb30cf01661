"""Walks through the pages as people do: from a role's first page along every link, and through forms that only look.

Bounded: of each address pattern a few pages are read. Nothing is changed: a form is sent only when its view says that
sending it again does no harm.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urljoin, urlsplit

from flask import Flask
from werkzeug.exceptions import HTTPException
from werkzeug.routing import RequestRedirect

from planner.web.access import repetition_of
from tests.support.strict_client import Page, StrictClient

#: How many pages of one pattern are read by one role; each further link to the pattern is not.
MOST_PER_PATTERN = 3
#: Links that end the walk.
NOT_FOLLOWED = ("/sign-out",)
SEE_OTHER = (301, 302, 303, 307, 308)
#: Forms of these are sent by nobody who only looks: signing in and out, steps of a plan, tickets, new passwords,
#: files taken out.
NOT_SENT = (
    "auth.", "planning.", "feeds.", "accounts.download_audit", "accounts.join", "accounts.reset", "instances.instance",
    "instances.plan", "spreadsheets.export",
)  # fmt: skip


class WalkedPage(Page):
    """A page whose forms know what a person would choose first where nothing is chosen yet."""

    def _collect(self, tag: str, has: dict[str, str]) -> None:
        super()._collect(tag, has)
        if self._form is None:
            return
        first: dict[str, str] = self._form.setdefault("first", {})
        if tag == "input" and has.get("type") == "radio" and "name" in has and "disabled" not in has:
            first.setdefault(has["name"], has.get("value", "on"))
        if tag == "input" and has.get("type") == "date" and has.get("name") and not has.get("value"):
            self._form.setdefault("days", set()).add(has["name"])
        if tag == "option" and self._select is not None and has.get("value"):
            first.setdefault(self._select.get("name", ""), has["value"])


def filled_in(form: dict[str, object], day: str = "") -> dict[str, list[str]]:
    """What a browser sends for the form, with the first choice taken where none is and `day` in empty dates."""
    fields: dict[str, list[str]] = {}
    for name, value in form["fields"]:  # type: ignore[attr-defined]
        fields.setdefault(name, []).append(value)
    for name, value in form.get("first", {}).items():  # type: ignore[attr-defined]
        fields.setdefault(name, [value])
    if day:
        fields |= {name: [day] for name in form.get("days", ())}  # type: ignore[attr-defined]
    return fields


@dataclass(frozen=True)
class Seen:
    """One page that was read: its pattern, its address, what it said. `sent_from` is the page whose form led here."""

    pattern: str
    path: str
    page: Page
    markup: str
    sent_from: str = ""

    @property
    def by_form(self) -> bool:
        """Whether a form led here and no link does."""
        return bool(self.sent_from)


@dataclass
class Walk:
    """Everything one role came across."""

    seen: list[Seen] = field(default_factory=list)
    dead: list[str] = field(default_factory=list)
    #: Patterns that some form on some page posts to.
    posted: set[str] = field(default_factory=set)
    #: Links that lead away from the planner.
    foreign: set[str] = field(default_factory=set)
    #: Patterns of everything that some link led to, addresses that only lead on included.
    opened: set[str] = field(default_factory=set)

    def one_of_each(self) -> list[Seen]:
        """The first page of each pattern, by link and by form."""
        first: dict[tuple[str, bool], Seen] = {}
        for one in self.seen:
            first.setdefault((one.pattern, one.by_form), one)
        return list(first.values())


class Walker:
    """One person's walk; `walk` gives what was found. `day` is typed wherever a day is asked for."""

    def __init__(self, app: Flask, client: StrictClient, day: str) -> None:
        self._day = day
        self._urls = app.url_map.bind("localhost")
        self._views = app.view_functions
        self._client = client
        self._read: Counter[str] = Counter()
        self._known: set[str] = set()
        self._sent: Counter[str] = Counter()
        self._found = Walk()

    def walk(self, starts: Iterable[str] = ("/",)) -> Walk:
        """Follow every link from these addresses on."""
        waiting = deque((start, "") for start in starts)
        while waiting:
            path, came_from = waiting.popleft()
            if path in self._known:
                continue
            self._known.add(path)
            pattern = self._pattern(path)
            if pattern is None:
                self._found.dead.append(f"{came_from} leads to {path}, which is no address of ours")
            elif self._read[self._kind(pattern, path)] < MOST_PER_PATTERN:
                self._read[self._kind(pattern, path)] += 1
                waiting.extend(self._look_at(path, pattern, came_from))
        return self._found

    def _pattern(self, path: str, method: str = "GET") -> str | None:
        try:
            rule, _ = self._urls.match(urlsplit(path).path, method=method, return_rule=True)
        except (HTTPException, RequestRedirect):
            return None
        return str(rule.rule)

    @staticmethod
    def _kind(pattern: str, path: str) -> str:
        return f"{pattern}?{'&'.join(sorted(parse_qs(urlsplit(path).query)))}"

    def _look_at(self, path: str, pattern: str, came_from: str) -> list[tuple[str, str]]:
        self._found.opened.add(pattern)
        answer = self._client.get(path)
        if answer.status_code in SEE_OTHER:
            return [(_local(answer.location or ""), path)]
        if answer.status_code >= 400:
            self._found.dead.append(f"{came_from} leads to {path}, which answers {answer.status_code}")
        if answer.mimetype != "text/html" or answer.status_code >= 400:
            return []
        return self._take(Seen(pattern, path, WalkedPage(answer.text), answer.text))

    def _take(self, one: Seen) -> list[tuple[str, str]]:
        self._found.seen.append(one)
        following = [(link, one.path) for link in self._links(one)]
        for form in one.page.forms:
            action = _local(urljoin(one.path, form["action"] or one.path))
            if form["method"] == "get":
                following.append((action, one.path))
            elif form["method"] == "post":  # the third kind closes a dialog and sends nothing
                following += self._send(one, form, action)
        return following

    def _links(self, one: Seen) -> list[str]:
        found = []
        for link in one.page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                self._found.foreign.add(link)
            elif link.startswith("#"):
                if link[1:] not in one.page.ids:
                    self._found.dead.append(f"{one.path} leads to {link}, which is not on it")
            elif not parts.path.startswith(NOT_FOLLOWED):
                found.append(_local(urljoin(one.path, link)))
        return found

    def _send(self, one: Seen, form: dict[str, object], action: str) -> list[tuple[str, str]]:
        pattern = self._pattern(action, "POST")
        if pattern is None:
            self._found.dead.append(f"{one.path} has a form for {action}, which takes none")
            return []
        self._found.posted.add(pattern)
        if self._sent[pattern] or not self._only_looks(action):
            return []
        self._sent[pattern] += 1
        answer = self._client.post(action, data=filled_in(form, self._day))
        if answer.status_code in SEE_OTHER:
            return [(_local(answer.location or ""), one.path)]
        if answer.status_code >= 500 or answer.mimetype != "text/html":
            self._found.dead.append(f"{one.path}: the form for {action} answers {answer.status_code}")
            return []
        return self._take(Seen(pattern, action, WalkedPage(answer.text), answer.text, sent_from=one.path))

    def _only_looks(self, action: str) -> bool:
        """Whether the form's view says that sending it twice does no harm."""
        endpoint, _ = self._urls.match(urlsplit(action).path, method="POST")
        return repetition_of(self._views[endpoint]) not in (None, "once") and not endpoint.startswith(NOT_SENT)


def _local(address: str) -> str:
    parts = urlsplit(address)
    return parts.path + (f"?{parts.query}" if parts.query else "")
