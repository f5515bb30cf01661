"""What stands around every page: the way to other pages, who is signed in, and how it looks."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from typing import Any

from flask import Flask, current_app, g, request, url_for
from werkzeug.exceptions import HTTPException

from planner.domain.access import Permission, Principal, may
from planner.services.signing_in import SignedIn
from planner.store.queries.accounts import the_clinic
from planner.web.access import address, signed_in
from planner.web.clock import now
from planner.web.db import own_reading
from planner.web.filters import day_words
from planner.web.security import nonce

NO_NAME = "Planner"
WARNING_MINUTES = 2
KEY_BYTES = 24

#: Address, words, and what one must hold to see the link. In this order, six at most.
STAFF_LINKS: tuple[tuple[str, str, Permission], ...] = (
    ("/today", "Today", Permission.TODAY_READ),
    ("/board", "Board", Permission.APPOINTMENTS_READ),
    ("/courses", "Courses", Permission.COURSES_READ),
    ("/rosters", "Rosters", Permission.ROSTERS_READ),
    ("/feeds", "Calendar", Permission.OWN_FEEDS),
    ("/admin", "Settings", Permission.CLINIC_READ),
)
PATIENT_LINKS: tuple[tuple[str, str, Permission], ...] = (
    ("/my", "My plan", Permission.PORTAL),
    ("/my/calendar", "Calendar", Permission.OWN_FEEDS),
    ("/my/help", "Help", Permission.PORTAL),
)


@dataclass(frozen=True, slots=True)
class Link:
    """One item of the navigation."""

    label: str
    url: str
    current: bool


@dataclass(frozen=True, slots=True)
class PersonMenu:
    """Who is signed in, and where that leads."""

    name: str
    site: str
    links: tuple[tuple[str, str], ...]
    sign_out_url: str


@dataclass(frozen=True, slots=True)
class IdleWarning:
    """When to ask “Are you still there?”, and the address that says yes."""

    after_minutes: int
    stay_url: str


@dataclass(frozen=True, slots=True)
class ClinicWords:
    """What every page says about the clinic."""

    name: str = NO_NAME
    is_demo: bool = False
    staff_idle_minutes: int = 15


def set_up_navigation(app: Flask) -> None:
    """Give every template what the layouts show, `new_key()` for forms, and `present()` for the head of a sheet."""
    app.context_processor(page_surroundings)
    app.jinja_env.globals["new_key"] = new_key
    app.jinja_env.globals["present"] = now


def new_key() -> str:
    """A fresh idempotency key for a form that is being shown."""
    return secrets.token_urlsafe(KEY_BYTES)


def first_page(person: SignedIn) -> str:
    """Where a role begins."""
    return "/today" if person.is_staff else "/my"


def page_surroundings() -> dict[str, Any]:
    """The context of every page; see the layouts for what each is for."""
    clinic = _clinic_words()
    around: dict[str, Any] = {
        "clinic_name": clinic.name,
        "demo_clinic": clinic.is_demo,
        "csp_nonce": nonce(),
        "home_url": "/",
        "navigation": (),
        "person": None,
        "theme": None,
        "idle_warning": None,
        "find_url": None,
        "reads_until": None,
    }
    person = signed_in()
    if person is not None:
        around |= _surroundings_of(person, clinic)
    return around


def _surroundings_of(person: SignedIn, clinic: ClinicWords) -> dict[str, Any]:
    around: dict[str, Any] = {
        "home_url": first_page(person),
        "reads_until": f"{day_words(person.reads_until)} {person.reads_until.year}" if person.reads_until else None,
        "navigation": _links(person.principal(address()), STAFF_LINKS if person.is_staff else PATIENT_LINKS),
        "person": PersonMenu(
            name=person.name,
            site=_site_words(person.sites),
            links=((url_for("auth.account"), "Your account"), (url_for("auth.browsers"), "Where you are signed in")),
            sign_out_url=url_for("auth.sign_out"),
        ),
        "theme": person.theme or None,
        "density": person.density,
    }
    if person.is_staff:
        around["find_url"] = url_for("finding.results")
        menu: PersonMenu = around["person"]
        around["person"] = replace(menu, links=((url_for("finding.results"), "Opened lately"), *menu.links))
        minutes = max(1, clinic.staff_idle_minutes - WARNING_MINUTES)
        around["idle_warning"] = IdleWarning(minutes, url_for("auth.account"))
    return around


def _site_words(sites: tuple[tuple[int, str], ...]) -> str:
    return sites[0][1] if len(sites) == 1 else f"{len(sites)} sites" if sites else ""


def _links(principal: Principal, links: tuple[tuple[str, str, Permission], ...]) -> tuple[Link, ...]:
    shown = [(url, label) for url, label, needed in links if may(principal, needed) and page_exists(url)]
    here = max((url for url, _ in shown if _is_below(url)), key=len, default=None)
    return tuple(Link(label, url, url == here) for url, label in shown)


def _is_below(url: str) -> bool:
    return request.path == url or request.path.startswith(url + "/")


def page_exists(url: str) -> bool:
    """Whether an address of ours leads to a page."""
    known: dict[str, bool] = current_app.extensions.setdefault("planner_addresses", {})
    if url not in known:
        try:
            known[url] = bool(current_app.url_map.bind("localhost").match(url, method="GET"))
        except HTTPException:
            known[url] = False
    return known[url]


def _clinic_words() -> ClinicWords:
    if "clinic_words" not in g:
        g.clinic_words = ClinicWords()
        if g.get("session_fault") is None:
            with own_reading() as db:
                clinic = the_clinic(db)
            if clinic is not None:
                g.clinic_words = ClinicWords(clinic.name, clinic.is_demo, clinic.staff_idle_minutes)
    found: ClinicWords = g.clinic_words
    return found
