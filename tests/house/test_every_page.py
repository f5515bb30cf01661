"""Every page each role can reach, in a real browser over the demo clinic (ui.md section 14).

A walk with the test client finds the pages; the browser then opens one of each pattern, and sends the forms that only
preview. All faults of a role are told at once.
"""

import gzip
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Request

from tests.support.axe import axe_faults, sideways_overflow
from tests.support.chromium import screen
from tests.support.demo import ROLES, Demo, demo_clinic, live_in
from tests.support.server import serve
from tests.support.walker import Seen, Walk, Walker

NOBODY = "nobody"
WHO = (NOBODY, *ROLES)
COOKIE = "planner"
NARROWEST, TABLET = (320, 800), (768, 1024)
KIB = 1024

#: Addresses that no page needs to lead to, and why.
NOT_LINKED = {
    "/static/<path:filename>": "what pages load",
    "/healthz": "asked by machines",
    "/readyz": "asked by machines",
    "/robots.txt": "asked by machines",
    "/c/<token>/appointments.ics": "in the calendar programs it was given to",
    "/csp-reports": "sent by browsers",
    "/feeds/new": "loaded again after its form, it leads back",
    "/feeds/<id:feed_id>/renew": "loaded again after its form, it leads back",
    "/my/calendar/new": "loaded again after its form, it leads back",
    "/my/dates/<id:appointment_id>/change/confirm": "loaded again after its form, it leads back",
}

PUT_SPACES = """() => { for (const e of document.querySelectorAll('body *')) {
  e.style.lineHeight = '1.5'; e.style.letterSpacing = '.12em'; e.style.wordSpacing = '.16em';
  if (e.tagName === 'P') e.style.marginBottom = '2em'; } }"""
FACTS = """() => ({
  title: document.title, lang: document.documentElement.lang, h1: document.querySelectorAll('h1').length,
  main: document.querySelectorAll('main').length, elements: document.querySelectorAll('*').length,
  skip: (() => { const first = document.querySelector('a[href], button, input, select, textarea');
    const to = first && first.getAttribute('href') || '';
    return to.startsWith('#') && !!document.getElementById(to.slice(1)) })(),
  loaded: [...new Set(performance.getEntriesByType('resource').map(e => e.name))],
  text: document.body.innerText.replace(/\\s+/g, ' ').length })"""
SEND = """([action, choices]) => {
  const form = [...document.forms].find(f => f.method === 'post' && new URL(f.action).pathname === action);
  const named = new Set([...form.elements].filter(e => e.type === 'radio').map(e => e.name));
  for (const name of named) {
    const all = [...form.elements].filter(e => e.name === name && !e.disabled);
    if (all.length && !all.some(e => e.checked)) all[0].checked = true; }
  form.noValidate = true; form.removeAttribute('hx-post'); form.submit(); }"""


@dataclass(frozen=True)
class Budget:
    """What one page may weigh: compressed KiB, requests, elements (ui.md section 14)."""

    script: int
    style: int
    all: int
    requests: int = 12
    elements: int = 2500


PATIENT = Budget(script=0, style=10, all=40)
STAFF = Budget(script=25, style=12, all=100)


@dataclass(frozen=True)
class Stage:
    """The demo clinic being served, and what each role can reach in it."""

    demo: Demo
    url: str
    walks: dict[str, Walk]


@pytest.fixture(scope="module")
def stage(sqlite_template: Path) -> Iterator[Stage]:
    file = sqlite_template.with_name("every-page.sqlite3")
    file.write_bytes(sqlite_template.read_bytes())
    with demo_clinic(f"sqlite:///{file}") as demo:
        live_in(demo)
        walks = {who: Walker(demo.app, client_of(demo, who)).walk(starts(demo, who)) for who in WHO}
        with serve(demo.app) as server:
            yield Stage(demo, server.url, walks)


def client_of(demo: Demo, who: str) -> Any:
    return demo.client(None if who == NOBODY else who)


def starts(demo: Demo, who: str) -> list[str]:
    return ["/", *demo.landings.get(who, [])]


def enter(stage: Stage, context: BrowserContext, who: str) -> None:
    if who != NOBODY:
        context.add_cookies([{"name": COOKIE, "value": stage.demo.cookie(who), "url": stage.url}])


