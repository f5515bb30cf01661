"""Every page each role can reach, in a real browser over the demo clinic (ui.md section 14).

A walk with the test client finds the pages; the browser then opens one of each pattern, and sends the forms that only
preview. All faults of a role are told at once.
"""

import gzip
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Request

from tests.house.conftest import NOBODY, WHO, Stage
from tests.support.axe import axe_faults, sideways_overflow
from tests.support.chromium import screen
from tests.support.demo import A_DAY
from tests.support.walker import Seen, WalkedPage

COOKIE = "planner"
ABORTED = "net::ERR_ABORTED"
LEAST_WORDS = 0.8
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
    "/sign-in/code": "in the midst of signing in: tests/web/auth",
    "/account/second-factor/confirm": "loaded again after its form, it leads back",
    "/account/second-factor/change": "loaded again after its form, it leads back",
    "/admin/accounts/new/link": "loaded again after its form, it leads back",
    "/admin/accounts/<id:account_id>/reset": "loaded again after its form, it leads back",
    "/admin/accounts/invitations/<id:invitation_id>/renew": "loaded again after its form, it leads back",
    "/patients/<id:patient_id>/portal/<any(invite,renew,reset):act>": "loaded again after its form, it leads back",
    "/my/calendar/new": "loaded again after its form, it leads back",
    "/my/dates/<id:appointment_id>/change/confirm": "loaded again after its form, it leads back",
    "/admin/instances/<id:run_id>": "after a file was checked: tests/web/instances",
    "/setup": "while nobody can sign in: tests/journeys/test_first_run.py",
    "/setup/<token>": "printed where the planner is started: tests/journeys/test_first_run.py",
}

#: Forms that show up only when something is the matter, and where they are tried.
SELDOM = {
    "/courses/new/<id:draft_id>/4/widen": "when no plan fits: tests/web/planning",
    "/courses/new/<id:draft_id>/5/keep": "when times were kept for too long: tests/web/planning",
    "/account/prove": "when the last proof is too old: tests/web/test_taking_out.py",
    "/admin/instances": "while the clinic is empty: tests/web/instances",
    "/admin/instances/plan.json": "in a clinic that came from an instance: tests/web/instances",
    "/admin/protocols/<id:protocol_id>/undo": "while a draft has a last change: tests/web/protocols",
    "/admin/instances/<id:run_id>/bring-in": "after a file was checked: tests/web/instances",
    "/admin/instances/<id:run_id>/give-up": "after a file was checked: tests/web/instances",
    "/admin/instances/plans": "in a clinic that came from an instance: tests/web/instances",
    "/admin/demo/fill": "while the clinic is empty: tests/journeys/test_first_run.py",
    "/admin/audit/reads/download": "while there are reads to look at: tests/web/accounts/test_reading.py",
    "/admin/accounts/<id:account_id>/reopen": "when an account has ended: tests/web/accounts",
    "/admin/accounts/<id:account_id>/factor/<any(ask,agree,keep):act>": "when codes are on: tests/web/accounts",
    "/patients/<id:patient_id>/portal/factor/<any(ask,agree,keep):act>": "when codes are on: tests/web/accounts",
    "/infusions/<id:appointment_id>/session": "when there are several ways out: tests/web/infusions",
    "/rosters/<week:monday>/draft/base": "when a week was published while it was drafted: tests/web/rosters",
    "/rosters/ahead/publish": "while weeks to come are free: tests/web/rosters",
    "/rosters/absences/<id:absence_id>/end": "while somebody is away: tests/web/rosters",
    "/rosters/reassign/<id:person_id>": "when somebody left who is still booked: tests/web/rosters",
    "/rosters/reassign/<id:person_id>/changes": "when somebody left who is still booked: tests/web/rosters",
}
#: Pages that are one kind although they have several addresses.
ONE_KIND = {
    "/courses/new": "/courses/new/<id:draft_id>/1",
    "/rosters": "/rosters/<week:monday>",
    "/integration/<id:appointment_id>/move": "/infusions/<id:appointment_id>/move",
    "/integration/<id:appointment_id>/cancel": "/infusions/<id:appointment_id>/cancel",
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
SEND = """([action, day]) => {
  const form = [...document.forms].find(f => f.method === 'post' && new URL(f.action).pathname === action);
  const named = new Set([...form.elements].filter(e => e.type === 'radio').map(e => e.name));
  for (const name of named) {
    const all = [...form.elements].filter(e => e.name === name && !e.disabled);
    if (all.length && !all.some(e => e.checked)) all[0].checked = true; }
  for (const e of form.elements) {
    if (e.type === 'date' && !e.value) e.value = day;
    if (e.tagName === 'SELECT' && !e.value) e.value = [...e.options].map(o => o.value).find(v => v) || ''; }
  form.noValidate = true; form.removeAttribute('hx-post'); form.submit(); }"""


@dataclass(frozen=True)
class Budget:
    """What one page may weigh: compressed KiB, requests, elements (ui.md section 14)."""

    script: int
    style: int
    all: int
    requests: int = 12
    elements: int = 2500


FOR_PATIENTS = (NOBODY, "patient")
PATIENT = Budget(script=0, style=10, all=40)
STAFF = Budget(script=25, style=12, all=100)


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
        # What the next page put an end to did not fail.
        page.on("requestfailed", lambda asked: self._note(asked.failure != ABORTED, f"failed: {asked.url}"))
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


def to_open(stage: Stage, who: str, width: int) -> list[Seen]:
    """One page of each pattern. On a desk, pages that the coordinator has opened there are not opened once more."""
    pages = stage.walk(who).one_of_each()
    if width == 390 or who in (*FOR_PATIENTS, "coordinator"):
        return pages
    known = {(one.pattern, one.by_form) for one in stage.walk("coordinator").one_of_each()} - {("/today", False)}
    return [one for one in pages if (one.pattern, one.by_form) not in known]


def show(stage: Stage, page: Page, one: Seen) -> None:
    """Open the page by its address, or by sending the form that leads to it."""
    if not one.by_form:
        page.goto(stage.url + one.path)
        return
    page.goto(stage.url + one.sent_from)
    with page.expect_navigation():
        page.evaluate(SEND, [one.path, A_DAY])


def look_over(stage: Stage, page: Page, one: Seen, who: str, width: int) -> list[str]:
    """The faults of the page as it stands."""
    facts = page.evaluate(FACTS)
    faults = [f"axe: {fault}" for fault in axe_faults(page)]
    faults += [f"{facts[what]} {what}" for what in ("h1", "main") if facts[what] != 1]
    faults += [] if facts["lang"] == "en" else [f"lang is {facts['lang']!r}"]
    faults += [] if facts["skip"] else ["the first thing to reach is no link to the content"]
    faults += weigh(stage, one, facts, PATIENT if who in FOR_PATIENTS else STAFF)
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


def weigh(stage: Stage, one: Seen, facts: dict[str, Any], budget: Budget) -> list[str]:
    """Compare what the page loads, compressed as a server in front would, with its budget."""
    sizes = {"script": 0.0, "style": 0.0, "all": zipped(one.markup.encode())}
    for loaded in facts["loaded"]:
        size = compressed(stage, urlsplit(loaded).path)
        sizes["all"] += size
        kind = {".js": "script", ".css": "style"}.get(Path(urlsplit(loaded).path).suffix)
        if kind:
            sizes[kind] += size
    faults = [f"{kind} is {size:.1f} KiB" for kind, size in sizes.items() if size > getattr(budget, kind)]
    faults += [f"{facts['elements']} elements"] if facts["elements"] > budget.elements else []
    faults += [f"{len(facts['loaded']) + 1} requests"] if len(facts["loaded"]) + 1 > budget.requests else []
    return faults


def compressed(stage: Stage, path: str) -> float:
    with stage.demo.app.test_client().get(path) as answer:
        return zipped(answer.data)


@cache
def zipped(body: bytes) -> float:
    return len(gzip.compress(body, 6)) / KIB


@pytest.mark.parametrize("width", [390, 1440])
@pytest.mark.parametrize("who", WHO)
def test_every_page_a_role_can_reach_is_sound(browser: Browser, stage: Stage, who: str, width: int) -> None:
    faults = []
    with screen(browser, width, base_url=stage.url) as context:
        enter(stage, context, who)
        page = context.new_page()
        watch = Watch(page, stage.url)
        for one in to_open(stage, who, width):
            show(stage, page, one)
            found = look_over(stage, page, one, who, width) + watch.since_last()
            faults += [f"{one.path}{', by its form' if one.by_form else ''}: {fault}" for fault in found]
    assert not faults, f"{len(faults)} faults\n" + "\n".join(faults)


@pytest.mark.parametrize("who", FOR_PATIENTS)
def test_pages_for_patients_need_no_script(browser: Browser, stage: Stage, who: str) -> None:
    faults = []
    with (
        screen(browser, 390, base_url=stage.url) as scripted,
        screen(browser, 390, scripts=False, base_url=stage.url) as plain,
    ):
        pages = []
        for context in (scripted, plain):
            enter(stage, context, who)
            pages.append(context.new_page())
        for one in stage.walk(who).one_of_each():
            if not one.by_form:
                full, bare = (words_at(page, stage.url + one.path) for page in pages)
                faults += [f"{one.path}: {bare} of {full} signs without scripts"] if bare < full * LEAST_WORDS else []
    assert not faults, "\n".join(faults)
    assert not [one.path for one in stage.walk(who).seen if "<script" in one.markup]


def words_at(page: Page, url: str) -> int:
    page.goto(url)
    return len(" ".join(page.inner_text("body").split()))


@pytest.mark.parametrize("who", WHO)
def test_no_link_is_dead(stage: Stage, who: str) -> None:
    assert stage.walk(who).dead == []


@pytest.mark.parametrize("who", WHO)
def test_no_two_kinds_of_page_have_one_title(stage: Stage, who: str) -> None:
    titles: dict[str, set[str]] = {}
    for one in stage.walk(who).one_of_each():
        if not one.by_form:
            titles.setdefault(one.page.title.strip(), set()).add(ONE_KIND.get(one.pattern, one.pattern))
    assert {title: kinds for title, kinds in titles.items() if len(kinds) > 1} == {}


def test_a_page_that_is_not_there_is_sound_too(browser: Browser, stage: Stage) -> None:
    faults = []
    for who in (NOBODY, "coordinator", "patient"):
        answer = stage.client(who).get("/nothing-here")
        one = Seen("/nothing-here", "/nothing-here", WalkedPage(answer.text), answer.text)
        with screen(browser, 390, base_url=stage.url) as context:
            enter(stage, context, who)
            page = context.new_page()
            page.goto("/nothing-here")
            faults += [f"{who}: {fault}" for fault in look_over(stage, page, one, who, 390)]
    assert not faults, "\n".join(faults)


def test_somebody_is_led_to_every_page(stage: Stage) -> None:
    opened = set().union(*(stage.walk(who).opened for who in WHO))
    there = {rule.rule for rule in stage.demo.app.url_map.iter_rules() if "GET" in (rule.methods or ())}
    assert there - opened - NOT_LINKED.keys() == set()


def test_some_form_sends_to_every_address_that_takes_one(stage: Stage) -> None:
    posted = set().union(*(stage.walk(who).posted for who in WHO))
    there = {rule.rule for rule in stage.demo.app.url_map.iter_rules() if "POST" in (rule.methods or ())}
    assert there - posted - NOT_LINKED.keys() - SELDOM.keys() == set()