class Watch:
    """Everything a page does that it should not: what the console says, what it asks for and does not get."""

    def __init__(self, page: Page, url: str) -> None:
        self.faults: list[str] = []
        self._url = url
        page.on("console", lambda said: self._note(said.type in ("error", "warning"), f"console: {said.text}"))
        page.on("pageerror", lambda error: self._note(True, f"script: {error}"))
        page.on("request", self._asked)
        page.on("requestfailed", lambda asked: self._note(True, f"failed: {asked.url}"))
        page.on("response", lambda got: self._note(got.status >= 400, f"{got.url} answered {got.status}"))

    def _asked(self, request: Request) -> None:
        foreign = not request.url.startswith((self._url + "/", "data:"))
        self._note(foreign, f"asks another machine: {request.url}")
        self._note(request.url.endswith("/csp-reports"), "breaks the content policy")

    def _note(self, wrong: bool, what: str) -> None:
        if wrong:
            self.faults.append(what)

    def since_last(self) -> list[str]:
        found, self.faults = self.faults, []
        return found


def show(stage: Stage, page: Page, one: Seen) -> None:
    """Open the page by its address, or by sending the form that leads to it."""
    if not one.by_form:
        page.goto(stage.url + one.path)
        return
    page.goto(stage.url + one.sent_from)
    with page.expect_navigation():
        page.evaluate(SEND, [one.path, ""])


def look_over(stage: Stage, page: Page, who: str, width: int) -> list[str]:
    """The faults of the page as it stands."""
    facts = page.evaluate(FACTS)
    faults = [f"axe: {fault}" for fault in axe_faults(page)]
    faults += [f"{facts[what]} {what}" for what in ("h1", "main") if facts[what] != 1]
    faults += [] if facts["lang"] == "en" else [f"lang is {facts['lang']!r}"]
    faults += [] if facts["skip"] else ["the first thing to reach is no link to the content"]
    faults += weigh(stage, page.url, facts, PATIENT if who in ("patient", NOBODY) else STAFF)
    faults += overflows(page, width)
    if width == 1440:
        page.emulate_media(color_scheme="dark")
        faults += [f"axe, dark: {fault}" for fault in axe_faults(page, only=("color-contrast",))]
        page.emulate_media(color_scheme="light")
    return faults


def overflows(page: Page, width: int) -> list[str]:
    faults = [f"{width} px: scrolls sideways by {over} px"] if (over := sideways_overflow(page)) else []
    usual = page.viewport_size
    narrow = NARROWEST if width == 390 else TABLET
    page.set_viewport_size({"width": narrow[0], "height": narrow[1]})
    faults += [f"{narrow[0]} px: scrolls sideways by {over} px"] if (over := sideways_overflow(page)) else []
    page.set_viewport_size(usual or {"width": width, "height": 900})
    if width == 390:
        page.evaluate(PUT_SPACES)
        faults += [f"with wide text: scrolls sideways by {over} px"] if (over := sideways_overflow(page)) else []
    return faults


def weigh(stage: Stage, url: str, facts: dict[str, Any], budget: Budget) -> list[str]:
    """Compare what the page loads, compressed as a server in front would, with its budget."""
    sizes = {"script": 0.0, "style": 0.0, "all": 0.0}
    for loaded in facts["loaded"]:
        size = compressed(stage, urlsplit(loaded).path)
        sizes["all"] += size
        kind = {".js": "script", ".css": "style"}.get(Path(urlsplit(loaded).path).suffix)
        if kind:
            sizes[kind] += size
    sizes["all"] += facts["html"]
    faults = [f"{kind} is {size:.1f} KiB" for kind, size in sizes.items() if size > getattr(budget, kind)]
    faults += [f"{facts['elements']} elements"] if facts["elements"] > budget.elements else []
    faults += [f"{len(facts['loaded']) + 1} requests"] if len(facts["loaded"]) + 1 > budget.requests else []
    return faults


@cache
def _zipped(body: bytes) -> float:
    return len(gzip.compress(body, 6)) / KIB


def compressed(stage: Stage, path: str) -> float:
    return _zipped(stage.demo.app.test_client().get(path).data)
